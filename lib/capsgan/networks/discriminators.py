"""Discriminators: a trunk that reads the image, and heads that answer."""

import random

import keras
from keras import layers, ops

from ..checks import require
from ..names import DISCRIMINATORS
from . import capsules
from .layers import Conv2D, Dropout, batch_normalization, check_shape

# The classical trunks: (filters, stride, BatchNormalization after it?) of each 3×3 convolution (Keras-GAN, 2018).
DCGAN_CONVOLUTIONS = ((32, 2, False), (64, 2, True), (128, 2, True), (256, 1, False))
SMALL_CONVOLUTIONS = ((16, 2, False), (32, 2, True), (64, 2, True), (128, 1, False))  # WGAN, ACGAN
INFOGAN_CONVOLUTIONS = ((64, 2, False), (128, 2, True), (256, 2, True), (512, 2, True))


def score_head(features):
    """A critic's score, linear in the features: float [B, n] or capsules [B, J, d] → float32 [B, 1].

    Capsules come before their squash: with lengths below 1 a score would be bounded.
    """
    return layers.Dense(1, dtype="float32", name="logit")(in_a_row(features))


def logit_head(features):
    """The logit of "real": float [B, n] or capsules [B, J, d] before their squash → float32 [B, 1].

    Of capsules it is a linear function of the logits of their squashed lengths p, how surely each is present (Sabour et
    al. 2017, section 2): log p / (1 - p) = log |s|².
    """
    if len(features.shape) == 3:
        features = ops.log(ops.sum(ops.square(features), axis=-1) + keras.config.epsilon())  # (B, J)
    return score_head(features)


def in_a_row(features):
    """Features as they are, capsules [B, J, d] flattened: float [B, n]."""
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
    """A trunk and heads: float32 [B, height, width, channels] in [-1, 1] → what ``heads`` gives: logits, no sigmoid.

    discriminator: the trunk: ``cnn``, or one of :func:`caps_trunk`.
    image_shape: (height, width, channels); height = width, one of ``IMAGE_SIZES``.
    width: scales the filters of the Caps trunk; 1.0 is the thesis (29,042,753 parameters at 64×64×3).
    dropout, convolutions: of the classical trunk.
    normalization: makes a normalizing layer for either trunk; None: no normalization.
    heads: from features (float [B, n]; of ``caps-routing`` [B, J, d] before the squash) to one or more outputs.
    """
    trunks = [name for name in DISCRIMINATORS if name != "none"]
    require(discriminator in trunks, "discriminator", discriminator, " | ".join(trunks))
    check_shape(image_shape)
    images = keras.Input(image_shape, name="image")
    if discriminator == "cnn":
        features = cnn_trunk(images, convolutions, dropout, normalization)
    else:
        features = caps_trunk(images, width, normalization, discriminator, routing_iterations)
    return keras.Model(images, heads(features), name="discriminator")


def cnn_trunk(images, convolutions=DCGAN_CONVOLUTIONS, dropout: float = 0.25, normalization=batch_normalization):
    """Keras-GAN's trunk: 3×3 convolutions, LeakyReLU, dropout, normalization. Images → features [B, n]."""
    x = images
    for filters, stride, normalize in convolutions:
        x = Conv2D(filters, 3, strides=stride, padding="same")(x)
        if x.shape[1] == 7:  # Keras-GAN makes 7×7 even before the next convolution
            x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = layers.LeakyReLU(0.2)(x)
        x = Dropout(dropout, seed=random.randint(1, 10**9))(x)  # unseeded, PyTorch would not repeat its masks
        if normalize and normalization:
            x = normalization()(x)
    return layers.Flatten()(x)


def caps_trunk(images, width=1.0, normalization=batch_normalization, kind: str = "caps", routing_iterations: int = 3):
    """The thesis's CapsNet (sections 5.2, 6.1.2, listing 7.3) and its controls. Images → features [B, 160].

    ``caps`` is the thesis's; ``cnn-matched`` has the same layers without the capsules, LeakyReLU for the squash and
    Dense layers for the gates; ``caps-routing`` ends in capsules routed by agreement in place of the gated block: ten
    of 16 dimensions before their squash, [B, 10, 16]; ``caps-squashed`` squashes in the gates; ``caps-ungated`` has no
    gates. All have the thesis's BatchNormalization after the squash, which Sabour et al. do not: capsules come to the
    gates or the routing rescaled.
    """
    x = Conv2D(capsules.round_filters(256, width), 9, name="conv1")(images)
    x = layers.LeakyReLU(capsules.LEAKY_SLOPE)(x)
    x = normalization()(x) if normalization else x
    if kind == "cnn-matched":
        x = layers.LeakyReLU(capsules.LEAKY_SLOPE)(capsules.primary_convolution(x, width))  # (B, h', w', 8 · types)
    else:
        x = capsules.primary_capsules(x, width)  # (B, N, 8)
    x = normalization()(x) if normalization else x
    if kind == "caps-routing":
        return capsules.RoutingCapsules(iterations=routing_iterations, name="routing")(x)
    x = layers.Flatten()(x)
    if kind == "cnn-matched":
        return capsules.dense_stack(x)
    return capsules.gated_capsules(x, rounds=0 if kind == "caps-ungated" else 3, squashed=kind == "caps-squashed")
