"""TensorFlow: a gradient tape inside a ``tf.function``."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

STEPS_PER_CALL = {"cpu": 1, "gpu": 1}  # the graph is called from Python for each step


def update(model, optimizer, loss_function, *args):
    """Move one player by one step of its optimizer.

    Args:
        model: the player; only its trainable variables change (and BatchNorm statistics that the loss passes).
        optimizer: a built Keras optimizer; it applies the variables' constraints.
        loss_function: ``loss_function(*args) → (scalar loss, outputs)``.

    Returns:
        The loss before the move, and the outputs. A variable that the loss does not reach has a gradient of zeros.
    """
    variables = model.trainable_variables
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, outputs = loss_function(*args)
        scaled = optimizer.scale_loss(loss)
    optimizer.apply(tape.gradient(scaled, values, unconnected_gradients="zero"), variables)
    return loss, outputs


def input_gradient(function, x):
    """The gradient of the sum of ``function(x)`` by ``x``, of the shape of ``x``; it can be differentiated again."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def compile_steps(play, variables: list):
    """Compile a step.

    Args:
        play: ``play(update, data, item) → tuple of arrays of one shape``; changes variables.
        variables: all that it may change.

    Returns:
        A function ``(data, items) → float32 [len(items), len(tuple), ...]``: plays once for each item of a list.
    """

    @tf.function(autograph=False)
    def step(data, item):
        return tf.stack(play(update, data, item))

    def run(data, items) -> np.ndarray:
        return np.stack([step(data, item).numpy() for item in items])

    run.traces = step.experimental_get_tracing_count
    return run


def convolve(x, kernel, strides):
    """'Valid' convolution of [B, h, w, channels] with [k, k, channels, filters]."""
    return keras.ops.conv(x, kernel, strides)


def upsample_convolve(x, kernel):
    """Transposed convolution of stride 2, [B, h, w, channels] by [taps, taps, filters, channels] → [B, 2h, 2w, ...]."""
    return keras.ops.conv_transpose(x, kernel, strides=2, padding="same")


def no_gradients():
    """A context in which nothing is kept for a gradient: always so outside a tape."""
    return contextlib.nullcontext()


def gpu_count() -> int:
    """How many GPUs TensorFlow sees."""
    return len(tf.config.list_physical_devices("GPU"))
