"""``train`` keeps its word: one row a step, one graph, no growth, and errors that say where things stand."""

import errno
import gc
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.engines import get_engine
from capsgan.gans.base import METRICS
from capsgan.paths import DiskError
from capsgan.runs.checkpoints import checkpoint_paths
from capsgan.runs.run import COLUMNS, run_for
from capsgan.training import loop as training
from capsgan.training.loop import TrainingDiverged, train
from capsgan.training.pacing import Pacing, drawn_ahead
from capsgan.training.step import compile_step

TINY = {"gan": "gan", "batch_size": 4, "fraction": 0.05}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One run of 25 steps after 3 of warm-up; what it printed, its step function and the generator's weights."""
    kept = {}
    build = training.build_gan

    def spy(gan, images, labels, steps_per_call):
        step = compile_step(gan, images, labels, steps_per_call)
        kept.update(gan=gan, start=gan.generator.get_weights(), step=step)

        def step(batches, train_generator):
            before = [variable.numpy() for variable in gan.generator.trainable_variables]
            values = kept["step"](batches, train_generator)
            after = gan.generator.trainable_variables
            moved = [not np.array_equal(a, b.numpy()) for a, b in zip(before, after, strict=True)]
            kept.setdefault("moved", []).append(any(moved))
            return values

        return step

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(tmp_path_factory.mktemp("trained")))
        patch.setattr(training, "compile_step", spy)
        patch.setattr(training, "build_gan", build)
        config = RunConfig(steps=25, discriminator_warmup=3, snapshots=(5, 20), **TINY)
        kept["run"] = train(config, checkpoint_every=4, samples_every=10, progress=False)
    kept["end"] = kept["gan"].generator.get_weights()
    return kept


def config_of(**changes):
    return RunConfig(**{"steps": 10} | TINY | changes)


def test_history_has_one_row_per_step_and_the_promised_columns(trained):
    history = trained["run"].history
    assert tuple(history.columns) == COLUMNS == ("step", *METRICS, "seconds")
    assert METRICS == ("g_loss", "d_loss", "accuracy", "accuracy_real", "accuracy_fake")
    assert history.step.tolist() == list(range(-2, 26))
    assert np.isfinite(history[history.step > 0].to_numpy()).all()
    assert (history.seconds > 0).all()
    assert history[["accuracy", "accuracy_real", "accuracy_fake"]].stack().between(0, 1).all()


def test_warm_up_trains_the_discriminator_alone(trained):
    history = trained["run"].history
    warm_up = history[history.step <= 0]
    assert len(warm_up) == 3 and warm_up.g_loss.isna().all() and warm_up.d_loss.notna().all()
    assert trained["moved"] == [False] * 3 + [True] * 25


def test_a_step_function_is_traced_once_for_each_kind_of_step(trained):
    assert trained["step"].traces() == 2  # warm-up, and both players


@pytest.mark.slow
def test_memory_does_not_grow_with_steps(trained):
    """100 steps keep no object, and less than 10 MB: a copy of the data a step would be 15 MB."""
    gan, step = trained["gan"], trained["step"]

    def play(steps):
        for number in range(steps):
            step([gan.draw_batch(number, 200)])
        gc.collect()
        return len(gc.get_objects()), resident_kb()

    objects, before = play(50)
    kept, after = play(100)
    assert kept - objects < 50
    assert after - before < 10_000
    assert step.traces() == 2


def resident_kb():
    status = Path("/proc/self/status")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) if status.exists() else 0


def test_sample_grids_are_kept_of_the_first_the_last_and_the_chosen_steps(trained):
    names = [path.name for path in trained["run"].sample_paths()]
    assert names == [f"step_{step:08d}.png" for step in (1, 10, 20, 25)]


def test_a_finished_run_keeps_models_and_drops_checkpoints(trained):
    run = trained["run"]
    assert run.finished and not run.checkpoints.exists()
    names = {path.name for path in run.directory.iterdir()}
    weights = {"generator.weights.h5", "discriminator.weights.h5"}
    assert names == weights | {"config.json", "history.csv", "provenance.json", "samples", "snapshots"}
    for ours, disk in zip(trained["end"], fresh(run).generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, disk)


def fresh(run):
    return type(run)(run.directory, run.config)


def test_snapshots_are_the_generator_of_their_step(trained):
    run, last = trained["run"], trained["end"]
    early, late = (run.weights_at(step) for step in (5, 20))
    start = trained["start"]

    def far(a, b):
        return sum(float(np.abs(x - y).mean()) for x, y in zip(a, b, strict=True))

    assert 0 < far(early, start) < far(late, start)
    assert far(late, last) < far(early, last)
    with pytest.raises(ValueError, match=r"step=7 has no snapshot.*\[5, 20\]"):
        run.weights_at(7)


def test_the_same_config_again_is_loaded_and_not_trained(trained, monkeypatch):
    run = trained["run"]
    monkeypatch.setenv("CAPSGAN_HOME", str(run.directory.parent.parent))
    monkeypatch.setattr(training, "build_gan", lambda *_: pytest.fail("trained again"))
    stamps = {path: path.stat().st_mtime_ns for path in run.directory.rglob("*")}
    again = train(run.config, progress=False)
    assert again.history.equals(run.history)
    assert {path: path.stat().st_mtime_ns for path in run.directory.rglob("*")} == stamps


