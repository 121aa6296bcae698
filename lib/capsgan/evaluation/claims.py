"""The thesis's claims as statements that runs can support or contradict, and the verdicts on them.

Every test has one form. From the runs of one seed comes one number, the *effect* (:mod:`capsgan.evaluation.effects`):
say, the logarithm of a Caps run's FID∞ over its classical partner's. The claim says on which side of a bound the mean
effect lies; the t interval over the seeds decides. The intervals hold for each claim by itself; the families that the
analysis plan corrects are in :mod:`capsgan.evaluation.analysis`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from .effects import (
    against_best,
    area_between,
    difference,
    growth_of_fid,
    least_spread,
    numbers,
    ratio,
    wavering_trend,
    work_to_fid,
    yardstick,
)
from .pairing import refuse_mixture
from .statistics import mean_interval

SUPPORTED, NOT_SUPPORTED, CONTRADICTED = "supported", "not supported", "contradicted"
NOT_TESTED = "not tested at this scale"
SCALE = ("dataset", "image_size", "batch_size", "precision")
LEAST_SEEDS = 3
LEAST_STEPS = 500  # runs shorter than that say nothing: the smoke profile's
ALPHA = 0.05
MARGIN = np.log(1.25)  # of a ratio of FIDs, as in study/analysis_plan.yaml; a test holds the two together


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


def verdicts(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every claim by whatever results there are.

    Args:
        results: of runs at one scale, see :func:`capsgan.evaluation.results.collect_results`.

    Returns:
        One row a claim: ``claim``, ``section``, ``says``, ``tested``, ``seeds`` (how many effects), ``failed`` (runs of
        the results that failed), ``estimate`` with its 95 % t interval ``low``, ``high`` in ``unit`` (ratios as such,
        not as logarithms), ``verdict``, and a ``note`` where none was given.

    Raises:
        ValueError: runs of two scales, or two runs of one network, share of the data and seed. Names them.
    """
    runs = results.drop_duplicates("run")
    refuse_mixture(runs, list(SCALE))
    twice = runs[runs.duplicated(["gan", "discriminator", "fraction", "seed"], keep=False)]
    if len(twice):
        raise ValueError(f"{', '.join(sorted(twice.run))} are of one network and seed; keep one")
    return pd.DataFrame([judge(claim, results) for claim in CLAIMS])


def judge(claim: Claim, results: pd.DataFrame) -> dict:
    """One row of :func:`verdicts`."""
    row = {"claim": claim.name, "section": claim.section, "says": claim.says, "tested": claim.tested}
    row |= {"seeds": 0, "failed": int((results.drop_duplicates("run").status == "failed").sum())}
    row |= {"estimate": np.nan, "low": np.nan, "high": np.nan, "unit": claim.unit, "verdict": NOT_TESTED}
    if claim.effects is None:
        return row | {"note": claim.reason}
    if results.steps.min() < LEAST_STEPS:
        return row | {"note": f"runs of {results.steps.min()} steps say nothing; needed: {LEAST_STEPS}"}
    try:
        effects = claim.effects(results).dropna()
    except KeyError as error:
        return row | {"note": f"no runs with {error.args[0]}"}
    back = np.exp if claim.unit == "ratio" else np.asarray
    row |= {"seeds": len(effects), "estimate": float(back(effects.mean()))}
    if len(effects) < LEAST_SEEDS:
        return row | {"note": f"{len(effects)} seeds; needed: {LEAST_SEEDS}"}
    low, high = mean_interval(effects.to_numpy("float64"), ALPHA)
    narrow = mean_interval(effects.to_numpy("float64"), 2 * ALPHA)  # two one-sided tests, each at alpha
    row |= {"low": float(back(low)), "high": float(back(high))}
    return row | {"verdict": decide(claim, (low, high), narrow), "note": ""}


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


def _fid_claims():
    for gan, name in {"acgan": "ACGAN", "dcgan": "DCGAN", "infogan": "InfoGAN", "wgan": "WGAN"}.items():
        effects = partial(ratio, gan=gan, metric="fid_infinity")
        yield Claim(
            f"{name}: comparable, if not better",
            "abstract, 9",
            "Networks with a capsule discriminator perform comparably, in certain cases better.",
            f"FID∞ of Caps{name} is below 1.25 times that of {name} (non-inferiority)",
            effects,
            "below",
            (MARGIN, MARGIN),
        )
        yield Claim(
            f"{name}: remarkably similar",
            "9",
            "They provide remarkably similar results.",
            f"FID∞ of Caps{name} is 0.8 to 1.25 times that of {name} (equivalence, two one-sided tests)",
            effects,
            "within",
            (-MARGIN, MARGIN),
        )


