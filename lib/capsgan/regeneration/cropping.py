"""Pictures of any size: crop a square of each, put it through the network, and put the result back."""

import warnings
from collections.abc import Sequence

import cv2
import numpy as np

from ..checks import require
from ..data.pixels import SCALES
from .degradations import Degradation, Fading, make_degradation, to_grey
from .masks import check_masks
from .reconstruction import check_learned, regenerate

CONTEXT = 2.0  # side of a hole's region ÷ side of its bounding box
LEAST_KNOWN = 0.25  # share of a network's pixel that must be known for it to count as known
REGIONS = ("square", "hole")


def regenerate_photos(
    run,
    photos: Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None],
    *,
    task: str | Degradation = "inpaint",
    region: str | None = None,
    box: tuple[int, int, int, int] | None = None,
    names: Sequence[str] | None = None,
    **options,
) -> list[np.ndarray]:
    """Regenerate pictures of any size, uint8 [height, width, 1 or 3] each, with a finished run.

    A square of each picture is resized to the network's size, regenerated, resized back and blended in; nothing changes
    outside the holes. A square smaller than the network's image is enlarged first (a warning says so). When it shrinks,
    each pixel is the mean of the known pixels that it covers; if less than a quarter is known it counts as missing.
    Super-resolution takes pictures of exactly the network's size divided by its scale, and returns the network's size.

    A network of grey images sees luma and fills holes in grey. One of colour images sees grey as three equal channels,
    and the result is grey; with ``Fading(grey=True)`` it sees luma, and only the square is returned, in colour.

    ``masks``: bool [height, width] each, True where a pixel is known; None where nothing is missing. ``region``:
    ``square`` is the largest possible, as near to the picture's middle as the hole allows, for networks of centred
    faces or digits; ``hole`` is a square of twice the hole's size around it, but no smaller than the network's; None is
    ``hole`` for a completion network, else ``square``. ``box``: (left, top, width, height) of a square, in place of
    ``region``. ``names``: of the pictures, for messages; None: their numbers from 1. The rest is of
    :func:`~capsgan.regeneration.reconstruction.regenerate`. Warnings come after the search, so an error comes alone.
    """
    degradation = make_degradation(task)
    if run.gan.conditional:
        check_learned(run.gan, degradation)
        if degradation.enlarges and (box is not None or any(mask is not None for mask in masks)):
            raise ValueError("task='superres' enlarges whole pictures; expected no mask and no box")
    if not photos:
        raise ValueError("photos: there are none; expected one picture or more")
    if degradation == Fading() and all(mask is None for mask in masks) and not run.gan.conditional:
        raise ValueError("task='restore' has nothing to restore; give contrast, brightness, grey or a mask")
    region = region or ("hole" if run.gan.conditional and degradation.needs_mask else "square")
    require(region in REGIONS, "region", region, " | ".join(REGIONS))
    shape = degradation.observed_shape(run.gan.image_shape)
    names = names or [f"picture {number}" for number in range(1, len(photos) + 1)]
    squares = [_cut(*each, shape, degradation, box or region) for each in zip(names, photos, masks, strict=True)]
    shrunk = (_shrink(name, *cut[:2], shape) for name, cut in zip(names, squares, strict=True))
    small, holes = (np.stack(parts) for parts in zip(*shrunk, strict=True))
    found = regenerate(run, small, holes, task=degradation, **options)
    for name, photo, (square, *_) in zip(names, photos, squares, strict=True):
        side, least = square.shape[0], shape[0]
        if shape[-1] == 1 < photo.shape[-1] and not getattr(degradation, "grey", False):
            warnings.warn(f"{name} is in colour, the network's images are grey: holes are filled in grey", stacklevel=2)
        if side < least:
            tiny = f"its square of {side} pixels is smaller than the network's {least} and is enlarged first"
            warnings.warn(f"{name}: {tiny}", stacklevel=2)
        if run.gan.conditional and side > least:
            done = "filled" if degradation.needs_mask else "holes and colours are painted"
            warnings.warn(f"{name}: {done} at {least} pixels, enlarged ×{side / least:.1f}", stacklevel=2)
    if degradation.enlarges:
        return list(found.images)
    parts = zip(photos, squares, found.unblended, found.damages, strict=True)
    return [_put_back(*part) for part in parts]


