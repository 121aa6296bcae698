"""Capsules: the squash, PrimaryCaps, and the gated block that stands in for routing in the thesis.

Shapes are written at the end of the lines; B is the batch, N the number of capsules.
"""

import keras
from keras import layers, ops

from .engines import convolve

CAPSULE_DIMENSION = 8  # Sabour et al. 2017, section 4
CAPSULE_TYPES = 32
DIGIT_UNITS = 160
LEAKY_SLOPE = 0.3  # Keras's default at the time of the thesis


@keras.saving.register_keras_serializable("capsgan")
class Squash(layers.Layer):
    """Shrinks a vector s to a length in [0, 1) and keeps its direction.

    v = |s|² / (1 + |s|²) · s / |s|      (Sabour, Frosst & Hinton 2017, arXiv:1710.09829, equation 1)

    Input and output: [..., dimension]. Computed in float32 whatever the precision of the network;
    ε stands inside the square root, so that the gradient at s = 0 is 0 and not NaN.
    """

    def call(self, s):
        """Float [..., dimension], any range → the same shape and dtype, length at most 1 (+ 1 ulp)."""
        wide = ops.cast(s, "float32")
        squared = ops.sum(ops.square(wide), axis=-1, keepdims=True)
        scale = squared / (1.0 + squared) / ops.sqrt(squared + keras.config.epsilon())
        scale *= 1.0 - 2.0**-22  # so that rounding carries no length beyond 1
        return ops.cast(scale * wide, self.compute_dtype)


@keras.saving.register_keras_serializable("capsgan")
class PrimaryConv2D(layers.Conv2D):
    """A 'valid' ``Conv2D`` that is computed in the form the backend does best: it is most of a Caps step's work."""

    def convolution_op(self, inputs, kernel):
        """Float [B, h, w, channels] → [B, h', w', filters]."""
        return convolve(inputs, kernel, self.strides)


def primary_capsules(x, width: float = 1.0):
    """PrimaryCaps: a 9×9 convolution of stride 2 whose channels are read as 8-dimensional capsules.

    Args:
        x: feature maps, float [B, height, width, channels], 9 pixels a side at least.
        width: scales the number of capsule types, 32 in the thesis (section 5.2.2).

    Returns:
        Squashed capsules, float [B, N, 8] with N = height' · width' · types.
    """
    filters = CAPSULE_DIMENSION * round_filters(CAPSULE_TYPES, width)
    x = PrimaryConv2D(filters, 9, strides=2, name="primarycap_conv2")(x)  # (B, h', w', 8 · types)
    x = layers.Reshape((-1, CAPSULE_DIMENSION), name="primarycap_reshape")(x)  # (B, N, 8)
    return Squash(name="primarycap_squash")(x)  # (B, N, 8)


def gated_capsules(x, units: int = DIGIT_UNITS, rounds: int = 3):
    """The thesis's "DigitCaps" (listing 7.3): three rounds of softmax, Dense and multiplication into û.

    We call it *gated capsules*: the softmax runs over all units, so there is no capsule axis, there are no votes
    and no agreement, and nothing is routed. What is left is a gate: û times a learned function of itself.

    Args:
        x: flat features, float [B, features].
        units: width of û and of every gate.
        rounds: how often the gate is recomputed from the gated û.

    Returns:
        Float [B, units].
    """
    u_hat = layers.Dense(units, kernel_initializer="he_normal", name="uhat_digitcaps")(x)  # (B, units)
    s = u_hat
    for number in range(1, rounds + 1):
        c = layers.Softmax(name=f"softmax_digitcaps{number}")(s)  # (B, units), sums to 1
        gate = layers.Dense(units, name=f"gate_{number}")(c)  # (B, units)
        s = layers.Multiply(name=f"gated_{number}")([u_hat, gate])
        s = layers.LeakyReLU(LEAKY_SLOPE, name=f"gated_leaky_relu_{number}")(s)
    return s


def round_filters(filters: int, width: float) -> int:
    """``filters`` scaled by ``width``, at least 1."""
    return max(1, round(filters * width))
