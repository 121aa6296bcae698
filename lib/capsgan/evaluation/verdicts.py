"""Whether runs support or contradict a claim.

Every test has one form. From the runs of one seed comes one number, the *effect* (:mod:`capsgan.evaluation.effects`):
say, the logarithm of a Caps run's FID∞ over its classical partner's. The claim says on which side of a bound the mean
effect lies; the t interval over the seeds decides. The intervals hold for each claim by itself; the families that the
analysis plan corrects are in :mod:`capsgan.evaluation.analysis`. What makes pairs worthless is the plan's too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .effects import NoRuns
from .pairing import SAME, TRUNK, collapsed_runs, refuse_mixture
from .plan import AnalysisPlan, read_plan
from .statistics import mean_interval

SUPPORTED, NOT_SUPPORTED, CONTRADICTED = "supported", "not supported", "contradicted"
NOT_TESTED = "not tested at this scale"
SCALE = ("dataset", "image_size", "batch_size", "precision")  # the same in all runs
SCALE_OF_GAN = ("steps", "label_smoothing", "discriminator_warmup", "discriminator_updates", "weight_clipping")
LEAST_SEEDS = 3
MARGIN = np.log(1.25)  # of a ratio, as in the plan; a test holds them together
OURS = "ours"  # the section of a check of our own, which is no claim of the thesis
LEAST_TRAINED = 1500  # steps, as in the plan, for what is said of a training's end: before it images are no digits yet
LEAST_STEPS = 500  # runs shorter than that say nothing: the smoke profile's
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
        bounds: on the scale of the effects.
        unit: of the effects; a ``ratio`` is tested as its natural logarithm.
        reason: why it is not tested, if it is not.
        gans, discriminators, fractions: the runs that the claim is about, whose failures and collapses count; fractions
            are shares of the training set.
        least_steps: of a run; what is said of a course of 20,000 steps is not tested by a tenth of it.
        two_spaces: whether the effects are FIDs and take ``features``: they are judged in the second space too.
        premise: what the claim takes for granted, as effects that lie above 0; if their interval does not, the claim
            is not tested.
        premise_words: what these effects are.
    """

    name: str
    section: str
    says: str
    tested: str
    effects: Callable[[pd.DataFrame], pd.Series] | None = None
    side: str = "below"
    bounds: tuple[float, float] = (0.0, 0.0)
    unit: str = "ratio"
    reason: str = ""
    gans: tuple[str, ...] = ("dcgan",)
    discriminators: tuple[str, ...] = ("caps", "cnn")
    fractions: tuple[float, ...] = (1.0,)
    least_steps: int = LEAST_STEPS
    two_spaces: bool = False
    premise: Callable[[pd.DataFrame], pd.Series] | None = None
    premise_words: str = ""


def verdicts(claims: Iterable[Claim], results: pd.DataFrame, plan: AnalysisPlan | None = None) -> pd.DataFrame:
    """Judge claims by whatever results there are.

    Args:
        claims: the statements, as :data:`capsgan.evaluation.claims.CLAIMS`.
        results: of runs at one scale, see :func:`capsgan.evaluation.results.collect_results`.
        plan: says what has collapsed, how many worthless pairs a verdict bears, and alpha; None: the study's.

    Returns:
        One row a claim: ``claim``, ``section``, ``says``, ``tested``, ``seeds`` (how many effects), ``failed`` and
        ``collapsed`` (runs of the claim's networks), ``estimate`` with its 1 - alpha t interval ``low``, ``high`` in
        ``unit`` (ratios as such, not as logarithms), ``verdict``; the same four with ``random_`` before them on the
        features of an untrained network, where the claim is about FIDs; and a ``note`` where no verdict was given or
        seeds have no partner.

    Raises:
        ValueError: columns are missing, a number is there twice or not finite, runs of two scales, two runs of one
            network, share of the data and seed, or a number without a logarithm. Names them.
    """
    plan = plan or read_plan()
    _refuse_bad_rows(results)
    runs = results.drop_duplicates("run")
    refuse_mixture(runs, [name for name in SCALE if name in runs])
    refuse_mixture(runs[runs.status == "finished"], ["samples"] if "samples" in runs else [])
    for _, of_gan in runs.groupby("gan"):
        refuse_mixture(of_gan, [name for name in SCALE_OF_GAN if name in runs])
    for _, of_network in runs.groupby(["gan", "discriminator"]):
        refuse_mixture(of_network, [name for name in TRUNK if name in runs])
    twice = runs[runs.duplicated(["gan", "discriminator", "fraction", "seed"], keep=False)]
    if len(twice):
        raise ValueError(f"{', '.join(sorted(twice.run))} are of one network and seed; keep one")
    return pd.DataFrame([judge(claim, results, plan) for claim in claims])


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
    runs = results.drop_duplicates("run")
    runs = runs[runs.gan.isin(claim.gans) & runs.discriminator.isin(claim.discriminators)]
    runs = runs[runs.fraction.isin(claim.fractions)]
    runs = runs.assign(failed=runs.status.isin(plan.failed), collapsed=runs.run.isin(collapsed_runs(results, plan)))
    row = {"claim": claim.name, "section": claim.section, "says": claim.says, "tested": claim.tested, "seeds": 0}
    row |= {"failed": int(runs.failed.sum()), "collapsed": int(runs.collapsed.sum()), "unit": claim.unit}
    row |= _measure(pd.Series(dtype="float64"), claim, plan)
    row |= dict.fromkeys(("random_estimate", "random_low", "random_high"), np.nan) | {"random_verdict": ""}
    if claim.effects is None:
        return row | {"note": claim.reason}
    try:
        effects = claim.effects(results).dropna()
        premise = claim.premise(results).dropna() if claim.premise else None
    except NoRuns as lack:
        return row | {"note": f"no runs with {lack}"}
    row |= {"seeds": len(effects), "estimate": float(_back(claim)(effects.mean()))}
    if reason := _refuse(claim, runs, effects, premise, plan):
        return row | {"note": reason}
    row |= _measure(effects, claim, plan)
    if claim.two_spaces:
        with contextlib.suppress(NoRuns):
            second = claim.effects(results, features="random").dropna()
            row |= {f"random_{name}": value for name, value in _measure(second, claim, plan).items()}
    alone = sorted(set(runs.seed) - set(effects.index) - set(runs.seed[runs.failed]))
    return row | {"note": f"without a partner: seeds {', '.join(map(str, alone))}" if alone else ""}


