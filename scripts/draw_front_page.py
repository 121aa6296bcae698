"""Draw the pictures of the README: docs/pictures/*.png.

.venv/bin/python scripts/draw_front_page.py

Noise becomes digits (a CapsDCGAN of data/reference/), holes in drawings and in a photograph are filled (networks of
data/pretrained/). All rows show the first images, not chosen ones.
"""

import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import astronaut

import capsgan
from capsgan.data.pixels import to_uint8
from capsgan.figures import gallery_figure
from capsgan.figures.regeneration import draw_tile
from capsgan.figures.runs import show_image
from capsgan.paths import ROOT
from capsgan.regeneration import Downscaling, Fading, centre_mask, hide, make_masks, regenerate, regenerate_photos

PICTURES = ROOT / "docs" / "pictures"
DIGITS, FACES = 6, 3
BOX = (70, 70, 108, 108)  # of the astronaut, x, y, width, height: eyes and mouth as in the mean face of UTKFace


def main():
    """Draw and save all."""
    digits = capsgan.load_reference("dcgan", "caps", seed=0)
    drawings, photographs = map(capsgan.load_pretrained, ("cartoon-completion-caps", "faces-completion-caps"))
    figure = plt.figure(figsize=(9, 3.3), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.2, 1.7))
    draw_digits(above, digits)
    draw_faces(below, drawings)
    save(figure, "front_page", f"{digits.directory.name} @{digits.provenance['commit']}", drawings)
    save(photograph_figure(photographs), "astronaut", "", photographs)
    enlarger, restorer = map(capsgan.load_pretrained, ("faces-superres-caps", "faces-restore-caps"))
    save(repaired_figure(enlarger, restorer), "repaired", f"{enlarger.name} @{enlarger.card['commit']}", restorer)


def save(figure, name: str, source: str, network):
    """Write the picture with what it was made from in its metadata."""
    made_from = f"{source}; {network.name} @{network.card['commit']}".strip("; ")
    if "dirty" in made_from:
        raise SystemExit(f"{made_from}: trained from uncommitted code; train it again")
    PICTURES.mkdir(exist_ok=True)
    about = {"Software": None, "Description": made_from}
    figure.savefig(PICTURES / f"{name}.png", dpi=150, metadata=about, bbox_inches="tight", pad_inches=0.05)


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


def draw_faces(figure, network):
    """Held-out drawings with a hole, filled, and as they were."""
    truth = capsgan.load_dataset("cartoon", "test").images[:FACES]
    masks = centre_mask(FACES, truth.shape[1:3])
    filled = regenerate(network, hide(truth, masks), masks).images
    axes = figure.subplots(1, 3 * FACES)
    for number in range(FACES):
        for place, (name, images) in enumerate({"hole": hide(truth, masks), "filled": filled, "truth": truth}.items()):
            against = truth[number] if name == "filled" else None
            draw_tile(axes[3 * number + place], images[number], masks[number], against)
            axes[3 * number + place].set_title(name, fontsize=9)
    figure.suptitle("A completion network fills holes in drawn faces (PSNR in the hole)", fontsize=11)


def photograph_figure(network):
    """The astronaut Eileen Collins (NASA; scikit-image), mouth and nose hidden, filled, and as she is."""
    photo = astronaut()[0:256, 96:352]
    known = np.ones(photo.shape[:2], bool)
    known[105:160, 95:155] = False
    with warnings.catch_warnings(action="ignore"):  # filled at 64 pixels and enlarged, as the text says
        (filled,) = regenerate_photos(network, [photo], [known], box=BOX)
    columns = {"damaged": hide(photo[None], known[None]), "filled": filled[None], "original": photo[None]}
    return gallery_figure(columns, "", masks=known[None], size=2.6)


def repaired_figure(enlarger, restorer):
    """Her face at the size that the networks know: at 16×16 pixels, and faded, grey and scratched."""
    x, y, width, height = BOX
    face = cv2.resize(astronaut()[y : y + height, 96 + x : 96 + x + width], (64, 64), interpolation=cv2.INTER_AREA)[
        None
    ]
    coarse, known = Downscaling(4).damage(face), make_masks("scratches", 1, (64, 64), seed=1)
    faded = np.where(known[..., None], Fading(0.5, 0.1, grey=True).damage(face), np.uint8(255))
    columns = {
        "16×16 pixels": coarse.repeat(4, axis=1).repeat(4, axis=2),
        "bicubic": cv2.resize(coarse[0], (64, 64), interpolation=cv2.INTER_CUBIC)[None],
        "enlarged": regenerate(enlarger, coarse, task="superres").images,
        "faded, grey, scratched": faded.repeat(3, axis=-1),
        "restored": regenerate(restorer, faded, known, task=Fading(grey=True)).images,
        "original": face,
    }
    return gallery_figure(columns, "", size=1.8)


if __name__ == "__main__":
    sys.exit(main())
