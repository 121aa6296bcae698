"""Results as data: one row per run and number, from the runs' ``metrics.json`` to two CSV files and back."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from ..config import RunConfig
from ..data.datasets import load_dataset
from ..data.pixels import to_uint8
from ..metrics.fresh_critic import fresh_critic_losses
from ..metrics.run_scores import evaluate, is_scored
from ..names import GANS
from ..paths import home, shipped
from ..profiles import Profile
from ..runs.reference import ReferenceRun, list_references
from ..runs.run import Run, list_runs
from .claims import read_claims
from .plan import AnalysisPlan
from .verdicts import verdict_table

RESULTS = shipped("results")
NUMBERS = ("features", "metric", "value", "floor", "held_out")  # of a number; all other columns are of its run
STEP_TIMES = RESULTS / "step_time_study.csv"  # of benchmarks/study_steps.py
NETWORK = ("gan", "discriminator", "width", "dropout", "routing_iterations", "batch_size")  # what a step's time is of
FREE = ("precision", "snapshots")  # what runs of the plan may have as they like


def runs_at_scale(profile: Profile) -> list[Run]:
    """The finished and failed runs of a profile's scale, whatever their GAN, discriminator, seed and fraction."""

    def fits(config: RunConfig) -> bool:
        like = profile.config(config.gan, config.discriminator, config.seed, fraction=config.fraction)
        return like.dataset == config.dataset and like.identity == config.identity  # a folder may be gone

    return [run for run in list_runs() if run.status in ("finished", "failed") and fits(run.config)]


def identity(config: RunConfig) -> tuple:
    """The fields that a run must share with the plan's; precision and snapshots are free."""
    return tuple(sorted((name, value) for name, value in config.identity.items() if name not in FREE))


def planned_runs(plan: AnalysisPlan) -> list[Run]:
    """The plan's runs on disk and among the stored references; one for each place, that on disk if both exist."""
    wanted, found = {identity(config): config for config in plan.configs().values()}, {}
    for run in (*list_runs(), *list_references()):
        config = wanted.get(identity(run.config))
        if config and run.config.width == config.width:  # a CNN of another width is the same run under another name
            found.setdefault(config.run_id, run)
    return list(found.values())


def collect(plan: AnalysisPlan, name: str = "study", say=print) -> pd.DataFrame:
    """Score the plan's unscored runs; write ``runs_``, ``metrics_`` and ``verdicts_<name>.csv`` to ``data/results``.

    ``say`` is called with a line about each run that is scored, skipped or dropped. Returns the results of the runs
    that are here, and the stored ones of the plan's others. ``ValueError``: no run of the plan has finished or failed.
    """
    runs, wanted = [], {identity(config) for config in plan.configs().values()}
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
        heads = _runs_of(stored)
        values = heads[[f.name for f in fields(RunConfig) if f.name in heads]].to_dict("records")
        configs = [RunConfig(**{name: value for name, value in row.items() if pd.notna(value)}) for row in values]
        fits = stored.run.isin(heads.run[[identity(config) in wanted for config in configs]])
        say(f"kept: {stored.run[fits].nunique()} stored runs; dropped, not in the plan: {stored.run[~fits].nunique()}")
        results = pd.concat([stored[fits], results], ignore_index=True)
    timed = with_step_times(results, pd.read_csv(STEP_TIMES)) if STEP_TIMES.exists() else results
    table = verdict_table(read_claims(), timed, plan)  # first: what cannot be judged replaces nothing
    save_results(results, name)
    table.to_csv(RESULTS / f"verdicts_{name}.csv", index=False, float_format="%.6g")
    return results


def _with_fresh_critic(results: pd.DataFrame, runs: list[Run], plan: AnalysisPlan) -> pd.DataFrame:
    """One fresh critic judges each pair of unvaried arms trained on all of the data, if both have their weights."""
    usual = {identity(config) for (_, arm, _), config in plan.configs().items() if not plan.arms[arm].variations}
    judged = [run for run in runs if run.finished and run.config.fraction == 1 and identity(run.config) in usual]
    judged = [run for run in judged if not isinstance(run, ReferenceRun) or run.config.seed == 0]  # these have weights
    if not judged:
        return results
    numbers = judge_pairs(judged, load_dataset(judged[0].config.dataset).images, plan.samples)
    return results if numbers.empty else pd.concat([results, numbers.merge(_runs_of(results))], ignore_index=True)


def _runs_of(results: pd.DataFrame) -> pd.DataFrame:
    return results.drop(columns=list(NUMBERS), errors="ignore").drop_duplicates()


