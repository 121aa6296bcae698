"""Whether runs support or contradict a claim.

Every test has one form. From the runs of one seed comes one number, the *effect* (:mod:`capsgan.study.effects`):
say, the logarithm of a Caps run's FID∞ over its classical partner's. The claim says on which side of a bound the mean
effect lies; the t interval over the seeds decides, of as many as the plan wants. The intervals hold for each claim by
itself; a claim that is one of the plan's primaries needs Holm's p too (:mod:`capsgan.study.analysis`). Runs of
differing lengths are judged at the step that all of them reach (:mod:`capsgan.study.numbers`).
"""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .analysis import analyse
from .effects import NoRuns
from .numbers import numbers_at, without_variants
from .pairing import TRUNK, collapsed_runs, refuse_mixture
from .plan import CANNOT_TELL, CONTRADICTED, NOT_TESTABLE, REPLICATED, AnalysisPlan, read_plan
from .statistics import SAME, decide, summarise_effects, too_many_unusable

SCALE = ("dataset", "image_size", "batch_size")  # the same in all runs; precision in all of a seed
SCALE_OF_GAN = ("label_smoothing", "discriminator_warmup", "discriminator_updates", "weight_clipping")
OURS = "ours"  # the section of a check of our own, which is no claim of the thesis
LEAST_STEPS = 500  # runs shorter than that say nothing: the smoke profile's
BOUNDS = {  # of the plan, by the name that a claim calls them by
    "margin": lambda plan: plan.metric.limits,
    "margin's lower end": lambda plan: plan.metric.limits[:1] * 2,
    "margin's upper end": lambda plan: plan.metric.limits[1:] * 2,
    "saving": lambda plan: plan.costs[0].limits[:1] * 2,
}
COLUMNS = ("run", "gan", "discriminator", "fraction", "seed", "steps", "status", "features", "metric", "value")


@dataclass(frozen=True)
class Claim:
    """One testable statement.

    Attributes:
        name: short, unique.
        section: of the thesis.
        says: what the thesis says there, in our words.
        tested: the statement that is tested.
        effects: function from results to one effect a seed, a Series indexed by seed; None: it is not tested.
        side: of the bounds on which the claim has the mean effect: ``below`` or ``above`` (both bounds are equal),
            ``within`` or ``outside`` them.
        bounds: on the scale of the effects, or the name of some of the plan's, of ``BOUNDS``.
        unit: of the effects; a ``ratio`` is tested as its natural logarithm.
        reason: why it is not tested, if it is not.
        gans, discriminators, fractions: the runs that the claim is about, whose failures and collapses count; fractions
            are shares of the training set.
        least_steps: of a run; what is said of a course of 20,000 steps is not tested by a tenth of it. None: what the
            plan wants for a claim about a training's end.
        two_spaces: whether the effects are FIDs and take ``features``: they are judged in the second space too.
        premise: what the claim takes for granted, as effects that lie above 0; if their interval does not, the claim
            is not tested.
        premise_words: what these effects are.
        primary: the plan's primary comparison that asks the same; its p decides too.
    """

    name: str
    section: str
    says: str
    tested: str
    effects: Callable[[pd.DataFrame], pd.Series] | None = None
    side: str = "below"
    bounds: tuple[float, float] | str = (0.0, 0.0)
    unit: str = "ratio"
    reason: str = ""
    gans: tuple[str, ...] = ("dcgan",)
    discriminators: tuple[str, ...] = ("caps", "cnn")
    fractions: tuple[float, ...] = (1.0,)
    least_steps: int | None = LEAST_STEPS
    two_spaces: bool = False
    premise: Callable[[pd.DataFrame], pd.Series] | None = None
    premise_words: str = ""
    primary: str = ""

    def under(self, plan: AnalysisPlan) -> "Claim":
        """The claim with the plan's numbers in place of their names."""
        bounds = BOUNDS[self.bounds](plan) if isinstance(self.bounds, str) else self.bounds
        least = plan.least_steps if self.least_steps is None else self.least_steps
        return replace(self, bounds=bounds, least_steps=least)