def test_force_trains_a_finished_run_again(home, scripted):
    first = train(config_of(), progress=False)
    assert len(scripted["seen"]) == 10
    (first.directory / "left-over").touch()
    train(config_of(), progress=False)
    assert len(scripted["seen"]) == 10
    again = train(config_of(), force=True, progress=False)
    assert len(scripted["seen"]) == 20 and again.finished and not (again.directory / "left-over").exists()


def test_the_newest_two_checkpoints_are_kept(home, scripted):
    scripted[10] = (math.nan,) * 5
    with pytest.raises(TrainingDiverged):
        train(config_of(), checkpoint_every=2, progress=False)
    names = [path.name for path in checkpoint_paths(run_for(config_of()).checkpoints)]
    assert names == ["step_00000006.npz", "step_00000008.npz"]


def test_the_newest_checkpoint_of_a_warm_up_is_kept_too(home, scripted):
    config = config_of(discriminator_warmup=8)
    scripted[8] = (math.nan,) * 5  # at step 0
    with pytest.raises(TrainingDiverged):
        train(config, checkpoint_every=2, progress=False)
    assert run_for(config).history.step.iloc[-1] == -2


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_step_and_checkpoint(home, scripted, column, value):
    scripted[7] = tuple(value if number == column else 0.5 for number in range(5))
    with pytest.raises(TrainingDiverged, match=r"diverged at step 7 .*last good checkpoint is .*step_00000006\.npz"):
        train(config_of(), checkpoint_every=3, progress=False)
    run = run_for(config_of())
    assert run.status == "failed" and run.provenance["failed_at_step"] == 7
    assert run.history.step.iloc[-1] == 6


def test_divergence_before_the_first_checkpoint_says_so(home, scripted):
    scripted[1] = (math.nan,) * 5
    with pytest.raises(TrainingDiverged, match=r"at step 1 .*there is no checkpoint yet"):
        train(config_of(), progress=False)


def test_a_checkpoint_of_ruined_weights_is_never_called_good(home, monkeypatch, scripted):
    """The loss of a step is taken before its move: the move can ruin the weights while the loss is still finite."""
    build = training.build_gan

    def ruined(*args):
        gan = build(*args)
        draw = gan.draw_batch

        def draw_batch(step, count):
            if step == 6:
                gan.generator.trainable_variables[0].assign(gan.generator.trainable_variables[0] * math.nan)
            return draw(step, count)

        gan.draw_batch = draw_batch
        return gan

    monkeypatch.setattr(training, "build_gan", ruined)
    scripted[7] = (math.nan,) * 5
    with pytest.raises(TrainingDiverged):
        train(config_of(), checkpoint_every=3, progress=False)
    with np.load(checkpoint_paths(run_for(config_of()).checkpoints)[-1]) as archive:
        assert all(np.isfinite(archive[key]).all() for key in archive.files if key.startswith("v"))


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_written(home, monkeypatch):
    monkeypatch.setattr(get_engine(), "gpu_count", lambda: 0)
    with pytest.raises(ValueError, match=r"invalid device='gpu'; expected auto \| cpu .*0 GPUs"):
        train(config_of(), device="gpu")
    assert list(home.iterdir()) == []


def test_an_unknown_device_is_refused_by_name(home):
    with pytest.raises(ValueError, match=r"device='tpu'.*expected auto"):
        train(config_of(), device="tpu")
    assert list(home.iterdir()) == []


def test_a_home_that_is_a_file_is_named_with_the_way_out(tmp_path, monkeypatch):
    file = tmp_path / "home"
    file.touch()
    monkeypatch.setenv("CAPSGAN_HOME", str(file))
    with pytest.raises(DiskError, match="CAPSGAN_HOME") as caught:
        train(config_of(), progress=False)
    assert str(file) in str(caught.value)


def test_a_home_that_is_read_only_is_named_with_the_way_out(home, monkeypatch):
    read_only(monkeypatch, home)
    with pytest.raises(DiskError, match="CAPSGAN_HOME") as caught:
        train(config_of(), progress=False)
    assert str(home) in str(caught.value)


def test_a_home_that_has_become_read_only_is_named_with_the_way_out(home, monkeypatch):
    (home / "runs" / ".locks").mkdir(parents=True)
    read_only(monkeypatch, home)
    with pytest.raises(DiskError, match="CAPSGAN_HOME") as caught:
        train(config_of(), progress=False)
    assert str(home) in str(caught.value)


