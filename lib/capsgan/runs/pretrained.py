"""Trained generators that ship with the project: ``data/pretrained/``, each a float16 archive and a model card."""

import hashlib
import io
import json
from dataclasses import replace
from functools import cached_property
from operator import attrgetter

from ..config import RunConfig
from ..gans import GAN, build_gan
from ..paths import shipped
from .checkpoints import read_weights

PRETRAINED = shipped("pretrained")
# What ``capsgan regenerate`` uses, by task.
DEFAULTS = {"inpaint": "faces-completion-caps", "superres": "faces-superres-caps", "restore": "faces-restore-caps"}


class PretrainedNetwork:
    """A generator, its ``config`` and its model ``card``: data, licence, training, scores, limits, as JSON values."""

    def __init__(self, name: str):
        self.name = name
        self.path = PRETRAINED / f"{name}.npz"
        self.card = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))
        self.config = RunConfig.from_dict(self.card["config"])  # a folder is named by its content's hash

    def __repr__(self) -> str:
        return f"PretrainedNetwork({self.name})"

    @cached_property
    def gan(self) -> GAN:
        """The generator in its GAN, float32, without a discriminator. Weights must be those of the card."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ValueError(f"{self.path} cannot be read ({error.strerror}); install capsgan again") from error
        if hashlib.sha256(data).hexdigest() != self.card["sha256"]:
            raise ValueError(f"{self.path} is truncated or was altered (SHA-256 differs); install capsgan again")
        config = replace(self.config, precision="float32")
        gan = build_gan(config, self.card["image_shape"], generator_only=True)
        gan.generator.set_weights(read_weights(io.BytesIO(data)))
        return gan

    generator = property(attrgetter("gan.generator"), doc="The trained generator, a ``keras.Model``.")


def list_pretrained() -> list[PretrainedNetwork]:
    """All networks of ``data/pretrained/``, by name."""
    return [PretrainedNetwork(path.stem) for path in sorted(PRETRAINED.glob("*.json"))]


def load_pretrained(name: str = DEFAULTS["inpaint"]) -> PretrainedNetwork:
    """A generator that ships with the project, by its name or the beginning of it that only one has."""
    names = [path.stem for path in sorted(PRETRAINED.glob("*.json"))]
    found = [name] if name in names else [each for each in names if each.startswith(name)]
    if len(found) != 1:
        known = " | ".join(found or names) or f"weights in {PRETRAINED}, where there are none; install capsgan again"
        raise ValueError(f"unknown pretrained network {name!r}; expected {known}")
    return PretrainedNetwork(found[0])
