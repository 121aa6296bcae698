"""Draw the picture that opens each notebook, and attach it to the notebook's first cell.

.venv/bin/python scripts/draw_openings.py [NUMBER ...]

Nothing is trained: the pictures come from weights and results that are stored in the project, and from drawings. Digits
and drawings are the first of their kind, not chosen ones. The picture of notebook 09 also needs PyTorch; that of
notebook 11 shows two models that only this notebook trains, taken from its stored output. A picture that looks the same
as the one in the notebook is not written again.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from draw_front_page import BOX
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from scipy.special import expit
from scipy.stats import norm
from skimage.data import astronaut

import capsgan
from capsgan.data.cartoon import draw_face
from capsgan.data.pixels import read_png, to_uint8
from capsgan.figures.regeneration import OUTLINE
from capsgan.figures.runs import COLOURS
from capsgan.paths import ROOT
from capsgan.regeneration import centre_mask, hide, regenerate, regenerate_photos
from capsgan.study import read_plan

NOTEBOOKS, RESULTS = ROOT / "notebooks", ROOT / "data" / "results"
NAME = "opening.png"
WIDTH, DPI = 1000, 100
REAL, GENERATED, JUDGE = "#009E73", "#E69F00", "#CC79A7"  # as in notebook 01
PARTS = ("#E69F00", "#56B4E9", "#009E73")  # as in notebook 10
PYTORCH = "#009E73"  # as in notebook 09
QUIET = "#666666"
DIGIT, GAP = 28, 2
HEADING, LABEL, SMALL = 12, 10.5, 9
SAME = 12  # levels of 255: what rounding on another machine, or another palette, may change
OPENING = re.compile(r"!\[[^]]*\]\(attachment:opening\.png\)\n\n<small>.*?</small>\n\n")


@dataclass
class Opening:
    """A picture with its alt text, the small print under it, and what it was made from."""

    sheet: Sheet
    alt: str
    caption: str
    sources: str
    page: str = ""  # its name in docs/pictures/, if a page shows it too


class Sheet:
    """A white sheet of 1000 pixels' width; places are pixels from its left upper corner."""

    def __init__(self, height: int):
        self.height = height
        self.figure = plt.figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor="white")

    def image(self, x: int, y: int, image: np.ndarray, scale: int = 1):
        """Uint8 [height, width, 1 or 3], every pixel a square of ``scale`` pixels."""
        large = np.kron(image, np.ones((scale, scale, 1), "uint8"))
        shown = np.repeat(large, 3, axis=2) if large.shape[2] == 1 else large
        self.figure.figimage(shown, x, self.height - y - len(large), origin="upper")

    def grid(self, x: int, y: int, images: np.ndarray, columns: int, scale: int = 2, gap: int = GAP):
        """Images [n, height, width, channels] in rows of ``columns``."""
        high, wide = (scale * side + gap for side in images.shape[1:3])
        for number, image in enumerate(images):
            self.image(x + wide * (number % columns), y + high * (number // columns), image, scale)

    def text(self, x: float, y: float, text: str, size: float = LABEL, colour: str = "black", **style):
        """Centred around a point unless ``style`` says otherwise."""
        style = {"ha": "center", "va": "center"} | style
        self.figure.text(x / WIDTH, 1 - y / self.height, text, fontsize=size, color=colour, **style)

    def box(self, x: float, y: float, width: float, height: float, colour: str, filled: bool = False):
        """A rectangle by its left upper corner."""
        style = {"facecolor": colour, "linewidth": 0} if filled else {"fill": False, "edgecolor": colour}
        self.figure.add_artist(Rectangle((x, self.height - y - height), width, height, transform=None, **style))

    def arrow(self, start: tuple, end: tuple, colour: str, width: float = 2, cased: bool = False):
        """From point to point; ``cased``: with a white edge, for arrows on images."""
        ends = [(x, self.height - y) for x, y in (start, end)]
        style = {"arrowstyle": "-|>", "mutation_scale": 8 * width, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
        arrow = FancyArrowPatch(*ends, transform=None, color=colour, **style)
        if cased:
            arrow.set_path_effects([withStroke(linewidth=width + 2.5, foreground="white")])
        self.figure.add_artist(arrow)

    def axes(self, x: float, y: float, width: float, height: float):
        """Axes by their left upper corner, without the upper and the right edge."""
        place = (x / WIDTH, 1 - (y + height) / self.height, width / WIDTH, height / self.height)
        axis = self.figure.add_axes(place)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=SMALL)
        return axis

    def png(self, description: str) -> bytes:
        """The picture with 256 colours at most, and what it was made from in its metadata."""
        drawn, small, about = io.BytesIO(), io.BytesIO(), PngInfo()
        self.figure.savefig(drawn, dpi=DPI)
        plt.close(self.figure)
        about.add_text("Description", description)
        picture = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        picture.save(small, "PNG", optimize=True, pnginfo=about)
        return small.getvalue()


def main() -> int:
    """Draw all, or those whose numbers are asked for; name the notebooks that changed."""
    for stem, draw in OPENINGS.items():
        if sys.argv[1:] and stem[:2] not in sys.argv[1:]:
            continue
        if stem == "09_pytorch" and importlib.util.find_spec("torch") is None:
            print(f"{stem}: skipped, PyTorch is not installed (.venv/bin/pip install torch)")
            continue
        opening = draw()
        if "dirty" in opening.sources:
            raise SystemExit(f"{stem}: {opening.sources}: trained from uncommitted code; train it again")
        png = opening.sheet.png(f"{stem}: {opening.sources}")
        changed = attach(NOTEBOOKS / f"{stem}.ipynb", png, opening.alt, opening.caption)
        copy = ROOT / "docs" / "pictures" / f"{opening.page}.png"
        if opening.page and not (copy.exists() and looks_the_same(copy.read_bytes(), png)):
            copy.write_bytes(opening.sheet.png(opening.sources))
        print(f"{stem}: {len(png) / 1000:.0f} kB, {'written' if changed else 'unchanged'}", flush=True)
    return 0


def attach(path: Path, png: bytes, alt: str, caption: str) -> bool:
    """Put the picture under the title of a notebook, with alt text and small print; whether anything changed."""
    before = path.read_text(encoding="utf-8")
    notebook = json.loads(before)
    first = notebook["cells"][0]
    title, rest = OPENING.sub("", "".join(first["source"])).split("\n\n", 1)
    text = f"{title}\n\n![{alt}](attachment:{NAME})\n\n<small>{caption}</small>\n\n{rest}"
    stored = first.get("attachments", {}).get(NAME, {}).get("image/png", "")
    if not looks_the_same(base64.b64decode(stored), png):
        stored = base64.b64encode(png).decode()
    changed = {"attachments": {NAME: {"image/png": stored}}, "source": text.splitlines(keepends=True)}
    notebook["cells"][0] = dict(sorted((first | changed).items()))
    after = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


def looks_the_same(stored: bytes, drawn: bytes) -> bool:
    """Whether two PNG files differ by what rounding does, and no more."""
    if not stored:
        return False
    one, other = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int) for png in (stored, drawn))
    return one.shape == other.shape and int(np.abs(one - other).max()) <= SAME