def _shift_claims():
    for gan, name in {"dcgan": "DCGAN", "infogan": "InfoGAN"}.items():
        yield Claim(
            f"{name}: the generator's loss shifts",
            "9",
            "The generator's loss is remarkably shifted, though only the discriminator was changed.",
            f"the generator's loss of Caps{name} and {name}, over the last tenth, differs by more than 0.1 nats",
            partial(difference, gan=gan, metric="g_loss", features="training"),
            "outside",
            (-0.1, 0.1),
            "nats",
        )
        yield Claim(
            f"{name}: the shift is the yardstick's",
            "9",
            "The shift is odd and asks for an analysis.",
            "judged by one fresh critic, the two generators' losses lie closer together than under their own "
            "discriminators",
            partial(yardstick, gan=gan),
            "above",
            (0.0, 0.0),
            "nats",
        )
        yield Claim(
            f"{name}: the discriminator's loss follows closely",
            "9",
            "The discriminator's loss follows its classical counterpart closely.",
            f"the discriminator's loss of Caps{name} and {name}, over the last tenth, differs by less than 0.1 nats",
            partial(difference, gan=gan, metric="d_loss", features="training"),
            "within",
            (-0.1, 0.1),
            "nats",
        )
        yield Claim(
            f"{name}: accuracy follows closely",
            "9",
            "The accuracy follows its classical counterpart closely.",
            f"the accuracy of Caps{name} and {name}, over the last tenth, differs by less than 0.05",
            partial(difference, gan=gan, metric="accuracy", features="training"),
            "within",
            (-0.05, 0.05),
            "share",
        )


