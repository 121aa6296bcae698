"""No work is lost to its own report: closed streams, poor encodings, a closed terminal, too little memory."""

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from capsgan.cli import runs
from capsgan.cli.commands import main
from capsgan.config import RunConfig
from capsgan.metrics import run_scores
from capsgan.paths import ROOT
from capsgan.runs.checkpoints import checkpoint_paths
from capsgan.runs.run import run_for
from capsgan.training.pacing import stop_signals


def shell(line, **variables):
    """Run a line in bash, ``capsgan`` being our command line: (status, output, error)."""
    python = f"'{sys.executable}' -m capsgan"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib")} | variables
    command = ["bash", "-c", f'set -o pipefail; capsgan() {{ {python} "$@"; }}; {line}']
    done = subprocess.run(command, env=environment, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_pipe_that_is_closed_early_is_no_fuss(home):
    assert shell("capsgan --help | head -1")[0] == 0 and shell("capsgan --help | head -1")[2] == ""


@pytest.mark.slow
def test_closed_standard_error_trains_all_the_same(home):
    line = "capsgan train --gan gan --steps 2 --fraction 0.05 --batch-size 2 2>&-"
    status, output, _ = shell(line)
    assert status == 0 and "2 steps done" in output
    assert run_for(RunConfig("gan", steps=2, fraction=0.05, batch_size=2)).finished


@pytest.mark.slow
def test_training_goes_on_when_nobody_reads_it_any_more(home):
    line = "capsgan train --gan gan --steps 2 --fraction 0.05 --batch-size 2 2>&1 | true"
    assert shell(line)[0] == 0
    assert run_for(RunConfig("gan", steps=2, fraction=0.05, batch_size=2)).finished


def test_a_character_that_the_terminal_lacks_is_escaped(home):
    code = "from capsgan.cli.streams import sturdy_streams as s\nwith s(): print('– Größe \\udce9')"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib"), "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout.decode("latin-1").strip() == "\\u2013 Größe \\udce9"


def test_other_failures_to_write_are_not_hidden():
    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        from capsgan.cli.streams import Sturdy

        Sturdy(Full()).write("x")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_a_closed_terminal_leaves_a_checkpoint(home, scripted):
    scripted["before"] = lambda number: os.kill(os.getpid(), signal.SIGHUP) if number == 3 else None
    before = signal.signal(signal.SIGHUP, lambda *_: pytest.fail("nobody was asked"))
    try:
        assert main(["train", "--gan", "gan", "--steps", "9", "--fraction", "0.1"]) == 130
    finally:
        signal.signal(signal.SIGHUP, before)
    saved = checkpoint_paths(run_for(RunConfig("gan", steps=9, fraction=0.1)).checkpoints)
    assert [path.name for path in saved][-1] == "step_00000003.npz"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as caught:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not caught and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def out_of_memory():
    from tensorflow.errors import ResourceExhaustedError

    return [
        MemoryError(),
        ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9,9]\n" * 50),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory."),
    ]


@pytest.mark.parametrize("number", range(4))
def test_too_little_memory_is_one_line_and_keeps_the_checkpoint(home, scripted, capsys, number):
    error = out_of_memory()[number]

    def give_up(step):
        if step == 3:
            raise error

    scripted["before"] = give_up
    assert main(["train", "--gan", "gan", "--steps", "9", "--fraction", "0.1", "--checkpoint-every", "1"]) == 1
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "capsgan:" in text]
    assert "not enough memory" in line and "--batch-size" in line and len(line) < 400
    assert len(checkpoint_paths(run_for(RunConfig("gan", steps=9, fraction=0.1)).checkpoints)) == 2


def test_a_mistake_of_the_program_keeps_its_traceback(home, monkeypatch):
    monkeypatch.setattr(runs, "_list", lambda options: {}["gone"])
    with pytest.raises(KeyError):
        main(["list"])


def test_a_number_that_cannot_be_had_does_not_lose_the_others(tmp_path, monkeypatch):
    values = {"a": {"value": float("nan")}, "b": [1.5, float("inf")], "c": (1, "x", None, True)}
    scores = SimpleNamespace(parts=dict, moments={}, evaluation=lambda: values)
    monkeypatch.setattr(run_scores, "_Scores", lambda *_: scores)
    run = SimpleNamespace(directory=tmp_path, config=RunConfig(), require_finished=lambda: None)
    assert run_scores.evaluate(run, progress=False) is values
    written = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert written == {"a": {"value": None}, "b": [1.5, None], "c": [1, "x", None, True]}


@pytest.mark.slow
def test_a_system_that_does_not_tell_its_memory_is_scored(pair, monkeypatch, tmp_path):
    """As on Windows."""
    import shutil

    from capsgan.metrics.run_scores import _values
    from capsgan.metrics.training_numbers import step_cost
    from capsgan.runs.run import Run
    from capsgan.study.results import metrics_frame

    shutil.copytree(pair[0].directory, tmp_path / "run")
    path = tmp_path / "run" / "provenance.json"
    path.write_text(json.dumps(pair[0].provenance | {"peak_memory_mb": None}), encoding="utf-8")
    cost = _values(step_cost(Run(tmp_path / "run", pair[0].config)))
    assert np.isnan(cost["peak_memory_mb"]["value"]) and cost["discriminator_parameters"]["value"] > 0
    cost["peak_memory_mb"]["value"] = None  # as it is written
    rows = metrics_frame([{"run": "a", "config": {}, "samples": 256, "metrics": {"cost": cost}}])
    assert rows.value.dtype == float and rows.value.isna().sum() == 1