# What the pictures are made from ----------------------------------------------------------------------------------


@functools.cache
def reference(gan: str, discriminator: str = "cnn", **fields) -> capsgan.Run:
    """A reference run of seed 0."""
    return capsgan.load_reference(gan, discriminator, **fields)


def digits_of(run: capsgan.Run, count: int, **options) -> np.ndarray:
    """Generated digits, uint8 [count, 28, 28, 1]."""
    return to_uint8(run.generate(count, seed=1, **options))


def real_digits(count: int) -> np.ndarray:
    """Handwritten digits, uint8 [count, 28, 28, 1], in random order."""
    images = capsgan.load_dataset("mnist5k", "test").images
    return images[np.random.default_rng(1).permutation(len(images))[:count]]


def score(run: capsgan.Run, metric: str = "fid", kind: str = "value", features: str = "digits") -> float:
    """A stored score of a reference run; ``kind="floor"``: what real images get."""
    path = run.directory / "metrics.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))["metrics"][features][metric][kind]
    scores = pd.read_csv(RESULTS / "metrics_study.csv").query("features == @features and metric == @metric")
    return scores.set_index("run")[kind][run.directory.name]


def names(*runs) -> str:
    """Runs and their commits, for the metadata."""
    return ", ".join(f"{run.directory.name} @{run.provenance['commit']}" for run in runs)


# The pictures -----------------------------------------------------------------------------------------------------


