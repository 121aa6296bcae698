"""Masks: bool, True where a pixel is known. Checks, what they hide, and how much the known pixels count."""

from pathlib import Path

import cv2
import numpy as np

from ..data.image_files import read_image, read_transparency

GREY = 128  # what a missing pixel looks like
WHITE, BLACK, CONTRAST = 200, 50, 12  # of scratches, tried on drawn ones


def read_mask(path: Path, invert: bool = False) -> np.ndarray:
    """A mask from an image file, bool [height, width]: white (from mid-grey up) is kept; ``invert``: black is kept."""
    image = read_image(path)
    known = image.mean(axis=-1) >= GREY
    if not known.any() and image.max() > 0:
        raise ValueError(f"{path}: the mask's pixels are {image.min()} to {image.max()}; expected 255 where it is kept")
    if known.all() and read_transparency(path) is not None:
        raise ValueError(f"{path}: the mask's hole is transparent; expected black on white, without transparency")
    return ~known if invert else known


def find_scratches(photo: np.ndarray, box=None) -> np.ndarray:
    """Where a photograph, uint8 [height, width, channels], is not scratched: bool [height, width].

    A scratch is thin, nearly white or black, and at least a tenth of the smaller side long. Thin parts are what an
    opening or closing removes (top-hats, Serra 1982), and a margin of 1/64. ``box``: only there, (x, y, width, height).
    """
    whole, (x, y, width, height) = np.ones(photo.shape[:2], bool), box or (0, 0, *photo.shape[1::-1])
    place = slice(max(y, 0), y + height), slice(max(x, 0), x + width)
    photo = photo[place]
    side, found = min(photo.shape[:2]), np.zeros(photo.shape[:2], bool)
    if not side:
        raise ValueError(f"invalid box={box}; expected a part of the picture")
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(3, side // 16) | 1,) * 2)
    extreme = {cv2.MORPH_TOPHAT: photo.min(axis=-1) >= WHITE, cv2.MORPH_BLACKHAT: photo.max(axis=-1) <= BLACK}
    for operation, pixels in extreme.items():
        hat = cv2.morphologyEx(photo, operation, element).reshape(photo.shape).min(axis=-1)
        _, labels, boxes, _ = cv2.connectedComponentsWithStats((pixels & (hat > CONTRAST)).astype("uint8"))
        long = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]) >= side / 10
        thin = long[labels] & (labels > 0)
        near = cv2.dilate(thin.astype("uint8"), element, iterations=2) > 0  # where scratches meet they are thicker
        found |= thin | pixels & near
    whole[place] = cv2.dilate(found.astype("uint8"), np.ones((2 * max(1, side // 64) + 1,) * 2, "uint8")) == 0
    return whole


def check_masks(masks: np.ndarray, images: np.ndarray, *, holes: bool = True, names=None) -> np.ndarray:
    """Masks, bool [height, width] or [n, height, width], that fit images [n, …]: bool [n, height, width], one each.

    ``holes``: whether each must have a pixel missing. ``names``: of the masks, for errors; None: their numbers from 1.
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
            name = names[number] if names else f"mask {number + 1}"
            raise ValueError(f"masks: {name} has {what}; expected False, black in a file, for missing ones only")
    return array


def hide(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Uint8 images [n, height, width, channels] with their missing pixels in mid-grey."""
    return np.where(masks[..., None], images, np.uint8(GREY))


def context_weights(masks: np.ndarray, window: int | None = None) -> np.ndarray:
    """How much a known pixel counts: the share of missing pixels in the window around it (Yeh et al., equation 4).

    It counts the more the nearer it is to a hole, and not at all farther away than the window reaches. (Some published
    code does the reverse.) At the image's edge the share is of the pixels that there are. ``window``: pixels per side,
    odd; None: half the image. Returns float32 [n, height, width, 1] in [0, 1), 0 where a pixel is missing.
    """
    window = window or max(masks.shape[1:]) // 2 | 1

    def count(pixels):
        kernel = {"ksize": (window, window), "normalize": False, "borderType": cv2.BORDER_CONSTANT}
        return np.stack([cv2.boxFilter(image.astype("float32"), -1, **kernel) for image in pixels])

    return np.where(masks, count(~masks) / count(np.ones_like(masks)), 0)[..., None].astype("float32")
