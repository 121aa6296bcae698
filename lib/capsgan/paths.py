"""Where things are, and files that are written whole or not at all."""

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parents[1]  # of a checkout
IN_CHECKOUT = (ROOT / "pyproject.toml").exists()
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What NumPy raises for an archive that is truncated or altered.
DAMAGED_ARCHIVE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, NotImplementedError)


class DiskError(RuntimeError):
    """A file could not be written; what was written before is whole."""


def shipped(name: str) -> Path:
    """A folder of the project: ``study``, ``features``, ``pretrained``; ``reference``, ``results`` in a checkout."""
    if IN_CHECKOUT:
        return ROOT / name if name == "study" else ROOT / "data" / name
    return PACKAGE / "shipped" / name


def home() -> Path:
    """Where runs, downloads and caches are: ``CAPSGAN_HOME``, ``data/`` of a checkout, or the user's data folder."""
    named = os.environ.get("CAPSGAN_HOME")
    try:
        if named:
            path = Path(named).expanduser().resolve()
            os.environ["CAPSGAN_HOME"] = str(path)  # a relative one means the same place from now on, in kernels too
            return path
        if IN_CHECKOUT:
            return ROOT / "data"
        from platformdirs import user_data_path

        return user_data_path("capsgan", appauthor=False)
    except RuntimeError as error:
        raise ValueError(f"invalid CAPSGAN_HOME={named!r} ({error})") from error


def figures_directory(profile: str) -> Path:
    """Where a profile's figures are drawn: ``figures/<profile>`` in a checkout, unless ``CAPSGAN_HOME`` is set."""
    return (ROOT if IN_CHECKOUT and not os.environ.get("CAPSGAN_HOME") else home()) / "figures" / profile


def file_lock(path: Path):
    """A lock between processes: the operating system's or, with ``CAPSGAN_SOFT_LOCKS``, a lock file."""
    from filelock import FileLock, SoftFileLock

    return (SoftFileLock if os.environ.get("CAPSGAN_SOFT_LOCKS") else FileLock)(path)


def write_json(path: Path, values: dict):
    """Write plain JSON values, whole or not at all."""
    write_atomically(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def write_atomically(path: Path, content: bytes | Callable):
    """Write bytes, or what ``content(file)`` writes, to a temporary file, force it to disk, and move it to ``path``.

    Raises :class:`DiskError` if the disk is full or read-only; the file that was there before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content) if isinstance(content, bytes) else content(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise DiskError(
            f"{path} cannot be written ({error.strerror or error}); free some space or set CAPSGAN_HOME to a "
            "folder that can be written, then run again: training continues from its last checkpoint"
        ) from error
