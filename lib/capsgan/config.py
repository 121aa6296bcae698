"""The configuration of a run: everything that decides its result."""

import hashlib
import importlib.util
import json
import os
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path

from . import names
from .checks import require
from .data.listing import check_dataset, content_sha256, folder_path, is_folder, safe_name

POSITIVE = 1e-9  # the least value of a number above 0


def _field(default, text: str, kind=str, **limits):  # limits: choices=… or bounds=…, both ends included
    return field(default=default, metadata={"help": text, "type": kind, **limits})


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the result of a training run, and nothing that does not.

    A *step* is one update of the generator on ``batch_size`` latents; the discriminator sees ``batch_size / 2`` real
    and ``batch_size / 2`` generated images in each of its updates (thesis, listing 7.4, where a step is called an
    epoch). A value that the project cannot train with raises ``ValueError``.
    """

    gan: str = _field("dcgan", "the game", choices=tuple(names.GANS))
    discriminator: str = _field(
        "cnn", "the trunk: classical CNN, the thesis's CapsNet, or a control", choices=tuple(names.DISCRIMINATORS)
    )
    dataset: str = _field("mnist5k", names.DATASET_NAMES)
    fraction: float = _field(
        1.0, "share of the training split, stratified; 0.1 is part of 0.2", float, bounds=(POSITIVE, 1)
    )
    image_size: int | None = _field(None, "pixels per side (default: 28 for digits, 64 for faces)", int)
    channels: int | None = _field(None, "1: grey, 3: colour (default: 1 for digits, 3 for faces)", int)
    steps: int = _field(1500, "generator updates", int, bounds=(1, 10**8))
    batch_size: int = _field(32, "latents per generator update, an even number", int, bounds=(2, 8192))
    seed: int = _field(0, "of weights, batches and latents", int, bounds=(0, 2**63 - 1))
    width: float = _field(
        1.0, "scales the filters of the Caps trunk's convolutions; 1 is the thesis", float, bounds=(1 / 256, 4)
    )
    dropout: float = _field(0.25, "of the classical trunk", float, bounds=(0, 0.95))
    label_smoothing: float = _field(0.0, "one-sided: the target of real images is 1 minus this", float, bounds=(0, 0.5))
    discriminator_warmup: int = _field(
        0, "steps of the discriminator alone before the game (chapter 6)", int, bounds=(0, 10**6)
    )
    discriminator_updates: str = _field(
        "separate", "on real and generated images in turn, or at once", choices=("separate", "joint")
    )
    routing_iterations: int = _field(3, "of caps-routing; 1: uniform couplings", int, bounds=(1, 100))
    weight_clipping: str = _field(
        "kernels", "wgan: what is clipped; all includes BatchNorm's gamma and beta", choices=("kernels", "all")
    )
    divergence: str = _field(
        "pearson",
        "fgan: between real and generated images",
        choices=("kl", "reverse-kl", "pearson", "hellinger", "jensen-shannon", "gan"),
    )
    adversarial_weight: float = _field(
        0.02, "completion: of the adversarial loss beside the reconstruction", float, bounds=(0, 100)
    )
    augmentation: str = _field("none", "flip: half of the training images are mirrored", choices=("none", "flip"))
    generator_average: float = _field(
        0.0, "decay of a moving average of the generator's weights; 0: off", float, bounds=(0, 0.9999)
    )
    precision: str = _field("float32", "of the arithmetic", choices=names.PRECISIONS)
    snapshots: tuple[int, ...] = _field((), "steps at which a float16 copy of the generator is kept, e.g. 100,500")

    def __post_init__(self):
        check_dataset(self.dataset)
        if is_folder(self.dataset):  # absolute: a run is used in other working directories too
            object.__setattr__(self, "dataset", f"{names.FOLDER}{folder_path(self.dataset)}")
        good = self.channels is None or (type(self.channels) is int and self.channels in (1, 3))
        require(good, "channels", self.channels, "1 | 3")
        if self.channels == names.default_channels(self.dataset):
            object.__setattr__(self, "channels", None)
        if self.image_size is None:
            object.__setattr__(self, "image_size", names.default_image_size(self.dataset))
        good = type(self.image_size) is int and self.image_size in names.IMAGE_SIZES
        require(good, "image_size", self.image_size, " | ".join(map(str, names.IMAGE_SIZES)))
        for each in fields(self):
            value, kind = getattr(self, each.name), each.metadata.get("type")
            if "choices" in each.metadata:
                good = isinstance(value, str) and value in each.metadata["choices"]
                require(good, each.name, value, expected(each))
            elif "bounds" in each.metadata:
                low, high = each.metadata["bounds"]
                numeric = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
                require(numeric and low <= value <= high, each.name, value, expected(each))  # NaN is outside
                object.__setattr__(self, each.name, kind(value))
        gan = names.GANS[self.gan]
        for each in fields(self):  # an option of other GANs has no effect here
            used = each.name in gan.options or all(each.name not in other.options for other in names.GANS.values())
            value = getattr(self, each.name)
            require(used or value == each.default, each.name, value, f"{each.default!r} for gan={self.gan!r}")
        even = self.batch_size % 2 == 0
        require(even, "batch_size", self.batch_size, "an even number: the discriminator sees halves")
        players = [name for name in names.DISCRIMINATORS if name != "none" or gan.conditional]
        wanted = f"{' | '.join(players)} for gan={self.gan!r}"
        require(self.discriminator in players, "discriminator", self.discriminator, wanted)
        smooths = self.label_smoothing == 0 or not (gan.is_critic or "label_smoothing" in gan.ignores)
        require(smooths, "label_smoothing", self.label_smoothing, f"0 (gan {self.gan!r} has no targets to smooth)")
        listed = isinstance(self.snapshots, list | tuple | range)
        good = listed and all(type(step) is int and 1 <= step <= self.steps for step in self.snapshots)
        require(good, "snapshots", self.snapshots, f"a list of steps from 1 to {self.steps}")
        object.__setattr__(self, "snapshots", tuple(sorted(set(self.snapshots))))

    @property
    def identity(self) -> dict:
        """The fields that differ from the defaults and have an effect: what the run's id is made of.

        A trunk reads its own fields only, a GAN ignores some; a folder counts by its content, not by its path (one that
        is gone raises ``ValueError``). A field added later leaves the ids of existing runs as they are.
        """
        of_trunks = set().union(*names.DISCRIMINATORS.values())
        idle = of_trunks - set(names.DISCRIMINATORS[self.discriminator]) | set(names.GANS[self.gan].ignores)
        if self.discriminator == "none":
            idle |= {"adversarial_weight", "label_smoothing", "discriminator_warmup", "discriminator_updates"}
        if self.image_size == names.default_image_size(self.dataset):
            idle.add("image_size")
        values = {name: value for name, value in self._changed().items() if name not in idle}
        return values | ({"dataset": self._content} if is_folder(self.dataset) else {})

    def _changed(self) -> dict:
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    @cached_property
    def _content(self) -> str:  # kept: the id of a config stays what it is while a run of it is trained
        return names.FOLDER + content_sha256(folder_path(self.dataset))

    @property
    def data_options(self) -> dict:
        """The arguments of :func:`~capsgan.data.datasets.load_dataset` besides the name."""
        return {name: getattr(self, name) for name in ("image_size", "fraction", "channels")}

    @property
    def run_id(self) -> str:
        """Readable name of the run, ending in a hash of what decides its result."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:8]
        width = "" if self.discriminator in ("cnn", "none") else f"{self.width:g}"
        dataset = safe_name(self.dataset) if is_folder(self.dataset) else self.dataset
        return f"{self.gan}-{self.discriminator}{width}-{dataset}-{self.steps}-s{self.seed}-{digest}"

    @property
    def label(self) -> str:
        """The name in figures and messages: ``CapsDCGAN`` as in chapter 9, a control ``CapsDCGAN (routing)``."""
        name = names.GANS[self.gan].label
        trunk, _, control = self.discriminator.partition("-")
        if trunk == "none":
            return f"{name} (no adversary)"
        name = name if trunk == "cnn" else trunk.capitalize() + name
        return f"{name} ({control})" if control else name

    @property
    def title(self) -> str:
        """The label plus what distinguishes runs with that label: ``CapsDCGAN, 1,500 steps of mnist5k, seed 0``."""
        usual = {"gan", "discriminator", "dataset", "fraction", "steps", "batch_size", "seed", "precision", "snapshots"}
        more = [f", {name.replace('_', ' ')} {value}" for name, value in self.identity.items() if name not in usual]
        part = "" if self.fraction == 1 else f"{self.fraction:.3g} of "
        return f"{self.label}, {self.steps:,} steps of {part}{self.dataset}, seed {self.seed}{''.join(more)}"

    @property
    def arguments(self) -> list[str]:
        """The options of ``capsgan train`` for this run."""
        values = self._changed()
        values |= {"snapshots": ",".join(map(str, self.snapshots))} if self.snapshots else {}
        return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]

    def to_dict(self) -> dict:
        """All fields as plain JSON values."""
        return asdict(self) | {"snapshots": list(self.snapshots)}

    def published(self) -> dict:
        """As :meth:`to_dict`, but of a folder only its name, not its path on this machine."""
        place = {"dataset": names.FOLDER + folder_path(self.dataset).name} if is_folder(self.dataset) else {}
        return self.to_dict() | place

    @classmethod
    def from_dict(cls, values: dict) -> "RunConfig":
        """The inverse of :meth:`to_dict`; an unknown field raises ``ValueError``."""
        require(isinstance(values, dict), "config", values, "fields by name")
        check_fields(values)
        return cls(**values | {"snapshots": tuple(values.get("snapshots", ()))})


