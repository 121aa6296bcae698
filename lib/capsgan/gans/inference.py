"""Trained networks in inference mode, BatchNormalization with the statistics of what they are given."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers, ops

from ..data.pixels import to_float
from ..engines import get_engine

CHUNK = 250  # rows at once: the Caps trunk at full width takes 0.2 G multiply-adds an image
COMPILED = 100  # rows at once of a compiled network


def run_in_chunks(model: keras.Model, inputs, prepare: Callable | None = None, *, compiled: bool = False) -> Iterator:
    """Yields what a model in inference mode makes of one chunk of its inputs after another.

    Args:
        model: any, whatever its numbers of inputs and outputs.
        inputs: what the model is called with: an array of rows, or several arrays with as many rows each.
        prepare: called with each chunk before the model is.
        compiled: compile the model, once for all calls. All chunks then have one shape, the last filled up with zeros:
            a row depends on its inputs alone, not on how many others there are.

    Yields:
        A list with one float32 array [rows of the chunk, ...] for each output.
    """
    size = COMPILED if compiled else CHUNK
    for part in chunks(inputs, size):
        count = len(keras.tree.flatten(part)[0])
        if compiled and count < size:
            part = keras.tree.map_structure(lambda array, more=size - count: _fill(array, more), part)
        part = prepare(part) if prepare else part
        with get_engine().no_gradients():
            outputs = model.predict_on_batch(part) if compiled else model(part, training=False)
            yield [ops.convert_to_numpy(ops.cast(output, "float32"))[:count] for output in keras.tree.flatten(outputs)]


def run_model(model: keras.Model, inputs, prepare: Callable | None = None, *, compiled: bool = False) -> list:
    """All outputs of a model, float32 [n, ...] each; arguments as for :func:`run_in_chunks`."""
    parts = zip(*run_in_chunks(model, inputs, prepare, compiled=compiled), strict=True)
    return [np.concatenate(part) for part in parts]


def run_discriminator(discriminator: keras.Model, images: np.ndarray) -> np.ndarray:
    """Logits in inference mode: uint8 [n, height, width, channels] → float64 [n]."""
    return run_model(discriminator, images, to_float)[0].reshape(-1).astype("float64")


def read_layer(discriminator: keras.Model, tensor, images: np.ndarray) -> np.ndarray:
    """What a layer makes of images, in inference mode.

    Args:
        discriminator: a model without nested models.
        tensor: one of its layers' outputs, [B, ...].
        images: uint8 [n, height, width, channels].

    Returns:
        Float32 [n, all other dimensions in a row].
    """
    return run_model(keras.Model(discriminator.inputs, tensor), images, to_float)[0].reshape(len(images), -1)


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
            for (part,) in run_in_chunks(below, images, to_float):
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


def chunks(inputs, size: int = CHUNK) -> Iterator:
    """Yields ``size`` rows of an array, or of each of several arrays, after another."""
    for start in range(0, len(keras.tree.flatten(inputs)[0]), size):
        yield keras.tree.map_structure(lambda array, at=start: array[at : at + size], inputs)


def _normalizations(model: keras.Model) -> list:
    return [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]


def _statistics(layer):
    return layer.moving_mean, layer.moving_variance


def _assign(layer, values):
    for variable, value in zip(_statistics(layer), values, strict=True):
        variable.assign(np.asarray(value, "float32"))


def _fill(array: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((rows, *array.shape[1:]), array.dtype)])