def collect_results(runs: list[Run]) -> pd.DataFrame:
    """The results of finished, evaluated runs, and of failed ones, which have one row without a number.

    Returns one row per run and number: ``run``, the fields of its config, ``status``, ``samples``, ``commit``,
    ``device``, ``cpu`` (model or ``unknown``), ``features`` (where the number is taken: a feature space, ``pixels``,
    ``discriminator``, ``training``, ``cost``, ``fresh_critic``), ``metric``, ``value``, ``floor``, ``held_out``. A
    ``ValueError`` names all runs that are not evaluated.
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
    """Contents of ``metrics.json`` as rows of :func:`collect_results`, without ``commit``, ``device`` and ``cpu``.

    A snapshot's own numbers are ``<metric>_at_<step>``; lists are skipped.
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


def judge_pairs(runs: list[Run], real: np.ndarray, samples: int) -> pd.DataFrame:
    """Have one fresh critic judge both generators of every pair, see :mod:`capsgan.metrics.fresh_critic`.

    ``real`` are uint8 images that the critic learns from; ``samples`` is the number of images of each generator.
    Finished runs of one GAN, seed and fraction are a pair. Returns ``run``, ``features``, ``metric`` and ``value``.
    """
    by_network = {(r.config.gan, r.config.seed, r.config.fraction, r.config.discriminator): r for r in runs}
    rows = []
    for gan, seed, fraction in sorted({key[:3] for key in by_network}):
        both = [by_network.get((gan, seed, fraction, name)) for name in ("cnn", "caps")]
        if all(both):
            losses = fresh_critic_losses([to_uint8(run.generate(samples, seed=0)) for run in both], real, seed=seed)
            names = [run.directory.name for run in both]
            rows += [(name, "fresh_critic", "g_loss", loss) for name, loss in zip(names, losses, strict=True)]
    return pd.DataFrame(rows, columns=["run", "features", "metric", "value"])


def save_results(results: pd.DataFrame, name: str, directory: Path = RESULTS):
    """Write ``runs_<name>.csv``, one row per run, and ``metrics_<name>.csv``, one row per run and number."""
    _runs_of(results).to_csv(directory / f"runs_{name}.csv", index=False)
    own = results.value.notna() & (results.metric != "ms_per_step")  # which has its own file, STEP_TIMES
    numbers = results[own].reindex(columns=["run", *NUMBERS])
    numbers.to_csv(directory / f"metrics_{name}.csv", index=False, float_format="%.9g")


def load_results(name: str, directory: Path = RESULTS) -> pd.DataFrame:
    """Read what :func:`save_results` wrote as one table."""
    paths = [directory / f"{kind}_{name}.csv" for kind in ("runs", "metrics")]
    if not all(path.exists() for path in paths):
        names = sorted(path.stem[5:] for path in directory.glob("runs_*.csv"))
        raise ValueError(f"results={name!r} are not there; expected {' | '.join(names) or 'none yet'}")
    results = pd.read_csv(paths[0]).merge(pd.read_csv(paths[1]), on="run", how="left", validate="one_to_many")
    return with_step_times(results, pd.read_csv(STEP_TIMES)) if STEP_TIMES.exists() else results


def with_step_times(results: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    """Results with the cost ``ms_per_step`` of every finished run: its network's time in the round of its seed.

    ``times`` are those of ``benchmarks/study_steps.py``, taken while nothing else ran, unlike a history's seconds.
    """
    results = results[results.metric != "ms_per_step"]  # those of stored results, which come again
    runs = _runs_of(results[results.status == "finished"])
    rows = runs.merge(times[[*NETWORK, "round", "ms"]].rename(columns={"round": "seed", "ms": "value"}))
    return pd.concat([results, rows.assign(features="cost", metric="ms_per_step")], ignore_index=True)


def describe_results(results: pd.DataFrame) -> str:
    """The scale of results, for titles: what they may be compared with, and what not."""
    run = results.drop_duplicates("run").iloc[0]
    steps = results.groupby("steps").gan.unique().sort_index(ascending=False)
    others = "".join(f" ({', '.join(GANS[g].label for g in gans)} {n:,})" for n, gans in steps.iloc[1:].items())
    steps = f"{steps.index[0]:,} steps{others}"
    width = results[results.discriminator != "cnn"].width.max()
    return f"{run.dataset}, {steps}, batch {run.batch_size}, Caps width {width:g}, {run.precision}"
