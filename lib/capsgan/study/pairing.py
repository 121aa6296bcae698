"""Runs and their numbers, paired by seed; what must not be compared is refused here."""

import numpy as np
import pandas as pd

from .declarations import Comparison, Metric
from .numbers import numbers_at
from .plan import FINISHED, AnalysisPlan

SCALE = ("dataset", "batch_size")  # the same in all runs of a comparison
GAME = ("image_size", "label_smoothing", "discriminator_warmup", "discriminator_updates", "weight_clipping")
TRUNK = ("width", "dropout", "routing_iterations")  # the arm's own
RUN = ("run", "gan", "discriminator", "fraction", *SCALE, "steps", "precision", "seed", "status")  # one value a run
COLUMNS = (*RUN, "features", "metric", "value", "samples")


def pair_runs(
    results: pd.DataFrame, comparison: Comparison, metric: Metric, plan: AnalysisPlan, features: str | None = None
) -> pd.DataFrame:
    """The runs of a comparison, one row per planned seed.

    Args:
        results: one row a run and metric, with ``COLUMNS``: ``status`` is ``finished`` or one of ``plan.failed``;
            ``features`` names the feature space, ``samples`` is the number of generated images; ``cpu``, where there is
            one, the CPU model that trained the run. A failed run has at least one row, of which only ``RUN`` is read.
        comparison: which arms.
        metric: which number.
        plan: blocks, seeds, scores, what has failed or collapsed.
        features: where the number is taken; None: the plan's first feature space.

    Returns:
        Columns ``seed``; ``step``: the last that all runs reach, at most the planned one; ``samples``; ``run``,
        ``value``, ``status`` (``missing`` without a run), ``collapsed`` of the compared arm; the same with
        ``reference_`` before them of the other, and of an interaction with ``minus_`` too; ``cpus``: how many CPU
        models trained the pair, 0 if one is unknown; ``effect``: log(value / reference), or their difference, of an
        interaction less the same of the other block; NaN where a number is missing.

    Raises:
        ValueError: columns are missing; a run is neither finished nor failed; a seed, run or number is there twice;
            runs differ in ``SCALE`` or ``GAME``, runs of one seed in precision; sample counts differ; a number is not
            finite or has no logarithm. Names the runs.
    """
    absent = [name for name in COLUMNS if name not in results]
    if absent:
        raise ValueError(f"results lack the columns {', '.join(absent)}; needed: {', '.join(COLUMNS)}")
    features, seeds = features or plan.features, plan.seeds_of(comparison)
    rows = {side: rows_of_arm(results, *place, plan) for side, place in comparison.sides.items()}
    rows = {side: part[part.seed.isin(seeds)] for side, part in rows.items()}
    heads = [*RUN, *(name for name in (*GAME, "cpu") if name in results)]
    runs = {side: _one_row_a_run(part, heads, plan) for side, part in rows.items()}
    every = pd.concat(runs.values())
    refuse_mixture(every, [*SCALE, *(name for name in GAME if name in results)])
    for seed, part in every.groupby("seed"):
        refuse_mixture(part, ["precision"], f" of seed {seed}")
    step = int(min(plan.step_of(comparison), every.steps.min())) if len(every) else 0
    pairs, samples = pd.DataFrame({"seed": seeds, "step": step}), []
    for side, part in runs.items():
        at_step = numbers_at(rows[side], step, plan)
        found = _numbers_of(metric, at_step, features)
        samples.append(found.reset_index()[["run", "samples"]])
        part = part.set_index("seed").reindex(seeds)
        pairs[f"{side}run"] = part.run.to_numpy()
        pairs[f"{side}status"] = part.status.fillna("missing").to_numpy()
        pairs[f"{side}value"] = part.run.map(found.value).to_numpy("float64")
        pairs[f"{side}collapsed"] = part.run.isin(collapsed_runs(at_step, plan)).to_numpy()
    samples = pd.concat(samples)
    refuse_mixture(samples, ["samples"])
    pairs["samples"] = samples.samples.max()
    pairs["cpus"] = [_count_cpus(every[every.seed == seed]) for seed in seeds]
    pairs["effect"] = _effect(pairs, metric, "")
    return pairs.assign(effect=pairs.effect - _effect(pairs, metric, "minus_")) if comparison.minus else pairs


