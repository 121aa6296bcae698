import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from store_reference import save_reference, thin_history

from capsgan.config import RunConfig
from capsgan.figures.runs import CHAPTER_8, draw_curve, metrics_figure, save_figure
from capsgan.gans.base import METRICS
from capsgan.names import COMPARED_DISCRIMINATORS
from capsgan.runs import reference as module
from capsgan.runs.reference import ReferenceRun, list_references, load_reference
from capsgan.runs.run import COLUMNS, Run
from capsgan.runs.table import comparison_table, row

ROOT = Path(__file__).parents[2]


def history(steps, warm_up=0):
    numbers = np.arange(1 - warm_up, steps + 1)
    return pd.DataFrame({name: numbers if name == "step" else np.sin(numbers) for name in COLUMNS})


def test_a_long_history_becomes_about_300_rows_of_equal_bins():
    full = history(30_000, warm_up=30)
    thin = thin_history(full)
    assert len(thin) == 300 and thin.step.iloc[0] == 100 and thin.step.iloc[-1] == 30_000
    first = full[(full.step >= 1) & (full.step <= 100)]
    for metric in METRICS:
        assert thin[metric][0] == pytest.approx(first[metric].mean())
        assert thin[f"{metric}_min"][0] == first[metric].min() and thin[f"{metric}_max"][0] == first[metric].max()
    assert thin.g_loss.mean() == pytest.approx(full[full.step > 0].g_loss.mean())


def test_a_last_short_bin_is_kept():
    assert thin_history(history(2049)).step.iloc[-1] == 2049


def test_a_short_history_stays_as_it_is():
    thin = thin_history(history(300))
    np.testing.assert_allclose(thin[list(COLUMNS)], history(300))
    np.testing.assert_array_equal(thin.g_loss_min, thin.g_loss_max)


@pytest.fixture
def stored(pair, tmp_path, monkeypatch):
    """Both runs of ``pair`` as reference runs, that of the classical trunk as one of seed 0."""
    monkeypatch.setattr(module, "REFERENCE", tmp_path / "reference")
    for run in pair:
        save_reference(run, row(run), tmp_path / "reference")
    return list_references()


def test_a_reference_run_is_small_and_has_what_figures_need(stored, pair, monkeypatch):
    assert [run.config for run in stored] == sorted((run.config for run in pair), key=lambda c: c.run_id)
    for run, original in zip(sorted(stored, key=str), sorted(pair, key=str), strict=True):
        assert isinstance(run, ReferenceRun) and run.finished
        assert run.provenance == original.provenance
        np.testing.assert_allclose(run.history.g_loss, original.history.g_loss, rtol=1e-5)
        assert run.sample_paths()[-1].read_bytes() == original.sample_paths()[-1].read_bytes()


def test_only_seed_0_brings_its_generator(stored):
    with pytest.raises(ValueError, match=r"no weights in the project.*most runs of seed 0"):
        stored[0].generate(1)


def test_the_generator_of_seed_0_comes_back_in_half_precision(pair, tmp_path):
    run = Run(pair[0].directory, replace(pair[0].config, seed=0))
    back = ReferenceRun(save_reference(run, row(run), tmp_path / "reference"), run.config)
    assert (back.directory / "generator.npz").stat().st_size < 3e6
    np.testing.assert_allclose(back.generate(4, seed=1), run.generate(4, seed=1), atol=0.01)
    with pytest.raises(ValueError, match="discriminator's weights are not kept"):
        back.discriminator  # noqa: B018
    assert back.gan.players == ("generator",)
    (back.directory / "history.csv").unlink()
    with pytest.raises(ValueError, match="has no history in the project"):
        back.history  # noqa: B018


def test_the_table_of_a_reference_run_is_that_of_its_whole_history(stored, pair):
    table = comparison_table(stored).sort_values("network").reset_index(drop=True)
    whole = comparison_table(pair).sort_values("network").reset_index(drop=True)
    pd.testing.assert_frame_equal(table, whole)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """References of DCGAN at four scales and in two precisions: configs alone."""
    monkeypatch.setattr(module, "REFERENCE", tmp_path)
    scales = [{}, {"width": 0.25}, {"steps": 2000, "width": 0.25}, {"fraction": 0.01}, {"dropout": 0.0}]
    for scale in (*scales, {"precision": "mixed_bfloat16", "steps": 2000}, {"steps": 2000}):
        values = {"dataset": "mnist", "steps": 20_000} | scale
        config = RunConfig("dcgan", "cnn" if "dropout" in scale else "caps", **values)
        (tmp_path / config.run_id).mkdir()
        (tmp_path / config.run_id / "config.json").write_text(json.dumps(config.to_dict()))
        (tmp_path / config.run_id / "provenance.json").write_text('{"status": "finished"}')
    return tmp_path


def test_without_more_a_reference_is_of_the_thesis_scale(shelf):
    config = load_reference("dcgan", "caps").config
    assert (config.steps, config.width, config.fraction, config.batch_size) == (20_000, 1.0, 1.0, 32)


@pytest.mark.parametrize("scale", [{"width": 0.25}, {"steps": 2000, "width": 0.25}, {"fraction": 0.01}], ids=str)
def test_a_reference_of_another_scale_is_asked_for_by_its_config(shelf, scale):
    config = load_reference("dcgan", "caps", **scale).config
    assert {name: getattr(config, name) for name in scale} == scale
    assert config.steps == scale.get("steps", 20_000) and config.width == scale.get("width", 1.0)


