"""Figures of many runs: functions take the tables of :mod:`capsgan.study` and return a Matplotlib figure.

``results`` are of :func:`capsgan.study.results.collect_results`, ``analysis`` of
:func:`capsgan.study.comparisons.analyse`; ``features`` says where a metric is taken.
"""

import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..names import COMPARED_GANS, GANS
from ..study.effects import fid_at, numbers, step_of
from ..study.plan import AnalysisPlan
from ..study.results import describe_results
from .runs import COLOURS

TRUNKS = {
    "cnn": "classical",
    "caps": "Caps",
    "cnn-matched": "CNN as large",
    "caps-routing": "Caps, true routing",
    "caps-squashed": "Caps, squashed gates",
    "caps-ungated": "Caps, no gates",
}
PAIR = ("cnn", "caps")


def pairs_figure(results: pd.DataFrame, metrics: dict[str, str], features: str = "digits") -> plt.Figure:
    """Numbers of every run, classical beside Caps, one line per seed, and what real images get.

    ``metrics`` maps each metric to its label; every one has a row of panels, one per GAN.
    """
    gans = [gan for gan in COMPARED_GANS if gan in set(results.gan)]
    drawn = results[(results.fraction == 1) & results.discriminator.isin(PAIR)]
    size = {"figsize": (2.4 * len(gans) + 1.6, 2.2 * len(metrics) + 1.2), "sharey": "row", "squeeze": False}
    figure, axes = plt.subplots(len(metrics), len(gans), layout="constrained", **size)
    for line, (metric, label) in zip(axes, metrics.items(), strict=True):
        floor = results[(results.features == features) & (results.metric == metric)].floor.median()
        for axis, gan in zip(line, gans, strict=True):
            pair = pd.concat([numbers(results, gan, trunk, metric, features) for trunk in PAIR], axis=1).dropna()
            axis.plot([0, 1], pair.T, color="grey", linewidth=0.8, alpha=0.7)
            for place, trunk in enumerate(PAIR):
                axis.plot(np.full(len(pair), place), pair.iloc[:, place], "o", color=COLOURS[trunk], markersize=5)
            if np.isfinite(floor):
                axis.axhline(floor, color="black", linestyle=":", linewidth=1, label="real images")
            axis.set(xticks=[0, 1], xticklabels=["classical", "Caps"], xlim=(-0.4, 1.4))
            title = f"{GANS[gan].label}, seeds: {len(pair)}" if metric == next(iter(metrics)) else ""
            axis.set_title(title, fontsize=10)
        line[0].set_ylabel(label)
        line[0].set_ylim(bottom=-0.04 * line[0].get_ylim()[1])  # a floor near 0 is no part of the frame
    _legend(figure, axes[0, 0])
    figure.suptitle(f"{' and '.join(metrics.values())}: classical and Caps, one line per seed", fontsize=12)
    add_results_footer(figure, drawn)
    return figure


def intervals_figure(analysis: pd.DataFrame, plan: AnalysisPlan, results: pd.DataFrame) -> plt.Figure:
    """The deciding metric's ratios with their intervals, and the margin inside which they count as equal."""
    rows = analysis[(analysis.metric == plan.metric.name) & (analysis.features == plan.features)]
    rows = rows[rows.sd > 0].reset_index(drop=True)  # with pairs enough for a spread
    networks = {(row.gan, name) for row in rows.itertuples() for name in (row.discriminator, row.reference)}
    chosen = [network in networks for network in zip(results.gan, results.discriminator, strict=True)]
    figure, axis = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.5), layout="constrained")
    for place, row in rows.iterrows():
        colour, name = COLOURS[row.reference], f"against {TRUNKS[row.reference]}"
        axis.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
        axis.plot(row.estimate, place, "o", color=colour, label=name)
    low, high = plan.metric.margin
    axis.axvspan(low, high, color="grey", alpha=0.3, linewidth=0, label=f"equivalent:\n{low:g} to {high:g}")
    axis.axvline(1, color="grey", linewidth=0.8)
    seeds = sorted(set(rows.pairs))
    labels = [row.comparison + (f"  (n = {row.pairs})" if seeds[1:] else "") for row in rows.itertuples()]
    axis.set_yticks(range(len(rows)), [re.sub(r"^[A-Z]( − [A-Z])? ", "", label) for label in labels])
    axis.set(xscale="log", xlabel="ratio of FIDs (below 1: the first is better)")
    ticks = (0.125, 0.25, 0.5, 1, 2, 4)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.invert_yaxis()
    _legend(figure, axis)
    each = "" if seeds[1:] else f" (n = {seeds[0]} each)"
    figure.suptitle(f"Ratios of FIDs, with 95 % intervals{each}", fontsize=12)
    add_results_footer(figure, results[np.array(chosen) & (results.fraction == 1)])
    return figure


