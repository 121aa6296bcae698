"""What a network is made of: its layers as the thesis prints them, and its arithmetic."""

import keras
import numpy as np
import pandas as pd
from keras import layers

from .capsules import RoutingCapsules
from .layers import UpsampleConv2D


def layer_table(model: keras.Model) -> pd.DataFrame:
    """A model as the thesis prints it in 6.1: columns ``layer``, ``output_shape``, ``parameters``.

    A folded upsampling and convolution is two rows.
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
    """Multiply-adds of convolutions and dense layers for one image, upsampling counted before folding."""
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
    """Multiply-adds of a whole training step of both players of a :class:`~capsgan.gans.base.GAN`.

    A gradient takes twice the arithmetic of the forward pass: once for the weights, once for the input. In each of its
    updates the discriminator learns from half a batch of real and half a batch of generated images; the generator
    learns from a batch, for which the discriminator gives only the gradient of its input. WGAN-GP's penalty needs the
    gradient of a gradient on half a batch: twice the arithmetic of a forward pass and its input gradient, in addition
    to these.
    """
    generator, discriminator = multiply_adds(gan.generator), multiply_adds(gan.discriminator)
    batch, half = gan.config.batch_size, gan.config.batch_size // 2
    update = 3 * discriminator * batch + generator * half
    if gan.penalizes_gradient:
        update += 6 * discriminator * half
    return gan.n_critic * update + (3 * generator + 2 * discriminator) * batch


def training_megabytes(model: keras.Model, images: int) -> float:
    """What an update of a model by Adam on ``images`` images keeps, in MB (10⁶ bytes): the same on every machine.

    Four float32 numbers per trained weight (value, gradient, two moments), one per other weight, and for each image
    every layer's output in the layer's precision, which back-propagation needs again; reshaping layers keep nothing.
    What libraries and kernels use is not counted. The model must not be nested.
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