def _cut(name, photo, mask, shape, degradation, region):
    """The square of a picture: (uint8 [side, side, channels], bool [side, side], its place in the picture)."""
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[-1] not in (1, 3) or 0 in photo.shape:
        raise ValueError(f"{name} is {photo.dtype} {photo.shape}; expected uint8 (height, width, 1 or 3)")
    height, width = photo.shape[:2]
    if mask is None and degradation.needs_mask:
        raise ValueError(f"{name} has no mask; expected --mask PNG, black where it is damaged, or --find-scratches")
    known = np.ones((height, width), bool) if mask is None else mask
    known = check_masks(known, photo[None], holes=degradation.needs_mask, names=[f"the mask of {name}"])[0]
    if degradation.enlarges and (height, width) != shape[:2]:
        fits = [scale for scale in SCALES if height == width == shape[0] * degradation.scale // scale]
        advice = f"--scale {fits[0]} takes it" if fits else "cut or resize it to that first"
        wanted = f"{shape[1]}×{shape[0]} for super-resolution ×{degradation.scale} with this network"
        raise ValueError(f"{name} is {width}×{height} pixels; expected {wanted}; {advice}")
    boxed = region not in REGIONS and not degradation.enlarges
    place = _box(name, known, region) if boxed else _find_square(name, known, region, shape[0])
    square = photo[place]
    if shape[-1] != square.shape[-1]:
        square = to_grey(square) if shape[-1] == 1 else square.repeat(3, axis=-1)
    return square, known[place], place


def _box(name, known, box):
    (left, top, columns, rows), (height, width) = box, known.shape
    invalid, place = f"invalid box={','.join(map(str, box))}", np.s_[top : top + rows, left : left + columns]
    if min(rows, columns) < 1 or min(top, left) < 0 or top + rows > height or left + columns > width:
        raise ValueError(f"{invalid}; expected x,y,width,height of a square inside {name} of {width}×{height} pixels")
    if rows == columns and (~known).sum() == (~known[place]).sum():
        return place
    hole = f"one that holds the hole of {name} at {','.join(map(str, _bounds(known)))} (x,y,width,height)"
    both = known.copy()
    both[place] = False
    fits = max(_bounds(both)[2:]) <= min(height, width)  # else a square around the hole alone
    high, wide = _find_square(name, both, "hole", 1, 1) if fits else _find_square(name, known, "hole", 1)
    better = f"{wide.start},{high.start},{wide.stop - wide.start},{high.stop - high.start}"
    wanted = hole if rows == columns else "a square"
    raise ValueError(f"{invalid}; expected {wanted}, such as {better}, or no --box")


def _bounds(known):
    return cv2.boundingRect((~known).astype("uint8"))


def _find_square(name, known, region, least, context=CONTEXT):
    height, width = known.shape
    left, top, columns, rows = (0, 0, width, height) if known.all() else _bounds(known)
    side = min(height, width)
    if max(rows, columns) > side and not known.all():
        spans = f"spans {columns}×{rows} pixels and no square of a {width}×{height} picture holds it"
        raise ValueError(f"masks: the hole of {name} {spans}; expected smaller holes, filled one after the other")
    if region == "hole" and not known.all():
        side = min(side, max(least, round(context * max(rows, columns))))
    first = []
    for start, length, whole in ((top, rows, height), (left, columns, width)):
        middle = (whole - side) // 2 if region == "square" else start + length // 2 - side // 2
        middle = middle if known.all() else min(max(middle, start + length - side), start)  # the hole lies inside
        first.append(min(max(middle, 0), whole - side))
    return np.s_[first[0] : first[0] + side, first[1] : first[1] + side]


def _shrink(name, square, known, shape):
    """To the network's size: (uint8 [height, width, channels], bool [height, width])."""
    if square.shape[:2] == shape[:2]:
        return square, known
    size, how = (shape[1], shape[0]), cv2.INTER_AREA if square.shape[0] > shape[0] else cv2.INTER_LINEAR
    share = cv2.resize(known.astype("float32"), size, interpolation=how)
    total = cv2.resize(square * known[..., None].astype("float32"), size, interpolation=how).reshape(shape)
    small = share >= LEAST_KNOWN
    if small.all() and not known.all():  # holes finer than the network's pixels: the least known count as missing
        small = share > share.min()
        if not small.any():  # all shares are equal
            finer = f"the holes of {name} are finer than the network's {shape[0]}×{shape[1]} pixels"
            raise ValueError(f"masks: {finer}; expected larger holes, or an interpolation such as cv2.inpaint")
    if not small.any():
        small = share == share.max()
    mean = total / np.maximum(share, 1e-6)[..., None]
    return np.clip(np.rint(mean), 0, 255).astype("uint8"), small


def _put_back(photo, square, generated, degradation):
    observed, known, place = square
    side = observed.shape[0]
    if side != generated.shape[0]:
        how = cv2.INTER_CUBIC if side > generated.shape[0] else cv2.INTER_AREA
        generated = cv2.resize(generated, (side, side), interpolation=how).reshape(side, side, -1)
    restored = degradation.restore(observed[None], generated[None], known[None])[0]
    if getattr(degradation, "grey", False):
        if restored.shape[:2] != photo.shape[:2]:
            warnings.warn(f"only the square of {side}×{side} pixels comes back in colour", stacklevel=3)
        return restored
    whole = np.ones((1, *photo.shape[:2]), bool)
    result = degradation.restore(photo[None], photo[None], whole)[0]
    if photo.shape[-1] == 1:
        restored = to_grey(restored)
    result[place] = np.where(known[..., None], result[place], restored)
    return result
