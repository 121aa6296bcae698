"""Results as data: one row a run and number, from the runs' ``metrics.json`` to two CSV files and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from ..config import RunConfig
from ..data.pixels import to_uint8
from ..metrics.fresh_critic import fresh_critic_losses
from ..paths import shipped
from ..profiles import Profile
from ..runs.run import Run, list_runs
from .statistics import mean_interval

RESULTS = shipped("results")
SHARES = ("precision", "recall", "coverage", "missing_classes", "label_accuracy")  # in [0, 1], and so their intervals
NUMBERS = (
    "features",
    "metric",
    "value",
    "floor",
    "held_out",
)  # of a number; all others are of its run


def runs_at_scale(profile: Profile) -> list[Run]:
    """The finished and failed runs of a profile's scale, whatever their GAN, discriminator, seed and fraction."""
    return [run for run in list_runs() if run.status in ("finished", "failed") and is_at_scale(run.config, profile)]


def is_at_scale(config: RunConfig, profile: Profile) -> bool:
    """Whether a run is one of the profile's but for seed and fraction."""
    like = profile.config(config.gan, config.discriminator, config.seed, fraction=config.fraction)
    return like.identity == config.identity


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
            failed.append({"run": run.directory.name, **run.config.to_dict(), "status": "failed"})
        elif run.finished and path.exists():
            evaluations.append(json.loads(path.read_text()))
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
