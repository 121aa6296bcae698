"""Commands on images: generate new ones, regenerate damaged ones."""

import sys
import warnings
from itertools import cycle
from pathlib import Path

from ..checks import require
from ..paths import write_atomically
from .options import add_command, read_numbers
from .streams import load_keras


def add_commands(commands):
    """Declare generate and regenerate."""
    add_command(commands, "generate", _generate, "write images as PNG files", "generate", "backend")
    add_command(commands, "regenerate", _regenerate, "make damaged images whole", "regenerate", "backend")


def _generate(options):
    """Generate images with a finished run and write them as PNG files, or as one grid."""
    load_keras()
    from ..data.pixels import encode_png, tile, to_uint8
    from .runs import find_run

    count, labels = options.count, options.labels and read_numbers("labels", options.labels)
    classes = labels and [label for label, _ in zip(cycle(labels), range(count), strict=False)]  # in turn
    images = to_uint8(find_run(options.run).generate(count, options.seed, labels=classes))
    digits, columns = max(4, len(str(count - 1))), max(1, round(count**0.5))
    pictures = {f"{number:0{digits}}.png": image for number, image in enumerate(images)}
    paths = []
    for name, picture in ({"grid.png": tile(images, columns)} if options.grid else pictures).items():
        paths.append(Path(options.out) / name)
        write_atomically(paths[-1], encode_png(picture))
    print(f"written: {paths[0]}" + (f" to {paths[-1].name}" if len(paths) > 1 else ""))


def _regenerate(options):
    """Fill holes, sharpen or restore images with a finished run's networks; all are read before any is written."""
    require(options.out != "", "out", options.out, "a name ending in .png, or a folder")
    load_keras()
    from ..regeneration.degradations import make_degradation
    from ..regeneration.picture_files import regenerate_files
    from ..runs.pretrained import DEFAULTS, PretrainedNetwork, load_pretrained
    from ..runs.run import load_run

    task = make_degradation(options.task, **_given(options, "scale", "contrast", "brightness", "grey"))
    search = _given(options, "restarts", "steps", "seed") | ({"prior": 0.0} if options.no_prior else {})
    search |= {} if options.label is None else {"labels": options.label}
    masks = {"invert": options.invert_mask, "region": options.region, "scratched": options.find_scratches}
    if options.box:
        masks["box"] = read_numbers("box", options.box)
        require(len(masks["box"]) == 4, "box", options.box, "four whole numbers: x,y,width,height")
    first, *rest = images = options.images
    if options.network or not rest or Path(first).exists():
        run = load_pretrained(options.network or DEFAULTS[options.task])
    else:
        run, images = load_run(first), rest
    with warnings.catch_warnings(action="default", category=UserWarning):
        warnings.showwarning = lambda message, *_: print(f"capsgan: {message}", file=sys.stderr)
        paths = regenerate_files(run, images, options.mask, options.out, task=task, **masks, **search)
    if isinstance(run, PretrainedNetwork):
        print(f"{run.name} knows {run.card['knows']}; whatever it paints is invented, never evidence")
    for path in paths:
        print(f"written: {path}")


def _given(options, *names: str) -> dict:
    """The options that have a value; the library's defaults hold for the others."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}
