"""SIGKILL in what surrounds a training: in an evaluation, in a notebook, in Snakemake. The same command then ends well.

They take minutes, so a release asks for them: CAPSGAN_TEST_KILLS=50 (see test_faults.py).
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from capsgan.config import RunConfig
from capsgan.paths import PACKAGE, ROOT
from capsgan.study.blocks import read_blocks

STUDY = ROOT / "tests" / "cluster" / "study.yaml"
SNAKEMAKE = ROOT / "build" / "snakemake" / "bin" / "snakemake"
PATIENCE = 300  # seconds
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("CAPSGAN_TEST_KILLS" not in os.environ, reason="set CAPSGAN_TEST_KILLS=50: takes minutes"),
]


@pytest.fixture
def environment(tmp_path):
    """Of a program with a home of its own and one thread."""
    threads = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")
    return os.environ | threads | {"PYTHONPATH": str(PACKAGE.parent), "CAPSGAN_HOME": str(tmp_path / "home")}


def start(command, environment):
    """A program in a session of its own, whose output goes nowhere."""
    nowhere = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*map(str, command)], env=environment, cwd=ROOT, start_new_session=True, **nowhere)


def finish(command, environment):
    """Run a program to its end, which must be a good one."""
    done = subprocess.run([*map(str, command)], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def wait_until(condition):
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < PATIENCE, "took too long"
        time.sleep(0.05)


def descendants(pid):
    """A process's children, and theirs."""
    own = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                own += [int(path.parent.name), *descendants(int(path.parent.name))]
    return own


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_an_evaluation(environment, tmp_path):
    config = RunConfig("dcgan", "cnn", steps=6, batch_size=4, fraction=0.1, snapshots=(3, 6))
    capsgan = [sys.executable, "-m", "capsgan"]
    finish([*capsgan, "train", *config.arguments], environment)
    scores = tmp_path / "home" / "runs" / config.run_id / "metrics.json"
    command = [*capsgan, "evaluate", config.run_id, "--samples", "256"]
    begin = time.monotonic()
    finish(command, environment)
    seconds, whole = time.monotonic() - begin, json.loads(scores.read_text())
    for share in (0.5, 0.8, 0.95):
        scores.unlink()
        process = start(command, environment)
        time.sleep(share * seconds)
        process.kill()
        process.wait()
        assert not scores.exists() or json.loads(scores.read_text()) == whole  # quicker this time
        finish(command, environment)
        assert json.loads(scores.read_text()) == whole


def test_a_notebook(environment):
    command = [sys.executable, ROOT / "scripts" / "execute_notebook.py", "08_testing_the_claims", "--profile", "smoke"]
    process = start(command, environment)
    wait_until(lambda: len(descendants(process.pid)) > 0)
    time.sleep(5)
    kernels = descendants(process.pid)
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_alive, kernels)))  # no kernel is left behind
    finish(command, environment)


@pytest.mark.skipif(not SNAKEMAKE.exists(), reason="no Snakemake here: ./run_all.sh --study sets it up")
def test_a_workflow(environment, tmp_path):
    study = tmp_path / "killed.yaml"
    shutil.copyfile(STUDY, study)
    build = ROOT / "build" / "study" / study.stem
    shutil.rmtree(build, ignore_errors=True)
    command = [sys.executable, ROOT / "scripts" / "run_study.py", "--study", study, "--cores", "2", "--samples", "256"]
    runs = [config for block in read_blocks(study).values() for config in block]
    home = tmp_path / "home" / "runs"
    process = start(command, environment)
    wait_until(lambda: list(home.glob("*/checkpoints/*.npz")))
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    assert any(not (home / config.run_id / "history.csv").exists() for config in runs)
    try:
        finish(command, environment)
        assert (build / "scores.csv").read_text().count("\n") == 1 + len(runs)
    finally:
        shutil.rmtree(build, ignore_errors=True)
    alone = environment | {"CAPSGAN_HOME": str(tmp_path / "alone")}
    for config in runs:
        finish([sys.executable, "-m", "capsgan", "train", *config.arguments], alone)
        ours, theirs = (
            [line.rpartition(",")[0] for line in (place / config.run_id / "history.csv").read_text().splitlines()]
            for place in (home, tmp_path / "alone" / "runs")
        )
        assert ours == theirs  # but for the seconds
