"""Generators: latent codes to images, and damaged images to whole ones."""

import keras
from keras import layers, ops

from .layers import UpsampleConv2D, batch_normalization, check_shape, pull_push


def build_generator(image_shape=(28, 28, 1), latent_dim: int = 100, kernel_size: int = 3) -> keras.Model:
    """The thesis's generator (sections 5.1, 6.1.1, listing 7.2): Dense, then upsampling and convolutions.

    float32 [B, latent_dim] → float32 [B, height, width, channels] in [-1, 1]. At 64×64×3 it has the thesis's 1,069,507
    parameters: three upsamplings from 8×8. At 28×28×1 it is Keras-GAN's: two from 7×7. Keras-GAN's WGAN has
    ``kernel_size`` 4.
    """
    size, channels = check_shape(image_shape)
    base = 7 if size % 7 == 0 else 8
    upsamplings = (size // base).bit_length() - 1
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(128 * base * base, activation="relu")(latent)
    x = layers.Reshape((base, base, 128))(x)
    for number in range(upsamplings):
        x = batch_normalization()(x)
        x = UpsampleConv2D(128 >> number, kernel_size)(x)  # 128, 64, 32, ...
        x = layers.Activation("relu")(x)
    x = batch_normalization()(x)
    x = layers.Conv2D(channels, kernel_size, padding="same")(x)
    images = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(latent, images, name="generator")


def build_context_encoder(image_shape=(64, 64, 3), filters: int = 32, bottleneck: int = 128) -> keras.Model:
    """A context encoder (Pathak et al. 2016) with the skips of a U-Net, which corrects a smooth guess: 1.1 M weights.

    ``image``, float32 [B, height, width, channels] in [-1, 1], and ``mask``, float32 [B, height, width, 1], 1 where a
    pixel is known → the image with its missing pixels painted, float32. What ``image`` holds in the hole has no effect.
    :func:`~capsgan.networks.layers.pull_push` makes the guess, and the network begins as that guess: its last layer is
    zero. Convolutions of stride 2 lead down to 4×4 (or 7×7) pixels, from ``filters`` to four times as many; a dense
    bottleneck lets every part of the image see every other; upsampling convolutions lead back, each with the encoder's
    features at its resolution.
    """
    size, channels = check_shape(image_shape)
    image, mask = keras.Input(image_shape, name="image"), keras.Input((size, size, 1), name="mask")
    guess = pull_push(image, mask)
    x = layers.Concatenate()([guess, 1 - mask])
    skips, wide = [], 4 * filters
    while size > 4 and size % 2 == 0:
        skips.append(x)
        x = layers.Conv2D(min(filters << len(skips) - 1, wide), 4, strides=2, padding="same")(x)
        x = x if len(skips) == 1 else batch_normalization()(x)
        x, size = layers.LeakyReLU(0.2)(x), size // 2
    narrow = 1024 // size**2
    h = layers.LeakyReLU(0.2)(layers.Conv2D(narrow, 1)(x))
    h = layers.LeakyReLU(0.2)(layers.Dense(bottleneck)(layers.Flatten()(h)))
    h = layers.Reshape((size, size, narrow))(layers.Dense(size * size * narrow)(h))
    for level in reversed(range(len(skips))):
        h = layers.Activation("relu")(batch_normalization()(h))
        h = layers.Concatenate()([h, x])
        h = UpsampleConv2D(min(filters // 2 << level, wide), 3)(h)
        x = skips[level]
    h = layers.Activation("relu")(batch_normalization()(h))
    h = layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(layers.Concatenate()([h, x]))
    painted = ops.tanh(ops.cast(h, "float32") + ops.arctanh(0.99 * guess))
    completed = painted * (1 - mask) + image * mask
    return keras.Model([image, mask], completed, name="generator")
