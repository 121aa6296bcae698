"""The controls: the Caps trunk without its capsules, with true routing, and with single parts put back or left out."""

import keras
import numpy as np
import pytest
from keras import ops

from capsgan.config import RunConfig
from capsgan.gans import build_gan
from capsgan.names import DISCRIMINATORS, GANS
from capsgan.networks.capsules import RoutingCapsules, route, squash
from capsgan.networks.discriminators import build_discriminator
from capsgan.networks.inspection import multiply_adds
from capsgan.training.step import compile_step

CONTROLS = [name for name in DISCRIMINATORS if name not in ("cnn", "caps", "none")]


def votes_of(seed=0, shape=(2, 30, 3, 4), size=1.0):
    return (size * np.random.default_rng(seed).standard_normal(shape)).astype("float32")


def planted(below=40, outputs=3, dimension=4):
    """Votes of which those for output 0 lie close together, the others anywhere."""
    votes = votes_of(1, (1, below, outputs, dimension))
    votes[:, :, 0] = np.array([1.0, -1.0, 0.5, 0.0]) + 0.05 * votes[:, :, 0]
    return votes


def agreement(votes, iterations):
    """The mean of û · v / (|û| |v|) of output 0, weighed by the couplings."""
    s, couplings = map(np.asarray, route(votes, iterations=iterations))
    poses = np.asarray(squash(s))
    cosine = (votes * poses[:, None]).sum(-1) / np.linalg.norm(votes, axis=-1) / np.linalg.norm(poses, axis=-1)[:, None]
    return (couplings * cosine).sum() / couplings.sum()


def small(trunk, gan="dcgan", **changes):
    return build_gan(RunConfig(gan, trunk, batch_size=4, width=1 / 32, **changes), (28, 28, 1), 10)


@pytest.mark.parametrize("iterations", [1, 2, 3, 5])
def test_couplings_sum_to_one_over_output_capsules(iterations):
    _, couplings = route(votes_of(size=3.0), iterations=iterations)
    couplings = np.asarray(couplings)
    np.testing.assert_allclose(couplings.sum(axis=-1), 1, rtol=1e-5)
    assert (couplings >= 0).all()


def test_with_one_iteration_couplings_are_uniform():
    _, couplings = route(votes_of(), iterations=1)
    np.testing.assert_allclose(couplings, 1 / 3, rtol=1e-6)


def test_one_iteration_gives_the_sum_of_all_votes_over_the_outputs_and_the_bias():
    votes, bias = votes_of(), np.full((3, 4), 0.1, "float32")
    np.testing.assert_allclose(route(votes, bias, 1)[0], votes.sum(axis=1) / 3 + bias, rtol=1e-4, atol=1e-6)


def test_three_iterations_are_procedure_1():
    """Written out with NumPy: logits add up the agreement with the squashed sums, bias included."""
    votes, bias = votes_of(size=0.5).astype("float64"), np.linspace(-0.2, 0.3, 12).reshape(3, 4)
    b = np.zeros(votes.shape[:3])
    for _ in range(3):
        c = np.exp(b) / np.exp(b).sum(-1, keepdims=True)
        s = (c[..., None] * votes).sum(axis=1) + bias
        length = np.linalg.norm(s, axis=-1, keepdims=True)
        b = b + (votes * (s * length / (1 + length**2))[:, None]).sum(-1)
    ours, couplings = route(votes.astype("float32"), bias.astype("float32"), iterations=3)
    np.testing.assert_allclose(couplings, c, rtol=1e-3)
    np.testing.assert_allclose(ours, s, rtol=1e-3, atol=1e-5)


def test_agreement_rises_over_iterations_on_a_planted_cluster():
    votes = planted()
    one, two, three = (agreement(votes, iterations) for iterations in (1, 2, 3))
    assert one < two < three
    coupling = [float(np.asarray(route(votes, iterations=i)[1])[..., 0].mean()) for i in (1, 2, 3)]
    assert coupling[0] < coupling[1] < coupling[2]  # the cluster's capsule is sent more


