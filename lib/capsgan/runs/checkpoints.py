"""Checkpoints: everything that training changes, with the history so far."""

import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from keras import ops

from ..paths import write_atomically

KEPT = 2
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, NotImplementedError)


def save_checkpoint(directory: Path, step: int, variables: list, history: np.ndarray) -> Path:
    """Write ``step_<number>.npz`` and drop all but the newest two.

    Args:
        directory: of the run's checkpoints.
        step: the last step that is done.
        variables: Keras variables, those of the optimizers and of the dropout's seeds included.
        history: float64 [rows, columns], the history so far.
    """
    arrays = {f"v{number:04d}": ops.convert_to_numpy(variable.value) for number, variable in enumerate(variables)}
    path = directory / f"step_{step:08d}.npz"
    write_atomically(path, lambda file: np.savez(file, step=step, history=history, **arrays))
    for old in checkpoint_paths(directory)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def checkpoint_paths(directory: Path) -> list[Path]:
    """The checkpoints in a directory, oldest first (steps of a warm-up are numbered up to 0)."""
    return sorted(directory.glob("step_*.npz"), key=lambda path: int(path.stem.removeprefix("step_")))


def read_checkpoint(directory: Path) -> tuple[int, np.ndarray, list[np.ndarray]] | None:
    """The newest checkpoint that can be read: (step, history, values of the variables). None if there is none.

    For the process that holds the run's lock. A damaged checkpoint is renamed to ``*.damaged`` with a warning, and
    the one before it is read.
    """
    for path in reversed(checkpoint_paths(directory)):
        try:
            with np.load(path) as archive:  # the zip format checks every array's CRC
                values = [archive[key] for key in sorted(archive.files) if key.startswith("v")]
                return int(archive["step"]), archive["history"], values
        except DAMAGE as error:
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            warnings.warn(f"checkpoint {path.name} is damaged ({error}); set aside as {aside.name}", stacklevel=2)
    return None


def all_finite(variables: list) -> bool:
    """Whether no variable holds an infinity or NaN."""
    return all(np.isfinite(ops.convert_to_numpy(variable.value)).all() for variable in variables)


def read_history(directory: Path) -> np.ndarray | None:
    """The history in the newest checkpoint that can be read, for onlookers: renames nothing, waits for nobody."""
    for path in reversed(checkpoint_paths(directory)):
        try:
            with np.load(path) as archive:
                return archive["history"]
        except DAMAGE:
            continue
    return None


def restore_variables(variables: list, values: list[np.ndarray]):
    """Put a checkpoint's values into the variables they came from.

    Raises:
        ValueError: number or shapes differ, so the checkpoint is of another network.
    """
    theirs, ours = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if theirs != ours:
        raise ValueError(
            f"the checkpoint holds {len(theirs)} arrays that do not fit the network's {len(ours)} variables"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
