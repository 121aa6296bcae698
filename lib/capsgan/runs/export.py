"""Images out of a run and into files."""

from pathlib import Path

import numpy as np

from ..data.pixels import encode_png, tile, to_uint8
from ..paths import write_atomically
from .run import Run


def write_images(run: Run, count: int, out: str | Path, *, labels=None, grid=False, seed: int = 0) -> list[Path]:
    """Generate images and write them as ``0000.png``, ``0001.png``, … to the folder ``out``; returns the paths.

    ``labels`` are ACGAN's classes, taken in turn (None: random). ``grid`` writes one picture, ``grid.png``, instead.
    """
    classes = None if labels is None else np.resize(labels, count)
    images = to_uint8(run.generate(count, seed, labels=classes))
    digits = max(4, len(str(count - 1)))
    columns = max(1, round(count**0.5))
    pictures = {"grid.png": tile(images, columns)} if grid else {f"{i:0{digits}}.png": x for i, x in enumerate(images)}
    paths = [Path(out) / name for name in pictures]
    for path, picture in zip(paths, pictures.values(), strict=True):
        write_atomically(path, encode_png(picture))
    return paths
