"""The completion GAN: it sees what is known, learns from the hole, and its arms differ in the adversary only."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.data.holes import training_masks
from capsgan.data.pixels import to_float
from capsgan.engines.tensorflow import update
from capsgan.gans import build_gan
from capsgan.gans.completion import reconstruction_loss
from capsgan.networks.context_encoder import build_context_encoder, pull_push
from capsgan.paths import ROOT
from capsgan.regeneration.degradations import Downscaling, Fading
from capsgan.runs.checkpoints import checkpoint_paths
from capsgan.runs.run import Run, run_for
from capsgan.training.loop import train

ARMS = ("none", "cnn", "caps", "cnn-matched")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 28, 28, 1)).astype("uint8")
LABELS = np.zeros(12, "int64")
PATIENCE = 240  # seconds; a machine under load is slow


def make(trunk="none", name="completion", shape=(28, 28, 1), **changes):
    changes = {"batch_size": 4, "width": 1 / 64, "dropout": 0.0} | changes
    return build_gan(RunConfig(name, trunk, **changes), shape)


@pytest.fixture(scope="module")
def arms():
    """Every arm after one step: (gan, batch, metrics)."""
    played = {}
    for trunk in ARMS:
        gan = make(trunk)
        initial, batch = gan.generator.get_weights(), gan.draw_batch(1, len(IMAGES))
        played[trunk] = gan, initial, batch, np.array(gan.step(update, IMAGES, LABELS, batch))
    return played


def test_every_training_mask_hides_something_and_leaves_something():
    masks = training_masks(np.random.default_rng(1), 200, (28, 28))
    known = masks.mean(axis=(1, 2, 3))
    assert masks.shape == (200, 28, 28, 1) and set(np.unique(masks)) == {0.0, 1.0}
    assert known.min() > 0 and known.max() < 1
    assert np.isclose(known, 0.5).any() and np.isclose(known, 0.75).any()  # halves and centres
    speckled = (np.abs(np.diff(masks, axis=1)).mean(axis=(1, 2, 3)) > 0.15).mean()
    assert 0.1 < speckled < 0.3  # single pixels: a fifth


def test_the_same_stream_draws_the_same_masks():
    first, again, other = (training_masks(np.random.default_rng(seed), 20, (28, 28)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(("shape", "least", "most"), [((64, 64, 3), 1.1e6, 1.4e6), ((28, 28, 1), 3e5, 6e5)])
def test_the_network_is_small_enough_to_ship(shape, least, most):
    assert least < build_context_encoder(shape).count_params() < most


@pytest.mark.parametrize("size", [28, 32, 56, 64])
def test_known_pixels_stay_and_hidden_ones_are_not_looked_at(size):
    network = build_context_encoder((size, size, 3), filters=4, bottleneck=8)
    image = RNG.uniform(-1, 1, (2, size, size, 3)).astype("float32")
    mask = training_masks(np.random.default_rng(3), 2, (size, size))
    changed = np.where(mask, image, -image)
    ours, theirs = (np.array(network([x, mask], training=False)) for x in (image, changed))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(ours * mask, image * mask, atol=1e-6)
    assert (np.abs(ours) <= 1).all() and np.abs((ours - image) * (1 - mask)).max() > 0.1


def test_the_bottleneck_sees_the_whole_image():
    keras.utils.set_random_seed(0)
    network = build_context_encoder((64, 64, 3), filters=4, bottleneck=16)
    last = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    last.set_weights([RNG.normal(size=weight.shape) for weight in last.get_weights()])  # it begins as zero
    image, mask = np.zeros((1, 64, 64, 3), "float32"), np.ones((1, 64, 64, 1), "float32")
    mask[:, 48:, 48:] = 0
    corner = image.copy()
    corner[:, 0, 0] = 1
    ours, theirs = (np.array(network([x, mask], training=False))[:, 50:, 50:] for x in (image, corner))
    assert np.abs(ours - theirs).max() > 0


@pytest.mark.parametrize("size", [28, 56, 64])
def test_the_guess_keeps_what_is_known_and_is_right_where_the_image_is_flat(size):
    mask = training_masks(np.random.default_rng(4), 8, (size, size))
    image = RNG.uniform(-1, 1, (8, size, size, 3)).astype("float32")
    flat = np.broadcast_to(image[:, :1, :1], image.shape)
    np.testing.assert_allclose(np.array(pull_push(image, mask)) * mask, image * mask, atol=1e-6)
    np.testing.assert_allclose(np.array(pull_push(flat, mask)), flat, atol=1e-5)


def test_the_guess_takes_from_the_nearest_known_pixels():
    ramp = np.broadcast_to(np.linspace(-1, 1, 64, dtype="float32")[None, None, :, None], (1, 64, 64, 1))
    mask = np.ones_like(ramp)
    mask[:, 20:30, 20:30] = 0
    hidden = np.array(pull_push(ramp, mask))[mask == 0]
    assert np.abs(hidden - ramp[mask == 0]).max() < 0.1  # the mean of the known pixels would be off by 0.37


def test_an_untrained_network_paints_the_guess():
    image = RNG.uniform(-1, 1, (2, 64, 64, 3)).astype("float32")
    mask = training_masks(np.random.default_rng(5), 2, (64, 64))
    painted = np.array(build_context_encoder((64, 64, 3), filters=4, bottleneck=8)([image, mask]))
    np.testing.assert_allclose(painted, np.array(pull_push(image, mask)), atol=0.011)


def test_a_small_hole_counts_as_much_as_a_large_one():
    images, masks = np.zeros((2, 8, 8, 3)), np.ones((2, 8, 8, 1))
    masks[0, 0, 0], masks[1, :6] = 0, 0
    painted = np.where(masks == 0, np.array([0.8, 0.2]).reshape(2, 1, 1, 1), 0.0)
    assert float(reconstruction_loss(painted, images, masks)) == pytest.approx(0.5)


def test_the_loss_is_the_mean_difference_in_the_hole():
    image, painted, mask = np.zeros((1, 2, 2, 3)), np.full((1, 2, 2, 3), 0.5), np.ones((1, 2, 2, 1))
    mask[0, 0] = 0
    painted[0, 1] = 100  # known pixels do not count
    assert float(reconstruction_loss(painted, image, mask)) == pytest.approx(0.5)


def test_all_arms_begin_alike_and_meet_the_same_images_and_masks(arms):
    _, initial, batch, _ = arms["none"]
    for trunk in ARMS[1:]:
        for mine, other in zip(initial, arms[trunk][1], strict=True):
            np.testing.assert_array_equal(mine, other)
        for name in ("number", "mask"):
            np.testing.assert_array_equal(batch.codes[name], arms[trunk][2].codes[name])


def test_without_an_adversary_there_is_one_player_and_no_number_about_the_other(arms):
    gan, _, _, metrics = arms["none"]
    assert gan.discriminator is None and gan.players == ("generator",)
    assert np.isfinite(metrics[0]) and np.isnan(metrics[1:]).all()
    for trunk in ARMS[1:]:
        assert np.isfinite(arms[trunk][3]).all() and arms[trunk][0].discriminator is not None


def test_the_adversary_weighs_what_the_config_says(arms):
    reconstruction = arms["none"][3][0]
    for weight in (0.0, 0.5):
        gan = make("cnn", adversarial_weight=weight)
        metrics = np.array(gan.step(update, IMAGES, LABELS, arms["cnn"][2]))
        assert (metrics[0] > reconstruction + 0.1) == (weight > 0)


@pytest.mark.parametrize("trunk", ARMS)
@pytest.mark.parametrize("name", ["superres", "restore"])
def test_networks_of_other_damage_learn_from_every_pixel(name, trunk):
    gan, colours = make(trunk, name, (32, 32, 3)), RNG.integers(0, 256, (12, 32, 32, 3)).astype("uint8")
    codes = gan.condition(gan.draw_batch(1, len(colours)).codes, colours)
    before = gan.generate(codes, training=False)
    losses = [float(gan.step(update, colours, LABELS, gan.draw_batch(1, len(colours)))[0]) for _ in range(3)]
    assert losses[2] < losses[0]
    changed = np.array(gan.generate(codes, training=False) != before)
    assert changed.mean() > 0.99 and changed[np.broadcast_to(codes["mask"] == 1, changed.shape)].mean() > 0.99


def test_small_images_are_what_a_coarser_camera_sees():
    gan, codes = make(name="superres", shape=(32, 32, 3)), {"scale": np.float32([2, 4]).reshape(2, 1, 1, 1)}
    images = RNG.integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    seen = np.array(gan.damage(to_float(images), codes))
    for number, scale in enumerate((2, 4)):
        small = Downscaling(scale).damage(images)
        np.testing.assert_allclose(seen[number], np.array(Downscaling(scale).prepare(small))[number], atol=0.005)


def test_old_photographs_are_faded_each_by_its_own_values():
    gan, images = make(name="restore", shape=(32, 32, 3)), RNG.integers(0, 256, (3, 32, 32, 3)).astype("uint8")
    codes = {"contrast": [0.5, 1, 0.8], "brightness": [0.1, 0, -0.1], "grey": [0, 0, 1]}
    codes = {name: np.float32(values).reshape(3, 1, 1, 1) for name, values in codes.items()}
    seen = np.array(gan.damage(to_float(images), codes))
    for number in range(3):
        values = {name: float(value[number].item()) for name, value in codes.items()}
        faded = Fading(values["contrast"], values["brightness"], bool(values["grey"]))
        wanted = np.array(faded.measure(to_float(images)))[number]
        np.testing.assert_allclose(seen[number], np.broadcast_to(wanted, (32, 32, 3)), atol=1e-5)
    drawn = gan.sample_codes(np.random.default_rng(2), 100)
    assert 0.3 < drawn["grey"].mean() < 0.7 and 0.7 < drawn["mask"].mean() < 1
    assert 0.4 <= drawn["contrast"].min() < 0.45 and 0.95 < drawn["contrast"].max() <= 1


def test_other_gans_refuse_to_play_alone():
    with pytest.raises(ValueError, match=r"invalid discriminator='none'; expected cnn \| caps .* for gan='dcgan'"):
        RunConfig("dcgan", "none")
    with pytest.raises(ValueError, match=r"invalid adversarial_weight=0\.5"):
        RunConfig("dcgan", "cnn", adversarial_weight=0.5)


def test_new_fields_leave_the_ids_of_existing_runs():
    assert RunConfig("dcgan", "caps", "mnist", steps=20_000, seed=0).identity == {
        "discriminator": "caps",
        "dataset": "mnist",
        "steps": 20_000,
    }
    assert RunConfig("completion", "none", adversarial_weight=0.5).run_id == RunConfig("completion", "none").run_id


def test_flips_double_the_images_by_their_mirror_images():
    gan = make(augmentation="flip")
    images = np.array(gan.take_images(IMAGES, np.array([3, 3 + len(IMAGES)])))
    np.testing.assert_array_equal(images[0], to_float(IMAGES[3]))
    np.testing.assert_array_equal(images[1], to_float(IMAGES[3])[:, ::-1])
    numbers = np.concatenate([gan.draw_batch(step, 12).codes["number"] for step in range(1, 60)])
    assert numbers.min() >= 0 and 12 <= numbers.max() < 24
    assert 0.35 < (numbers >= 12).mean() < 0.65


def test_the_finished_generator_has_the_average_of_its_weights():
    gan, decay = make(generator_average=0.75), 0.75
    batches, average = [gan.draw_batch(step, len(IMAGES)) for step in range(1, 5)], None
    for batch in batches:
        gan.step(update, IMAGES, LABELS, batch)
        now = [w.numpy() for w in gan.generator.trainable_variables]
        average = now if average is None else [decay * a + (1 - decay) * n for a, n in zip(average, now, strict=True)]
    gan.settle(batches, IMAGES)
    for ours, expected in zip(gan.generator.trainable_variables, average, strict=True):
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-6)


@pytest.mark.slow
def test_it_learns_what_images_have_in_common(home):
    config = RunConfig("completion", "none", "mnist5k", fraction=0.2, steps=60, batch_size=16)
    history = train(config, progress=False).history
    assert history.g_loss.iloc[-10:].mean() < 0.9 * history.g_loss.iloc[:10].mean()


@pytest.mark.slow
def test_killed_it_resumes_bit_for_bit(tmp_path):
    config = RunConfig(
        "completion", "cnn", steps=8, batch_size=4, fraction=0.05, augmentation="flip", generator_average=0.9
    )
    killed, whole = (tmp_path / name for name in ("killed", "whole"))
    options = "--gan completion --discriminator cnn --steps 8 --batch-size 4 --fraction 0.05 --augmentation flip"
    command = [sys.executable, "-m", "capsgan", "train", *options.split(), "--generator-average", "0.9"]
    killed.mkdir()
    environment = os.environ | {"CAPSGAN_HOME": str(killed), "PYTHONPATH": str(ROOT / "lib")}
    process = subprocess.Popen(
        [*command, "--checkpoint-every", "3"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + PATIENCE
    while not checkpoint_paths(killed / "runs" / config.run_id / "checkpoints"):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()

    def finish(home):
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
            patch.setenv("CAPSGAN_HOME", str(home))
            assert not run_for(config).finished
            return train(config, checkpoint_every=3, progress=False), printed.getvalue()

    (ours, said), (theirs, _) = finish(killed), finish(whole)
    assert "going on after step" in said
    np.testing.assert_array_equal(ours.history.g_loss, theirs.history.g_loss)
    for name in ours.gan.players:
        models = (getattr(run.gan, name).get_weights() for run in (ours, theirs))
        for mine, other in zip(*models, strict=True):
            np.testing.assert_array_equal(mine, other)
    loaded = Run(ours.directory, config).generate(3, seed=1)  # held-out images, completed
    np.testing.assert_array_equal(loaded, theirs.generate(3, seed=1))
