"""Runs survive: killed, interrupted, damaged or started twice, they end as if nothing had happened, bit for bit."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest

from capsgan.cli.commands import main
from capsgan.config import RunConfig
from capsgan.paths import ROOT
from capsgan.runs.checkpoints import checkpoint_paths, read_checkpoint
from capsgan.runs.run import run_for
from capsgan.training import loop as training
from capsgan.training.loop import train

# ACGAN's classical trunk has dropout, whose seeds are state, and labels, which are drawn.
CONFIG = RunConfig("acgan", "cnn", steps=24, batch_size=4, fraction=0.05, snapshots=(7,))
EVERY = 3
COMMAND = "train --gan acgan --discriminator cnn --steps 24 --batch-size 4 --fraction 0.05 --snapshots 7"
PATIENCE = 120  # seconds; a machine under load is slow


def start(home):
    """The run of CONFIG in a process of its own."""
    home.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"CAPSGAN_HOME": str(home), "PYTHONPATH": str(ROOT / "lib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "capsgan", *COMMAND.split(), "--checkpoint-every", str(EVERY)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes)


def directory(home):
    return home / "runs" / CONFIG.run_id


def resume(home):
    """The run of CONFIG in this process, and what it prints."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setenv("CAPSGAN_HOME", str(home))
        run = train(CONFIG, checkpoint_every=EVERY, progress=False)
    return run, printed.getvalue()


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Two processes at once, one left alone and one killed; a third waits for the first."""
    homes = {name: tmp_path_factory.mktemp(name) for name in ("killed", "whole")}
    processes = {name: start(home) for name, home in homes.items()}
    results = dict(homes)

    try:
        # The stopped one holds its lock and stays unfinished until the third has come.
        deadline, pending = time.monotonic() + PATIENCE, {"whole": (1, signal.SIGSTOP), "killed": (2, signal.SIGKILL)}
        while pending:
            for name, (checkpoints, number) in list(pending.items()):
                assert processes[name].poll() is None, f"{name} ended early: {processes[name].communicate()}"
                if len(checkpoint_paths(directory(homes[name]) / "checkpoints")) >= checkpoints:
                    processes[name].send_signal(number)
                    del pending[name]
            assert time.monotonic() < deadline, "took too long"
            time.sleep(0.005)
        processes["killed"].wait()
        results["left behind"] = shutil.copytree(homes["killed"], tmp_path_factory.mktemp("copy") / "home")
        threading.Timer(1, processes["whole"].send_signal, [signal.SIGCONT]).start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "build_gan", lambda *_: pytest.fail("trained a second time"))
            results["waited"] = resume(homes["whole"])
        for name, process in processes.items():
            results[f"{name} output"] = process.communicate(timeout=PATIENCE)
            results[f"{name} status"] = process.returncode
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    return results


@pytest.fixture(scope="module")
def whole(homes):
    return homes["waited"][0]


def assert_same_result(run, whole):
    ours, theirs = (r.history.drop(columns="seconds") for r in (run, whole))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    for player in ("generator", "discriminator"):
        for mine, other in zip(getattr(run, player).weights, getattr(whole, player).weights, strict=True):
            np.testing.assert_array_equal(mine.numpy(), other.numpy(), err_msg=mine.path)
    for mine, other in zip(run.weights_at(7), whole.weights_at(7), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert [p.read_bytes() for p in run.sample_paths()] == [p.read_bytes() for p in whole.sample_paths()]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_history_and_weights(homes, whole):
    assert homes["killed status"] == -signal.SIGKILL
    left = [int(path.stem[-8:]) for path in checkpoint_paths(directory(homes["killed"]) / "checkpoints")]
    assert left and left[-1] < CONFIG.steps
    before = run_in(homes["killed"]).history.step.tolist()
    assert before == list(range(1, left[-1] + 1))
    run, printed = resume(homes["killed"])
    assert f"going on after step {left[-1]}" in printed
    assert_same_result(run, whole)


def run_in(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(home))
        return run_for(CONFIG)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_saves_and_says_how_to_go_on(home, scripted, capsys, number):
    options = {"gan": "gan", "steps": 9, "batch-size": 4, "fraction": 0.05, "checkpoint-every": 4}
    line = ["train", *(f"--{name}={value}" for name, value in options.items())]
    scripted["before"] = lambda step: step == 7 and os.kill(os.getpid(), number)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert main(line) == 130
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    error = capsys.readouterr().err
    assert re.search(r"gan-cnn-\S+ stopped after step 7; the same call continues from there", error.splitlines()[-1])
    assert "Traceback" not in error and len(scripted["seen"]) == 7
    scripted["before"] = lambda step: None
    assert main(line) == 0
    assert "going on after step 7" in capsys.readouterr().out and len(scripted["seen"]) == 9


@pytest.mark.slow
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(homes, whole, tmp_path):
    home = tmp_path / "damaged"
    shutil.copytree(homes["left behind"], home)
    older, newest = checkpoint_paths(directory(home) / "checkpoints")
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size // 2)
    with pytest.warns(UserWarning, match=rf"checkpoint {newest.name} is damaged .*set aside as {newest.stem}\.damaged"):
        run, printed = resume(home)
    assert f"going on after step {int(older.stem[-8:])}" in printed
    assert_same_result(run, whole)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["a flipped byte", "an empty file", "no zip at all"])
def test_every_kind_of_damage_is_noticed(homes, tmp_path, damage):
    home = tmp_path / "home"
    shutil.copytree(homes["left behind"], home)
    older, newest = checkpoint_paths(directory(home) / "checkpoints")
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    newest.write_bytes({"a flipped byte": data, "an empty file": b"", "no zip at all": b"checkpoint"}[damage])
    expected = int(older.stem[-8:])
    seen = run_in(home).history.step.iloc[-1]  # the flipped byte is not in the history
    assert seen == int(newest.stem[-8:]) if damage == "a flipped byte" else seen == expected
    assert newest.exists()  # one who only looks renames nothing: another process may be training
    with pytest.warns(UserWarning, match=rf"{newest.name} is damaged"):
        step, history, _ = read_checkpoint(newest.parent)
    assert step == len(history) == expected
    assert not newest.exists() and newest.with_suffix(".damaged").exists()


@pytest.mark.slow
def test_a_second_process_waits_says_so_and_loads_what_the_first_made(homes, whole):
    run, printed = homes["waited"]
    assert "another process is training this run; waiting" in printed
    assert run.finished and homes["whole status"] == 0
    assert len(run.history) == CONFIG.steps
    output, _ = homes["whole output"]
    assert "ACGAN: 24 steps done, run in " in output and str(run.directory) in output


@pytest.mark.slow
def test_a_directory_with_another_config_is_refused_and_left_alone(homes, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(homes["left behind"], home)
    other = CONFIG.to_dict() | {"batch_size": 6}
    (directory(home) / "config.json").write_text(json.dumps(other))
    before = {path: path.read_bytes() for path in directory(home).rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"a different config \(batch_size=6, not 4\); remove it or use --force"):
        resume(home)
    assert {path: path.read_bytes() for path in directory(home).rglob("*") if path.is_file()} == before
