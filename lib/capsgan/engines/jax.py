"""JAX: pure functions. Variables enter and leave a ``jax.jit`` as values, and inside a Keras scope stands for them."""

import contextlib
from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np

STEPS_PER_CALL = {"cpu": 1, "gpu": 250}  # XLA runs convolutions in a loop slowly on a CPU, well on a GPU


def check_run(config, device: str):
    """Refuse what does not end: on a CPU, XLA takes minutes for one bfloat16 step of PrimaryCaps' convolution."""
    if device == "cpu" and config.precision == "mixed_bfloat16" and config.discriminator.startswith("caps"):
        raise ValueError(
            "invalid precision='mixed_bfloat16' for a capsule discriminator under JAX on a CPU, where a step takes "
            "minutes; expected float32 (--precision float32), or a different backend (--backend tensorflow)"
        )


def update_among(variables: list):
    """The ``update`` of a step that may change ``variables``: JAX must be told which state a loss changes."""

    def update(model, optimizer, loss_function, *args):
        own = model.trainable_variables
        names = {id(variable) for variable in own}
        others = [variable for variable in variables if id(variable) not in names]

        def loss_of(own_values, other_values):
            with _standing_for(own + others, own_values + other_values) as scope:
                loss, outputs = loss_function(*args)
                scaled = optimizer.scale_loss(loss)
            return scaled, (loss, outputs, _values(scope, others))

        gradient = jax.grad(loss_of, has_aux=True)
        gradients, (loss, outputs, values) = gradient([v.value for v in own], [v.value for v in others])
        for variable, value in zip(others, values, strict=True):
            variable.assign(value)
        optimizer.apply(gradients, own)
        return loss, outputs

    return update


def input_gradient(function, x):
    """Gradient of the sum of ``function(x)`` with respect to ``x``."""
    return jax.grad(lambda x: jnp.sum(function(x)))(x)


def compile_steps(play, variables: list, most: int = 1):
    """``run(data, items)``: plays up to ``most`` items in one loop on the device; if that is 1 there is no loop.

    Compiling takes minutes, so one program serves any number of items: it pads shorter lists and ends at the last.
    """
    update, traces = update_among(variables), []

    def one(values, data, item):
        traces.append(1)
        with _standing_for(variables, values) as scope:
            answer = jnp.stack(play(update, data, item))
        return _values(scope, variables), answer

    @partial(jax.jit, donate_argnums=0)
    def loop(values, data, items, count):
        def turn(number, state):
            values, answers = state
            values, answer = one(values, data, jax.tree.map(lambda array: array[number], items))
            return values, answers.at[number].set(answer)

        shape = jax.eval_shape(one, values, data, jax.tree.map(lambda array: array[0], items))[1]
        return jax.lax.fori_loop(0, count, turn, (values, jnp.zeros((most, *shape.shape), shape.dtype)))

    single = jax.jit(one, donate_argnums=0)

    def run(data, items) -> np.ndarray:
        values = [variable.value for variable in variables]
        if most == 1:
            answers = []
            for item in items:
                values, answer = single(values, data, item)
                answers.append(answer)
        else:
            filled = [*items, *[items[-1]] * (most - len(items))]
            stacked = jax.tree.map(lambda *parts: np.stack(parts), *filled)
            values, answers = loop(values, data, stacked, len(items))
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return np.asarray(answers)[: len(items)]

    run.traces = lambda: len(traces)
    return run


def convolve(x, kernel, strides, padding: str):
    """See :func:`capsgan.engines.convolve`. On a CPU one product of patches: XLA's gradients of strides are slow."""
    kernel = keras.ops.convert_to_tensor(kernel)  # from a Keras variable
    direct = partial(keras.ops.conv, strides=strides, padding=padding)
    if padding == "same" or max(strides) == 1:
        return direct(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=partial(_convolve_patches, strides=strides), default=direct)


def upsample_convolve(x, kernel):
    """See :func:`capsgan.engines.upsample_convolve`. On a CPU a product of patches for each pixel of four."""
    direct = partial(keras.ops.conv_transpose, strides=2, padding="same")
    return jax.lax.platform_dependent(x, kernel, cpu=_upsample_patches, default=direct)


no_gradients = contextlib.nullcontext  # JAX records nothing outside a gradient


def gpu_count() -> int:
    """How many GPUs JAX sees."""
    return sum(device.platform == "gpu" for device in jax.devices())


def _convolve_patches(x, kernel, strides):
    rows, columns, channels, filters = kernel.shape
    height, width = ((size - k) // s + 1 for size, k, s in zip(x.shape[1:3], kernel.shape, strides, strict=False))
    patches = [
        x[:, i : i + strides[0] * (height - 1) + 1 : strides[0], j : j + strides[1] * (width - 1) + 1 : strides[1]]
        for i in range(rows)
        for j in range(columns)
    ]
    product = jnp.concatenate(patches, axis=-1) @ kernel.reshape(rows * columns * channels, filters)
    return product.astype(x.dtype)


def _upsample_patches(x, kernel):
    taps, _, filters, _ = kernel.shape
    batch, height, width, _ = x.shape
    before, border = taps // 2 - 1, taps // 2
    padded = jnp.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))

    def reach(phase):  # (tap, first input pixel in the padded image) of every second tap
        return [(tap, (phase + before - tap) // 2 + border) for tap in range((phase + before) % 2, taps, 2)]

    pixels = []
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        pairs = [(down, across) for down in reach(row) for across in reach(column)]
        patches = [padded[:, i : i + height, j : j + width] for (_, i), (_, j) in pairs]
        kernels = [kernel[t, u].T for (t, _), (u, _) in pairs]
        pixels.append(jnp.concatenate(patches, axis=-1) @ jnp.concatenate(kernels))
    grid = jnp.stack(pixels).reshape(2, 2, batch, height, width, filters)
    return grid.transpose(2, 3, 0, 4, 1, 5).reshape(batch, 2 * height, 2 * width, filters)


def _standing_for(variables: list, values: list) -> keras.StatelessScope:
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def _values(scope: keras.StatelessScope, variables: list) -> list:
    return [scope.get_current_value(variable) for variable in variables]
