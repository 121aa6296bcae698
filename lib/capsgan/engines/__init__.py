"""What differs from one Keras backend to another: how a gradient is taken, and how a step is compiled."""

import importlib
import pkgutil

import keras


def get_engine():
    """The engine of the backend that Keras runs on: a module with ``update`` and ``compile_step``.

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
    gpus = keras.distribution.list_devices("gpu")
    allowed = ("auto", "cpu", "gpu") if gpus else ("auto", "cpu")
    if device not in allowed:
        backend = keras.backend.backend()
        raise ValueError(
            f"device={device!r} is not possible; allowed: {' | '.join(allowed)} ({backend} sees {len(gpus)} GPUs)"
        )
    return "gpu:0" if gpus and device != "cpu" else "cpu:0"
