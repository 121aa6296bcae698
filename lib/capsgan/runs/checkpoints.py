"""Checkpoints: everything that training changes, with the history so far."""

import io
import warnings
from pathlib import Path

import numpy as np
from keras import ops

from ..paths import DAMAGED_ARCHIVE, write_atomically

KEPT = 2


def save_checkpoint(directory: Path, step: int, variables: list, history: np.ndarray) -> Path:
    """Write ``step_<number>.npz`` to the run's folder of checkpoints and drop all but the newest two.

    ``variables`` are Keras's, those of optimizers and dropout's seeds too; ``history`` is float64 [rows, columns].
    """
    arrays = {f"v{number:04d}": ops.convert_to_numpy(variable.value) for number, variable in enumerate(variables)}
    path = directory / f"step_{step:08d}.npz"
    write_atomically(path, lambda file: np.savez(file, step=step, history=history, **arrays))
    for old in checkpoint_paths(directory)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def checkpoint_paths(directory: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first (steps of a warm-up are numbered up to 0)."""
    return sorted(directory.glob("step_*.npz"), key=lambda path: int(path.stem.removeprefix("step_")))


def read_checkpoint(directory: Path, history_only=False) -> tuple[int, np.ndarray, list[np.ndarray]] | None:
    """The newest readable checkpoint: (step, history, values of the variables), or None. Needs the run's lock.

    A damaged checkpoint is renamed to ``*.damaged`` with a warning, and the one before it is read. ``history_only``
    reads no values, renames nothing, and needs no lock.
    """
    for path in reversed(checkpoint_paths(directory)):
        try:
            with np.load(path) as archive:  # the zip format checks every array's CRC
                keys = [] if history_only else sorted(key for key in archive.files if key.startswith("v"))
                return int(archive["step"]), archive["history"], [archive[key] for key in keys]
        except DAMAGED_ARCHIVE as error:
            if not history_only:
                aside = path.replace(path.with_suffix(".damaged"))
                warnings.warn(f"checkpoint {path.name} is damaged ({error}); set aside as {aside.name}", stacklevel=2)
    return None


def pack_weights(model) -> bytes:
    """The bytes of an archive with a model's weights in float16."""
    file = io.BytesIO()
    np.savez_compressed(file, *(weight.astype("float16") for weight in model.get_weights()))
    return file.getvalue()


def read_weights(file) -> list[np.ndarray]:
    """The weights in such an archive (a path or an open file), float32, for ``set_weights``."""
    with np.load(file) as archive:
        return [archive[key].astype("float32") for key in archive.files]


def all_finite(variables: list) -> bool:
    """Whether every variable is finite."""
    return all(np.isfinite(ops.convert_to_numpy(variable.value)).all() for variable in variables)


def restore_variables(variables: list, values: list[np.ndarray]):
    """Put a checkpoint's values into the variables that they came from; ``ValueError`` if they don't fit."""
    theirs, ours = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if theirs != ours:
        raise ValueError(f"the checkpoint's {len(theirs)} arrays do not fit the network's {len(ours)} variables")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
