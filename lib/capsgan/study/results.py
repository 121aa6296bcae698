"""Results as data: one row a run and number, from the runs' ``metrics.json`` to two CSV files and back."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from ..config import RunConfig
from ..data.datasets import load_dataset
from ..data.pixels import to_uint8
from ..metrics.evaluation import evaluate, is_scored
from ..metrics.fresh_critic import fresh_critic_losses
from ..names import GANS
from ..paths import home, shipped
from ..profiles import Profile
from ..runs.reference import ReferenceRun, list_references
from ..runs.run import Run, list_runs
from .claims import CLAIMS
from .plan import AnalysisPlan
from .statistics import mean_interval
from .verdicts import verdicts

RESULTS = shipped("results")
SHARES = ("precision", "recall", "coverage", "missing_classes", "label_accuracy")  # in [0, 1], and so their intervals
NUMBERS = ("features", "metric", "value", "floor", "held_out")  # of a number; all other columns are of its run
FREE = ("precision", "snapshots")  # what runs of the plan may have as they like


def runs_at_scale(profile: Profile) -> list[Run]:
    """The finished and failed runs of a profile's scale, whatever their GAN, discriminator, seed and fraction."""

    def fits(config: RunConfig) -> bool:
        like = profile.config(config.gan, config.discriminator, config.seed, fraction=config.fraction)
        return like.dataset == config.dataset and like.identity == config.identity  # a folder may be gone

    return [run for run in list_runs() if run.status in ("finished", "failed") and fits(run.config)]


def planned(plan: AnalysisPlan) -> dict[tuple, tuple[str, str, int]]:
    """What identifies each run of the plan → its block, arm and seed. Precision and snapshots do not count."""
    return {identity(config): place for place, config in plan.configs().items()}


def identity(config: RunConfig) -> tuple:
    """Everything that a run of the plan must share with it."""
    return tuple(sorted((name, value) for name, value in config.identity.items() if name not in FREE))


def planned_runs(plan: AnalysisPlan) -> list[Run]:
    """The plan's runs, among the runs on disk and the stored references; of two of one id that on disk."""
    wanted, found = planned(plan), {}
    for run in (*list_runs(), *list_references()):
        if identity(run.config) in wanted:
            found.setdefault(run.directory.name, run)
    return list(found.values())


def collect(plan: AnalysisPlan, name: str = "study", say=print) -> pd.DataFrame:
    """Score the plan's runs where that is missing, and write ``runs_``, ``metrics_`` and ``verdicts_<name>.csv``.

    Args:
        plan: says which runs these are, and of how many images a score is.
        name: of the files in ``data/results``.
        say: called with a line about each run that is scored, skipped or dropped.

    Returns:
        All results: those of the runs that are here, and stored ones of runs of the plan that are not.

    Raises:
        ValueError: no run of the plan has finished or failed.
    """
    runs, wanted = [], planned(plan)
    for run in planned_runs(plan):
        stored = isinstance(run, ReferenceRun) and (run.directory / "metrics.json").exists()
        if run.status not in ("finished", *plan.failed):
            say(f"skipped: {run.directory.name} is {run.status}")
            continue
        if run.finished and not stored and not is_scored(run, plan.samples):
            say(f"scoring: {run.directory.name}")
            evaluate(run, plan.samples, progress=False)
        runs.append(run)
    if not runs:
        raise ValueError(f"no run of the plan has finished in {home() / 'runs'}; train some (python -m capsgan train)")
    results = _with_fresh_critic(collect_results(runs), runs, plan)
    if (RESULTS / f"runs_{name}.csv").exists():
        stored = load_results(name)
        stored = stored[~stored.run.isin(results.run)]
        fits = stored.run.isin([row["run"] for row in _heads(stored) if identity(_config(row)) in wanted])
        say(f"kept: {stored.run[fits].nunique()} stored runs; dropped, not in the plan: {stored.run[~fits].nunique()}")
        results = pd.concat([stored[fits], results], ignore_index=True)
    save_results(results, name)
    table = verdicts(CLAIMS, load_results(name), plan)
    table.to_csv(RESULTS / f"verdicts_{name}.csv", index=False, float_format="%.4g")
    return results


