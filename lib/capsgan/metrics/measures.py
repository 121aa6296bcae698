"""Every measure of a stack of images against real images, in one feature space."""

from __future__ import annotations

import numpy as np

from .cache import remembered
from .classes import class_metrics
from .distances import frechet_distance, frechet_distance_infinity, kernel_distance
from .features import DIMENSIONS, load_features
from .neighbours import density_coverage, precision_recall

LEAST = 4 * DIMENSIONS  # images, for the line of FID∞
DISTANCES = (  # names of what a function makes of (real, generated) features, and whether it takes a seed
    (("fid",), frechet_distance, False),
    (("kid", "kid_error"), kernel_distance, True),
    (("fid_infinity",), frechet_distance_infinity, True),
)
NEIGHBOURS = (("precision", "recall"), precision_recall), (("density", "coverage"), density_coverage)


@remembered
def measure(images: np.ndarray, real: np.ndarray, space: str, seed: int, everything: bool = True) -> dict:
    """Compare images with real ones; remembered: what real images get is the same for every run.

    Args:
        images: uint8 [n, height, width, channels], n ≥ 256.
        real: uint8 [m, height, width, channels], m > 64. Measures of neighbourhoods take n of them where m > n, for
            coverage depends on the ratio.
        space: a feature space, see :func:`~capsgan.metrics.features.load_features`.
        seed: of all random choices.
        everything: False: ``fid`` only, and what a classifier says.

    Returns:
        Metric → number, or list of numbers. Not to be changed.
    """
    network = load_features(space, images.shape[1:])
    theirs, (ours, *probabilities) = network.features(real), network.read(images)
    numbers = {}
    for names, function, seeded in DISTANCES[: None if everything else 1]:
        values = function(theirs, ours, **({"seed": seed} if seeded else {}))
        numbers |= zip(names, map(float, np.atleast_1d(values)), strict=True)
    if everything:
        rng = np.random.Generator(np.random.Philox(key=seed))
        near = theirs[np.sort(rng.choice(len(theirs), min(len(theirs), len(ours)), replace=False))]
        for names, function in NEIGHBOURS:
            numbers |= zip(names, function(near, ours), strict=True)
    return numbers | (class_metrics(probabilities[0]) if probabilities else {})
