"""Runs and their numbers, paired by seed; what must not be compared is refused here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .plan import FINISHED, AnalysisPlan, Comparison, Metric

SCALE = ("dataset", "steps", "batch_size", "precision")  # the same in all runs of a comparison
GAME = ("fraction", "image_size", "label_smoothing", "discriminator_warmup", "discriminator_updates", "weight_clipping")
TRUNK = ("width", "dropout", "routing_iterations")  # the same under one discriminator: no trunk feels all of them
SAME = 1e-12  # effects closer together than this have no spread that statistics could go by
RUN = ("run", "gan", "discriminator", *SCALE, "width", "seed", "status")  # one value a run
COLUMNS = (*RUN, "features", "metric", "value", "samples")


def pair_runs(results: pd.DataFrame, comparison: Comparison, metric: Metric, plan: AnalysisPlan) -> pd.DataFrame:
    """The runs of a comparison, one row a seed of the plan.

    Args:
        results: one row a run and metric, with ``COLUMNS``: ``status`` is ``finished`` or one of ``plan.failed``;
            ``features`` names the feature space, ``samples`` is the number of generated images. A failed run has at
            least one row, of which only ``RUN`` is read. Rows of other runs, metrics and feature spaces are left alone.
        comparison: which runs.
        metric: which number.
        plan: seeds, feature space, what has failed or collapsed.

    Returns:
        Columns ``seed``, ``steps``; ``run``, ``value``, ``failed``, ``collapsed`` of the discriminator that is
        compared; the same with ``reference_`` before them of the other; and ``effect``: the natural logarithm of value
        / reference, or their difference. Numbers are float64, NaN where a run failed.

    Raises:
        ValueError: columns or runs are missing; a run is neither finished nor failed; seeds are not those of the plan
            or not paired; runs of one comparison differ in ``SCALE`` or, where results have those columns, in ``GAME``
            (or runs of one discriminator in ``TRUNK``); a seed, run or number is there twice; sample counts differ; a
            finished run's number is missing, not finite, or has no logarithm. Names the runs.
    """
    absent = [name for name in COLUMNS if name not in results]
    if absent:
        raise ValueError(f"results lack the columns {', '.join(absent)}; needed: {', '.join(COLUMNS)}")
    scale, trunk = ([name for name in group if name in results] for group in (SCALE + GAME, TRUNK))
    names = {"": comparison.discriminator, "reference_": comparison.reference}  # by side
    rows = {side: _rows_of(results, comparison.gan, name) for side, name in names.items()}
    runs = {side: _one_row_a_run(rows[side], sorted({*RUN, *scale, *trunk}), plan) for side in rows}
    refuse_mixture(pd.concat(runs.values()), scale)
    for side in runs:
        refuse_mixture(runs[side], trunk)
        _refuse_seeds(runs[side], comparison.gan, names[side], plan)

    numbers = {side: _numbers_of(metric.name, rows[side], runs[side], plan.features) for side in runs}
    refuse_mixture(pd.concat(numbers.values()).reset_index(), ["samples"])
    pairs = pd.DataFrame({"seed": sorted(plan.seeds), "steps": int(runs[""].steps.iloc[0])})
    for side in runs:
        for name in plan.collapsed:
            _numbers_of(name, rows[side], runs[side], plan.features)
        collapsed = collapsed_runs(rows[side], plan)
        part = runs[side].sort_values("seed").run.reset_index(drop=True)
        pairs[f"{side}run"] = part
        pairs[f"{side}value"] = part.map(numbers[side].value).astype("float64")
        pairs[f"{side}failed"] = ~part.isin(numbers[side].index)
        pairs[f"{side}collapsed"] = part.isin(collapsed)
    if metric.effect == "log_ratio":
        _refuse_values_without_logarithm(pairs, metric.name)
        return pairs.assign(effect=np.log(pairs.value) - np.log(pairs.reference_value))
    return pairs.assign(effect=pairs.value - pairs.reference_value)


def _rows_of(results: pd.DataFrame, gan: str, discriminator: str) -> pd.DataFrame:
    rows = results[(results.gan == gan) & (results.discriminator == discriminator)]
    if rows.empty:
        raise ValueError(f"gan={gan!r}, discriminator={discriminator!r} has no runs among the results; train them")
    return rows


def _one_row_a_run(rows: pd.DataFrame, columns: list[str], plan: AnalysisPlan) -> pd.DataFrame:
    runs = rows[columns].drop_duplicates()
    twice = runs.run[runs.run.duplicated()].unique()
    if len(twice):
        raise ValueError(f"{_listed(twice)} stand in the results with two configs or statuses; keep one")
    allowed = (FINISHED, *plan.failed)
    others = runs[~runs.status.isin(allowed)]
    if len(others):
        listed = ", ".join(f"{run} is {status}" for run, status in zip(others.run, others.status, strict=True))
        raise ValueError(f"{listed}; allowed: {' | '.join(allowed)}; train them to their end first")
    return runs


def collapsed_runs(results: pd.DataFrame, plan: AnalysisPlan) -> set[str]:
    """Names of the runs that the plan calls collapsed, by the numbers that are there."""
    rows = results[results.features == plan.features]
    limits = plan.collapsed.items()
    return {run for metric, limit in limits for run in rows.run[(rows.metric == metric) & (rows.value >= limit)]}


def refuse_mixture(runs: pd.DataFrame, columns: list[str]):
    """Raise ``ValueError`` where a column has two values; it names the column and the runs."""
    for column in columns:
        groups = {value: _listed(group.run) for value, group in runs.groupby(column, dropna=False)}
        if len(groups) > 1:
            mixture = "; ".join(f"{value}: {names}" for value, names in groups.items())
            advice = f"compare runs of one {column}" if column != "samples" else "evaluate all with the same --samples"
            raise ValueError(f"{column} is mixed in one comparison ({mixture}); {advice}")


def _refuse_seeds(runs: pd.DataFrame, gan: str, discriminator: str, plan: AnalysisPlan):
    twice = runs[runs.seed.duplicated(keep=False)].sort_values("seed")
    if len(twice):
        raise ValueError(f"seed={twice.seed.iloc[0]} has several runs of one network: {_listed(twice.run)}; keep one")
    missing = sorted(set(plan.seeds) - set(runs.seed))
    if missing:
        raise ValueError(
            f"seeds={missing} of gan={gan!r}, discriminator={discriminator!r} are missing and leave their partners "
            "unpaired; train them, give those that failed with their status, or declare other seeds"
        )
    surplus = runs[~runs.seed.isin(plan.seeds)]
    if len(surplus):
        raise ValueError(f"{_listed(surplus.run)} have seeds that the plan does not; allowed: {list(plan.seeds)}")


def _numbers_of(metric: str, rows: pd.DataFrame, runs: pd.DataFrame, features: str) -> pd.DataFrame:
    """Value and samples of every finished run, by run."""
    finished = runs.run[runs.status == FINISHED]
    chosen = rows[(rows.metric == metric) & (rows.features == features) & rows.run.isin(finished)].set_index("run")
    twice = chosen.index[chosen.index.duplicated()].unique()
    if len(twice):
        raise ValueError(f"metric={metric!r} is there twice for {_listed(twice)}; keep one")
    missing = sorted(set(finished) - set(chosen.index))
    if missing:
        raise ValueError(f"metric={metric!r} (features {features!r}) is missing for {_listed(missing)}; evaluate them")
    broken = chosen.index[~np.isfinite(chosen.value.astype("float64"))]
    if len(broken):
        raise ValueError(f"metric={metric!r} is not finite for {_listed(broken)}; a run without images has failed")
    return chosen[["value", "samples"]]


def _refuse_values_without_logarithm(pairs: pd.DataFrame, metric: str):
    bad = [run for side in ("", "reference_") for run in pairs[f"{side}run"][pairs[f"{side}value"] <= 0]]
    if bad:
        raise ValueError(f"metric={metric!r} is not above 0 for {_listed(bad)}; compare it as a difference")


def _listed(runs) -> str:
    return ", ".join(sorted(map(str, set(runs))))
