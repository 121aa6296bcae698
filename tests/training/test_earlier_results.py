"""Runs come out as they did at the commit that the stored references and the study were made by.

Everywhere: the losses of three steps, up to rounding, as earlier_results.json holds them. On one machine: whole runs,
bit for bit. That takes minutes and needs the repository's history: CAPSGAN_TEST_HISTORY=1 asks for it.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.data.datasets import load_dataset
from capsgan.engines.tensorflow import update
from capsgan.gans import build_gan

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "c608049"
STORED = json.loads(Path(__file__).with_name("earlier_results.json").read_text(encoding="utf-8"))
SCALE = {"steps": 3, "width": 1 / 64, "batch_size": 4, "fraction": 0.05, "seed": 1}


@pytest.mark.parametrize("network", STORED)
def test_the_first_steps_have_the_losses_they_had(network):
    config = RunConfig(*network.split(), **SCALE)
    data = load_dataset(config.dataset, **config.data_options)
    gan = build_gan(config, data.image_shape, data.classes)
    steps = [gan.step(update, data.images, data.labels, gan.draw_batch(step, len(data))) for step in (1, 2, 3)]
    found = dict(zip(("g_loss", "d_loss"), np.array(steps)[:, :2].T, strict=True))
    for name, values in STORED[network].items():
        tolerance = 2e-3 * np.abs(values).max() + 1e-6  # sums of floats depend on the number of threads
        np.testing.assert_allclose(found[name], values, rtol=0, atol=tolerance, err_msg=name)


def results(library: Path, home: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(library), "CAPSGAN_HOME": str(home), "TF_NUM_INTRAOP_THREADS": "1"}
    command = [sys.executable, Path(__file__).with_name("earlier_results_worker.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.skipif(not os.environ.get("CAPSGAN_TEST_HISTORY"), reason="set CAPSGAN_TEST_HISTORY=1: takes minutes")
def test_every_gan_and_trunk_trains_as_it_did(tmp_path):
    command = ["git", "-C", str(ROOT), "archive", COMMIT, "lib"]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "then", filter="data")
    then = results(tmp_path / "then" / "lib", tmp_path / "home-then")
    now = results(ROOT / "lib", tmp_path / "home-now")
    assert len(then) == 16 and then == now
