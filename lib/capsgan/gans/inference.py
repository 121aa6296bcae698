"""Trained networks in inference mode, BatchNormalization with the statistics of what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers, ops

from ..data.pixels import to_float
from ..engines import get_engine

CHUNK = 250  # images at once: the Caps trunk at full width takes 0.2 G multiply-adds an image


def run_discriminator(discriminator: keras.Model, images: np.ndarray) -> np.ndarray:
    """Logits in inference mode: uint8 [n, height, width, channels] → float64 [n]."""
    return np.concatenate([answer.reshape(-1) for answer in _in_chunks(discriminator, images)]).astype("float64")


def read_layer(discriminator: keras.Model, tensor, images: np.ndarray) -> np.ndarray:
    """What a layer makes of images, in inference mode.

    Args:
        discriminator: a model without nested models.
        tensor: one of its layers' outputs, [B, ...].
        images: uint8 [n, height, width, channels].

    Returns:
        Float32 [n, all other dimensions in a row].
    """
    below = keras.Model(discriminator.inputs, tensor)
    return np.concatenate([part.reshape(len(part), -1) for part in _in_chunks(below, images)])


@contextmanager
def statistics_of(discriminator: keras.Model, images: np.ndarray):
    """BatchNormalization with the means and variances of these images, layer after layer; the old ones come back.

    Args:
        discriminator: a model without nested models.
        images: uint8 [n, height, width, channels].
    """
    normalizations = _normalizations(discriminator)
    before = [[ops.convert_to_numpy(v).copy() for v in _statistics(layer)] for layer in normalizations]
    try:
        for layer in normalizations:  # in the order of the layers: the later see what the earlier make of the images
            below = keras.Model(discriminator.inputs, layer.input)
            total, squares, rows = 0.0, 0.0, 0
            for part in _in_chunks(below, images):
                part = part.reshape(-1, part.shape[-1]).astype("float64")
                total, squares, rows = total + part.sum(axis=0), squares + (part**2).sum(axis=0), rows + len(part)
            mean = total / rows
            _assign(layer, (mean, np.maximum(squares / rows - mean**2, 0)))
        yield
    finally:
        for layer, values in zip(normalizations, before, strict=True):
            _assign(layer, values)


def estimate_statistics(model: keras.Model, batches: Iterable, run: Callable):
    """Set BatchNormalization's moving statistics to the average of its batch statistics.

    In training they are a moving average over about nine batches (momentum 0.8) of networks that were still changing.

    Args:
        model: changed in place, nested models too.
        batches: its inputs, all of equal numbers of rows.
        run: called with each of the batches; calls the model with ``training=True``.
    """
    normalizations = _normalizations(model)
    momenta = [layer.momentum for layer in normalizations]
    try:
        for number, batch in enumerate(batches):
            for layer in normalizations:
                layer.momentum = number / (number + 1)  # the moving average is then the mean of all batches so far
            with get_engine().no_gradients():
                run(batch)
    finally:
        for layer, momentum in zip(normalizations, momenta, strict=True):
            layer.momentum = momentum


def _normalizations(model: keras.Model) -> list:
    return [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]


def _statistics(layer):
    return layer.moving_mean, layer.moving_variance


def _assign(layer, values):
    for variable, value in zip(_statistics(layer), values, strict=True):
        variable.assign(np.asarray(value, "float32"))


def _in_chunks(model: keras.Model, images: np.ndarray):
    """Yields the model's first answer, float32, for a chunk of images after another."""
    for start in range(0, len(images), CHUNK):
        with get_engine().no_gradients():
            answer = keras.tree.flatten(model(to_float(images[start : start + CHUNK]), training=False))[0]
            part = ops.convert_to_numpy(ops.cast(answer, "float32"))
        yield part