def game() -> Opening:
    """01: noise, generated digits, real digits, and the two players between them."""
    run, side = reference("dcgan", "caps"), 4
    noise = np.random.default_rng(0).standard_normal((side**2, 100)).astype("float32")
    seen = np.clip(127.5 + 51 * noise, 0, 255).astype("uint8").reshape(-1, 10, 10, 1)
    generated, real = digits_of(run, side**2, codes={"noise": noise}), real_digits(side**2)
    sheet, top, middle = Sheet(276), 38, 38 + 115
    sheet.grid(8, top + 32, seen, side, scale=4)
    sheet.grid(286, top, generated, side)
    sheet.grid(764, top, real, side)
    sheet.text(91, top + 14, "noise", HEADING, QUIET)
    sheet.text(401, top - 18, "generated", HEADING, GENERATED, weight="bold")
    sheet.text(879, top - 18, "real", HEADING, REAL, weight="bold")
    sheet.arrow((186, middle), (276, middle), GENERATED)
    sheet.text(230, middle - 16, "generator", HEADING, GENERATED, weight="bold")
    sheet.arrow((526, middle), (568, middle), JUDGE)
    sheet.arrow((754, middle), (712, middle), JUDGE)
    sheet.text(640, middle, "discriminator", HEADING, JUDGE, weight="bold")
    sheet.text(640, middle + 22, "real or generated?", LABEL, QUIET)
    return Opening(
        sheet,
        "Sixteen squares of random grey pixels; an arrow named generator; sixteen generated digits. On the right "
        "sixteen handwritten digits. Between both grids stands the discriminator and asks: real or generated?",
        "The two players. Each generated digit was made from 100 random numbers, shown in the same place. Nobody told "
        "the generator what a digit is: it learned from the discriminator's answers. (20,000 steps of a network like "
        "notebook 02's; yours below draws more roughly.)",
        names(run),
    )


def judged_by_capsules() -> Opening:
    """02: the digits of the classical and of the Caps run, from the same latents."""
    runs = {"cnn": reference("dcgan"), "caps": reference("dcgan", "caps")}
    judges = {"cnn": "judged by a CNN", "caps": "judged by capsules"}
    sheet = Sheet(272)
    for x, (trunk, run) in zip((8, 530), runs.items(), strict=True):
        sheet.grid(x, 36, digits_of(run, 32), 8)
        sheet.text(x, 18, run.config.label, HEADING, COLOURS[trunk], weight="bold", ha="left")
        sheet.text(x + 231, 18, judges[trunk], LABEL, QUIET)
        sheet.text(x + 462, 18, f"FID {score(run):.2f}", HEADING, COLOURS[trunk], ha="right")
    return Opening(
        sheet,
        "Two grids of 32 generated digits. On the left those of DCGAN, judged by a CNN; on the right those of "
        "CapsDCGAN, judged by capsules. In both most digits look handwritten, and several are malformed.",
        f"Two generators after {runs['cnn'].config.steps:,} steps, fed with the same 32 latents. FID measures how far "
        "they are from real digits, in the features of a digit classifier, not Inception's: lower is better, real "
        f"digits get {score(runs['cnn'], kind='floor'):.2f}. One run of each; [08](08_testing_the_claims.ipynb) asks "
        "whether the difference is real.",
        names(*runs.values()),
    )


def slopes() -> Opening:
    """03: the best discriminator and a best critic of two bells that hardly overlap."""
    x = np.linspace(-4, 4, 801)
    bells = {GENERATED: norm(-2, 0.55), REAL: norm(2, 0.55)}
    best = expit(bells[REAL].logpdf(x) - bells[GENERATED].logpdf(x))  # p / (p + q)
    panels = {
        "The best probability is flat …": (best, (-0.25, 1.45), "probability", [0, 1]),
        "… the best critic's score shows how far": (x, (-5.4, 5.4), "score", [-4, -2, 0, 2, 4]),
    }
    sheet = Sheet(284)
    for left, (title, (answer, limits, unit, ticks)) in zip((62, 562), panels.items(), strict=True):
        axis = sheet.axes(left, 34, 424, 216)
        low, high = limits
        for (colour, bell), name in zip(bells.items(), ("generated", "real"), strict=True):
            axis.fill_between(x, low, low + 0.5 * (high - low) * bell.pdf(x), color=colour, alpha=0.45, linewidth=0)
            axis.text(bell.mean(), low + 0.03 * (high - low), name, ha="center", va="bottom", fontsize=LABEL)
        axis.plot(x, answer, color=JUDGE, linewidth=2.5)
        for place in (-2.8, -2, -1.2):
            height = np.interp(place, x, answer)
            axis.plot(place, height, "o", color=GENERATED, markeredgecolor="black", markersize=7)
            if unit == "score":
                ahead = (place + 0.62, height + 0.62)
                axis.annotate("", ahead, (place, height), arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 1.8})
        axis.text(-2, low + 0.41 * (high - low), f"slope {int(unit == 'score')}", ha="center", fontsize=LABEL)
        axis.set(xlim=(-4, 4), ylim=limits, xticks=[], yticks=ticks, xlabel="all images, on a line")
        axis.xaxis.label.set_size(SMALL)
        axis.set_ylabel(unit, fontsize=LABEL)
        axis.set_title(title, fontsize=HEADING, pad=10)
    return Opening(
        sheet,
        "Two panels with the same two bells: generated images left, real ones right. Left panel: the discriminator's "
        "probability is a step, flat at 0 below the generated images. Right panel: the critic's score is a straight "
        "line, along which arrows lead from the generated to the real images.",
        "Why WGAN replaces the discriminator. Where generated images (dots) are far from real ones, the best "
        "discriminator's probability is 0 for all of them, however far away they are. A best critic's score falls by 1 "
        "for every unit of distance.",
        "computed",
    )


