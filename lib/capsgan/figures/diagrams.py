"""Drawings of architectures, made from the models themselves."""

import math

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from ..networks.inspection import layer_table

GIVEN, TRAINED, ANSWERED = "#E9E9E9", "#9ECAE1", "#FDD0A2"  # fills of boxes


def architecture_figure(model, title: str) -> plt.Figure:
    """Figures 5.1 and 6.1: one block for every output shape of ``model``, read from the model itself."""
    rows = [row for row in layer_table(model).itertuples() if row.layer not in ("BatchNormalization", "Dropout")]
    shapes, steps = [], []
    for row in rows:
        shape = row.output_shape[1:]
        if shapes and shape == shapes[-1]:
            if row.layer not in ("Activation", "LeakyReLU", "Softmax") and row.layer not in steps[-1]:
                steps[-1] += f"\n{row.layer}"
            continue
        shapes.append(shape)
        steps.append("" if row.layer == "InputLayer" else row.layer)
    return draw_blocks(title, shapes, steps)


def draw_blocks(title: str, shapes: list[tuple], steps: list[str]) -> plt.Figure:
    """Blocks side by side: height grows with pixels or capsules, width with channels; ``steps`` lead into each."""
    figure, axis = plt.subplots(figsize=(1.45 * len(shapes) + 1, 3.4), layout="constrained")
    x = 0.0
    for shape, step in zip(shapes, steps, strict=True):
        tall = shape[0] if len(shape) > 1 else 1
        height, width = 0.35 + 0.22 * min(7.5, math.log2(tall)), 0.15 + 0.06 * math.log2(shape[-1])
        if step:
            axis.annotate("", (x + 1.0, 0), (x + 0.15, 0), arrowprops={"arrowstyle": "-|>", "color": "#444444"})
        axis.text(x + 0.55, 0.12, step, ha="center", va="bottom", fontsize=7.5, linespacing=1.1)
        left = x + 1.05
        for depth in (0.10, 0.05, 0.0) if len(shape) == 3 else (0.0,):
            corner, style = (left + depth, depth - height / 2), {"facecolor": TRAINED, "edgecolor": "#444444"}
            axis.add_patch(Rectangle(corner, width, height, zorder=2 - depth, **style))
        axis.text(left + width / 2, -height / 2 - 0.12, "×".join(map(str, shape)), ha="center", va="top", fontsize=8)
        x = left + width
    axis.set(xlim=(0.4 if not steps[0] else 0, x + 0.4), ylim=(-1.5, 1.4))
    axis.axis("off")
    axis.set_title(title, fontsize=11)
    return figure
