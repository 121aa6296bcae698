"""Scores of images and of runs: real images come out near the floor, worse ones far from it, and nothing is chance."""

import contextlib
import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from capsgan import reference
from capsgan.comparison import row
from capsgan.config import RunConfig
from capsgan.datasets import load_dataset
from capsgan.evaluation import classes, scoring
from capsgan.evaluation import overfitting as module
from capsgan.evaluation.measures import stages
from capsgan.evaluation.overfitting import overfitting
from capsgan.evaluation.results import metrics_frame
from capsgan.evaluation.scoring import evaluate, score
from capsgan.gans import build_gan
from capsgan.images import to_float, to_uint8
from capsgan.inference import run_discriminator, statistics_of
from capsgan.reference import ReferenceRun, list_references, save_reference
from capsgan.runs import Run
from capsgan.training import train

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


@pytest.mark.parametrize("space", ["digits", "random"])
def test_generators_of_known_quality_rank_in_both_spaces(digits, scores, space):
    """Real digits, 2,000 steps of a quick learner, 700 of the slowest GAN, and noise."""
    references = {(run.config.gan, run.config.discriminator): run for run in list_references() if run.config.seed == 0}
    ladder = [scores["real"][space]]
    for network in (("acgan", "caps"), ("wgan", "cnn")):
        images = to_uint8(references[network].generate(600, seed=0))
        found = score(images, digits[1], control=digits[0][1:1200:2], spaces=(space,), progress=False)
        ladder.append(found[space])
    ladder.append(scores["noise"][space])
    for metric in DISTANCES:
        values = [found[metric]["value"] for found in ladder]
        assert all(worse > better + abs(better) for better, worse in itertools.pairwise(values)), (metric, values)


# images ---------------------------------------------------------------------------------------------------------


def test_every_number_has_a_floor_beside_it(scores):
    found = scores["real"]
    assert set(found) == {"digits", "random"}
    assert set(found["random"]) == {*DISTANCES, "kid_error", *SHARES}
    assert set(found["digits"]) == {*DISTANCES, "kid_error", *SHARES, *CLASSES}
    for metrics in found.values():
        assert all(set(numbers) == {"value", "floor"} for numbers in metrics.values())
    json.dumps(found, allow_nan=False)  # plain numbers, none of them NaN


@pytest.mark.parametrize("space", ["digits", "random"])
def test_real_images_in_place_of_generated_ones_score_near_the_floor(scores, space):
    metrics = scores["real"][space]
    assert metrics["fid"]["value"] == pytest.approx(metrics["fid"]["floor"], rel=0.35)
    assert metrics["fid_infinity"]["value"] < metrics["fid"]["floor"]
    assert metrics["kid"]["value"] == pytest.approx(metrics["kid"]["floor"], abs=6 * metrics["kid_error"]["floor"])
    for name in SHARES:
        assert metrics[name]["value"] == pytest.approx(metrics[name]["floor"], abs=0.08)


@pytest.mark.parametrize("space", ["digits", "random"])
def test_worse_images_score_worse_in_every_way(scores, space):
    def values(name):
        return [scores[kind][space][name]["value"] for kind in ("real", "speckled", "noise")]

    for name in DISTANCES:
        assert values(name) == sorted(values(name)) and values(name)[2] > 20 * values(name)[0]
    for name in SHARES:
        real, speckled, noise = values(name)
        assert real > speckled > noise - 1e-9 and noise < 0.1


def test_the_floor_does_not_depend_on_what_is_generated(scores):
    for space in ("digits", "random"):
        for name, numbers in scores["real"][space].items():
            assert numbers["floor"] == scores["noise"][space][name]["floor"]


def test_classes_of_noise_are_missing(scores):
    real, noise = scores["real"]["digits"], scores["noise"]["digits"]
    assert real["missing_classes"]["value"] == 0 and noise["missing_classes"]["value"] > 0.5
    assert real["classifier_score"]["value"] > 9 and noise["classifier_score"]["value"] < 3
    assert sum(real["class_histogram"]["value"]) == 600 and real["divergence_from_uniform"]["value"] < 0.05


def test_without_a_control_one_half_of_the_real_images_is_scored_against_the_other(digits):
    training, held_out = digits
    metrics = score(training[:1000], held_out, spaces=("random",), progress=False)["random"]
    assert metrics["fid"]["floor"] > 1.3 * metrics["fid"]["value"]  # half the samples, twice the bias
    assert abs(metrics["kid"]["floor"]) < 6 * metrics["kid_error"]["floor"]
    for name in SHARES:
        assert metrics[name]["floor"] == pytest.approx(metrics[name]["value"], abs=0.1)
    assert metrics["precision"]["floor"] < 1  # the halves are disjoint


def test_the_same_call_gives_the_same_numbers_and_another_seed_others(digits, scores):
    training, held_out = digits
    call = {"control": training[1:1200:2], "progress": False, "spaces": ("random",)}
    assert score(training[:1200:2], held_out, **call)["random"] == scores["real"]["random"]
    other = score(training[:1200:2], held_out, seed=1, **call)["random"]
    assert other["kid"] != scores["real"]["random"]["kid"] and other["fid"] == scores["real"]["random"]["fid"]


