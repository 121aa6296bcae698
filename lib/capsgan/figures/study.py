"""Figures of many runs: functions take the tables of :mod:`capsgan.study` and return a Matplotlib figure.

``results`` are of :func:`capsgan.study.results.collect_results`, ``analysis`` of
:func:`capsgan.study.comparisons.analyse`; ``label`` is the vertical axis's, ``features`` where a metric is taken.
"""

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


def pairs_figure(results: pd.DataFrame, metric: str, label: str, features: str = "digits") -> plt.Figure:
    """One number of every run, classical beside Caps, one line per seed, and what real images get."""
    gans = [gan for gan in COMPARED_GANS if gan in set(results.gan)]
    drawn = results[(results.fraction == 1) & results.discriminator.isin(PAIR)]
    floor = results[(results.features == features) & (results.metric == metric)].floor.median()
    size = {"figsize": (2.4 * len(gans) + 1.6, 3.4), "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(1, len(gans), layout="constrained", **size)
    for axis, gan in zip(axes[0], gans, strict=True):
        pair = pd.concat([numbers(results, gan, trunk, metric, features) for trunk in PAIR], axis=1).dropna()
        axis.plot([0, 1], pair.T, color="grey", linewidth=0.8, alpha=0.7)
        for place, trunk in enumerate(PAIR):
            axis.plot(np.full(len(pair), place), pair.iloc[:, place], "o", color=COLOURS[trunk], markersize=5)
        if np.isfinite(floor):
            axis.axhline(floor, color="black", linestyle=":", linewidth=1, label="real images")
        title = f"{GANS[gan].label}, seeds: {len(pair)}"
        axis.set(xticks=[0, 1], xticklabels=["classical", "Caps"], xlim=(-0.4, 1.4), title=title)
    label = label[:1].upper() + label[1:]
    axes[0, 0].set_ylabel(label)
    axes[0, 0].set_ylim(bottom=-0.04 * axes[0, 0].get_ylim()[1])  # a floor near 0 is no part of the frame
    if np.isfinite(floor):
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    figure.suptitle(f"{label}: one line per seed\n{describe_results(drawn)}", fontsize=10)
    add_results_footer(figure, drawn)
    return figure


def intervals_figure(analysis: pd.DataFrame, plan: AnalysisPlan, results: pd.DataFrame) -> plt.Figure:
    """The deciding metric's ratios with their intervals, and the margin inside which they count as equal."""
    rows = _deciding(analysis, plan).reset_index(drop=True)
    drawn = _of_comparisons(results, rows)
    figure, axis = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.5), layout="constrained")
    for place, row in rows.iterrows():
        colour, name = COLOURS[row.reference], f"against {TRUNKS[row.reference]}"
        axis.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
        axis.plot(row.estimate, place, "o", color=colour, label=name)
    low, high = plan.metric.margin
    axis.axvspan(low, high, color="grey", alpha=0.3, linewidth=0, label=f"equivalent:\n{low:g} to {high:g}")
    axis.axvline(1, color="grey", linewidth=0.8)
    labels = [f"{r.comparison}  (n = {r.pairs})" for r in rows.itertuples()]
    axis.set_yticks(range(len(rows)), labels)
    axis.set(xscale="log", xlabel="ratio of FIDs (below 1: the first is better)")
    ticks = (0.125, 0.25, 0.5, 1, 2, 4)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.invert_yaxis()
    names = {name: handle for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(names.values(), names, loc="outside right upper", frameon=False, fontsize=8)
    figure.suptitle(f"Ratios of FIDs, with 95 % intervals\n{describe_results(drawn)}", fontsize=10)
    add_results_footer(figure, drawn)
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
        axis.set(xlabel="step", yscale="log", title=GANS[gan].label)
        plain_ticks(axis.yaxis)
    axes[0, 0].set_ylabel(metric)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    drawn = results[(results.fraction == 1) & results.discriminator.isin(PAIR) & results.gan.isin(gans)]
    figure.suptitle(f"{metric} during training\n{describe_results(drawn)}", fontsize=10)
    add_results_footer(figure, drawn)
    return figure


def controls_figure(
    results: pd.DataFrame, metric: str, label: str, features: str = "digits", floor: str = "real images"
) -> plt.Figure:
    """One number of DCGAN under every discriminator: a point per seed, a bar for the mean, dotted the floor."""
    drawn = results[(results.gan == "dcgan") & (results.fraction == 1)]
    trunks = [name for name in TRUNKS if name in set(drawn.discriminator)]
    figure, axis = plt.subplots(figsize=(1.25 * len(trunks) + 2, 3.4), layout="constrained")
    for place, trunk in enumerate(trunks):
        values = numbers(results, "dcgan", trunk, metric, features)
        beside = place + 0.08 * (np.arange(len(values)) - (len(values) - 1) / 2)  # equal values stay apart
        axis.plot(beside, values, "o", color=COLOURS[trunk], markersize=5, alpha=0.8)
        axis.plot([place - 0.25, place + 0.25], [values.mean()] * 2, color=COLOURS[trunk], linewidth=2)
    axis.plot([], [], "o", color="grey", markersize=5, label="one seed")
    axis.plot([], [], color="grey", linewidth=2, label="mean")
    rows = drawn[(drawn.features == features) & (drawn.metric == metric)]
    if np.isfinite(rows.floor.median()):
        axis.axhline(rows.floor.median(), color="black", linestyle=":", linewidth=1, label=floor)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    axis.set_xticks(range(len(trunks)), [textwrap.fill(TRUNKS[name], 10) for name in trunks], fontsize=8)
    axis.set_ylabel(textwrap.fill(label, 32))
    axis.set_title(f"DCGAN: {label}\n{describe_results(drawn)}", fontsize=9)
    add_results_footer(figure, drawn)
    return figure


def _deciding(analysis: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """The rows of the deciding metric that have enough pairs for a spread."""
    rows = analysis[(analysis.metric == plan.metric.name) & (analysis.features == plan.features)]
    return rows[rows.sd > 0]


def _of_comparisons(results: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The results of the networks that rows of an analysis compare."""
    networks = {(row.gan, name) for row in rows.itertuples() for name in (row.discriminator, row.reference)}
    chosen = [network in networks for network in zip(results.gan, results.discriminator, strict=True)]
    return results[np.array(chosen) & (results.fraction == 1)]


def add_results_footer(figure: plt.Figure, results: pd.DataFrame):
    """Name the runs and commits that the figure is drawn from, small, at its lower edge."""
    runs = results.drop_duplicates("run").run.sort_values()
    commits = ", ".join(sorted(map(str, results.commit.dropna().unique()))) if "commit" in results else "no commit"
    figure.supxlabel(f"{runs.iloc[0]} … {runs.iloc[-1]} ({len(runs)} runs) @{commits}", fontsize=6, color="grey")


def plain_ticks(axis):
    """Label a logarithmic axis at 1, 2 and 5 of each decade, with plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter("{:g}".format))
    axis.set_minor_formatter(NullFormatter())
