"""PyTorch: autograd, eager. Variables are changed in place, so there is nothing to compile."""

import keras
import numpy as np
import torch

STEPS_PER_CALL = {"cpu": 1, "gpu": 1}


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
    loss, outputs = loss_function(*args)
    values = [variable.value for variable in variables]
    gradients = torch.autograd.grad(optimizer.scale_loss(loss), values, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        optimizer.apply(list(gradients), variables)
    return keras.tree.map_structure(torch.Tensor.detach, (loss, outputs))


def input_gradient(function, x):
    """The gradient of the sum of ``function(x)`` by ``x``, of the shape of ``x``; it can be differentiated again."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def compile_steps(play, variables: list):
    """Prepare a step for many calls.

    Args:
        play: ``play(update, data, item) → tuple of arrays of one shape``; changes variables.
        variables: all that it may change.

    Returns:
        A function ``(data, items) → float32 [len(items), len(tuple), ...]``: plays once for each item of a list.
    """

    def run(data, items) -> np.ndarray:
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, items)
        rows = [torch.stack(play(update, data, item)) for item in tensors]
        return keras.ops.convert_to_numpy(torch.stack(rows))  # the one wait for the device

    run.traces = lambda: 0
    return run


def convolve(x, kernel, strides):
    """'Valid' convolution of [B, h, w, channels] with [k, k, channels, filters]."""
    return keras.ops.conv(x, kernel, strides)


def upsample_convolve(x, kernel):
    """Transposed convolution of stride 2, [B, h, w, channels] by [taps, taps, filters, channels] → [B, 2h, 2w, ...]."""
    return keras.ops.conv_transpose(x, kernel, strides=2, padding="same")


def no_gradients():
    """A context in which nothing is kept for a gradient."""
    return torch.no_grad()


def gpu_count() -> int:
    """How many GPUs PyTorch sees."""
    return torch.cuda.device_count()
