"""All metrics of generated images against real ones, each number beside the one that other real images get."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from ..checks import check_images
from .features import SPACES, UNTRAINED
from .measures import LEAST, measure


def score(
    generated: np.ndarray,
    real: np.ndarray,
    *,
    control: np.ndarray,
    spaces: tuple[str, ...] = SPACES,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, dict[str, dict]]:
    """Compare generated with real images.

    FID and its kind depend on the number of samples and on the feature space: read a value beside its floor, and
    compare values of the same space, numbers and real images only. None is comparable with a FID on the features of
    ImageNet's Inception.

    Args:
        generated: uint8 [n, height, width, channels], n ≥ 256.
        real: uint8 [m, height, width, channels], m > 64: what they are compared with.
        control: uint8 [≥ 256, height, width, channels], other real images, best as many as there are generated ones and
            as mixed (``mnist5k`` stands class by class): the floor is what they get in place of the generated ones.
        spaces: some of ``digits``, ``lenet`` and ``random``, see :func:`~capsgan.metrics.features.load_features`.
        seed: of all random choices.
        progress: whether to show a progress bar on standard error.

    Returns:
        By feature space, then by metric, ``{"value": …, "floor": …}``: numbers but for ``class_histogram``, a list of
        ten. Metrics: ``fid``, ``fid_infinity``, ``kid`` with its standard error ``kid_error`` (lower is better),
        ``precision``, ``recall``, ``density``, ``coverage`` (higher); in the spaces of digits those of
        :func:`~capsgan.metrics.classes.class_metrics` too.

    Raises:
        ValueError: wrong dtype, unequal image shapes, too few samples, an unknown space, or features not finite.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"invalid seed={seed!r}; expected whole numbers from 0")
    if isinstance(spaces, str) or not spaces:
        names = ", ".join((*SPACES, UNTRAINED))
        raise ValueError(f"invalid spaces={spaces!r}; expected a tuple with some of {names}")
    check_images("generated", generated)
    check_images("real", real, generated.shape[1:])
    check_images("control", control, generated.shape[1:])
    for name, images in {"generated": generated, "control": control}.items():
        if len(images) < LEAST:
            raise ValueError(f"{name}: {len(images)} images are too few; expected {LEAST} or more")
    metrics = {}

    def tasks():
        for space in spaces:
            yield space
            sides = {"value": measure(generated, real, space, seed), "floor": measure(control, real, space, seed)}
            metrics[space] = side_by_side(sides)

    play(tasks(), len(spaces), "score", progress)
    return metrics


def side_by_side(sides: dict[str, dict]) -> dict[str, dict]:
    """From side → metric → number to metric → side → number."""
    return {name: {side: numbers[name] for side, numbers in sides.items()} for name in sides["floor"]}


def play(tasks: Iterator[str], total: int, title: str, progress: bool):
    """Run a generator to its end; the names that it yields, ``total`` of them, stand beside a progress bar."""
    with tqdm(desc=title, total=total, file=sys.stderr, leave=False, ncols=100, disable=not progress) as bar:
        for number, name in enumerate(tasks):
            bar.update(1 if number else 0)
            bar.set_postfix_str(name)
        bar.update(1)
        bar.refresh()  # shown even if the last stage was quick
