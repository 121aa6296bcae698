"""What differs between Keras backends: gradients, compilation, devices.

An engine is a module with

- ``update(model, optimizer, loss_function, *args) → (loss, outputs)``: one player's move, one step of its built
  optimizer, which also applies constraints. ``loss_function(*args) → (scalar loss, outputs)``; both come back as
  before the move. Only this model's trainable variables change (and BatchNorm statistics that the loss touches);
  a variable that the loss does not reach gets a gradient of zeros. JAX's works inside ``compile_steps`` only.
- ``input_gradient(function, x)``: gradient of the sum of ``function(x)`` with respect to ``x``; differentiable again.
- ``compile_steps(play, variables, most=1)`` for ``play(update, data, item) → tuple of arrays of one shape``, which may
  change ``variables``. Returns ``run(data, items) → float32 [len(items), len(tuple), ...]``, which plays once for each
  of at most ``most`` items; ``run.traces()`` counts compilations.
- ``no_gradients()``: a context in which nothing is recorded for a gradient.
- ``gpu_count()``: how many GPUs the backend sees; ``STEPS_PER_CALL``: how many steps per call pay off, by device.
- optional: ``check_run(config, device)``, which refuses a run that this backend cannot train.
- optional, where Keras's own form is slow: ``convolve`` and ``upsample_convolve``, see the functions here, and
  ``batch_normalize(x, gamma, beta, epsilon) → (normalized x, mean, variance)`` over all axes but the last, and
  ``dropout(x, rate, seed)``.
"""

import functools
import importlib
import pkgutil

import keras
from keras import ops

KERAS_SETTINGS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


def fix_keras_settings():
    """Undo the user's ``keras.json``: a run has the same result everywhere. Called here and before a GAN is built."""
    for name, value in KERAS_SETTINGS.items():
        getattr(keras.config, f"set_{name}")(value)


@functools.cache  # layers ask in every step
def get_engine():
    """The engine (a module) of the backend that Keras runs on, ``KERAS_BACKEND``."""
    backend = keras.backend.backend()
    available = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if backend not in available:
        raise ValueError(f"KERAS_BACKEND={backend!r} has no engine; expected {' | '.join(available)}")
    return importlib.import_module(f"{__name__}.{backend}")


def convolve(x, kernel, strides, padding: str):
    """Convolution of [B, h, w, channels] with [k, k, channels, filters], ``valid`` or ``same``."""
    return getattr(get_engine(), "convolve", ops.conv)(x, kernel, strides, padding)


def upsample_convolve(x, kernel):
    """Transposed convolution, stride 2: [B, h, w, channels], [taps, taps, filters, channels] → [B, 2h, 2w, filters]."""
    if hasattr(get_engine(), "upsample_convolve"):
        return get_engine().upsample_convolve(x, kernel)
    return ops.conv_transpose(x, kernel, strides=2, padding="same")


def check_device(device: str) -> str:
    """The Keras name of ``auto``, ``cpu`` or ``gpu``; ``gpu`` needs one that the backend sees."""
    gpus = get_engine().gpu_count()
    allowed = ("auto", "cpu", "gpu") if gpus else ("auto", "cpu")
    if device not in allowed:
        backend = keras.backend.backend()
        raise ValueError(f"invalid device={device!r}; expected {' | '.join(allowed)} ({backend} sees {gpus} GPUs)")
    return "gpu:0" if gpus and device != "cpu" else "cpu"


fix_keras_settings()
