"""All runs side by side: the numbers behind chapter 8's figures."""

import pandas as pd

from ..gans.base import METRICS
from ..networks.inspection import multiply_adds
from ..paths import figures_directory, write_atomically
from .reference import ReferenceRun
from .run import Run

TAIL = 0.1  # share of the steps that the tail statistics are taken over


def comparison_table(runs: list[Run]) -> pd.DataFrame:
    """One row per finished run: final and tail values of every metric, time per step, sizes of both networks.

    Columns: ``network``, ``steps``, ``<metric>_final``, ``<metric>_tail_mean`` and ``_tail_std`` (over the last tenth
    of the steps), ``ms_per_step`` (median), ``minutes``, ``generator_parameters``, ``discriminator_parameters``,
    ``discriminator_multiply_adds`` (one image), ``peak_memory_mb`` and ``run``.
    """
    return pd.DataFrame([row(run) for run in runs])


def save_table(table: pd.DataFrame, profile: str):
    """Write the table next to the profile's figures as ``comparison.csv``; returns its path."""
    path = figures_directory(profile) / "comparison.csv"
    write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    return path


def row(run: Run) -> dict:
    """One row of :func:`comparison_table`; a reference run stores the row of its whole history."""
    if isinstance(run, ReferenceRun):
        return run.summary
    run.require_finished()
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
