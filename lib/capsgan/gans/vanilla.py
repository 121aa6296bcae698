"""The original GAN: both players fully connected (Goodfellow et al. 2014, arXiv:1406.2661)."""

import keras
from keras import layers

from ..networks.layers import MOMENTUM
from .base import GAN


class VanillaGAN(GAN):
    """Dense layers only, in the classical discriminator (``cnn``) too. The other trunks are as in all GANs."""

    name = "gan"
    label = "GAN"
    ignores = ("dropout",)

    def build_generator(self):
        """Three Dense layers of 256, 512 and 1,024 units, then one unit per pixel."""
        latent = keras.Input((self.noise_dim,), name="latent")
        x = latent
        for units in (256, 512, 1024):
            x = layers.Dense(units)(x)
            x = layers.LeakyReLU(0.2)(x)
            x = layers.BatchNormalization(momentum=MOMENTUM)(x)
        height, width, channels = self.image_shape
        x = layers.Dense(height * width * channels)(x)
        x = layers.Activation("tanh", dtype="float32")(x)
        return keras.Model(latent, layers.Reshape(self.image_shape, dtype="float32")(x), name="generator")

    def build_discriminator(self):
        """Two Dense layers of 512 and 256 units, or one of the other trunks."""
        if self.config.discriminator != "cnn":
            return super().build_discriminator()
        images = keras.Input(self.image_shape, name="image")
        x = layers.Flatten()(images)
        for units in (512, 256):
            x = layers.LeakyReLU(0.2)(layers.Dense(units)(x))
        return keras.Model(images, self.heads(x), name="discriminator")
