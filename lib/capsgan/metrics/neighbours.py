"""Nearest neighbours: precision and recall, density and coverage, and how near generated images are to training images.

Features are numbers [n, d] (real) and [m, d] (generated), more of each than ``neighbours``. Distances are computed
``BLOCK`` rows at a time, so that 10,000 samples against 10,000 need no matrix of 800 MB; it does not change the result.
"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.neighbors import NearestNeighbors

from ..checks import check_features, check_images, require
from ..gans.inference import chunks
from .cache import remembered

BLOCK = 512  # rows at once
WIDE_BLOCK = 8192  # training images at once
ROUNDING = 1e-14  # of a squared distance, as a part of the longest vector's square


@remembered
def precision_recall(real: np.ndarray, generated: np.ndarray, *, neighbours: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991, equations 1 and 2).

    Each sample has a ball that reaches to its k-th nearest neighbour of the same kind. Precision is the share of
    generated samples inside the ball of any real one, recall that of real samples inside any generated one's.
    """
    real, generated = _prepare(real, generated, neighbours)
    shares = []
    for centres, samples in ((real, generated), (generated, real)):
        radii = _squared_radii(centres, neighbours)
        inside = sum(int((rows <= radii).any(axis=1).sum()) for rows in _squared_distances(samples, centres))
        shares.append(inside / len(samples))
    return shares[0], shares[1]


@remembered
def density_coverage(real: np.ndarray, generated: np.ndarray, *, neighbours: int = 5) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, arXiv:2002.09797, section 3).

    With the balls of :func:`precision_recall` around the real samples only. Density counts the balls that contain a
    generated sample, divided by k: unlike precision it does not reward the wide ball of a single outlier. Coverage is
    the share of balls with a generated sample inside. For equal distributions and large n = m they are 1 and 1 - 2⁻ᵏ.
    """
    real, generated = _prepare(real, generated, neighbours)
    radii = _squared_radii(real, neighbours)
    balls, covered = 0, np.zeros(len(real), bool)
    for rows in _squared_distances(generated, real):
        inside = rows <= radii
        balls += int(inside.sum())
        covered |= inside.any(axis=0)
    return balls / (neighbours * len(generated)), float(covered.mean())


@remembered
def nearest_images(images: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest training image of every image, both uint8 [·, height, width, channels].

    Returns Euclidean distances of pixels in [0, 1], float64 [n], exactly 0 for a copy; and the indices, int64 [n].
    """
    check_images("images", images)
    check_images("training", training, images.shape[1:])
    flat, others = images.reshape(len(images), -1), training.reshape(len(training), -1)
    least, indices, scale = np.full(len(flat), np.inf, "float32"), np.zeros(len(flat), "int64"), np.float32(255)
    for start in range(0, len(others), WIDE_BLOCK):
        blocks = _squared_distances(flat / scale, others[start : start + WIDE_BLOCK] / scale)
        least_of_blocks = [(rows.argmin(axis=1), rows.min(axis=1)) for rows in blocks]
        found, squares = (np.concatenate(parts) for parts in zip(*least_of_blocks, strict=True))
        nearer = squares < least
        least[nearer], indices[nearer] = squares[nearer], found[nearer] + start
    pairs = chunks([flat, others[indices]], BLOCK)
    squares = [((ours.astype("int64") - nearest) ** 2).sum(axis=1) for ours, nearest in pairs]  # exactly
    return np.sqrt(np.concatenate(squares)) / 255, indices


def memorisation(generated: np.ndarray, held_out: np.ndarray, training: np.ndarray) -> dict[str, dict]:
    """Whether generated images are nearer to training images than held-out real images are.

    If the generator has learned the distribution they are as near as new ones; if it copies, nearer (the question
    of Meehan, Chaudhuri & Dasgupta 2020, arXiv:2004.05675). Blurred or empty images are near to many, too: read it
    beside precision. All images are uint8 [·, height, width, channels].

    Each metric has a ``value`` and a ``floor``, that of the held-out images. ``nearest_training``: median distance, see
    :func:`nearest_images`. ``nearer_than_real``: the probability that a generated image is nearer to its training image
    than a held-out one to its own (Mann and Whitney's U / nm); 0.5 for held-out ones by definition. ``copies``: share
    of images that are nearer than all but the nearest hundredth of the held-out ones.
    """
    check_images("held_out", held_out, np.shape(generated)[1:])
    ours, real = nearest_images(generated, training)[0], nearest_images(held_out, training)[0]
    near = np.quantile(real, 0.01)
    return {
        "nearest_training": {"value": float(np.median(ours)), "floor": float(np.median(real))},
        "nearer_than_real": {"value": exceeds(real, ours), "floor": 0.5},
        "copies": {"value": float((ours <= near).mean()), "floor": float((real <= near).mean())},
    }


def exceeds(x: np.ndarray, y: np.ndarray) -> float:
    """The probability that one of the numbers x [n] is greater than one of y [m], ties counted half."""
    return float(mannwhitneyu(x, y).statistic / (len(x) * len(y)))


def _prepare(real, generated, neighbours: int):
    require(neighbours >= 1, "neighbours", neighbours, "1 or more")
    real, generated = check_features(real, generated, neighbours + 1)
    centre = real.mean(axis=0)  # squares of large numbers would lose the digits of small distances
    return real - centre, generated - centre


@remembered
def _squared_radii(samples: np.ndarray, neighbours: int) -> np.ndarray:
    """Squared distance of every sample to its k-th nearest other one, rounded up: float64 [n]."""
    search = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(samples)
    rounding = ROUNDING * np.einsum("ij,ij->i", samples, samples).max()  # or repeated samples would miss each other
    return search.kneighbors()[0][:, -1] ** 2 + rounding


def _squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the squared distances of ``BLOCK`` rows of x [n, d] at a time to all rows of y [m, d]."""
    # |x - y|² = (x, |x|², 1) · (-2y, 1, |y|²): one product, and no pass over the block afterwards
    left = np.hstack([x, np.einsum("ij,ij->i", x, x)[:, None], np.ones((len(x), 1), x.dtype)])
    right = np.hstack([-2 * y, np.ones((len(y), 1), y.dtype), np.einsum("ij,ij->i", y, y)[:, None]]).T
    for start in range(0, len(x), BLOCK):
        yield left[start : start + BLOCK] @ right
