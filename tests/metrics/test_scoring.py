"""Scores of images and of runs: real images come out near the floor, worse ones far from it, and nothing is chance."""

import contextlib
import itertools
import json
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from store_reference import save_reference

from capsgan.config import RunConfig
from capsgan.data.datasets import load_dataset
from capsgan.data.pixels import to_float
from capsgan.gans import build_gan
from capsgan.gans.inference import run_discriminator, statistics_of
from capsgan.gans.sampling import choose_codes
from capsgan.metrics import classes, run_scores, snapshots
from capsgan.metrics import discriminator_scores as module
from capsgan.metrics.discriminator_scores import BATCHES, overfitting, read_codes
from capsgan.metrics.distances import Gaussian
from capsgan.metrics.features import SPACES, load_features
from capsgan.metrics.image_scores import measure, score
from capsgan.metrics.real_images import real_images
from capsgan.metrics.run_scores import evaluate, is_scored
from capsgan.runs.reference import ReferenceRun, load_reference
from capsgan.runs.run import Run
from capsgan.runs.table import row
from capsgan.study.results import metrics_frame
from capsgan.training.loop import train

pytestmark = pytest.mark.slow  # most of them look at thousands of images

DISTANCES = ("fid", "fid_infinity", "kid")
SHARES = ("precision", "recall", "density", "coverage")
CLASSES = ("classifier_score", "class_histogram", "divergence_from_uniform", "missing_classes")


@pytest.fixture(scope="module")
def digits():
    """(training, held-out) images of mnist5k, in random order: there they stand class by class."""
    rng = np.random.default_rng(0)
    return [rng.permutation(load_dataset("mnist5k", split).images) for split in ("train", "test")]


@pytest.fixture(scope="module")
def scores(digits):
    """Of real digits and of ever worse ones, 600 each."""
    training, held_out = digits
    rng = np.random.default_rng(0)
    real, control = training[:1200:2], training[1:1200:2]
    noise = rng.integers(0, 256, real.shape).astype("uint8")
    kinds = {"real": real, "speckled": np.where(rng.random(real.shape) < 0.2, noise, real), "noise": noise}
    return {name: score(images, held_out, control=control, progress=False) for name, images in kinds.items()}


@pytest.fixture(scope="module")
def generated():
    """600 images of two stored generators: 20,000 steps of a quick learner, and 6,000 of the slowest GAN."""
    runs = [load_reference("acgan", "caps"), load_reference("wgan", "cnn", steps=6000, width=0.25)]
    return [snapshots.SnapshotSampler(run, 0).generate(run.config.steps, 600) for run in runs]


@pytest.mark.parametrize("space", SPACES)
def test_generators_of_known_quality_rank_in_both_spaces(digits, scores, generated, space):
    """Real digits, the two generators, and noise."""
    ladder = [scores["real"][space]]
    for images in generated:
        found = score(images, digits[1], control=digits[0][1:1200:2], spaces=(space,), progress=False)
        ladder.append(found[space])
    ladder.append(scores["noise"][space])
    for metric in DISTANCES:
        values = [found[metric]["value"] for found in ladder]
        assert all(worse > better + abs(better) / 5 for better, worse in itertools.pairwise(values)), (metric, values)


# images ---------------------------------------------------------------------------------------------------------


def test_every_number_has_a_floor_beside_it(scores):
    found = scores["real"]
    assert set(found) == {"digits", "lenet"}
    for space in SPACES:
        assert set(found[space]) == {*DISTANCES, "kid_error", *SHARES, *CLASSES}
    for metrics in found.values():
        assert all(set(numbers) == {"value", "floor"} for numbers in metrics.values())
    json.dumps(found, allow_nan=False)  # plain numbers, none of them NaN


@pytest.mark.parametrize("space", SPACES)
def test_real_images_in_place_of_generated_ones_score_near_the_floor(scores, space):
    metrics = scores["real"][space]
    assert metrics["fid"]["value"] == pytest.approx(metrics["fid"]["floor"], rel=0.35)
    assert metrics["fid_infinity"]["value"] < metrics["fid"]["floor"]
    assert metrics["kid"]["value"] == pytest.approx(metrics["kid"]["floor"], abs=6 * metrics["kid_error"]["floor"])
    for name in SHARES:
        assert metrics[name]["value"] == pytest.approx(metrics[name]["floor"], abs=0.08)


