"""Capsules: the squash, PrimaryCaps, the thesis's gated block in place of routing, and true routing.

Shapes are at the ends of lines; B is the batch, N the number of capsules.
"""

import keras
from keras import layers, ops

from .layers import Conv2D

CAPSULE_DIMENSION = 8  # Sabour et al. 2017, section 4
CAPSULE_TYPES = 32
DIGIT_UNITS = 160
LEAKY_SLOPE = 0.3  # Keras's default at the time of the thesis
OUTPUT_CAPSULES = 10  # of true routing, as there; 10 · 16 = DIGIT_UNITS, with as many weights as û has
POSE_DIMENSION = 16  # Sabour et al. 2017, section 4


def squash(s):
    """Float32 [..., dimension] → vectors of the same direction and of length below 1, see :class:`Squash`."""
    squared = ops.sum(ops.square(s), axis=-1, keepdims=True)
    scale = squared / (1.0 + squared) / ops.sqrt(squared + keras.config.epsilon())
    return scale * (1.0 - 2.0**-22) * s  # the factor: so that rounding carries no length beyond 1


@keras.saving.register_keras_serializable("capsgan")
class Squash(layers.Layer):
    """Shrinks a vector s to a length in [0, 1) and keeps its direction. Any shape [..., dimension].

    v = |s|² / (1 + |s|²) · s / |s|      (Sabour, Frosst & Hinton 2017, arXiv:1710.09829, equation 1)

    Computed in float32 whatever the network's precision; ε is inside the square root, so that the gradient at s = 0 is
    0 and not NaN.
    """

    def call(self, s):
        """Float [..., dimension] → the same shape and dtype, length at most 1 (+ 1 ulp)."""
        return ops.cast(squash(ops.cast(s, "float32")), self.compute_dtype)


@keras.saving.register_keras_serializable("capsgan")
class PrimaryConv2D(Conv2D):
    """A :class:`Conv2D`; files of trained weights name a layer by its class."""


def primary_convolution(x, width: float = 1.0):
    """PrimaryCaps' 9×9 convolution of stride 2: [B, height, width, channels] → [B, h', w', 8 · types].

    ``width`` scales the number of capsule types, 32 in the thesis (section 5.2.2).
    """
    filters = CAPSULE_DIMENSION * round_filters(CAPSULE_TYPES, width)
    return PrimaryConv2D(filters, 9, strides=2, name="primarycap_conv2")(x)


def primary_capsules(x, width: float = 1.0):
    """PrimaryCaps: the convolution's channels read as capsules and squashed → [B, N, 8] with N = h' · w' · types."""
    x = primary_convolution(x, width)  # (B, h', w', 8 · types)
    x = layers.Reshape((-1, CAPSULE_DIMENSION), name="primarycap_reshape")(x)  # (B, N, 8)
    return Squash(name="primarycap_squash")(x)  # (B, N, 8)


def gated_capsules(x, units: int = DIGIT_UNITS, rounds: int = 3, squashed: bool = False):
    """The thesis's "DigitCaps" (listing 7.3): ``rounds`` of softmax, Dense and product with û. [B, n] → [B, units].

    We call it *gated capsules*: the softmax runs over all units, so there is no capsule axis, there are no votes and no
    agreement, and nothing is routed. What is left is a gate: û times a learned function of itself. With 0 rounds it is
    û alone, after LeakyReLU. ``squashed`` squashes the units as one capsule in place of LeakyReLU, as the thesis did at
    first; it blames this for blurred images (comment in listing 7.3).
    """
    u_hat = layers.Dense(units, kernel_initializer="he_normal", name="uhat_digitcaps")(x)  # (B, units)
    s = u_hat if rounds else layers.LeakyReLU(LEAKY_SLOPE, name="uhat_leaky_relu")(u_hat)
    for number in range(1, rounds + 1):
        c = layers.Softmax(name=f"softmax_digitcaps{number}")(s)  # (B, units), sums to 1
        gate = layers.Dense(units, name=f"gate_{number}")(c)  # (B, units)
        s = layers.Multiply(name=f"gated_{number}")([u_hat, gate])
        if squashed:
            s = Squash(name=f"gated_squash_{number}")(s)
        else:
            s = layers.LeakyReLU(LEAKY_SLOPE, name=f"gated_leaky_relu_{number}")(s)
    return s


