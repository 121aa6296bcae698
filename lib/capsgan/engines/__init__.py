"""What differs from one Keras backend to another: gradients, compilation, devices.

An engine is a module with

- ``update(model, optimizer, loss_function, *args) → (loss, outputs)``: one move of one player;
- ``input_gradient(function, x)``: the gradient of the sum of ``function(x)`` by ``x``, to be differentiated again;
- ``compile_steps(play, variables)``: many calls of ``play(update, data, item)``, compiled;
- ``convolve(x, kernel, strides)`` and ``upsample_convolve(x, kernel)``, in the form that the backend does best;
- ``no_gradients()``: a context in which nothing is kept for a gradient;
- ``gpu_count()`` and ``STEPS_PER_CALL``.
"""

import importlib
import pkgutil

import keras
from keras import ops


def get_engine():
    """The engine of the backend that Keras runs on (``KERAS_BACKEND``), a module.

    Raises:
        ValueError: Keras runs on a backend that has no engine here.
    """
    backend = keras.backend.backend()
    available = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if backend not in available:
        raise ValueError(f"KERAS_BACKEND={backend!r} has no engine; allowed: {' | '.join(available)}")
    return importlib.import_module(f"{__name__}.{backend}")


def check_device(device: str) -> str:
    """The Keras name of ``auto``, ``cpu`` or ``gpu``.

    Raises:
        ValueError: another name, or ``gpu`` where the backend sees none.
    """
    gpus = get_engine().gpu_count()
    allowed = ("auto", "cpu", "gpu") if gpus else ("auto", "cpu")
    if device not in allowed:
        backend = keras.backend.backend()
        raise ValueError(
            f"device={device!r} is not possible; allowed: {' | '.join(allowed)} ({backend} sees {gpus} GPUs)"
        )
    return "gpu:0" if gpus and device != "cpu" else "cpu"


def compile_step(gan, images, labels):
    """The step of a GAN, compiled, over data that lies in the device's memory once.

    Args:
        gan: the players, see :class:`capsgan.gans.base.GAN`.
        images: uint8 [n, height, width, channels].
        labels: whole numbers [n].

    Returns:
        A function ``(batches, train_generator=True) → float32 [steps, 5]``: plays one step for each batch of a list
        and answers with the values of ``METRICS``.
    """
    data = ops.convert_to_tensor(images), ops.convert_to_tensor(labels, "int32")

    def compiled(train_generator):
        def play(update, data, batch):
            return gan.step(update, *data, batch, train_generator)

        return get_engine().compile_steps(play, gan.variables)

    kinds = {train_generator: compiled(train_generator) for train_generator in (True, False)}

    def run(batches, train_generator: bool = True):
        return kinds[train_generator](data, batches)

    run.traces = lambda: sum(kind.traces() for kind in kinds.values())
    return run