def _with_fresh_critic(results: pd.DataFrame, runs: list[Run], plan: AnalysisPlan) -> pd.DataFrame:
    """One fresh critic judges each pair of unvaried arms on all of the data, where both have their weights."""
    wanted = planned(plan)
    judged = [
        run
        for run in runs
        if run.finished
        and run.config.fraction == 1
        and not plan.arms[wanted[identity(run.config)][1]].variations
        and not (isinstance(run, ReferenceRun) and run.config.seed)
    ]
    if not judged:
        return results
    numbers = judge_pairs(judged, load_dataset(judged[0].config.dataset).images, plan.samples)
    heads = results.drop(columns=list(NUMBERS)).drop_duplicates()
    return results if numbers.empty else pd.concat([results, numbers.merge(heads, on="run")], ignore_index=True)


def _heads(results: pd.DataFrame) -> list[dict]:
    return results.drop(columns=list(NUMBERS)).drop_duplicates().to_dict("records")


def _config(row: dict) -> RunConfig:
    """The config of a row of results, of which snapshots are not kept."""
    return RunConfig(**{f.name: row[f.name] for f in fields(RunConfig) if f.name in row and pd.notna(row[f.name])})


def collect_results(runs: list[Run]) -> pd.DataFrame:
    """What is known of runs, as :mod:`capsgan.study.claims` and :mod:`capsgan.study.pairing` read it.

    Args:
        runs: finished and evaluated, or failed: such a run has one row, without a number.

    Returns:
        One row a run and number: ``run``, the fields of its config, ``status``, ``samples``, ``commit``, ``device``,
        ``cpu`` (its model, ``unknown`` where a run does not say),
        ``features`` (where the number is taken: a feature space, ``pixels``, ``discriminator``, ``training``, ``cost``,
        ``fresh_critic``), ``metric``, ``value``, ``floor``, ``held_out``.

    Raises:
        ValueError: a run has not been evaluated, or is neither finished nor failed. Names them all.
    """
    evaluations, missing, failed = [], [], []
    for run in runs:
        path = run.directory / "metrics.json"
        if run.status == "failed":
            failed.append({"run": run.directory.name, **run.config.published(), "status": "failed"})
        elif run.finished and path.exists():
            evaluations.append(json.loads(path.read_text(encoding="utf-8")))
        else:
            missing.append(f"{run.directory.name} ({run.status})")
    if missing:
        raise ValueError(f"{', '.join(missing)}: no metrics.json; finish them and run: python -m capsgan evaluate RUN")
    results = pd.concat([metrics_frame(evaluations), pd.DataFrame(failed)], ignore_index=True)
    origins = {run.directory.name: run.provenance for run in runs}
    for name, absent in {"commit": None, "device": None, "cpu": "unknown"}.items():
        results.insert(1, name, [origins[run].get(name, absent) for run in results.run])
    return results.drop(columns="snapshots", errors="ignore")


def metrics_frame(evaluations: list[dict]) -> pd.DataFrame:
    """Evaluations as one row a run and number, as :mod:`capsgan.study.pairing` reads them.

    Args:
        evaluations: from :func:`~capsgan.metrics.evaluation.evaluate`, or read from ``metrics.json``.

    Returns:
        Columns ``run``, those of the config, ``status`` (finished), ``samples``, ``features`` (where the number is
        taken: a feature space, ``pixels`` or ``discriminator``), ``metric``, ``value``, ``floor``, ``held_out``. A
        snapshot's own numbers are there as ``<metric>_at_<step>``. No lists.
    """
    rows = []
    for evaluation in evaluations:
        run = {"run": evaluation["run"], **evaluation["config"], "status": "finished", "samples": evaluation["samples"]}
        for features, metrics in evaluation["metrics"].items():
            for step, found in evaluation.get("snapshots", {}).items():
                metrics = metrics | {f"{name}_at_{step}": {"value": v} for name, v in found.get(features, {}).items()}
            rows += [run | {"features": features, "metric": metric} | numbers for metric, numbers in metrics.items()]
    scalar = [{name: value for name, value in row.items() if not isinstance(value, list)} for row in rows]
    frame = pd.DataFrame([row for row in scalar if "value" in row])
    return frame if "held_out" in frame or frame.empty else frame.assign(held_out=np.nan)


