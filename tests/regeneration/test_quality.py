"""Baselines fill holes as they say they do; measures know a good image from a bad one, and can fail."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio

from capsgan.data.datasets import load_dataset
from capsgan.data.holes import centre_mask, make_masks
from capsgan.regeneration.baselines import BASELINES, fit_pca, nearest_image, pca_mean, run_baselines
from capsgan.regeneration.masks import hide
from capsgan.regeneration.quality import compare_methods, measure, paired_intervals, shuffle_truth

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist5k", "test").images[:12], load_dataset("mnist5k").images[::4]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_keeps_known_pixels_and_does_not_look_into_the_hole(name, channels):
    rng = np.random.default_rng(0)
    training = rng.integers(0, 256, (80, 16, 16, channels)).astype("uint8")
    images, masks = training[:2], make_masks("strokes", 2, (16, 16), seed=3)
    filled = BASELINES[name](images, masks, training)
    assert filled.dtype == np.uint8 and filled.shape == images.shape and (filled[masks] == images[masks]).all()
    spoilt = np.where(masks[..., None], images, 255 - images)
    assert (BASELINES[name](spoilt, masks, training) == filled).all()


@pytest.mark.parametrize("name", ["telea", "navier-stokes", "biharmonic"])
def test_a_smooth_image_is_restored_from_its_surroundings(name):
    rows, columns = np.mgrid[:32, :32]
    truth = np.repeat((40 + 3 * rows + 2 * columns).astype("uint8")[None, ..., None], 3, axis=-1)
    known = centre_mask(1, (32, 32), share=0.05)
    assert np.abs(BASELINES[name](hide(truth, known), known).astype(int) - truth).max() <= 8


def test_an_image_of_the_training_set_is_found_again(digits):
    _, training = digits
    known = centre_mask(3, (28, 28))
    assert (nearest_image(hide(training[40:43], known), known, training) == training[40:43]).all()


def test_the_conditional_mean_is_exact_on_gaussian_images():
    """Against the textbook's formula, μ_m + Σ_mk Σ_kk⁻¹ (x_k - μ_k), with the model's own covariance W Wᵀ + σ² I."""
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(3, 36)) * 14
    training = np.rint(128 + rng.normal(size=(3000, 3)) @ factors + rng.normal(size=(3000, 36)) * 3)
    training = np.clip(training, 0, 255).astype("uint8").reshape(-1, 6, 6, 1)
    images, masks = training[:20], make_masks("pixels", 20, (6, 6))
    mean, basis, noise = fit_pca(training, 3)
    assert noise == pytest.approx(9, rel=0.1)
    covariance = basis @ basis.T + noise * np.eye(36)
    np.testing.assert_allclose(covariance, factors.T @ factors + 9 * np.eye(36), atol=0.1 * covariance.max())
    filled = pca_mean(images, masks, training, components=3)
    for image, known, result in zip(images.reshape(20, -1), masks.reshape(20, -1), filled.reshape(20, -1), strict=True):
        across, within = covariance[~known][:, known], covariance[known][:, known]
        expected = mean[~known] + across @ np.linalg.solve(within, image[known] - mean[known])
        assert np.abs(result[~known] - np.clip(expected, 0, 255)).max() <= 0.51


def test_identical_images_are_perfect():
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)).astype("uint8")
    scores = measure(images, images, centre_mask(2, (28, 28)))
    assert np.isinf(scores[["psnr", "psnr_hole"]]).all(axis=None)
    assert np.allclose(scores[["ssim", "ssim_hole"]], 1) and (scores.features == 0).all()


def test_measures_of_the_hole_look_at_the_hole():
    truth = np.full((1, 32, 32, 3), 100, "uint8")
    masks = centre_mask(1, (32, 32))
    off = np.where(masks[..., None], truth, 110).astype("uint8")
    (score,) = measure(truth, off, masks).to_dict("records")
    assert score["psnr_hole"] == pytest.approx(10 * np.log10(255**2 / 100))
    assert score["psnr"] == pytest.approx(peak_signal_noise_ratio(truth, off)) and score["psnr"] > score["psnr_hole"]
    elsewhere = np.where(masks[..., None], 110, truth).astype("uint8")
    assert np.isinf(measure(truth, elsewhere, masks).psnr_hole[0])
    assert np.isnan(measure(truth, off, np.ones((1, 32, 32), bool)).psnr_hole[0])


@pytest.mark.slow
def test_against_shuffled_truth_every_method_scores_worse(digits):
    truth, training = digits
    masks = centre_mask(12, (28, 28))
    filled = run_baselines(hide(truth, masks), masks, training)
    right, wrong = (compare_methods(images, masks, filled) for images in (truth, shuffle_truth(truth)))
    assert len(right) == 12 * len(BASELINES) * 5
    means = [scores.groupby(["metric", "method"]).value.mean() for scores in (right, wrong)]
    for name in ("psnr", "ssim"):
        assert (means[0][name] > means[1][name]).all()
    assert (means[0]["features"] < means[1]["features"]).all()
    assert means[0]["psnr_hole"]["pca"] > means[0]["psnr_hole"]["mean image"]


def test_intervals_are_of_the_differences_on_the_same_images():
    truth = np.random.default_rng(0).integers(50, 200, (6, 16, 16, 1)).astype("uint8")
    masks = centre_mask(6, (16, 16))
    noise = np.random.default_rng(1).integers(1, 40, truth.shape)
    methods = {"a": truth + (noise // 8 + 1).astype("uint8"), "b": truth + noise.astype("uint8"), "truth": truth}
    scores = compare_methods(truth, masks, methods)
    row = paired_intervals(scores, "b").query("method == 'a' and metric == 'ssim'").iloc[0]
    wide = scores.query("metric == 'ssim'").pivot(index="image", columns="method", values="value")
    expected = stats.ttest_rel(wide.a, wide.b).confidence_interval(0.95)
    assert (row.images, row.low, row.high) == (6, pytest.approx(expected.low), pytest.approx(expected.high))
    assert row.low < row.difference < row.high and row.low > 0
    perfect = paired_intervals(scores, "b").query("method == 'truth' and metric == 'psnr'").iloc[0]
    assert perfect.images == 0 and np.isnan([perfect.difference, perfect.low]).all()  # infinite, so no difference


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda x, m: run_baselines(x, m, x, names=["magic"]), "baseline='magic'"),
        (lambda x, m: run_baselines(x, ~m & False, x), "all pixels missing"),
        (lambda x, m: run_baselines(x, m, x[:, :8]), "training: invalid shape="),
        (lambda x, m: pca_mean(x, m, x, components=2), "components=2"),
        (lambda x, m: measure(x, x[:, :8], m), "restored: invalid shape="),
        (lambda x, m: measure(x, x[:1], m), "restored: 1 images for 2"),
        (lambda x, m: paired_intervals(compare_methods(x, m, {"a": x}), "b"), "against='b'"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, said):
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1)).astype("uint8")
    with pytest.raises(ValueError, match=said):
        call(images, centre_mask(2, (16, 16)))


@pytest.mark.slow
def test_the_script_writes_what_every_method_scores_and_which_runs_are_behind_it(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("CAPSGAN_HOME", str(tmp_path))
    script = runpy.run_path(str(ROOT / "scripts" / "compare_regeneration.py"))
    script["main"].__globals__["RESULTS"] = tmp_path / "results"
    words = ["cartoon", "--profile", "smoke", "--images", "2", "--restarts", "1"]
    monkeypatch.setattr("sys.argv", ["compare_regeneration.py", *words])
    assert script["main"]() == 0
    table = pd.read_csv(tmp_path / "results" / "regeneration_cartoon.csv", keep_default_na=False)
    assert len(table) == 2 * 2 * 5 * (len(BASELINES) + 6 + 2)  # truths, images, metrics, methods
    behind = table.groupby("method")[["generator", "prior"]].first()
    assert behind.loc["telea"].tolist() == ["", ""] and behind.loc["Caps, no prior", "prior"] == ""
    assert behind.loc["Caps, classical prior", "generator"].startswith("dcgan-caps")
    assert behind.loc["Caps, classical prior", "prior"].startswith("dcgan-cnn")
    assert behind.loc["classical, pasted"].nunique() == 1
    assert "mean image" in capfd.readouterr().out
