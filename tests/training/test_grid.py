import time
from types import SimpleNamespace

import pytest

from capsgan.config import RunConfig
from capsgan.profiles import PROFILES
from capsgan.runs.run import run_for
from capsgan.training import grid as module
from capsgan.training import loop as training
from capsgan.training.grid import expected_seconds, train_grid

CONFIGS = [RunConfig("gan", steps=4, batch_size=4, fraction=0.05, seed=seed) for seed in range(3)]


def test_a_grid_is_all_of_seed_0_first():
    configs = PROFILES["paper"].grid(seeds=(0, 1))
    assert len(configs) == 16
    assert {config.seed for config in configs[:8]} == {0} and {config.seed for config in configs[8:]} == {1}
    assert len({(config.gan, config.discriminator) for config in configs[:8]}) == 8
    assert {(c.steps, c.batch_size, c.width, c.dataset) for c in configs} == {(20_000, 128, 1.0, "mnist")}


def test_changes_apply_to_every_run_of_a_grid():
    assert {config.steps for config in PROFILES["paper"].grid(steps=7)} == {7}


def test_all_runs_are_trained_and_reused(home, scripted, capsys):
    runs = train_grid(CONFIGS, progress=False)
    assert [run.config for run in runs] == CONFIGS and all(run.finished for run in runs)
    played = len(scripted["seen"])
    train_grid(CONFIGS, progress=False)
    assert len(scripted["seen"]) == played
    assert "3 of 3 runs are finished\n" in capsys.readouterr().out


def test_a_run_that_would_not_end_in_time_is_not_begun(home, scripted, capsys, monkeypatch):
    train_grid(CONFIGS[:1], progress=False)
    assert expected_seconds(CONFIGS[1]) == run_for(CONFIGS[0]).provenance["wall_seconds"]
    monkeypatch.setattr(module, "expected_seconds", lambda config: 1000.0)
    assert len(train_grid(CONFIGS, stop_after=500, progress=False)) == 1  # the finished one is still loaded
    assert not run_for(CONFIGS[1]).directory.exists()
    assert "1000 s expected" in capsys.readouterr().out


def test_time_of_another_kind_of_run_is_not_expected(home, scripted):
    train_grid(CONFIGS[:1], progress=False)
    assert expected_seconds(RunConfig("gan", steps=5, batch_size=4, fraction=0.05)) == 0


def test_a_run_on_its_way_stops_with_a_checkpoint_and_goes_on(home, scripted, capsys, monkeypatch):
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], perf_counter=time.perf_counter)
    for reader in (module, training):
        monkeypatch.setattr(reader, "time", clock)
    scripted["before"] = lambda number: now.append(now.pop() + 1000) if number == 6 else None  # in the second run
    done = train_grid(CONFIGS, stop_after=500, progress=False)
    assert [run.config.seed for run in done] == [0]
    said = capsys.readouterr().out
    assert "stopped after step 2" in said and "1 of 3 runs are finished; the same command goes on" in said
    assert run_for(CONFIGS[1]).status == "interrupted"
    assert len(train_grid(CONFIGS, progress=False)) == 3
    assert "going on after step 2" in capsys.readouterr().out


def test_ctrl_c_is_no_end_of_time(home, scripted):
    def interrupt(number):
        import signal

        if number == 2:
            signal.raise_signal(signal.SIGINT)

    scripted["before"] = interrupt
    with pytest.raises(KeyboardInterrupt, match="stopped after step 2"):
        train_grid(CONFIGS, stop_after=1000, progress=False)