CLAIMS = (
    Claim(
        "needs less data: area",
        "abstract, 9",
        "A comparable model needs very little data.",
        "over training sets of 1, 10 and 100 % of MNIST, CapsDCGAN's FID∞ is lower than DCGAN's in the mean",
        area_between,
    ),
    Claim(
        "needs less data: loss",
        "abstract, 9",
        "A comparable model needs very little data.",
        "from all to 1 % of the data, CapsDCGAN's FID∞ grows by a smaller factor than DCGAN's",
        growth_of_fid,
    ),
    Claim(
        "understands orientation",
        "abstract, 1.4, 1.6, 2.6",
        "CNNs do not understand orientation unless they have seen every view; capsules do.",
        "trained on upright digits, CapsDCGAN's discriminator tells digits turned by 90° from upright ones more surely",
        partial(difference, gan="dcgan", metric="turned_order", features="discriminator"),
        "above",
        unit="probability",
    ),
    Claim(
        "understands spatial relations",
        "1.4, 1.6",
        "Capsules hold parts and their relative positions, not just their presence.",
        "CapsDCGAN's discriminator tells digits with exchanged quarters from whole ones more surely than DCGAN's",
        partial(difference, gan="dcgan", metric="scrambled_order", features="discriminator"),
        "above",
        unit="probability",
    ),
    Claim(
        "poses hold the angle",
        "2.6",
        "A capsule's direction holds how its entity lies.",
        "the angle of a turned digit is read more exactly from CapsDCGAN's primary capsules than from DCGAN's last "
        "feature maps",
        partial(ratio, gan="dcgan", metric="angle_error", features="discriminator"),
    ),
    Claim(
        "features tell digits apart",
        "2.6",
        "Capsule systems are the better classifiers of digits.",
        "a linear probe reads the digit more often rightly from CapsDCGAN's frozen trunk than from DCGAN's",
        partial(difference, gan="dcgan", metric="class_accuracy", features="discriminator"),
        "above",
        unit="share",
    ),
    Claim(
        "overhead: time a step",
        "9",
        "The CapsNet reduced the training overhead considerably.",
        "a step of CapsDCGAN takes less time than one of DCGAN",
        partial(ratio, gan="dcgan", metric="ms_per_step", features="cost"),
    ),
    Claim(
        "overhead: memory",
        "9",
        "The CapsNet reduced the training overhead considerably.",
        "training CapsDCGAN takes less memory at its peak than DCGAN",
        partial(ratio, gan="dcgan", metric="peak_memory_mb", features="cost"),
    ),
    Claim(
        "overhead: time to a FID",
        "9",
        "The CapsNet reduced the training overhead considerably.",
        "CapsDCGAN takes less time than DCGAN to the FID∞ that both reach",
        work_to_fid,
    ),
    Claim(
        "power consumption",
        "9",
        "Lower data requirements bring lower power consumption.",
        "CapsDCGAN's discriminator takes fewer multiply-adds than DCGAN's to the FID∞ that both reach (arithmetic as a "
        "proxy: no power was measured)",
        partial(work_to_fid, cost="discriminator_multiply_adds"),
    ),
    *_fid_claims(),
    Claim(
        "ACGAN: variance is high at first",
        "9",
        "CapsACGAN starts with a very high variance of both losses.",
        "in the first tenth, the losses of CapsACGAN waver more than those of ACGAN",
        lambda results: (
            sum(ratio(results, "acgan", f"{m}_wavering_early", "training") for m in ("g_loss", "d_loss")) / 2
        ),
        "above",
    ),
    Claim(
        "ACGAN: variance falls",
        "9",
        "The variance of CapsACGAN's losses gradually falls.",
        "CapsACGAN's losses waver less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="acgan", metrics=("g_loss", "d_loss")),
    ),
    Claim(
        "ACGAN: accuracy settles quickly",
        "9",
        "CapsACGAN's accuracy quickly settles.",
        "after a tenth of the steps, the running mean of CapsACGAN's accuracy stays within 0.1 of its final value",
        partial(numbers, gan="acgan", discriminator="caps", metric="accuracy_settled", features="training"),
        "below",
        (0.1, 0.1),
        "share of the steps",
    ),
    *_shift_claims(),
    Claim(
        "WGAN: an early burst",
        "9",
        "An initial burst of high variance quickly settles.",
        "CapsWGAN's losses waver less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="wgan", metrics=("g_loss", "d_loss")),
    ),
    Claim(
        "WGAN: curves match closely",
        "9",
        "CapsWGAN's curves closely match the classical ones.",
        "the critic's loss of CapsWGAN, over the last tenth, is 0.8 to 1.25 times that of WGAN (equivalence)",
        lambda results: (
            np.log(numbers(results, "wgan", "caps", "d_loss", "training").abs())
            - np.log(numbers(results, "wgan", "cnn", "d_loss", "training").abs())
        ),
        "within",
        (-MARGIN, MARGIN),
    ),
    Claim(
        "WGAN: both critics are alive",
        "8, 9",
        "(Curves of two critics that clipping has killed would match too.)",
        "each critic holds the mean scores of real and generated images further apart than 0.001",
        least_spread,
        "above",
        (-3.0, -3.0),
        "log₁₀ of the critic's loss",
    ),
    Claim(
        "WGAN is the best",
        "9",
        "WGAN is the best of the four.",
        "CapsWGAN's FID∞ is below that of the best of the other three Caps GANs",
        partial(
            against_best, gan="wgan", metric="fid_infinity", features="digits", others=("acgan", "dcgan", "infogan")
        ),
    ),
    Claim(
        "ACGAN is the fastest",
        "9",
        "ACGAN was the fastest to train.",
        "a step of CapsACGAN takes less time than one of the quickest of the other three Caps GANs",
        partial(against_best, gan="acgan", metric="ms_per_step", features="cost", others=("dcgan", "infogan", "wgan")),
    ),
    Claim(
        "squashing makes blur",
        "listing 7.3",
        "Squashing the outputs of the capsule layer makes severely blurred images.",
        "images of a DCGAN whose gates are squashed are less sharp (variance of the Laplacian) than CapsDCGAN's",
        partial(ratio, gan="dcgan", metric="sharpness", features="pixels", one="caps-squashed", other="caps"),
    ),
    Claim(
        "squashing harms",
        "listing 7.3",
        "Squashing the outputs of the capsule layer makes severely blurred images.",
        "FID∞ of a DCGAN whose gates are squashed is above CapsDCGAN's",
        partial(ratio, gan="dcgan", metric="fid_infinity", one="caps-squashed", other="caps"),
        "above",
    ),
    Claim(
        "capsules are the cause: against a CNN as large",
        "1.6",
        "It is the capsules that improve the GAN.",
        "CapsDCGAN's FID∞ is below that of a DCGAN whose discriminator has the same layers without the capsules",
        partial(ratio, gan="dcgan", metric="fid_infinity", other="cnn-matched"),
    ),
    Claim(
        "capsules are the cause: the gates",
        "1.4, 1.6",
        "The routing between capsules makes the difference.",
        "CapsDCGAN's FID∞ is below that of the same network without its gates",
        partial(ratio, gan="dcgan", metric="fid_infinity", other="caps-ungated"),
    ),
    Claim(
        "capsules are the cause: true routing",
        "1.4, 2.6",
        "Dynamic routing is what a capsule network does better.",
        "FID∞ of a DCGAN with true routing by agreement is below that of one with a CNN as large",
        partial(ratio, gan="dcgan", metric="fid_infinity", one="caps-routing", other="cnn-matched"),
    ),
    Claim(
        "a capsule generator is not feasible",
        "6",
        "A generator made of capsules was not feasible.",
        "none: what would have to fail is not defined",
        reason="the thesis does not say what was tried; capsules go from parts to wholes, and no published generator "
        "runs that routing backwards without being an ordinary decoder",
    ),
)
