"""Numbers that say what a run's curves look like: where they end, how much they waver, when they have settled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..runs.table import TAIL

WINDOW = 0.02  # share of the steps that a running mean spans, as in Figures 8.1 to 8.5
BAND = 0.1  # an accuracy has settled when its running mean stays within this of its final value


def curve_numbers(history: pd.DataFrame) -> dict[str, float]:
    """What claims about curves are tested by.

    Args:
        history: of a run, one row a step (a thinned one of a reference run has lost its wavering).

    Returns:
        For ``g_loss``, ``d_loss`` and ``accuracy`` each: ``<metric>``, the mean over the last tenth of the steps;
        ``<metric>_wavering_early`` and ``_late``, the standard deviation from the running mean over 2 % of the steps,
        in the first and the last tenth. And ``accuracy_settled``, the share of the steps after which the accuracy's
        running mean stays within 0.1 of its mean over the last tenth.
    """
    history = history[history.step > 0]
    part, numbers = max(1, round(len(history) * TAIL)), {}
    for metric in ("g_loss", "d_loss", "accuracy"):
        values = history[metric].reset_index(drop=True)
        smooth = values.rolling(max(3, round(len(values) * WINDOW)), center=True, min_periods=1).mean()
        rest = values - smooth
        numbers[metric] = float(values.tail(part).mean())
        numbers[f"{metric}_wavering_early"] = float(rest.head(part).std(ddof=0))
        numbers[f"{metric}_wavering_late"] = float(rest.tail(part).std(ddof=0))
        if metric == "accuracy":
            outside = np.flatnonzero((smooth - numbers[metric]).abs() > BAND)
            numbers["accuracy_settled"] = float((outside[-1] + 1) / len(values)) if len(outside) else 0.0
    return numbers
