"""Plays games under the backend of KERAS_BACKEND, in a process of its own, for test_backends.py.

    python backend_worker.py START.npz END.npz STEPS [LATER.npz] NAME ...

NAME is a GAN and a trunk, as in ``dcgan-caps``. START holds each one's variables; END gets the metrics of every step
and the variables after the last. One more step is played from the variables in LATER, or in END where there is none.
"""

import sys

import keras
import numpy as np

from capsgan.checkpoints import restore_variables
from capsgan.config import RunConfig
from capsgan.datasets import load_dataset
from capsgan.engines import compile_step
from capsgan.gans import build_gan


def make(name):
    """A small GAN without dropout: the backends draw its masks differently."""
    gan, trunk = name.split("-")
    config = RunConfig(gan, trunk, batch_size=8, width=1 / 32, dropout=0.0, seed=5)
    gan = build_gan(config, (28, 28, 1), 10)
    gan.n_critic = 1  # of WGAN's five alike updates, for time's sake
    return gan


def values(gan):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in gan.variables]


def arrays_of(archive, name):
    return [archive[key] for key in sorted(archive) if key.startswith(name + ".v")]


def named(name, arrays):
    return {f"{name}.v{number:04d}": value for number, value in enumerate(arrays)}


def main():
    start_path, end_path, steps, *names = sys.argv[1:]
    later = dict(np.load(names.pop(0))) if names[0].endswith(".npz") else None
    dataset, start, end = load_dataset("mnist5k", fraction=0.1), dict(np.load(start_path)), {}
    for name in names:
        gan = make(name)
        run = compile_step(gan, dataset.images, dataset.labels)
        restore_variables(gan.variables, arrays_of(start, name))
        metrics = [run([gan.draw_batch(step, len(dataset))])[0] for step in range(1, int(steps) + 1)]
        end |= named(name, values(gan)) | {f"{name}.metrics": np.array(metrics)}
        restore_variables(gan.variables, arrays_of(later or end, name))
        end[f"{name}.one_step_metrics"] = run([gan.draw_batch(int(steps) + 1, len(dataset))])[0]
        end |= {f"one_step.{key}": value for key, value in named(name, values(gan)).items()}
    np.savez(end_path, **end)


if __name__ == "__main__":
    main()
