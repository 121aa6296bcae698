"""A run on disk: its config, history, sample grids, checkpoints, trained models and provenance."""

import hashlib
import json
import time
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import Timeout

from ..config import RunConfig
from ..data.datasets import Dataset, load_dataset
from ..data.listing import is_folder
from ..gans import GAN, build_gan
from ..gans.base import METRICS
from ..gans.sampling import choose_codes, generate_images
from ..paths import file_lock, home
from .checkpoints import read_checkpoint, read_weights

COLUMNS = ("step", *METRICS, "seconds")


class Run:
    """A training run in ``directory``, ``<CAPSGAN_HOME>/runs/<id>``; all but its ``config`` is read when asked for."""

    def __init__(self, directory: Path, config: RunConfig):
        self.directory, self.config = Path(directory), config
        self.checkpoints = self.directory / "checkpoints"  # while the run is unfinished
        # The process that trains the run holds a lock on this file.
        self.lock_path = self.directory.parent / ".locks" / f"{self.directory.name}.lock"

    def __repr__(self) -> str:
        return f"Run({self.directory.name}, {self.status})"

    @property
    def provenance(self) -> dict:
        """Versions, machine, checksums, times; ``status`` is running, failed or finished."""
        path = self.directory / "provenance.json"
        return read_or_refuse(path, lambda: {} | json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    @property
    def status(self) -> str:
        """``new``, ``running`` (a process holds its lock), ``interrupted``, ``failed``, ``damaged`` or ``finished``."""
        try:
            status = self.provenance.get("status", "new")
        except ValueError:
            return "damaged"
        return "interrupted" if status == "running" and not self._is_locked() else status

    @property
    def finished(self) -> bool:
        """Whether all steps are done and the models are saved."""
        return self.status == "finished"

    @property
    def history(self) -> pd.DataFrame:
        """One row per step: step, g_loss, d_loss, accuracy, accuracy_real, accuracy_fake, seconds.

        Losses are mean natural-log cross-entropies, accuracies shares in [0, 1]. ``d_loss`` is the mean over the real
        and the generated half: for a critic (WGAN, WGAN-GP) half of the paper's loss, in units of its scores. Steps of
        the discriminator alone (``discriminator_warmup``) come first, numbered up to 0, without g_loss. With separate
        updates the real half is judged before the discriminator moves and the generated half after, so an accuracy
        can be below one half. Of an unfinished run: what its last checkpoint holds.
        """
        path = self.directory / "history.csv"
        if path.exists():  # the Python engine's floats are exact
            return read_or_refuse(path, lambda: pd.read_csv(path, engine="python")[list(COLUMNS)])
        checkpoint = read_checkpoint(self.checkpoints, history_only=True)
        return history_frame(checkpoint[1] if checkpoint else [])

    @property
    def history_sha256(self) -> str:
        """Checksum of the history's file, which saved figures carry: it tells what they show."""
        return hashlib.sha256((self.directory / "history.csv").read_bytes()).hexdigest()

    @cached_property
    def gan(self) -> GAN:
        """Both players with their trained weights."""
        self.require_finished()
        gan = self.build()
        for name in gan.players:
            path = self.directory / f"{name}.weights.h5"
            read_or_refuse(path, partial(getattr(gan, name).load_weights, path))
        return gan

    generator = property(attrgetter("gan.generator"), doc="The trained generator, a ``keras.Model``.")
    discriminator = property(attrgetter("gan.discriminator"), doc="The trained discriminator; it answers in logits.")

    def build(self, config: RunConfig | None = None, **options) -> GAN:
        """The GAN of this run, or of another config for the same images, with initial weights."""
        return build_gan(config or self.config, self.provenance["image_shape"], self.provenance["classes"], **options)

    def load_data(self, split: str = "train") -> Dataset:
        """Images of a split. A changed or missing folder raises ``ValueError``, a failed download ``RuntimeError``."""
        dataset = load_dataset(self.config.dataset, split, **self.config.data_options)
        trained_on = self.provenance.get("dataset_sha256")
        if split == "train" and trained_on and dataset.sha256 != trained_on:
            hashes = f"(SHA-256 {trained_on[:12]}…, not {dataset.sha256[:12]}…)"
            message = f"{self.directory.name} was trained on other images than {self.config.dataset!r} has now {hashes}"
            if is_folder(self.config.dataset):
                raise ValueError(f"{message}; put the images back, or train again")
            warnings.warn(message, stacklevel=2)  # drawn or decoded by another version of a library
        return dataset

    def generate(self, count: int, seed: int = 0, *, labels=None, codes: dict | None = None) -> np.ndarray:
        """Images, float32 [count, height, width, channels] in [-1, 1]: generated, or completed held-out ones.

        seed: of the latents; the same for every run of the same GAN.
        labels: ACGAN's classes, int [count] or one number; None: random.
        codes: any part of the latent to fix, e.g. InfoGAN's ``{"category": 3, "continuous": [[-1, 0]]}``.
        """
        images = ()
        if self.gan.conditional:
            images = load_dataset(self.config.dataset, "test", image_size=self.config.image_size).images
        codes = choose_codes(self.gan, count, seed, labels=labels, codes=codes, images=images)
        return generate_images(self.gan, codes)

    @property
    def snapshot_steps(self) -> list[int]:
        """The steps of the snapshots on disk: those of the config, or the last of them."""
        return sorted(int(path.stem.removeprefix("step_")) for path in self.directory.glob("snapshots/step_*.npz"))

    def weights_at(self, step: int) -> list[np.ndarray]:
        """The generator's weights in a snapshot, kept in float16, as float32 for ``set_weights``."""
        path = self.directory / "snapshots" / f"step_{step:08d}.npz"
        if not path.exists():
            raise ValueError(f"step={step!r} has no snapshot in {self.directory.name}; expected {self.snapshot_steps}")
        return read_weights(path)

    def sample_paths(self) -> list[Path]:
        """The sample grids saved during training, in the order of their steps."""
        return sorted((self.directory / "samples").glob("step_*.png"))

    def _is_locked(self) -> bool:
        try:
            if self.lock_path.exists():
                file_lock(self.lock_path).acquire(timeout=0).lock.release()
        except (Timeout, OSError):
            return True
        return False

    def require_finished(self):
        """Raise ``ValueError`` if the run is not finished; it says what to do."""
        if not self.finished:
            raise ValueError(f"{self.directory.name} is {self.status}, not finished; train it to its end first")


def run_for(config: RunConfig) -> Run:
    """The run of a config, whether it exists yet or not."""
    return Run(home() / "runs" / config.run_id, config)


def list_runs() -> list[Run]:
    """All runs under ``CAPSGAN_HOME``, by name."""
    runs = []
    for path in sorted((home() / "runs").glob("[!.]*/config.json")):
        try:
            runs.append(Run(path.parent, read_config(path)))
        except (ValueError, TypeError, OSError) as error:
            warnings.warn(f"{path} is skipped: {error}", stacklevel=2)
    return runs


def load_run(prefix: str) -> Run:
    """The run whose id begins with ``prefix``; ``ValueError`` lists the runs if it is not exactly one."""
    runs = list_runs()
    found = [run for run in runs if run.directory.name.startswith(prefix)]
    if len(found) != 1:
        ids = ", ".join(run.directory.name for run in found or runs) or f"no runs in {home() / 'runs'}"
        more = "; write more of the id" if found else ""
        raise ValueError(f"run={prefix!r} names {len(found)} runs; there are: {ids}{more}")
    return found[0]


def read_config(path: Path) -> RunConfig:
    """The config in a run's ``config.json``."""
    return RunConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))


def history_frame(rows) -> pd.DataFrame:
    """Rows of ``COLUMNS`` as a data frame."""
    frame = pd.DataFrame(np.asarray(rows, "float64").reshape(-1, len(COLUMNS)), columns=list(COLUMNS))
    return frame.astype({"step": "int64"})


def read_or_refuse(path: Path, read: Callable):
    """What ``read()`` returns; what it raises becomes a ``ValueError`` that names the file and the way out."""
    try:
        return read()
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ValueError(f"{path} is missing or damaged ({error}); train the run again with --force") from error


def now() -> str:
    """The time in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
