"""Plays games under the backend of KERAS_BACKEND, in a process of its own, for test_backends.py.

    python backend_worker.py START.npz END.npz STEPS NAME ...

NAME is a GAN and a trunk, as in ``dcgan-caps``. START holds each one's variables; END gets the metrics of every step
and the variables after the last.
"""

import sys

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
    gan.n_critic = min(gan.n_critic, 2)  # of five alike updates, for time's sake
    return gan


def values(gan):
    return [np.array(variable) for variable in gan.variables]


def play(name, start, steps, images, labels):
    """Metrics [steps, 5], and the variables after them."""
    gan = make(name)
    restore_variables(gan.variables, start)
    run = compile_step(gan, images, labels)
    metrics = [run([gan.draw_batch(step, len(images))])[0] for step in range(1, steps + 1)]
    return np.array(metrics), values(gan)


def main():
    start_path, end_path, steps, *names = sys.argv[1:]
    dataset = load_dataset("mnist5k", fraction=0.1)
    start, end = np.load(start_path), {}
    for name in names:
        first = [start[key] for key in start.files if key.startswith(name + ".")]
        metrics, last = play(name, first, int(steps), dataset.images, dataset.labels)
        end |= {f"{name}.{number:04d}": value for number, value in enumerate(last)} | {f"{name}.metrics": metrics}
    np.savez(end_path, **end)


if __name__ == "__main__":
    main()
