"""The game: both players move, each only on its turn, on half batches, and both runs of a pair meet the same data."""

import random

import keras
import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.data.pixels import to_float
from capsgan.engines.tensorflow import update
from capsgan.gans import build_gan
from capsgan.gans.base import METRICS, SAMPLING, random_stream
from capsgan.names import GANS
from capsgan.training.step import compile_step

UNCONDITIONAL = [gan for gan in GANS if not GANS[gan].conditional]  # completion: test_completion.py
QUICK = [("dcgan", "cnn"), ("acgan", "caps"), ("wgan", "cnn"), ("wgan_gp", "caps")]  # the others are slow tests
LOSSES = ("lsgan", "fgan")  # DCGAN with another loss: one trunk tells all
NAMES = [(g, trunk) for g in UNCONDITIONAL for trunk in ("cnn", "caps") if trunk == "cnn" or g not in LOSSES]
EACH = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow, id="-".join(name)) for name in NAMES]
EACH_GAN = [
    pytest.param(gan, marks=[] if gan in ("dcgan", "wgan") else pytest.mark.slow)
    for gan in UNCONDITIONAL
    if gan not in LOSSES
]
COMPILED = [("acgan", "cnn"), ("infogan", "caps"), ("wgan", "cnn")]  # the others are compiled in other files
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1)).astype("uint8")
LABELS = np.arange(40) % 10


def make(gan="dcgan", trunk="cnn", classes=10, **changes):
    changes = {"batch_size": 4, "width": 1 / 64} | changes
    return build_gan(RunConfig(gan, trunk, **changes), (28, 28, 1), classes)


def weights(model):
    return [w.numpy() for w in model.trainable_variables]


def moved(before, model):
    return [not np.array_equal(old, new.numpy()) for old, new in zip(before, model.trainable_variables, strict=True)]


def critic_codes(batch):
    return {name: array[0] for name, array in batch.critic_codes.items()}


class Recorder:
    """An engine's ``update`` that notes who moved, for what, on how many images, and whether the other moved too."""

    def __init__(self, gan):
        self.gan, self.calls, self.others = gan, [], []

    def __call__(self, model, optimizer, loss, *args):
        other = self.gan.generator if model is self.gan.discriminator else self.gan.discriminator
        before = weights(other)
        value, logits = update(model, optimizer, loss, *args)
        rows = [len(part) for part in (logits if isinstance(logits, tuple) else (logits,))]
        self.calls.append((model.name, loss.__name__, *rows))
        self.others.append(any(moved(before, other)))
        return value, logits


class Played:
    """A GAN after one step: its weights before, its metrics, and the record of its updates."""

    def __init__(self, gan):
        self.gan, self.initial = gan, gan.generator.get_weights()
        self.before = weights(gan.generator), weights(gan.discriminator)
        self.record = Recorder(gan)
        self.metrics = np.array(gan.step(self.record, IMAGES, LABELS, gan.draw_batch(1, len(IMAGES))))


class OnDemand(dict):
    """A dictionary that makes a value when it is first asked for."""

    def __init__(self, make_value):
        self.make_value = make_value

    def __missing__(self, name):
        self[name] = self.make_value(name)
        return self[name]


@pytest.fixture(scope="module")
def played():
    """One step of every GAN with either trunk."""
    return OnDemand(lambda name: Played(make(*name)))


@pytest.fixture(scope="module")
def players(played):
    """The same GANs; tests leave the weights of those they borrow changed."""
    return OnDemand(lambda name: played[name].gan)


def assert_all_moved(before, model):
    still = [v.path for v, m in zip(model.trainable_variables, moved(before, model), strict=True) if not m]
    assert all("bias" in path for path in still), still  # a bias before BatchNorm does nothing
    assert len(still) <= len(before) // 3


# This test comes before those that go on playing.
@pytest.mark.parametrize("name", EACH)
def test_a_step_moves_every_weight_of_both_players(played, name):
    one = played[name]
    assert one.metrics.shape == (len(METRICS),) and np.isfinite(one.metrics).all()
    assert (one.metrics[2:] >= 0).all() and (one.metrics[2:] <= 1).all()
    assert one.metrics[2] == pytest.approx((one.metrics[3] + one.metrics[4]) / 2)
    assert_all_moved(one.before[0], one.gan.generator)
    assert_all_moved(one.before[1], one.gan.discriminator)


