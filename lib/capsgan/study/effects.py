"""Effects: one number per seed from the results of many runs, which a claim is tested by.

All functions take the table of :func:`capsgan.study.results.collect_results` and return a Series indexed by seed,
without a number where a run failed; ratios as natural logarithms. They raise :class:`NoRuns` if a network has no runs.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

LEAST = 1e-12  # what stands for 0 in a logarithm
FRACTIONS = (0.01, 0.1, 1.0)  # of the training set
SCORE = "fid"  # what decides, as in the plan; a test holds them together
CURVES = (("digits", "fid_at_"), ("training", "fid_infinity_at_"))  # of snapshots, by step; the first that is there


class NoRuns(LookupError):
    """A network has no run, or none with the number."""


def numbers(
    results: pd.DataFrame, gan: str, discriminator: str, metric: str, features: str = "digits", fraction: float = 1.0
) -> pd.Series:
    """One number of every finished run of one network, by seed."""
    kind = (results.gan == gan) & (results.discriminator == discriminator) & (results.fraction == fraction)
    rows = results[kind & (results.features == features) & (results.metric == metric)]
    if rows.empty:
        share = "" if fraction == 1 else f" of {fraction:.0%} of the data"
        network = f"{gan} {discriminator}{share}"
        raise NoRuns(f"runs of {network} lack {features} {metric}" if kind.any() else f"no runs of {network}")
    return rows.set_index("seed").value.sort_index()


def ratio(
    results: pd.DataFrame, gan: str, metric: str, features="digits", one="caps", other="cnn", fraction: float = 1.0
) -> pd.Series:
    """Log ratio of a number, discriminator ``one`` ÷ ``other``."""
    top, bottom = (log_of(results, gan, name, metric, features, fraction) for name in (one, other))
    return top - bottom


def log_of(results: pd.DataFrame, gan: str, discriminator: str, metric: str, *where) -> pd.Series:
    """Natural logarithm of :func:`numbers`; ``ValueError`` names the seeds of numbers that have none."""
    values = numbers(results, gan, discriminator, metric, *where)
    if (values <= 0).any():
        seeds = ", ".join(map(str, values.index[values <= 0]))
        raise ValueError(f"{metric} of {gan} {discriminator}, seed {seeds}, is not above 0 and has no logarithm")
    return np.log(values)


def difference(results: pd.DataFrame, gan: str, metric: str, features="digits", one="caps", other="cnn") -> pd.Series:
    """Difference of a number, discriminator ``one`` minus ``other``."""
    return numbers(results, gan, one, metric, features) - numbers(results, gan, other, metric, features)


def joined(effects: Iterable[pd.Series]) -> pd.DataFrame:
    """Several numbers side by side, for the seeds that have all of them."""
    return pd.concat(effects, axis=1).dropna()


def area_between(results: pd.DataFrame, features: str = "digits") -> pd.Series:
    """Log ratio of FID, CapsDCGAN ÷ DCGAN, averaged over the shares of the data on a logarithmic axis (trapezoids)."""
    ratios = joined(ratio(results, "dcgan", SCORE, features, fraction=share) for share in FRACTIONS)
    axis = np.log(FRACTIONS)
    return pd.Series(np.trapezoid(ratios, axis, axis=1) / np.ptp(axis), ratios.index)


def fid_from_less_data(results: pd.DataFrame, fraction: float, features="digits", one="caps", other="cnn") -> pd.Series:
    """Log ratio of DCGAN's FID, ``one`` trained on a share of the data ÷ ``other`` trained on all of it."""
    few = log_of(results, "dcgan", one, SCORE, features, fraction)
    return few - log_of(results, "dcgan", other, SCORE, features)


def growth_of_fid(results: pd.DataFrame, features: str = "digits") -> pd.Series:
    """Log ratio, CapsDCGAN ÷ DCGAN, of the factor by which FID grows from all to 1 % of the data."""
    few, whole = (ratio(results, "dcgan", SCORE, features, fraction=share) for share in (FRACTIONS[0], 1.0))
    return few - whole


def mean_over_gans(results: pd.DataFrame, gans: Sequence[str], features: str = "digits") -> pd.Series:
    """Log ratio of FID, Caps ÷ classical, averaged over the GANs; for seeds that all of them have."""
    return joined(ratio(results, gan, SCORE, features) for gan in gans).mean(axis=1)


