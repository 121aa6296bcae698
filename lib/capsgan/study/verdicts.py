"""Whether runs support or contradict a claim.

The runs of one seed give one number, the *effect* (:mod:`capsgan.study.effects`): say, the log ratio of FID, Caps ÷
classical. The claim says on which side of a bound the mean effect lies; its t interval over the seeds decides, from as
many seeds as the plan wants. Intervals hold for each claim by itself; a claim that is one of the plan's primaries also
needs Holm's p (:mod:`capsgan.study.comparisons`). Runs of one GAN are judged at the last step that all of them reach
(:func:`capsgan.study.pairing.numbers_at`); claims about several GANs take each at its own.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..names import GANS
from .comparisons import analyse
from .effects import NoRuns
from .pairing import GAME, SCALE, TRUNK, collapsed_runs, numbers_at, refuse_bad_numbers, refuse_mixture, require_columns
from .plan import CANNOT_TELL, CONTRADICTED, FINISHED, NOT_TESTABLE, REPLICATED, AnalysisPlan, read_plan
from .statistics import SAME, decide, summarise_effects

ARM = ["gan", "discriminator"]
OURS = "ours"  # the section of a check of our own, which is no claim of the thesis
LEAST_STEPS = 500  # runs shorter than that say nothing: the smoke profile's
BOUNDS = {  # of the plan, by the name that a claim calls them by
    "margin": lambda plan: plan.metric.limits,
    "margin's lower end": lambda plan: plan.metric.limits[:1] * 2,
    "margin's upper end": lambda plan: plan.metric.limits[1:] * 2,
    "saving": lambda plan: plan.costs[0].limits[:1] * 2,
}
NEEDED = ("run", "gan", "discriminator", "fraction", "seed", "steps", "status", "features", "metric", "value")


@dataclass(frozen=True)
class Claim:
    """One testable statement."""

    name: str  # short, unique
    section: str  # of the thesis
    says: str  # the thesis, in our words
    tested: str  # the statement that is tested
    effects: Callable[[pd.DataFrame], pd.Series] | None = None  # results → one effect per seed; None: not tested
    side: str = "below"  # of the bounds, for the mean effect: below or above (equal bounds), within or outside
    bounds: Sequence[float] | str = (0.0, 0.0)  # on the scale of the effects, or a name in BOUNDS
    unit: str = "ratio"  # of the effects; a ratio is tested as its natural logarithm
    reason: str = ""  # why it is not tested
    gans: Sequence[str] = ("dcgan",)  # with the next two: the runs whose failures and collapses count
    discriminators: Sequence[str] = ("caps", "cnn")
    fractions: Sequence[float] = (1.0,)  # of the training set
    least_steps: int | None = LEAST_STEPS  # of a run; None: the plan's, for claims about the end of a training
    two_spaces: bool = False  # effects are FIDs and take ``features``: also judged in the second feature space
    premise: Callable[[pd.DataFrame], pd.Series] | None = None  # effects whose interval must be above 0 for a test
    premise_words: str = ""  # what these effects are
    primary: str = ""  # the plan's primary comparison of the same question; its p decides too

    def under(self, plan: AnalysisPlan) -> "Claim":
        """The claim with the plan's numbers in place of their names."""
        bounds = BOUNDS[self.bounds](plan) if isinstance(self.bounds, str) else self.bounds
        least = plan.least_steps if self.least_steps is None else self.least_steps
        return replace(self, bounds=bounds, least_steps=least)


def verdict_table(claims: Iterable[Claim], results: pd.DataFrame, plan: AnalysisPlan | None = None) -> pd.DataFrame:
    """Judge claims by the results so far, see :func:`capsgan.study.results.collect_results`; all of one scale.

    Returns one row per claim: ``claim``, ``section``, ``says``, ``tested``, ``seeds`` (number of effects), ``failed``
    and ``collapsed`` (runs of the claim's networks), ``estimate`` with its 1 - alpha t interval ``low``, ``high`` in
    ``unit`` (ratios as such, not as logarithms), ``verdict``; for claims about FIDs the last four with ``second_``
    before them, in the plan's second feature space; ``note``: why it is undecided, or which seeds have no partner. A
    ``ValueError`` names runs of two scales, two runs of one network, share of the data and seed, and numbers that are
    duplicated, not finite or without a logarithm.
    """
    plan, claims = plan or read_plan(), list(claims)
    require_columns(results, NEEDED)
    refuse_bad_numbers(results[results.metric.notna()])
    every, results = results, _without_variants(results, plan)
    runs = results.drop_duplicates("run")
    refuse_mixture(runs, (*SCALE, "image_size"))
    refuse_mixture(runs[runs.status == FINISHED], ["samples"])
    for group, columns in ((["gan", "fraction", "seed"], ["precision"]), (["gan"], GAME), (ARM, TRUNK)):
        for _, part in runs.groupby(group):
            refuse_mixture(part, columns)
    if len(twice := runs[runs.duplicated([*ARM, "fraction", "seed"], keep=False)]):
        raise ValueError(f"{', '.join(sorted(twice.run))} are of one network and seed; keep one")
    table = pd.DataFrame([judge(claim, results, plan) for claim in claims])
    primaries = pd.Series([claim.primary for claim in claims])
    tested = primaries[table.verdict.isin([REPLICATED, CONTRADICTED]) & (primaries != "")]
    if len(tested):
        p = analyse(every, plan, plan.primary).dropna(subset="p_holm").set_index("comparison").p_holm
        for place, primary in tested.items():
            if not (found := p.get(primary, np.nan)) <= plan.alpha:
                table.loc[place, ["verdict", "note"]] = CANNOT_TELL, f"a primary, with p (Holm) = {found:.3g}"
    return table


