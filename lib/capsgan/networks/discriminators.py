"""The networks: generators, and discriminators made of a trunk and heads."""

import random
from functools import partial

import keras
import numpy as np
from keras import layers, ops

from ..config import DISCRIMINATORS, IMAGE_SIZES
from ..engines import upsample_convolve
from .capsules import (
    LEAKY_SLOPE,
    RoutingCapsules,
    dense_stack,
    gated_capsules,
    primary_capsules,
    primary_convolution,
    round_filters,
)

MOMENTUM = 0.8  # of every BatchNormalization, in the thesis and in Keras-GAN

# The classical trunks: (filters, stride, BatchNormalization after it?) of each 3×3 convolution (Keras-GAN, 2018).
DCGAN_CONVOLUTIONS = ((32, 2, False), (64, 2, True), (128, 2, True), (256, 1, False))
SMALL_CONVOLUTIONS = ((16, 2, False), (32, 2, True), (64, 2, True), (128, 1, False))  # WGAN, ACGAN
INFOGAN_CONVOLUTIONS = ((64, 2, False), (128, 2, True), (256, 2, True), (512, 2, True))


@keras.saving.register_keras_serializable("capsgan")
class UpsampleConv2D(layers.Layer):
    """Nearest-neighbour upsampling by two and a 'same' convolution, folded into one transposed convolution.

    Upsampling repeats every pixel, so several taps of the k×k kernel meet the same input pixel. Adding these taps up
    first gives a transposed kernel K' = M K Mᵀ of stride 2: the same function with the same k·k parameters a filter
    pair, in 16 instead of 36 multiplications for k = 3. It is the thesis's "DeConv" (section 5.1), two rows of its
    table in 6.1.

    Input: float [B, h, w, channels]. Output: float [B, 2h, 2w, filters].
    """

    def __init__(self, filters: int, kernel_size: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.fold = folding_matrix(kernel_size)  # M

    def build(self, shape):
        """Make the kernel of the convolution before folding, [k, k, channels, filters], and the bias."""
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, shape[-1], self.filters), name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x):
        """Upsample and convolve."""
        k, _, channels, filters = self.kernel.shape
        both_sides = ops.cast(np.kron(self.fold, self.fold), self.compute_dtype)  # M K Mᵀ as one product
        taps = self.fold.shape[0]
        kernel = ops.matmul(both_sides, ops.reshape(self.kernel, (k * k, channels * filters)))
        kernel = ops.transpose(ops.reshape(kernel, (taps, taps, channels, filters)), (0, 1, 3, 2))
        return upsample_convolve(x, kernel) + self.bias

    def compute_output_shape(self, shape):
        """[B, h, w, channels] → [B, 2h, 2w, filters]."""
        return (shape[0], 2 * shape[1], 2 * shape[2], self.filters)

    def get_config(self):
        """What Keras needs to make this layer again."""
        return super().get_config() | {"filters": self.filters, "kernel_size": self.kernel_size}


def folding_matrix(kernel_size: int) -> np.ndarray:
    """M of :class:`UpsampleConv2D`: float32 [taps of the transposed kernel, kernel_size] of zeros and ones."""
    before = (kernel_size - 1) // 2  # pixels of 'same' padding above and left
    crop = kernel_size // 2
    matrix = np.zeros((2 * crop + 2, kernel_size), "float32")
    for tap in range(kernel_size):
        for phase in (0, 1):  # even and odd output pixels
            offset = (phase - before + tap) // 2  # of the input pixel that this tap meets
            matrix[phase - 2 * offset + crop, tap] = 1
    return matrix


def batch_normalization() -> layers.Layer:
    """The normalization of the thesis and of Keras-GAN."""
    return layers.BatchNormalization(momentum=MOMENTUM)


def build_generator(image_shape=(28, 28, 1), latent_dim: int = 100, kernel_size: int = 3) -> keras.Model:
    """The generator of the thesis (sections 5.1, 6.1.1, listing 7.2): Dense, then upsampling and convolutions.

    At 64×64×3 it has the thesis's 1,069,507 parameters: three upsamplings from 8×8. At 28×28×1 it is Keras-GAN's:
    two from 7×7.

    Args:
        image_shape: (height, width, channels); height = width, one of ``IMAGE_SIZES``.
        latent_dim: length of the latent vector.
        kernel_size: of the convolutions (Keras-GAN's WGAN has 4).

    Returns:
        A model from float32 [B, latent_dim] to float32 [B, height, width, channels] in [-1, 1].

    Raises:
        ValueError: the image shape is none the generator can make.
    """
    size, channels = _check_shape(image_shape)
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


def score_head(features):
    """A linear function of features, a critic's score: float [B, n] or capsules [B, J, d] → float32 [B, 1].

    Capsules come before their squash: of lengths below 1 a score would be bounded.
    """
    return layers.Dense(1, dtype="float32", name="logit")(in_a_row(features))