@pytest.mark.parametrize("name", EACH)
def test_a_players_update_never_moves_the_other(played, name):
    assert not any(played[name].record.others)


@pytest.mark.parametrize("name", EACH)
def test_the_discriminator_sees_half_batches_and_the_generator_a_full_one(played, name):
    gan, updates = played[name].gan, 5 if name[0].startswith("wgan") else 1
    turn = [("discriminator", "real_loss", 2), ("discriminator", "fake_loss", 2)]
    if name[0] == "wgan_gp":
        turn = [("discriminator", "discriminator_loss", 2, 2)]
    assert played[name].record.calls == turn * updates + [("generator", "generator_loss", 4)]
    batch = gan.draw_batch(1, 1000)
    assert batch.indices.shape == (updates, 2)
    assert all(array.shape[:2] == (updates, 2) for array in batch.critic_codes.values())
    assert all(len(array) == 4 for array in batch.codes.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED, ids="-".join)
def test_a_compiled_step_is_the_same_step(players, name):
    gan = players[name]
    gan.n_critic = 1  # of WGAN's five alike updates, for time's sake
    compiled, batch = compile_step(gan, IMAGES, LABELS), gan.draw_batch(1, len(IMAGES))
    saved = [v.numpy() for v in gan.variables]
    expected = np.array(gan.step(update, IMAGES, LABELS, batch))
    after = weights(gan.generator)
    for variable, value in zip(gan.variables, saved, strict=True):
        variable.assign(value)
    (metrics,) = compiled([batch])
    del gan.n_critic
    assert metrics.dtype == np.float32
    np.testing.assert_allclose(metrics, expected, rtol=1e-3, atol=1e-5)
    steps = [np.abs(new - v.numpy()).max() for new, v in zip(after, gan.generator.trainable_variables, strict=True)]
    assert np.median(steps) < 5e-5  # Adam and RMSprop move every weight by about 2e-4 or more at first


def test_the_update_returns_the_loss_before_the_move_and_goes_downhill(players):
    gan = players["dcgan", "caps"]
    batch = gan.draw_batch(3, len(IMAGES))
    before = float(gan.generator_loss(batch.codes)[0])
    losses = [
        float(update(gan.generator, gan.generator_optimizer, gan.generator_loss, batch.codes)[0]) for _ in range(6)
    ]
    assert losses[0] == pytest.approx(before, rel=1e-4)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("gan", EACH_GAN)
def test_both_runs_of_a_pair_meet_the_same_images_and_noise(players, gan):
    ours, theirs = (players[gan, trunk].draw_batch(7, 40) for trunk in ("cnn", "caps"))
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    for mine, other in ((ours.codes, theirs.codes), (ours.critic_codes, theirs.critic_codes)):
        assert mine.keys() == other.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], other[name])