def dense_stack(x, units: int = DIGIT_UNITS, depth: int = 4):
    """:func:`gated_capsules` without gates, softmax and products: Dense and LeakyReLU, [B, features] → [B, units].

    With ``depth`` 4 it has as many weights as three gated rounds.
    """
    for number in range(1, depth + 1):
        x = layers.Dense(units, kernel_initializer="he_normal", name=f"dense_{number}")(x)
        x = layers.LeakyReLU(LEAKY_SLOPE)(x)
    return x


@keras.saving.register_keras_serializable("capsgan")
class RoutingCapsules(layers.Layer):
    """Capsules that receive votes from all capsules below, by agreement (Sabour et al. 2017, section 2).

    Each capsule i below casts a vote û_{j|i} = W_ij u_i for the pose of each output capsule j; :func:`route` weights
    the votes. Weights are float32, and small at first (0.01), so that no capsule starts saturated. [B, N, dimension
    below] → s, float32 [B, capsules, dimension]: *before* the last squash, for heads that need it unbounded;
    ``squash(s)`` is the capsule.
    """

    def __init__(self, capsules=OUTPUT_CAPSULES, dimension=POSE_DIMENSION, iterations=3, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
        if capsules < 2:
            raise ValueError(
                f"capsules={capsules!r} leaves nothing to route; expected 2 or more (a softmax of one is 1)"
            )
        self.capsules, self.dimension, self.iterations = capsules, dimension, iterations

    def build(self, shape):
        """Make W, [N, capsules, dimension below, dimension], and a bias [capsules, dimension]."""
        _, below, size = shape
        shape = (below, self.capsules, size, self.dimension)
        self.kernel = self.add_weight(shape, keras.initializers.RandomNormal(stddev=0.01), name="kernel")
        self.bias = self.add_weight((self.capsules, self.dimension), keras.initializers.Constant(0.1), name="bias")

    def votes(self, u):
        """Capsules [B, N, dimension below] → votes [B, N, capsules, dimension]."""
        return ops.einsum("bni,njio->bnjo", u, ops.convert_to_tensor(self.kernel))

    def call(self, u):
        """Vote and route."""
        s, _ = route(self.votes(u), self.bias, self.iterations)
        return s

    def compute_output_shape(self, shape):
        """[B, N, dimension below] → [B, capsules, dimension]."""
        return (shape[0], self.capsules, self.dimension)

    def multiply_adds(self) -> int:
        """For one image: votes, and for each iteration a weighted sum and, except the last, an agreement."""
        below, capsules, size, dimension = self.kernel.shape
        return below * capsules * dimension * (size + 2 * self.iterations - 1)

    def get_config(self):
        """What Keras needs to make this layer again."""
        own = {"capsules": self.capsules, "dimension": self.dimension, "iterations": self.iterations}
        return super().get_config() | own


def route(votes, bias=0.0, iterations: int = 3):
    """Routing by agreement (Sabour et al. 2017, procedure 1), from votes û, float32 [B, N, J, dimension].

    The couplings c_ij are a softmax of logits b_ij over the *output* capsules j: what a capsule below sends to one it
    takes from the others. Logits start at 0, so one iteration has uniform couplings (Gu & Tresp 2019, 1911.07968).
    Returns s, float32 [B, J, dimension], whose squash is the output capsules, and the last couplings, float32 [B, N,
    J].
    """
    logits = ops.zeros_like(votes[..., 0])  # b, (B, N, J)
    for iteration in range(iterations):
        couplings = ops.softmax(logits, axis=-1)  # c, (B, N, J)
        s = ops.einsum("bnj,bnjo->bjo", couplings, votes) + bias  # (B, J, dimension)
        if iteration < iterations - 1:
            logits = logits + ops.einsum("bnjo,bjo->bnj", votes, squash(s))  # agreement û · v
    return s, couplings


def round_filters(filters: int, width: float) -> int:
    """``filters`` scaled by ``width``, at least 1."""
    return max(1, round(filters * width))
