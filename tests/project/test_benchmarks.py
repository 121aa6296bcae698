"""The benchmarks whose numbers are stored: what they measure, and that they say where."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

from capsgan.config import RunConfig
from capsgan.study.results import NETWORK

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Plan:
    """Two networks, one of them in two blocks."""

    def configs(self):
        scale = {"width": 1 / 64, "batch_size": 4}
        one, other = (RunConfig("dcgan", trunk, **scale) for trunk in ("cnn", "caps"))
        return {
            ("A", "cnn", 0): one,
            ("A", "caps", 0): other,
            ("B", "cnn", 0): RunConfig("dcgan", fraction=0.1, **scale),
        }


@pytest.mark.slow
def test_steps_are_timed_network_by_network_in_rounds(tmp_path, monkeypatch):
    benchmark = load("study_steps")
    monkeypatch.setattr(benchmark, "read_plan", Plan)
    monkeypatch.setattr(sys, "argv", ["study_steps.py", "--rounds=3", "--steps=2", f"--out={tmp_path / 'times.csv'}"])
    assert benchmark.main() == 0
    times = pd.read_csv(tmp_path / "times.csv")
    assert list(times.columns[: len(NETWORK)]) == list(NETWORK) and (times.ms > 0).all()
    assert times.groupby("discriminator")["round"].apply(list).to_dict() == {"cnn": [0, 1, 2], "caps": [0, 1, 2]}
    assert times.threads.iloc[0] >= 1 and times.cpu.iloc[0] and "keras" in times.versions.iloc[0]
    assert list(times["round"]) == [0, 0, 1, 1, 2, 2]  # in turns
