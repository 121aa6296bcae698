"""All runs side by side: the table that chapter 8's figures stand for."""

import pandas as pd

from ..gans.base import METRICS
from ..networks.inspection import multiply_adds
from ..paths import figures_directory
from .reference import ReferenceRun
from .run import Run

TAIL = 0.1  # share of the steps that the tail statistics are taken over


def comparison_table(runs: list[Run]) -> pd.DataFrame:
    """One row a run: final and tail values of every metric, time a step, sizes of both networks.

    Columns: ``network``, ``steps``, ``<metric>_final``, ``<metric>_tail_mean`` and ``_tail_std`` (over the last
    tenth of the steps), ``ms_per_step`` (median), ``minutes``, ``generator_parameters``,
    ``discriminator_parameters``, ``discriminator_multiply_adds`` (one image), ``peak_memory_mb`` and ``run``.

    Raises:
        ValueError: a run is not finished.
    """
    return pd.DataFrame([row(run) for run in runs])


def save_table(table: pd.DataFrame, profile: str):
    """Write the table beside the profile's figures as ``comparison.csv`` and return its path."""
    path = figures_directory(profile) / "comparison.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.6g")
    return path


def row(run: Run) -> dict:
    """One row of :func:`comparison_table`; of a reference run as it was when the whole history was at hand."""
    if isinstance(run, ReferenceRun):
        return run.summary
    if not run.finished:
        raise ValueError(f"{run.directory.name} is {run.status}, not finished; train it to its end first")
    history = run.history[run.history.step > 0]
    tail = history.tail(max(1, round(len(history) * TAIL)))
    row = {"network": run.config.label, "steps": len(history)}
    for metric in METRICS:
        row[f"{metric}_final"] = history[metric].iloc[-1]
        row[f"{metric}_tail_mean"] = tail[metric].mean()
        row[f"{metric}_tail_std"] = tail[metric].std(ddof=0)
    return row | {
        "ms_per_step": 1000 * history.seconds.median(),
        "minutes": history.seconds.sum() / 60,
        "generator_parameters": run.generator.count_params(),
        "discriminator_parameters": run.discriminator.count_params(),
        "discriminator_multiply_adds": multiply_adds(run.discriminator),
        "peak_memory_mb": run.provenance.get("peak_memory_mb"),
        "run": run.directory.name,
    }
