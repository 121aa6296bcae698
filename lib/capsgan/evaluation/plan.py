"""The analysis declared beforehand, ``study/analysis_plan.yaml``: what is compared, by what, and what would count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import yaml

from ..config import DISCRIMINATORS, GANS, ROOT

PLAN = ROOT / "study" / "analysis_plan.yaml"
EFFECTS = {"log_ratio": 1.0, "difference": 0.0}  # each with the value that stands for no effect
DIRECTIONS = ("lower", "higher")
FINISHED = "finished"


@dataclass(frozen=True)
class Metric:
    """A number that every run gets, and how two runs are compared by it.

    Raises:
        ValueError: effect, better or margin is not possible.
    """

    name: str
    effect: str  # "log_ratio": log(run / reference), or "difference": run - reference
    better: str  # "lower" or "higher"
    margin: tuple[float, float] | None = None  # what counts as equivalent, as a ratio or a difference

    def __post_init__(self):
        _require_name("name", self.name)
        _require(self.effect in tuple(EFFECTS), f"{self.name}: effect", self.effect, " | ".join(EFFECTS))
        _require(self.better in DIRECTIONS, f"{self.name}: better", self.better, " | ".join(DIRECTIONS))
        if self.margin is not None:
            none = EFFECTS[self.effect]
            good = isinstance(self.margin, list | tuple) and len(self.margin) == 2 and all(map(_is_number, self.margin))
            good = good and self.margin[0] < none < self.margin[1] and (none == 0 or self.margin[0] > 0)
            _require(good, f"{self.name}: margin", self.margin, f"[low, high] on either side of {none:g}")
            object.__setattr__(self, "margin", tuple(map(float, self.margin)))

    @property
    def limits(self) -> tuple[float, float]:
        """The margin on the scale of the effects: of a ratio its natural logarithms."""
        low, high = np.log(self.margin) if self.effect == "log_ratio" else self.margin
        return float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """The runs of one discriminator against those of another, in the same GAN.

    Raises:
        ValueError: no such GAN or discriminator, or one is compared with itself.
    """

    gan: str
    discriminator: str
    reference: str

    def __post_init__(self):
        _require(self.gan in GANS, "gan", self.gan, " | ".join(GANS))
        for name in ("discriminator", "reference"):
            _require(getattr(self, name) in DISCRIMINATORS, name, getattr(self, name), " | ".join(DISCRIMINATORS))
        other = self.discriminator != self.reference
        _require(other, "reference", self.reference, f"another than the discriminator, {self.discriminator!r}")


@dataclass(frozen=True)
class Bootstrap:
    """When resampling may be trusted, and how much of it is done.

    Raises:
        ValueError: too few pairs or resamples.
    """

    least_pairs: int
    resamples: int

    def __post_init__(self):
        _require_whole("bootstrap: least_pairs", self.least_pairs, 3)
        _require_whole("bootstrap: resamples", self.resamples, 999)


@dataclass(frozen=True)
class AnalysisPlan:
    """Everything that turns runs into a verdict. The comments of the file say why each value is what it is.

    Raises:
        ValueError: a field has an impossible value. Names field, value and what is allowed.
    """

    seeds: tuple[int, ...]
    alpha: float
    power: float
    features: str  # the feature space of all metrics
    primary: Metric  # has a margin; p-values and verdicts are of this one only
    secondary: tuple[Metric, ...]
    families: dict[str, tuple[Comparison, ...]]  # Holm's correction runs over each
    failed: tuple[str, ...]  # status of runs that failed
    collapsed: dict[str, float]  # metric → the value from which on a run has collapsed
    least_steps: int  # of a run, for a verdict
    unusable_pairs: float  # the largest share of them that a verdict bears
    sign_flips: int
    bootstrap: Bootstrap
    random_seed: int

    def __post_init__(self):
        for name in ("seeds", "secondary", "failed"):
            value = getattr(self, name)
            _require(isinstance(value, Iterable) and not isinstance(value, str), name, value, "a list")
            object.__setattr__(self, name, tuple(value))
        for name, high in {"alpha": 0.5, "power": 1, "unusable_pairs": 1}.items():
            value = getattr(self, name)
            good = _is_number(value) and 0 <= value < high and (value > 0 or name == "unusable_pairs")
            _require(good, name, value, f"a number between 0 and {high}")
        for seed in self.seeds:
            _require_whole("seeds", seed, 0)
        _require_distinct("seeds", self.seeds)
        _require_name("features", self.features)
        _require(self.primary.margin is not None, "primary: margin", None, "[low, high]")
        _require_distinct("metric", [self.primary.name, *(metric.name for metric in self.secondary)])
        _require(isinstance(self.families, dict) and self.families, "families", self.families, "name: [comparisons]")
        for name, comparisons in self.families.items():
            _require_distinct(f"families: {name}", comparisons)
        for status in self.failed:
            _require_name("failed", status)
            _require(status != FINISHED, "failed", status, "any other status")
        _require(isinstance(self.collapsed, dict) and self.collapsed, "collapsed", self.collapsed, "metric: limit")
        for name, limit in self.collapsed.items():
            _require(_is_number(limit) and limit > 0, f"collapsed: {name}", limit, "a number above 0")
        _require_whole("least_steps", self.least_steps, 1)
        _require_whole("sign_flips", self.sign_flips, 999)
        _require_whole("random_seed", self.random_seed, 0)

    @classmethod
    def from_dict(cls, values: dict) -> AnalysisPlan:
        """A plan from what YAML makes of the file.

        Raises:
            ValueError: a key is unknown or missing, or a value is impossible.
        """
        values = _check_keys(cls, "plan", values)
        families = values["families"]
        _require(isinstance(families, dict), "families", families, "name: [comparisons]")
        built = {
            "primary": _build(Metric, "primary", values["primary"]),
            "secondary": _build_all(Metric, "secondary", values["secondary"]),
            "families": {name: _build_all(Comparison, f"families: {name}", rows) for name, rows in families.items()},
            "bootstrap": _build(Bootstrap, "bootstrap", values["bootstrap"]),
        }
        return cls(**values | built)


def read_plan(path: Path = PLAN) -> AnalysisPlan:
    """The plan in a YAML file; the study's own by default.

    Raises:
        ValueError: the file is missing or no YAML, a key is unknown or missing, or a value is impossible.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"plan={str(path)!r} cannot be read ({error}); give a YAML file like {PLAN.name}") from error
    return AnalysisPlan.from_dict(values)


def _build(cls, where: str, values):
    return cls(**_check_keys(cls, where, values))


def _build_all(cls, where: str, rows) -> tuple:
    _require(isinstance(rows, list), where, rows, "a list")
    return tuple(_build(cls, where, row) for row in rows)


def _check_keys(cls, where: str, values) -> dict:
    names = [f.name for f in fields(cls)]
    _require(isinstance(values, dict), where, values, "the keys " + " | ".join(names))
    for key in values:
        _require(key in names, f"{where}: key", key, " | ".join(names))
    for name in names:
        _require(name in values or name == "margin", f"{where}: {name}", None, "a value; it is missing")
    return values


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and abs(value) < float("inf")  # NaN is not


def _require_whole(name: str, value, least: int):
    good = isinstance(value, Integral) and not isinstance(value, bool) and value >= least
    _require(good, name, value, f"a whole number from {least}")


def _require_name(name: str, value):
    _require(isinstance(value, str) and value.strip() != "", name, value, "a name")


def _require_distinct(name: str, values):
    _require(len(values) > 0 and len(set(values)) == len(values), name, values, "at least one, none twice")


def _require(good: bool, name: str, value, allowed: str):
    if not good:
        raise ValueError(f"{name}={value!r} is not possible; allowed: {allowed}")