def test_other_images_are_scored_in_the_random_space():
    images = np.random.default_rng(0).integers(0, 256, (600, 32, 32, 3)).astype("uint8")
    assert set(score(images[:300], images[:300], control=images[300:], spaces=("random",), progress=False)) == {
        "random"
    }
    with pytest.raises(
        ValueError, match=r"image_shape=\(32, 32, 3\) is not possible; allowed: \(28, 28, 1\) for 'digi"
    ):
        score(images, images, progress=False)


def test_what_cannot_be_scored_is_refused(digits):
    training, held_out = digits
    with pytest.raises(ValueError, match="generated: dtype=float32 is not possible; allowed: uint8"):
        score(training[:300] / np.float32(255), held_out, progress=False)
    with pytest.raises(ValueError, match=r"real: shape=\(1000, 28, 27, 1\) is not possible; allowed: \(n, 28, 28, 1\)"):
        score(training[:300], held_out[:, :, 1:], progress=False)
    with pytest.raises(ValueError, match=r"control: shape=\(9, 27, 28, 1\)"):
        score(training[:300], held_out, control=training[:9, 1:], progress=False)
    with pytest.raises(ValueError, match="generated: 255 images are too few; allowed: 256 or more"):
        score(training[:255], held_out, progress=False)
    with pytest.raises(ValueError, match="control: 3 images are too few; allowed: 256 or more"):
        score(training[:300], held_out, control=training[:3], progress=False)
    for spaces in ("digits", ()):
        with pytest.raises(
            ValueError, match=r"spaces=.* is not possible; allowed: a tuple with some of digits, random"
        ):
            score(training[:300], held_out, spaces=spaces, progress=False)
    with pytest.raises(
        ValueError, match="real: 300 images are too few to be halved for the floor; allowed: 512 or more"
    ):
        score(training[:300], held_out[:300], progress=False)
    with pytest.raises(ValueError, match="seed=-1 is not possible; allowed: whole numbers from 0"):
        score(training[:300], held_out, seed=-1, progress=False)
    with pytest.raises(ValueError, match=r"features='inception' is not known; allowed: digits \| random"):
        score(training[:300], held_out, spaces=("inception",), progress=False)


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
    gan = type("Stub", (), {"discriminator": knowing, "image_shape": (28, 28, 1)})()
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
        patch.setattr(scoring, "PROBED", 200)
        patch.setattr(scoring, "ORIENTED", 100)
        yield


@pytest.fixture(scope="module")
def evaluation(pair):
    return evaluate(pair[0], 300, progress=False)


def test_an_evaluation_is_written_beside_the_run_and_says_where_it_comes_from(pair, evaluation):
    run = pair[0]
    assert json.loads((run.directory / "metrics.json").read_text()) == evaluation
    assert evaluation["run"] == run.directory.name and RunConfig.from_dict(evaluation["config"]) == run.config
    assert (evaluation["samples"], evaluation["held_out"], evaluation["training_images"]) == (300, 1000, 400)
    assert evaluation["seed"] == 0 and evaluation["dataset_sha256"]["training"] == run.provenance["dataset_sha256"]
    assert evaluation["features_sha256"].keys() == {"digits", "random"}
    assert evaluation["versions"].keys() == {"keras", "numpy", "scipy", evaluation["backend"]}
    assert evaluation["skipped"].keys() == {"classification_accuracy", "label_accuracy"}
    metrics = evaluation["metrics"]
    assert metrics.keys() == {"digits", "random", "pixels", "discriminator", "training", "cost"}
    assert metrics["pixels"].keys() == {"nearest_training", "nearer_than_real", "copies", "sharpness"}
    orders = {"turned_order", "shifted_order", "scrambled_order"}
    probed = {"class_accuracy", "angle_error"}
    assert metrics["discriminator"].keys() == {"logit_gap", "logit_order", "accuracy_gap"} | orders | probed
    assert metrics["training"]["accuracy"]["value"] == pytest.approx(run.history.accuracy.iloc[-1])
    assert metrics["cost"]["discriminator_parameters"] == {"value": 392_705}


def test_a_generator_of_six_steps_is_far_above_the_floor(evaluation):
    for space in ("digits", "random"):
        assert evaluation["metrics"][space]["fid"]["value"] > 10 * evaluation["metrics"][space]["fid"]["floor"]
        assert evaluation["metrics"][space]["coverage"]["value"] < 0.1


def test_evaluating_again_gives_the_same_file_and_the_bar_ends_where_it_says(pair, evaluation, capsys):
    path = pair[0].directory / "metrics.json"
    before = path.read_bytes()
    evaluate(pair[0], 300)
    assert path.read_bytes() == before
    stages_done = re.findall(r"DCGAN.*?(\d+)/(\d+) ", capsys.readouterr().err)
    assert stages_done[-1] == (str(stages(("digits", "random")) + 5),) * 2