def check_fields(given):
    """Raise ``ValueError`` for a name that is no field of a config."""
    known = sorted(RunConfig.__dataclass_fields__)
    for name in given:
        require(name in known, "field", name, " | ".join(known))


def expected(each) -> str:
    """The values that a field of the config may have, in words."""
    if "choices" in each.metadata:
        return " | ".join(each.metadata["choices"])
    low, high = each.metadata["bounds"]
    if each.metadata["type"] is int:
        return f"a whole number from {low} to {high}"
    return f"a number in {'(0' if low == POSITIVE else f'[{low:g}'}, {high:g}]"


def use_backend(name: str | None = None):
    """Choose Keras's backend before Keras is imported: ``name``, else ``KERAS_BACKEND``, else ``keras.json``'s."""
    name = name or os.environ.get("KERAS_BACKEND") or keras_json().get("backend")
    if name:
        require(name in names.BACKENDS, "backend", name, " | ".join(names.BACKENDS))
        if importlib.util.find_spec(name) is None:
            raise ValueError(f"backend={name!r} is not installed; pip install {name}, or choose a different one")
        os.environ["KERAS_BACKEND"] = name


def keras_json() -> dict:
    """The user's Keras settings: ``keras.json`` in ``KERAS_HOME`` or ``~/.keras``; empty if there is none."""
    path = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "keras.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras passes over it too
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds {values!r}; expected settings of Keras in {{}}, or no such file")
    return values
