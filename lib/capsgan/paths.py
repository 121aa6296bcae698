"""Where things are, and files that are written whole or not at all."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parents[1]  # of a checkout
IN_CHECKOUT = (ROOT / "pyproject.toml").exists()


class DiskError(RuntimeError):
    """A file could not be written; what was written before is whole."""


def shipped(name: str) -> Path:
    """A folder that comes with the project: ``study``, ``features``, ``pretrained``, ``reference`` or ``results``.

    An installed package lacks the last two: they are part of a checkout.
    """
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
    """Where the figures of a profile are drawn: ``figures/<profile>`` in a checkout, unless ``CAPSGAN_HOME`` is set."""
    base = ROOT if IN_CHECKOUT and not os.environ.get("CAPSGAN_HOME") else home()
    return base / "figures" / profile


def build_directory() -> Path:
    """Where executed notebooks and logs are: ``build/`` in a checkout, unless ``CAPSGAN_HOME`` is set."""
    return (ROOT if IN_CHECKOUT and not os.environ.get("CAPSGAN_HOME") else home()) / "build"


def file_lock(path: Path):
    """A lock between processes: the operating system's, or with ``CAPSGAN_SOFT_LOCKS`` a file that is there or not."""
    from filelock import FileLock, SoftFileLock

    return (SoftFileLock if os.environ.get("CAPSGAN_SOFT_LOCKS") else FileLock)(path)


def write_atomically(path: Path, write: Callable):
    """Call ``write(file)`` on a temporary file beside ``path``, force it to disk, and put it in its place.

    Raises:
        DiskError: the disk is full or read-only. The file that was there before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise DiskError(
            f"{path} cannot be written ({error.strerror or error}); free some space or set CAPSGAN_HOME to a "
            "folder that can be written, then run again: training goes on from its last checkpoint"
        ) from error