@pytest.mark.parametrize("size", [0.0, 1e-4, 1.0, 1e3])
def test_gradients_of_routing_are_finite(size):
    import tensorflow as tf

    votes = tf.constant(votes_of(size=size))
    with tf.GradientTape() as tape:
        tape.watch(votes)
        s, _ = route(votes, iterations=3)
        loss = tf.reduce_sum(squash(s) * tf.constant(votes_of(3, (2, 3, 4))))
    assert np.isfinite(tape.gradient(loss, votes)).all() and np.isfinite(s).all()


def test_routing_is_float32_at_half_precision():
    s = RoutingCapsules()(ops.cast(votes_of(shape=(2, 50, 8), size=100.0), "bfloat16"))
    assert s.shape == (2, 10, 16) and keras.backend.standardize_dtype(s.dtype) == "float32"
    assert np.linalg.norm(squash(s), axis=-1).max() <= 1 + np.finfo("float32").eps
    weights = small("caps-routing", precision="mixed_bfloat16").discriminator.get_layer("routing").weights
    assert {weight.dtype for weight in weights} == {"float32"}


def test_a_single_output_capsule_is_refused():
    with pytest.raises(ValueError, match="capsules=1 leaves nothing to route"):
        RoutingCapsules(capsules=1)


def test_votes_are_one_matrix_for_each_pair_of_capsules():
    layer, u = RoutingCapsules(capsules=3, dimension=5), votes_of(shape=(2, 7, 8))
    votes = np.asarray((layer.build(u.shape), layer.votes(u))[1])
    expected = np.stack(
        [[[u[b, n] @ np.asarray(layer.kernel)[n, j] for j in range(3)] for n in range(7)] for b in (0, 1)]
    )
    np.testing.assert_allclose(votes, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_couplings_differ_from_uniform_after_training():
    """At first the small votes agree with nothing; after some steps they do with something."""
    gan = small("caps-routing")
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), "uint8")
    layer = gan.discriminator.get_layer("routing")
    capsules = keras.Model(gan.discriminator.input, layer.input)

    def couplings():
        return np.asarray(route(layer.votes(capsules(images / np.float32(127.5) - 1)), layer.bias, 3)[1])

    before = np.abs(couplings() - 1 / 10).mean()
    run = compile_step(gan, images, np.zeros(40, "int64"))
    for step in range(1, 31):
        run([gan.draw_batch(step, 40)])
    assert np.abs(couplings() - 1 / 10).mean() > max(3e-4, 5 * before)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1 / 4, 1])
@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3)])
def test_the_matched_cnn_has_the_caps_trunks_size_within_two_percent(shape, width):
    caps, matched = (build_discriminator(trunk, shape, width=width) for trunk in ("caps", "cnn-matched"))
    assert matched.count_params() == pytest.approx(caps.count_params(), rel=0.02)
    assert multiply_adds(matched) == pytest.approx(multiply_adds(caps), rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3)])
def test_routing_has_the_caps_trunks_size_within_two_percent(shape):
    caps, routing = (build_discriminator(trunk, shape) for trunk in ("caps", "caps-routing"))
    assert routing.count_params() == pytest.approx(caps.count_params(), rel=0.02)
    assert multiply_adds(routing) == pytest.approx(multiply_adds(caps), rel=0.02)


def test_the_matched_cnn_has_no_part_of_a_capsule():
    kinds = {type(layer).__name__ for layer in build_discriminator("cnn-matched", width=1 / 32).layers}
    assert not kinds & {"Squash", "Softmax", "Multiply", "RoutingCapsules", "Reshape"}


