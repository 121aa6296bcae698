"""Layers that both players are made of."""

import keras
import numpy as np
from keras import layers, ops

from ..checks import require
from ..engines import convolve, get_engine, upsample_convolve
from ..names import IMAGE_SIZES

MOMENTUM = 0.8  # of every BatchNormalization, in the thesis and in Keras-GAN


@keras.saving.register_keras_serializable("capsgan")
class UpsampleConv2D(layers.Layer):
    """Nearest-neighbour upsampling by two and a 'same' convolution, folded into one transposed convolution.

    Upsampling repeats every pixel, so several taps of the k×k kernel meet the same input pixel. Adding up these taps
    first gives a transposed kernel K' = M K Mᵀ of stride 2: the same function with the same k·k parameters per filter
    pair, in 16 instead of 36 multiplications for k = 3. It is the thesis's "DeConv" (section 5.1), two rows of its
    table in 6.1. Float [B, h, w, channels] → [B, 2h, 2w, filters].
    """

    def __init__(self, filters: int, kernel_size: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.fold = folding_matrix(kernel_size)  # M

    def build(self, shape):
        """Make the kernel of the convolution before folding, [k, k, channels, filters], and the bias."""
        taps = (self.kernel_size, self.kernel_size)
        self.kernel = self.add_weight(shape=(*taps, shape[-1], self.filters), name="kernel")
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


@keras.saving.register_keras_serializable("capsgan")
class Conv2D(layers.Conv2D):
    """Keras's without dilation and groups, in the backend's fastest form."""

    def convolution_op(self, inputs, kernel):
        """Float [B, h, w, channels] → [B, h', w', filters]."""
        return convolve(inputs, kernel, self.strides, self.padding)


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


@keras.saving.register_keras_serializable("capsgan")
class BatchNormalization(layers.BatchNormalization):
    """Keras's, as one operation in training where the engine has it."""

    def call(self, inputs, training=None, mask=None):
        """Normalize over all axes but the last; in training by the batch, which moves the averages."""
        at_once = getattr(get_engine(), "batch_normalize", None)
        if not (at_once and training and self.trainable):
            return super().call(inputs, training, mask)
        outputs, mean, variance = at_once(inputs, self.gamma.value, self.beta.value, self.epsilon)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(self.momentum * average.value + (1 - self.momentum) * value)
        return outputs


@keras.saving.register_keras_serializable("capsgan")
class Dropout(layers.Dropout):
    """Keras's, in fewer operations where the engine has it."""

    def call(self, inputs, training=False):
        """In training, set a share ``rate`` to zero and scale the rest."""
        quick = getattr(get_engine(), "dropout", None)
        if not (quick and training and self.rate):
            return super().call(inputs, training)
        return quick(inputs, self.rate, self.seed_generator.next())


def batch_normalization() -> layers.Layer:
    """The normalization of the thesis and of Keras-GAN."""
    return BatchNormalization(momentum=MOMENTUM)


def check_shape(image_shape) -> tuple[int, int]:
    """(height, channels) of a shape that the networks take; another raises ``ValueError``."""
    height, width, channels = image_shape
    good = height == width and height in IMAGE_SIZES and channels in (1, 3)
    sizes = ", ".join(map(str, IMAGE_SIZES))
    require(good, "image_shape", tuple(image_shape), f"square of {sizes} pixels, 1 or 3 channels")
    return height, channels
