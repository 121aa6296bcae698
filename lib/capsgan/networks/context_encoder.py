"""The generator of a completion network: damaged images to whole ones."""

import keras
from keras import layers, ops

from .layers import Conv2D, UpsampleConv2D, batch_normalization, check_shape


def build_context_encoder(
    image_shape=(64, 64, 3), filters: int = 32, bottleneck: int = 128, *, keep_known: bool = True
) -> keras.Model:
    """A context encoder (Pathak et al. 2016) with the skips of a U-Net, which corrects a smooth guess: 1.1 M weights.

    ``image``, float32 [B, height, width, channels] in [-1, 1], and ``mask``, float32 [B, height, width, 1], 1 where a
    pixel is known → the image with its missing pixels painted, float32; without ``keep_known`` with all pixels painted.
    What ``image`` holds in the hole has no effect.
    The network begins as the guess of :func:`pull_push`: its last layer is zero. Convolutions of stride 2 lead down to
    4×4 (or 7×7) pixels, from ``filters`` to four times as many; a dense bottleneck lets every part of the image see
    every other; upsampling convolutions lead back, each with the encoder's features at its resolution.
    """
    size, channels = check_shape(image_shape)
    image, mask = keras.Input(image_shape, name="image"), keras.Input((size, size, 1), name="mask")
    guess = pull_push(image, mask)
    x = layers.Concatenate()([guess, 1 - mask])
    skips, wide = [], 4 * filters
    while size > 4 and size % 2 == 0:
        skips.append(x)
        x = Conv2D(min(filters << len(skips) - 1, wide), 4, strides=2, padding="same")(x)
        x = x if len(skips) == 1 else batch_normalization()(x)
        x, size = layers.LeakyReLU(0.2)(x), size // 2
    narrow = 1024 // size**2
    h = layers.LeakyReLU(0.2)(Conv2D(narrow, 1)(x))
    h = layers.LeakyReLU(0.2)(layers.Dense(bottleneck)(layers.Flatten()(h)))
    h = layers.Reshape((size, size, narrow))(layers.Dense(size * size * narrow)(h))
    for level in reversed(range(len(skips))):
        h = layers.Activation("relu")(batch_normalization()(h))
        h = layers.Concatenate()([h, x])
        h = UpsampleConv2D(min(filters // 2 << level, wide), 3)(h)
        x = skips[level]
    h = layers.Activation("relu")(batch_normalization()(h))
    h = Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(layers.Concatenate()([h, x]))
    painted = ops.tanh(ops.cast(h, "float32") + ops.arctanh(0.99 * guess))
    completed = painted * (1 - mask) + image * mask if keep_known else painted
    return keras.Model([image, mask], completed, name="generator")


def pull_push(image, known):
    """A smooth guess at a hole from the known pixels around it (Gortler et al. 1996, *The Lumigraph*).

    Pull: halve the image down to one pixel, each level the mean of known pixels. Push: on the way back, a pixel keeps
    its mean as far as it is known; the coarser level gives the rest. ``image``, float32 [B, n, n, channels], and
    ``known``, float32 [B, n, n, 1] of 0 and 1 → float32 like ``image``.
    """
    levels = [(image * known, known)]
    while (size := levels[-1][0].shape[1]) > 1:
        factor = 2 if size % 2 == 0 else size
        levels.append(tuple(ops.average_pool(each, factor, strides=factor) for each in levels[-1]))
    total, share = levels.pop()
    filled = total / ops.maximum(share, 1e-6)
    for total, share in reversed(levels):
        coarse = ops.image.resize(filled, total.shape[1:3], "bilinear", data_format="channels_last")
        enough = ops.minimum(4 * share, 1.0)  # one known pixel of four
        filled = enough * total / ops.maximum(share, 1e-6) + (1 - enough) * coarse
    return filled
