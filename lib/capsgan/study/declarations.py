"""What an analysis plan is made of: metrics, arms, blocks of runs, comparisons. Each rejects invalid values."""

from dataclasses import asdict, dataclass
from datetime import date
from numbers import Integral, Real

import numpy as np

from ..checks import require
from ..names import DISCRIMINATORS, GANS

EFFECTS = {"log_ratio": 1.0, "difference": 0.0}  # each with the value that stands for no effect
DIRECTIONS = ("lower", "higher")


@dataclass(frozen=True)
class Metric:
    """A number that every run gets, and how two runs are compared by it."""

    name: str
    effect: str  # "log_ratio": log(compared / reference), or "difference": compared - reference
    better: str  # "lower" or "higher"
    margin: tuple[float, float] | None = None  # what counts as equal, as a ratio or a difference

    def __post_init__(self):
        require_name("name", self.name)
        require(self.effect in tuple(EFFECTS), f"{self.name}: effect", self.effect, " | ".join(EFFECTS))
        require(self.better in DIRECTIONS, f"{self.name}: better", self.better, " | ".join(DIRECTIONS))
        if self.margin is not None:
            none = EFFECTS[self.effect]
            good = isinstance(self.margin, list | tuple) and len(self.margin) == 2 and all(map(is_number, self.margin))
            good = good and self.margin[0] < none < self.margin[1] and (none == 0 or self.margin[0] > 0)
            require(good, f"{self.name}: margin", self.margin, f"[low, high] on either side of {none:g}")
            object.__setattr__(self, "margin", tuple(map(float, self.margin)))

    @property
    def limits(self) -> tuple[float, float]:
        """The margin on the scale of the effects: natural logarithms for a ratio."""
        low, high = np.log(self.margin) if self.effect == "log_ratio" else self.margin
        return float(low), float(high)


@dataclass(frozen=True)
class Change:
    """A version of the plan: what it declared, why, and what had been seen by then."""

    version: int
    date: date
    what: str
    why: str
    seen: str

    def __post_init__(self):
        require_whole("changes: version", self.version, 1)
        require(type(self.date) is date, "changes: date", self.date, "a date like 2026-11-27")
        for name in ("what", "why", "seen"):
            require_name(f"changes: {name}", getattr(self, name))


@dataclass(frozen=True)
class Arm:
    """One of the networks that a block compares; fields without a value have the profile's."""

    discriminator: str
    width: float | None = None
    dropout: float | None = None
    routing_iterations: int | None = None

    def __post_init__(self):
        good = self.discriminator in DISCRIMINATORS
        require(good, "arms: discriminator", self.discriminator, " | ".join(DISCRIMINATORS))

    @property
    def variations(self) -> dict:
        """The fields that the arm sets itself."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "discriminator"}


@dataclass(frozen=True)
class Block:
    """Runs that answer one question: one GAN, some arms, some seeds of each."""

    asks: str
    gan: str
    arms: tuple[str, ...]
    fraction: float  # of the training set
    steps: dict[int, tuple[int, ...]]  # steps of a run → seeds of such runs

    def __post_init__(self):
        require_name("blocks: asks", self.asks)
        require(self.gan in GANS, "blocks: gan", self.gan, " | ".join(GANS))
        require(isinstance(self.arms, list), "blocks: arms", self.arms, "a list")
        require_distinct("blocks: arms", self.arms)
        require(is_number(self.fraction) and 0 < self.fraction <= 1, "blocks: fraction", self.fraction, "in (0, 1]")
        good = isinstance(self.steps, dict) and self.steps and all(isinstance(s, list) for s in self.steps.values())
        require(good, "blocks: steps", self.steps, "steps: [seeds]")
        for steps in self.steps:
            require_whole("blocks: steps", steps, 1)
        for seed in self.seeds:
            require_whole("blocks: seeds", seed, 0)
        require_distinct("blocks: seeds", self.seeds)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of every arm."""
        return tuple(seed for seeds in self.steps.values() for seed in seeds)


@dataclass(frozen=True)
class Comparison:
    """Two arms, each as ``BLOCK.arm``, paired by seed."""

    compared: str
    reference: str
    minus: str | None = None  # the block whose log ratio is subtracted: an interaction
    claims: str | None = None  # "lower" or "higher": what the thesis expects of the ratio; None: nothing

    def __post_init__(self):
        for name in ("compared", "reference"):
            good = isinstance(getattr(self, name), str) and getattr(self, name).count(".") == 1
            require(good, f"comparison: {name}", getattr(self, name), "BLOCK.arm")
        require(self.compared != self.reference, "comparison: reference", self.reference, "another arm")
        require(self.claims in (None, *DIRECTIONS), "comparison: claims", self.claims, " | ".join(DIRECTIONS))

    bounds = (0.0, 0.0)  # of the log ratio

    @property
    def side(self) -> str:
        """The side of the bounds on which the claim expects the effect."""
        return {"lower": "below", "higher": "above"}[self.claims]

    @property
    def sides(self) -> dict[str, tuple[str, str]]:
        """Block and arm by side of the ratio: ``""`` and ``"reference_"``; interactions also have ``minus_``."""
        sides = {"": self.compared, "reference_": self.reference}
        if self.minus:
            sides |= {f"minus_{side}": f"{self.minus}.{name.split('.')[1]}" for side, name in sides.items()}
        return {side: tuple(name.split(".")) for side, name in sides.items()}


def is_number(value) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and abs(value) < float("inf")  # NaN is not


def require_whole(name: str, value, least: int):
    """Reject all but whole numbers from ``least``."""
    good = isinstance(value, Integral) and not isinstance(value, bool) and value >= least
    require(good, name, value, f"a whole number from {least}")


def require_name(name: str, value):
    """Reject all but non-empty text."""
    require(isinstance(value, str) and value.strip() != "", name, value, "a name")


def require_distinct(name: str, values):
    """Reject an empty list, and one with duplicates."""
    require(len(values) > 0 and len(set(values)) == len(values), name, values, "at least one, none twice")
