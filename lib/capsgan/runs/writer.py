"""A run in the hands of the process that trains it: what is written, and in which order."""

import io
import json
import os
import shutil

import numpy as np
import pandas as pd
from filelock import Timeout

from ..data.pixels import encode_png, tile, to_uint8
from ..gans import GAN
from ..paths import DiskError, file_lock, write_atomically
from .run import Run


class RecordedRun(Run):
    """A run that can be written."""

    def wait_for_lock(self):
        """A context that holds the operating system's lock on this run; says so where another process holds it.

        Raises:
            DiskError: the lock's file cannot be made.
        """
        path = self.lock_path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = file_lock(path)
            try:
                return lock.acquire(timeout=0)
            except Timeout:
                print(
                    f"{self.directory.name}: another process is training this run; waiting for its result", flush=True
                )
                return lock.acquire()
        except OSError as error:
            raise DiskError(
                f"{path} cannot be made ({error.strerror or error}); set CAPSGAN_HOME to a folder that can be written"
            ) from error

    def write_json(self, name: str, values: dict):
        """Write ``values`` to a file of the run."""
        text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.directory / name, lambda file: file.write(text.encode()))

    def write_samples(self, step: int, images: np.ndarray):
        """Save the 5×5 grid of one step; ``images`` float32 [25, height, width, channels] in [-1, 1]."""
        data = encode_png(tile(to_uint8(images)))
        write_atomically(self.directory / "samples" / f"step_{step:08d}.png", lambda file: file.write(data))

    def write_snapshot(self, step: int, model):
        """Keep a float16 copy of the generator."""
        weights = [weight.astype("float16") for weight in model.get_weights()]
        path = self.directory / "snapshots" / f"step_{step:08d}.npz"
        write_atomically(path, lambda file: np.savez(file, *weights))

    def finish(self, gan: GAN, history: pd.DataFrame, provenance: dict):
        """Save models and history, then say that the run is finished, then drop the checkpoints."""
        for name in gan.players:
            temporary = self.directory / f".{name}.tmp.weights.h5"
            try:
                getattr(gan, name).save_weights(temporary)
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                temporary.replace(self.directory / f"{name}.weights.h5")
            except (OSError, RuntimeError) as error:  # h5py raises either on a full disk
                temporary.unlink(missing_ok=True)
                raise DiskError(f"{name}.weights.h5 of {self.directory} cannot be written ({error})") from error
        text = io.StringIO()
        history.to_csv(text, index=False)
        write_atomically(self.directory / "history.csv", lambda file: file.write(text.getvalue().encode()))
        self.write_json("provenance.json", provenance | {"status": "finished"})
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        self.__dict__["gan"] = gan

    def discard(self):
        """Remove the run's directory."""
        self.__dict__.pop("gan", None)
        if self.directory.exists():  # renamed first: a half-removed run must not pass for a finished one
            aside = self.directory.with_name(f".{self.directory.name}.removed")
            shutil.rmtree(aside, ignore_errors=True)
            self.directory.rename(aside)
            shutil.rmtree(aside)
