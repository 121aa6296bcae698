"""A search whose answer is known, for test_regeneration.py; run as a program, under the backend of KERAS_BACKEND.

``python regeneration_worker.py OUT.npz`` writes images and losses of the search.
"""

import sys

import keras
import numpy as np

from capsgan.config import RunConfig
from capsgan.data.holes import centre_mask
from capsgan.data.pixels import to_uint8
from capsgan.gans import GAN
from capsgan.gans.vanilla import VanillaGAN
from capsgan.regeneration.reconstruction import regenerate

SHAPE, NOISE = (28, 28, 1), 4
PLANTED = np.array([[1, 1, 1, -1], [-1.5, 0.5, 1, 0], [0.2, 2, 0.1, -0.4], [-1, -1, 0.9, 1]], "float32")
SEARCH = {"restarts": 4, "steps": 120, "rate": 0.05, "norm": 0.0, "prior": 0.0, "progress": False}


class LinearGAN(VanillaGAN):
    """Images are weighted sums of four smooth waves: whoever sees a part knows the rest."""

    build_discriminator = GAN.build_discriminator  # has BatchNormalization

    noise_dim = NOISE

    def build_generator(self):
        layers = [keras.layers.Dense(784, use_bias=False), keras.layers.Reshape(SHAPE)]
        return keras.Sequential([keras.Input((NOISE,)), *layers])


def waves():
    """Float32 [4, 784]."""
    rows, columns = np.mgrid[:28, :28] / 28 * np.pi
    shapes = [np.cos(rows), np.cos(columns), np.cos(rows) * np.cos(columns), np.cos(2 * rows + columns)]
    return 0.2 * np.stack(shapes).reshape(4, -1).astype("float32")


def linear_gan():
    gan = LinearGAN(RunConfig("gan", "cnn", seed=1), SHAPE, 0)
    gan.generator.set_weights([waves()])
    rng = np.random.default_rng(0)  # every backend's initial kernels are others
    weights = gan.discriminator.get_weights()
    gan.discriminator.set_weights([rng.normal(0, 0.05, w.shape) if w.ndim > 1 else w for w in weights])
    return gan


def planted_images():
    """Uint8 [4, 28, 28, 1], the images of ``PLANTED``."""
    return to_uint8((PLANTED @ waves()).reshape(-1, *SHAPE))


def search(**options):
    known = centre_mask(1, SHAPE[:2])[0]
    return regenerate(linear_gan(), planted_images(), known, **SEARCH | options)


def search_with_prior():
    return search(prior=0.05, norm=0.01, real=planted_images(), steps=20)


def main():
    found, other = search(), search_with_prior()
    np.savez(sys.argv[1], images=found.images, losses=found.losses, other=other.losses)


if __name__ == "__main__":
    main()
