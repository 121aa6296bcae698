"""A folder of images before any is decoded: which files it holds, and a checksum of their content."""

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..checks import require
from ..names import DATASET_NAMES, DATASETS, FOLDER

KINDS = ("avif", "bmp", "dib", "gif", "jfif", "jp2", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif")
KINDS += ("tiff", "webp")
OF_A_SYSTEM = {  # folders in which systems keep thumbnails, copies and what was deleted
    "@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "__macosx", "$recycle.bin",
    "system volume information", "lost+found",
}  # fmt: skip
UNSUPPORTED = ("heic", "heif", "jxl", "dng", "cr2", "cr3", "nef", "arw", "psd", "svg", "pdf")


@dataclass
class Listing:
    """What a folder contains: ``root`` is its absolute path.

    ``files`` are (name below ``root`` with ``/`` between, bytes, time of the last change in ns) of all named as images,
    sorted. ``left_out`` is name → reason for the rest but hidden files: links, other kinds, closed folders.
    """

    root: Path
    files: list[tuple[str, int, int]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def is_folder(dataset) -> bool:
    """Whether the name of a dataset is that of a folder, ``folder:PATH``."""
    return isinstance(dataset, str) and dataset.startswith(FOLDER)


def check_dataset(name):
    """Raise ``ValueError`` for what is no name of a dataset."""
    known = isinstance(name, str) and (name in DATASETS or is_folder(name))
    require(known, "dataset", name, DATASET_NAMES)


def folder_path(dataset: str) -> Path:
    """``folder:PATH`` → the absolute path; a relative one starts at the working directory."""
    path = dataset.removeprefix(FOLDER)
    try:
        if path.strip():
            path.encode()
            return Path(path).expanduser().resolve()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise ValueError(f"dataset='{FOLDER}{shown}' has a name that is not UTF-8; rename the folder") from error
    except (RuntimeError, ValueError, OSError) as error:  # no such user, a null byte, a ring of links
        raise ValueError(f"invalid dataset={dataset!r} ({error}); expected folder:PATH") from error
    raise ValueError(f"invalid dataset={dataset!r}; expected folder:PATH, such as folder:../faces")


def safe_name(dataset: str) -> str:
    """The folder's own name for use in a file's name: ``folder:../Meine Fotos`` → ``folder_Meine_Fotos``."""
    plain = unicodedata.normalize("NFKD", folder_path(dataset).name).encode("ascii", "ignore").decode()
    return "_".join(["folder", *re.findall(r"[A-Za-z0-9]+", plain)])[:40]


def list_images(root: Path) -> Listing:
    """The images in a folder and its sub-folders, by the endings of their names (``KINDS``).

    Hidden ones are ignored, and links: a file outside is not part of the folder, one inside would count twice.
    """
    listing, waiting = Listing(root), [""]
    while waiting:
        inner = waiting.pop()
        try:
            with os.scandir(root / inner) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        _sort_in(entry, f"{inner}{entry.name}", listing, waiting)
        except OSError as error:
            if inner:
                listing.left_out[inner] = error.strerror or str(error)
                continue
            reason = "is a file, not a folder" if root.is_file() else f"cannot be opened ({error.strerror or error})"
            raise ValueError(f"the folder {root} {reason}; name a folder of images that can be read") from error
    listing.files.sort()
    if not listing.files:
        endings = Counter(Path(name).suffix.lower() for name in listing.left_out).most_common(1)
        seen = "".join(f"; it holds {n} files {ending}, to be converted to JPEG or PNG" for ending, n in endings)
        raise ValueError(f"the folder {root} holds no image{seen}; expected, here or deeper: {' '.join(KINDS)}")
    return listing


def content_sha256(root: Path) -> str:
    """Checksum of the images' names and bytes, not of the folder's path; computed once per state of the folder."""
    return _content_sha256(root, tuple(list_images(root).files))


@lru_cache(maxsize=8)
def _content_sha256(root: Path, files: tuple) -> str:
    digest = hashlib.sha256()
    for name, *_ in files:
        try:
            with (root / name).open("rb") as file:
                inner = hashlib.file_digest(file, "sha256").digest()
        except OSError:  # it will be skipped
            inner = b"unreadable"
        digest.update(os.fsencode(name) + b"\0" + inner)
    return digest.hexdigest()


def _sort_in(entry: os.DirEntry, name: str, listing: Listing, waiting: list[str]):
    if entry.is_symlink():
        listing.left_out[name] = "a symbolic link"
    elif entry.is_dir(follow_symlinks=False):
        if entry.name.lower() in OF_A_SYSTEM:
            listing.left_out[name] = "a folder of the system's own"
        else:
            waiting.append(f"{name}/")
    elif (ending := Path(entry.name).suffix.lower().removeprefix(".")) not in KINDS:
        listing.left_out[name] = "not supported; convert it" if ending in UNSUPPORTED else "not the name of an image"
    else:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            listing.files.append((name, status.st_size, status.st_mtime_ns))
        else:
            listing.left_out[name] = "not a regular file"
