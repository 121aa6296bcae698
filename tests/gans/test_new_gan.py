"""A GAN is one file: dropped into a copy of the package, nothing else touched, it does what the others do."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")

USE = """
import json, sys
import capsgan
from capsgan.figures import curves_figure, save_figure
found, runs = {}, {}
for trunk in ("cnn", "caps"):
    config = capsgan.RunConfig("mygan", trunk, steps=6, width=1 / 64, batch_size=4, fraction=0.05, label_smoothing=0.1)
    try:
        capsgan.train(config, progress=False, stop_after=0)
    except KeyboardInterrupt:
        pass
    interrupted = capsgan.load_run(config.run_id).status
    runs[trunk] = run = capsgan.train(config, progress=False)
    plain = capsgan.train(capsgan.RunConfig.from_dict(config.to_dict() | {"label_smoothing": 0.0}), progress=False)
    smoothed = abs(run.history.d_loss[0] - plain.history.d_loss[0]) > 1e-3
    scores = capsgan.evaluate(run, 256, progress=False)["metrics"]
    found[run.config.label] = [interrupted, run.status, len(run.history), bool(smoothed), sorted(scores)]
figure = curves_figure(runs["cnn"], runs["caps"], "My GAN")
found["figure"] = [save_figure(figure, "mine", "smoke", runs.values()).exists(), len(figure.axes)]
print(json.dumps(found))
"""


def example() -> str:
    """The page's code."""
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "class LSGAN" in block)
    return code


def test_the_page_shows_the_file_as_it_is():
    assert example() == (ROOT / "lib" / "capsgan" / "gans" / "lsgan.py").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_worked_example_trains_resumes_is_scored_and_drawn_with_both_trunks(tmp_path):
    shutil.copytree(ROOT / "lib" / "capsgan", tmp_path / "capsgan", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data" / "features", tmp_path / "capsgan" / "shipped" / "features")  # as in a wheel
    code = example().replace("lsgan", "mygan").replace("LSGAN", "MyGAN")
    (tmp_path / "capsgan" / "gans" / "mygan.py").write_text(code, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "CAPSGAN_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", USE], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("figure") == [True, 3]
    places = ["cost", "digits", "discriminator", "lenet", "pixels", "training"]
    assert found == {name: ["interrupted", "finished", 6, True, places] for name in ("MyGAN", "CapsMyGAN")}
    help_text = subprocess.run(
        [sys.executable, "-m", "capsgan", "train", "--help"], env=environment, capture_output=True, text=True
    ).stdout
    assert "mygan" in help_text
