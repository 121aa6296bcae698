import json
import os
import subprocess
import sys

import pytest

from capsgan.config import RunConfig
from capsgan.paths import ROOT
from capsgan.profiles import PROFILES
from capsgan.runs.writer import RecordedRun


def run_all(script, *options):
    command = [sys.executable, str(ROOT / "scripts" / script), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib")}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
def test_a_dry_run_says_what_would_run_and_why_and_trains_nothing(home):
    finished, begun = (PROFILES["smoke"].config("dcgan", trunk) for trunk in ("cnn", "caps"))
    for config, status in ((finished, "finished"), (begun, "running")):
        run = RecordedRun(home / "runs" / config.run_id, config)
        run.write_json("config.json", config.to_dict())
        run.write_json("provenance.json", {"status": status})
    before = sorted(home.rglob("*"))
    said = run_all("run_notebooks.py", "--profile", "smoke", "--notebooks", "02,05,08", "--dry-run").stdout
    assert f"reuse: finished                          {finished.title}\n" in said
    assert f"train: interrupted after step 0          {begun.title}\n" in said
    assert said.count("train: not started") == 2 and said.count("InfoGAN, 12 steps of mnist5k, seed 0") == 2
    assert "execute: after 1 trainings               notebook 02_dcgan\n" in said
    assert "execute: after 2 trainings               notebook 05_infogan\n" in said
    assert "execute                                  notebook 08_testing_the_claims\n" in said
    assert [path for path in sorted(home.rglob("*")) if ".locks" not in str(path)] == before


@pytest.fixture
def executed(home):
    """A copy of notebook 08 that was executed to its end just now, for seed 0."""
    path = home / "build" / "notebooks" / "smoke" / "08_testing_the_claims.ipynb"
    path.parent.mkdir(parents=True)
    (home / "figures" / "smoke").mkdir(parents=True)
    made = {"end_time": "now", "exception": None, "parameters": {"SEED": 0}}
    path.write_text(json.dumps({"cells": [], "metadata": {"papermill": made}}))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("change", ["nothing", "an older copy", "a failed copy", "no figures", "another seed"])
def test_a_notebook_is_executed_again_only_if_something_changed(executed, change):
    seed = "1" if change == "another seed" else "0"
    if change == "an older copy":  # than the library
        os.utime(executed, (1, 1))
    elif change == "a failed copy":
        executed.write_text(executed.read_text().replace("null", "true"))
    elif change == "no figures":
        (executed.parents[3] / "figures" / "smoke").rmdir()
    said = run_all("run_notebooks.py", "--profile", "smoke", "--seeds", seed, "--dry-run").stdout
    assert ("execute                                  notebook 08" in said) == (change != "nothing"), said
    assert ("up to date, nothing changed: 08_testing_the_claims" in said) == (change == "nothing")


def test_titles_tell_the_runs_of_the_course_apart():
    plain = RunConfig("wgan", steps=83)
    everything = RunConfig("wgan", steps=83, weight_clipping="all")
    assert plain.title == "WGAN, 83 steps of mnist5k, seed 0"
    assert everything.title == "WGAN, 83 steps of mnist5k, seed 0, weight clipping all"


@pytest.mark.parametrize(
    ("script", "options", "named"),
    [
        ("run_notebooks.py", ("--jobs", "3"), "--jobs need --study"),
        ("run_notebooks.py", ("--cores", "0"), "expected 1 or more"),
        ("run_study.py", ("--study", "no/such.yaml"), "no/such.yaml"),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_is_one_line_and_status_2(script, options, named):
    refused = run_all(script, *options)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert named in refused.stderr