@pytest.mark.parametrize(("name", "asked"), [("acgan", "labels"), ("infogan", "category")])
def test_a_generator_is_measured_by_the_digits_it_is_asked_for(name, asked, tmp_path, monkeypatch):
    """One that returns a real digit of the class, but a 5 for a 3; InfoGAN's categories in an order of their own."""
    monkeypatch.setattr(classes, "UPDATES", 60)
    dataset, order, rng = load_dataset("mnist5k"), np.random.default_rng(1).permutation(10), np.random.default_rng(2)
    members = [rng.permutation(np.flatnonzero(dataset.labels == (5 if digit == 3 else digit))) for digit in range(10)]
    run = Run(tmp_path, RunConfig(name, fraction=0.1))
    run.gan = build_gan(run.config, (28, 28, 1), 10)

    def generate(gan, codes):
        digits = order[codes[asked]] if name == "infogan" else codes[asked]
        return to_float(dataset.images[[members[digit][row % 400] for row, digit in enumerate(digits)]])

    monkeypatch.setattr(scoring, "generate_images", generate)
    for part in ("_measure_training", "_cost"):  # it has no history
        monkeypatch.setattr(scoring, part, lambda *_: {})
    found = evaluate(run, 600, progress=False)
    metrics = found["metrics"]
    assert not found["skipped"]
    assert metrics["digits"]["missing_classes"] == {"value": 0.1, "floor": 0}
    assert metrics["digits"]["label_accuracy"] == {
        "value": pytest.approx(0.9, abs=0.04),
        "floor": pytest.approx(1, abs=0.02),
    }
    accuracy = metrics["pixels"]["classification_accuracy"]
    assert accuracy["floor"] - 0.2 < accuracy["value"] < accuracy["floor"] - 0.05 and accuracy["floor"] > 0.75


def test_snapshots_are_measured_each_by_its_own_weights(home):
    config = RunConfig("dcgan", steps=4, snapshots=(2, 4), batch_size=4, fraction=0.1)
    found = evaluate(train(config, progress=False), 256, progress=False)["metrics"]
    early, late = (found["training"][f"fid_infinity_at_{step}"]["value"] for step in config.snapshots)
    assert early != late == pytest.approx(found["digits"]["fid_infinity"]["value"], rel=0.02)  # float16 weights


def test_a_critic_has_no_accuracy(digits):
    found = overfitting(build_gan(RunConfig("wgan"), (28, 28, 1), 10), *digits, images=100)
    assert found.keys() == {"logit_gap", "logit_order"}


def test_of_a_reference_run_the_discriminators_part_is_left_out_with_the_reason(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "REFERENCE", tmp_path / "reference")
    run = Run(pair[0].directory, replace(pair[0].config, seed=0))
    stored = ReferenceRun(save_reference(run, row(run)), run.config)
    found = evaluate(stored, 256, progress=False)
    assert found["skipped"]["discriminator"] == "a reference run does not keep its discriminator's weights"
    assert "reference run" in found["skipped"]["training"] and found["metrics"]["cost"]["peak_memory_mb"]["value"] > 0
    assert not {"discriminator", "training"} & found["metrics"].keys() and (stored.directory / "metrics.json").exists()
    (stored.directory / "generator.npz").unlink()
    with pytest.raises(ValueError, match="has no weights in the project"):
        evaluate(ReferenceRun(stored.directory, run.config), 256, progress=False)


def test_a_run_that_is_not_finished_is_refused(home):
    with pytest.raises(ValueError, match="is new, not finished; train it to its end first"):
        evaluate(Run(home / "runs" / "x", RunConfig()), 256)
    assert not (home / "runs" / "x").exists()


@pytest.mark.parametrize("samples", [255, 0, -1, 1e4, True, "many"])
def test_numbers_of_samples_that_are_not_possible_are_refused(pair, samples):
    with pytest.raises(
        ValueError, match=f"samples={re.escape(repr(samples))} is not possible; allowed: whole numbers from 256"
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

    def choose_codes(gan, count, seed):
        raise Enough(count)

    monkeypatch.setattr(scoring, "choose_codes", choose_codes)
    with pytest.raises(Enough, match="4000"):
        evaluate(pair[0], 10_000, progress=False)


def test_the_frame_has_one_row_a_number_with_what_identifies_the_run(evaluation):
    frame = metrics_frame([evaluation])
    fid = frame[(frame.features == "digits") & (frame.metric == "fid")]
    assert fid.value.item() == evaluation["metrics"]["digits"]["fid"]["value"]
    assert fid.floor.item() == evaluation["metrics"]["digits"]["fid"]["floor"]
    assert (fid.gan.item(), fid.discriminator.item(), fid.seed.item(), fid.samples.item()) == ("dcgan", "cnn", 3, 300)
    assert not frame.duplicated(["run", "features", "metric"]).any() and not frame.value.isna().any()
    assert "class_histogram" not in set(frame.metric) and "nearest_training" in set(frame.metric)
