"""Images out of a run and into files."""

from pathlib import Path

import numpy as np

from ..data.pixels import encode_png, tile, to_uint8
from ..paths import write_atomically
from .run import Run


def write_images(
    run: Run, count: int, out: str | Path, *, labels=None, grid: bool = False, seed: int = 0
) -> list[Path]:
    """Generate images and write them as PNG files.

    Args:
        run: a finished run, or a reference with weights.
        count: how many images.
        out: the folder for ``0000.png``, ``0001.png``, …; made if it is missing.
        labels: ACGAN: classes, taken in turn; None: drawn at random.
        grid: write one picture of all images, ``grid.png``, instead of one file each.
        seed: of the latents.

    Returns:
        The files that were written.

    Raises:
        ValueError: as :meth:`Run.generate`.
        DiskError: a file cannot be written.
    """
    classes = None if labels is None else np.resize(labels, count)
    images = to_uint8(run.generate(count, seed, labels=classes))
    digits = max(4, len(str(count - 1)))
    columns = max(1, round(count**0.5))
    pictures = {"grid.png": tile(images, columns)} if grid else {f"{i:0{digits}}.png": x for i, x in enumerate(images)}
    paths = [Path(out) / name for name in pictures]
    for path, picture in zip(paths, pictures.values(), strict=True):
        data = encode_png(picture)
        write_atomically(path, lambda file, data=data: file.write(data))
    return paths