def read_only(monkeypatch, home):
    """The system's answers on a read-only disk, for root too."""

    def refusing(call):
        def refuse(path, *args, **kwargs):
            making = call.__name__ != "open" or (args and args[0] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            if making and str(path).startswith(str(home)) and not Path(path).is_dir():
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return call(path, *args, **kwargs)

        return refuse

    monkeypatch.setattr(os, "mkdir", refusing(os.mkdir))
    monkeypatch.setattr(os, "open", refusing(os.open))


@pytest.mark.slow
def test_a_full_disk_loses_nothing(home, monkeypatch, scripted):
    """The disk fills up at the second checkpoint; once there is room, the same call continues after the first."""
    write, fsync, checkpoints = np.savez, os.fsync, []

    def savez(file, **arrays):
        checkpoints.append(file.fileno())
        write(file, **arrays)

    def full(descriptor):
        if len(checkpoints) == 2 and descriptor == checkpoints[-1]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", savez)
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskError, match=r"No space left.*CAPSGAN_HOME.*continues from its last checkpoint"):
            train(config_of(), checkpoint_every=3, progress=False)
    run = run_for(config_of())
    assert [path.name for path in checkpoint_paths(run.checkpoints)] == ["step_00000003.npz"]
    assert not list(run.directory.rglob("*.tmp"))
    assert len(scripted["seen"]) == 6
    assert train(config_of(), checkpoint_every=3, progress=False).finished
    assert len(scripted["seen"]) == 6 + 7  # steps 4 to 10
    assert run.history.step.tolist() == list(range(1, 11))


def test_a_dataset_that_cannot_be_had_costs_no_finished_run(home, monkeypatch, scripted):
    run = train(config_of(), progress=False)
    monkeypatch.setattr(training, "load_dataset", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("no network")))
    with pytest.raises(RuntimeError, match="no network"):
        train(config_of(), force=True, progress=False)
    assert fresh(run).finished


def test_the_time_left_is_estimated_after_20_timed_steps(home, scripted, capsys):
    train(config_of(steps=50))
    printed = capsys.readouterr().out
    assert re.search(r"GAN: \d+ ms per step, about \d+\.\d minutes to go", printed)


@pytest.mark.slow
def test_a_short_or_silent_run_estimates_nothing(home, scripted, capsys):
    train(config_of(steps=20))
    train(config_of(steps=50), progress=False)
    assert capsys.readouterr().out == ""


def schedule(**changes):
    values = {"first": 1, "last": 20, "snapshots": (), "checkpoint_every": 100, "samples_every": 100}
    return Pacing(**values | {"steps_per_call": 4} | changes)


def test_steps_are_played_together_as_far_as_the_next_pause():
    calls = [list(call) for call in schedule(samples_every=6, snapshots=(8,), checkpoint_every=20).calls()]
    assert calls == [[1], [2, 3, 4, 5], [6], [7, 8], [9, 10, 11, 12], [13, 14, 15, 16], [17, 18], [19, 20]]


@pytest.mark.parametrize(
    "changes",
    [{"checkpoint_every": 6}, {"samples_every": 6}, {"snapshots": (6,)}, {"first": -5}, {"first": 3}, {"last": 18}],
    ids=str,
)
def test_no_call_runs_past_a_step_after_which_something_is_written(changes):
    plan = schedule(**changes)
    calls = [list(call) for call in plan.calls()]
    assert [step for call in calls for step in call] == list(range(plan.first, plan.last + 1))
    for call in calls:
        for step in call[:-1]:
            assert step != 0 and not plan.samples(step) and not plan.saves(step) and step not in plan.snapshots


def test_the_next_calls_batches_are_drawn_before_the_present_one_ends():
    drawn = []
    batches = drawn_ahead(lambda step: drawn.append(step) or step, iter([range(1, 3), range(3, 4)]))
    steps, first = next(batches)
    assert list(steps) == [1, 2] and first == [1, 2]
    assert [list(steps) for steps, _ in batches] == [[3]]
    assert drawn == [1, 2, 3]


def test_a_session_is_written_down(trained):
    (session,) = trained["run"].provenance["sessions"]
    assert session["backend"] == "tensorflow" and session["from_step"] == -2 and session["steps_per_call"] == 1


def test_a_callback_sees_every_step_once_its_files_are_written(home, scripted):
    seen = []

    def callback(run, step, metrics):
        seen.append((step, metrics["g_loss"], (run.directory / "samples" / f"step_{step:08d}.png").exists()))

    scripted[2] = (0.5, 0.4, 0.3, 0.2, 0.1)
    config = RunConfig(steps=4, **TINY)
    train(config, samples_every=2, callbacks=[callback], progress=False)
    assert [step for step, *_ in seen] == [1, 2, 3, 4] and seen[1][1] == pytest.approx(0.5)
    assert [written for *_, written in seen] == [True, True, False, True]


@pytest.mark.slow
def test_tensorboard_gets_losses_and_samples(home, scripted, tmp_path):
    pytest.importorskip("tensorboardX")
    from capsgan.training.callbacks import TensorBoard

    run = train(RunConfig(steps=3, **TINY), callbacks=[TensorBoard(tmp_path / "logs")], progress=False)
    (events,) = (tmp_path / "logs" / run.directory.name).iterdir()
    data = events.read_bytes()
    assert all(data.count(name.encode()) == 3 for name in ("g_loss", "d_loss")) and b"PNG" in data
