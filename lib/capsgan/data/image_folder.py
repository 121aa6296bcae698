"""``folder:PATH``: any tree of image files as uint8 RGB squares in memory, with labels from its sub-folders."""

import contextlib
import hashlib
import json
import os
import sys
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..paths import DAMAGED_ARCHIVE, DiskError, home, write_atomically
from .image_files import UnreadableImageError, damage_in, decode_file, quiet_readers
from .listing import Listing, folder_path, list_images

FEWEST = 16  # images
UNREADABLE = 0.05  # the share of files that may be
TEST_SHARE = 0.1
HELD_OUT = ("test", "testing", "val", "valid", "validation", "dev", "eval")  # top folders that are splits
TRAINING = ("train", "training")
SHOWN = 20  # of the files that are skipped
CACHE_VERSION = 2  # to be raised when decoding changes


def load_folder(dataset: str, split: str, image_size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Images of a folder, decoded once and then kept under ``CAPSGAN_HOME/cache`` until a name, size or time changes.

    Every file named as an image counts, in sub-folders too. Its central square is resized. Unreadable files are skipped
    and printed with the reason; more than 5 %, or fewer than 16 images, raise ``ValueError``. Images are uint8 [n,
    image_size, image_size, 3], RGB, in the order of their names; labels int64 [n] or None (:func:`folder_labels`). Top
    folders such as ``train`` and ``test`` are splits, not labels; else :func:`in_test_split` decides.
    """
    listing = list_images(folder_path(dataset))
    images, kept = _load_cached(listing, image_size)
    names = [listing.files[number][0] for number in kept]
    test = split_folders(names)
    named = names if test is None else [name.split("/", 1)[1] for name in names]
    labels = folder_labels(named)
    origin = "" if test is None else " (its folders are splits)"
    test = in_test_split(names, labels) if test is None else test
    counts = f"{np.sum(~test):,} images for training, {np.sum(test):,} for testing{origin}"
    _tell_once(f"{_printable(listing.root.name)}: {counts}; {_describe_classes(named, labels)}", listing.root)
    chosen = test == (split == "test")
    return images[chosen], None if labels is None else labels[chosen]


def split_folders(names: list[str]) -> np.ndarray | None:
    """Which images are for testing if the top folders are splits, such as ``train`` and ``test``: bool [n] or None."""
    tops = [_top(name).lower() for name in names]
    test = np.isin(tops, HELD_OUT)
    known = test | np.isin(tops, TRAINING)
    return test if known.all() and test.any() and not test.all() else None


def _describe_classes(names: list[str], labels: np.ndarray | None) -> str:
    if labels is None:
        return "no classes"
    counts = Counter(map(_top, names))
    classes = [f"{_printable(name)} ({count:,})" for name, count in list(counts.items())[:SHOWN]]
    return f"{len(counts)} classes: {', '.join(classes)}{', …' if len(counts) > SHOWN else ''}"


@cache
def _tell_once(text: str, root: Path):  # per folder
    print(text, flush=True)


def _top(name: str) -> str:
    return name.split("/", 1)[0] if "/" in name else ""


def folder_labels(names: list[str]) -> np.ndarray | None:
    """Numbers of the sub-folders, sorted by name: int64 [n]. None with fewer than two, or with an image beside them."""
    tops = list(map(_top, names))
    folders, labels = np.unique(np.array(tops, dtype=object), return_inverse=True)
    return None if "" in tops or len(folders) < 2 else labels.astype("int64")


def in_test_split(names: list[str], labels: np.ndarray | None = None) -> np.ndarray:
    """Which images are for testing, about a tenth: bool [n].

    The SHA-256 of a name, read as a number in [0, 1), decides: below 0.1 is test. So an image stays in its split when
    others come or go. To keep both usable, the highest number of each label is train and the lowest of the rest test.
    """
    digests = (hashlib.sha256(os.fsencode(name)).digest()[:8] for name in names)
    draws = np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests])
    groups = np.zeros(len(names), "int64") if labels is None else labels
    order = np.lexsort((draws, groups))
    highest = order[np.append(groups[order][1:] != groups[order][:-1], True)]
    test = draws < TEST_SHARE
    test[highest] = False
    rest = np.setdiff1d(np.arange(len(names)), highest)
    candidates = rest if len(rest) else np.arange(len(names))  # every label has one image only
    test[candidates[np.argmin(draws[candidates])]] = True
    return test


def read_square(path: Path, image_size: int) -> np.ndarray:
    """The central square of a file: uint8 [image_size, image_size, 3], RGB; or raises ``UnreadableImageError``."""
    image = decode_file(path)
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = np.ascontiguousarray(image[top : top + side, left : left + side])
    how = cv2.INTER_AREA if image_size < side else cv2.INTER_LINEAR
    resized = cv2.resize(square, (image_size, image_size), interpolation=how)
    return np.broadcast_to(resized.reshape(image_size, image_size, -1), (image_size, image_size, 3))


def _load_cached(listing: Listing, image_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of all files that can be read, and their numbers in the listing."""
    place = hashlib.sha256(os.fsencode(listing.root)).hexdigest()[:8]
    state = hashlib.sha256(json.dumps([CACHE_VERSION, listing.files]).encode()).hexdigest()[:16]
    path = home() / "cache" / f"folder-{place}-{image_size}-{state}.npz"
    with contextlib.suppress(*DAMAGED_ARCHIVE), np.load(path) as archive:  # the zip format checks every array's CRC
        return archive["images"], archive["kept"]
    images, kept = _decode_all(listing, image_size)
    try:
        write_atomically(path, lambda file: np.savez(file, images=images, kept=kept))
    except DiskError as error:
        warnings.warn(f"the images are not kept for the next time: {error}", stacklevel=5)
    else:
        for old in path.parent.glob(f"folder-{place}-{image_size}-*.npz"):
            if old != path:  # of a state that the folder has left
                old.unlink(missing_ok=True)
    return images, kept


def _decode_all(listing: Listing, image_size: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.empty((len(listing.files), image_size, image_size, 3), "uint8")
    names, reasons = [name for name, *_ in listing.files], {}

    def decode(number: int):
        try:
            images[number] = read_square(listing.root / names[number], image_size)
        except UnreadableImageError as error:
            reasons[names[number]] = str(error)

    with quiet_readers() as complaints, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        style = {"leave": False, "mininterval": 1.0, "ncols": 100, "file": sys.stderr}
        done = pool.map(decode, range(len(names)))
        list(tqdm(done, desc=f"reading {listing.root.name}", total=len(names), unit="image", **style))
    if damage_in(complaints):  # of some JPEG: one after the other they tell which
        for name in names:
            with quiet_readers() as complaints, contextlib.suppress(UnreadableImageError):
                decode_file(listing.root / name)
            if name not in reasons and (damage := damage_in(complaints)):
                reasons[name] = damage
    if left_out := listing.left_out | reasons:
        told = [f"  {_printable(name)}: {reason}" for name, reason in sorted(left_out.items())[:SHOWN]]
        more = [f"  and {len(left_out) - SHOWN} more"] if len(left_out) > SHOWN else []
        print("\n".join([f"{_printable(listing.root.name)}: {len(left_out)} skipped", *told, *more]))
    if len(reasons) > UNREADABLE * len(names):
        name, reason = min(reasons.items())
        raise ValueError(
            f"the folder {_printable(listing.root)}: {len(reasons)} of {len(names)} image files cannot be read, more "
            f"than {UNREADABLE:.0%}, such as {_printable(name)} ({reason}); fix or remove them"
        )
    kept = np.array([number for number, name in enumerate(names) if name not in reasons])
    if len(kept) < FEWEST:
        raise ValueError(
            f"the folder {_printable(listing.root)} has {len(kept)} images that can be read; at least {FEWEST} are "
            "needed, and to train at least a batch"
        )
    return images if not reasons else images[kept], kept


def _printable(name) -> str:
    return os.fsencode(name).decode("utf-8", "replace")  # a name need not be valid UTF-8
