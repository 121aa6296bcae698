"""What decides a result: the configuration of a run, and where results are kept."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path

from .data.listing import PREFIX, content_sha256, folder_path, is_folder, safe_name

ROOT = Path(__file__).resolve().parents[2]

GANS = ("gan", "dcgan", "wgan", "wgan_gp", "acgan", "infogan")
GAN_NAMES = {"acgan": "ACGAN", "dcgan": "DCGAN", "infogan": "InfoGAN", "wgan": "WGAN"}
COMPARED_GANS = tuple(GAN_NAMES)  # chapter 8, in the order of its figures
DISCRIMINATORS = ("cnn", "caps", "cnn-matched", "caps-routing", "caps-squashed", "caps-ungated")
COMPARED_DISCRIMINATORS = ("cnn", "caps")  # chapter 8; the others are controls
DIGITS = ("mnist5k", "mnist")
FACES = ("cartoon", "olivetti", "lfw")
DATASETS = (*DIGITS, *FACES)  # and folder:PATH
DATASET_NAMES = " | ".join((*DATASETS, f"{PREFIX}PATH"))
IMAGE_SIZES = (28, 32, 56, 64, 112, 128)  # 7 or 8, doubled twice or more
BACKENDS = ("tensorflow", "jax", "torch")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the result of a training run, and nothing that does not.

    A *step* is one update of the generator on ``batch_size`` latents; the discriminator sees
    ``batch_size / 2`` real and ``batch_size / 2`` generated images for each of its updates
    (thesis, listing 7.4, where a step is called an epoch).

    Raises:
        ValueError: a field has a value the project cannot train with. Names field, value and what is allowed.
    """

    gan: str = "dcgan"  # which game: see GANS
    discriminator: str = "cnn"  # which trunk: the classical CNN, the thesis's CapsNet or a control of it
    dataset: str = "mnist5k"  # see DATASET_NAMES
    fraction: float = 1.0  # share of the training split, stratified, nested: 0.1 is part of 0.2
    image_size: int | None = None  # pixels a side; None: 28 of digits, 64 of faces
    steps: int = 1500  # generator updates
    batch_size: int = 32
    seed: int = 0
    width: float = 1.0  # scales the filters of the Caps trunk's convolutions; 1.0 is the thesis
    dropout: float = 0.25  # of the classical trunk
    label_smoothing: float = 0.0  # one-sided: the target of real images is 1 - label_smoothing
    discriminator_warmup: int = 0  # steps of the discriminator alone before the game (chapter 6)
    discriminator_updates: str = "separate"  # on real, then on generated images; or one "joint" update
    routing_iterations: int = 3  # of caps-routing; 1: uniform couplings
    weight_clipping: str = "kernels"  # WGAN: "kernels" (and biases), or "all", which includes BatchNorm's γ and β
    precision: str = "float32"
    snapshots: tuple[int, ...] = field(default=())  # steps at which a float16 copy of the generator is kept

    def __post_init__(self):
        good = isinstance(self.dataset, str) and (self.dataset in DATASETS or is_folder(self.dataset))
        require(good, "dataset", self.dataset, DATASET_NAMES)
        if is_folder(self.dataset):
            folder_path(self.dataset)
        if self.image_size is None:
            object.__setattr__(self, "image_size", default_image_size(self.dataset))
        one_of = {
            "gan": GANS,
            "discriminator": DISCRIMINATORS,
            "image_size": IMAGE_SIZES,
            "discriminator_updates": ("separate", "joint"),
            "weight_clipping": ("kernels", "all"),
            "precision": PRECISIONS,
        }
        for name, allowed in one_of.items():
            value = getattr(self, name)
            good = any(type(value) is type(choice) and value == choice for choice in allowed)
            require(good, name, value, " | ".join(map(str, allowed)))
        whole = {"steps": (1, 10**8), "batch_size": (2, 8192), "seed": (0, 2**63 - 1)}
        whole |= {"discriminator_warmup": (0, 10**6), "routing_iterations": (1, 100)}
        for name, (low, high) in whole.items():
            value = getattr(self, name)
            good = isinstance(value, Integral) and not isinstance(value, bool) and low <= value <= high
            require(good, name, value, f"a whole number from {low} to {high}")
            object.__setattr__(self, name, int(value))
        require(
            self.batch_size % 2 == 0, "batch_size", self.batch_size, "an even number: the discriminator sees halves"
        )
        numbers = {"fraction": "(0, 1]", "width": "[1/256, 4]", "dropout": "[0, 0.95]", "label_smoothing": "[0, 0.5]"}
        bounds = {"fraction": (1e-9, 1), "width": (1 / 256, 4), "dropout": (0, 0.95), "label_smoothing": (0, 0.5)}
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            good = isinstance(value, Real) and not isinstance(value, bool) and low <= value <= high  # NaN is not
            require(good, name, value, f"a number in {numbers[name]}")
            object.__setattr__(self, name, float(value))
        only_wgan = self.gan == "wgan" or self.weight_clipping == "kernels"
        require(only_wgan, "weight_clipping", self.weight_clipping, f"'kernels' (gan {self.gan!r} does not clip)")
        smooths = not self.gan.startswith("wgan") or self.label_smoothing == 0
        require(smooths, "label_smoothing", self.label_smoothing, "0 (a critic has no targets to smooth)")
        listed = isinstance(self.snapshots, list | tuple | range)
        good = listed and all(type(step) is int and 1 <= step <= self.steps for step in self.snapshots)
        require(good, "snapshots", self.snapshots, f"a list of steps from 1 to {self.steps}")
        object.__setattr__(self, "snapshots", tuple(sorted(set(self.snapshots))))

    @property
    def identity(self) -> dict:
        """The fields that differ from the defaults and have an effect: what the run's id is made of.

        ``width`` has no effect on the classical trunk; ``dropout`` acts in the classical convolutions only,
        ``routing_iterations`` where capsules are routed; a folder's place has none, its content has. A field added
        later leaves the ids of existing runs as they are.

        Raises:
            ValueError: the dataset is a folder that is gone.
        """
        idle = {"width"} if self.discriminator == "cnn" else {"dropout"}
        if self.discriminator != "caps-routing":
            idle.add("routing_iterations")
        if self.gan == "gan":  # its classical networks are dense
            idle.add("dropout")
        if self.gan == "wgan_gp":  # its updates are always joint
            idle.add("discriminator_updates")
        if self.image_size == default_image_size(self.dataset):
            idle.add("image_size")
        relevant = [f for f in fields(self) if f.name not in idle]
        values = {f.name: getattr(self, f.name) for f in relevant if getattr(self, f.name) != f.default}
        return values | ({"dataset": self._content} if is_folder(self.dataset) else {})

    @cached_property
    def _content(self) -> str:  # kept: the id of a config stays what it is while a run of it is trained
        return PREFIX + content_sha256(folder_path(self.dataset))

    @property
    def run_id(self) -> str:
        """Readable name of the run, ending in a hash of what decides its result."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:8]
        width = "" if self.discriminator == "cnn" else f"{self.width:g}"
        dataset = safe_name(self.dataset) if is_folder(self.dataset) else self.dataset
        return f"{self.gan}-{self.discriminator}{width}-{dataset}-{self.steps}-s{self.seed}-{digest}"

    @property
    def label(self) -> str:
        """How figures and messages call the run: as in chapter 9 ``CapsDCGAN``, a control ``CapsDCGAN (routing)``."""
        name = self.gan.upper().replace("INFO", "Info").replace("_", "-")
        trunk, _, control = self.discriminator.partition("-")
        name = name if trunk == "cnn" else trunk.capitalize() + name
        return f"{name} ({control})" if control else name

    def to_dict(self) -> dict:
        """All fields as plain JSON values."""
        return asdict(self) | {"snapshots": list(self.snapshots)}

    @classmethod
    def from_dict(cls, values: dict) -> RunConfig:
        """The inverse of :meth:`to_dict`; unknown fields raise ``ValueError``."""
        known = {f.name for f in fields(cls)}
        for name in values:
            require(name in known, "field", name, " | ".join(sorted(known)))
        return cls(**values | {"snapshots": tuple(values.get("snapshots", ()))})


def default_image_size(dataset: str) -> int:
    """Pixels a side that a dataset has where nothing else is said: 28 of digits, 64 of faces."""
    return 28 if dataset in DIGITS else 64


def use_backend(name: str | None = None):
    """Have Keras run on the named backend, or on that of ``KERAS_BACKEND``. Call it before Keras is imported.

    Raises:
        ValueError: the project does not run on it, or it is not installed.
    """
    name = name or os.environ.get("KERAS_BACKEND")
    if name:
        require(name in BACKENDS, "backend", name, " | ".join(BACKENDS))
        if importlib.util.find_spec(name) is None:
            raise ValueError(f"backend={name!r} is not installed; pip install {name}, or choose another")
        os.environ["KERAS_BACKEND"] = name


def home() -> Path:
    """Where runs, downloads and caches live: ``CAPSGAN_HOME``, else the checkout's ``data/``."""
    named = os.environ.get("CAPSGAN_HOME")
    try:
        return Path(named or ROOT / "data").expanduser().resolve()
    except RuntimeError as error:
        raise ValueError(f"CAPSGAN_HOME={named!r} is not possible ({error})") from error


def figures_directory(profile: str) -> Path:
    """Where the figures of a profile are drawn: ``figures/<profile>``, or inside ``CAPSGAN_HOME`` where that is set."""
    base = home() if os.environ.get("CAPSGAN_HOME") else ROOT
    return base / "figures" / profile


def require(good: bool, name: str, value, allowed: str):
    """Raise ``ValueError`` that names the field, its value and what is allowed, unless it is good."""
    if not good:
        raise ValueError(f"{name}={value!r} is not possible; allowed: {allowed}")
