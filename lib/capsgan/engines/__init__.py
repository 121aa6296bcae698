"""What differs from one Keras backend to another: gradients, compilation, devices.

An engine is a module with

- ``update(model, optimizer, loss_function, *args) → (loss, outputs)``, one move of one player by one step of its built
  optimizer, which applies the variables' constraints. ``loss_function(*args) → (scalar loss, outputs)``; both come back
  as they were before the move. Only the model's trainable variables change (and BatchNorm statistics that the loss
  passes); one that the loss does not reach has a gradient of zeros. JAX's works inside ``compile_steps`` only.
- ``input_gradient(function, x)``: the gradient of the sum of ``function(x)`` by ``x``, of the shape of ``x``; it can be
  differentiated again.
- ``compile_steps(play, variables, most=1)`` for ``play(update, data, item) → tuple of arrays of one shape``, which may
  change the ``variables``: gives ``run(data, items) → float32 [len(items), len(tuple), ...]``, which plays once for
  each item of a list of at most ``most``; ``run.traces()`` counts compilations.
- ``no_gradients()``: a context in which nothing is kept for a gradient.
- ``gpu_count()``: how many GPUs the backend sees; ``STEPS_PER_CALL``: how many steps pay, by device.
- where Keras's own form is slow: ``convolve`` and ``upsample_convolve``, see the functions of these names here.
"""

import importlib
import pkgutil

import keras
from keras import ops

KERAS_SETTINGS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


def fix_keras_settings():
    """Undo what the user's ``keras.json`` says about numbers and shapes: the same run has the same result everywhere.

    Called when this module is imported, so before the first model, and again before a GAN is built.
    """
    for name, value in KERAS_SETTINGS.items():
        getattr(keras.config, f"set_{name}")(value)


def get_engine():
    """The engine of the backend that Keras runs on (``KERAS_BACKEND``), a module.

    Raises:
        ValueError: Keras runs on a backend that has no engine here.
    """
    backend = keras.backend.backend()
    available = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if backend not in available:
        raise ValueError(f"KERAS_BACKEND={backend!r} has no engine; expected {' | '.join(available)}")
    return importlib.import_module(f"{__name__}.{backend}")


def convolve(x, kernel, strides):
    """'Valid' convolution of [B, h, w, channels] with [k, k, channels, filters], as the backend does it best."""
    return getattr(get_engine(), "convolve", ops.conv)(x, kernel, strides)


def upsample_convolve(x, kernel):
    """Transposed convolution of stride 2, [B, h, w, channels] by [taps, taps, filters, channels] → [B, 2h, 2w, ...]."""
    if hasattr(get_engine(), "upsample_convolve"):
        return get_engine().upsample_convolve(x, kernel)
    return ops.conv_transpose(x, kernel, strides=2, padding="same")


def check_device(device: str) -> str:
    """The Keras name of ``auto``, ``cpu`` or ``gpu``.

    Raises:
        ValueError: another name, or ``gpu`` where the backend sees none.
    """
    gpus = get_engine().gpu_count()
    allowed = ("auto", "cpu", "gpu") if gpus else ("auto", "cpu")
    if device not in allowed:
        backend = keras.backend.backend()
        raise ValueError(f"invalid device={device!r}; expected {' | '.join(allowed)} ({backend} sees {gpus} GPUs)")
    return "gpu:0" if gpus and device != "cpu" else "cpu"


fix_keras_settings()