def fid_by_step_figure(results: pd.DataFrame, gans=COMPARED_GANS) -> plt.Figure:
    """FID (or FID∞) of the snapshots against step: a thin line per run, a thick one for the geometric mean."""
    size = {"figsize": (2.8 * len(gans) + 1.2, 3.4), "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(1, len(gans), layout="constrained", **size)
    for axis, gan in zip(axes[0], gans, strict=True):
        features, names = fid_at(results, gan)
        steps = [step_of(name) for name in names]
        metric = "FID∞" if names[0].startswith("fid_infinity") else "FID"
        for trunk in PAIR:
            curves = pd.concat([numbers(results, gan, trunk, name, features) for name in names], axis=1).dropna()
            axis.plot(steps, curves.T, color=COLOURS[trunk], alpha=0.3, linewidth=0.8)
            axis.plot(steps, np.exp(np.log(curves).mean()), color=COLOURS[trunk], linewidth=2, label=TRUNKS[trunk])
        axis.plot([], [], color="grey", linewidth=0.8, label="one run")
        axis.set(xlabel="step", yscale="log")
        axis.set_title(GANS[gan].label, fontsize=10)
        plain_ticks(axis.yaxis)
    axes[0, 0].set_ylabel(metric)
    _legend(figure, axes[0, 0])
    drawn = results[(results.fraction == 1) & results.discriminator.isin(PAIR) & results.gan.isin(gans)]
    figure.suptitle(f"{metric} during training", fontsize=12)
    add_results_footer(figure, drawn)
    return figure


def controls_figure(results: pd.DataFrame, numbers_shown: list[tuple[str, str, str, str]], title: str) -> plt.Figure:
    """Numbers of DCGAN under every discriminator: a point per seed, a bar for the mean, dotted what is named ``floor``.

    ``numbers_shown``: metric, features, label and floor of each panel; two panels stand side by side.
    """
    drawn = results[(results.gan == "dcgan") & (results.fraction == 1)]
    trunks = [name for name in TRUNKS if name in set(drawn.discriminator)]
    columns, rows = min(2, len(numbers_shown)), (len(numbers_shown) + 1) // 2
    size = {"figsize": (columns * (0.8 * len(trunks) + 0.6), 2.6 * rows + 0.8), "squeeze": False}
    figure, axes = plt.subplots(rows, columns, layout="constrained", **size)
    for axis, (metric, features, label, floor) in zip(axes.flat, numbers_shown, strict=False):
        for place, trunk in enumerate(trunks):
            values = numbers(results, "dcgan", trunk, metric, features)
            beside = place + 0.08 * (np.arange(len(values)) - (len(values) - 1) / 2)  # equal values stay apart
            axis.plot(beside, values, "o", color=COLOURS[trunk], markersize=5, alpha=0.8)
            axis.plot([place - 0.25, place + 0.25], [values.mean()] * 2, color=COLOURS[trunk], linewidth=2)
        rows = drawn[(drawn.features == features) & (drawn.metric == metric)]
        if np.isfinite(rows.floor.median()):
            axis.axhline(rows.floor.median(), color="black", linestyle=":", linewidth=1, label=f"dotted: {floor}")
            axis.legend(frameon=False, fontsize=8, handlelength=0)
        axis.set_xticks(range(len(trunks)), [textwrap.fill(TRUNKS[name], 9) for name in trunks], fontsize=8)
        axis.set_title(textwrap.fill(label, 48), fontsize=10)
    figure.suptitle(f"{title}: a point per seed, a bar for the mean", fontsize=12)
    add_results_footer(figure, drawn)
    return figure


def add_results_footer(figure: plt.Figure, results: pd.DataFrame):
    """Say at which scale the results of a figure are, and name their runs and commits, small, at its lower edge."""
    runs = results.drop_duplicates("run").run.sort_values()
    commits = ", ".join(sorted(map(str, results.commit.dropna().unique()))) if "commit" in results else "no commit"
    names = f"{runs.iloc[0]} … {runs.iloc[-1]} ({len(runs)} runs) @{commits}"
    figure.supxlabel(f"{describe_results(results)}\n{names}", fontsize=6.5, color="grey")


def _legend(figure: plt.Figure, axis):
    """The curves of one axis, each name once, beside all axes."""
    names = {name: handle for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    if names:
        figure.legend(names.values(), names, loc="outside right upper", frameon=False, fontsize=8)


def plain_ticks(axis):
    """Label a logarithmic axis at 1, 2 and 5 of each decade, with plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter("{:g}".format))
    axis.set_minor_formatter(NullFormatter())