@pytest.mark.parametrize("space", SPACES)
def test_worse_images_score_worse_in_every_way(scores, space):
    def values(name):
        return [scores[kind][space][name]["value"] for kind in ("real", "speckled", "noise")]

    for name in DISTANCES:
        assert values(name) == sorted(values(name)) and values(name)[2] > 20 * values(name)[0]
    for name in SHARES:
        real, speckled, noise = values(name)
        assert real > speckled > noise - 1e-9 and noise < 0.25 * real


def test_the_floor_does_not_depend_on_what_is_generated(scores):
    for space in SPACES:
        for name, numbers in scores["real"][space].items():
            assert numbers["floor"] == scores["noise"][space][name]["floor"]


def test_classes_of_noise_are_missing(scores):
    real, noise = scores["real"]["digits"], scores["noise"]["digits"]
    assert real["missing_classes"]["value"] == 0 and noise["missing_classes"]["value"] > 0.5
    assert real["classifier_score"]["value"] > 9 and noise["classifier_score"]["value"] < 3
    assert sum(real["class_histogram"]["value"]) == 600 and real["divergence_from_uniform"]["value"] < 0.05


def test_the_same_call_gives_the_same_numbers_and_another_seed_others(digits, scores):
    training, held_out = digits
    call = {"control": training[1:1200:2], "progress": False, "spaces": ("lenet",)}
    assert score(training[:1200:2], held_out, **call)["lenet"] == scores["real"]["lenet"]
    other = score(training[:1200:2], held_out, seed=1, **call)["lenet"]
    assert other["kid"] != scores["real"]["lenet"]["kid"] and other["fid"] == scores["real"]["lenet"]["fid"]


def test_other_images_are_scored_in_the_random_space():
    images = np.random.default_rng(0).integers(0, 256, (600, 32, 32, 3)).astype("uint8")
    assert set(score(images[:300], images[:300], control=images[300:], spaces=("random",), progress=False)) == {
        "random"
    }
    with pytest.raises(ValueError, match=r"invalid image_shape=\(32, 32, 3\); expected \(28, 28, 1\) for 'digits'"):
        score(images, images, control=images, progress=False)


def test_what_cannot_be_scored_is_refused(digits):
    training, held_out = digits
    with pytest.raises(ValueError, match="generated: invalid dtype=float32; expected uint8"):
        score(training[:300] / np.float32(255), held_out, control=training[:300], progress=False)
    with pytest.raises(ValueError, match=r"real: invalid shape=\(1000, 28, 27, 1\); expected \(n, 28, 28, 1\)"):
        score(training[:300], held_out[:, :, 1:], control=training[:300], progress=False)
    with pytest.raises(ValueError, match=r"control: invalid shape=\(9, 27, 28, 1\)"):
        score(training[:300], held_out, control=training[:9, 1:], progress=False)
    with pytest.raises(ValueError, match="generated: 255 images are too few; expected 256 or more"):
        score(training[:255], held_out, control=training[:300], progress=False)
    with pytest.raises(ValueError, match="control: 3 images are too few; expected 256 or more"):
        score(training[:300], held_out, control=training[:3], progress=False)
    for spaces in ("digits", ()):
        with pytest.raises(ValueError, match=r"invalid spaces=.*; expected a tuple with some of digits, lenet, random"):
            score(training[:300], held_out, spaces=spaces, control=training[:300], progress=False)
    with pytest.raises(ValueError, match="invalid seed=-1; expected whole numbers from 0"):
        score(training[:300], held_out, seed=-1, control=training[:300], progress=False)
    with pytest.raises(ValueError, match=r"invalid features='inception'; expected digits \| lenet \| random"):
        score(training[:300], held_out, spaces=("inception",), control=training[:300], progress=False)


# the discriminator ----------------------------------------------------------------------------------------------


