"""Figures of results: functions take data frames and arrays and return a Matplotlib figure."""

import textwrap
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..config import RunConfig
from ..data.listing import is_folder, safe_name
from ..data.pixels import tile
from ..names import COMPARED_GANS, GANS
from ..paths import figures_directory
from ..runs.run import Run

COLOURS = {  # Okabe and Ito's: blue and vermilion for the pair, the others for the controls
    "cnn": "#0072B2",
    "caps": "#D55E00",
    "cnn-matched": "#009E73",
    "caps-routing": "#CC79A7",
    "caps-squashed": "#E69F00",
    "caps-ungated": "#56B4E9",
}
CHAPTER_8 = {  # figure number → (GAN, file name)
    "8.1": ("acgan", "fig_8_1_acgan_metrics"),
    "8.2": ("dcgan", "fig_8_2_dcgan_metrics"),
    "8.3": ("infogan", "fig_8_3_infogan_metrics"),
    "8.4": ("wgan", "fig_8_4_wgan_metrics"),
    "8.5": ("wgan", "fig_8_5_wgan_metrics_zoomed"),
}
THESIS_STEPS = 20_000


def metrics_figure(number: str, classical: Run, caps: Run, profile: str | None = None) -> plt.Figure:
    """One of Figures 8.1 to 8.5, as :func:`curves_figure` draws it. 8.5 is 8.4, zoomed in."""
    if number not in CHAPTER_8:
        raise ValueError(f"invalid number={number!r}; expected a figure of chapter 8, {' | '.join(CHAPTER_8)}")
    if classical.config.gan != CHAPTER_8[number][0]:
        raise ValueError(f"invalid gan={classical.config.gan!r}; figure {number} expects {CHAPTER_8[number][0]!r}")
    zoomed = number == "8.5"
    pair = f"{classical.config.label} and {caps.config.label}{', zoomed in' if zoomed else ''}"
    title = f"{pair}: losses and accuracy (the thesis's Figure {number})"
    return curves_figure(classical, caps, title, profile, zoomed=zoomed)


def curves_figure(
    classical: Run, caps: Run, title: str, profile: str | None = None, *, zoomed: bool = False
) -> plt.Figure:
    """Losses and accuracy of any GAN against step, classical and Caps.

    The two runs must be finished, of one GAN, and differ only in the trunk. ``profile`` is named at the foot, before
    steps, width and seed. ``zoomed``: both axes show the second half of training.
    """
    return overview_figure({"": (classical, caps, zoomed)}, title, profile)


