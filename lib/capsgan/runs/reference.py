"""Results that are included with the project: ``data/reference/``, one directory per run, small enough to commit."""

import json
import shutil
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ..checks import require
from ..config import RunConfig
from ..gans import GAN, build_gan
from ..gans.base import METRICS
from ..paths import IN_CHECKOUT, shipped, write_atomically
from .run import Run

REFERENCE = shipped("reference")
ROWS = 300  # of a thinned history
SCORES = ("metrics.json", "features.npz")  # of a run that has been evaluated
THESIS = {"dataset": "mnist", "steps": 20_000, "width": 1.0, "batch_size": 32}  # what load_reference looks for


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
        """Both players: the trained generator, and a discriminator that is *not* trained (its sizes are right).

        In float32, whatever the precision of training: many CPUs take ten times as long in bfloat16.
        """
        path = self.directory / "generator.npz"
        if not path.exists():
            raise ValueError(f"{self.directory.name} has no weights in the project; expected runs of seed 0")
        config = replace(self.config, precision="float32")
        gan = build_gan(config, self.provenance["image_shape"], self.provenance["classes"])
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
        return json.loads((self.directory / "summary.json").read_text(encoding="utf-8"))


def list_references() -> list[ReferenceRun]:
    """All runs of ``data/reference/``, by name."""
    paths = sorted(REFERENCE.glob("*/config.json"))
    return [
        ReferenceRun(path.parent, RunConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))) for path in paths
    ]


def load_reference(gan: str, discriminator: str = "cnn", seed: int = 0, **fields) -> ReferenceRun:
    """The reference run of one network at the thesis's scale: 20,000 steps of 32 on all of MNIST, width 1.

    Args:
        gan, discriminator, seed: which network.
        fields: of the config, where another scale is wanted, e.g. ``steps=2000, width=0.25``. All others but
            ``precision`` and ``snapshots``, which barely affect a result, have to be the thesis's.

    Raises:
        ValueError: an unknown field; no run fits, which lists those of the network, of all seeds; or several fit,
            which says in what they differ.
    """
    require(IN_CHECKOUT, "reference", gan, "a checkout: references are in the repository, not in the installed package")
    for name in fields:
        require(name in RunConfig.__dataclass_fields__, "field", name, " | ".join(RunConfig.__dataclass_fields__))
    asked = {"gan": gan, "discriminator": discriminator, "seed": seed} | THESIS | fields
    wanted = RunConfig(**asked).identity
    free = {"precision", "snapshots"} - fields.keys()
    fits, others = [], []
    for run in filter(lambda run: run.finished and run.config.dataset == asked["dataset"], list_references()):
        identity = run.config.identity
        names = (wanted.keys() | identity.keys()) - free
        same = all(wanted.get(name) == identity.get(name) for name in names)
        (fits if same else others).append(run)
    if len(fits) == 1:
        return fits[0]
    if fits:
        choices = ", ".join(f"precision={run.config.precision!r} snapshots={run.config.snapshots}" for run in fits)
        raise ValueError(f"reference={gan} {discriminator} {seed} is ambiguous; expected one of: {choices}")
    near = [r.directory.name for r in others if (r.config.gan, r.config.discriminator) == (gan, discriminator)]
    scale = ", ".join(f"{name}={value!r}" for name, value in (THESIS | fields).items())
    raise ValueError(
        f"reference={gan} {discriminator} {seed} is not in the project with {scale}; of this network there are: "
        f"{', '.join(near) or 'none'} (name the seed and what else differs, e.g. steps=700, width=0.25)"
    )


def save_reference(run: Run, summary: dict, into: Path | None = None) -> Path:
    """Copy a finished run into ``data/reference/``, thinned, with its scores and its row of the table.

    Args:
        run: finished.
        summary: its row of :func:`capsgan.comparison_table`.
        into: the folder that gets the run's directory; None: ``data/reference/``.

    Returns:
        The run's directory there.
    """
    directory = (into or REFERENCE) / run.directory.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in ("provenance.json", *SCORES):
        if name not in SCORES or (run.directory / name).exists():
            shutil.copyfile(run.directory / name, directory / name)
    config = json.dumps(run.config.published(), indent=2, ensure_ascii=False) + "\n"
    write_atomically(directory / "config.json", lambda file: file.write(config.encode()))
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