def verdicts(claims: Iterable[Claim], results: pd.DataFrame, plan: AnalysisPlan | None = None) -> pd.DataFrame:
    """Judge claims by whatever results there are.

    Args:
        claims: the statements, as :data:`capsgan.study.claims.CLAIMS`.
        results: of runs at one scale, see :func:`capsgan.study.results.collect_results`.
        plan: says what has collapsed, how many worthless pairs a verdict bears, and alpha; None: the study's.

    Returns:
        One row a claim: ``claim``, ``section``, ``says``, ``tested``, ``seeds`` (how many effects), ``failed`` and
        ``collapsed`` (runs of the claim's networks), ``estimate`` with its 1 - alpha t interval ``low``, ``high`` in
        ``unit`` (ratios as such, not as logarithms), ``verdict``; the same four with ``second_`` before them in the
        plan's second feature space, where the claim is about FIDs and results have that space; and a ``note`` that says
        why a claim is not decided, or which seeds have no partner.

    Raises:
        ValueError: columns are missing, a number is there twice or not finite, runs of two scales, two runs of one
            network, share of the data and seed, or a number without a logarithm. Names them.
    """
    plan, claims = plan or read_plan(), list(claims)
    _refuse_bad_rows(results)
    every, results = results, without_variants(results, plan)
    runs = results.drop_duplicates("run")
    refuse_mixture(runs, [name for name in SCALE if name in runs])
    refuse_mixture(runs[runs.status == "finished"], ["samples"] if "samples" in runs else [])
    for _, of_seed in runs.groupby(["gan", "fraction", "seed"]):
        refuse_mixture(of_seed, ["precision"] if "precision" in runs else [])
    for _, of_gan in runs.groupby("gan"):
        refuse_mixture(of_gan, [name for name in SCALE_OF_GAN if name in runs])
    for _, of_network in runs.groupby(["gan", "discriminator"]):
        refuse_mixture(of_network, [name for name in TRUNK if name in runs])
    twice = runs[runs.duplicated(["gan", "discriminator", "fraction", "seed"], keep=False)]
    if len(twice):
        raise ValueError(f"{', '.join(sorted(twice.run))} are of one network and seed; keep one")
    table = pd.DataFrame([judge(claim, results, plan) for claim in claims])
    primaries = pd.Series([claim.primary for claim in claims])
    tested = primaries.index[table.verdict.isin([REPLICATED, CONTRADICTED]) & (primaries != "")]
    if len(tested):
        p = analyse(every, plan, plan.primary).dropna(subset="p_holm").set_index("comparison").p_holm
        for place in tested:
            if not (found := p.get(primaries[place], np.nan)) <= plan.alpha:
                table.loc[place, ["verdict", "note"]] = CANNOT_TELL, f"a primary, with p (Holm) = {found:.3g}"
    return table


def _refuse_bad_rows(results: pd.DataFrame):
    absent = [name for name in COLUMNS if name not in results]
    if absent:
        raise ValueError(f"results lack the columns {', '.join(absent)}; needed: {', '.join(COLUMNS)}")
    rows = results[results.metric.notna()]
    twice = rows[rows.duplicated(["run", "features", "metric"])]
    if len(twice):
        named = ", ".join(sorted(set(twice.run)))
        raise ValueError(f"{twice.metric.iloc[0]} is there twice for {named}; keep one")
    broken = rows[~np.isfinite(rows.value.astype("float64"))]
    if len(broken):
        named = ", ".join(sorted(set(broken.run)))
        raise ValueError(f"{broken.metric.iloc[0]} is not finite for {named}; evaluate again, or leave the runs out")


def judge(claim: Claim, results: pd.DataFrame, plan: AnalysisPlan) -> dict:
    """One row of :func:`verdicts`."""
    claim = claim.under(plan)
    runs = results.drop_duplicates("run")
    runs = runs[runs.gan.isin(claim.gans) & runs.discriminator.isin(claim.discriminators)]
    runs = runs[runs.fraction.isin(claim.fractions)]
    if len(runs):
        results = numbers_at(results[results.run.isin(runs.run)], int(runs.steps.min()), plan)
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
    row |= {"seeds": len(effects), "estimate": _measure(effects, claim, plan)["estimate"]}
    if reason := _refuse(claim, runs, effects, premise, plan):
        return row | {"note": reason}
    row |= _measure(effects, claim, plan)
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
        return f"runs of {runs.steps.min():,} steps, needed: {claim.least_steps:,}"
    if effects.empty:
        return "no pair of runs has the number"
    by_pair = runs.groupby(["gan", "fraction", "seed"])
    worthless = by_pair.failed.any() | by_pair.collapsed.all()
    if too_many_unusable(worthless.sum(), len(worthless), plan):
        share = f"{worthless.sum()} of {len(worthless)}"
        return f"of {share} pairs a run failed or all collapsed: too many for a verdict"
    if len(effects) > 1 and np.ptp(effects) < SAME:
        return "no interval: the effect is the same with every seed"
    if premise is not None:
        if len(premise) < 2:
            return f"{claim.premise_words}: seeds: {len(premise)}"
        found, *_ = summarise_effects(premise, plan.alpha, ratio=True)
        if not found["low"] > 1:
            return f"{claim.premise_words}: ratio {found['estimate']:.3g} ({found['low']:.3g} to {found['high']:.3g})"
    return ""
