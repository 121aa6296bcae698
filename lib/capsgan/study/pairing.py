"""Runs and their numbers, paired by seed at one step; runs that must not be compared are rejected here."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from .declarations import Comparison, Metric
from .plan import FINISHED, AnalysisPlan

SCALE = ("dataset", "batch_size")  # the same in all runs of a comparison
GAME = ("image_size", "label_smoothing", "discriminator_warmup", "discriminator_updates", "weight_clipping")
TRUNK = ("width", "dropout", "routing_iterations")  # the arm's own
RUN = ("run", "gan", "discriminator", "fraction", *SCALE, "steps", "precision", "seed", "status")  # one value a run
NEEDED = (*RUN, "features", "metric", "value", "samples")


def pair_runs(
    results: pd.DataFrame, comparison: Comparison, metric: Metric, plan: AnalysisPlan, features: str | None = None
) -> pd.DataFrame:
    """The runs of a comparison, one row per planned seed.

    ``results`` has one row per run and metric, with ``NEEDED`` and maybe ``cpu``; ``status`` is ``finished`` or one of
    ``plan.failed``, ``samples`` a number of generated images. Of a failed run only ``RUN`` is read. Returns ``seed``;
    ``step``: the last that all runs reach, at most the planned one; ``samples``; ``run``, ``value``, ``status``
    (``missing`` without a run), ``collapsed`` of the compared arm; the same with prefix ``reference_``, for an
    interaction also ``minus_``; ``cpus``: how many CPU models trained the pair, 0 if one is unknown; ``effect``:
    log(value / reference) or their difference, for an interaction minus that of the other block; NaN if one is missing.
    A ``ValueError`` names runs that are neither finished nor failed, exist twice, differ in ``SCALE``, ``GAME``, sample
    count or (in one seed) precision, or whose number is not finite or has no logarithm.
    """
    require_columns(results, NEEDED)
    features, seeds = features or plan.features, plan.seeds_of(comparison)
    rows = {side: rows_of_arm(results, *place, plan) for side, place in comparison.sides.items()}
    rows = {side: part[part.seed.isin(seeds)] for side, part in rows.items()}
    heads = [*RUN, *(name for name in (*GAME, "cpu") if name in results)]
    runs = {side: _one_row_per_run(part, heads, plan) for side, part in rows.items()}
    every = pd.concat(runs.values())
    refuse_mixture(every, (*SCALE, *GAME))
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


def numbers_at(results: pd.DataFrame, step: int, plan: AnalysisPlan) -> pd.DataFrame:
    """Results of runs of that many steps or more, as if every run had ended at the step; the same columns.

    Results have one row per run, ``features`` and ``metric``. A metric ``<name>_at_<step>`` is that of the snapshot at
    that step, ``<name>`` that of the whole run. A run's number at a step is
    - in the plan's two feature spaces: the mean of ``<name>_at_<step>`` over the snapshots of the plan's score (at
      10,000 steps: ``fid_at_8000``, ``fid_at_9000``, ``fid_at_10000``), all of them or none;
    - elsewhere (``training``, ``discriminator``, ``pixels``, ``fresh_critic``): the row ``<name>_at_<step>``;
    - without such rows: the row ``<name>``, if the run has exactly that many steps, or for a cost, whatever its length.
    Otherwise the run has no such number. Rows of failed runs (without a number) and of snapshots up to the step stay.
    """
    parts = results.metric.astype("string").str.extract(r"^(.+)_at_(\d+)$")
    name, at = parts[0], pd.to_numeric(parts[1]).fillna(-1)
    in_space = results.features.isin([plan.features, plan.second_space])
    snapshots = plan.snapshots_of_score(step)
    wanted = (in_space & at.isin(snapshots)) | (~in_space & (at == step))
    chosen = results.assign(metric=name)[wanted]
    key = ["run", "features", "metric"]
    groups = chosen.groupby(key).value
    complete = groups.transform("size") == np.where(in_space[wanted], len(snapshots), 1)
    scores = chosen.assign(value=groups.transform("mean"))[complete].drop_duplicates(key)
    whole = results[name.isna() & ((results.steps == step) | (results.features == "cost") | results.metric.isna())]
    whole = whole.merge(scores[key].assign(scored=True), on=key, how="left")
    whole = whole[whole.scored.isna()].drop(columns="scored")
    return pd.concat([whole, results[(at >= 0) & (at <= step)], scores], ignore_index=True)


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


def _one_row_per_run(rows: pd.DataFrame, columns: list[str], plan: AnalysisPlan) -> pd.DataFrame:
    runs = rows[columns].drop_duplicates()
    if len(twice := runs.run[runs.run.duplicated()]):
        raise ValueError(f"{_listed(twice)} are in the results with two configs or statuses; keep one")
    allowed = (FINISHED, *plan.failed)
    if len(others := runs[~runs.status.isin(allowed)]):
        states = ", ".join(f"{run} is {status}" for run, status in zip(others.run, others.status, strict=True))
        raise ValueError(f"{states}; expected {' | '.join(allowed)}; train them to their end first")
    if len(twice := runs[runs.seed.duplicated(keep=False)].sort_values("seed")):
        raise ValueError(f"seed={twice.seed.iloc[0]} has several runs of one network: {_listed(twice.run)}; keep one")
    return runs


def collapsed_runs(results: pd.DataFrame, plan: AnalysisPlan) -> set[str]:
    """Names of the runs that the plan calls collapsed."""
    rows = results[results.features == plan.features]
    limits = plan.collapsed.items()
    return {run for metric, limit in limits for run in rows.run[(rows.metric == metric) & (rows.value >= limit)]}


def refuse_mixture(runs: pd.DataFrame, columns: Iterable[str], where: str = ""):
    """Raise ``ValueError`` if one of the columns has two values; it names the column and the runs."""
    for column in (name for name in columns if name in runs):
        groups = {value: _listed(group.run) for value, group in runs.groupby(column, dropna=False)}
        if len(groups) > 1:
            mixture = "; ".join(f"{value}: {names}" for value, names in groups.items())
            advice = f"compare runs of one {column}" if column != "samples" else "evaluate all with the same --samples"
            raise ValueError(f"{column} is mixed in one comparison{where} ({mixture}); {advice}")


def _numbers_of(metric: Metric, rows: pd.DataFrame, features: str) -> pd.DataFrame:
    chosen = rows[(rows.metric == metric.name) & (rows.features == features) & (rows.status == FINISHED)]
    refuse_bad_numbers(chosen)
    if metric.effect == "log_ratio" and len(bad := chosen.run[chosen.value <= 0]):
        raise ValueError(f"metric={metric.name!r} is not above 0 for {_listed(bad)}; compare it as a difference")
    return chosen.set_index("run")[["value", "samples"]]


def refuse_bad_numbers(rows: pd.DataFrame):
    """Raise ``ValueError`` if a run's number is duplicated or not finite; it names the metric and the runs."""
    if len(twice := rows[rows.duplicated(["run", "features", "metric"])]):
        raise ValueError(f"metric={twice.metric.iloc[0]!r} is there twice for {_listed(twice.run)}; keep one")
    if len(broken := rows[~np.isfinite(rows.value.astype("float64"))]):
        where = f"metric={broken.metric.iloc[0]!r} is not finite for {_listed(broken.run)}"
        raise ValueError(f"{where}; evaluate again, or leave the runs out")


def require_columns(results: pd.DataFrame, columns: tuple[str, ...]):
    """Raise ``ValueError`` if results lack columns."""
    if absent := [name for name in columns if name not in results]:
        raise ValueError(f"results lack the columns {', '.join(absent)}; needed: {', '.join(columns)}")


def _listed(runs) -> str:
    return ", ".join(sorted(map(str, set(runs))))
