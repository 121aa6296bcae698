"""Which pixels of an image are known: holes of several kinds, drawn by seed, and masks from a PNG of the user's.

A mask is boolean, True where a pixel is known, False where it is missing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ..data.image_files import read_image, read_transparency

GREY = 128  # what a missing pixel looks like
SIDES = ("left", "right", "top", "bottom")


def centre_mask(count: int, size: tuple[int, int], share: float = 0.25) -> np.ndarray:
    """A rectangular hole in the middle, of the image's own proportions.

    Args:
        count: how many masks, all alike.
        size: (height, width).
        share: of the image that is missing, in (0, 1).

    Returns:
        Bool [count, height, width].
    """
    if not 0 < share < 1:
        raise ValueError(f"invalid share={share!r}; expected a number in (0, 1)")
    known = np.ones((count, *size), bool)
    edges = [((length - round(length * share**0.5)) // 2, round(length * share**0.5)) for length in size]
    (top, rows), (left, columns) = edges
    known[:, top : top + rows, left : left + columns] = False
    return known


def half_mask(count: int, size: tuple[int, int], side: str = "left") -> np.ndarray:
    """One half missing: ``left``, ``right``, ``top`` or ``bottom``. Bool [count, height, width]."""
    if side not in SIDES:
        raise ValueError(f"invalid side={side!r}; expected {' | '.join(SIDES)}")
    height, width = size
    known = np.ones((count, *size), bool)
    rows = {"top": slice(height // 2), "bottom": slice(height - height // 2, None)}.get(side, slice(None))
    columns = {"left": slice(width // 2), "right": slice(width - width // 2, None)}.get(side, slice(None))
    known[:, rows, columns] = False
    return known


def pixel_mask(count: int, size: tuple[int, int], missing: float = 0.8, seed: int = 0) -> np.ndarray:
    """Single pixels missing at random, a share ``missing`` in (0, 1) of each image. Bool [count, height, width].

    Yeh et al. 2017 (arXiv:1607.07539), section 4, take 80 %.
    """
    if not 0 < missing < 1:
        raise ValueError(f"invalid missing={missing!r}; expected a number in (0, 1)")
    holes = round(missing * size[0] * size[1])
    known = np.ones((count, size[0] * size[1]), bool)
    for number, row in enumerate(known):
        row[_stream(seed, number).permutation(row.size)[:holes]] = False
    return known.reshape(count, *size)


def stroke_mask(
    count: int, size: tuple[int, int], seed: int = 0, *, strokes: int = 4, thickness: float = 0.1, length: float = 0.25
) -> np.ndarray:
    """Free-form strokes, as if rubbed out by hand (Yu et al. 2019, arXiv:1806.03589, algorithm 1 of the supplement).

    A stroke is a chain of lines whose direction turns to and fro, with round joints.

    Args:
        count: how many masks.
        size: (height, width).
        seed: of the strokes; mask number i is the same whatever the count.
        strokes: how many at most an image; one at least.
        thickness: of the brush at most, as a share of the smaller side.
        length: of a line at most, as a share of the smaller side.

    Returns:
        Bool [count, height, width].
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
    """Scratches of an old photograph: many long strokes of one or two pixels in 64. Bool [count, height, width]."""
    return stroke_mask(count, size, seed, strokes=8, thickness=1 / 32, length=0.6)


KINDS = {
    "centre": lambda count, size, seed: centre_mask(count, size),
    **{
        f"half-{side}": partial(lambda count, size, seed, side: half_mask(count, size, side), side=side)
        for side in SIDES
    },
    "pixels": lambda count, size, seed: pixel_mask(count, size, seed=seed),
    "strokes": stroke_mask,
    "scratches": scratch_mask,
}


def make_masks(kind: str, count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Masks by name: one of ``KINDS``, with its usual share missing. Bool [count, height, width].

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"invalid kind={kind!r}; expected {' | '.join(KINDS)}")
    return KINDS[kind](count, tuple(size), seed)


def read_mask(path: Path, invert: bool = False) -> np.ndarray:
    """A mask from an image file: white (from mid-grey up) is kept, black is missing; ``invert``: the other way.

    Returns:
        Bool [height, width].

    Raises:
        ValueError: the file is no readable image.
    """
    image = read_image(path)
    known = image.mean(axis=-1) >= GREY
    if not known.any() and image.max() > 0:
        raise ValueError(f"{path}: the mask's pixels are {image.min()} to {image.max()}; expected 255 where it is kept")
    if known.all() and read_transparency(path) is not None:
        raise ValueError(f"{path}: the mask's hole is transparent; expected black on white, without transparency")
    return ~known if invert else known


def check_masks(masks: np.ndarray, images: np.ndarray, *, holes: bool = True, names=None) -> np.ndarray:
    """Masks that fit a stack of images, one each.

    Args:
        masks: bool [height, width], for all images, or [n, height, width].
        images: [n, height, width, channels].
        holes: whether each must have a pixel missing.
        names: of the masks, for errors; None: their numbers.

    Returns:
        Bool [n, height, width].

    Raises:
        ValueError: another dtype or size, or a mask that leaves nothing to do or nothing to go by.
    """
    array, wanted = np.asarray(masks), images.shape[:3]
    if array.dtype != bool:
        raise ValueError(f"masks: invalid dtype={array.dtype}; expected bool, True where a pixel is known")
    if array.shape not in (wanted, wanted[1:]):
        raise ValueError(f"masks: invalid shape={array.shape}; expected {wanted[1:]} or {wanted}, as the images")
    array = np.broadcast_to(array, wanted)
    known = array.reshape(len(array), -1).mean(axis=1)
    for share, what in ((0, "all pixels missing, so there is nothing to go by"), (1, "no pixel missing")):
        if (known == share).any() and (holes or share == 0):
            number = int(np.argmax(known == share))
            name = names[number] if names else f"mask {number}"
            raise ValueError(f"masks: {name} has {what}; expected some pixels known and some missing (is it inverted?)")
    return array


def hide(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Uint8 images [n, height, width, channels] with their missing pixels in mid-grey."""
    return np.where(masks[..., None], images, np.uint8(GREY))


def _stream(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], "uint64")))
