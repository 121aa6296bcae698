"""Draw what the thesis's first chapters explain: docs/pictures/*.svg, which notebooks 01, 02 and 10 show.

.venv/bin/python scripts/draw_diagrams.py
"""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path
from xml.sax.saxutils import escape

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib.pyplot as plt
from draw_capsules import capsule_drawing, gate_and_routing_drawing
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from capsgan.figures.diagrams import ANSWERED, GIVEN, TRAINED, draw_blocks

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
DESCRIPTIONS = {  # for those who cannot see the drawings; also the alt text in the notebooks
    "gan": "Diagram: noise z enters the generator G, which outputs a generated image. Generated and real images enter "
    "the discriminator D, which answers one question: real or generated?",
    "cnn": "A convolutional network as a row of blocks. From a 28×28 image through two convolutions, two poolings and "
    "two dense layers, they get smaller (fewer pixels) and wider (more channels), until ten numbers are left.",
    "dcgan": "DCGAN as a chain of boxes. A dense layer and two rounds of upsampling and convolution turn 100 noise "
    "numbers into an image; two convolutions of stride 2 and a dense layer turn the image into a logit.",
    "capsule": "An eye, turned left, upright, turned right, hardly visible, and not there. Below it the vector of a "
    "capsule for eyes: it turns with the eye and keeps its length of 0.9. It is short for the eye that is hardly "
    "visible, and 0 where there is none.",
    "gated_capsules": "Gated capsules as a chain of boxes that leads from û to a logit. Three times, a softmax and a "
    "dense layer make a gate, and the gate is multiplied by û. Every product takes the same û.",
    "gate_and_routing": "The same twelve numbers twice. Left: a dense layer makes a gate of twelve bars, which "
    "multiplies them. Right: they are votes of three parts, for A, which agree, and for B, which cancel. In three "
    "rounds the lines to A get wide and those to B thin; A's vector grows.",
}


def main():
    """Write every drawing, the same bytes each time."""
    drawings = {
        "gan": gan_drawing,
        "cnn": cnn_drawing,
        "dcgan": dcgan_drawing,
        "gated_capsules": gated_capsules_drawing,
    }
    with plt.rc_context({"svg.hashsalt": "capsgan", "svg.fonttype": "path"}):
        for name, draw in drawings.items():
            figure, path = draw(), PICTURES / f"{name}.svg"
            title = figure.get_suptitle() or figure.axes[0].get_title()
            figure.savefig(path, metadata={"Date": None, "Title": title})
            path.write_text(describe(path.read_text(encoding="utf-8"), DESCRIPTIONS[name]), encoding="utf-8")
    for name, draw in {"capsule": capsule_drawing, "gate_and_routing": gate_and_routing_drawing}.items():
        (PICTURES / f"{name}.svg").write_text(describe(draw(), DESCRIPTIONS[name]), encoding="utf-8")


def describe(svg: str, text: str) -> str:
    """Add a description after the title, and tell screen readers to read these two instead of what is drawn."""
    return svg.replace("</title>", f"</title>\n <desc>{escape(text)}</desc>", 1).replace("<svg ", '<svg role="img" ', 1)


def flow(title: str, boxes: dict, arrows, size: tuple[float, float]) -> plt.Figure:
    """Boxes and arrows.

    ``boxes`` maps a text to (x, y, fill), the centre in units of a box's width and height; ``arrows`` are (text of one
    box, text of another); ``size`` is in inches.
    """
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    for text, (x, y, fill) in boxes.items():
        box = FancyBboxPatch((x - 0.4, y - 0.28), 0.8, 0.56, "round,pad=0.03", facecolor=fill, edgecolor="#444444")
        axis.add_patch(box)
        axis.text(x, y, text, ha="center", va="center", fontsize=9)
    for start, end in arrows:
        (x0, y0, _), (x1, y1, _) = boxes[start], boxes[end]
        side = abs(x1 - x0) > 0.85  # leave a box at its side, or at its top or bottom
        out = (math.copysign(0.44, x1 - x0), 0) if side else (0, math.copysign(0.32, y1 - y0))
        ends = (x0 + out[0], y0 + out[1]), (x1 - out[0], y1 - out[1])
        axis.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=12, color="#444444"))
    xs, ys = [box[0] for box in boxes.values()], [box[1] for box in boxes.values()]
    axis.set(xlim=(min(xs) - 0.55, max(xs) + 0.55), ylim=(min(ys) - 0.5, max(ys) + 0.5))
    axis.axis("off")
    axis.set_title(title, fontsize=11)
    return figure


