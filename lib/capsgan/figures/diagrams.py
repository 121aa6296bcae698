"""Drawings of architectures, made from the models themselves."""

import math
from collections import Counter

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
            if row.layer not in ("Activation", "LeakyReLU", "Softmax"):
                steps[-1].append(row.layer)
            continue
        shapes.append(shape)
        steps.append([] if row.layer == "InputLayer" else [row.layer])
    named = ([f"{name} ×{n}" if n > 1 else name for name, n in Counter(step).items()] for step in steps)
    return draw_blocks(title, shapes, ["\n".join(names) for names in named])


def draw_blocks(title: str, shapes: list[tuple], steps: list[str]) -> plt.Figure:
    """Blocks side by side: height grows with pixels or capsules, width with channels; ``steps`` lead into each."""
    heights = [0.35 + 0.22 * min(7.5, math.log2(shape[0] if len(shape) > 1 else 1)) for shape in shapes]
    figure, axis = plt.subplots(figsize=(1.35 * len(shapes) + 1, 1.15 * max(heights) + 0.9), layout="constrained")
    x = 0.0
    for shape, step, height in zip(shapes, steps, heights, strict=True):
        width = 0.15 + 0.06 * math.log2(shape[-1])
        if step:
            axis.annotate("", (x + 1.2, 0), (x + 0.15, 0), arrowprops={"arrowstyle": "-|>", "color": "#444444"})
        axis.text(x + 0.68, 0.12, step, ha="center", va="bottom", fontsize=7.5, linespacing=1.1)
        left = x + 1.25
        for depth in (0.10, 0.05, 0.0) if len(shape) == 3 and min(shape) > 1 else (0.0,):
            corner, style = (left + depth, depth - height / 2), {"facecolor": TRAINED, "edgecolor": "#444444"}
            axis.add_patch(Rectangle(corner, width, height, zorder=2 - depth, **style))
        axis.text(left + width / 2, -height / 2 - 0.12, "×".join(map(str, shape)), ha="center", va="top", fontsize=8)
        x = left + width
    axis.set(xlim=(1.0 if not steps[0] else 0, x + 0.3), ylim=(-max(heights) / 2 - 0.4, max(heights) / 2 + 0.15))
    axis.axis("off")
    axis.set_title(title, fontsize=11)
    return figure
