import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.gans import build_gan
from capsgan.metrics import orientation
from capsgan.metrics.orientation import pose_layer, probes, rotate, shift, swap_quarters, transformation_orders


@pytest.fixture(scope="module")
def digits():
    from capsgan.data.datasets import load_dataset

    return load_dataset("mnist5k"), load_dataset("mnist5k", "test")


def dot(row, column):
    image = np.zeros((1, 28, 28, 1), "uint8")
    image[0, row, column] = 255
    return image


def test_turning_is_counter_clockwise_about_the_centre():
    assert np.argwhere(rotate(dot(4, 13), 90))[0].tolist() == [0, 14, 4, 0]  # from the top to the left
    np.testing.assert_array_equal(rotate(dot(9, 20), 360), dot(9, 20))
    both = rotate(np.concatenate([dot(4, 13), dot(4, 13)]), [0, 180])
    assert both[0, 4, 13] == 255 and both[1, 23, 14] == 255


def test_a_shift_moves_right_and_down_and_brings_in_nothing():
    np.testing.assert_array_equal(shift(dot(3, 5)), dot(7, 9))
    assert shift(dot(25, 25)).sum() == 0


@pytest.mark.slow
def test_quarters_are_swapped_inside_the_margin_and_keeps_every_pixel(digits):
    images = digits[1].images[:50]
    swapped = swap_quarters(images)
    np.testing.assert_array_equal(np.sort(swapped.reshape(50, -1)), np.sort(images.reshape(50, -1)))
    np.testing.assert_array_equal(swap_quarters(swapped), images)
    np.testing.assert_array_equal(swap_quarters(dot(5, 6)), dot(15, 16))
    np.testing.assert_array_equal(swap_quarters(dot(1, 1)), dot(1, 1))  # the margin stays
    assert (swapped != images).any()


@pytest.mark.parametrize("trunk", ["cnn", "caps", "caps-routing", "cnn-matched"])
def test_every_trunk_has_poses_with_places_and_features_of_one_row_an_image(trunk):
    gan = build_gan(RunConfig("dcgan", trunk, width=1 / 32), (28, 28, 1))
    poses, features = pose_layer(gan.discriminator), orientation.trunk_features(gan.discriminator)
    assert len(poses.shape) == (4 if "cnn" in trunk else 3)
    assert poses.shape[-1] == {"cnn": 256, "cnn-matched": 8}.get(trunk, 8)
    assert len(features.shape) == (3 if trunk == "caps-routing" else 2)


def test_a_discriminator_that_knows_how_digits_lie_orders_them_and_one_that_does_not_does_not(digits, monkeypatch):
    images = digits[1].images[:400]
    gan = build_gan(RunConfig("dcgan", "cnn"), (28, 28, 1))
    top = np.linspace(1, -1, 28)[:, None, None]

    def heavy_above(discriminator, these):  # how much more ink stands in the upper half, where the shift does not look
        return (these / 255 * top).sum(axis=(1, 2, 3))

    monkeypatch.setattr(orientation, "run_discriminator", heavy_above)
    orders = transformation_orders(gan, images)
    assert orders["shifted_order"]["value"] > 0.9
    monkeypatch.setattr(
        orientation, "run_discriminator", lambda d, these: np.sort(these.reshape(len(these), -1)).sum(1)
    )
    orders = transformation_orders(gan, images)
    assert orders["scrambled_order"]["value"] == pytest.approx(0.5, abs=1e-9)
    assert orders["scrambled_order"]["floor"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.slow
def test_probes_read_class_and_angle_from_features_that_hold_them_and_not_from_those_that_do_not(digits, monkeypatch):
    training, held_out = ((d.images, d.labels) for d in digits)
    gan = build_gan(RunConfig("dcgan", "caps", width=1 / 32), (28, 28, 1))
    found = probes(gan, training, held_out, images=1500)
    assert found["class_accuracy"]["floor"] > 0.75  # the pixels themselves
    assert 5 < found["angle_error"]["floor"] < 25
    noise = np.random.default_rng(0)
    monkeypatch.setattr(orientation, "read_layer", lambda d, layer, these: noise.standard_normal((len(these), 200)))
    blind = probes(gan, training, held_out, images=1500)
    assert blind["class_accuracy"]["value"] < 0.2
    assert blind["angle_error"]["value"] > 28  # a guess of 0° misses by 30° in the mean
    assert blind["class_accuracy"]["floor"] == found["class_accuracy"]["floor"]  # the same images for every run


def test_wrong_images_are_refused(digits):
    gan = build_gan(RunConfig("dcgan", "cnn"), (28, 28, 1))
    with pytest.raises(ValueError, match="images: invalid dtype=float32"):
        transformation_orders(gan, digits[1].images.astype("float32"))
    with pytest.raises(ValueError, match="held_out: invalid shape"):
        probes(gan, (digits[0].images, digits[0].labels), (digits[1].images[:, :20], digits[1].labels))