def test_statistics_are_those_of_the_images_and_come_back_afterwards(pair, digits):
    from keras import layers, ops

    images = digits[1][:200]
    for run in pair:
        discriminator = run.discriminator
        normalizations = [layer for layer in discriminator.layers if isinstance(layer, layers.BatchNormalization)]
        assert normalizations
        before = [np.array(v) for v in discriminator.get_weights()]
        usual = run_discriminator(discriminator, images)
        with statistics_of(discriminator, images):
            measured = run_discriminator(discriminator, images)
        for ours, theirs in zip(discriminator.get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not np.allclose(measured, usual, rtol=1e-3)
        # The same images as one batch, normalized by its own statistics. Dropout is off: its rate is set to 0.
        rates = {layer: layer.rate for layer in discriminator.layers if isinstance(layer, layers.Dropout)}
        for layer in rates:
            layer.rate = 0
        try:
            batch = ops.convert_to_numpy(discriminator(to_float(images), training=True)).reshape(-1)
        finally:
            for layer, rate in rates.items():
                layer.rate = rate
            discriminator.set_weights(before)
        np.testing.assert_allclose(measured, batch, rtol=1e-3, atol=1e-4)


def test_statistics_come_back_after_an_error(pair, digits):
    discriminator = pair[0].discriminator
    before = [np.array(v) for v in discriminator.get_weights()]
    with pytest.raises(ZeroDivisionError), statistics_of(discriminator, digits[1][:50]):
        1 / 0  # noqa: B018
    for ours, theirs in zip(discriminator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_discriminator_that_knows_its_training_images_is_found_out(pair, digits):
    """One that answers with the brightness of the first pixel, which the training images have and no other."""
    import keras

    training, held_out = digits[0][:300].copy(), digits[1][:300].copy()
    training[:, 0, 0, 0], held_out[:, 0, 0, 0] = 255, 0
    inputs = keras.Input((28, 28, 1))
    knowing = keras.Model(inputs, inputs[:, 0, 0, :])
    gan = type("Stub", (), {"discriminator": knowing, "image_shape": (28, 28, 1), "is_critic": False})()
    found = overfitting(gan, training, held_out)
    assert found["logit_gap"] == {"value": 2.0, "floor": 0.0}
    assert found["logit_order"] == {"value": 1.0, "floor": 0.5}
    assert found["accuracy_gap"] == {"value": 1.0, "floor": 0.0}


def test_statistics_are_estimated_on_training_and_held_out_images_alike(pair, digits, monkeypatch):
    seen = []

    def note(discriminator, images):
        seen.append(images)
        return contextlib.nullcontext()

    monkeypatch.setattr(module, "statistics_of", note)
    overfitting(pair[0].gan, digits[0], np.full_like(digits[1], 7), images=300)
    assert len(seen[0]) == 600 and (seen[0] == 7).all(axis=(1, 2, 3)).sum() == 300


def test_a_discriminator_that_hardly_trained_does_not_overfit(pair, digits):
    for run in pair:
        found = overfitting(run.gan, *digits, images=500)
        assert found["logit_order"]["value"] == pytest.approx(0.5, abs=0.07)
        assert found == overfitting(run.gan, *digits, images=500)


# runs -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def few_images_for_the_discriminator():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_scores, "PROBED", 200)
        patch.setattr(run_scores, "ORIENTED", 100)
        patch.setattr(snapshots, "STATISTICS", 250)
        yield


@pytest.fixture(scope="module")
def evaluation(pair):
    return evaluate(pair[0], 300, progress=False)


def test_an_evaluation_is_written_beside_the_run_and_says_where_it_comes_from(pair, evaluation):
    run = pair[0]
    assert json.loads((run.directory / "metrics.json").read_text()) == evaluation
    assert evaluation["run"] == run.directory.name and RunConfig.from_dict(evaluation["config"]) == run.config
    names = ("samples", "reference", "floor", "held_out", "training_images")
    assert [evaluation[name] for name in names] == [300, 3000, 1000, 300, 400]
    assert evaluation["seed"] == 0 and evaluation["dataset_sha256"]["training"] == run.provenance["dataset_sha256"]
    assert evaluation["features_sha256"].keys() == {"digits", "lenet"}
    assert evaluation["versions"].keys() == {"keras", "numpy", "scipy", evaluation["backend"]}
    assert evaluation["skipped"].keys() == {"classification_accuracy", "label_accuracy", "snapshots"}
    metrics = evaluation["metrics"]
    assert metrics.keys() == {"digits", "lenet", "pixels", "discriminator", "training", "cost"}
    assert metrics["pixels"].keys() == {"nearest_training", "nearer_than_real", "copies", "sharpness"}
    orders = {"turned_order", "shifted_order", "scrambled_order"}
    probed = {"class_accuracy", "angle_error"}
    assert metrics["discriminator"].keys() == {"logit_gap", "logit_order", "accuracy_gap"} | orders | probed
    assert metrics["training"]["accuracy"]["value"] == pytest.approx(run.history.accuracy.iloc[-1])
    assert metrics["cost"]["discriminator_parameters"] == {"value": 392_705}


@pytest.mark.parametrize("space", SPACES)
def test_a_generator_of_six_steps_is_far_above_the_floor_and_held_out_digits_are_not(evaluation, space):
    fid, coverage = (evaluation["metrics"][space][name] for name in ("fid", "coverage"))
    assert fid["value"] > 10 * fid["floor"] and coverage["value"] < 0.1
    assert fid["held_out"] == pytest.approx(fid["floor"], rel=0.3)
    assert coverage["held_out"] == pytest.approx(coverage["floor"], abs=0.05)


def test_evaluating_again_gives_the_same_file_and_the_bar_ends_where_it_says(pair, evaluation, capsys):
    path = pair[0].directory / "metrics.json"
    before = path.read_bytes()
    evaluate(pair[0], 300)
    assert path.read_bytes() == before
    stages_done = re.findall(r"DCGAN.*?(\d+)/(\d+) ", capsys.readouterr().err)
    assert stages_done[-1] == ("6", "6")


def test_a_run_counts_as_scored_only_by_this_measure_these_networks_numbers_and_seed(pair, evaluation, monkeypatch):
    run = pair[0]
    assert is_scored(run, 300) and not is_scored(run, 301) and not is_scored(run, 300, seed=1)
    assert not is_scored(run)  # 1,000 images would be generated
    path = run.directory / "metrics.json"
    for changed in ({"measure": 1}, {"features_sha256": {"digits": "0", "lenet": "0"}}):
        path.write_text(json.dumps(evaluation | changed))
        assert not is_scored(run, 300)
    path.write_text(json.dumps(evaluation, indent=2, allow_nan=False) + "\n")
    assert is_scored(run, 300)


@pytest.mark.parametrize(("name", "asked"), [("acgan", "labels"), ("infogan", "category")])
def test_a_generator_is_measured_by_the_digits_it_is_asked_for(name, asked, tmp_path, monkeypatch):
    """One that returns a real digit of the class, but a 5 for a 3; InfoGAN's categories in an order of their own."""
    monkeypatch.setattr(classes, "UPDATES", 60)
    dataset, order, rng = load_dataset("mnist5k"), np.random.default_rng(1).permutation(10), np.random.default_rng(2)
    members = [rng.permutation(np.flatnonzero(dataset.labels == (5 if digit == 3 else digit))) for digit in range(10)]
    run = Run(tmp_path, RunConfig(name, fraction=0.1))
    run.gan = build_gan(run.config, (28, 28, 1), 10)
    provenance = {"status": "finished", "image_shape": [28, 28, 1], "classes": 10}
    (tmp_path / "provenance.json").write_text(json.dumps(provenance))

    def generate(gan, codes):
        digits = order[codes[asked]] if name == "infogan" else codes[asked]
        return to_float(dataset.images[[members[digit][row % 400] for row, digit in enumerate(digits)]])

    monkeypatch.setattr(snapshots, "generate_images", generate)
    monkeypatch.setattr(run_scores, "curve_numbers", lambda _: {})  # it has no history
    monkeypatch.setattr(run_scores, "step_cost", lambda _: {})
    found = evaluate(run, 600, progress=False)
    metrics = found["metrics"]
    assert found["skipped"].keys() == {"snapshots"}
    assert metrics["digits"]["missing_classes"] == {"value": 0.1, "floor": 0, "held_out": 0}
    assert metrics["digits"]["label_accuracy"] == {
        "value": pytest.approx(0.9, abs=0.04),
        "floor": pytest.approx(1, abs=0.02),
    }
    chance = 0.17 if name == "infogan" else 0.1  # the best assignment finds some agreement where there is none
    assert metrics["digits"]["label_accuracy_chance"]["value"] == pytest.approx(chance, abs=0.05)
    accuracy = metrics["pixels"]["classification_accuracy"]
    assert accuracy["floor"] - 0.2 < accuracy["value"] < accuracy["floor"] - 0.05 and accuracy["floor"] > 0.75
    if name == "infogan":  # of untrained networks, whose Q knows nothing
        q = {part: numbers["value"] for part, numbers in metrics["discriminator"].items()}
        assert q["code_accuracy"] == pytest.approx(q["code_accuracy_chance"], abs=0.06)


def test_a_head_that_knows_nothing_reads_the_code_at_chance(digits):
    gan = build_gan(RunConfig("infogan", batch_size=64), (28, 28, 1), 10)
    for layer in ("q_category", "q_mean"):
        head = gan.discriminator.get_layer(layer)
        head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])
    found = read_codes(gan, digits[0])
    for name, error in (("code_accuracy", 0.03), ("code_error", 0.03), ("code_loss", 0.03)):
        assert found[name] == pytest.approx(found[f"{name}_chance"], abs=error)


