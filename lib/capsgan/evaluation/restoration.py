"""Are regenerated images good? Simple rivals, and measures of likeness to the truth, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pandas as pd
from skimage.metrics import structural_similarity
from skimage.restoration import inpaint_biharmonic

from ..masks import check_masks, hide
from .checks import check_images
from .features import DIGITS_SHAPE, load_features
from .statistics import mean_interval

RADIUS = 3  # pixels that cv2.inpaint looks at around each
COMPONENTS = 50  # of the principal subspace
PEAK = 255  # the pixels' range
COLUMNS = ("image", "method", "metric", "value")


def telea(damaged: np.ndarray, masks: np.ndarray, training: np.ndarray | None = None) -> np.ndarray:
    """Fast marching from the edge inwards (Telea 2004, doi:10.1080/10867651.2004.10487596), by OpenCV.

    Every rival takes and gives the same.

    Args:
        damaged: uint8 [n, height, width, 1 or 3]; what stands in the holes does not matter.
        masks: bool [n, height, width], True where a pixel is known.
        training: uint8 [m, height, width, channels], whole images of the same kind; not every rival needs them.

    Returns:
        Uint8 [n, height, width, channels]; known pixels as they were.
    """
    return _each(damaged, masks, lambda image, known: _opencv(image, known, cv2.INPAINT_TELEA))


def navier_stokes(damaged, masks, training=None) -> np.ndarray:
    """Isophotes carried on into the hole (Bertalmio et al. 2001, doi:10.1109/CVPR.2001.990497), by OpenCV."""
    return _each(damaged, masks, lambda image, known: _opencv(image, known, cv2.INPAINT_NS))


def biharmonic(damaged, masks, training=None) -> np.ndarray:
    """The smoothest surface, by scikit-image (Damelin & Hoang 2018, doi:10.1155/2018/3950312)."""

    def fill(image, known):
        return 255 * inpaint_biharmonic(image / 255, ~known, channel_axis=-1)

    return _each(damaged, masks, fill)


def mean_image(damaged, masks, training) -> np.ndarray:
    """The mean of the training images, in every hole."""
    mean = training.mean(axis=0, dtype="float64")
    return _each(damaged, masks, lambda image, known: mean)


def nearest_image(damaged, masks, training) -> np.ndarray:
    """The training image with the least squared distance on the known pixels."""
    flat = training.reshape(len(training), -1).astype("float32")

    def fill(image, known):
        seen = np.repeat(known, image.shape[-1])
        distances = ((flat[:, seen] - image.ravel()[seen].astype("float32")) ** 2).sum(axis=1)
        return training[np.argmin(distances)]

    return _each(damaged, masks, fill)


def pca_mean(damaged, masks, training, components: int = COMPONENTS) -> np.ndarray:
    """What is to be expected in the hole if images are Gaussian: the conditional mean in a principal subspace.

    Images are x = μ + W z + ε with z ~ N(0, I) and ε ~ N(0, σ²) (probabilistic PCA, Tipping & Bishop 1999,
    doi:10.1111/1467-9868.00196: W and σ² by their equations 7 and 8). Given the known pixels k, the mean of z is
    (W_kᵀ W_k + σ² I)⁻¹ W_kᵀ (x_k - μ_k), their posterior mean with the known rows of W alone, and σ² is what keeps the
    inverse tame. A linear method cannot do better in mean squared error on Gaussian images.

    Args:
        components: dimensions of the subspace, fewer than there are pixels and training images.
    """
    mean, basis, noise = fit_pca(training, components)

    def fill(image, known):
        seen = np.repeat(known, image.shape[-1])
        rows = basis[seen]
        precision = rows.T @ rows + noise * np.eye(rows.shape[1])
        z = np.linalg.solve(precision, rows.T @ (image.ravel()[seen] - mean[seen]))
        return (mean + basis @ z).reshape(image.shape)

    return _each(damaged, masks, fill)


def fit_pca(training: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Probabilistic PCA of images, by maximum likelihood.

    Args:
        training: numbers [m, ...], m > ``components``.
        components: dimensions of the subspace.

    Returns:
        μ [pixels], W [pixels, components] and σ², the mean variance outside the subspace; float64.

    Raises:
        ValueError: there are too few images or pixels.
    """
    flat = training.reshape(len(training), -1).astype("float64")
    if not 0 < components < min(flat.shape):
        raise ValueError(
            f"components={components!r} is not possible with {flat.shape[0]} images of {flat.shape[1]} numbers; "
            f"allowed: 1 to {min(flat.shape) - 1}"
        )
    mean = flat.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False, bias=True))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]  # the largest first
    noise = max(values[components:].mean(), 1e-6 * values[0], 1e-12)
    return mean, vectors[:, :components] * np.sqrt(np.maximum(values[:components] - noise, 0)), float(noise)


RIVALS: dict[str, Callable] = {
    "telea": telea,
    "navier-stokes": navier_stokes,
    "biharmonic": biharmonic,
    "mean image": mean_image,
    "nearest image": nearest_image,
    "pca": pca_mean,
}


