"""Every name that a user can type. GANs are read from the files that declare them, so help and errors need no Keras."""

import ast
from dataclasses import dataclass
from pathlib import Path

DIGITS = ("mnist5k", "mnist")
FOLDER = "folder:"  # and a path: a data set of the user's own
FACES = ("cartoon", "olivetti", "lfw")
DATASETS = (*DIGITS, *FACES)  # and folder:PATH
DATASET_NAMES = " | ".join((*DATASETS, f"{FOLDER}PATH"))
IMAGE_SIZES = (28, 32, 56, 64, 112, 128)  # 7 or 8, doubled twice or more
BACKENDS = ("tensorflow", "jax", "torch")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
DISCRIMINATORS = {  # trunk → the fields of a config that it reads
    "cnn": ("dropout",),
    "caps": ("width",),
    "cnn-matched": ("width",),
    "caps-routing": ("width", "routing_iterations"),
    "caps-squashed": ("width",),
    "caps-ungated": ("width",),
    "none": (),  # no adversary: completion networks only
}
COMPARED_DISCRIMINATORS = ("cnn", "caps")  # chapter 8; the others are controls
COMPARED_GANS = ("acgan", "dcgan", "infogan", "wgan")  # chapter 8, in the order of its figures


@dataclass(frozen=True)
class Declaration:
    """What the class of a GAN declares about itself; :class:`capsgan.gans.base.GAN` explains the fields."""

    module: str
    class_name: str
    summary: str  # the first line of its module: what it is, and the paper
    name: str
    label: str
    is_critic: bool = False
    ignores: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    conditional: bool = False


def read_declarations(folder: Path) -> dict[str, Declaration]:
    """The GANs declared in a folder's modules: every class whose body assigns a ``name``, by that name."""
    declared = {}
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        summary = (ast.get_docstring(tree) or "").partition("\n")[0]
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                assigned = [s for s in node.body if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)]
                values = {s.targets[0].id: s.value for s in assigned if s.targets[0].id in Declaration.__annotations__}
                if "name" in values:
                    literals = {name: ast.literal_eval(value) for name, value in values.items()}
                    declared[literals["name"]] = Declaration(path.stem, node.name, summary, **literals)
    return declared


def default_image_size(dataset: str) -> int:
    """Pixels per side of a dataset unless the config says otherwise: 28 for digits, 64 for faces."""
    return 28 if dataset in DIGITS else 64


def default_channels(dataset: str) -> int:
    """Channels of a dataset's images unless the config says otherwise: 1 for digits, 3 for all others."""
    return 1 if dataset in DIGITS else 3


GANS = read_declarations(Path(__file__).parent / "gans")