def test_reading_codes_changes_nothing_and_repeats_itself(digits):
    gan = build_gan(RunConfig("infogan", batch_size=8), (28, 28, 1), 10)
    before = [np.array(v) for v in (*gan.generator.get_weights(), *gan.discriminator.get_weights())]
    found = read_codes(gan, digits[0])
    assert read_codes(gan, digits[0]) == found
    for ours, theirs in zip((*gan.generator.get_weights(), *gan.discriminator.get_weights()), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_losses_parts_add_up_to_the_loss_in_training(digits):
    """With one batch, no dropout and the same codes: the sum is what the GAN's own loss gives."""
    gan = build_gan(RunConfig("infogan", "caps", batch_size=8, width=1 / 64), (28, 28, 1), 10)
    found = read_codes(gan, digits[0], seed=3)
    codes = choose_codes(gan, BATCHES * 8, 3)
    parts = [{name: array[at : at + 8] for name, array in codes.items()} for at in range(0, BATCHES * 8, 8)]
    losses = [float(gan.generator_loss(part)[0]) for part in parts]
    assert found["g_loss_adversarial"] + found["code_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.fixture(scope="module")
def with_snapshots(shared_home):
    """A run with five snapshots, and its score."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(shared_home))
        config = RunConfig("dcgan", steps=8, snapshots=(1, 2, 4, 6, 8), batch_size=4, fraction=0.1)
        run = train(config, progress=False)
        return run, evaluate(run, 300, progress=False)


def test_a_score_is_the_mean_of_the_last_three_snapshots(with_snapshots):
    found = with_snapshots[1]
    assert found["averaged"] == [4, 6, 8] and list(found["snapshots"]) == ["1", "2", "4", "6", "8"]
    for space in SPACES:
        for name in ("fid", "fid_infinity", "kid", "precision", "coverage"):
            values = [found["snapshots"][step][space][name] for step in ("4", "6", "8")]
            assert found["metrics"][space][name]["value"] == pytest.approx(np.mean(values))
            assert len(set(values)) == 3 or name in ("precision", "coverage")  # which are 0 after so few steps
        assert "precision" not in found["snapshots"]["1"][space]
        assert sum(found["metrics"][space]["class_histogram"]["value"]) == pytest.approx(300)


def test_every_snapshot_is_measured_by_its_own_weights(with_snapshots):
    found = with_snapshots[1]
    values = [found["snapshots"][step]["digits"]["fid"] for step in ("1", "2", "4", "6", "8")]
    assert len(set(values)) == 5 and np.mean(values[2:]) == pytest.approx(found["metrics"]["digits"]["fid"]["value"])


def test_every_snapshots_numbers_are_rows_of_the_results(with_snapshots):
    found = with_snapshots[1]
    rows = metrics_frame([found]).set_index(["features", "metric"]).value
    for step, scores in found["snapshots"].items():
        for space in SPACES:
            assert rows[space, f"fid_at_{step}"] == scores[space]["fid"]
    assert rows["digits", "missing_classes_at_1"] == found["snapshots"]["1"]["digits"]["missing_classes"]


def test_fid_can_be_taken_again_from_what_is_kept_even_against_other_images(with_snapshots):
    run, found = with_snapshots
    real = real_images("mnist5k")
    with np.load(run.directory / "features.npz") as kept:
        assert kept["nearest_training"].shape == (300,) and kept["nearest_training"].min() > 0
        triangle = np.zeros((64, 64))
        triangle[np.tril_indices(64)] = kept["lenet_8_covariance"]
        images = Gaussian(kept["lenet_8_mean"], triangle + np.tril(triangle, -1).T)
    network = load_features("lenet")
    reference, others = (Gaussian.of(network.features(part.images).astype("float64")) for part in real[:2])
    assert reference.distance(images) == pytest.approx(found["snapshots"]["8"]["lenet"]["fid"], rel=1e-4)
    assert others.distance(images) != pytest.approx(reference.distance(images), rel=1e-4)
    assert (run.directory / "features.npz").stat().st_size < 60_000


def test_a_run_that_has_some_of_its_snapshots_only_is_scored_by_those(with_snapshots, tmp_path):
    run = Run(tmp_path / "run", with_snapshots[0].config)
    shutil.copytree(with_snapshots[0].directory, run.directory)
    for step in (1, 2, 4):
        (run.directory / "snapshots" / f"step_{step:08d}.npz").unlink()
    found = evaluate(run, 300, progress=False)
    assert found["averaged"] == [6, 8] and list(found["snapshots"]) == ["6", "8"]
    assert found["snapshots"]["8"] == with_snapshots[1]["snapshots"]["8"]


def test_moving_statistics_have_no_effect_on_a_score(with_snapshots):
    """They depend on the last nine batches of training; the statistics are estimated anew."""
    run = with_snapshots[0]
    sampler, other = (snapshots.SnapshotSampler(run, 0) for _ in range(2))
    weights = run.weights_at(8)
    changed = [
        weight * 3 if "moving" in v.path else weight
        for weight, v in zip(weights, sampler.gan.generator.weights, strict=True)
    ]
    assert sum(not np.array_equal(a, b) for a, b in zip(weights, changed, strict=True)) == 6
    other.run = type("Stub", (), {"snapshot_steps": [8], "weights_at": staticmethod(lambda step: changed)})()
    np.testing.assert_array_equal(sampler.generate(8, 30), other.generate(8, 30))


def test_estimated_statistics_are_the_mean_of_those_of_all_batches():
    import keras

    from capsgan.gans.inference import estimate_statistics

    layer = keras.layers.BatchNormalization(momentum=0.8)
    model = keras.Sequential([keras.Input((3,)), keras.Sequential([keras.Input((3,)), layer])])  # nested, like ACGAN's
    batches = np.random.default_rng(0).normal(5, 2, (7, 11, 3)).astype("float32")
    estimate_statistics(model, batches, lambda batch: model(batch, training=True))
    np.testing.assert_allclose(layer.moving_mean, batches.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, batches.var(axis=1).mean(axis=0), rtol=1e-4)
    assert layer.momentum == 0.8


def damaged(images, labels):
    """Ever worse digits, by kind of damage: from a little to much."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, images.shape).astype("uint8")
    blurred = [np.stack([cv2.GaussianBlur(image, (0, 0), width) for image in images])[..., None] for width in (0.6, 2)]
    replaced = [images[np.flatnonzero(labels < kinds)] for kinds in (9, 5)]
    return {
        "noise": [np.where(rng.random(images.shape) < share, noise, images) for share in (0.03, 0.2)],
        "blur": blurred,
        "missing classes": [np.resize(some, images.shape) for some in replaced],
    }


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("kind", ["noise", "blur", "missing classes"])
def test_the_more_damaged_held_out_digits_are_the_worse_they_score(space, kind):
    real = real_images("mnist5k")
    ladder = [real.held_out.images, *damaged(real.held_out.images, real.held_out.labels)[kind]]
    found = [measure(images, real.reference.images, space, 0) for images in ladder]
    for name in (*DISTANCES, "coverage", "recall"):
        good, worse, bad = (numbers[name] for numbers in found)
        assert good < worse < bad if name in DISTANCES else good > worse > bad, (name, good, worse, bad)
    assert found[0]["missing_classes"] == 0
    if kind == "missing classes":
        assert [numbers["missing_classes"] for numbers in found] == pytest.approx([0, 0.1, 0.5])


def test_a_critic_has_no_accuracy(digits):
    found = overfitting(build_gan(RunConfig("wgan"), (28, 28, 1), 10), *digits, images=100)
    assert found.keys() == {"logit_gap", "logit_order"}


def test_of_a_reference_run_the_discriminators_part_is_left_out_with_the_reason(pair, tmp_path):
    run = Run(pair[0].directory, replace(pair[0].config, seed=0))
    stored = ReferenceRun(save_reference(run, row(run), tmp_path / "reference"), run.config)
    found = evaluate(stored, 256, progress=False)
    assert found["skipped"]["discriminator"] == "a reference run does not keep its discriminator's weights"
    assert "reference run" in found["skipped"]["training"] and found["metrics"]["cost"]["peak_memory_mb"]["value"] > 0
    assert not {"discriminator", "training"} & found["metrics"].keys() and (stored.directory / "metrics.json").exists()
    (stored.directory / "snapshots").mkdir()
    shutil.copyfile(stored.directory / "generator.npz", stored.directory / "snapshots" / "step_00000006.npz")
    (stored.directory / "generator.npz").unlink()
    kept = evaluate(ReferenceRun(stored.directory, run.config), 256, progress=False)  # its snapshots are enough
    assert kept["metrics"]["digits"]["fid"] == found["metrics"]["digits"]["fid"] and "snapshots" not in kept["skipped"]
    shutil.rmtree(stored.directory / "snapshots")
    with pytest.raises(ValueError, match="has no weights in the project"):
        evaluate(ReferenceRun(stored.directory, run.config), 256, progress=False)


def test_a_run_that_is_not_finished_is_refused(home):
    with pytest.raises(ValueError, match="is new, not finished; train it to its end first"):
        evaluate(Run(home / "runs" / "x", RunConfig()), 256)
    assert not (home / "runs" / "x").exists()


@pytest.mark.parametrize("samples", [255, 0, -1, 1e4, True, "many"])
def test_numbers_of_samples_that_are_not_possible_are_refused(pair, samples):
    with pytest.raises(
        ValueError, match=f"invalid samples={re.escape(repr(samples))}; expected whole numbers from 256"
    ):
        evaluate(pair[0], samples)


def test_a_generator_of_nan_is_refused(pair):
    run = Run(pair[0].directory, pair[0].config)
    run.generator.set_weights([np.full_like(weight, np.nan) for weight in run.generator.get_weights()])
    with pytest.raises(ValueError, match="generates NaN"):
        evaluate(run, 256, progress=False)


def test_no_more_images_are_generated_than_real_ones_give_the_floor(pair, monkeypatch):
    class Enough(Exception):
        pass

    def generate(sampler, step, count):
        raise Enough(count)

    monkeypatch.setattr(snapshots.SnapshotSampler, "generate", generate)
    for samples in (10_000, None):
        with pytest.raises(Enough, match="1000"):
            evaluate(pair[0], samples, progress=False)


def test_the_frame_has_one_row_a_number_with_what_identifies_the_run(evaluation):
    frame = metrics_frame([evaluation])
    fid = frame[(frame.features == "digits") & (frame.metric == "fid")]
    assert fid.value.item() == evaluation["metrics"]["digits"]["fid"]["value"]
    for side in ("floor", "held_out"):
        assert fid[side].item() == evaluation["metrics"]["digits"]["fid"][side]
    assert (fid.gan.item(), fid.discriminator.item(), fid.seed.item(), fid.samples.item()) == ("dcgan", "cnn", 3, 300)
    assert not frame.duplicated(["run", "features", "metric"]).any() and not frame.value.isna().any()
    assert "class_histogram" not in set(frame.metric) and "nearest_training" in set(frame.metric)