def measure(truth: np.ndarray, restored: np.ndarray, masks: np.ndarray) -> pd.DataFrame:
    """How like the truth each image is.

    PSNR is in decibels, infinite where nothing differs. SSIM (Wang et al. 2004, doi:10.1109/TIP.2003.819861) is at most
    1; in the hole it is the mean of its map over the missing pixels, so that known pixels enter only through the
    windows of seven pixels. ``features`` is the Euclidean distance in a feature space: ``digits`` for 28×28×1, else
    ``random``.

    Args:
        truth, restored: uint8 [n, height, width, channels].
        masks: bool [n, height, width], True where a pixel is known.

    Returns:
        One row an image: ``psnr``, ``psnr_hole``, ``ssim``, ``ssim_hole``, ``features``. Of those of the hole NaN where
        there is none.

    Raises:
        ValueError: dtypes or shapes do not fit.
    """
    check_images("truth", truth)
    check_images("restored", restored, truth.shape[1:])
    if len(restored) != len(truth):
        raise ValueError(f"restored: {len(restored)} images for {len(truth)} true ones; allowed: as many")
    masks = check_masks(masks, truth, holes=False)
    network = load_features("digits" if truth.shape[1:] == DIGITS_SHAPE else "random", truth.shape[1:])
    distances = np.linalg.norm(network.features(truth) - network.features(restored), axis=1)
    rows = []
    for true, image, known, distance in zip(truth, restored, masks, distances, strict=True):
        squares = (true.astype("float64") - image) ** 2
        ssim, ssim_map = structural_similarity(true, image, data_range=PEAK, channel_axis=-1, full=True)
        hole = ~known
        psnr_hole, ssim_hole = (_psnr(squares[hole]), ssim_map[hole].mean()) if hole.any() else (np.nan, np.nan)
        rows.append((_psnr(squares), psnr_hole, ssim, ssim_hole, distance))
    return pd.DataFrame(rows, columns=["psnr", "psnr_hole", "ssim", "ssim_hole", "features"])


def compare_methods(truth: np.ndarray, masks: np.ndarray, restored: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Every method's measures on every image.

    Args:
        truth: uint8 [n, height, width, channels].
        masks: bool [n, height, width], True where a pixel is known.
        restored: method → uint8 of the shape of ``truth``.

    Returns:
        Rows of ``image`` (number), ``method``, ``metric`` (the columns of :func:`measure`), ``value``.
    """
    frames = [
        measure(truth, images, masks)
        .rename_axis("image")
        .reset_index()
        .melt("image", var_name="metric")
        .assign(method=method)
        for method, images in restored.items()
    ]
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def run_rivals(damaged: np.ndarray, masks: np.ndarray, training: np.ndarray, names=tuple(RIVALS)) -> dict:
    """The restored images of the rivals of these names: method → uint8 [n, height, width, channels].

    Raises:
        ValueError: no such rival, or images and masks do not fit.
    """
    for name in names:
        if name not in RIVALS:
            raise ValueError(f"rival={name!r} is not known; allowed: {' | '.join(RIVALS)}")
    check_images("damaged", damaged)
    check_images("training", training, damaged.shape[1:])
    masks = check_masks(masks, damaged)
    return {name: RIVALS[name](damaged, masks, training) for name in names}


def shuffle_truth(truth: np.ndarray) -> np.ndarray:
    """Each image in another's place: against it no method may score well, or the score cannot fail."""
    return np.roll(truth, 1, axis=0)


def paired_intervals(scores: pd.DataFrame, against: str, alpha: float = 0.05) -> pd.DataFrame:
    """Mean differences from one method over the same images, with their t intervals.

    Args:
        scores: of :func:`compare_methods`.
        against: the method that is subtracted.
        alpha: the share of intervals that miss, in (0, 1).

    Returns:
        Rows of ``method``, ``metric``, ``images`` (pairs of finite values), ``difference``, ``low``, ``high``; NaN
        where there are fewer than two pairs.

    Raises:
        ValueError: there is no such method.
    """
    methods = list(scores.method.unique())
    if against not in methods:
        raise ValueError(f"against={against!r} is not known; allowed: {' | '.join(methods)}")
    wide = scores.pivot(index="image", columns=["metric", "method"], values="value")
    rows = []
    for metric in scores.metric.unique():
        for method in methods:
            if method == against:
                continue
            pairs = wide[metric][[method, against]].to_numpy("float64")
            effects = np.subtract(*pairs[np.isfinite(pairs).all(axis=1)].T)
            low, high = mean_interval(effects, alpha) if len(effects) > 1 else (np.nan, np.nan)
            mean = effects.mean() if len(effects) else np.nan
            rows.append((method, metric, len(effects), mean, float(low), float(high)))
    return pd.DataFrame(rows, columns=["method", "metric", "images", "difference", "low", "high"])


def _each(damaged, masks, fill) -> np.ndarray:
    filled = []
    hidden = hide(damaged, masks)  # cv2.inpaint's gradients do look into the hole
    for image, known in zip(hidden, masks, strict=True):
        pixels = np.clip(np.rint(fill(image, known)), 0, 255).astype("uint8")
        filled.append(np.where(known[..., None], image, pixels))
    return np.stack(filled)


def _opencv(image, known, how):
    return cv2.inpaint(np.ascontiguousarray(image), (~known).astype("uint8"), RADIUS, how).reshape(image.shape)


def _psnr(squares) -> float:
    error = squares.mean()
    return float(10 * np.log10(PEAK**2 / error)) if error else float("inf")
