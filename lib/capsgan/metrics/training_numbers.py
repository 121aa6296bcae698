"""Numbers about a training: where its curves end, how much they fluctuate, how soon they settle, what a step costs."""

import numpy as np
import pandas as pd

from ..networks.inspection import step_multiply_adds, training_megabytes
from ..runs.run import Run
from ..runs.table import TAIL, row

WINDOW = 0.02  # share of the steps that a running mean spans, as in Figures 8.1 to 8.5
BAND = 0.1  # an accuracy has settled when its running mean stays within this of its final value


def curve_numbers(history: pd.DataFrame) -> dict[str, float]:
    """The numbers that test claims about curves, from a history with one row per step (a thinned one fluctuates less).

    For ``g_loss``, ``d_loss`` and ``accuracy`` each: ``<metric>``, the mean over the last tenth of the steps;
    ``<metric>_fluctuation_early`` and ``_late``, the standard deviation from the running mean over 2 % of the steps, in
    the first and the last tenth. And ``accuracy_settled``, the share of the steps after which the accuracy's running
    mean stays within 0.1 of its mean over the last tenth.
    """
    history = history[history.step > 0]
    part, numbers = max(1, round(len(history) * TAIL)), {}
    for metric in ("g_loss", "d_loss", "accuracy"):
        values = history[metric].reset_index(drop=True)
        smooth = values.rolling(max(3, round(len(values) * WINDOW)), center=True, min_periods=1).mean()
        rest = values - smooth
        numbers[metric] = float(values.tail(part).mean())
        numbers[f"{metric}_fluctuation_early"] = float(rest.head(part).std(ddof=0))
        numbers[f"{metric}_fluctuation_late"] = float(rest.tail(part).std(ddof=0))
        if metric == "accuracy":
            outside = np.flatnonzero((smooth - numbers[metric]).abs() > BAND)
            numbers["accuracy_settled"] = float((outside[-1] + 1) / len(values)) if len(outside) else 0.0
    return numbers


def step_cost(run: Run) -> dict:
    """A step's arithmetic, memory, parameters."""
    known, gan = row(run), run.build()  # sizes need no trained weights
    names = ("discriminator_parameters", "discriminator_multiply_adds", "peak_memory_mb")
    numbers = {name: known[name] for name in names} | {"multiply_adds_of_step": step_multiply_adds(gan)}
    # The generator's update sends a whole batch through the discriminator.
    numbers["discriminator_megabytes"] = training_megabytes(gan.discriminator, run.config.batch_size)
    return numbers
