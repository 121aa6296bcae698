"""Draw docs/pictures/front_page.png: noise becomes digits, and holes in drawings of faces are filled.

.venv/bin/python scripts/draw_front_page.py

The digits come from the CapsDCGAN in data/reference/, the faces from a CapsDCGAN of the quick profile, which is trained
if there is none. Both rows show the first images, not chosen ones.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import capsgan
from capsgan.data.pixels import to_uint8
from capsgan.figures.runs import add_footer, show_image
from capsgan.paths import ROOT
from capsgan.regeneration.masks import hide
from capsgan.regeneration.quality import measure

PICTURE = ROOT / "docs" / "pictures" / "front_page.png"
DIGITS, FACES = 6, 3


def main():
    """Train what is missing, draw, save."""
    digits = capsgan.load_reference("dcgan", "caps", seed=0)
    faces = capsgan.train(capsgan.get_profile("quick").config("dcgan", "caps", dataset="cartoon"))
    for run in (digits, faces):
        if "dirty" in (run.provenance.get("commit") or "dirty"):
            raise SystemExit(f"{run.directory.name} was trained from uncommitted code; train it again with --force")
    figure = plt.figure(figsize=(9, 3.3), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.2, 1.7))
    draw_digits(above, digits)
    draw_faces(below, faces)
    add_footer(figure, [digits, faces])
    sources = "; ".join(f"{run.directory.name} @{run.provenance['commit']}" for run in (digits, faces))
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=150, metadata={"Software": None, "Description": sources})


def draw_digits(figure, run):
    """Each digit beside the noise that it was made from."""
    noise = np.random.default_rng(0).standard_normal((DIGITS, 100)).astype("float32")
    images = capsgan.generate_images(run.gan, {"noise": noise})
    axes = figure.subplots(1, 2 * DIGITS)
    for number in range(DIGITS):
        left, right = axes[2 * number : 2 * number + 2]
        left.imshow(noise[number].reshape(10, 10), cmap="gray", vmin=-2.5, vmax=2.5, interpolation="nearest")
        left.axis("off")
        left.set_title("noise →", fontsize=9)
        show_image(right, to_uint8(images[number]))
        right.set_title("digit", fontsize=9)
    figure.suptitle("A generator turns noise into digits", fontsize=11)


def draw_faces(figure, run):
    """Held-out faces with a hole, filled, and as they were."""
    truth = capsgan.load_dataset("cartoon", "test").images[:FACES]
    masks = capsgan.make_masks("centre", FACES, truth.shape[1:3])
    filled = capsgan.regenerate(run, hide(truth, masks), masks, progress=False).images
    scores = measure(truth, filled, masks).psnr_hole
    axes = figure.subplots(1, 3 * FACES)
    rows, columns = np.where(~masks[0])
    for number in range(FACES):
        for place, (name, images) in enumerate({"hole": hide(truth, masks), "filled": filled, "truth": truth}.items()):
            axis = axes[3 * number + place]
            show_image(axis, images[number])
            axis.set_title(f"{name}\n{scores[number]:.1f} dB" if name == "filled" else f"{name}\n", fontsize=9)
            if name != "truth":
                corner, size = (columns.min() - 0.5, rows.min() - 0.5), (np.ptp(columns) + 1, np.ptp(rows) + 1)
                axis.add_patch(Rectangle(corner, *size, fill=False, edgecolor="#E69F00", linewidth=1))
    figure.suptitle("The same kind of generator fills holes in faces (PSNR in the hole)", fontsize=11)


if __name__ == "__main__":
    sys.exit(main())
