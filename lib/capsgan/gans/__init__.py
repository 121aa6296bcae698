"""The GANs, one file each. To add one: a file beside these with a class that has a ``name``; see ``base.py``."""

import importlib

from ..config import RunConfig
from ..names import GANS
from .base import GAN, SAMPLING, logistic_loss, random_stream
from .fgan import DIVERGENCES
from .infogan import code_loss
from .wgan import CLIP, Clip
from .wgan_gp import WGANGP


def gan_class(name: str) -> type[GAN]:
    """The class of a GAN by its name."""
    declared = GANS[name]
    return getattr(importlib.import_module(f".{declared.module}", __name__), declared.class_name)


def build_gan(config: RunConfig, image_shape, classes: int = 0, generator_only: bool = False) -> GAN:
    """Both players of a run with their initial weights, for images of ``image_shape`` (height, width, channels).

    ``classes`` is the number of classes in the labels, 0 without labels. With ``generator_only`` there is no
    discriminator.
    """
    return gan_class(config.gan)(config, image_shape, classes, generator_only)
