"""Scores of a stack of images: every measure against real images, in one feature space or several; and sharpness."""

import sys
from collections.abc import Iterator

import cv2
import numpy as np
from tqdm import tqdm

from ..checks import check_images, require
from .cache import remembered
from .classes import class_metrics
from .distances import frechet_distance, frechet_distance_infinity, kernel_distance
from .features import DIMENSIONS, SPACES, UNTRAINED, load_features
from .neighbours import density_coverage, precision_recall

LEAST = 4 * DIMENSIONS  # images, for the line of FID∞


def score(
    generated: np.ndarray, real: np.ndarray, *, control: np.ndarray, spaces=SPACES, seed: int = 0, progress: bool = True
) -> dict[str, dict[str, dict]]:
    """Compare generated with real images.

    FID and similar distances depend on the number of samples and on the feature space: read a value beside its floor,
    and compare only values of the same space, numbers and real images, never with a FID on Inception's features.

    ``generated`` (256 or more), ``real`` (more than 64) and ``control`` (256 or more) are uint8 [·, height, width,
    channels]. The floor is the score of ``control``: other real images, best as many as the generated ones and as mixed
    (``mnist5k`` is sorted by class). ``spaces``: see :func:`~capsgan.metrics.features.load_features`.

    Returns feature space → metric → ``{"value": …, "floor": …}``: ``fid``, ``fid_infinity``, ``kid`` with its standard
    error ``kid_error`` (lower is better), ``precision``, ``recall``, ``density``, ``coverage`` (higher is better); for
    digits also :func:`~capsgan.metrics.classes.class_metrics`. All are numbers; ``class_histogram`` is a list of ten.
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    require(whole and seed >= 0, "seed", seed, "whole numbers from 0")
    names = ", ".join((*SPACES, UNTRAINED))
    require(spaces and not isinstance(spaces, str), "spaces", spaces, f"a tuple with some of {names}")
    check_images("generated", generated)
    check_images("real", real, generated.shape[1:])
    check_images("control", control, generated.shape[1:])
    for name, images in {"generated": generated, "control": control}.items():
        if len(images) < LEAST:
            raise ValueError(f"{name}: {len(images)} images are too few; expected {LEAST} or more")
    metrics = {}
    for space in named_bar({space: space for space in spaces}, "score", progress):
        sides = {"value": measure(generated, real, space, seed), "floor": measure(control, real, space, seed)}
        metrics[space] = side_by_side(sides)
    return metrics


@remembered
def measure(images: np.ndarray, real: np.ndarray, space: str, seed: int, everything: bool = True) -> dict:
    """Compare images with real ones in one feature space; remembered, because real images get the same for every run.

    Both are uint8 [·, height, width, channels], 256 images or more and more than 64 real ones. Measures of
    neighbourhoods take no more real images than there are others, because coverage depends on the ratio.
    ``everything=False``: only ``fid`` and the metrics of classes. Returns metric → number or list, not to be changed.
    """
    network = load_features(space, images.shape[1:])
    theirs, (ours, *probabilities) = network.features(real), network.read(images)
    numbers = {"fid": frechet_distance(theirs, ours)}
    if everything:
        numbers["kid"], numbers["kid_error"] = kernel_distance(theirs, ours, seed=seed)
        numbers["fid_infinity"] = frechet_distance_infinity(theirs, ours, seed=seed)
        rng = np.random.Generator(np.random.Philox(key=seed))
        near = theirs[np.sort(rng.choice(len(theirs), min(len(theirs), len(ours)), replace=False))]
        numbers["precision"], numbers["recall"] = precision_recall(near, ours)
        numbers["density"], numbers["coverage"] = density_coverage(near, ours)
    return numbers | (class_metrics(probabilities[0]) if probabilities else {})


def sharpness(images: np.ndarray) -> float:
    """The variance of each image's Laplacian (Pech-Pacheco et al. 2000, ICPR), averaged over the images.

    Images are uint8 [n, height, width, channels], pixels scaled to [0, 1]. Noise raises it: read it beside precision.
    """
    check_images("images", images)
    return float(np.mean([cv2.Laplacian(image, cv2.CV_64F).var() for image in images])) / 255**2


def side_by_side(sides: dict[str, dict]) -> dict[str, dict]:
    """From side → metric → number to metric → side → number."""
    return {name: {side: numbers[name] for side, numbers in sides.items()} for name in sides["floor"]}


def named_bar(parts: dict, title: str, progress: bool) -> Iterator:
    """The values of ``parts``, one after the other, under a progress bar that shows the name of the present one."""
    with tqdm(desc=title, total=len(parts), file=sys.stderr, leave=False, ncols=100, disable=not progress) as bar:
        for name, part in parts.items():
            bar.set_postfix_str(name)
            yield part
            bar.update(1)
        bar.refresh()  # shown even if the last part was quick