@pytest.mark.parametrize("gan", EACH_GAN)
def test_both_runs_of_a_pair_begin_with_the_same_generator(played, gan):
    for mine, other in zip(played[gan, "cnn"].initial, played[gan, "caps"].initial, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_another_seed_begins_with_another_generator(played):
    pairs = zip(played["dcgan", "caps"].initial, make(trunk="caps", seed=1).generator.get_weights(), strict=True)
    assert any(not np.array_equal(mine, other) for mine, other in pairs)


def test_joint_updates_move_the_discriminator_once_on_the_mean_of_both_losses():
    gan = make(trunk="caps", discriminator_updates="joint")
    batch = gan.draw_batch(1, 40)
    real = to_float(IMAGES[batch.indices[0]])
    expected = (gan.real_loss(real, None)[0] + gan.fake_loss(critic_codes(batch))[0]) / 2
    recorder = Recorder(gan)
    metrics = gan.step(recorder, IMAGES, LABELS, batch)
    assert recorder.calls == [("discriminator", "discriminator_loss", 2, 2), ("generator", "generator_loss", 4)]
    assert float(metrics[1]) == pytest.approx(float(expected), rel=1e-4)
    assert int(gan.discriminator_optimizer.iterations) == 1


def test_a_warm_up_step_leaves_the_generator_alone(players):
    gan = players["dcgan", "caps"]
    before, recorder = weights(gan.generator), Recorder(gan)
    metrics = gan.step(recorder, IMAGES, LABELS, gan.draw_batch(0, 40), train_generator=False)
    assert {call[0] for call in recorder.calls} == {"discriminator"} and len(recorder.calls) == 2
    assert np.isnan(metrics[0]) and np.isfinite(metrics[1:]).all() and not any(moved(before, gan.generator))


def test_the_discriminator_is_shown_the_drawn_images_in_the_generators_range(players, monkeypatch):
    gan, seen = players["acgan", "cnn"], []
    monkeypatch.setattr(gan, "real_loss", lambda images, labels: seen.append((images, labels)) or (0.0, None))

    def spy(model, optimizer, loss, *args):
        return loss(*args) if loss.__name__ == "<lambda>" else (0.0, np.zeros((2, 1)))

    monkeypatch.setattr(gan, "accuracies", lambda *logits: (0.0, 0.0))
    batch = gan.draw_batch(2, 40)
    gan.step(spy, IMAGES, LABELS, batch)
    images, labels = map(np.asarray, seen[0])
    np.testing.assert_allclose(images, IMAGES[batch.indices[0]] / 127.5 - 1, atol=1e-6)  # not [0, 1] as in listing 7.4
    np.testing.assert_array_equal(labels, LABELS[batch.indices[0]])


def test_draws_depend_on_seed_step_and_stream_alone(players):
    gan = players["dcgan", "cnn"]
    first, again, later = gan.draw_batch(5, 40), gan.draw_batch(5, 40), gan.draw_batch(6, 40)
    other = make(seed=1).draw_batch(5, 40)
    np.testing.assert_array_equal(first.codes["noise"], again.codes["noise"])
    draws = [first.codes["noise"], later.codes["noise"], other.codes["noise"], gan.draw_batch(-5, 40).codes["noise"]]
    draws.append(gan.sample_codes(random_stream(0, 5, SAMPLING), 4)["noise"])
    assert len({draw.tobytes() for draw in draws}) == len(draws)
    assert len({critic_codes(first)["noise"].tobytes(), first.codes["noise"][:2].tobytes()}) == 2


def test_all_images_are_drawn_and_the_noise_is_standard_normal():
    gan = make(batch_size=4096)
    batch = gan.draw_batch(1, 40)
    assert set(batch.indices.ravel()) == set(range(40))
    noise = batch.codes["noise"]
    assert noise.dtype == np.float32 and noise.shape[1] == 100
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("gan", ["gan", "dcgan", "acgan", "infogan"])
def test_optimizers_are_adam_of_the_sources(players, gan):
    for optimizer in (players[gan, "cnn"].generator_optimizer, players[gan, "cnn"].discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)


def test_optimizer_of_wgan_is_rmsprop(players):
    for optimizer in (players["wgan", "caps"].generator_optimizer, players["wgan", "caps"].discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.RMSprop)
        assert float(optimizer.learning_rate) == pytest.approx(5e-5) and not optimizer.momentum


def test_the_original_gan_is_fully_connected():
    players = make("gan", "cnn")
    for model in (players.generator, players.discriminator):
        assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    units = [layer.units for layer in players.generator.layers if isinstance(layer, keras.layers.Dense)]
    assert units == [256, 512, 1024, 784]


@pytest.mark.parametrize(
    "gan, noise, trunk",
    [("dcgan", 100, 392_705 - 4_097), ("wgan", 100, 97_536), ("acgan", 110, 97_536), ("infogan", 74, 1_553_408)],
)
def test_each_gan_has_its_own_latent_and_classical_trunk(players, gan, noise, trunk):
    heads = ("logit", "class_logits", "q", "q_category", "q_mean")
    player = players[gan, "cnn"]
    assert sum(layer.count_params() for layer in player.discriminator.layers if layer.name not in heads) == trunk
    dense = [v for v in player.generator.trainable_variables if v.path.endswith("kernel") and len(v.shape) == 2]
    assert dense[-1].shape == (noise, 6272)


@pytest.mark.parametrize("gan, kernel", [("dcgan", 3), ("acgan", 3), ("infogan", 3), ("wgan", 4)])
def test_kernels_of_the_generator_are_keras_gans(players, gan, kernel):
    shapes = {v.shape[:2] for v in players[gan, "caps"].generator.trainable_variables if len(v.shape) == 4}
    assert shapes == {(kernel, kernel)}


@pytest.mark.parametrize("gan", ["acgan", "infogan"])
def test_answers_are_float32_logits_under_mixed_precision(gan):
    player = make(gan, "cnn", precision="mixed_bfloat16")
    answers = player.discriminator(np.zeros((2, 28, 28, 1), "float32"))
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer.dtype == "float32"
    logits = player.discriminator.get_layer("logit")
    assert logits.activation is keras.activations.linear and logits.units == 1
    assert player.generator.output.dtype == "float32"
    assert {v.dtype for v in player.discriminator.trainable_variables} == {"float32"}
    convolutions = [layer for layer in player.discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"  # and the policy is put back


def test_building_players_leaves_the_callers_random_numbers_alone():
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    expected = np.random.rand(), random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    make("gan")
    assert (np.random.rand(), random.random()) == expected  # noqa: NPY002


def test_float16_is_trained_with_loss_scaling():
    gan = make(precision="mixed_float16")
    assert isinstance(gan.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert isinstance(gan.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)


def test_dropout_acts_in_training_only(players):
    trunk = players["acgan", "cnn"].discriminator
    x = np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1)).astype("float32")
    still = [np.asarray(trunk(x, training=False)[0]) for _ in range(2)]
    drawn = [np.asarray(trunk(x, training=True)[0]) for _ in range(2)]
    np.testing.assert_array_equal(*still)
    assert not np.allclose(*drawn, rtol=1e-6, atol=0)


def test_everything_that_training_changes_is_in_the_variables():
    gan = make("acgan", "cnn")
    owned = {id(variable) for variable in gan.variables}
    assert len(owned) == len(gan.variables)
    parts = (gan.generator, gan.discriminator, gan.generator_optimizer, gan.discriminator_optimizer)
    assert owned == {id(variable) for part in parts for variable in part.variables}
    assert sum("seed" in variable.path for variable in gan.variables) >= 4  # the dropouts'


def test_the_logged_critic_loss_is_the_mean_of_all_updates(players):
    gan = players["wgan", "cnn"]
    losses = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 20.0, 0.5])

    def update(model, optimizer, loss, *args):
        return next(losses), np.zeros((2, 1), "float32")

    images, labels = np.zeros((8, 28, 28, 1), "uint8"), np.zeros(8, "int64")
    g_loss, d_loss, *_ = gan.step(update, images, labels, gan.draw_batch(1, 8))
    assert (g_loss, d_loss) == (0.5, 6.5)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_generated_images_of_both_players_updates_use_batch_statistics(players, player, monkeypatch):
    gan = players["dcgan", "cnn"]
    seen = []
    black = np.full((4, 28, 28, 1), -1, "float32")
    monkeypatch.setattr(gan, "generate", lambda codes, training: seen.append(training) or black)
    codes = {"noise": np.zeros((4, 100), "float32")}
    (gan.fake_loss if player == "discriminator" else gan.generator_loss)(codes)
    assert seen == [True]


def test_the_logged_losses_are_their_players_own(players):
    gan = players["infogan", "cnn"]

    def update(model, optimizer, loss, *args):
        return (2.0 if model is gan.generator else 1.0), np.zeros((2, 1), "float32")

    metrics = gan.step(update, IMAGES, LABELS, gan.draw_batch(1, 40))
    assert dict(zip(METRICS[:2], metrics, strict=False)) == {"g_loss": 2.0, "d_loss": 1.0}


def test_wgan_gps_normalization_keeps_some_capsules_longer_than_others():
    from capsgan.gans.wgan_gp import WGANGP

    capsules = np.random.default_rng(0).standard_normal((2, 6, 8)).astype("float32")
    capsules[:, 0] *= 5
    lengths = np.linalg.norm(np.asarray(WGANGP.normalization()(capsules)), axis=-1)
    assert (lengths[:, 0] > 2 * lengths[:, 1:].mean(axis=1)).all()