def judge_pairs(runs: list[Run], real, samples: int, *, seed: int = 0, pair=("cnn", "caps")) -> pd.DataFrame:
    """Have one fresh critic judge both generators of every pair, see :mod:`capsgan.metrics.fresh_critic`.

    Args:
        runs: finished; of one GAN, seed and fraction those with the discriminators of ``pair`` are judged together.
        real: uint8 images that the critic learns from.
        samples: images of each generator.

    Returns:
        Columns ``run``, ``features`` (fresh_critic), ``metric`` (g_loss), ``value``.
    """
    by_network = {(r.config.gan, r.config.seed, r.config.fraction, r.config.discriminator): r for r in runs}
    rows = []
    for gan, number, fraction in sorted({key[:3] for key in by_network}):
        both = [by_network.get((gan, number, fraction, name)) for name in pair]
        if all(both):
            images = [to_uint8(run.generate(samples, seed=seed)) for run in both]
            losses = fresh_critic_losses(images, real, seed=number)
            head = {"features": "fresh_critic", "metric": "g_loss"}
            rows += [{"run": r.directory.name, **head, "value": v} for r, v in zip(both, losses, strict=True)]
    return pd.DataFrame(rows)


def summarise(results: pd.DataFrame, metrics: dict[str, str], alpha: float = 0.05) -> pd.DataFrame:
    """One row a network trained on all of the data: how many seeds, and each metric's mean with its t interval.

    Args:
        results: of one scale.
        metrics: name → where it is taken, e.g. ``{"fid": "digits"}``.
        alpha: one minus the interval's level.

    Returns:
        Text but for ``seeds``; the last rows are what real images get: the floor, and held-out images where the results
        have them (those of an earlier measure do not). Intervals of shares are cut at 0 and 1.
    """
    chosen = results[(results.fraction == 1) & results.value.notna()]
    rows = []
    for (gan, discriminator), part in chosen.groupby(["gan", "discriminator"], sort=True):
        row = {"gan": gan, "discriminator": discriminator, "seeds": part.seed.nunique()}
        for metric, features in metrics.items():
            values = part[(part.metric == metric) & (part.features == features)].value.to_numpy("float64")
            low, high = mean_interval(values, alpha) if len(values) > 1 else (float("nan"),) * 2
            if metric in SHARES:
                low, high = max(low, 0.0), min(high, 1.0)
            row[metric] = (
                f"{values.mean():.3g} ({low:.3g} to {high:.3g})" if len(values) > 1 else f"{values.mean():.3g}"
            )
        rows.append(row)
    for name, side in (("real images", "floor"), ("held-out real images", "held_out")):
        if side in chosen and chosen[side].notna().any():
            found = chosen.groupby(["features", "metric"])[side].median()
            real = {metric: f"{found[features, metric]:.3g}" for metric, features in metrics.items()}
            rows.append({"gan": name, "discriminator": "", "seeds": ""} | real)
    return pd.DataFrame(rows)


def save_results(results: pd.DataFrame, name: str, directory: Path = RESULTS):
    """Write ``runs_<name>.csv``, one row a run, and ``metrics_<name>.csv``, one row a run and number."""
    heads = [column for column in results if column not in NUMBERS]
    results[heads].drop_duplicates().to_csv(directory / f"runs_{name}.csv", index=False)
    numbers = results[results.value.notna()].reindex(columns=["run", *NUMBERS])
    numbers.to_csv(directory / f"metrics_{name}.csv", index=False, float_format="%.9g")


def load_results(name: str, directory: Path = RESULTS) -> pd.DataFrame:
    """What :func:`save_results` wrote, as one table.

    Raises:
        ValueError: there are no such results. Lists those that there are.
    """
    paths = [directory / f"{kind}_{name}.csv" for kind in ("runs", "metrics")]
    if not all(path.exists() for path in paths):
        names = sorted(path.stem[5:] for path in directory.glob("runs_*.csv"))
        raise ValueError(f"results={name!r} are not there; expected {' | '.join(names) or 'none yet'}")
    return pd.read_csv(paths[0]).merge(pd.read_csv(paths[1]), on="run", how="left", validate="one_to_many")


def describe_results(results: pd.DataFrame) -> str:
    """The scale of results, for titles: what they may be compared with, and what not."""
    run = results.drop_duplicates("run").iloc[0]
    steps = results.groupby("steps").gan.unique().sort_index(ascending=False)
    others = "".join(f" ({', '.join(GANS[g].label for g in gans)} {n:,})" for n, gans in steps.iloc[1:].items())
    steps = f"{steps.index[0]:,} steps{others}"
    width = results[results.discriminator != "cnn"].width.max()
    return f"{run.dataset}, {steps}, batch {run.batch_size}, Caps width {width:g}, {run.precision}"
