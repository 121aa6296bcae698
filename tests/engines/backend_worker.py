"""Plays single steps under the backend of KERAS_BACKEND, in a process of its own, for test_backends.py.

Reads lines ``NAME STEP BEFORE.npz AFTER.npz`` from standard input: NAME is a GAN and a trunk, as in ``dcgan-caps``.
Plays the step from the variables in BEFORE, or from those it has where BEFORE does not exist and is then written. AFTER
gets the variables and the metrics; then the line ``done`` is printed.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from capsgan.config import RunConfig
from capsgan.data.datasets import load_dataset
from capsgan.gans import build_gan
from capsgan.runs.checkpoints import restore_variables
from capsgan.training.step import compile_step


def make(name):
    """A small GAN without dropout: the backends draw its masks differently."""
    gan, trunk = name.split("-")
    config = RunConfig(gan, trunk, batch_size=8, width=1 / 32, dropout=0.0, seed=5)
    gan = build_gan(config, (28, 28, 1), 10)
    gan.n_critic = 1  # of WGAN's five alike updates, for time's sake
    return gan


def values(gan):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in gan.variables]


def load(path):
    """The variables of a file, in their order."""
    with np.load(path) as archive:
        return [archive[f"arr_{number}"] for number in range(sum(key.startswith("arr_") for key in archive.files))]


def main():
    dataset, games = load_dataset("mnist5k", fraction=0.1), {}
    for line in sys.stdin:
        name, step, before, after = line.split()
        if name not in games:
            games = {name: (gan := make(name), compile_step(gan, dataset.images, dataset.labels))}  # one at a time
        gan, run = games[name]
        if Path(before).exists():
            restore_variables(gan.variables, load(before))
        else:
            np.savez(before, *values(gan))
        (metrics,) = run([gan.draw_batch(int(step), len(dataset))])
        np.savez(after, *values(gan), metrics=metrics)
        print("done", flush=True)


if __name__ == "__main__":
    main()
