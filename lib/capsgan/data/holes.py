"""Holes of several kinds, drawn by seed: those a user asks for by name, and those a completion network trains on.

Masks are bool [count, height, width], True where a pixel is known; ``size`` is (height, width).
"""

import cv2
import numpy as np

from ..checks import require

SIDES = ("left", "right", "top", "bottom")


def centre_mask(count: int, size: tuple[int, int], share: float = 0.25) -> np.ndarray:
    """A rectangular hole in the middle, with the image's proportions; ``share`` of the image is missing, in (0, 1)."""
    require(0 < share < 1, "share", share, "a number in (0, 1)")
    known = np.ones((count, *size), bool)
    rows, columns = (round(length * share**0.5) for length in size)
    top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
    known[:, top : top + rows, left : left + columns] = False
    return known


def half_mask(count: int, size: tuple[int, int], side: str = "left") -> np.ndarray:
    """One half missing: ``left``, ``right``, ``top`` or ``bottom``."""
    require(side in SIDES, "side", side, " | ".join(SIDES))
    height, width = size
    known = np.ones((count, *size), bool)
    rows = {"top": slice(height // 2), "bottom": slice(height - height // 2, None)}.get(side, slice(None))
    columns = {"left": slice(width // 2), "right": slice(width - width // 2, None)}.get(side, slice(None))
    known[:, rows, columns] = False
    return known


def pixel_mask(count: int, size: tuple[int, int], missing: float = 0.8, seed: int = 0) -> np.ndarray:
    """Single pixels missing at random, a share ``missing`` in (0, 1) of each image; Yeh et al. 2017 take 80 %."""
    require(0 < missing < 1, "missing", missing, "a number in (0, 1)")
    holes = round(missing * size[0] * size[1])
    known = np.ones((count, size[0] * size[1]), bool)
    for number, row in enumerate(known):
        row[_stream(seed, number).permutation(row.size)[:holes]] = False
    return known.reshape(count, *size)


def stroke_mask(
    count: int, size: tuple[int, int], seed: int = 0, *, strokes: int = 4, thickness: float = 0.1, length: float = 0.25
) -> np.ndarray:
    """Free-form strokes, as if rubbed out by hand (Yu et al. 2019, arXiv:1806.03589, algorithm 1 of the supplement).

    A stroke is a chain of lines whose direction turns to and fro, with round joints. Each image has 1 to ``strokes``;
    ``thickness`` and ``length`` of a line are at most these shares of the smaller side.
    """
    side, known = min(size), np.ones((count, *size), bool)
    for number in range(count):
        rng, canvas = _stream(seed, number), np.zeros(size, "uint8")
        for _ in range(rng.integers(1, strokes + 1)):
            brush = max(1, round(side * thickness * rng.uniform(0.5, 1)))
            point, angle = rng.uniform(0, (size[1], size[0])), rng.uniform(0, 2 * np.pi)
            for turn in range(rng.integers(2, 7)):
                angle += np.pi * (turn % 2) + rng.uniform(-0.6, 0.6)
                step = max(1.0, side * length * rng.uniform(0.4, 1))
                end = np.clip(point + step * np.array([np.cos(angle), np.sin(angle)]), 0, (size[1] - 1, size[0] - 1))
                ends = [tuple(int(v) for v in place) for place in (point, end)]
                cv2.line(canvas, *ends, 255, brush)
                cv2.circle(canvas, ends[1], brush // 2, 255, -1)
                point = end
        known[number] = canvas == 0
    return known


def scratch_mask(count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Scratches of an old photograph: many long strokes, one or two pixels wide at 64 pixels per side."""
    return stroke_mask(count, size, seed, strokes=8, thickness=1 / 32, length=0.6)


KINDS = {
    "centre": lambda count, size, seed: centre_mask(count, size),
    **{f"half-{side}": lambda count, size, seed, side=side: half_mask(count, size, side) for side in SIDES},
    "pixels": lambda count, size, seed: pixel_mask(count, size, seed=seed),
    "strokes": stroke_mask,
    "scratches": scratch_mask,
}


def make_masks(kind: str, count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Masks by name: one of ``KINDS``, with its usual share missing."""
    require(kind in KINDS, "kind", kind, " | ".join(KINDS))
    return KINDS[kind](count, tuple(size), seed)


def training_masks(rng: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    """Masks of randomly chosen kinds, float32 [count, height, width, 1]: 1 where a pixel is known, 0 where missing."""
    masks = [_TRAINED[rng.integers(len(_TRAINED))](rng, size) for _ in range(count)]
    return np.array(masks, "float32").reshape(count, *size, 1)


def _rectangle(rng, size):
    known = np.ones(size, bool)
    rows, columns = (rng.integers(length // 4, 5 * length // 8 + 1) for length in size)
    top, left = rng.integers(0, size[0] - rows + 1), rng.integers(0, size[1] - columns + 1)
    known[top : top + rows, left : left + columns] = False
    return known


_TRAINED = (
    lambda rng, size: centre_mask(1, size)[0],
    _rectangle,
    lambda rng, size: half_mask(1, size, SIDES[rng.integers(4)])[0],
    lambda rng, size: stroke_mask(1, size, int(rng.integers(2**63)))[0],
    lambda rng, size: pixel_mask(1, size, rng.uniform(0.5, 0.9), int(rng.integers(2**63)))[0],
)


def _stream(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], "uint64")))
