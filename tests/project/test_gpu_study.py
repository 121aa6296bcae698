"""The command for a GPU, on a CPU: no TensorFlow, killed and called again, and packed so that nothing is lost."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "gpu_study.py"
REAL = Path(os.environ.get("CAPSGAN_TEST_MNIST") or ROOT.parent / "shared" / "data" / "mnist.npz")


def load_script():
    spec = importlib.util.spec_from_file_location("gpu_study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_study"] = module
    spec.loader.exec_module(module)
    return module


gpu_study = load_script()


def ask(*options, **environment):
    command = [sys.executable, str(SCRIPT), *map(str, options)]
    return subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True)


def test_a_dry_run_lists_the_thesis_scale_in_the_order_of_value_and_starts_nothing(tmp_path):
    done = ask("--dry-run", "--home", tmp_path / "home")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and not (tmp_path / "home").exists()
    assert lines[0] == "27 runs of 20,000 steps, batch 32, width 1:"
    labels = [line[5:25].strip() for line in lines[1:]]
    assert labels[:3] == ["CapsDCGAN", "DCGAN", "DCGAN (matched)"] and labels[:9] == labels[9:18] == labels[18:]
    assert ["seed 0" in line for line in lines[1:]] == [True] * 9 + [False] * 18


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["--networks", "dcgan-snail"], "invalid --networks 'dcgan-snail'; expected some of: dcgan-caps"),
        (["--processes", "0"], "invalid --processes 0; expected 1 or more"),
        (["--device", "tpu"], "invalid --device 'tpu'; expected gpu or cpu"),
        (["--mnist", "nowhere.npz"], "--mnist nowhere.npz does not exist"),
        (["--width", "9"], "width=9.0"),
        (["--seconds", "5"], "invalid --seconds 5; expected 60 or more"),
        (["--out", __file__], "is a file; expected a folder"),
        (["--wheels", "tests"], "--wheels tests has no .whl file"),
    ],
)
def test_a_bad_option_is_named_in_one_line(options, answer):
    done = ask(*options)
    assert done.returncode == 2 and answer in done.stderr and len(done.stderr.splitlines()) == 1


def study_in(home, parts=8, seconds=100):
    options = SimpleNamespace(home=home, out=home / "packed", parts=parts, processes=1, seconds=seconds)
    options.out.mkdir(parents=True)
    return gpu_study.Study(options, [], time.time() + seconds)


def test_parts_hold_every_file_once_and_are_small_enough_to_be_sent(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_study, "PART_BYTES", 60_000)
    study, files = study_in(tmp_path), {}
    for run in ("a-caps0.25", "b"):
        for number in range(4):
            files[f"{run}/file_{number}.npz"] = os.urandom(20_000)
    for name, data in files.items():
        path = tmp_path / "stored" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        study.pack()
    parts = sorted(study.options.out.glob("*.zip"))
    assert len(parts) == 4 and all(part.stat().st_size <= 60_000 for part in parts)
    found = {name: zipfile.ZipFile(part).read(name) for part in parts for name in zipfile.ZipFile(part).namelist()}
    assert found == files


def test_what_has_no_room_is_said_and_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu_study, "PART_BYTES", 30_000)
    study = study_in(tmp_path, parts=1)
    for number in range(2):
        path = tmp_path / "stored" / "run" / f"file_{number}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(20_000))
    study.pack()
    assert "run/file_1.npz does not fit into 1 parts" in capsys.readouterr().out
    assert zipfile.ZipFile(study.options.out / "part0.zip").namelist() == ["run/file_0.npz"]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="no real mnist.npz: name one in CAPSGAN_TEST_MNIST")
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed: pip install jax")
def test_runs_are_trained_without_tensorflow_killed_and_gone_on_with(tmp_path):
    """Two networks at width 1/16 in two processes; the first call is killed while it works."""
    for name in ("tensorflow", "mlxtend"):  # what a bare GPU machine lacks
        (tmp_path / "absent" / name).mkdir(parents=True)
        (tmp_path / "absent" / name / "__init__.py").write_text(f"raise ImportError('{name} is not here')")
    home = tmp_path / "home"
    scale = {"steps": 20, "batch-size": 4, "width": 0.0625, "precision": "float32", "device": "cpu"}
    options = [f"--{name}={value}" for name, value in (scale | {"processes": 2, "seconds": 500}).items()]
    options += ["--seeds", "1", "--networks", "dcgan-caps", "dcgan-cnn", "--mnist", str(REAL)]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "absent")}
    command = [sys.executable, str(SCRIPT), "--home", str(home), *options]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    for line in first.stdout:
        if "started" in line:
            break
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert second.returncode == 0 and "2 of 2 runs are finished" in second.stdout, second.stdout
    (part,) = (home / "packed").glob("*.zip")
    names = zipfile.ZipFile(part).namelist()
    assert sum(name.endswith("config.json") for name in names) == 2
    assert sum("/snapshots/step_" in name for name in names) == 6
    provenance = json.loads(zipfile.ZipFile(part).read(next(n for n in names if n.endswith("provenance.json"))))
    assert provenance["backend"] == "jax" and provenance["status"] == "finished"
