"""``python -m capsgan`` does what the library does; bad input is one line and exit status 2."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import capsgan
from capsgan.cli.commands import main
from capsgan.config import RunConfig
from capsgan.data.pixels import read_png
from capsgan.metrics.features import load_features
from capsgan.paths import ROOT
from capsgan.runs.run import list_runs


@pytest.fixture
def instant(home, scripted):
    """An empty home, where steps cost nothing."""
    return home


def run(line):
    return main(line.split())


def test_train_list_and_show(instant, capsys):
    line = "train --gan wgan --discriminator caps --dataset mnist5k --steps 3 --width 0.0625 --batch-size 4 --seed 2"
    assert run(line + " --fraction 0.1 --snapshots 1,3 --precision float32 --checkpoint-every 2 --device cpu") == 0
    changes = {"width": 0.0625, "batch_size": 4, "seed": 2, "fraction": 0.1, "snapshots": (1, 3)}
    config = RunConfig("wgan", "caps", steps=3, **changes)
    directory = instant / "runs" / config.run_id
    assert f"CapsWGAN: 3 steps done, run in {directory}" in capsys.readouterr().out
    assert [run.config for run in list_runs()] == [config]

    assert run("list") == 0
    printed = capsys.readouterr().out
    assert (
        config.run_id in printed
        and "finished" in printed
        and "3 of 3 steps" in printed
        and re.search(r"\b1 runs?\b|runs: 1\b", printed)
    )

    assert run(f"show {config.run_id[:9]}") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["config"] == config.to_dict() and shown["provenance"]["status"] == "finished"
    assert shown["last_step"][0]["step"] == 3


def test_every_option_reaches_the_config(instant, capsys):
    options = "--image-size 32 --dropout 0.5 --discriminator-warmup 2 --discriminator-updates joint"
    assert run(f"train --gan wgan --steps 2 --fraction 0.1 --weight-clipping all --batch-size 2 {options}") == 0
    assert run("train --gan gan --steps 2 --fraction 0.1 --label-smoothing 0.2") == 0
    other, config = (run.config for run in list_runs())
    assert other == RunConfig("gan", steps=2, fraction=0.1, label_smoothing=0.2)
    assert config == RunConfig(
        "wgan", "cnn", steps=2, fraction=0.1, weight_clipping="all", batch_size=2, image_size=32, dropout=0.5,
        discriminator_warmup=2, discriminator_updates="joint",
    )  # fmt: skip


def test_a_profile_gives_the_values_that_are_not_given(instant, capsys):
    assert run("train --profile smoke --gan gan --fraction 0.1 --seed 7 --steps 2") == 0
    config = list_runs()[0].config
    assert (config.batch_size, config.steps, config.seed, config.gan) == (16, 2, 7, "gan")


def test_force_trains_again(instant, capsys):
    line = "train --gan gan --steps 2 --fraction 0.1"
    assert run(line) == 0
    mark = list_runs()[0].directory / "mark"
    mark.touch()
    assert run(line) == 0 and mark.exists()
    assert run(line + " --force") == 0 and not mark.exists()


def test_an_empty_home_lists_no_runs(home, capsys):
    assert run("list") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.search(r"\b0\b", line) and str(home / "runs") in line


@pytest.mark.parametrize(
    "line, named",
    [
        ("train --gan biggan", "gan='biggan'"),
        ("train --discriminator mlp", "discriminator='mlp'"),
        ("train --dataset cifar", "dataset='cifar'"),
        ("train --steps 0", "steps=0"),
        ("train --steps 1e3", "--steps"),
        ("train --batch-size 31", "batch_size=31"),
        ("train --seed -1", "seed=-1"),
        ("train --image-size 30", "image_size=30"),
        ("train --fraction 0.0001", "fraction=0.0001"),
        ("train --fraction nan", "fraction=nan"),
        ("train --width 0", "width=0"),
        ("train --snapshots 1;2", "snapshots='1;2'"),
        ("train --snapshots 99999", "snapshots="),
        ("train --precision float8", "precision='float8'"),
        ("train --weight-clipping all", "weight_clipping='all'"),
        ("train --profile fast", "profile='fast'"),
        ("train --device tpu", "device='tpu'"),
        ("train --checkpoint-every 0", "'0'"),
        ("train --epochs 3", "--epochs"),
        ("show nothing", "run='nothing'"),
        ("frobnicate", "frobnicate"),
    ],
)
def test_bad_input_is_one_line_and_status_2(home, capsys, line, named):
    try:
        status = run(line)
    except SystemExit as stop:  # argparse's own way
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2 and captured.out == ""
    complaint = [text for text in captured.err.splitlines() if "usage:" not in text and not text.startswith(" ")]
    assert len(complaint) == 1 and named in complaint[0] and "Traceback" not in captured.err
    assert not list(home.rglob("*.json"))


def test_a_home_that_is_a_file_is_one_line_and_status_1(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CAPSGAN_HOME", str(tmp_path / "file"))
    assert run("train --steps 1") == 1
    error = capsys.readouterr().err
    assert "CAPSGAN_HOME" in error and len(error.splitlines()) == 1


def test_divergence_is_one_line_and_status_1(home, scripted, capsys):
    scripted[1] = (float("nan"),) * 5
    assert run("train --gan gan --steps 3 --fraction 0.1") == 1
    error = capsys.readouterr().err
    assert "diverged at step 1" in error.splitlines()[-1] and "Traceback" not in error


def test_help_needs_no_keras():
    """It answers at once: TensorFlow takes seconds to import."""
    code = "import sys; sys.argv[1:] = ['train', '--help']; import capsgan.__main__ as m\ntry:\n m.main()\nfinally:\n"
    code += " print(sorted({'keras', 'tensorflow', 'pandas', 'matplotlib', 'cv2'} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[]"
    for option in ("--gan", "--discriminator", "--steps", "--width", "--force", "dcgan", "caps", "mnist5k"):
        assert option in done.stdout


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.split()[1] == capsgan.__version__


def test_list_as_json_is_one_object_per_run(instant, capsys):
    run("train --gan gan --steps 2 --fraction 0.1 --seed 4")
    capsys.readouterr()
    assert run("list --json") == 0
    (facts,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert facts["status"] == "finished" and facts["config"]["seed"] == 4 and facts["provenance"]["backend"]


@pytest.mark.slow
def test_generate_writes_png_files_of_the_labels_asked_for(tmp_path, capsys):
    assert run(f"generate acgan-caps1-mnist-20000-s0 --count 4 --labels 3,7 --out {tmp_path / 'digits'}") == 0
    files = sorted((tmp_path / "digits").iterdir())
    assert [path.name for path in files] == ["0000.png", "0001.png", "0002.png", "0003.png"]
    digits = np.stack([read_png(path)[..., :1] for path in files])
    assert digits.shape == (4, 28, 28, 1)
    assert load_features("digits").probabilities(digits).argmax(-1).tolist() == [3, 7, 3, 7]
    assert run(f"generate acgan-caps1-mnist-20000-s0 --count 6 --grid --out {tmp_path}") == 0
    assert read_png(tmp_path / "grid.png").shape == (3 * 30 + 2, 2 * 30 + 2, 3)
    assert run(f"generate dcgan-caps1-mnist-20000-s0 --labels 3 --out {tmp_path}") == 2
    assert "has no 'labels'" in capsys.readouterr().err


@pytest.mark.slow
def test_evaluate_prints_every_metric_beside_its_floor(pair, shared_home, monkeypatch, capsys):
    monkeypatch.setenv("CAPSGAN_HOME", str(shared_home))
    first, second = (run.directory for run in pair)
    (first / "metrics.json").unlink(missing_ok=True)  # of other tests
    assert run(f"evaluate {first.name} no-such-run") == 2
    assert "run='no-such-run' names 0 runs" in capsys.readouterr().err and not (first / "metrics.json").exists()
    assert run(f"evaluate {first.name} {second.name} --samples 256") == 0
    printed = capsys.readouterr().out
    for directory in (first, second):
        metrics = json.loads((directory / "metrics.json").read_text())["metrics"]
        assert f"written: {directory / 'metrics.json'}" in printed
        numbers = [f"{metrics['digits']['fid_infinity'][side]:.4g}" for side in ("value", "floor", "held_out")]
        assert re.search("digits +fid_infinity +" + " +".join(map(re.escape, numbers)), printed)
    before = (first / "metrics.json").stat().st_mtime_ns
    assert run(f"evaluate {first.name} --samples 256") == 0
    assert f"{first.name}: scored already; --force scores it again" in capsys.readouterr().out
    assert (first / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_evaluate_without_a_name_scores_all_finished_runs_and_takes_references_by_name(home, monkeypatch, capsys):
    from capsgan.metrics import run_scores
    from capsgan.runs.reference import list_references

    scored = []
    monkeypatch.setattr(run_scores, "evaluate", lambda run, *_, **__: scored.append(run.directory.name) or 1 / 0)
    assert run("evaluate") == 0 and not scored  # no runs in this home
    reference = list_references()[0]
    assert run(f"evaluate --force {reference.directory.name}") == 1 and scored == [reference.directory.name]
    finished, unfinished = (home / "runs" / name for name in ("a", "b"))
    for directory, status in ((finished, "finished"), (unfinished, "failed")):
        directory.mkdir(parents=True)
        (directory / "config.json").write_text((reference.directory / "config.json").read_text())
        provenance = {"status": status, "image_shape": [28, 28, 1], "classes": 10}
        (directory / "provenance.json").write_text(json.dumps(provenance))
    assert run("evaluate") == 1 and scored[1:] == ["a"]


def test_evaluate_refuses_too_few_images(pair, shared_home, monkeypatch, capsys):
    monkeypatch.setenv("CAPSGAN_HOME", str(shared_home))
    assert run(f"evaluate {pair[0].directory.name} --samples 5") == 2
    assert "invalid samples=5; expected 256 or more" in capsys.readouterr().err
