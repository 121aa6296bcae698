"""PyTorch: autograd, eager. Variables change in place, so there is nothing to compile."""

from functools import partial

import keras
import numpy as np
import torch
from torch.optim.adam import adam

STEPS_PER_CALL = {"cpu": 1, "gpu": 1}


def update(model, optimizer, loss_function, *args):
    """Move one player by one optimizer step: (the loss before the move, the outputs)."""
    variables = model.trainable_variables
    loss, outputs = loss_function(*args)
    values = [variable.value for variable in variables]
    gradients = torch.autograd.grad(optimizer.scale_loss(loss), values, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        if isinstance(optimizer, keras.optimizers.Adam) and not optimizer.amsgrad and values[0].is_cpu:
            optimizer._parallel_update_step = partial(adam_in_one_pass, optimizer)
        optimizer.apply(list(gradients), variables)
    return keras.tree.map_structure(torch.Tensor.detach, (loss, outputs))


def adam_in_one_pass(optimizer, gradients, variables, learning_rate):
    """The part of Keras's Adam that moves the weights, by PyTorch's fused kernel: one pass through the memory, not ten.

    The kernel adds ε to the square root of the corrected second moment, Keras to that of the uncorrected one. It goes
    by memory, not by index: the moments lie as their value does.
    """
    step = int(optimizer.iterations)
    epsilon = optimizer.epsilon / (1 - optimizer.beta_2 ** (step + 1)) ** 0.5
    numbers = {"beta1": optimizer.beta_1, "beta2": optimizer.beta_2, "eps": epsilon, "lr": float(learning_rate)}
    index = [optimizer._get_variable_index(variable) for variable in variables]
    moments = [[moment[i].value for i in index] for moment in (optimizer._momentums, optimizer._velocities)]
    values = [variable.value.detach() for variable in variables]
    pairs = zip(gradients, values, strict=True)
    gradients = [g if g.stride() == value.stride() else torch.empty_like(value).copy_(g) for g, value in pairs]
    steps = [torch.tensor(float(step)) for _ in values]
    adam(values, gradients, *moments, [], steps, fused=True, amsgrad=False, maximize=False, weight_decay=0.0, **numbers)


def input_gradient(function, x):
    """Gradient of the sum of ``function(x)`` with respect to ``x``."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def compile_steps(play, variables: list, most: int = 1):
    """``run(data, items)``: plays ``play(update, data, item)`` for each item of a list of any length."""
    for tensor in (variable.value for variable in variables):
        if tensor.ndim == 4 and tensor.numel() >= 2**20:  # PrimaryCaps' kernel: from now on it lies as conv2d wants it
            tensor.data = tensor.permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0)

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
    """``x`` with a share ``rate`` of zeros and the rest scaled up; ``seed``, two integers, decides which.

    Four numbers of 16 bits from one draw of 64: a sixth of ``bernoulli_``'s time, and ``rate`` is met to 2⁻¹⁶.
    """
    generator = torch.Generator(x.device).manual_seed(int(seed.sum()) & 0xFFFFFFFF)
    bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
    bits = bits.random_(-(2**63), None, generator=generator).view(torch.int16)[: x.numel()].view(x.shape)
    return x * (bits >= round(2**16 * rate) - 2**15).to(x.dtype).div_(1 - rate)


def convolve(x, kernel, strides, padding: str):
    """See :func:`capsgan.engines.convolve`. Keras copies images to channels first and back; here they stay last."""
    kernel = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)  # from a Keras variable
    border = [0, 0]  # left and above; on the other sides what is left
    if padding == "same":
        gaps = [max(0, k - s + -n % s) for n, k, s in zip(x.shape[1:3], kernel.shape[2:], strides, strict=True)]
        border = [gap // 2 for gap in gaps]
        if any(gap % 2 for gap in gaps):
            x = torch.nn.functional.pad(x, (0, 0, 0, gaps[1] % 2, 0, gaps[0] % 2))
    return torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), kernel, None, strides, border).permute(0, 2, 3, 1)


def upsample_convolve(x, kernel):
    """Transposed convolution, stride 2: [B, h, w, channels] by [taps, taps, filters, channels] → [B, 2h, 2w, filters].

    Channels stay last, as in :func:`convolve`.
    """
    kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    form, padding = torch.nn.functional.conv_transpose2d, kernel.shape[-1] // 2 - 1
    return form(x.permute(0, 3, 1, 2), kernel, stride=2, padding=padding).permute(0, 2, 3, 1)


no_gradients = torch.no_grad
gpu_count = torch.cuda.device_count
