import sys

from capsgan.config import RunConfig
from capsgan.profiles import PROFILES
from capsgan.runs.run import run_for
from capsgan.training import grid as module
from capsgan.training import loop as training
from capsgan.training.grid import expected_seconds, train_grid
from capsgan.training.pool import Job

CONFIGS = [RunConfig("gan", steps=4, batch_size=4, fraction=0.05, seed=seed) for seed in range(3)]


def test_a_grid_is_all_of_seed_0_first():
    configs = PROFILES["paper"].grid(seeds=(0, 1))
    assert len(configs) == 16
    assert {config.seed for config in configs[:8]} == {0} and {config.seed for config in configs[8:]} == {1}
    assert len({(config.gan, config.discriminator) for config in configs[:8]}) == 8
    assert {(c.steps, c.batch_size, c.width, c.dataset) for c in configs} == {(20_000, 128, 1.0, "mnist")}


def test_changes_apply_to_every_run_of_a_grid():
    assert {config.steps for config in PROFILES["paper"].grid(steps=7)} == {7}


def test_finished_runs_are_reused_and_no_process_begins(home, scripted, capsys):
    for config in CONFIGS:
        training.train(config, progress=False)
    assert train_grid(CONFIGS, 2) == []
    assert "3 of 3 runs are finished\n" in capsys.readouterr().out
    assert not (home / "runs" / ".logs").exists()


def test_a_run_that_would_not_end_in_time_is_not_begun(home, scripted, capsys, monkeypatch):
    training.train(CONFIGS[0], progress=False)
    assert expected_seconds(CONFIGS[1]) == run_for(CONFIGS[0]).provenance["wall_seconds"]
    monkeypatch.setattr(module, "expected_seconds", lambda config: 1000.0)
    assert train_grid(CONFIGS, 2, stop_after=500) == []
    assert not run_for(CONFIGS[1]).directory.exists()
    said = capsys.readouterr().out
    assert "1000 s expected, 500 s left; not started" in said
    assert "1 of 3 runs are finished; run the same command to continue" in said


def test_time_of_another_kind_of_run_is_not_expected(home, scripted):
    training.train(CONFIGS[0], progress=False)
    assert expected_seconds(RunConfig("gan", steps=5, batch_size=4, fraction=0.05)) == 0


def test_a_training_gets_the_time_that_is_left_and_what_fails_is_returned(home, capsys, monkeypatch):
    def job(config, options):
        code = f"import sys; print(sys.argv[-1]); sys.exit({config.seed})"
        return Job(f"seed {config.seed}", [sys.executable, "-c", code], home / f"{config.seed}.log", steps=4)

    monkeypatch.setattr(module, "training_job", job)
    failed = train_grid(CONFIGS, 3, stop_after=500)
    assert [each.name for each in failed] == ["seed 1", "seed 2"]
    lefts = [int(Job("", [], home / f"{seed}.log").tail()[0].removeprefix("--stop-after=")) for seed in range(3)]
    assert all(480 <= left <= 500 for left in lefts)
    assert "1 of 3 runs are finished" in capsys.readouterr().out
