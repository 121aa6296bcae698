"""A run as the process that trains it sees it: what is written, and in which order."""

import os
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from filelock import Timeout

from ..data.listing import is_folder
from ..data.pixels import encode_png, tile, to_uint8
from ..gans import GAN
from ..paths import DiskError, file_lock, write_atomically, write_json
from .checkpoints import pack_weights
from .provenance import gives_the_same_results
from .run import Run, read_config, read_or_refuse


class RecordedRun(Run):
    """A run that can be written."""

    def is_done(self) -> bool:
        """Whether the run is finished; warns if other source made it, refuses a directory with a different config."""
        self._refuse_another_config()
        if self.finished:
            self.check_source()
        return self.finished

    def _refuse_another_config(self):
        path = self.directory / "config.json"
        if not path.exists():
            return
        saved = read_or_refuse(path, lambda: read_config(path))
        if is_folder(saved.dataset) and is_folder(self.config.dataset):  # the directory's name tells their content
            saved = replace(saved, dataset=self.config.dataset)
        theirs, ours = saved.identity, self.config.identity
        if names := sorted({name for name, _ in theirs.items() ^ ours.items()}):
            changes = ", ".join(f"{n}={theirs.get(n)!r}, not {ours.get(n)!r}" for n in names)
            raise ValueError(f"{self.directory} has a different config ({changes}); remove it or use --force")

    def check_source(self):
        """Warn if the run was made by other source than this."""
        if not gives_the_same_results(self.provenance.get("source_sha256"), self.config.gan):
            warnings.warn(
                f"{self.directory.name} was made by another version of the networks or GANs; "
                "train it again with force=True (--force) to be sure",
                stacklevel=4,
            )

    def wait_for_lock(self):
        """A context that holds the operating system's lock on this run; says so if another process holds it."""
        path, name = self.lock_path, self.directory.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = file_lock(path)
            try:
                return lock.acquire(timeout=0)
            except Timeout:
                print(f"{name}: another process is training this run; waiting for its result", flush=True)
                return lock.acquire()
        except OSError as error:
            raise DiskError(
                f"{path} cannot be made ({error.strerror or error}); set CAPSGAN_HOME to a folder that can be written"
            ) from error

    def write_json(self, name: str, values: dict):
        """Write ``values`` to a file of the run."""
        write_json(self.directory / name, values)

    def write_samples(self, step: int, images: np.ndarray):
        """Save the 5×5 grid of one step; ``images`` float32 [25, height, width, channels] in [-1, 1]."""
        write_atomically(self.directory / "samples" / f"step_{step:08d}.png", encode_png(tile(to_uint8(images))))

    def write_snapshot(self, step: int, model):
        """Keep a float16 copy of the generator."""
        write_atomically(self.directory / "snapshots" / f"step_{step:08d}.npz", pack_weights(model))

    def finish(self, gan: GAN, history: pd.DataFrame, provenance: dict):
        """Save models and history, then mark the run as finished, then drop the checkpoints."""
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
        write_atomically(self.directory / "history.csv", history.to_csv(index=False, lineterminator="\n").encode())
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