def asked_by_name() -> Opening:
    """04: three digits of every class that was asked for."""
    run, scale, top = reference("acgan", "caps"), 3, 36
    pitch = scale * DIGIT + GAP
    left = (WIDTH - 10 * pitch + GAP) // 2 + 30
    sheet = Sheet(top + 3 * pitch + 2)
    sheet.grid(left, top, digits_of(run, 30, labels=np.tile(np.arange(10), 3)), 10, scale)
    for digit in range(10):
        sheet.text(left + pitch * digit + pitch / 2, 18, str(digit), 15, COLOURS["caps"], weight="bold")
    sheet.text(left - 12, 18, "asked for", HEADING, ha="right")
    sheet.text(left - 12, top + 1.5 * pitch, "drawn", HEADING, ha="right")
    return Opening(
        sheet,
        "A table of generated digits with one column for each digit from 0 to 9. Every column holds three different "
        "drawings of the digit that heads it.",
        f"{run.config.label} after {run.config.steps:,} steps draws what it is asked for. A classifier that took no "
        f"part in the training reads {score(run, 'label_accuracy'):.1%} of its digits as the one asked for, "
        f"{score(reference('acgan'), 'label_accuracy'):.1%} of the classical ACGAN's, and "
        f"{score(run, 'label_accuracy', 'floor'):.1%} of handwritten ones. Section 6 says why that is no triumph.",
        names(run),
    )


def codes() -> Opening:
    """05: the category, and one continuous code, varied while all else stays."""
    run, rows, columns = reference("infogan", "caps"), 4, 6
    noise = np.random.default_rng(0).standard_normal((rows, 62)).astype("float32")
    kinds, turns = np.tile(np.arange(10), rows), np.linspace(-1, 1, columns)
    category = {"noise": noise.repeat(10, 0), "category": kinds, "continuous": np.zeros((10 * rows, 2))}
    code = np.stack([np.tile(turns, rows), np.zeros(rows * columns)], axis=1)
    shown = {"noise": noise.repeat(columns, 0), "category": np.array([8, 5, 2, 1]).repeat(columns), "continuous": code}
    sheet, top, right = Sheet(292), 56, 646
    sheet.grid(8, top, digits_of(run, 10 * rows, codes=category), 10)
    sheet.grid(right, top, digits_of(run, rows * columns, codes=shown), columns)
    sheet.text(8, 16, "one of ten categories", HEADING, COLOURS["caps"], weight="bold", ha="left")
    sheet.text(right, 16, "one continuous code", HEADING, COLOURS["caps"], weight="bold", ha="left")
    for place in range(10):
        sheet.text(8 + 58 * place + 28, 42, str(place), LABEL, QUIET)
    for place, turn in enumerate(turns):
        sheet.text(right + 58 * place + 28, 42, f"{turn:.1f}".replace("-", "−"), LABEL, QUIET)
    return Opening(
        sheet,
        "Two grids of generated digits. Left: ten categories, one per column. With few exceptions a column shows one "
        "kind of digit, and all ten digits appear. Right: a code rises from -1 to 1, and the same digit gets bolder "
        "and more upright.",
        f"{run.config.label} after {run.config.steps:,} steps without a single label: it found the ten digits by "
        "itself (in an order of its own), and a code for the weight of the stroke, with some of its slant. All other "
        "inputs are the same along a row.",
        names(run),
    )


