"""Moving pictures: the course of a training as a GIF."""

import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from ..data.pixels import read_png
from ..runs.run import Run
from .runs import COLOURS, add_footer, describe_scale, draw_curve, panels, show_image


def training_gif(runs: dict[str, Run], frames: int = 16) -> bytes:
    """The course of training as a GIF: the sample grid of each run under its name, and the losses up to that step.

    It shows the steps of which all runs have a grid, at most ``frames`` of them. Without such steps, as for reference
    runs, it raises ``ValueError``.
    """
    grids = [{path.stem: path for path in run.sample_paths() if path.stem.startswith("step_")} for run in runs.values()]
    stems = sorted(set.intersection(*map(set, grids)))
    if not stems:
        names = ", ".join(run.directory.name for run in runs.values())
        raise ValueError(f"no step has a grid of every one of {names}; expected trained runs, as references have none")
    stems = [stems[i] for i in np.linspace(0, len(stems) - 1, min(frames, len(stems))).round().astype(int)]
    pictures = [[np.rint(read_png(paths[stem]) / 17) / 15 for paths in grids] for stem in stems]  # 16 levels: small
    last = min(run.config.steps for run in runs.values())
    side = max(1, round(300 / len(pictures[0][0]))) * len(pictures[0][0])  # whole screen pixels for each of a grid's
    width, height, panel = len(runs) * (side + 40) + 20, side + 290, (len(runs) * (side + 40) - 80) / 2
    figure = plt.Figure((width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    boxes = [(40 + number * (side + 40), 234, side, side) for number in range(len(runs))]
    boxes += [(40 + number * (panel + 40), 68, panel, 130) for number in range(2)]
    *tops, generator, discriminator = [figure.add_axes(np.divide(b, [width, height] * 2)) for b in boxes]
    shown, covers = [], []  # frames, and what hides the rest of the curves
    labels = list(panels(next(iter(runs.values())).config.gan).items())[:2]
    for axis, (column, label) in zip((generator, discriminator), labels, strict=True):
        for name, run in runs.items():
            draw_curve(axis, run.history, column, COLOURS[run.config.discriminator], name)
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("step", fontsize=9, labelpad=1)
        axis.tick_params(labelsize=8)
        axis.set(xlim=(0, last), ylim=axis.get_ylim())
        covers.append(axis.axvspan(0, last, color="white", zorder=2.1))
    add_footer(figure, list(runs.values()), describe_scale(run.config))
    for axis, picture, (name, run) in zip(tops, pictures[0], runs.items(), strict=True):
        show_image(axis, picture)
        axis.set_title(f"━ {name}", fontsize=11, weight="bold", color=COLOURS[run.config.discriminator])
    for stem, row in zip(stems, pictures, strict=True):
        figure.suptitle(f"step {int(stem[5:]):,} of {last:,}", fontsize=12, y=1 - 6 / height)
        for axis, picture in zip(tops, row, strict=True):
            axis.images[0].set_data(picture)
        for cover in covers:
            cover.set_x(int(stem[5:]))
        canvas.draw()
        shown.append(np.array(canvas.buffer_rgba())[..., :3])
    return encode_gif(shown, milliseconds=250)


def encode_gif(frames: list[np.ndarray], milliseconds: int = 150) -> bytes:
    """Uint8 [height, width, 3] frames → the bytes of an endless GIF in 128 colours; the last stays for two seconds."""
    if not frames:
        raise ValueError("no frames: a GIF needs one at least")
    some = np.concatenate([frames[i] for i in np.linspace(0, len(frames) - 1, 8).astype(int)])
    palette = Image.fromarray(some).quantize(128, Image.Quantize.FASTOCTREE)  # one for all: colours stay what they are
    first, *others = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    durations = [milliseconds] * len(others) + [2000]
    first.save(file := io.BytesIO(), "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    return file.getvalue()
