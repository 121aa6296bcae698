"""Time of one training step of every network of the analysis plan, each alone on the machine.

    .venv/bin/python benchmarks/study_steps.py [--rounds 10] [--steps 5] [--out data/results/step_time_study.csv]

The claims about time read these numbers, not the seconds in the histories: trainings of the study ran side by side.
In every round all networks take turns, so that what slows the machine for a while slows them all. A round's time is
the median of its steps. Round n is compared within itself, as a seed is: it is the time of the runs of seed n.

Run nothing else meanwhile. The table names the processor, the threads and the versions, and how busy the machine was
before. In the workflow it is the rule ``step_times``, which takes all cores.
"""

import argparse
import importlib.metadata
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd

from capsgan.data.datasets import load_dataset
from capsgan.engines import check_device
from capsgan.gans import build_gan
from capsgan.runs.provenance import cpu_model, gpu_model
from capsgan.study.plan import read_plan
from capsgan.study.results import NETWORK, STEP_TIMES
from capsgan.training.pool import core_count
from capsgan.training.step import compile_step

WARM_UP = 3  # steps before the first round: the first one compiles


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="as many as the plan has seeds (default: 10)")
    parser.add_argument("--steps", type=int, default=5, help="of each network in a round (default: 5)")
    parser.add_argument("--device", default="auto", help="auto | cpu | gpu")
    parser.add_argument("--dataset", default="mnist5k", help="images of 28×28; which ones has no effect on the time")
    parser.add_argument("--out", type=Path, default=STEP_TIMES)
    options = parser.parse_args()
    load, device = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"), check_device(options.device)
    if load > core_count() / 2:
        print(f"the machine is busy (load {load:.1f}): the times will be too long", file=sys.stderr)
    with keras.device(device):
        networks = prepare(options.dataset)
        rows = [row for number in range(options.rounds) for row in one_round(networks, number, options.steps)]
    backend = keras.backend.backend()
    table = pd.DataFrame(rows, columns=[*NETWORK, "round", "ms"]).assign(
        device=device,
        cpu=cpu_model(),
        gpu=gpu_model() if device.startswith("gpu") else "",
        threads=core_count(),
        load_before=round(load, 2),
        versions=f"{backend} {importlib.metadata.version(backend)}, keras {keras.__version__}",
    )
    table.to_csv(options.out, index=False, float_format="%.4g")
    print(table.groupby(list(NETWORK)).ms.describe()[["50%", "min", "max"]].round(1).to_string())
    return 0


def prepare(dataset: str) -> dict[tuple, callable]:
    """The plan's networks, compiled: the values of ``NETWORK`` → a function that plays one step."""
    images, networks = load_dataset(dataset), {}
    for config in read_plan().configs().values():
        name = tuple(getattr(config, field) for field in NETWORK)
        if name not in networks:
            gan = build_gan(config, images.image_shape, images.classes)
            networks[name] = stepper(gan, compile_step(gan, images.images, images.labels), len(images))
            for _ in range(WARM_UP):
                networks[name]()
            print(f"ready: {config.label}, width {config.width:g}", flush=True)
    return networks


def stepper(gan, compiled, images: int):
    """A function that plays the next step of a GAN."""
    numbers = iter(range(1, 10**9))
    return lambda: compiled([gan.draw_batch(next(numbers), images)])


def one_round(networks: dict, number: int, steps: int) -> list[tuple]:
    """The median milliseconds per step of every network, in turn."""
    rows = []
    for name, play in networks.items():
        seconds = []
        for _ in range(steps):
            begin = time.perf_counter()
            play()
            seconds.append(time.perf_counter() - begin)
        rows.append((*name, number, 1000 * float(np.median(seconds))))
    return rows


if __name__ == "__main__":
    sys.exit(main())
