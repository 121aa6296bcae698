"""What a network is made of: its layers as the thesis prints them, and its arithmetic."""

import keras
import numpy as np
import pandas as pd
from keras import layers

from .capsules import RoutingCapsules
from .layers import UpsampleConv2D


def layer_table(model: keras.Model) -> pd.DataFrame:
    """A model as the thesis prints it in 6.1: one row a layer with ``layer``, ``output_shape``, ``parameters``.

    A folded upsampling and convolution are reported as the two rows they stand for.
    """
    rows = []
    for layer in model.layers:
        shape = tuple(layer.output.shape)
        if isinstance(layer, UpsampleConv2D):
            rows.append(("UpSampling2D", (*shape[:3], layer.input.shape[-1]), 0))
            rows.append(("Conv2D", shape, layer.count_params()))
        else:
            kind = "Conv2D" if isinstance(layer, layers.Conv2D) else type(layer).__name__
            rows.append((kind, shape, layer.count_params()))
    return pd.DataFrame(rows, columns=["layer", "output_shape", "parameters"])


def multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of convolutions and dense layers for one image, each upsampling counted before folding."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif isinstance(layer, layers.Conv2D | UpsampleConv2D):
            total += int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, layers.Dense):
            total += int(np.prod(layer.kernel.shape))
        elif isinstance(layer, RoutingCapsules):
            total += layer.multiply_adds()
    return total


def step_multiply_adds(gan) -> int:
    """Multiply-adds of a whole training step, both players, counted.

    A gradient takes twice the arithmetic of the answer: once for the weights, once for the input. The discriminator
    learns from half a batch of real and half a batch of generated images in each of its updates; the generator from a
    batch, for which the discriminator gives a gradient of its input alone. WGAN-GP's penalty asks for the gradient of a
    gradient: twice the arithmetic of an answer and its input's gradient, beside these two, on half a batch.

    Args:
        gan: both players, see :class:`capsgan.gans.base.GAN`.
    """
    generator, discriminator = multiply_adds(gan.generator), multiply_adds(gan.discriminator)
    batch, half = gan.config.batch_size, gan.config.batch_size // 2
    update = 3 * discriminator * batch + generator * half
    if gan.penalizes_gradient:
        update += 6 * discriminator * half
    return gan.n_critic * update + (3 * generator + 2 * discriminator) * batch


def training_megabytes(model: keras.Model, images: int) -> float:
    """What an update of a model by Adam keeps, in MB (10⁶ bytes), counted: the same on every machine.

    Four float32 numbers a trained weight (value, gradient, two moments), one a weight that is not trained, and for each
    image what every layer puts out, in the layer's own precision: back-propagation needs it again. Layers that only
    give their input another shape keep nothing. What libraries and kernels take besides is not counted.

    Args:
        model: a model without nested models.
        images: of one update.
    """
    weights = {True: 0, False: 0}
    for weight in model.weights:
        weights[bool(weight.trainable)] += int(np.prod(weight.shape))
    kept = [
        layer for layer in model.layers if not isinstance(layer, layers.InputLayer | layers.Reshape | layers.Flatten)
    ]
    width = {"float32": 4, "bfloat16": 2, "float16": 2}
    outputs = sum(int(np.prod(layer.output.shape[1:])) * width[layer.compute_dtype] for layer in kept)
    return (4 * (4 * weights[True] + weights[False]) + images * outputs) / 1e6
