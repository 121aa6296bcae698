"""The GANs by name. To add one: a file beside these, a line here, its name in ``config.GANS``."""

from ..config import RunConfig
from .acgan import ACGAN
from .base import GAN
from .dcgan import DCGAN
from .infogan import InfoGAN
from .vanilla import VanillaGAN
from .wgan import WGAN
from .wgan_gp import WGANGP

CLASSES = {
    "gan": VanillaGAN,
    "dcgan": DCGAN,
    "wgan": WGAN,
    "wgan_gp": WGANGP,
    "acgan": ACGAN,
    "infogan": InfoGAN,
}


def build_gan(config: RunConfig, image_shape, classes: int = 0) -> GAN:
    """Both players of a run, with their initial weights.

    Args:
        config: the run.
        image_shape: (height, width, channels) of the dataset.
        classes: how many classes its labels tell apart; 0 without labels.

    Raises:
        ValueError: the GAN needs labels that are missing, or the networks can't take the image shape.
    """
    return CLASSES[config.gan](config, image_shape, classes)