def scored_by_fid() -> Opening:
    """06: real digits and those of a DCGAN that was taught by three discriminators, in the order of their FID."""
    judges = {"cnn-matched": "a CNN as large as Caps", "caps": "Caps", "cnn": "the classical one"}
    runs = sorted((reference("dcgan", name) for name in judges), key=score)
    floor = score(runs[0], kind="floor")
    shown = [(real_digits(16), "real digits", floor)]
    for run in runs:  # the first 16 of the grid that training ended with; not all of these have their weights here
        grid = cut(read_png(run.sample_paths()[-1]))
        shown.append((grid[:16], judges[run.config.discriminator], score(run)))
    sheet = Sheet(324)
    for x, (images, title, fid) in zip((8, 260, 512, 764), shown, strict=True):
        colour = REAL if title == "real digits" else "black"
        sheet.text(x + 115, 42, title, LABEL, colour)
        sheet.grid(x, 58, images, 4)
        sheet.text(x + 115, 307, f"FID {fid:.2f}", 14, colour, weight="bold")
    sheet.text(627, 14, f"DCGAN, {runs[0].config.steps:,} steps, taught by", HEADING, weight="bold")
    return Opening(
        sheet,
        "Four grids of sixteen digits with their FID underneath: real digits, and those of a DCGAN taught by a CNN as "
        "large as Caps, by Caps and by the classical discriminator. All three draw digits; their FIDs differ.",
        "What a number can say that the eye can hardly tell. FID compares thousands of images with real ones, in the "
        "features of a classifier: lower is better. Real digits do not get 0: they are a sample, too. One seed each.",
        names(*runs),
    )


def filled_holes() -> Opening:
    """07: the astronaut and two drawings: hole, filled, truth."""
    photographs, drawings = map(capsgan.load_pretrained, ("faces-completion-caps", "cartoon-completion-caps"))
    photo = astronaut()[0:256, 96:352]
    hole = np.ones(photo.shape[:2], bool)
    hole[105:160, 95:155] = False
    with warnings.catch_warnings(action="ignore"):  # filled at 64 pixels and enlarged, as the notebook says
        (filled,) = regenerate_photos(photographs, [photo], [hole], box=BOX)
    drawing = capsgan.load_dataset("cartoon", "test").images[:1]
    mask = centre_mask(1, drawing.shape[1:3])
    completed = regenerate(drawings, hide(drawing, mask), mask).images
    face = (slice(16, 208), slice(30, 222))  # what is shown of the photograph
    rows = {
        6: ([image[face] for image in (hide(photo[None], hole[None])[0], filled, photo)], hole[face]),
        510: ([images[0] for images in (hide(drawing, mask), completed, drawing)], mask[0]),
    }
    sheet, side = Sheet(222), 160
    for left, (images, known) in rows.items():
        for number, (image, name) in enumerate(zip(images, ("hole", "filled", "truth"), strict=True)):
            x = left + (side + 2) * number
            sheet.text(x + side / 2, 16, name, HEADING)
            sheet.image(
                x, 32, cv2.resize(np.kron(image, np.ones((5, 5, 1), "uint8")), (side, side), None, 0, 0, cv2.INTER_AREA)
            )
            high, wide = (np.flatnonzero((~known).any(axis=axis)) * side / len(known) for axis in (1, 0))
            pixel = side / len(known)
            sheet.box(x + wide[0], 32 + high[0], wide[-1] - wide[0] + pixel, high[-1] - high[0] + pixel, OUTLINE)
            if name == "filled":
                sheet.text(x + side / 2, 206, f"{cv2.PSNR(image[~known], images[2][~known]):.1f} dB", LABEL)
    return Opening(
        sheet,
        "The astronaut Eileen Collins with nose and mouth hidden, filled in by a network, and as photographed. Beside "
        "her a drawn face: with a hole, filled, and as drawn. Under each filled hole stands its PSNR in decibels.",
        "A network sees what is outside the orange frame and guesses the rest: one network for photographs, one for "
        "drawings. The number is the PSNR in the hole: higher is closer to the truth. Photograph: NASA, from "
        "scikit-image.",
        f"{photographs.name} @{photographs.card['commit']}, {drawings.name} @{drawings.card['commit']}",
    )


