"""Trained generators that come with the project: ``data/pretrained/``, a float16 archive and a model card each."""

import hashlib
import io
import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..config import RunConfig
from ..gans import GAN, build_gan
from ..paths import shipped, write_atomically
from .run import Run

PRETRAINED = shipped("pretrained")
DEFAULT = "faces-completion-none"  # what ``capsgan regenerate`` uses


class PretrainedNetwork:
    """A generator and its model card.

    Attributes:
        name: as :func:`load_pretrained` takes it.
        card: data, licence, training, scores and limits, as plain JSON values.
    """

    def __init__(self, name: str):
        self.name = name
        self.card = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))

    def __repr__(self) -> str:
        return f"PretrainedNetwork({self.name})"

    @property
    def config(self) -> RunConfig:
        """What was trained; of a folder the content's hash stands in the card."""
        return RunConfig.from_dict(self.card["config"])

    @cached_property
    def gan(self) -> GAN:
        """The generator in its GAN, float32, without an adversary.

        Raises:
            ValueError: the weights are missing or not those of the card.
        """
        path = PRETRAINED / f"{self.name}.npz"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror}); install capsgan again") from error
        if hashlib.sha256(data).hexdigest() != self.card["sha256"]:
            raise ValueError(f"{path} is truncated or was altered (SHA-256 differs); install capsgan again")
        with np.load(io.BytesIO(data)) as archive:  # without pickle
            weights = [archive[key].astype("float32") for key in archive.files]
        config = replace(self.config, precision="float32", discriminator="none")
        gan = build_gan(config, self.card["image_shape"])
        gan.generator.set_weights(weights)
        return gan

    @property
    def generator(self):
        """The trained generator, a ``keras.Model``."""
        return self.gan.generator


def list_pretrained() -> list[PretrainedNetwork]:
    """All networks of ``data/pretrained/``, by name."""
    return [PretrainedNetwork(path.stem) for path in sorted(PRETRAINED.glob("*.json"))]


def load_pretrained(name: str = DEFAULT) -> PretrainedNetwork:
    """A generator that comes with the project.

    Raises:
        ValueError: there is none of this name; lists those that there are.
    """
    names = [path.stem for path in sorted(PRETRAINED.glob("*.json"))]
    if name not in names:
        raise ValueError(
            f"unknown pretrained network {name!r}; expected {' | '.join(names) or 'nothing: none is here'}"
        )
    return PretrainedNetwork(name)


def store_pretrained(run: Run, name: str, card: dict) -> Path:
    """Write a finished run's generator and its card to ``data/pretrained/``; returns the weights' file.

    The dataset's folder is not named in the card: its content's hash is.
    """
    file = io.BytesIO()
    np.savez_compressed(file, *(weight.astype("float16") for weight in run.generator.get_weights()))
    provenance = run.provenance
    facts = {name: provenance[name] for name in ("image_shape", "dataset_sha256", "source_sha256", "commit", "cpu")}
    config = run.config.to_dict() | {"dataset": run.config.identity.get("dataset", run.config.dataset)}
    card |= {"config": config, **facts, "sha256": hashlib.sha256(file.getvalue()).hexdigest()}
    path = PRETRAINED / f"{name}.npz"
    write_atomically(path, lambda target: target.write(file.getvalue()))
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path.with_suffix(".json"), lambda target: target.write(text.encode()))
    return path
