"""Runs come out as they did at the commit that the stored references and the study were made by, bit for bit.

It takes minutes and needs the repository's history: CAPSGAN_TEST_HISTORY=1 asks for it.
"""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "c608049"


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
