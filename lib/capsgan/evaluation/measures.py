"""Every measure of generated against real images, in every feature space, each also of real against real images."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from .checks import check_images
from .classes import class_metrics
from .distances import frechet_distance, frechet_distance_infinity, kernel_distance
from .features import DIMENSIONS, SPACES, load_features
from .neighbours import density_coverage, precision_recall

LEAST = 4 * DIMENSIONS  # generated images, for the line of FID∞
MEASURES = (  # names of what a function makes of (real, generated) features, and whether it takes a seed
    (("fid",), frechet_distance, False),
    (("fid_infinity",), frechet_distance_infinity, True),
    (("kid", "kid_error"), kernel_distance, True),
    (("precision", "recall"), precision_recall, False),
    (("density", "coverage"), density_coverage, False),
)


def measure(
    metrics: dict,
    generated: np.ndarray,
    real: np.ndarray,
    control: np.ndarray | None,
    spaces: tuple[str, ...],
    seed: int,
) -> Generator[str, None, dict[str, np.ndarray]]:
    """The work of :func:`capsgan.score`, stage by stage: yields the name of what comes next, ``stages(spaces)`` times.

    Args:
        metrics: filled on the way, by feature space, then by metric, with ``value`` and ``floor``.
        generated, real, control, spaces, seed: as for :func:`capsgan.score`.

    Returns:
        At its end the classes, int [n], that ``digits`` gives to the generated images (``value``) and to the control
        (``floor``); nothing without ``digits``.

    Raises:
        ValueError: see there.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed={seed!r} is not possible; allowed: whole numbers from 0")
    check_images("generated", generated)
    shape, classes = generated.shape[1:], {}
    check_images("real", real, shape)
    reference = np.arange(len(real))
    if control is None:
        if len(real) < 2 * LEAST:
            raise ValueError(
                f"real: {len(real)} images are too few to be halved for the floor; allowed: {2 * LEAST} or more, or "
                "other real images as control"
            )
        order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(real))
        reference, control = order[len(real) // 2 :], real[order[: len(real) // 2]]
    check_images("control", control, shape)
    for name, images in {"generated": generated, "control": control}.items():
        if len(images) < LEAST:
            raise ValueError(f"{name}: {len(images)} images are too few; allowed: {LEAST} or more")
    if isinstance(spaces, str) or not spaces:
        raise ValueError(f"spaces={spaces!r} is not possible; allowed: a tuple with some of {', '.join(SPACES)}")
    for space in spaces:
        yield f"{space}: features"
        network, entries = load_features(space, shape), metrics.setdefault(space, {})
        theirs = network.features(real)
        sides = {"value": (theirs, *network.read(generated)), "floor": (theirs[reference], *network.read(control))}
        for side, (first, second, *probabilities) in sides.items():
            for names, function, seeded in MEASURES:
                yield f"{space}: {' and '.join(names)}"
                numbers = function(first, second, **({"seed": seed} if seeded else {}))
                for name, number in zip(names, np.atleast_1d(numbers), strict=True):
                    entries.setdefault(name, {})[side] = float(number)
            if probabilities:
                classes[side] = probabilities[0].argmax(axis=1)
                for name, number in class_metrics(probabilities[0]).items():
                    entries.setdefault(name, {})[side] = number
    return classes


def stages(spaces: tuple[str, ...]) -> int:
    """How many names :func:`measure` yields."""
    return len(spaces) * (1 + 2 * len(MEASURES))
