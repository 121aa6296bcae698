"""How long a step takes on this machine."""

import time

import keras

from ..config import RunConfig
from ..data.datasets import load_dataset
from ..engines import check_device, get_engine
from ..gans import build_gan
from .step import compile_step


def seconds_per_step(config: RunConfig, *, steps: int = 50, device: str = "auto") -> float:
    """Mean seconds of ``steps`` training steps of a fresh network, without compiling. Nothing is saved.

    It compiles the program that :func:`capsgan.train` uses, so that a compile cache has it for later.
    """
    device = check_device(device)
    with keras.device(device):
        dataset = load_dataset(config.dataset, **config.data_options)
        gan = build_gan(config, dataset.image_shape, dataset.classes)
        most = get_engine().STEPS_PER_CALL[device[:3]]
        play = compile_step(gan, dataset.images, dataset.labels, most)
        batches = [gan.draw_batch(step, len(dataset)) for step in range(1, steps + 1)]
        calls = [batches[start : start + most] for start in range(0, steps, most)]
        play(calls[0])
        begin = time.perf_counter()
        for call in calls:
            play(call)
        return (time.perf_counter() - begin) / steps
