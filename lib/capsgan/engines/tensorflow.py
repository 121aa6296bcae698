"""TensorFlow: a gradient tape inside a ``tf.function``."""

import contextlib
from functools import partial

import keras
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
    choose_adam(optimizer, model)
    optimizer.apply(tape.gradient(scaled, values, unconnected_gradients="zero"), variables)
    return loss, outputs


def choose_adam(optimizer, model):
    """Let :func:`adam_in_one_pass` move the weights of a bfloat16 network whose optimizer is Keras's Adam."""
    adam = getattr(optimizer.update_step, "__func__", None) is keras.optimizers.Adam.update_step
    if adam and not optimizer.amsgrad and getattr(model, "compute_dtype", None) == "bfloat16":
        optimizer.update_step = partial(adam_in_one_pass, optimizer)


def adam_in_one_pass(optimizer, gradient, variable, learning_rate):
    """Keras's Adam for one variable; for a large one TensorFlow's kernel: one pass through the memory, not ten.

    The kernel rounds differently: networks in float32, and the study's (28×28, width ¼), must train as they always did.
    """
    if variable.shape.num_elements() < 2**20:
        return type(optimizer).update_step(optimizer, gradient, variable, learning_rate)
    number = optimizer._get_variable_index(variable)
    m, v = (moments[number].value.handle for moments in (optimizer._momentums, optimizer._velocities))
    beta1, beta2 = (tf.constant(beta, tf.float32) for beta in (optimizer.beta_1, optimizer.beta_2))
    step = tf.cast(optimizer.iterations + 1, tf.float32)
    numbers = {"lr": learning_rate, "epsilon": optimizer.epsilon, "beta1": beta1, "beta2": beta2}
    numbers |= {"beta1_power": beta1**step, "beta2_power": beta2**step}
    return tf.raw_ops.ResourceApplyAdam(var=variable.handle, m=m, v=v, grad=gradient, **numbers)


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