def work_to_fid(results: pd.DataFrame, gan: str = "dcgan", cost: str = "ms_per_step") -> pd.Series:
    """Log ratio, Caps ÷ classical, of the work until both reach a FID: steps times the run's cost per step.

    It is the final FID of the worse network, which needs most of its steps for it: that favours the one ending lower.
    """
    features, names = fid_at(results, gan)
    goals = joined(numbers(results, gan, side, names[-1], features) for side in ("caps", "cnn")).max(axis=1)
    caps, cnn = (np.log(steps_to_fid(results, gan, side, goals)) for side in ("caps", "cnn"))
    return caps + log_of(results, gan, "caps", cost, "cost") - (cnn + log_of(results, gan, "cnn", cost, "cost"))


def steps_to_fid(results: pd.DataFrame, gan: str, discriminator: str, goals: pd.Series) -> pd.Series:
    """The step at which each run first has a FID of ``goals`` (by seed); NaN if it never has."""
    features, names = fid_at(results, gan)
    curves = joined(numbers(results, gan, discriminator, name, features) for name in names).reindex(goals.index)
    steps = [*map(step_of, names)]
    reached = [first_crossing(steps, *pair) for pair in zip(curves.to_numpy(), goals, strict=True)]
    return pd.Series(reached, goals.index)


def fid_at(results: pd.DataFrame, gan: str) -> tuple[str, list[str]]:
    """The feature space of a GAN's snapshot FIDs, and their metrics ``…_at_<step>`` in order of step."""
    for features, start in CURVES:
        metrics = results.metric[(results.gan == gan) & (results.features == features)]
        names = sorted({name for name in metrics if name.startswith(start)}, key=step_of)
        if names:
            return features, names
    raise NoRuns(f"runs of {gan} lack scores of snapshots")


def step_of(name: str) -> int:
    """The step in the name of a metric ``…_at_<step>``."""
    return int(name.rsplit("_", 1)[1])


def first_crossing(steps: list[int], values: np.ndarray, goal: float) -> float:
    """The step at which a curve is first at or below ``goal``, by interpolating its logarithm; NaN if it never is.

    A curve below the goal from the start gives its first step: the true one may be earlier.
    """
    under = np.asarray(values) <= goal
    at = under.argmax()  # the first
    if at == 0:
        return float(steps[0]) if under[0] else np.nan
    high, low = np.log(values[at - 1]), np.log(values[at])
    return float(steps[at - 1] + (steps[at] - steps[at - 1]) * (high - np.log(goal)) / (high - low))


def against_best(results: pd.DataFrame, gan: str, metric: str, others: Sequence[str], features="digits") -> pd.Series:
    """Log ratio of a number, a Caps run ÷ the best (least) of the other Caps GANs' with the same seed."""
    logs = joined(log_of(results, other, "caps", metric, features) for other in others)
    return log_of(results, gan, "caps", metric, features) - logs.min(axis=1)


def fluctuation_trend(results: pd.DataFrame, gan: str, metrics: Sequence[str]) -> pd.Series:
    """Log ratio of how much a Caps run's curves fluctuate, last tenth ÷ first tenth, averaged over the metrics."""

    def log(name: str) -> pd.Series:
        return np.log(numbers(results, gan, "caps", name, "training").clip(LEAST))

    return sum(log(f"{name}_fluctuation_late") - log(f"{name}_fluctuation_early") for name in metrics) / len(metrics)


def early_fluctuation(results: pd.DataFrame, gan: str, metrics: Sequence[str]) -> pd.Series:
    """Log ratio of how much the curves fluctuate in the first tenth, Caps ÷ classical, averaged over the metrics."""
    return sum(ratio(results, gan, f"{name}_fluctuation_early", "training") for name in metrics) / len(metrics)


def critic_losses(results: pd.DataFrame) -> pd.Series:
    """Log ratio of the two critics' |loss|, CapsWGAN ÷ WGAN."""
    caps, cnn = (numbers(results, "wgan", side, "d_loss", "training").abs() for side in ("caps", "cnn"))
    return np.log(caps.clip(LEAST)) - np.log(cnn.clip(LEAST))


def least_spread(results: pd.DataFrame) -> pd.Series:
    """Log10 of the smaller of the two critics' |loss|: how far apart it holds the mean scores of real and generated."""
    losses = joined(numbers(results, "wgan", side, "d_loss", "training").abs() for side in ("cnn", "caps"))
    return np.log10(losses.min(axis=1).clip(LEAST))
