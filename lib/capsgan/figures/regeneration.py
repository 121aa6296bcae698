"""Figures of regenerated images: functions take arrays and tables and return a Matplotlib figure."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..regeneration.reconstruction import Regeneration
from .runs import COLOURS, show_image, show_images

UNITS = {"psnr": "dB", "psnr_hole": "dB", "ssim": "", "ssim_hole": "", "features": "distance"}
GENERATORS = {"classical": COLOURS["cnn"], "Caps": COLOURS["caps"]}  # by the discriminator they were trained against
NO_NETWORK = "#666666"
OUTLINE = "#E69F00"


def gallery_figure(columns: dict[str, np.ndarray], title: str, masks=None, truth=None, size=1.15) -> plt.Figure:
    """One row per image, one column per method: ``columns`` maps a name to uint8 [n, height, width, 1 or 3].

    ``masks``, bool [n, height, width], False in holes: rectangular ones are outlined. ``truth``, uint8 like the images,
    puts the PSNR in the hole, or of whole images without masks, under tiles that differ. ``size``: inches per tile.
    """
    count = len(next(iter(columns.values())))
    shape = (size * len(columns), size * count * (0.97 if truth is None else 1.1) + 0.7)
    figure, axes = plt.subplots(count, len(columns), figsize=shape, layout="constrained", squeeze=False)
    for column, (name, images) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(name, fontsize=8)
        scored = truth is not None and name not in ("damaged", "truth")
        for row, (axis, image) in enumerate(zip(column, images, strict=True)):
            draw_tile(axis, image, None if masks is None else masks[row], truth[row] if scored else None)
    figure.suptitle(title, fontsize=10)
    return figure


def draw_tile(axis, image: np.ndarray, known: np.ndarray | None = None, truth: np.ndarray | None = None):
    """An image, uint8 [height, width, 1 or 3]; rectangular holes outlined; the PSNR (dB) against ``truth`` below."""
    show_image(axis, image)
    if known is not None and len(np.unique(known[~known.all(axis=1)], axis=0)) == 1:  # a rectangle: others hide seams
        axis.contour(~known, levels=[0.5], colors=[OUTLINE], linewidths=0.9)
    if truth is not None and (image != truth).any():
        where = np.ones(image.shape[:2], bool) if known is None else ~known
        decibels = cv2.PSNR(np.ascontiguousarray(image[where]), np.ascontiguousarray(truth[where]))
        axis.text(0.5, -0.03, f"{decibels:.1f} dB", transform=axis.transAxes, ha="center", va="top", fontsize=7.5)


def search_figure(found: Regeneration, number: int, truth: np.ndarray, damaged: np.ndarray) -> plt.Figure:
    """The search for image ``number``: every restart's loss, and what the best restart's latent generates on the way.

    ``found`` comes from a search with ``snapshots``; ``truth`` and ``damaged`` are uint8 [height, width, channels].
    """
    steps = {f"step {step}": images[number] for step, images in found.snapshots.items()}
    shown = {"observed": damaged, **steps, "blended": found.images[number], "truth": truth}
    figure = plt.figure(figsize=(max(8, 1.25 * len(shown)), 4.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.5, 1))
    axis = above.subplots()
    losses, best = found.losses[:, number], found.best[number]
    others = axis.plot(np.delete(losses, best, axis=1), color="#AAAAAA", linewidth=0.9)
    plt.setp(others[:1], label="other starts")
    axis.plot(losses[:, best], color="black", linewidth=2, label="best")
    axis.set(xlabel="step of the search", ylabel="total loss")
    axis.legend(frameon=False)
    show_images(below.subplots(1, len(shown)), shown, fontsize=9)
    return figure


def scores_figure(scores: pd.DataFrame, metric: str, label: str, title: str = "") -> plt.Figure:
    """Every method's mean, one dot per image, best on top; generators have the colour of their discriminator.

    ``scores`` and ``metric`` as in :func:`capsgan.regeneration.quality.compare_methods`; ``label`` is that of the
    horizontal axis.
    """
    wide = scores[scores.metric == metric].pivot(index="image", columns="method", values="value")
    order = wide.mean().sort_values(ascending=metric != "features").index
    figure, axis = plt.subplots(figsize=(7, 0.42 * len(order) + 1.3), layout="constrained")
    jitter = np.linspace(-0.22, 0.22, len(wide))
    for place, method in enumerate(order):
        colour = GENERATORS.get(method.split(",")[0], NO_NETWORK)
        axis.plot(wide[method], place + jitter, ".", color=colour, alpha=0.35, markersize=5)
        axis.plot(wide[method].mean(), place, "D", color=colour, markersize=7, markeredgecolor="white")
    axis.set_yticks(range(len(order)), order)
    axis.set(xlabel=f"{label} ({UNITS[metric]})" if UNITS[metric] else label, title=title)
    axis.title.set_fontsize(10)
    legend = {f"{name} discriminator": colour for name, colour in GENERATORS.items()} | {"no network": NO_NETWORK}
    for name, colour in legend.items():
        axis.plot([], [], "D", color=colour, label=f"{name}, mean")
    axis.plot([], [], ".", color=NO_NETWORK, alpha=0.5, label="one image")
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    return figure
