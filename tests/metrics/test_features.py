"""Feature networks: what they read, that they repeat themselves everywhere, and that their distances mean something."""

import hashlib
import importlib.util
import json
import os
import random
import subprocess
import sys

import keras
import numpy as np
import pytest

from capsgan.data.datasets import load_dataset
from capsgan.gans import inference
from capsgan.gans.inference import COMPILED
from capsgan.metrics import features as module
from capsgan.metrics.distances import frechet_distance, kernel_distance
from capsgan.metrics.features import (
    ARCHITECTURES,
    FEATURES,
    SPACES,
    UNTRAINED,
    draw_weights,
    load_features,
    spaces_for,
)
from capsgan.metrics.real_images import POOL
from capsgan.paths import ROOT

ALL = (*SPACES, UNTRAINED)

RANDOM_SHA256 = "dc4d705e7ca1f3713ed5c5deb586c1252aae1a636114eb5844f79d100a5a40a5"  # of the float32 weights at 28×28×1


@pytest.fixture(scope="module")
def digits():
    """1,000 held-out digits of mnist5k with their labels."""
    return load_dataset("mnist5k", "test")


@pytest.fixture(scope="module")
def real(digits):
    return {space: load_features(space).features(digits.images) for space in ALL}


def damaged(images):
    """Ever worse images, from mild to hopeless."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, images.shape).astype("uint8")
    return {
        "a twentieth of the pixels noise": np.where(rng.random(images.shape) < 0.05, noise, images),
        "a fifth of the pixels noise": np.where(rng.random(images.shape) < 0.2, noise, images),
        "noise": noise,
    }


@pytest.mark.parametrize("space", ALL)
def test_features_are_64_finite_numbers_an_image(real, space):
    assert real[space].shape == (1000, 64) and real[space].dtype == np.float32
    assert np.isfinite(real[space]).all()
    assert np.linalg.matrix_rank(np.cov(real[space], rowvar=False)) == 64  # no unit is silent


@pytest.mark.parametrize("space", ALL)
@pytest.mark.parametrize("count", [1, 3, COMPILED, COMPILED + 1])
def test_features_of_an_image_do_not_depend_on_the_others(digits, real, space, count):
    np.testing.assert_array_equal(load_features(space).features(digits.images[:count]), real[space][:count])
    order = np.random.default_rng(0).permutation(1000)
    np.testing.assert_allclose(
        load_features(space).features(digits.images[order]), real[space][order], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("space", ALL)
def test_the_size_of_a_chunk_has_no_effect(digits, real, space, monkeypatch):
    monkeypatch.setattr(inference, "COMPILED", 64)
    np.testing.assert_allclose(load_features(space).features(digits.images), real[space], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("space", ALL)
def test_features_do_not_depend_on_keras_precision_nor_change_its_random_numbers(digits, real, space, monkeypatch):
    monkeypatch.setattr(module, "_trained", module._trained.__wrapped__)  # not from the cache
    monkeypatch.setattr(module, "_random", module._random.__wrapped__)
    random.seed(1)
    state = random.getstate()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        again = load_features(space).features(digits.images[:10])
    finally:
        keras.config.set_dtype_policy(policy)
    np.testing.assert_array_equal(again, real[space][:10])
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("space", "numbers"),
    [
        ("digits", [-1.0376, -0.5316, -0.7577, 1.0382]),
        ("lenet", [-0.7500, -1.7995, -1.2190, -0.6466]),
        ("random", [0.7427, 0.5176, -0.0699, 1.3391]),
    ],
)
def test_features_of_the_first_digit_are_those_of_all_scores_so_far(real, space, numbers):
    np.testing.assert_allclose(real[space][0, :4], numbers, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_features_are_the_same_on_every_backend(digits, real, backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"pip install {backend}")
    np.save(tmp_path / "images.npy", digits.images[:50])
    program = "import sys, numpy as np; from capsgan.metrics.features import load_features; from pathlib import Path\n"
    program += "folder = Path(sys.argv[1]); images = np.load(folder / 'images.npy')\n"
    program += "for name in sys.argv[2:]: np.save(folder / f'{name}.npy', load_features(name).features(images))\n"
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT / "lib")}
    subprocess.run([sys.executable, "-c", program, str(tmp_path), *ALL], env=environment, check=True, timeout=300)
    for space in ALL:
        np.testing.assert_allclose(np.load(tmp_path / f"{space}.npy"), real[space][:50], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_trained_features_have_a_mean_square_of_one(real, space):
    assert np.square(real[space]).mean() == pytest.approx(1, rel=0.05)


def test_images_that_no_trained_network_reads_have_the_untrained_space_only():
    assert spaces_for((28, 28, 1)) == ("digits", "lenet") and spaces_for((64, 64, 3)) == ("random",)


@pytest.mark.parametrize("space", SPACES)
def test_the_classifiers_know_digits(digits, space):
    network = load_features(space)
    probabilities = network.probabilities(digits.images)
    assert probabilities.shape == (1000, 10) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == digits.labels).mean() > 0.99
    np.testing.assert_array_equal(network.read(digits.images)[1], probabilities)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_features_of_one_digit_are_nearer_to_each_other_than_to_other_digits(digits, real, space):
    x = real[space]
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (digits.labels[distances.argmin(axis=1)] == digits.labels).mean() > 0.98


@pytest.mark.parametrize("space", ALL)
def test_the_worse_the_images_the_greater_the_distances(digits, real, space):
    network, half = load_features(space), real[space][::2]
    ladder = {"real": real[space][1::2]}
    ladder |= {name: network.features(images[1::2]) for name, images in damaged(digits.images).items()}
    for measure in (frechet_distance, lambda x, y: kernel_distance(x, y)[0]):
        values = [measure(half, features) for features in ladder.values()]
        assert values == sorted(values) and values[-1] > 20 * max(values[0], 0)
        assert values[1] > 1.5 * values[0]


# the stored files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
def test_the_stored_networks_are_what_their_cards_say(space):
    path, network = FEATURES / f"{space}.npz", load_features(space)
    card = json.loads(path.with_suffix(".json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == card["sha256"] == ARCHITECTURES[space].sha256 == network.sha256
    assert card["test_accuracy"] >= 0.992
    assert card["parameters"] == network.model.count_params()
    assert (card["seed"], card["epochs"]) == (ARCHITECTURES[space].seed, ARCHITECTURES[space].epochs)


def test_the_stored_networks_are_small_and_differ_in_architecture_and_seed():
    assert sum((FEATURES / f"{space}.npz").stat().st_size for space in SPACES) <= 1e6
    shapes = [[weight.shape for weight in load_features(space).model.get_weights()] for space in SPACES]
    assert shapes[0] != shapes[1] and len({ARCHITECTURES[space].seed for space in SPACES}) == len(SPACES)


def test_the_two_spaces_do_not_tell_the_same(real):
    """No linear map from one space explains the other: a finding that holds in both says more than one of them."""
    x, y = (real[space] - real[space].mean(axis=0) for space in SPACES)
    predicted = x[:500] @ np.linalg.lstsq(x[500:], y[500:], rcond=None)[0]
    assert np.square(y[:500] - predicted).sum() > 0.1 * np.square(y[:500]).sum()


@pytest.mark.parametrize("space", SPACES)
def test_the_card_names_the_data_that_the_library_loads(mnist, space):
    card = json.loads((FEATURES / f"{space}.json").read_text())
    training = load_dataset("mnist").take(np.arange(POOL, 60_000))
    assert card["training_data"]["sha256"] == training.sha256 and card["training_data"]["from"] == POOL
    assert card["test_data"]["sha256"] == load_dataset("mnist", "test").sha256


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_the_card_states_the_accuracy_on_mnists_test_digits(mnist, space):
    test = load_dataset("mnist", "test")
    found = (load_features(space).probabilities(test.images).argmax(axis=1) == test.labels).mean()
    assert found == pytest.approx(json.loads((FEATURES / f"{space}.json").read_text())["test_accuracy"], abs=2e-4)


@pytest.mark.parametrize("how", ["changed", "cut", "missing", "no archive", "another network"])
def test_a_damaged_file_is_named_with_the_way_out(how, tmp_path, monkeypatch):
    path = tmp_path / "data" / "features" / "digits.npz"
    path.parent.mkdir(parents=True)
    data = (FEATURES / "digits.npz").read_bytes()
    changed = data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]
    if how == "another network":
        np.savez(path, *module.build_classifier("digits").get_weights())
    elif how != "missing":
        path.write_bytes({"changed": changed, "cut": data[:9000], "no archive": b"x"}[how])
    if how == "no archive":
        architecture = ARCHITECTURES["digits"]._replace(sha256=hashlib.sha256(b"x").hexdigest())
        monkeypatch.setitem(ARCHITECTURES, "digits", architecture)
    monkeypatch.setattr(module, "FEATURES", path.parent)
    with pytest.raises(
        ValueError, match=r"digits\.npz is missing, damaged or a different one .*git checkout -- data/f"
    ):
        load_features("digits")


# the random network ---------------------------------------------------------------------------------------------


def test_the_random_network_is_the_same_everywhere():
    assert load_features("random").sha256 == RANDOM_SHA256


def test_drawn_weights_are_he_uniform_and_depend_on_the_seed_only():
    model = module.build_classifier("digits")
    weights, again, others = draw_weights(model, 3), draw_weights(model, 3), draw_weights(model, 4)
    for ours, same, other, variable in zip(weights, again, others, model.weights, strict=True):
        assert ours.shape == tuple(variable.shape) and ours.dtype == np.float32
        np.testing.assert_array_equal(ours, same)
        if ours.ndim == 1:
            assert (ours == 0).all()
            continue
        limit = np.sqrt(6 / np.prod(ours.shape[:-1]))
        assert not np.array_equal(ours, other) and abs(ours).max() <= limit
        assert ours.std() == pytest.approx(limit / np.sqrt(3), rel=0.1) and abs(ours.mean()) < 0.1 * limit


def test_the_random_network_reads_other_images_too():
    images = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3)).astype("uint8")
    assert load_features("random", (64, 64, 3)).features(images).shape == (5, 64)


# what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ALL)
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 28, 28, 1), "float32"), "images: invalid dtype=float32; expected uint8"),
        ([[1]], "images: invalid dtype=list"),
        (np.zeros((2, 28, 28), "uint8"), r"images: invalid shape=\(2, 28, 28\); expected \(n, 28, 28, 1\) with n > 0"),
        (np.zeros((2, 32, 32, 1), "uint8"), r"images: invalid shape=\(2, 32, 32, 1\)"),
        (np.zeros((0, 28, 28, 1), "uint8"), r"images: invalid shape=\(0, 28, 28, 1\)"),
    ],
)
def test_what_is_no_image_of_the_networks_shape_is_refused(space, images, message):
    with pytest.raises(ValueError, match=message):
        load_features(space).features(images)


def test_names_shapes_and_questions_that_are_not_possible_are_refused():
    with pytest.raises(ValueError, match=r"invalid features='inception'; expected digits \| lenet \| random"):
        load_features("inception")
    with pytest.raises(ValueError, match=r"invalid image_shape=\(64, 64, 3\); expected \(28, 28, 1\) for 'digits'"):
        load_features("digits", (64, 64, 3))
    with pytest.raises(ValueError, match="invalid features='random': it has no classes; expected digits \\| lenet"):
        load_features("random").probabilities(np.zeros((1, 28, 28, 1), "uint8"))