def gan_drawing() -> plt.Figure:
    """Figure 1.1: two networks, one game."""
    boxes = {
        "noise z": (0, 0, GIVEN),
        "generator\nG": (1.4, 0, TRAINED),
        "generated\nimage": (2.8, 0, GIVEN),
        "real\nimage": (2.8, 1, GIVEN),
        "discriminator\nD": (4.2, 0.5, TRAINED),
        "real or\ngenerated?": (5.6, 0.5, ANSWERED),
    }
    noise, generator, generated, real, discriminator, answer = boxes
    arrows = [*itertools.pairwise((noise, generator, generated, discriminator, answer)), (real, discriminator)]
    return flow("Figure 1.1: a generative adversarial network", boxes, arrows, (9, 2.6))


def dcgan_drawing() -> plt.Figure:
    """Figure 2.1: DCGAN, in which every layer but the ends is a convolution."""
    boxes = {
        "noise z\n100": (0, 0, GIVEN),
        "Dense,\nreshape": (1.2, 0, TRAINED),
        "upsample,\nconvolve": (2.4, 0, TRAINED),
        "upsample,\nconvolve ": (3.6, 0, TRAINED),
        "image": (4.8, 0, GIVEN),
        "convolve,\nstride 2": (6.0, 0, TRAINED),
        "convolve,\nstride 2 ": (7.2, 0, TRAINED),
        "Dense": (8.4, 0, TRAINED),
        "logit": (9.6, 0, ANSWERED),
    }
    title = "Figure 2.1: DCGAN: generator (left of the image), discriminator (right of it)"
    return flow(title, boxes, itertools.pairwise(boxes), (13, 1.7))


def cnn_drawing() -> plt.Figure:
    """Figure 1.2: layers of a CNN as blocks of height × width × channels, with pooling in between."""
    shapes = [(28, 28, 1), (24, 24, 16), (12, 12, 16), (8, 8, 32), (4, 4, 32), (1, 1, 128), (1, 1, 10)]
    steps = ["", "convolution\n5×5", "max\npooling", "convolution\n5×5", "max\npooling", "Dense", "Dense"]
    return draw_blocks("Figure 1.2: a convolutional neural network", shapes, steps)


def gated_capsules_drawing() -> plt.Figure:
    """The thesis's block of listing 7.3: three products, each of û and a gate made from the product before."""
    u_hat, before = "û\n160", "û\n160"
    boxes, arrows = {u_hat: (0, 0, TRAINED)}, []
    for number in (1, 2, 3):
        x = 3.6 * (number - 1)
        softmax, gate, product = f"softmax {number}\nΣ = 1", f"Dense {number}\n160", f"û ⊙ gate {number}\nLeakyReLU"
        boxes |= {softmax: (x + 1.2, 0, GIVEN), gate: (x + 2.4, 0, TRAINED), product: (x + 3.6, 0, GIVEN)}
        arrows += itertools.pairwise((before, softmax, gate, product))
        before = product
    boxes["logit"] = (12.0, 0, ANSWERED)
    arrows.append((before, "logit"))
    title = "Gated capsules (listing 7.3): every product takes the same û; no votes, no agreement, no routing"
    figure = flow(title, boxes, arrows, (14, 2.4))
    axis = figure.axes[0]
    axis.set_ylim(-0.5, 1.1)
    axis.plot([0, 0, 10.8], [0.32, 0.8, 0.8], color="#444444", linewidth=1)
    for x in (3.6, 7.2, 10.8):
        axis.add_patch(FancyArrowPatch((x, 0.8), (x, 0.3), arrowstyle="-|>", mutation_scale=12))
    axis.text(0.1, 0.84, "û", fontsize=9)
    return figure


if __name__ == "__main__":
    main()
