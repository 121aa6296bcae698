"""TensorFlow: a gradient tape inside one ``tf.function``."""

import numpy as np
import tensorflow as tf


def update(model, optimizer, loss_function, *args):
    """Move one player by one step of its optimizer.

    Args:
        model: the player; only its trainable variables change (and BatchNorm statistics that the loss passes).
        optimizer: a built Keras optimizer; it applies the variables' constraints.
        loss_function: ``loss_function(*args) → (scalar loss, logits)``.

    Returns:
        The loss before the move, and the logits.
    """
    variables = model.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        loss, logits = loss_function(*args)
        scaled = optimizer.scale_loss(loss)
    values = [variable.value for variable in variables]
    gradients = tape.gradient(scaled, values, unconnected_gradients="zero")
    optimizer.apply(gradients, variables)
    return loss, logits


def compile_step(gan, images: np.ndarray, labels: np.ndarray):
    """One step of ``gan`` as a compiled graph over data that lies in memory once.

    Args:
        gan: the players, see :class:`capsgan.gans.base.GAN`.
        images: uint8 [n, height, width, channels].
        labels: int64 [n].

    Returns:
        A function ``(batch, train_generator=True) → float32 [5]``, the values of ``METRICS``.
    """
    images, labels = tf.constant(images), tf.constant(labels)

    @tf.function(autograph=False)
    def step(batch, train_generator):
        return tf.stack(gan.step(update, images, labels, batch, train_generator))

    def run(batch, train_generator: bool = True) -> np.ndarray:
        return step(batch, train_generator).numpy()

    run.traces = step.experimental_get_tracing_count
    return run