def rows_of_arm(results: pd.DataFrame, block: str, arm: str, plan: AnalysisPlan) -> pd.DataFrame:
    """The rows of a block's arm, whatever their seed and steps."""
    own, arm = plan.blocks[block], plan.arms[arm]
    chosen = (results.gan == own.gan) & (results.discriminator == arm.discriminator)
    chosen &= np.isclose(results.fraction.astype("float64"), own.fraction)
    for name, value in plan.arm_fields(arm).items():
        if name in results:
            chosen &= np.isclose(results[name].astype("float64"), value)
    return results[chosen]


def _effect(pairs: pd.DataFrame, metric: Metric, prefix: str) -> pd.Series:
    one, other = pairs[f"{prefix}value"], pairs[f"{prefix}reference_value"]
    return np.log(one) - np.log(other) if metric.effect == "log_ratio" else one - other


def _count_cpus(runs: pd.DataFrame) -> int:
    cpus = set(runs.cpu.fillna("unknown")) if "cpu" in runs else {"unknown"}
    return 0 if "unknown" in cpus else len(cpus)


def _one_row_a_run(rows: pd.DataFrame, columns: list[str], plan: AnalysisPlan) -> pd.DataFrame:
    runs = rows[columns].drop_duplicates()
    twice = runs.run[runs.run.duplicated()].unique()
    if len(twice):
        raise ValueError(f"{_listed(twice)} are in the results with two configs or statuses; keep one")
    allowed = (FINISHED, *plan.failed)
    others = runs[~runs.status.isin(allowed)]
    if len(others):
        listed = ", ".join(f"{run} is {status}" for run, status in zip(others.run, others.status, strict=True))
        raise ValueError(f"{listed}; expected {' | '.join(allowed)}; train them to their end first")
    twice = runs[runs.seed.duplicated(keep=False)].sort_values("seed")
    if len(twice):
        raise ValueError(f"seed={twice.seed.iloc[0]} has several runs of one network: {_listed(twice.run)}; keep one")
    return runs


def collapsed_runs(results: pd.DataFrame, plan: AnalysisPlan) -> set[str]:
    """Names of the runs that the plan calls collapsed, by the numbers that are there."""
    rows = results[results.features == plan.features]
    limits = plan.collapsed.items()
    return {run for metric, limit in limits for run in rows.run[(rows.metric == metric) & (rows.value >= limit)]}


def refuse_mixture(runs: pd.DataFrame, columns: list[str], where: str = ""):
    """Raise ``ValueError`` where a column has two values; it names the column and the runs."""
    for column in columns:
        groups = {value: _listed(group.run) for value, group in runs.groupby(column, dropna=False)}
        if len(groups) > 1:
            mixture = "; ".join(f"{value}: {names}" for value, names in groups.items())
            advice = f"compare runs of one {column}" if column != "samples" else "evaluate all with the same --samples"
            raise ValueError(f"{column} is mixed in one comparison{where} ({mixture}); {advice}")


def _numbers_of(metric: Metric, rows: pd.DataFrame, features: str) -> pd.DataFrame:
    """Value and samples of every finished run that has the number, by run."""
    name = metric.name
    chosen = rows[(rows.metric == name) & (rows.features == features) & (rows.status == FINISHED)].set_index("run")
    twice = chosen.index[chosen.index.duplicated()].unique()
    if len(twice):
        raise ValueError(f"metric={name!r} is there twice for {_listed(twice)}; keep one")
    values = chosen.value.astype("float64")
    if len(broken := chosen.index[~np.isfinite(values)]):
        raise ValueError(f"metric={name!r} is not finite for {_listed(broken)}; a run without images has failed")
    if metric.effect == "log_ratio" and len(bad := chosen.index[values <= 0]):
        raise ValueError(f"metric={name!r} is not above 0 for {_listed(bad)}; compare it as a difference")
    return chosen[["value", "samples"]]


def _listed(runs) -> str:
    return ", ".join(sorted(map(str, set(runs))))
