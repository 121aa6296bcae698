"""Results that are included with the project: ``data/reference/``, one directory per run, small enough to commit."""

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from ..checks import require
from ..config import RunConfig, check_fields
from ..gans import GAN
from ..paths import IN_CHECKOUT, shipped
from .checkpoints import read_weights
from .run import Run, read_config

REFERENCE = shipped("reference")
THESIS = {"dataset": "mnist", "steps": 20_000, "width": 1.0, "batch_size": 32}  # what load_reference looks for


class ReferenceRun(Run):
    """A finished run without its discriminator, and with a thinned history; asking for more raises ``ValueError``.

    ``history`` has one row per bin of steps: ``step`` is its last, every metric and ``seconds`` its mean, and
    ``<metric>_min`` and ``<metric>_max`` are the extremes of its steps. Most runs of seed 0 also have the generator.
    """

    @property
    def history(self) -> pd.DataFrame:
        """One row per bin of steps, see the class."""
        return pd.read_csv(self._stored("history.csv", "history in the project"))

    @cached_property
    def gan(self) -> GAN:
        """The trained generator alone, in float32: many CPUs take ten times as long in bfloat16."""
        what = "weights in the project, only samples and scores; most runs of seed 0 have them"
        path = self._stored("generator.npz", what)
        gan = self.build(replace(self.config, precision="float32"), generator_only=True)
        gan.generator.set_weights(read_weights(path))
        return gan

    def sample_paths(self) -> list[Path]:
        """The final sample grid."""
        return [self._stored("samples.png", "sample grid in the project")]

    @property
    def summary(self) -> dict:
        """The run's row of the comparison table, made from its whole history."""
        return json.loads(self._stored("summary.json", "summary in the project").read_text(encoding="utf-8"))

    def _stored(self, name: str, what: str) -> Path:
        if not (self.directory / name).exists():
            raise ValueError(f"{self.directory.name} has no {what}")
        return self.directory / name


def list_references() -> list[ReferenceRun]:
    """All runs of ``data/reference/``, by name."""
    return [ReferenceRun(path.parent, read_config(path)) for path in sorted(REFERENCE.glob("*/config.json"))]


def load_reference(gan: str, discriminator: str = "cnn", seed: int = 0, **fields) -> ReferenceRun:
    """The reference run of one network at the thesis's scale: 20,000 steps of 32 on all of MNIST, width 1.

    ``fields`` of the config ask for another scale, e.g. ``steps=2000, width=0.25``. All others must be the thesis's,
    except ``precision`` and ``snapshots``, which barely affect a result. Raises ``ValueError`` if no run fits (with
    those of the network), or if several do (with what distinguishes them).
    """
    require(IN_CHECKOUT, "reference", gan, "a checkout: references are in the repository, not in the installed package")
    check_fields(fields)
    asked = {"gan": gan, "discriminator": discriminator, "seed": seed} | THESIS | fields
    wanted = _without(RunConfig(**asked).identity, fields)
    runs = [run for run in list_references() if run.finished and run.config.dataset == asked["dataset"]]
    fits = [run for run in runs if _without(run.config.identity, fields) == wanted]
    fits = [run for run in fits if asked.items() <= run.config.to_dict().items()] or fits  # a CNN at its pair's width
    if len(fits) == 1:
        return fits[0]
    if fits:
        choices = ", ".join(f"precision={run.config.precision!r} snapshots={run.config.snapshots}" for run in fits)
        raise ValueError(f"reference={gan} {discriminator} {seed} is ambiguous; expected one of: {choices}")
    near = [r.directory.name for r in runs if (r.config.gan, r.config.discriminator) == (gan, discriminator)]
    scale = ", ".join(f"{name}={value!r}" for name, value in (THESIS | fields).items())
    raise ValueError(
        f"reference={gan} {discriminator} {seed} is not in the project with {scale}; of this network there are: "
        f"{', '.join(near) or 'none'} (name the seed and what else differs, e.g. steps=700, width=0.25)"
    )


def _without(identity: dict, fields: dict) -> dict:
    free = {"precision", "snapshots"} - fields.keys()
    return {name: value for name, value in identity.items() if name not in free}