def test_the_ablations_change_the_gates_only():
    def kinds(trunk):
        names = [type(layer).__name__ for layer in build_discriminator(trunk, width=1 / 32).layers]
        return {name: names.count(name) for name in ("Squash", "LeakyReLU", "Multiply", "Softmax", "Dense")}

    assert kinds("caps") == {"Squash": 1, "LeakyReLU": 4, "Multiply": 3, "Softmax": 3, "Dense": 5}
    assert kinds("caps-squashed") == {"Squash": 4, "LeakyReLU": 1, "Multiply": 3, "Softmax": 3, "Dense": 5}
    assert kinds("caps-ungated") == {"Squash": 1, "LeakyReLU": 2, "Multiply": 0, "Softmax": 0, "Dense": 2}


@pytest.mark.slow
@pytest.mark.parametrize("gan", GANS)
@pytest.mark.parametrize("trunk", CONTROLS)
def test_every_gan_takes_every_control(gan, trunk):
    players = small(trunk, gan)
    answers = players.discriminator(np.zeros((3, 28, 28, 1), "float32"))
    logits = answers[0] if isinstance(answers, list) else answers
    assert logits.shape == (3, 1) and np.isfinite(logits).all()


@pytest.mark.slow
def test_wgan_gp_learns_through_routing():
    """Its penalty takes a second derivative through all iterations."""
    gan = small("caps-routing", "wgan_gp")
    gan.n_critic = 1  # of its five alike updates, for time's sake
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), "uint8")
    before = gan.discriminator.get_layer("routing").get_weights()
    metrics = compile_step(gan, images, np.zeros(40, "int64"))([gan.draw_batch(1, 40)])
    assert np.isfinite(metrics).all()
    for ours, theirs in zip(before, gan.discriminator.get_layer("routing").get_weights(), strict=True):
        assert np.isfinite(theirs).all() and (ours != theirs).any()


def test_a_critics_score_has_no_bound_and_a_logit_is_that_of_the_length():
    inputs = keras.Input((10, 16))
    critic = keras.Model(inputs, small("caps-routing", "wgan").heads(inputs))
    s = votes_of(shape=(1, 10, 16))
    near, far = (float(critic(size * s)[0, 0]) for size in (1.0, 1000.0))
    assert far == pytest.approx(1000 * near, rel=1e-3) and abs(far) > 10
    head = keras.Model(inputs, small("caps-routing").heads(inputs))
    head.set_weights([np.eye(10, 1, dtype="float32"), np.zeros(1, "float32")])  # the first capsule's
    p = np.linalg.norm(squash(s)[0, 0])
    assert float(head(s)[0, 0]) == pytest.approx(np.log(p / (1 - p)), abs=1e-3)


def test_a_logit_reads_lengths_and_a_score_reads_poses():
    """Turning a pose leaves its length: the discriminator's logit stays, a critic's score does not."""
    poses = votes_of(shape=(4, 10, 16), size=0.1)
    turned = poses[..., ::-1].copy()
    for gan, same in (("dcgan", True), ("wgan", False)):
        inputs = keras.Input((10, 16))
        head = keras.Model(inputs, small("caps-routing", gan).heads(inputs))
        assert np.allclose(head(poses), head(turned), atol=1e-6) is same


def test_a_saved_model_with_routing_answers_as_before(tmp_path):
    model = build_discriminator("caps-routing", width=1 / 32, routing_iterations=2)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1)).astype("float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5)
    assert again.get_layer("routing").iterations == 2


def test_iterations_are_part_of_the_run_where_capsules_are_routed():
    routed = [RunConfig(discriminator="caps-routing", routing_iterations=number).run_id for number in (1, 3)]
    gated = [RunConfig(discriminator="caps", routing_iterations=number).run_id for number in (1, 3)]
    assert routed[0] != routed[1] and gated[0] == gated[1]
    assert RunConfig("wgan", "caps-routing").label == "CapsWGAN (routing)"
    assert RunConfig("dcgan", "cnn-matched").label == "DCGAN (matched)"
    with pytest.raises(ValueError, match="invalid routing_iterations=0; expected a whole number from 1 to 100"):
        RunConfig(routing_iterations=0)