def _without_variants(results: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """Without the runs of blocks that vary a discriminator's width, dropout or iterations: no claim is about them."""
    varied = pd.Series(False, results.index)
    for arm in plan.arms.values():
        of_trunk = results.discriminator == arm.discriminator
        for name in arm.variations.keys() & set(results):
            usual = results[name] == plan.arm_fields(arm, varied=False)[name]
            varied |= of_trunk & ~usual & (of_trunk & usual).any()
    return results[~varied]


def judge(claim: Claim, results: pd.DataFrame, plan: AnalysisPlan) -> dict:
    """One row of :func:`verdict_table`."""
    claim = claim.under(plan)
    runs = results.drop_duplicates("run")
    runs = runs[runs.gan.isin(claim.gans) & runs.discriminator.isin(claim.discriminators)]
    runs = runs[runs.fraction.isin(claim.fractions)]
    last, rows = runs.groupby("gan").steps.min(), results[results.run.isin(runs.run)]
    if len(runs):
        results = pd.concat([numbers_at(rows[rows.gan == gan], int(step), plan) for gan, step in last.items()])
    runs = runs.assign(failed=runs.status.isin(plan.failed), collapsed=runs.run.isin(collapsed_runs(results, plan)))
    row = {"claim": claim.name, "section": claim.section, "says": claim.says, "tested": claim.tested, "seeds": 0}
    row |= {"failed": int(runs.failed.sum()), "collapsed": int(runs.collapsed.sum()), "unit": claim.unit}
    row |= _measure(pd.Series(dtype="float64"), claim, plan)
    row |= dict.fromkeys(("second_estimate", "second_low", "second_high"), np.nan) | {"second_verdict": ""}
    if claim.effects is None:
        return row | {"note": claim.reason}
    try:
        effects = claim.effects(results).dropna()
        premise = claim.premise(results).dropna() if claim.premise else None
    except NoRuns as lack:
        return row | {"note": str(lack)}
    row |= {"seeds": len(effects)} | _measure(effects, claim, plan)
    if reason := _refuse(claim, runs, effects, premise, plan):
        return row | {"verdict": NOT_TESTABLE, "note": reason}
    if claim.two_spaces:
        with contextlib.suppress(NoRuns):
            second = claim.effects(results, features=plan.second_space).dropna()
            row |= {f"second_{name}": value for name, value in _measure(second, claim, plan).items()}
    alone = sorted(set(runs.seed) - set(effects.index) - set(runs.seed[runs.failed]))
    notes = [f"seeds: {len(effects)}, needed: {plan.least_seeds}"] if len(effects) < plan.least_seeds else []
    notes += [f"without a partner: seeds {', '.join(map(str, alone))}"] if alone else []
    return row | {"note": "; ".join(notes)}


def _measure(effects: pd.Series, claim: Claim, plan: AnalysisPlan) -> dict:
    """``estimate``, ``low``, ``high`` and ``verdict`` of effects; NaN where there are too few."""
    found, *intervals = summarise_effects(effects, plan.alpha, claim.unit == "ratio")
    word = decide(claim, *intervals) if len(effects) >= plan.least_seeds else CANNOT_TELL
    del found["sd"]
    return found | {"verdict": NOT_TESTABLE if effects.empty else word}


def _refuse(claim: Claim, runs: pd.DataFrame, effects: pd.Series, premise: pd.Series | None, plan: AnalysisPlan) -> str:
    """Why a claim is not tested by these runs; empty if it is."""
    if runs.steps.min() < claim.least_steps:
        short = runs.sort_values("steps").iloc[0]
        which = f"{GANS[short.gan].label}: " if len(claim.gans) > 1 else ""
        return f"{which}runs of {short.steps:,} steps, needed: {claim.least_steps:,}"
    if effects.empty:
        return "no pair of runs has the number"
    by_pair = runs.groupby(["gan", "fraction", "seed"])
    unusable = by_pair.failed.any() | by_pair.collapsed.all()
    if reason := plan.too_many(unusable.sum(), len(unusable)):
        return reason
    if len(effects) > 1 and np.ptp(effects) < SAME:
        return "no interval: the effect is the same with every seed"
    if premise is not None:
        if len(premise) < 2:
            return f"{claim.premise_words}: seeds: {len(premise)}"
        found, *_ = summarise_effects(premise, plan.alpha, ratio=True)
        if not found["low"] > 1:
            return f"{claim.premise_words}: ratio {found['estimate']:.3g} ({found['low']:.3g} to {found['high']:.3g})"
    return ""
