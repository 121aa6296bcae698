"""Different, equivalent, or too early to say? Intervals, tests and power of paired effects, by SciPy and statsmodels.

An effect is the log ratio (or the difference) of the two runs of a seed: 0 is no effect.
"""

import numpy as np
import pandas as pd
from scipy import special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from ..checks import require
from .plan import CANNOT_TELL, CONTRADICTED, REPLICATED, AnalysisPlan

SAME = 1e-12  # effects closer together than this have no spread that statistics could go by


def mean_interval(effects: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """The paired t interval of the mean effect (Student 1908): low, high, float [...].

    ``effects`` is float [n, ...] with n ≥ 2 pairs along the first axis; ``alpha`` the share of intervals that miss.
    """
    return stats.ttest_1samp(effects, 0).confidence_interval(1 - alpha)


def summarise_effects(effects: pd.Series, alpha: float, ratio: bool) -> tuple[dict, tuple, tuple]:
    """The mean effect and its t intervals, from one number per seed (for a ``ratio`` its natural logarithm).

    Returns ``estimate``, ``low``, ``high`` (as ratios, if they are) and ``sd`` of the effects, NaN where there are too
    few or all are the same; then the 1 - alpha and the 1 - 2 alpha interval on the scale of the effects.
    """
    effects, back = effects.dropna().to_numpy("float64"), np.exp if ratio else np.asarray
    found, intervals = dict.fromkeys(("estimate", "low", "high", "sd"), np.nan), [(np.nan, np.nan)] * 2
    if len(effects):
        found["estimate"] = float(back(effects.mean()))
    if len(effects) > 1:
        found["sd"] = float(effects.std(ddof=1))
        if np.ptp(effects) >= SAME:
            intervals = [mean_interval(effects, level) for level in (alpha, 2 * alpha)]
            found["low"], found["high"] = map(float, back(intervals[0]))
    return found, *intervals


def decide(rule, interval: tuple[float, float], narrow: tuple[float, float]) -> str:
    """*Replicated* with the whole interval on the claimed side, *contradicted* on the other, else *cannot tell yet*.

    ``rule`` is a claim or comparison with ``bounds`` and a ``side``: ``below``, ``above``, ``within`` or ``outside``
    them. ``interval`` is the 1 - alpha interval of the mean effect, ``narrow`` the 1 - 2 alpha one: it lies inside the
    bounds if both one-sided tests of an equivalence succeed.
    """
    (low, high), (lowest, highest) = interval, rule.bounds
    below, above = high < lowest, low > highest
    inside, beyond = lowest < narrow[0] and narrow[1] < highest, below or above
    sides = {"below": (below, above), "above": (above, below), "within": (inside, beyond), "outside": (beyond, inside)}
    yes, no = sides[rule.side]
    return REPLICATED if yes else CONTRADICTED if no else CANNOT_TELL


def sign_flip_p(effects: np.ndarray) -> np.ndarray:
    """Two-sided permutation test of the mean effect: without one, each pair's sign is a coin (Fisher 1935, § 21).

    Exact, over all 2ⁿ flips: the smallest p is 2 / 2ⁿ. ``effects`` is float [n, ...]; returns uncorrected p [...].
    """
    flips = {"permutation_type": "samples", "n_resamples": np.inf, "vectorized": True}
    return stats.permutation_test((effects,), np.mean, **flips).pvalue


def seeds_for_p(alpha: float, tests: int = 1) -> int:
    """The fewest pairs whose smallest two-sided sign-flip p, 2 / 2ⁿ, is at most alpha / tests."""
    return int(np.ceil(np.log2(2 * tests / alpha)))


def holm(p_values: np.ndarray, tests: int) -> np.ndarray:
    """Holm's step-down correction over a family (Holm 1979, Scandinavian Journal of Statistics 6:65).

    ``p_values``: float [n]; NaN (a test not made) counts as 1 and stays NaN. ``tests`` ≥ n: the family's declared size.
    """
    family = np.pad(np.nan_to_num(p_values, nan=1.0), (0, tests - len(p_values)), constant_values=1.0)
    return np.where(np.isnan(p_values), np.nan, multipletests(family, method="holm")[1][: len(p_values)])


def power_curve(sd: float, plan: AnalysisPlan, tests: int = 1, seeds=range(2, 41)) -> pd.DataFrame:
    """The chance, by number of ``seeds`` (pairs, ≥ 2), to show a ``difference`` or an ``equivalence``, in [0, 1].

    ``difference``: the paired t test (noncentral t) finds a true effect at the nearer limit of the margin in its true
    direction; 0 where sign flips cannot reach significance. ``equivalence``: Schuirmann's test succeeds with no effect,
    integrated over the standard deviation that will be observed (Phillips 1990, doi:10.1007/BF01063556). With several
    tests alpha is divided by their number: Holm's first step, and the least that it can give. ``sd`` is that of the
    effects; from few pairs it is a rough estimate, and so is the power.
    """
    seeds = np.asarray(seeds)
    require(0 < sd < np.inf, "sd", sd, "a number above 0")
    require(seeds.size > 0 and seeds.min() >= 2, "seeds", seeds.tolist(), "numbers from 2")
    limits, alpha = plan.metric.limits, plan.alpha / tests
    difference = TTestPower().power(min(map(abs, limits)) / sd, seeds, alpha / 2, alternative="larger")
    difference = np.nan_to_num(difference, nan=1.0)  # SciPy's noncentral t has none where power is 1 to eleven digits
    difference = np.where(seeds < seeds_for_p(plan.alpha, tests), 0.0, difference)
    equivalence = [_equivalence_power(int(pairs), sd, limits, alpha) for pairs in seeds]
    return pd.DataFrame({"seeds": seeds, "difference": difference, "equivalence": equivalence})


def seeds_needed(curve: pd.DataFrame, power: float) -> dict[str, int | None]:
    """For ``difference`` and ``equivalence`` the fewest seeds of a curve with that power; None: more than it has."""
    enough = {name: curve.seeds[curve[name] >= power] for name in ("difference", "equivalence")}
    return {name: int(seeds.min()) if len(seeds) else None for name, seeds in enough.items()}


def _equivalence_power(pairs: int, sd: float, limits: tuple[float, float], alpha: float) -> float:
    (low, high), freedom, error = limits, pairs - 1, sd / np.sqrt(pairs)
    reach = stats.t.ppf(1 - alpha, freedom) * error / np.sqrt(freedom)  # of the interval, for a chi-square of 1

    def chance(chi_square):  # that the mean lies so far inside the margin that its interval does too
        inset = reach * np.sqrt(chi_square)
        return special.ndtr((high - inset) / error) - special.ndtr((low + inset) / error)

    widest = min(((high - low) / 2 / reach) ** 2, stats.chi2.isf(1e-12, freedom))
    return float(stats.chi2(freedom).expect(chance, lb=0, ub=widest))