FOREST = {  # what is compared → claims of data/results/verdicts_study.csv by what they compare
    "FID, Caps ÷ classical": {
        "ACGAN": "ACGAN: comparable, if not better",
        "DCGAN": "DCGAN: comparable, if not better",
        "InfoGAN": "InfoGAN: comparable, if not better",
        "WGAN": "WGAN: comparable, if not better",
    },
    "FID of DCGAN, controls": {
        "Caps ÷ a CNN as large": "capsules are the cause: against a CNN as large",
        "Caps ÷ Caps without gates": "capsules are the cause: the gates",
        "true routing ÷ a CNN as large": "capsules are the cause: true routing",
    },
    "Cost of DCGAN, Caps ÷ classical": {
        "time per step": "DCGAN: overhead, time per step",
        "time to the same FID": "DCGAN: overhead, time to a FID",
    },
}
OPEN = ("cannot tell yet", "not testable here")


def forest() -> Opening:
    """08: ratios of the main claims with their intervals."""
    claims = pd.read_csv(RESULTS / "verdicts_study.csv").set_index("claim")
    sheet, pitch = Sheet(352), 22
    axis = sheet.axes(292, 30, 560, 276)
    axis.spines["left"].set_visible(False)
    axis.axvline(1, color="grey", linewidth=1)
    axis.set(xscale="log", xlim=(0.1, 2.6), ylim=(276, 0), yticks=[])
    ticks = (0.125, 0.25, 0.5, 1, 2)
    axis.set_xticks(ticks, ["1/8", "1/4", "1/2", "1", "2"])
    axis.minorticks_off()
    axis.set_xlabel("ratio, with its 95 % interval (shaded: counts as equal)", fontsize=LABEL)
    y, drawn, plan = 0, [], read_plan()
    for group, rows in FOREST.items():
        y += 14 if not drawn else 24
        margin = (plan.costs[0] if group.startswith("Cost") else plan.metric).margin
        band = Rectangle((margin[0], y + 11), margin[1] - margin[0], pitch * len(rows), color="grey", alpha=0.15)
        axis.add_patch(band).set_linewidth(0)
        sheet.text(12, 30 + y, group, LABEL, weight="bold", ha="left")
        for name, claim in rows.items():
            row, y = claims.loc[claim], y + pitch
            drawn.append(row)
            colour = COLOURS["caps-routing" if name.startswith("true routing") else "caps"]
            fill = "white" if row.verdict in OPEN else colour
            axis.plot([row.low, row.high], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt", clip_on=False)
            axis.plot(row.estimate, y, "o", color=colour, markerfacecolor=fill, markersize=7, markeredgewidth=1.8)
            sheet.text(28, 30 + y, name, LABEL, ha="left")
            told = f"{row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
            sheet.text(988, 30 + y, told, SMALL, QUIET, ha="right")
    sheet.text(292 + 0.34 * 560, 16, "← Caps is better, or cheaper", LABEL, COLOURS["caps"])
    sheet.text(292 + 0.86 * 560, 16, "worse, or costlier →", LABEL, COLOURS["caps"])
    undecided = sum(row.verdict in OPEN for row in drawn)
    verdict = {0: "All are decided", len(drawn): "None is decided yet"}.get(
        undecided, f"{undecided} are not decided yet"
    )
    seeds, runs = max(int(row.seeds) for row in drawn), pd.read_csv(RESULTS / "runs_study.csv")
    return Opening(
        sheet,
        f"A forest plot: {len(drawn)} ratios with intervals on a logarithmic axis, in three groups: FID of Caps "
        "against classical networks, FID of DCGAN against controls, and cost of DCGAN. "
        f"{sum(row.estimate < 1 for row in drawn)} of them are below 1, where Caps is better or cheaper.",
        f"The main claims as ratios, after {runs.steps.max():,} steps at most, from {seeds} seeds at most. {verdict}: "
        "an open circle has no verdict, because the analysis plan asks for more seeds or for longer runs.",
        "; ".join(f"data/results/verdicts_study.csv @{commit}" for commit in runs.commit.unique()),
        page="forest",
    )


def halves() -> Opening:
    """09: digits whose left half TensorFlow computed and whose right half PyTorch computed."""
    run, columns, scale, count = reference("dcgan", "caps"), 7, 4, 14
    ours = digits_of(run, count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npy"
        code = (
            "import sys, numpy, capsgan; run = capsgan.load_reference('dcgan', 'caps');"
            f"numpy.save(sys.argv[1], run.generate({count}, seed=1))"
        )
        settings = os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT / "lib")}
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=settings)
        theirs = to_uint8(np.load(path))
    difference = int(np.abs(ours.astype(int) - theirs).max())
    if difference > 1:
        raise SystemExit(f"TensorFlow and PyTorch differ by {difference} of 255; expected 1 at most, from rounding")
    both = np.concatenate([ours[:, :, : DIGIT // 2], theirs[:, :, DIGIT // 2 :]], axis=2)
    side, pitch, top = scale * DIGIT, 138, 40
    left = (WIDTH - (columns - 1) * pitch - side) // 2
    sheet = Sheet(top + 2 * (side + 14) - 2)
    for number, image in enumerate(both):
        x, y = left + pitch * (number % columns), top + (side + 16) * (number // columns)
        sheet.image(x, y, image, scale)
        sheet.box(x, y - 6, side / 2, 4, "black", filled=True)
        sheet.box(x + side / 2, y - 6, side / 2, 4, PYTORCH, filled=True)
    sheet.text(WIDTH / 2 - 12, 16, "left half: TensorFlow", HEADING, weight="bold", ha="right")
    sheet.text(WIDTH / 2 + 12, 16, "right half: PyTorch", HEADING, PYTORCH, weight="bold", ha="left")
    return Opening(
        sheet,
        "Fourteen generated digits. TensorFlow computed the left half of each, PyTorch the right half. The halves fit "
        "together without a visible seam.",
        "Same weights, same latents, two frameworks: find the seam. No pixel differs by more than 1 of 255 levels of "
        "grey. Training is a different matter: there, rounding grows.",
        names(run),
    )


LEFT_EYE, RIGHT_EYE, MOUTH, MIDDLE = np.array([(-0.378, 0.02), (0.378, 0.02), (0, 0.66), (0, 0.36)])  # of the head
PARTS_OF_FACE = (LEFT_EYE, RIGHT_EYE, MOUTH)
AXES_OF_PARTS = ((0.27, 0.28), (0.27, 0.28), (0.48, 0.23))


def votes() -> Opening:
    """10: parts that vote for the middle of their face: upright, turned, and misplaced."""
    side = 256
    face = {"hair_style": 0, "glasses": 0, "skin": 0, "hair_colour": 2, "eye_colour": 1, "shirt": 1, "ground": 0}
    face |= {
        "x": 0.5,
        "y": 0.53,
        "size": 0.32,
        "rotation": 0,
        "breadth": 0.9,
        "eye_size": 1.15,
        "mouth": 0.9,
        "light": 0,
    }
    places = (MOUTH, LEFT_EYE, RIGHT_EYE)  # where the third face has them
    turned = draw_face(face | {"rotation": 28}, side)
    shown = (
        ("a face: the votes agree", draw_face(face, side), 0, PARTS_OF_FACE),
        ("turned: the votes turn, and agree", turned, 28, PARTS_OF_FACE),
        ("misplaced: the votes disagree", misplaced(draw_face(face, side), face, places), 0, places),
    )
    sheet, top = Sheet(304), 36
    for left, (title, image, degrees, where) in zip((40, 372, 704), shown, strict=True):
        sheet.image(left, top, image)
        sheet.text(left + side / 2, 17, title, HEADING)
        place = functools.partial(to_pixels, face=face | {"rotation": degrees}, side=side)
        for home, part, colour in zip(PARTS_OF_FACE, where, PARTS, strict=True):
            start, end = place(part), place(part + MIDDLE - home)
            sheet.arrow((left + start[0], top + start[1]), (left + end[0], top + end[1]), colour, 2.4, cased=True)
    return Opening(
        sheet,
        "Three drawn faces with arrows from both eyes and the mouth. In an upright face they meet in its middle. In a "
        "turned face they turn along and still meet. Where eyes and mouth have swapped places, they point apart.",
        "Each part votes for where the middle of its face should be. Something that only detects eyes and mouths finds "
        "them in all three pictures. Capsules look for votes that agree.",
        "computed",
    )


def to_pixels(points, face: dict, side: int) -> np.ndarray:
    """Places on a drawn face, in the head's coordinates, → pixels."""
    angle = np.deg2rad(face["rotation"])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return side * (face["size"] * np.asarray(points) @ turn + (face["x"], face["y"]))


def misplaced(image: np.ndarray, face: dict, places: tuple) -> np.ndarray:
    """An upright face with its eyes and mouth cut out and put into other places."""
    side, changed = len(image), image.copy()
    y, x = np.mgrid[:side, :side]
    skin = image[tuple(np.rint(to_pixels((0, -0.1), face, side)).astype(int)[::-1])]
    masks = []
    for home, axes in zip(PARTS_OF_FACE, AXES_OF_PARTS, strict=True):
        (column, row), (wide, high) = to_pixels(home, face, side), side * face["size"] * np.array(axes)
        masks.append(((x - column) / wide) ** 2 + ((y - row) / high) ** 2 < 1)
        changed[masks[-1]] = skin
    for mask, home, place in zip(masks, PARTS_OF_FACE, places, strict=True):
        right, down = np.rint(to_pixels(place, face, side) - to_pixels(home, face, side)).astype(int)
        changed[y[mask] + down, x[mask] + right] = image[mask]
    return changed


def family() -> Opening:
    """11: digits of a few members, by what they change."""
    small = {"steps": 10_000, "width": 0.25}
    runs = {
        "LSGAN": reference("lsgan", **small),
        "f-GAN, KL": reference("fgan", divergence="kl", **small),
        "CGAN": reference("cgan", **small),
    }
    vae, pixels = stored_grids(NOTEBOOKS / "11_wider_family.ipynb", "wider_family")[-2:]
    shown = {name: cut(read_png(run.sample_paths()[0])) for name, run in runs.items()} | {
        "VAE": vae,
        "pixel model": pixels,
    }
    groups = {"a different loss": (0, 2), "labels": (2, 3), "no game": (3, 5)}
    sheet, lefts = Sheet(302), [9 + 202 * number for number in range(5)]
    for left, (name, images) in zip(lefts, shown.items(), strict=True):
        sheet.grid(left, 66, images[:12], 3)
        sheet.text(left + 87, 50, name, LABEL)
    for name, (first, last) in groups.items():
        middle = (lefts[first] + lefts[last - 1] + 174) / 2
        sheet.text(middle, 14, name, HEADING, weight="bold")
        sheet.box(lefts[first], 28, lefts[last - 1] + 174 - lefts[first], 2, "#BBBBBB", filled=True)
    return Opening(
        sheet,
        "Five grids of twelve digits: LSGAN and an f-GAN, which use a different loss; CGAN, which is told the labels; "
        "a VAE and a pixel model, which play no game. The VAE's digits are blurred, the pixel model draws scribbles.",
        f"What the family draws: the three GANs after {runs['CGAN'].config.steps:,} steps on 60,000 digits, the VAE "
        "and the pixel model after seconds on 4,000.",
        names(*runs.values()),
    )


def stored_grids(path: Path, figure: str) -> list[np.ndarray]:
    """The grids of digits, each uint8 [25, 28, 28, 1], of a figure among a notebook's stored outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (cell,) = [cell for cell in cells if cell["cell_type"] == "code" and f'"{figure}"' in "".join(cell["source"])]
    (png,) = [output["data"]["image/png"] for output in cell["outputs"] if "image/png" in output.get("data", {})]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L"))
    rows = stretches((picture < 100).mean(axis=1) > 0.2)  # of tiles; what is in between is white, or text
    columns = stretches((picture[rows[0][0] : rows[-1][1]] < 100).mean(axis=0) > 0.2)
    tiles = np.array([[picture[np.ix_(centres(*row), centres(*column))] for column in columns] for row in rows])
    grids = tiles.reshape(5, -1, 5, DIGIT, DIGIT, 1).swapaxes(0, 1)  # (panels, rows, columns, …)
    return [grid.reshape(-1, DIGIT, DIGIT, 1) for grid in grids]


def stretches(flags: np.ndarray) -> list[tuple[int, int]]:
    """Where flags are set, as pairs of first and one past the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2], strict=True))


def centres(first: int, last: int) -> np.ndarray:
    """The middles of a digit's pixels in a tile that was enlarged without smoothing."""
    return (first + (np.arange(DIGIT) + 0.5) * (last - first) / DIGIT).astype(int)


def cut(grid: np.ndarray) -> np.ndarray:
    """The images, uint8 [n, 28, 28, 1], of a sample grid without gaps or with gaps of equal width."""
    count = len(grid) // DIGIT
    gap = (len(grid) - count * DIGIT) // (count + 1)
    starts = gap + (DIGIT + gap) * np.arange(count)
    return np.array([grid[y : y + DIGIT, x : x + DIGIT] for y in starts for x in starts])


OPENINGS: dict[str, Callable[[], Opening]] = {
    "01_gan_basics": game,
    "02_dcgan": judged_by_capsules,
    "03_wgan": slopes,
    "04_acgan": asked_by_name,
    "05_infogan": codes,
    "06_compare_metrics": scored_by_fid,
    "07_regenerate_faces": filled_holes,
    "08_testing_the_claims": forest,
    "09_pytorch": halves,
    "10_capsules": votes,
    "11_wider_family": family,
}

if __name__ == "__main__":
    sys.exit(main())