def _back(claim: Claim) -> Callable:
    """From the scale of the effects to that of the unit."""
    return np.exp if claim.unit == "ratio" else np.asarray


def _measure(effects: pd.Series, claim: Claim, plan: AnalysisPlan) -> dict:
    """``estimate``, ``low``, ``high`` and ``verdict`` of effects; NaN where there are too few."""
    back = _back(claim)
    answer = dict.fromkeys(("estimate", "low", "high"), np.nan) | {"verdict": NOT_TESTED}
    if effects.empty:
        return answer
    answer["estimate"] = float(back(effects.mean()))
    if len(effects) < LEAST_SEEDS:
        return answer
    interval, narrow = (mean_interval(effects.to_numpy("float64"), alpha) for alpha in (plan.alpha, 2 * plan.alpha))
    low, high = map(float, back(interval))
    return answer | {"low": low, "high": high, "verdict": decide(claim, interval, narrow)}


def _refuse(claim: Claim, runs: pd.DataFrame, effects: pd.Series, premise: pd.Series | None, plan: AnalysisPlan) -> str:
    """Why a claim is not tested by these runs; empty if it is."""
    if runs.steps.min() < claim.least_steps:
        return f"runs of {runs.steps.min():,} steps, needed: {claim.least_steps:,}"
    if len(effects) < LEAST_SEEDS:
        return f"seeds: {len(effects)}, needed: {LEAST_SEEDS}"
    by_pair = runs.groupby(["gan", "fraction", "seed"])
    worthless = by_pair.failed.any() | by_pair.collapsed.all()
    if worthless.sum() > plan.unusable_pairs * len(worthless):
        share = f"{worthless.sum()} of {len(worthless)}"
        return f"of {share} pairs a run failed or all collapsed: too many for a verdict"
    if np.ptp(effects) < SAME:
        return "no interval: the effect is the same with every seed"
    if premise is not None:
        if len(premise) < LEAST_SEEDS:
            return f"seeds: {len(premise)}, needed: {LEAST_SEEDS}"
        low, high = mean_interval(premise.to_numpy("float64"), plan.alpha)
        if low <= 0:
            middle = np.exp(premise.mean())
            return f"{claim.premise_words}: ratio {middle:.3g} ({np.exp(low):.3g} to {np.exp(high):.3g})"
    return ""


def decide(claim: Claim, interval: tuple[float, float], narrow: tuple[float, float]) -> str:
    """The verdict: on its side with all of its interval *supported*, on the other *contradicted*, else *not supported*.

    Args:
        claim: has the side and the bounds.
        interval: of the mean effect, 1 - alpha.
        narrow: the same, 1 - 2 alpha: inside the bounds if both one-sided tests of an equivalence succeed.
    """
    (low, high), (lowest, highest) = interval, claim.bounds
    below, above = high < lowest, low > highest
    inside = lowest < narrow[0] and narrow[1] < highest
    yes, no = {
        "below": (below, above),
        "above": (above, below),
        "within": (inside, below or above),
        "outside": (below or above, inside),
    }[claim.side]
    return SUPPORTED if yes else CONTRADICTED if no else NOT_SUPPORTED
