"""Results that the project brings along: ``data/reference/``, one directory a run, small enough to be committed."""

from __future__ import annotations

import json
import shutil
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from .checkpoints import write_atomically
from .config import ROOT, RunConfig
from .gans import GAN, build_gan
from .gans.base import METRICS
from .runs import Run

REFERENCE = ROOT / "data" / "reference"
ROWS = 1000  # of a thinned history


class ReferenceRun(Run):
    """A finished run without its discriminator's weights, and with a thinned history.

    ``history`` has one row a bin of steps: ``step`` is its last, every metric and ``seconds`` its mean, and
    ``<metric>_min`` and ``<metric>_max`` say how far the steps of the bin lie apart. The generator's weights are
    float16 and there for seed 0 only.
    """

    @property
    def history(self) -> pd.DataFrame:
        """One row a bin of steps: means, and the least and greatest value of every metric."""
        return pd.read_csv(self.directory / "history.csv")

    @cached_property
    def gan(self) -> GAN:
        """Both players: the trained generator, and a discriminator that is *not* trained (its sizes are right)."""
        path = self.directory / "generator.npz"
        if not path.exists():
            raise ValueError(f"{self.directory.name} has no weights in the project; allowed: runs of seed 0")
        gan = build_gan(self.config, self.provenance["image_shape"], self.provenance["classes"])
        with np.load(path) as archive:
            gan.generator.set_weights([archive[key].astype("float32") for key in archive.files])
        return gan

    @property
    def discriminator(self):
        """Not kept."""
        raise ValueError(f"{self.directory.name} is a reference run: its discriminator's weights are not kept")

    def sample_paths(self) -> list[Path]:
        """The final sample grid."""
        return [self.directory / "samples.png"]

    def gif(self) -> bytes:
        """Not kept."""
        raise ValueError(f"{self.directory.name} is a reference run: only its last sample grid is kept")

    @property
    def summary(self) -> dict:
        """The run's row of the comparison table, made from its whole history."""
        return json.loads((self.directory / "summary.json").read_text())


def list_references() -> list[ReferenceRun]:
    """All runs of ``data/reference/``, by name."""
    paths = sorted(REFERENCE.glob("*/config.json"))
    return [ReferenceRun(path.parent, RunConfig.from_dict(json.loads(path.read_text()))) for path in paths]


def load_reference(gan: str, discriminator: str = "cnn", seed: int = 0) -> ReferenceRun:
    """The reference run of one network.

    Raises:
        ValueError: there is none; lists those that there are.
    """
    runs = {(run.config.gan, run.config.discriminator, run.config.seed): run for run in list_references()}
    if (gan, discriminator, seed) not in runs:
        names = ", ".join(f"{g} {d} {s}" for g, d, s in sorted(runs)) or "none"
        raise ValueError(f"reference={gan} {discriminator} {seed} is not in the project; allowed: {names}")
    return runs[gan, discriminator, seed]


def save_reference(run: Run, summary: dict) -> Path:
    """Copy a finished run into ``data/reference/``, thinned, with its row of the table; returns its directory."""
    directory = REFERENCE / run.directory.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in ("config.json", "provenance.json"):
        shutil.copyfile(run.directory / name, directory / name)
    write_atomically(directory / "summary.json", lambda file: file.write(json.dumps(summary, indent=2).encode()))
    thin_history(run.history).to_csv(directory / "history.csv", index=False, float_format="%.6g")
    shutil.copyfile(run.sample_paths()[-1], directory / "samples.png")
    if run.config.seed == 0:
        weights = [weight.astype("float16") for weight in run.generator.get_weights()]
        write_atomically(directory / "generator.npz", lambda file: np.savez_compressed(file, *weights))
    return directory


def thin_history(history: pd.DataFrame, rows: int = ROWS) -> pd.DataFrame:
    """About ``rows`` bins of equal numbers of steps: last step, means, least and greatest values. No warm-up."""
    history = history[history.step > 0]
    size = max(1, round(len(history) / rows))
    bins = history.groupby((history.step - 1) // size)
    thin = bins[[*METRICS, "seconds"]].mean()
    thin.insert(0, "step", bins["step"].last())
    for metric in METRICS:
        thin[f"{metric}_min"], thin[f"{metric}_max"] = bins[metric].min(), bins[metric].max()
    return thin.reset_index(drop=True)
