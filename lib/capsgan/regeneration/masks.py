"""Which pixels of an image are known: holes of several kinds, drawn by seed, and masks from a PNG of the user's.

A mask is boolean, True where a pixel is known, False where it is missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.holes import (  # noqa: F401, re-exported
    KINDS,
    SIDES,
    centre_mask,
    half_mask,
    make_masks,
    pixel_mask,
    scratch_mask,
    stroke_mask,
)
from ..data.image_files import read_image, read_transparency

GREY = 128  # what a missing pixel looks like


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
