"""Commands on images: generate new ones, regenerate damaged ones."""

import sys
import warnings
from pathlib import Path

from ..checks import require
from .options import add_backend_option, add_command, positive, read_numbers
from .streams import load_keras


def add_commands(commands):
    """Declare generate and regenerate."""
    generate = add_command(commands, "generate", _generate, "write images as PNG files")
    generate.add_argument("run", metavar="RUN", help="the beginning of its id, of a run or a reference")
    generate.add_argument("--count", type=positive, metavar="INT", default=25, help="number of images (default: 25)")
    generate.add_argument("--out", metavar="DIR", required=True, help="folder for the files; made if it is missing")
    generate.add_argument("--labels", metavar="LABELS", help="acgan: classes in turn, e.g. 3,7")
    generate.add_argument("--grid", action="store_true", help="one picture of all images, grid.png")
    generate.add_argument("--seed", type=int, metavar="INT", default=0, help="of the latents")
    add_backend_option(generate)
    _add_regenerate(commands)


def _add_regenerate(commands):
    regenerate = add_command(commands, "regenerate", _regenerate, "make damaged images whole")
    add = regenerate.add_argument
    runs = "the beginning of a run's id (default: a pretrained network), then image files of any size"
    add("images", metavar="[RUN] IMAGE", nargs="+", help=f"{runs}; superres: of exactly the size that is enlarged")
    add("--with", dest="network", metavar="NAME", help="a pretrained network: list --pretrained")
    add("--box", metavar="X,Y,W,H", help="the face's square; default: twice the hole, around it")
    out = "a .png file; for several images a folder; replaces existing files"
    add("--out", metavar="PATH", required=True, help=out)
    mask = "mid-grey and lighter is kept; one for all, or one each; after the images"
    add("--mask", metavar="PNG", nargs="+", default=[], help=mask)
    add("--invert-mask", action="store_true", help="black is kept, white is missing")
    add("--task", metavar="NAME", default="inpaint", help="inpaint | superres | restore")
    add("--scale", type=int, metavar="INT", help="superres: 2 | 4 (default: 4)")
    add("--contrast", type=float, metavar="FLOAT", help="restore: the share that is left, in (0, 1]")
    add("--brightness", type=float, metavar="FLOAT", help="restore: what was added, in [-0.5, 0.5]")
    add("--grey", action="store_true", default=None, help="restore: the colours are lost too")
    region = "square | hole: what the network sees (default: square; pretrained: hole)"
    add("--region", metavar="NAME", help=region)
    add("--label", type=int, metavar="INT", help="acgan: the class of the images")
    add("--restarts", type=positive, metavar="INT", help="searches per image (default: 8)")
    add("--steps", type=positive, metavar="INT", help="of each search (default: 150)")
    add("--seed", type=int, metavar="INT", default=0, help="of the starts")
    add("--no-prior", action="store_true", help="search without the discriminator")
    add_backend_option(regenerate)


def _generate(options):
    """Generate images with a finished run and write them as PNG files, or as one grid."""
    load_keras()
    from ..runs.export import write_images
    from .runs import find_run

    labels = None if options.labels is None else read_numbers("labels", options.labels)
    run = find_run(options.run)
    paths = write_images(run, options.count, options.out, labels=labels, grid=options.grid, seed=options.seed)
    print(f"written: {paths[0]}" + (f" to {paths[-1].name}" if len(paths) > 1 else ""))


def _regenerate(options):
    """Fill holes, sharpen or restore images with a finished run's networks; all are read before any is written."""
    require(options.out != "", "out", options.out, "a name ending in .png, or a folder")
    load_keras()
    from ..regeneration.degradations import make_degradation
    from ..regeneration.picture_files import regenerate_files
    from ..runs.pretrained import DEFAULT, load_pretrained
    from ..runs.run import load_run

    task = make_degradation(options.task, **_given(options, "scale", "contrast", "brightness", "grey"))
    search = _given(options, "restarts", "steps", "seed") | ({"prior": 0.0} if options.no_prior else {})
    search |= {} if options.label is None else {"labels": options.label}
    masks = {"invert": options.invert_mask, "region": options.region}
    if options.box:
        masks["box"] = read_numbers("box", options.box)
        require(len(masks["box"]) == 4, "box", options.box, "four whole numbers: x,y,width,height")
    first, *rest = images = options.images
    if options.network or not rest or Path(first).exists():
        run = load_pretrained(options.network or DEFAULT)
        print(f"{run.name} knows {run.card['knows']}; whatever it paints is invented, never evidence")
    else:
        run, images = load_run(first), rest
    with warnings.catch_warnings(action="default"):
        warnings.showwarning = lambda message, *_: print(f"capsgan: {message}", file=sys.stderr)
        paths = regenerate_files(run, images, options.mask, options.out, task=task, **masks, **search)
    for path in paths:
        print(f"written: {path}")


def _given(options, *names: str) -> dict:
    """The options that have a value; the library's defaults hold for the others."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}
