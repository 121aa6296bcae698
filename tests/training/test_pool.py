import os
import signal
import subprocess
import sys
import time

import pytest
from tqdm import tqdm

from capsgan.config import RunConfig
from capsgan.paths import PACKAGE
from capsgan.runs.run import run_for
from capsgan.training.grid import train_grid
from capsgan.training.loop import train
from capsgan.training.pool import Job, run_jobs

CONFIGS = [RunConfig("gan", steps=4, batch_size=4, fraction=0.05, seed=seed) for seed in range(2)]


def job(folder, name, code, **more):
    return Job(name, [sys.executable, "-c", code], folder / f"{name}.log", **more)


def test_jobs_run_side_by_side_and_each_has_one_thread(tmp_path):
    meet = "import os, time\nopen('{0}', 'w')\nwhile not os.path.exists('{1}'): time.sleep(0.01)\n"
    meet += "print(os.environ['TF_NUM_INTRAOP_THREADS'], os.environ['OMP_NUM_THREADS'])"
    paths = tmp_path / "first", tmp_path / "second"  # each waits for the other: one after the other would never end
    jobs = [job(tmp_path, "a", meet.format(*paths)), job(tmp_path, "b", meet.format(*paths[::-1]))]
    assert run_jobs(jobs, 2) == jobs or run_jobs(jobs, 2) == jobs[::-1]
    assert [each.tail() for each in jobs] == [["1 1"], ["1 1"]]


def test_a_job_that_is_alone_has_all_cores_unless_it_is_a_training(tmp_path):
    code = "import os; print(os.environ['TF_NUM_INTRAOP_THREADS'])"
    alone, training = job(tmp_path, "alone", code), job(tmp_path, "training", code, steps=5)
    run_jobs([alone], 4)
    run_jobs([training], 4)
    assert (alone.tail(), training.tail()) == (["4"], ["1"])


def test_a_job_begins_when_what_it_needs_is_done(tmp_path):
    first = job(tmp_path, "first", f"import time; time.sleep(0.5); open(r'{tmp_path / 'made'}', 'w')")
    second = job(tmp_path, "second", f"open(r'{tmp_path / 'made'}')", needs=(first,))
    assert run_jobs([second, first], 2) == [first, second]


def test_a_failed_job_is_named_with_its_last_lines_and_what_needs_it_does_not_begin(tmp_path, capsys):
    bad = job(tmp_path, "bad", "print('before'); raise SystemExit('no such digit')")
    needs_it, other = job(tmp_path, "needs it", "pass", needs=(bad,)), job(tmp_path, "other", "pass")
    assert run_jobs([bad, needs_it, other], 1) == [other]
    said = capsys.readouterr().out
    assert f"bad: failed with status 1; the end of {bad.log}:" in said and "no such digit" in said
    assert needs_it.process is None and "other: done" in said


def test_step_and_speed_are_read_from_a_trainings_bar(tmp_path):
    training = job(tmp_path, "training", "", steps=400)
    with training.log.open("w") as log:
        bar = tqdm(total=400, unit="step", file=log, mininterval=0, ncols=100)
        time.sleep(0.2)
        bar.update(100)
        bar.set_postfix_str("G 0.71 D 0.69 acc 0.50")
        bar.close()
    step, seconds = training.progress()
    assert step == 100 and seconds == pytest.approx(0.002, rel=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_reaches_every_job_once_and_the_pool_waits_for_them(tmp_path, number):
    code = "import signal, sys, time\ncount = []\nsignal.signal(signal.SIGTERM, lambda *_: count.append(1))\n"
    code += "print('ready', flush=True)\nwhile not count: time.sleep(0.01)\ntime.sleep(0.5)\nprint(len(count))"
    pool = f"""
import signal, sys
from pathlib import Path
from capsgan.training.pool import Job, run_jobs
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
folder = Path({str(tmp_path)!r})
jobs = [Job(name, [sys.executable, "-c", {code!r}], folder / name) for name in "ab"]
try:
    run_jobs(jobs, 2)
except KeyboardInterrupt:
    sys.exit(130)
"""
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    process = subprocess.Popen([sys.executable, "-c", pool], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while [p for p in ("a", "b") if not (tmp_path / p).exists() or "ready" not in (tmp_path / p).read_text()]:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130 and "stopping 2 jobs" in said
    assert [(tmp_path / name).read_text() for name in "ab"] == ["ready\n1\n", "ready\n1\n"]


@pytest.mark.slow
def test_runs_trained_side_by_side_are_those_that_are_trained_alone(home, monkeypatch, capsys):
    assert train_grid(CONFIGS, 2, device="cpu") == []
    together = [run_for(config).history.drop(columns="seconds") for config in CONFIGS]
    assert "2 of 2 runs are finished\n" in capsys.readouterr().out
    monkeypatch.setenv("CAPSGAN_HOME", str(home / "alone"))
    for config, history in zip(CONFIGS, together, strict=True):
        alone = train(config, progress=False).history.drop(columns="seconds")
        assert alone.shape == history.shape and abs(alone - history).max(axis=None) < 1e-4
    monkeypatch.setenv("CAPSGAN_HOME", str(home))
    train_grid(CONFIGS, 2)  # finished: no process begins
    assert "2 of 2" in capsys.readouterr().out
