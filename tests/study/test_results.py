"""From runs to the results table, its files, and the small measures that it collects."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from capsgan.metrics.cache import remembered
from capsgan.metrics.fresh_critic import fresh_critic_losses
from capsgan.metrics.image_scores import sharpness
from capsgan.metrics.training_numbers import curve_numbers
from capsgan.paths import ROOT
from capsgan.runs.reference import ReferenceRun
from capsgan.runs.run import Run
from capsgan.study import results as module
from capsgan.study.plan import read_plan
from capsgan.study.results import (
    collect,
    collect_results,
    judge_pairs,
    load_results,
    planned_runs,
    save_results,
    with_step_times,
)

PLAN = read_plan()
RNG = np.random.default_rng(0)
OF_SEED_0 = {arm: replace(PLAN.configs()["A", arm, 0], precision="float32") for arm in PLAN.blocks["A"].arms}


def history(steps=200, **columns):
    base = {"step": np.arange(1, steps + 1), "g_loss": 1.0, "d_loss": 1.0, "accuracy": 0.5, "seconds": 0.1}
    return pd.DataFrame(base | columns)


def test_curves_that_fluctuate_less_and_less_are_told_from_flat_ones():
    step = np.arange(1, 201)
    swing = np.where(step % 2, 1.0, -1.0) * np.linspace(1, 0.1, 200)
    numbers = curve_numbers(history(g_loss=2 + swing, d_loss=np.linspace(0, 3, 200)))
    assert numbers["g_loss_fluctuation_early"] > 4 * numbers["g_loss_fluctuation_late"] > 0.1
    assert numbers["g_loss"] == pytest.approx(2, abs=0.02)
    assert numbers["d_loss_fluctuation_early"] < 0.05  # a trend is no fluctuation
    assert numbers["accuracy_settled"] == 0


def test_an_accuracy_has_settled_when_its_running_mean_stays_near_its_end():
    accuracy = np.r_[np.full(60, 0.9), np.full(140, 0.5)]
    assert curve_numbers(history(accuracy=accuracy))["accuracy_settled"] == pytest.approx(0.3, abs=0.03)


def test_the_warm_up_is_no_part_of_the_curves():
    warm = history(20, step=np.arange(-19, 1), accuracy=0.99)
    assert curve_numbers(pd.concat([warm, history()])) == curve_numbers(history())


def test_blur_lowers_sharpness_and_flat_images_have_none():
    import cv2

    images = RNG.integers(0, 256, (5, 28, 28, 1), "uint8")
    blurred = np.stack([cv2.GaussianBlur(image, (5, 5), 1.5) for image in images])[..., None]
    assert sharpness(images) > 10 * sharpness(blurred) > 0
    assert sharpness(np.full_like(images, 200)) == 0
    assert sharpness(np.repeat(images, 3, axis=-1)) == pytest.approx(sharpness(images))


def test_answers_are_remembered_by_content_and_not_by_place():
    calls = []

    @remembered
    def total(array, scale=1):
        calls.append(1)
        return array.sum() * scale

    array = np.arange(5)
    assert total(array) == total(array.copy()) == 10 and len(calls) == 1
    array[0] = 7
    assert total(array) == 17 and total(array, scale=2) == 34 and len(calls) == 3
    assert total(array.astype("float64")) == 17 and total(array.reshape(1, 5)) == 17 and len(calls) == 5
    for number in range(40):
        total(np.full(3, number))
    total(np.arange(5))
    assert len(calls) == 46  # forgotten by then


@pytest.mark.slow
def test_a_fresh_critic_tells_a_bad_generator_from_a_perfect_one():
    from capsgan.data.datasets import load_dataset

    images = RNG.permutation(load_dataset("mnist5k").images)
    noise = RNG.integers(0, 256, (600, 28, 28, 1), "uint8")
    good, bad = fresh_critic_losses([images[:600], noise], images[600:])
    # of three images the good one's are, two are called real: D = 2/3
    assert good == pytest.approx(np.log(1.5), abs=0.25) and bad > 2
    with pytest.raises(ValueError, match=r"\[600, 10\] images are not equal numbers"):
        fresh_critic_losses([noise, images[:10]], images)
    with pytest.raises(ValueError, match=r"generated\[1\]: invalid dtype"):
        fresh_critic_losses([noise, noise / 255], images)


@pytest.fixture
def evaluated(pair, tmp_path):
    """Copies of the two runs with a small metrics.json each, and a run that failed."""
    import shutil

    from capsgan.runs.run import Run

    runs = []
    for number, run in enumerate((*pair, pair[0])):
        directory = tmp_path / f"{number}-{run.directory.name}"
        shutil.copytree(run.directory, directory)
        runs.append(Run(directory, run.config))
        if number < 2:
            metrics = {
                "digits": {"fid": {"value": 2.0 + number, "floor": 0.5, "held_out": 0.6}},
                "cost": {"peak_memory_mb": {"value": 9.0}},
            }
            evaluation = {"run": directory.name, "config": run.config.to_dict(), "samples": 300, "metrics": metrics}
            (directory / "metrics.json").write_text(json.dumps(evaluation))
        else:
            provenance = run.provenance | {"status": "failed"}
            (directory / "provenance.json").write_text(json.dumps(provenance))
    return runs


def test_results_have_a_row_a_number_and_one_for_a_run_that_failed(evaluated, tmp_path):
    results = collect_results(evaluated)
    assert len(results) == 5 and list(results.status) == ["finished"] * 4 + ["failed"]
    assert results.value.isna().sum() == 1 and set(results.seed) == {3}
    assert set(results.commit) == {evaluated[0].provenance["commit"]}
    save_results(results, "few", tmp_path)
    again = load_results("few", tmp_path)
    pd.testing.assert_frame_equal(
        again.sort_values(["run", "metric"]).reset_index(drop=True)[
            ["run", "metric", "value", "floor", "held_out", "status"]
        ],
        results.sort_values(["run", "metric"]).reset_index(drop=True)[
            ["run", "metric", "value", "floor", "held_out", "status"]
        ],
    )
    with pytest.raises(ValueError, match="results='many' are not there; expected few"):
        load_results("many", tmp_path)


def test_runs_that_have_not_been_evaluated_are_named(evaluated):
    (evaluated[1].directory / "metrics.json").unlink()
    with pytest.raises(ValueError, match=f"{evaluated[1].directory.name} .finished.: no metrics.json"):
        collect_results(evaluated)


def test_a_pair_is_judged_together_and_a_run_without_partner_is_not(pair, monkeypatch):
    monkeypatch.setattr(module, "fresh_critic_losses", lambda generated, real, seed: [len(g) + seed for g in generated])
    judged = judge_pairs(pair, None, 12)
    assert set(judged.run) == {run.directory.name for run in pair} and set(judged.value) == {15}
    assert judge_pairs(pair[:1], None, 12).empty


def stub(config, directory, kind=Run, status="finished"):
    """A run of the plan without its networks, scored beforehand: its FIDs at all snapshots."""
    directory = directory / config.run_id
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config.to_dict()))
    provenance = {"status": status, "commit": "abc", "device": "cpu", "cpu": "EPYC", "image_shape": [28, 28, 1]}
    (directory / "provenance.json").write_text(json.dumps(provenance))
    found = {"run": directory.name, "config": config.to_dict(), "samples": PLAN.samples}
    found["metrics"] = {"digits": {"fid": {"value": 2.0, "floor": 0.5, "held_out": 0.6}}}
    found["snapshots"] = {str(step): {"digits": {"fid": 2.0 + config.seed}} for step in config.snapshots}
    (directory / "metrics.json").write_text(json.dumps(found))
    return kind(directory, config)


def load_nothing(name):
    return SimpleNamespace(images=None)


@pytest.fixture
def study(home, monkeypatch, tmp_path):
    """One seed of block A on disk, with snapshots and precision of their own, one of C stored, and a stranger."""
    configs, stored = PLAN.configs(), tmp_path / "stored"
    snapshots = (18_000, 19_000, 20_000)
    stub(OF_SEED_0["caps"], home / "runs")
    stub(replace(OF_SEED_0["cnn"], snapshots=snapshots), home / "runs")
    stub(OF_SEED_0["matched"], home / "runs", status="failed")
    stub(configs["B", "caps", 3], home / "runs", status="interrupted")
    stub(replace(configs["A", "caps", 1], label_smoothing=0.1), home / "runs")
    references = [
        stub(configs["C", "cnn", 0], stored, ReferenceRun),
        stub(OF_SEED_0["caps"], stored, ReferenceRun),
    ]
    monkeypatch.setattr(module, "list_references", lambda: references)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(module, "load_results", lambda name: load_results(name, tmp_path))
    monkeypatch.setattr(module, "save_results", lambda results, name: save_results(results, name, tmp_path))
    monkeypatch.setattr(module, "judge_pairs", lambda *_: pd.DataFrame())
    monkeypatch.setattr(module, "load_dataset", load_nothing)
    monkeypatch.setattr(module, "is_scored", lambda run, samples: (run.directory / "metrics.json").exists())
    return tmp_path


def test_the_plans_runs_are_found_whatever_their_precision_and_snapshots(study):
    found = {(run.config.gan, run.config.discriminator, run.config.seed): run for run in planned_runs(PLAN)}
    assert set(found) == {
        *(("dcgan", trunk, 0) for trunk in ("caps", "cnn", "cnn-matched")),
        ("dcgan", "caps", 3),
        ("acgan", "cnn", 0),
    }
    assert isinstance(found["acgan", "cnn", 0], ReferenceRun)
    assert not isinstance(found["dcgan", "caps", 0], ReferenceRun)  # that on disk goes before the stored one


@pytest.mark.slow
def test_collect_writes_results_and_verdicts_of_the_plans_runs_only(study, monkeypatch):
    save_results(load_results("study"), "study", study)  # of an earlier profile
    said, scored = [], []
    (study / "stored" / PLAN.configs()["C", "cnn", 0].run_id / "metrics.json").rename(study / "scores")
    monkeypatch.setattr(module, "evaluate", lambda run, samples, progress: scored.append((run.directory.name, samples)))
    with pytest.raises(ValueError, match=r"acgan-cnn.*no metrics.json"):
        collect(PLAN, say=said.append)
    assert scored == [(PLAN.configs()["C", "cnn", 0].run_id, PLAN.samples)]
    (study / "scores").rename(study / "stored" / scored[0][0] / "metrics.json")
    said.clear()
    results = collect(PLAN, say=said.append)
    assert results.run.nunique() == 4 and set(results.status) == {"finished", "failed"}
    assert any("is interrupted" in line for line in said)
    assert said[-1] == "kept: 0 stored runs; dropped, not in the plan: 48"
    again = collect(PLAN, say=said.append)
    assert said[-1] == "kept: 0 stored runs; dropped, not in the plan: 0"
    table = pd.read_csv(study / "verdicts_study.csv")
    assert set(table.verdict) <= set(PLAN.words) and len(again) == len(results)


@pytest.mark.slow
def test_results_of_the_plans_runs_that_are_elsewhere_are_kept(study):
    import shutil

    first = collect(PLAN, say=lambda _: None)
    shutil.rmtree(study / "runs" / OF_SEED_0["caps"].run_id)
    module.list_references().pop()
    said = []
    assert set(collect(PLAN, say=said.append).run) == set(first.run)
    assert said[-1] == "kept: 1 stored runs; dropped, not in the plan: 0"


def test_without_runs_of_the_plan_there_is_nothing_to_collect(home, monkeypatch):
    monkeypatch.setattr(module, "list_references", list)
    with pytest.raises(ValueError, match="no run of the plan has finished"):
        collect(PLAN, say=print)


@pytest.mark.parametrize("path", sorted((ROOT / "data" / "results").glob("runs_*.csv")), ids=lambda path: path.stem[5:])
def test_committed_results_are_whole(path):
    results = load_results(path.stem[5:])
    assert set(results.status) <= {"finished", "failed"}
    finished = results[results.status == "finished"]
    assert finished.value.notna().all()
    assert not finished.duplicated(["run", "features", "metric"]).any()
    assert len(set(results.dataset)) == 1 and len(set(results.samples.dropna())) == 1
    assert results.commit.notna().all() and not results.commit.str.contains("dirty").any()


@pytest.mark.parametrize("path", sorted(module.RESULTS.glob("metrics_*.csv")), ids=lambda path: path.stem[8:])
def test_every_metric_of_the_committed_results_is_explained(path):
    explained = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for metric in sorted(set(pd.read_csv(path).metric)):
        name = re.sub(r"_at_\d+$", "_at_<step>", metric)
        name = re.sub(r"^\w+(_fluctuation_)", r"…\1", name)
        assert f"`{name}`" in explained, metric


def test_the_time_of_a_step_is_that_of_its_network_in_the_round_of_its_seed(tmp_path):
    """Two networks, two seeds; the benchmark has three rounds. What is saved leaves the times where they are."""
    network = {"width": 0.25, "dropout": 0.25, "routing_iterations": 3, "batch_size": 32, "status": "finished"}
    runs = [{"run": f"{d}-{s}", "gan": "dcgan", "discriminator": d, "seed": s} | network for d in "ab" for s in (0, 2)]
    results = pd.DataFrame([run | {"features": "digits", "metric": "fid", "value": 1.0} for run in runs])
    results["floor"] = results["held_out"] = np.nan
    times = pd.DataFrame([{**runs[2 * k], "round": n, "ms": 10 * k + n} for k in (0, 1) for n in range(3)])
    found = with_step_times(results, times)
    rows = found[found.metric == "ms_per_step"].set_index("run")
    assert rows.value.to_dict() == {"a-0": 0, "a-2": 2, "b-0": 10, "b-2": 12} and set(rows.features) == {"cost"}
    save_results(found, "timed", tmp_path)
    assert "ms_per_step" not in (tmp_path / "metrics_timed.csv").read_text()