def test_a_reference_trained_otherwise_does_not_stand_in_for_the_one_asked_for(shelf):
    with pytest.raises(ValueError, match=r"dcgan cnn 0 is not in the project with .*steps=20000.*-cnn-mnist-20000-s0"):
        load_reference("dcgan", "cnn")
    assert load_reference("dcgan", "cnn", dropout=0.0).config.dropout == 0.0


def test_a_cnn_of_two_pairs_is_found_by_the_width_of_its_pair(shelf):
    for width in (1.0, 0.25):
        config = RunConfig("dcgan", "cnn", dataset="mnist", steps=20_000, width=width, snapshots=(int(4 * width),))
        (shelf / config.run_id).mkdir()
        (shelf / config.run_id / "config.json").write_text(json.dumps(config.to_dict()))
        (shelf / config.run_id / "provenance.json").write_text('{"status": "finished"}')
    assert load_reference("dcgan", "cnn").config.width == 1.0
    assert load_reference("dcgan", "cnn", width=0.25).config.width == 0.25


def test_an_ambiguous_reference_is_refused_and_says_how_to_choose(shelf):
    with pytest.raises(ValueError, match=r"ambiguous; expected one of: .*'mixed_bfloat16'"):
        load_reference("dcgan", "caps", steps=2000)
    assert load_reference("dcgan", "caps", steps=2000, precision="float32").config.precision == "float32"


def test_a_reference_of_another_seed_is_named_where_one_is_missing(shelf):
    with pytest.raises(ValueError, match=r"dcgan caps 7 is not in the project .*dcgan-caps1-mnist-20000-s0"):
        load_reference("dcgan", "caps", seed=7)


def test_a_failed_run_does_not_stand_in_for_a_reference(shelf):
    path = load_reference("dcgan", "caps").directory / "provenance.json"
    path.write_text('{"status": "failed"}')
    with pytest.raises(ValueError, match="is not in the project"):
        load_reference("dcgan", "caps")


def test_an_unknown_field_is_named(shelf):
    with pytest.raises(ValueError, match="field='sede'"):
        load_reference("dcgan", "caps", sede=0)


def test_a_reference_that_is_not_there_is_named(shelf):
    with pytest.raises(ValueError, match=r"wgan cnn 0 is not in the project .* of this network there are: none"):
        load_reference("wgan")


def test_figures_of_reference_runs_draw_a_band_and_name_their_data(stored, home):
    runs = sorted(stored, key=lambda run: run.config.discriminator, reverse=True)
    figure = metrics_figure("8.2", *runs, "reference")
    path = save_figure(figure, "figure", "paper", runs)
    for text in (path.with_suffix(".svg").read_text(), path.read_bytes().decode("latin-1")):
        for run in runs:
            assert f"{run.directory.name} {run.history_sha256}" in text


def test_the_band_reaches_from_least_to_greatest():
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots()
    thin = thin_history(history(5000))
    draw_curve(axis, thin, "d_loss", "black", "name")
    band, _ = axis.collections  # the second is what the legend shows
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(thin.d_loss_min.min()) and heights.max() == thin.d_loss_max.max()
    plt.close(figure)


COMMITTED = [run for run in list_references() if run.config.seed == 0]
PAIRS = [run for run in COMMITTED if run.config.discriminator in COMPARED_DISCRIMINATORS]
SHOWN = [run for run in PAIRS if run.config.width == 1 or (run.config.gan, run.config.steps) == ("wgan", 700)]


@pytest.mark.skipif(not COMMITTED, reason="no reference results in this checkout")
@pytest.mark.parametrize("number", CHAPTER_8)
@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_committed_figures_show_the_committed_results(number, ending):
    gan, name = CHAPTER_8[number]
    text = (ROOT / "figures" / "reference" / f"{name}.{ending}").read_bytes().decode("latin-1")
    described = set(re.findall(r"([\w.-]+-s\d+-[0-9a-f]{8}) ([0-9a-f]{64})", text))
    assert described == {(run.directory.name, run.history_sha256) for run in SHOWN if run.config.gan == gan}
    assert len(described) == 2


@pytest.mark.parametrize("run", COMMITTED, ids=lambda run: run.directory.name)
def test_a_committed_result_is_complete(run):
    assert run.finished and run.directory.name == run.config.run_id
    assert {"versions", "device", "precision", "commit", "wall_seconds", "dataset_sha256"} <= run.provenance.keys()
    history = run.history
    assert history.step.iloc[-1] == run.config.steps and len(history) <= 2000
    assert np.isfinite(history).all(axis=None)
    for metric in METRICS:
        assert (history[f"{metric}_min"] <= history[metric] + 1e-5).all()
        assert (history[metric] <= history[f"{metric}_max"] + 1e-5).all()
    assert run.summary["network"] == run.config.label and run.summary["steps"] == run.config.steps
    config = run.config  # weights that no notebook needs are left out: of a control, and of a pair at a smaller scale
    small = config.steps == 700 or (config.gan, config.width) == ("dcgan", 0.25)
    spare = small or config.discriminator == "cnn-matched"
    if config.gan not in ("fgan", "lsgan") and not spare:  # notebook 11 shows these as sample grids
        assert run.generate(4, seed=1).std() > 0.1
