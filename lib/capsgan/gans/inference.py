"""Trained networks in inference mode; BatchNormalization with the statistics of given inputs."""

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
    """Yields a model's outputs in inference mode, chunk by chunk: one float32 [rows of the chunk, ...] per output.

    ``inputs`` is an array of rows, or several arrays with equally many rows; ``prepare`` is called with each chunk
    first. ``compiled`` compiles the model, once for all calls: all chunks then have one shape, the last padded with
    zeros (a row depends on its inputs alone).
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
    """A layer's ``tensor`` for images, uint8 [n, height, width, channels], in inference mode: float32 [n, features].

    The model must not be nested.
    """
    return run_model(keras.Model(discriminator.inputs, tensor), images, to_float)[0].reshape(len(images), -1)


@contextmanager
def statistics_of(discriminator: keras.Model, images: np.ndarray):
    """BatchNormalization with the statistics of ``images`` (uint8), layer after layer; restores the old ones on exit.

    The model must not be nested.
    """
    normalizations = _normalizations(discriminator)
    before = [[array.copy() for array in layer.get_weights()] for layer in normalizations]
    try:
        for layer in normalizations:  # in the order of the layers: the later see what the earlier make of the images
            below = keras.Model(discriminator.inputs, layer.input)
            total, squares, rows = 0.0, 0.0, 0
            for (part,) in run_in_chunks(below, images, to_float):
                part = part.reshape(-1, part.shape[-1]).astype("float64")
                total, squares, rows = total + part.sum(axis=0), squares + (part**2).sum(axis=0), rows + len(part)
            mean = total / rows
            layer.moving_mean.assign(mean.astype("float32"))
            layer.moving_variance.assign(np.maximum(squares / rows - mean**2, 0).astype("float32"))
        yield
    finally:
        for layer, values in zip(normalizations, before, strict=True):
            layer.set_weights(values)


def estimate_statistics(model: keras.Model, batches: Iterable, run: Callable):
    """Set BatchNormalization's moving statistics, in nested models too, to the average of its batch statistics.

    In training they are a moving average over about nine batches (momentum 0.8) of networks that were still changing.
    ``run`` is called with each of the equally large ``batches`` and calls the model with ``training=True``.
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
    """Yields ``size`` rows at a time of an array, or of each of several arrays."""
    for start in range(0, len(keras.tree.flatten(inputs)[0]), size):
        yield keras.tree.map_structure(lambda array, at=start: array[at : at + size], inputs)


def _normalizations(model: keras.Model) -> list:
    return [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]


def _fill(array: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((rows, *array.shape[1:]), array.dtype)])
