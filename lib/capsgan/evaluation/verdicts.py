"""Whether runs support or contradict a claim.

Every test has one form. From the runs of one seed comes one number, the *effect* (:mod:`capsgan.evaluation.effects`):
say, the logarithm of a Caps run's FID∞ over its classical partner's. The claim says on which side of a bound the mean
effect lies; the t interval over the seeds decides. The intervals hold for each claim by itself; the families that the
analysis plan corrects are in :mod:`capsgan.evaluation.analysis`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .effects import NoRuns
from .pairing import TRUNK, refuse_mixture
from .statistics import mean_interval

SUPPORTED, NOT_SUPPORTED, CONTRADICTED = "supported", "not supported", "contradicted"
NOT_TESTED = "not tested at this scale"
SCALE = ("dataset", "image_size", "batch_size", "precision")  # the same in all runs
SCALE_OF_GAN = ("steps", "label_smoothing", "discriminator_warmup", "discriminator_updates", "weight_clipping")
LEAST_SEEDS = 3
LEAST_STEPS = 500  # runs shorter than that say nothing: the smoke profile's
MOST_FAILED = 0.1  # share of the runs, as in study/analysis_plan.yaml
ALPHA = 0.05


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
        gan, discriminators: the networks that the claim is about, whose failed runs count.
        least_steps: of a run; what is said of a course of 20,000 steps is not tested by a tenth of it.
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
    gan: str = "dcgan"
    discriminators: tuple[str, ...] = ("caps", "cnn")
    least_steps: int = LEAST_STEPS


def verdicts(claims: Iterable[Claim], results: pd.DataFrame) -> pd.DataFrame:
    """Judge claims by whatever results there are.

    Args:
        claims: the statements, as :data:`capsgan.evaluation.claims.CLAIMS`.
        results: of runs at one scale, see :func:`capsgan.evaluation.results.collect_results`.

    Returns:
        One row a claim: ``claim``, ``section``, ``says``, ``tested``, ``seeds`` (how many effects), ``failed`` (runs of
        the claim's networks that failed), ``estimate`` with its 95 % t interval ``low``, ``high`` in ``unit`` (ratios
        as such, not as logarithms), ``verdict``, and a ``note`` where none was given or seeds have no partner.

    Raises:
        ValueError: runs of two scales, two runs of one network, share of the data and seed, or a number without a
            logarithm. Names them.
    """
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
    return pd.DataFrame([judge(claim, results) for claim in claims])


def judge(claim: Claim, results: pd.DataFrame) -> dict:
    """One row of :func:`verdicts`."""
    runs = results.drop_duplicates("run")
    runs = runs[(runs.gan == claim.gan) & runs.discriminator.isin(claim.discriminators)]
    failed = int((runs.status == "failed").sum())
    row = {"claim": claim.name, "section": claim.section, "says": claim.says, "tested": claim.tested, "seeds": 0}
    row |= {"failed": failed, "estimate": np.nan, "low": np.nan, "high": np.nan}
    row |= {"unit": claim.unit, "verdict": NOT_TESTED}
    if claim.effects is None:
        return row | {"note": claim.reason}
    try:
        effects = claim.effects(results).dropna()
    except NoRuns as lack:
        return row | {"note": f"no runs with {lack}"}
    back = np.exp if claim.unit == "ratio" else np.asarray
    row |= {"seeds": len(effects), "estimate": float(back(effects.mean()))}
    if runs.steps.min() < claim.least_steps:
        return row | {"note": f"runs of {runs.steps.min():,} steps; the claim is about {claim.least_steps:,} or more"}
    if len(effects) < LEAST_SEEDS:
        return row | {"note": f"seeds: {len(effects)}, needed: {LEAST_SEEDS}"}
    if failed > MOST_FAILED * len(runs):
        return row | {"note": f"{failed} of {len(runs)} runs failed: too many for a verdict"}
    low, high = mean_interval(effects.to_numpy("float64"), ALPHA)
    narrow = mean_interval(effects.to_numpy("float64"), 2 * ALPHA)  # two one-sided tests, each at alpha
    row |= {"low": float(back(low)), "high": float(back(high)), "verdict": decide(claim, (low, high), narrow)}
    alone = sorted(set(runs.seed) - set(effects.index))
    return row | {"note": f"without a partner: seeds {', '.join(map(str, alone))}" if alone else ""}


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
