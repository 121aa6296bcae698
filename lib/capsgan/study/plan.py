"""The analysis plan, ``study/analysis_plan.yaml``: what is compared, by which numbers, and what would count."""

from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Literal

import yaml

from ..checks import require
from ..config import RunConfig
from ..paths import shipped
from ..profiles import PROFILES, get_profile
from .declarations import Arm, Block, Change, Comparison, Metric, build

PLAN = shipped("study") / "analysis_plan.yaml"
FINISHED = "finished"
WORDS = ("replicated", "contradicted", "cannot tell yet", "not testable here")
REPLICATED, CONTRADICTED, CANNOT_TELL, NOT_TESTABLE = WORDS


@dataclass(frozen=True)
class AnalysisPlan:
    """Everything that turns runs into words. The comments of the file give the reason for each value."""

    version: int
    date: date
    changes: tuple[Change, ...]
    profile: Literal[*PROFILES]  # the scale of all runs
    arms: dict[str, Arm]
    blocks: dict[str, Block]
    snapshots: dict[int, tuple[int, ...]]  # steps of a run → those at which its generator is kept
    score_snapshots: int  # how many of them a score is the mean of
    samples: int  # images of a snapshot
    primary: dict[str, Comparison]  # Holm's correction runs over these
    secondary: dict[str, Comparison]
    features: str  # the feature space that decides
    second_space: str
    metric: Metric  # decides
    metrics: tuple[Metric, ...]  # in ``features``, for intervals
    costs: tuple[Metric, ...]
    words: dict[str, str]  # each with its meaning
    least_seeds: int  # pairs, for a decision
    alpha: float
    power: float
    failed: tuple[str, ...]  # status of runs that failed
    collapsed: dict[str, float]  # metric → the value from which on a run has collapsed
    unusable_pairs: float  # the largest share that still allows a decision
    least_steps: int  # of a run, for claims about how training ends
    one_cpu_per_seed: bool

    def __post_init__(self):
        for name in ("changes", "arms", "blocks", "primary", "costs", "failed", "collapsed"):
            require(getattr(self, name), name, getattr(self, name), "at least one")
        last = self.changes[-1]
        require((last.version, last.date) == (self.version, self.date), "version", self.version, "the last change's")
        for name, high in {"alpha": 0.5, "power": 1, "unusable_pairs": 1}.items():
            value = getattr(self, name)
            good = 0 <= value < high and (value > 0 or name == "unusable_pairs")
            require(good, name, value, f"a number between 0 and {high}")
        least_values = {"version": 1, "score_snapshots": 1, "samples": 1, "least_seeds": 2, "least_steps": 1}
        for name, least in least_values.items():
            require(getattr(self, name) >= least, name, getattr(self, name), f"a whole number from {least}")
        require(tuple(self.words) == WORDS, "words", self.words, " | ".join(WORDS))
        for name, metric in {"metric": self.metric, "costs": self.costs[0]}.items():
            require(metric.margin is not None, f"{name}: margin", None, "[low, high]")
        names = [metric.name for metric in (self.metric, *self.metrics, *self.costs)]
        require(len(set(names)) == len(names), "metrics", names, "names without repeats")
        require(FINISHED not in self.failed, "failed", self.failed, "a list of any other status")
        for name, limit in self.collapsed.items():
            require(limit > 0, f"collapsed: {name}", limit, "a number above 0")
        self._check_blocks()

    def too_many(self, unusable: int, pairs: int) -> str:
        """Why so many pairs without a number allow no verdict; empty if they do."""
        reason = f"too many pairs are unusable: in {unusable} of {pairs} a run failed, or all collapsed"
        return reason if unusable > self.unusable_pairs * pairs else ""

    def _check_blocks(self):
        for name, block in self.blocks.items():
            for arm in block.arms:
                require(arm in self.arms, f"blocks: {name}: arms", arm, " | ".join(self.arms))
            for steps in block.steps:
                kept = self.snapshots.get(steps, ())
                good = kept[-1:] == (steps,) and list(kept) == sorted(kept)
                require(good, f"snapshots: {steps}", kept, f"a rising list up to {steps}")
        require(not set(self.primary) & set(self.secondary), "secondary", sorted(self.secondary), "other names")
        for name, comparison in self.comparisons.items():
            for block, arm in comparison.sides.values():
                good = block in self.blocks and arm in self.blocks[block].arms
                require(good, name, f"{block}.{arm}", "an arm of a block")

    @property
    def comparisons(self) -> dict[str, Comparison]:
        """All comparisons, primaries first."""
        return self.primary | self.secondary

    def seeds_of(self, comparison: Comparison) -> list[int]:
        """The seeds that all its blocks have."""
        return sorted(set.intersection(*(set(self.blocks[block].seeds) for block, _ in comparison.sides.values())))

    def step_of(self, comparison: Comparison) -> int:
        """The last step that all its runs reach."""
        return min(steps for block, _ in comparison.sides.values() for steps in self.blocks[block].steps)

    def snapshots_of_score(self, step: int) -> list[int]:
        """The snapshots that a score at a step is the mean of."""
        kept = {snapshot for steps in self.snapshots.values() for snapshot in steps if snapshot <= step}
        return sorted(kept)[-self.score_snapshots :]

    def arm_fields(self, arm: Arm, varied: bool = True) -> dict[str, float]:
        """Width, dropout and routing iterations of an arm's runs; without ``varied`` those of the profile."""
        config = get_profile(self.profile).config("dcgan", arm.discriminator, **(arm.variations if varied else {}))
        return {name: getattr(config, name) for name in ("width", "dropout", "routing_iterations")}

    def configs(self) -> dict[tuple[str, str, int], RunConfig]:
        """Every run of the plan by block, arm and seed."""
        found, profile = {}, get_profile(self.profile)
        for name, block in self.blocks.items():
            for steps, seeds in block.steps.items():
                given = {"fraction": block.fraction, "steps": steps, "snapshots": self.snapshots[steps]}
                for seed, arm in product(seeds, block.arms):
                    trunk, variations = self.arms[arm].discriminator, self.arms[arm].variations
                    found[name, arm, seed] = profile.config(block.gan, trunk, seed, **given, **variations)
        return found


def read_plan(path: Path = PLAN) -> AnalysisPlan:
    """The plan in a YAML file; the study's own by default. A ``ValueError`` names a bad key or value."""
    return build(AnalysisPlan, "plan", read_yaml("plan", path, PLAN.name))


def read_yaml(name: str, path: Path, like: str):
    """What a YAML file holds; a ``ValueError`` names the file and one ``like`` it."""
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{name}={str(path)!r} cannot be read ({error}); expected a YAML file like {like}") from error