def overview_figure(rows: dict[str, tuple], title: str, profile: str | None = None) -> plt.Figure:
    """A row of :func:`curves_figure` for each name in ``rows``: classical, Caps, and maybe whether it is zoomed."""
    size = {"figsize": (13.5, 2.5 * len(rows) + 1.2), "layout": "constrained", "squeeze": False}
    figure, axes = plt.subplots(len(rows), 3, **size)
    figure.get_layout_engine().set(w_pad=0.12)
    for line, (name, (classical, caps, *zoomed)) in zip(axes, rows.items(), strict=True):
        _check_pair(classical.config, caps.config)
        for axis, (column, label) in zip(line, panels(classical.config.gan).items(), strict=True):
            for run, trunk in ((classical, "classical"), (caps, "Caps")):
                shown = trunk if len(rows) > 1 else run.config.label
                draw_curve(axis, run.history, column, COLOURS[run.config.discriminator], shown)
            coin = {"(nats)": np.log(2), "(share)": 0.5}.get(label.split()[-1])  # what tossing a coin gets
            if coin:
                axis.axhline(coin, color="#666666", linestyle=":", linewidth=1.2, label="a coin toss:\nlog 2, or ½")
            axis.set_ylabel(label)
            if any(zoomed):
                last = caps.history["step"].iloc[-1]
                axis.set_xlim(last // 2, last)
                axis.set_ylim(*_zoomed_limits([classical.history[column], caps.history[column]]))
            elif column == "accuracy":
                axis.set_ylim(-0.02, 1.02)
        line[0].set_title(name, loc="left", weight="bold", fontsize=10)
    plt.setp(axes[-1], xlabel="step")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    figure.suptitle(title, fontsize=12)
    scales = dict.fromkeys(describe_scale(row[1].config, profile) for row in rows.values())
    add_footer(figure, [*dict.fromkeys(run for row in rows.values() for run in row[:2])], "; ".join(scales))
    return figure


def draw_curve(axis, history: pd.DataFrame, column: str, colour: str, label: str):
    """One metric against step: values (of a reference run their range) faint, the mean over 2 % of the run strong."""
    steps, values = history["step"], history[column]
    smooth = values.rolling(max(1, len(values) // 50), center=True, min_periods=1).mean()
    if f"{column}_min" in history:
        low, high = history[f"{column}_min"], history[f"{column}_max"]
        axis.fill_between(steps, low, high, facecolor=(colour, 0.12), edgecolor=(colour, 0.45), linewidth=0.4)
        faint = "smallest to\nlargest value"
    else:
        axis.plot(steps, values, color=colour, alpha=0.2, linewidth=0.7)
        faint = "single steps"
    axis.plot(steps, smooth, color=colour, linewidth=1.8, label=label)
    for noted in [drawn for drawn in axis.collections if drawn.get_label() == faint]:
        noted.remove()
    axis.fill_between([], [], color="grey", alpha=0.35, label=faint)  # in the legend, behind the names of all curves


def panels(gan: str) -> dict[str, str]:
    """What a metrics figure shows: columns of a history and their labels with units, a critic's named a critic's."""
    critic = GANS[gan].is_critic
    unit = "score" if critic else "nats" if gan in COMPARED_GANS else "own scale"  # nats: a mean cross-entropy
    judge, share = ("Critic", "at midpoint") if critic else ("Discriminator", "share")  # a critic has no threshold
    losses = {"g_loss": f"Generator loss ({unit})", "d_loss": f"{judge} loss ({unit})"}
    return losses | {"accuracy": f"{judge} accuracy ({share})"}


def describe_scale(config: RunConfig, profile: str | None = None) -> str:
    """A run's scale for titles, so that no quick run passes for the thesis's."""
    steps = f"{config.steps:,} steps" + ("" if config.steps == THESIS_STEPS else f" (thesis: {THESIS_STEPS:,})")
    width = f", Caps width {config.width:g}" if config.discriminator != "cnn" else ""
    dataset = safe_name(config.dataset) if is_folder(config.dataset) else config.dataset
    named = f"{profile} profile, " if profile else ""
    return f"{named}{dataset}, {steps}, batch {config.batch_size}{width}, seed {config.seed}"


def samples_figure(samples: dict[str, np.ndarray], title: str, note: str = "", columns: int = 5) -> plt.Figure:
    """Named grids side by side: ``samples`` maps names to uint8 [n, height, width, channels]; ``note``: small print."""
    figure, axes = plt.subplots(1, len(samples), figsize=(3.6 * len(samples), 4.1), layout="constrained", squeeze=False)
    show_images(axes[0], {name: tile(images, columns) for name, images in samples.items()})
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(note, fontsize=7, color="grey")
    return figure


def grid_figure(images: np.ndarray, title: str, rows: str, columns: str, row_names=None) -> plt.Figure:
    """A table of images, for class-by-class grids and traversals of a code.

    ``images`` are uint8 [rows, columns, height, width, channels]; ``rows`` and ``columns`` say what changes along them.
    """
    height, width = images.shape[:2]
    figure, axis = plt.subplots(figsize=(0.5 * width + 1.2, 0.5 * height + 1.0), layout="constrained")
    show_image(axis, tile(images.reshape(-1, *images.shape[2:]), width, gap=1))
    axis.axis("on")
    pitch = images.shape[2] + 1
    axis.set_yticks(1 + pitch * (np.arange(height) + 0.5), row_names or range(height))
    axis.set_xticks([])
    axis.set(ylabel=rows, xlabel=columns)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.set_title(title, fontsize=10)
    return figure


def show_image(axis, image: np.ndarray):
    """Draw uint8 [height, width, 1 or 3] in its own colours, with crisp pixels."""
    grey = image.shape[-1] == 1
    axis.imshow(image[..., 0] if grey else image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.axis("off")


def show_images(axes, images: dict[str, np.ndarray], fontsize: int = 10):
    """Draw images as :func:`show_image` does, one per axis, under their names."""
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        show_image(axis, image)
        axis.set_title(name, fontsize=fontsize)


def add_footer(figure: plt.Figure, runs: list[Run], scale: str = ""):
    """Say at which scale the runs of a figure are, and name them and their commits, small, at its lower edge."""
    names = "  ".join(f"{run.directory.name} @{run.provenance.get('commit') or 'no commit'}" for run in runs)
    names = textwrap.fill(names, int(14 * figure.get_figwidth()), break_on_hyphens=False)
    figure.supxlabel(f"{scale}\n{names}" if scale else names, fontsize=6.5, color="grey")


def save_figure(figure: plt.Figure, name: str, profile: str, runs=()) -> Path:
    """Save as ``figures/<profile>/<name>.png`` and ``.svg`` and return the PNG's path.

    The same figure gives the same files, without a date; both name ``runs`` and the checksums of their histories.
    """
    directory = figures_directory(profile)
    directory.mkdir(parents=True, exist_ok=True)
    sources = "; ".join(f"{run.directory.name} {run.history_sha256}" for run in runs)
    described = {"Description": sources} if runs else {}
    with mpl.rc_context({"svg.hashsalt": "capsgan", "svg.fonttype": "path"}):
        figure.savefig(directory / f"{name}.svg", metadata={"Date": None} | described)
    path = directory / f"{name}.png"
    figure.savefig(path, dpi=150, metadata={"Software": None} | described)
    return path


def _check_pair(classical: RunConfig, caps: RunConfig):
    ours, theirs = classical.identity, caps.identity
    mine = {"discriminator", "width", "dropout"}
    names = sorted(n for n in (ours.keys() | theirs.keys()) - mine if ours.get(n) != theirs.get(n))
    if names or (classical.discriminator, caps.discriminator) != ("cnn", "caps"):
        what = ", ".join(names) or f"discriminator={classical.discriminator!r}, {caps.discriminator!r}"
        raise ValueError(f"not a classical and a Caps run of one pair: {what} of {classical.run_id} and {caps.run_id}")


def _zoomed_limits(columns) -> tuple[float, float]:
    tail = np.concatenate([np.asarray(column)[len(column) // 2 :] for column in columns])
    low, high = np.nanquantile(tail, [0.01, 0.99])
    margin = 0.1 * (high - low) or 0.1
    return low - margin, high + margin
