"""Regenerate image files: all are read and checked before the search, and written after it."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..checks import require
from ..data.image_files import read_image, read_transparency
from ..data.pixels import encode_png
from ..paths import DiskError, write_atomically
from .cropping import regenerate_photos
from .degradations import make_degradation
from .masks import check_masks, find_scratches, read_mask

MUCH = 0.1  # of a picture: more scratches than that are probably something else


def regenerate_files(
    run, images: Sequence[Path], masks: Sequence[Path], out: Path, *, invert=False, scratched=False, **options
) -> list[Path]:
    """Regenerate image files with a finished run and write PNG files, whose paths are returned.

    ``masks``: one for all images, one each, or none, see :func:`~capsgan.regeneration.masks.read_mask`; ``scratched``:
    none, they are found by :func:`~capsgan.regeneration.masks.find_scratches`. ``out``: for one image a file,
    ``….png``; or a folder, which gets files of their names. ``options`` are those of
    :func:`~capsgan.regeneration.cropping.regenerate_photos`. A file that cannot be read or written: ``ValueError``.
    """
    images, masks = [Path(path) for path in images], [Path(path) for path in masks]
    if len(masks) not in (0, 1, len(images)):
        raise ValueError(f"mask: {len(masks)} masks for {len(images)} images; expected one for all, or one each")
    paths = _output_paths(images, Path(out), masks)
    photos = [read_image(path) for path in images]
    known = [find_scratches(photo, options.get("box")) if scratched else None for photo in photos]
    if scratched and masks:
        raise ValueError("--mask and --find-scratches; expected one of them")
    holes = make_degradation(options.get("task", "inpaint")).needs_mask
    for path, found in zip(images, known, strict=True):
        if scratched and holes and found.all():
            raise ValueError(f"{path}: no scratches found; expected a --mask, which shows where the picture is damaged")
    if masks:
        used = masks if len(masks) == len(images) else masks * len(images)
        known = [read_mask(path, invert) for path in used]
        for path, photo, mask, source in zip(images, photos, known, used, strict=True):
            try:
                check_masks(mask, photo[None], holes=holes, names=["the mask"])
            except ValueError as error:
                raise ValueError(f"{path} with {source}: {error}") from error
    results = regenerate_photos(run, photos, known, names=[str(path) for path in images], **options)
    for path, source, photo, mask, result in zip(paths, images, photos, known, results, strict=True):
        if scratched and (share := 1 - mask.mean()) > MUCH:
            warnings.warn(f"{source}: {share:.0%} of it looks like scratches; --mask is safer", stacklevel=2)
        data = encode_png(keep_transparency(source, photo, mask, np.ascontiguousarray(result)))
        try:
            write_atomically(path, data)
        except DiskError as error:
            message = f"out={str(path)!r} cannot be written ({error.__cause__}); choose another place"
            raise ValueError(message) from error
    return paths


def keep_transparency(source: Path, photo: np.ndarray, known: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    """A result; where nothing changed, its file's colours and opacity if any is transparent: [height, width, 4]."""
    own = read_transparency(source)
    if own is None or own.shape[:2] != result.shape[:2]:
        return result
    changed = (result != photo).any(axis=-1) if known is None else ~known
    colours = np.where(changed[..., None] | (result != photo), result, own[..., :3])
    return np.dstack([colours, np.where(changed & (known is not None), 255, own[..., 3])]).astype("uint8")


def _output_paths(images: list[Path], out: Path, masks: list[Path]) -> list[Path]:
    single = out.suffix and not out.is_dir()
    require(not single or out.suffix.lower() == ".png", "out", str(out), "a name ending in .png, or a folder")
    if single and len(images) > 1:
        raise ValueError(f"out={str(out)!r} is one file for {len(images)} images; expected a folder")
    paths = [out] if single else [out / f"{path.stem}.png" for path in images]
    names = [path.name.casefold() for path in paths]  # many disks take A.png and a.png for one file
    twice = sorted({path.name for path in paths if names.count(path.name.casefold()) > 1})
    if twice:
        raise ValueError(f"out={str(out)!r} would get {twice[0]!r} twice; rename the images or write them one by one")
    sources = {path.resolve() for path in images + masks}
    for path in paths:
        if path.resolve() in sources:
            raise ValueError(f"out={str(path)!r} is an image or mask that is read; choose another name")
    folder = next(folder for folder in paths[0].parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"out={str(out)!r} cannot be written: {folder} is no folder with permission to write")
    return paths
