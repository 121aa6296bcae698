"""What kills or damages a training, one row each; the run must end as one that was left alone, bit for bit."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from capsgan.paths import PACKAGE, ROOT
from capsgan.runs.run import load_run

sys.path.insert(0, str(Path(__file__).parent))
from worker import CONFIG  # the run that the worker trains

KILLS = int(os.environ.get("CAPSGAN_TEST_KILLS", 3))  # 50: all that was asked of a release
pytestmark = pytest.mark.slow


class Worker:
    """A process that trains in children; see worker.py."""

    def __init__(self):
        command = [sys.executable, str(Path(__file__).parent / "worker.py")]
        environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "TF_NUM_INTRAOP_THREADS": "1"}
        environment |= {"TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)

    def train(self, home, **fault):
        """The exit status of a child that trains the run, and the seconds it took."""
        print(json.dumps({"home": str(home), **fault}), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["seconds"]


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.process.kill()
    worker.process.wait()


def result(home):
    """Checksums of everything that a run has learned: history without times, weights, snapshot, sample grids."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(home))
        run = load_run(CONFIG.run_id)
        assert run.finished and not list(run.checkpoints.glob("*"))
        history = run.history.drop(columns="seconds")
        weights = [array for player in (run.generator, run.discriminator) for array in player.get_weights()]
        weights += run.weights_at(7)
        grids = [path.read_bytes() for path in run.sample_paths()]
    assert len(history) == CONFIG.steps
    arrays = [history.to_numpy(), *weights]
    return [hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for array in arrays] + grids


@pytest.fixture(scope="module")
def whole(worker, tmp_path_factory):
    """The run that was left alone: (its result, the seconds it took)."""
    home = tmp_path_factory.mktemp("whole")
    status, seconds = worker.train(home)
    assert status == 0
    return result(home), seconds


@pytest.mark.parametrize("number", range(KILLS))
def test_sigkill_at_a_random_moment(worker, whole, tmp_path, number):
    moment = random.Random(number).uniform(0.3, 1.0) * whole[1]
    killed, _ = worker.train(tmp_path, after=moment)
    assert killed in (-9, 0)  # 0: it was quicker this time
    assert worker.train(tmp_path)[0] == 0
    assert result(tmp_path) == whole[0]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 13, 21])
def test_sigkill_while_a_file_is_written(worker, whole, tmp_path, number):
    assert worker.train(tmp_path, at_write=number)[0] == -9
    assert worker.train(tmp_path)[0] == 0
    assert result(tmp_path) == whole[0]


def test_killed_again_and_again_it_still_ends(worker, whole, tmp_path):
    for _ in range(30):
        status, _ = worker.train(tmp_path, at_write=8)  # each life reaches one more checkpoint and dies soon after
        if status == 0:
            break
    assert status == 0 and result(tmp_path) == whole[0]


def test_a_clock_that_is_set_back(worker, whole, tmp_path):
    assert worker.train(tmp_path, clock=1e6)[0] == 0
    assert result(tmp_path) == whole[0]


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped"])
@pytest.mark.parametrize("name", ["config.json", "provenance.json"])
def test_a_damaged_record_of_an_unfinished_run_is_refused_or_survived(worker, whole, tmp_path, name, damage):
    assert worker.train(tmp_path, at_write=12)[0] == -9
    path = tmp_path / "runs" / CONFIG.run_id / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "flipped": bytes(data)}[damage])
    status, _ = worker.train(tmp_path)
    assert status in (0, 1)  # 1: it says which file is damaged and to use --force
    if status == 0:
        assert result(tmp_path) == whole[0]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("options", ["size=2m", "size=64m,ro"], ids=["full", "read-only"])
def test_a_disk_that_cannot_be_written(worker, whole, tmp_path, options):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this system does not let us mount a tmpfs")
    try:
        assert worker.train(disk)[0] == 1
        assert subprocess.run(["mount", "-o", "remount,rw,size=256m", str(disk)], check=False).returncode == 0
        assert worker.train(disk)[0] == 0
        assert result(disk) == whole[0]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_lock_file_that_a_dead_process_left_is_no_lock(worker, whole, tmp_path):
    assert worker.train(tmp_path, at_write=8)[0] == -9
    assert list((tmp_path / "runs" / ".locks").glob("*.lock"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(tmp_path))
        assert load_run(CONFIG.run_id).status == "interrupted"
    assert worker.train(tmp_path)[0] == 0 and result(tmp_path) == whole[0]


def test_two_workflows_in_one_directory():
    lock = ROOT / "build" / "study" / ".lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / "scripts" / "run_study.py"), "--study", str(ROOT / "study" / "study.yaml")]
    with FileLock(lock, timeout=0):
        environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
        second = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, env=environment, check=False)
    assert second.returncode == 2 and "a workflow runs in" in second.stderr and "Traceback" not in second.stderr
