"""PyTorch: autograd, eager. Variables change in place, so there is nothing to compile."""

import keras
import numpy as np
import torch

STEPS_PER_CALL = {"cpu": 1, "gpu": 1}


def update(model, optimizer, loss_function, *args):
    """Move one player by one optimizer step: (the loss before the move, the outputs)."""
    variables = model.trainable_variables
    loss, outputs = loss_function(*args)
    values = [variable.value for variable in variables]
    gradients = torch.autograd.grad(optimizer.scale_loss(loss), values, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        optimizer.apply(list(gradients), variables)
    return keras.tree.map_structure(torch.Tensor.detach, (loss, outputs))


def input_gradient(function, x):
    """Gradient of the sum of ``function(x)`` with respect to ``x``."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def compile_steps(play, variables: list, most: int = 1):
    """``run(data, items)``: plays ``play(update, data, item)`` for each item of a list of any length."""

    def run(data, items) -> np.ndarray:
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, items)
        rows = [torch.stack(play(update, data, item)) for item in tensors]
        return keras.ops.convert_to_numpy(torch.stack(rows))  # the one wait for the device

    run.traces = lambda: 0
    return run


def batch_normalize(x, gamma, beta, epsilon: float):
    """(normalized x, mean, variance of the batch): x [B, ..., channels], everything else [channels], in one pass."""
    outputs, mean, inverse = torch.native_batch_norm(x.movedim(-1, 1), gamma, beta, None, None, True, 0.0, epsilon)
    return outputs.movedim(1, -1), mean.detach(), inverse.detach() ** -2 - epsilon


def dropout(x, rate: float, seed):
    """``x`` with a share ``rate`` of zeros and the rest scaled up; ``seed``, two integers, decides which."""
    generator = torch.Generator(x.device).manual_seed(int(seed.sum()) & 0xFFFFFFFF)
    return x * torch.empty_like(x).bernoulli_(1 - rate, generator=generator).div_(1 - rate)


def upsample_convolve(x, kernel):
    """Transposed convolution, stride 2: [B, h, w, channels] by [taps, taps, filters, channels] → [B, 2h, 2w, filters].

    Channels stay last, where Keras copies images to channels first and back.
    """
    kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    form, padding = torch.nn.functional.conv_transpose2d, kernel.shape[-1] // 2 - 1
    return form(x.permute(0, 3, 1, 2), kernel, stride=2, padding=padding).permute(0, 2, 3, 1)


no_gradients = torch.no_grad
gpu_count = torch.cuda.device_count
