"""Datasets are what they say they are, byte for byte, and say what is wrong where they are not."""

import hashlib
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from capsgan.data import datasets
from capsgan.data.datasets import load_dataset, stratified_subset
from capsgan.paths import ROOT

REAL = Path(os.environ.get("CAPSGAN_TEST_MNIST") or ROOT.parent / "shared" / "data" / "mnist.npz")
needs_mnist = pytest.mark.skipif(
    not REAL.exists(), reason="no real mnist.npz: name one in CAPSGAN_TEST_MNIST to check the full set"
)


@pytest.fixture
def fake(home, monkeypatch):
    """A small stand-in for MNIST, its checksums in the place of MNIST's, saved under CAPSGAN_HOME."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 40), ("test", 20)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (count, 28, 28)).astype("uint8")
        arrays[f"y_{split}"] = (np.arange(count) % 10).astype("uint8")
    sums = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(datasets, "MNIST_SHA256", sums)
    np.savez(home / "mnist.npz", **arrays)
    return arrays


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise Exception("URL fetch failure: no route to host")

    monkeypatch.setattr(keras.utils, "get_file", refuse)


@pytest.mark.slow
def test_mnist5k_has_4000_and_1000_images_evenly_of_every_class():
    train, test = load_dataset("mnist5k"), load_dataset("mnist5k", "test")
    assert train.images.shape == (4000, 28, 28, 1) and test.images.shape == (1000, 28, 28, 1)
    assert train.image_shape == (28, 28, 1) and train.classes == 10 and len(train) == 4000
    for data, each in ((train, 400), (test, 100)):
        assert data.images.dtype == np.uint8 and data.labels.dtype == np.int64
        assert (data.images.min(), data.images.max()) == (0, 255)
        assert np.bincount(data.labels).tolist() == [each] * 10


def test_the_splits_of_mnist5k_have_no_image_in_common():
    seen = [{image.tobytes() for image in load_dataset("mnist5k", split).images} for split in ("train", "test")]
    assert not seen[0] & seen[1]


def test_mnist5k_is_the_same_everywhere():
    sums = [load_dataset("mnist5k", split).sha256[:16] for split in ("train", "test")]
    assert sums == ["2b7570364947419c", "a6d2b11197006200"]


def test_the_checksum_is_of_images_and_labels():
    data = load_dataset("mnist5k", "test")
    assert data.sha256 == hashlib.sha256(data.images.tobytes() + data.labels.tobytes()).hexdigest()


def test_images_and_labels_belong_together():
    """The mean zero has a hole, the mean one does not: images that were shuffled without labels would blur both."""
    data = load_dataset("mnist5k")
    zero, one = (data.images[data.labels == label].mean(axis=0)[..., 0] for label in (0, 1))
    assert zero[14, 14] < 40 and one[14, 14] > 180


def test_smaller_fractions_are_parts_of_larger_ones_and_stay_stratified():
    labels = np.repeat(np.arange(4), [50, 100, 30, 20])
    small, large = (set(stratified_subset(labels, fraction)) for fraction in (0.1, 0.5))
    assert small < large
    assert np.bincount(labels[sorted(small)]).tolist() == [5, 10, 3, 2]
    data = load_dataset("mnist5k", fraction=0.02)
    assert np.bincount(data.labels).tolist() == [8] * 10
    assert {i.tobytes() for i in data.images} < {i.tobytes() for i in load_dataset("mnist5k", fraction=0.1).images}


def test_a_subset_is_drawn_and_not_cut_off():
    chosen = stratified_subset(np.zeros(1000, int), 0.5)
    assert len(chosen) == 500 and 350 < (chosen >= 500).sum() * 2 < 650
    assert (np.diff(chosen) > 0).all()


def test_a_fraction_that_empties_a_class_is_refused():
    with pytest.raises(ValueError, match=r"fraction=0\.01 leaves no image of class 1, which has 30"):
        stratified_subset(np.repeat([0, 1], [100, 30]), 0.01)


@pytest.mark.parametrize("fraction", [0, -1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="fraction="):
        load_dataset("mnist5k", fraction=fraction)


@pytest.mark.parametrize("size", [14, 32, 64])
def test_resizing_keeps_the_picture(size):
    data, whole = load_dataset("mnist5k", image_size=size, fraction=0.01), load_dataset("mnist5k", fraction=0.01)
    assert data.images.shape == (40, size, size, 1) and data.images.dtype == np.uint8
    assert data.sha256 != whole.sha256 and (data.labels == whole.labels).all()
    means = data.images.mean(axis=(1, 2, 3)), whole.images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(*means, rtol=0.05)
    assert np.corrcoef(*means)[0, 1] > 0.99


def test_halving_takes_means_of_four_pixels():
    whole, half = (load_dataset("mnist5k", fraction=0.01, image_size=size).images for size in (28, 14))
    means = whole.reshape(40, 14, 2, 14, 2, 1).mean(axis=(2, 4))
    assert np.abs(half - means).max() <= 0.5


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ("cifar",),
            r"invalid dataset='cifar'; expected mnist5k \| mnist \| cartoon \| olivetti \| lfw \| folder:PATH$",
        ),
        (("mnist5k", "validation"), r"invalid split='validation'; expected train \| test"),
    ],
)
def test_unknown_names_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(*arguments)


def test_mnist_is_read_from_home_without_the_network(fake, offline):
    for split in ("train", "test"):
        data = load_dataset("mnist", split)
        np.testing.assert_array_equal(data.images[..., 0], fake[f"x_{split}"])
        np.testing.assert_array_equal(data.labels, fake[f"y_{split}"])


@pytest.mark.parametrize("name", ["x_train", "y_train", "x_test", "y_test"])
def test_a_damaged_array_is_named(fake, home, name):
    changed = fake[name].copy()
    changed.flat[0] ^= 1
    np.savez(home / "mnist.npz", **fake | {name: changed})
    with pytest.raises(ValueError, match=f"{name} is not MNIST's") as caught:
        load_dataset("mnist")
    assert str(home / "mnist.npz") in str(caught.value)


def test_a_missing_array_is_named(fake, home):
    del fake["y_test"]
    np.savez(home / "mnist.npz", **fake)
    with pytest.raises(ValueError, match=r"mnist\.npz has no array 'y_test'"):
        load_dataset("mnist")


@pytest.mark.parametrize("keep", [0, 100, 20_000])
def test_a_file_cut_short_is_named(fake, home, keep):
    path = home / "mnist.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"mnist\.npz"):
        load_dataset("mnist")


def test_without_file_and_network_mnist_says_what_to_do(home, offline):
    with pytest.raises(RuntimeError, match=r"no route to host.*mnist5k") as caught:
        load_dataset("mnist")
    assert str(home / "mnist.npz") in str(caught.value)


def published(path, monkeypatch, **arrays):
    np.savez(path, **arrays)
    monkeypatch.setattr(datasets, "MNIST_ORIGIN", path.as_uri())


def test_mnist_is_downloaded_once_into_home(fake, home, tmp_path_factory, monkeypatch):
    (home / "mnist.npz").unlink()
    source = tmp_path_factory.mktemp("published") / "mnist.npz"
    published(source, monkeypatch, **fake)
    monkeypatch.setenv("CAPSGAN_HOME", str(home / "new"))
    assert len(load_dataset("mnist")) == 40
    source.unlink()
    assert (home / "new" / "mnist.npz").exists() and len(load_dataset("mnist", "test")) == 20


def test_a_download_that_is_not_mnist_is_refused(fake, home, tmp_path_factory, monkeypatch):
    (home / "mnist.npz").unlink()
    other = fake | {"x_train": np.zeros((5, 28, 28), "uint8")}
    published(tmp_path_factory.mktemp("published") / "mnist.npz", monkeypatch, **other)
    with pytest.raises(ValueError, match="x_train is not MNIST's"):
        load_dataset("mnist")


@needs_mnist
def test_the_real_mnist_has_the_published_checksums(home):
    (home / "mnist.npz").symlink_to(REAL)
    train, test = load_dataset("mnist"), load_dataset("mnist", "test")
    assert train.images.shape == (60_000, 28, 28, 1) and test.images.shape == (10_000, 28, 28, 1)
    assert datasets.MNIST_SHA256["x_train"] == "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
    assert datasets.MNIST_SHA256["x_test"] == "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"


@needs_mnist
def test_every_digit_of_mnist5k_is_in_mnists_training_set(home):
    (home / "mnist.npz").symlink_to(REAL)
    mnist = {image.tobytes() for image in load_dataset("mnist").images}
    for split in ("train", "test"):
        assert all(image.tobytes() in mnist for image in load_dataset("mnist5k", split).images)