def logit_head(features):
    """The logit of "real": float [B, n] or capsules [B, J, d] → float32 [B, 1].

    Of capsules (before their squash) it is read from the lengths p after it, which say how surely each is there
    (Sabour et al. 2017, section 2): a linear function of their logits, log p / (1 - p) = log |s|².
    """
    if len(features.shape) == 3:
        features = ops.log(ops.sum(ops.square(features), axis=-1) + keras.config.epsilon())  # (B, J)
    return score_head(features)


def in_a_row(features):
    """Features as they are, capsules [B, J, d] one after the other: float [B, n]."""
    return features if len(features.shape) == 2 else layers.Flatten()(features)


def build_discriminator(
    discriminator: str = "cnn",
    image_shape=(28, 28, 1),
    *,
    width: float = 1.0,
    dropout: float = 0.25,
    routing_iterations: int = 3,
    convolutions=DCGAN_CONVOLUTIONS,
    normalization=batch_normalization,
    heads=logit_head,
) -> keras.Model:
    """A discriminator: a trunk that reads the image, and heads that answer.

    Args:
        discriminator: the trunk: ``cnn``, or one of :func:`caps_trunk`.
        image_shape: (height, width, channels); height = width, one of ``IMAGE_SIZES``.
        width: scales the filters of the Caps trunk; 1.0 is the thesis (29,042,753 parameters at 64×64×3).
        dropout: of the classical trunk.
        routing_iterations: of ``caps-routing``.
        convolutions: the classical trunk's layers, see ``DCGAN_CONVOLUTIONS``.
        normalization: function that makes a normalizing layer for either trunk; None: they have none.
        heads: function from features (float [B, n]; of ``caps-routing`` capsules before their squash,
            [B, J, d]) to the model's output or list of outputs.

    Returns:
        A model from float32 [B, height, width, channels] in [-1, 1] to what ``heads`` gives: logits, no sigmoid.

    Raises:
        ValueError: unknown trunk, or an image shape it cannot read.
    """
    _check_shape(image_shape)
    images = keras.Input(image_shape, name="image")
    if discriminator == "cnn":
        features = cnn_trunk(images, convolutions, dropout, normalization)
    elif discriminator in DISCRIMINATORS:
        features = caps_trunk(images, width, normalization, discriminator, routing_iterations)
    else:
        raise ValueError(f"discriminator={discriminator!r} is not known; allowed: {' | '.join(DISCRIMINATORS)}")
    return keras.Model(images, heads(features), name="discriminator")


def cnn_trunk(images, convolutions=DCGAN_CONVOLUTIONS, dropout: float = 0.25, normalization=batch_normalization):
    """Keras-GAN's trunk: 3×3 convolutions, LeakyReLU, dropout, normalization. Images → features [B, n]."""
    x = images
    for filters, stride, normalize in convolutions:
        x = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
        if x.shape[1] == 7:  # Keras-GAN makes 7×7 even before the next convolution
            x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = layers.LeakyReLU(0.2)(x)
        x = layers.Dropout(dropout, seed=random.randint(1, 10**9))(x)  # unseeded, PyTorch would not repeat its masks
        if normalize and normalization:
            x = normalization()(x)
    return layers.Flatten()(x)


def caps_trunk(images, width=1.0, normalization=batch_normalization, kind: str = "caps", routing_iterations: int = 3):
    """The thesis's CapsNet (sections 5.2, 6.1.2, listing 7.3) and its controls.

    ``caps`` is the thesis's; ``cnn-matched`` has the same layers without the capsules, LeakyReLU for the squash and
    Dense layers for the gates; ``caps-routing`` ends in capsules routed by agreement in place of the gated block;
    ``caps-squashed`` squashes in the gates; ``caps-ungated`` has no gates. All have the thesis's BatchNormalization
    after the squash, which Sabour et al. do not: capsules come to the gates or the routing rescaled.

    Images → features [B, 160]; of ``caps-routing`` ten capsules of 16 before their squash, [B, 10, 16].
    """
    blocks = {
        "caps": gated_capsules,
        "cnn-matched": dense_stack,
        "caps-squashed": partial(gated_capsules, squashed=True),
        "caps-ungated": partial(gated_capsules, rounds=0),
    }
    x = layers.Conv2D(round_filters(256, width), 9, name="conv1")(images)
    x = layers.LeakyReLU(LEAKY_SLOPE)(x)
    x = normalization()(x) if normalization else x
    if kind == "cnn-matched":
        x = layers.LeakyReLU(LEAKY_SLOPE)(primary_convolution(x, width))  # (B, h', w', 8 · types)
    else:
        x = primary_capsules(x, width)  # (B, N, 8)
    x = normalization()(x) if normalization else x
    if kind == "caps-routing":
        return RoutingCapsules(iterations=routing_iterations, name="routing")(x)
    return blocks[kind](layers.Flatten()(x))


def _check_shape(image_shape) -> tuple[int, int]:
    height, width, channels = image_shape
    if height != width or height not in IMAGE_SIZES or channels not in (1, 3):
        sizes = ", ".join(map(str, IMAGE_SIZES))
        raise ValueError(
            f"image_shape={tuple(image_shape)} is not possible; allowed: square of {sizes} pixels, 1 or 3 channels"
        )
    return height, channels
