"""What an analysis plan is made of: metrics, arms, blocks of runs, comparisons; and how YAML is read as such."""

from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from datetime import date
from numbers import Integral, Real
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from ..checks import require
from ..names import DISCRIMINATORS, GANS

EFFECTS = {"log_ratio": 1.0, "difference": 0.0}  # each with the value that stands for no effect
KINDS = {  # of plain values: which are good, and that in words
    str: (lambda value: isinstance(value, str) and value.strip() != "", "a name"),
    int: (lambda value: isinstance(value, Integral) and type(value) is not bool and value >= 0, "a whole number"),
    float: (lambda value: isinstance(value, Real) and type(value) is not bool and abs(value) < np.inf, "a number"),
    bool: (lambda value: type(value) is bool, "true | false"),
    date: (lambda value: type(value) is date, "a date like 2026-11-27"),
}


@dataclass(frozen=True)
class Metric:
    """A number that every run gets, and how two runs are compared by it."""

    name: str
    effect: Literal[*EFFECTS]  # "log_ratio": log(compared / reference), or "difference": compared - reference
    better: Literal["lower", "higher"]
    margin: tuple[float, ...] | None = None  # low, high: what counts as equal, as a ratio or a difference

    def __post_init__(self):
        if self.margin is not None:
            none, margin = EFFECTS[self.effect], self.margin
            good = len(margin) == 2 and margin[0] < none < margin[1] and (none == 0 or margin[0] > 0)
            require(good, f"{self.name}: margin", self.margin, f"[low, high] on either side of {none:g}")

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


@dataclass(frozen=True)
class Arm:
    """One of the networks that a block compares; fields without a value have the profile's."""

    discriminator: Literal[*DISCRIMINATORS]
    width: float | None = None
    dropout: float | None = None
    routing_iterations: int | None = None

    @property
    def variations(self) -> dict:
        """The fields that the arm sets itself."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "discriminator"}


@dataclass(frozen=True)
class Block:
    """Runs that answer one question: one GAN, some arms, some seeds of each."""

    asks: str
    gan: Literal[*GANS]
    arms: tuple[str, ...]
    fraction: float  # of the training set
    steps: dict[int, tuple[int, ...]]  # steps of a run → seeds of such runs

    def __post_init__(self):
        require(0 < self.fraction <= 1, "blocks: fraction", self.fraction, "in (0, 1]")
        for name in ("arms", "seeds"):
            values = getattr(self, name)
            require(len(set(values)) == len(values) > 0, f"blocks: {name}", values, "one or more, without repeats")

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
    claims: Literal["lower", "higher"] | None = None  # what the thesis expects of the ratio; None: nothing

    def __post_init__(self):
        for name in ("compared", "reference"):
            require(getattr(self, name).count(".") == 1, f"comparison: {name}", getattr(self, name), "BLOCK.arm")
        require(self.compared != self.reference, "comparison: reference", self.reference, "another arm")

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


def build(kind, where: str, value):
    """A value of a declared type, as the dataclasses above, from what YAML holds.

    A ``ValueError`` says where in the plan a value of a different type stands, or a key is missing or unknown.
    """
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        names = {each.name: each.default is MISSING for each in fields(kind)}
        require(isinstance(value, dict), where, value, "the keys " + " | ".join(names))
        for key in value:
            require(key in names, f"{where}: key", key, " | ".join(names))
        for name, needed in names.items():
            require(name in value or not needed, f"{where}: {name}", None, "a value; it is missing")
        types, start = get_type_hints(kind), "" if where == "plan" else f"{where}: "
        return kind(**{name: build(types[name], start + name, item) for name, item in value.items()})
    if origin is dict:
        require(isinstance(value, dict), where, value, "name: value")
        return {build(inside[0], where, key): build(inside[1], f"{where}: {key}", item) for key, item in value.items()}
    if origin is tuple:
        require(isinstance(value, list), where, value, "a list")
        return tuple(build(inside[0], where, item) for item in value)
    if origin in (UnionType, Union):  # with None
        return None if value is None else build(inside[0], where, value)
    good, expected = (inside.__contains__, " | ".join(inside)) if origin is Literal else KINDS[kind]
    require(good(value), where, value, expected)
    return value
