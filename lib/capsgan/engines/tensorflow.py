"""TensorFlow: a gradient tape inside a ``tf.function``."""

import contextlib

import numpy as np
import tensorflow as tf

STEPS_PER_CALL = {"cpu": 1, "gpu": 1}  # the graph is called from Python for each step


def update(model, optimizer, loss_function, *args):
    """Move one player by one optimizer step: (the loss before the move, the outputs)."""
    variables = model.trainable_variables
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, outputs = loss_function(*args)
        scaled = optimizer.scale_loss(loss)
    optimizer.apply(tape.gradient(scaled, values, unconnected_gradients="zero"), variables)
    return loss, outputs


def input_gradient(function, x):
    """Gradient of the sum of ``function(x)`` with respect to ``x``."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def compile_steps(play, variables: list, most: int = 1):
    """``run(data, items)``: plays ``play(update, data, item)`` for each item of a list of any length."""

    @tf.function(autograph=False)
    def step(data, item):
        return tf.stack(play(update, data, item))

    def run(data, items) -> np.ndarray:
        return np.stack([step(data, item).numpy() for item in items])

    run.traces = step.experimental_get_tracing_count
    return run


no_gradients = contextlib.nullcontext  # TensorFlow records nothing outside a tape


def gpu_count() -> int:
    """How many GPUs TensorFlow sees."""
    return len(tf.config.list_physical_devices("GPU"))
