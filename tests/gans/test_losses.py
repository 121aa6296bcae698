"""What each player minimises, against values known from the papers and formulas written again in NumPy."""

import copy
import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsgan.config import RunConfig
from capsgan.engines.tensorflow import input_gradient, update
from capsgan.gans import build_gan
from capsgan.gans.base import logistic_loss
from capsgan.gans.fgan import DIVERGENCES
from capsgan.gans.infogan import code_loss

REAL = np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1)).astype("float32")
LABELS = np.array([3, 7])


@functools.cache  # building takes longer than testing
def make(gan="dcgan", trunk="caps", **changes):
    return build_gan(RunConfig(gan, trunk, **{"batch_size": 4, "width": 1 / 64} | changes), (28, 28, 1), 10)


def answering(gan, *answers):
    """The GAN with a discriminator that answers every image alike."""
    constant = [tf.constant(answer, "float32") for answer in answers]

    def discriminator(images, training):
        assert training, "BatchNorm and dropout must be in training mode"
        out = [tf.repeat(answer[None], len(images), axis=0) for answer in constant]
        return out if len(out) > 1 else out[0]

    gan = copy.copy(gan)
    gan.discriminator = discriminator
    return gan


def losses(gan, count=4):
    codes = gan.sample_codes(np.random.default_rng(0), count)
    return [float(x[0]) for x in (gan.real_loss(REAL, LABELS), gan.fake_loss(codes), gan.generator_loss(codes))]


@pytest.fixture(scope="module")
def dcgan():
    return make()


@pytest.fixture(scope="module")
def acgan():
    return make("acgan")


@pytest.fixture(scope="module")
def infogan():
    return make("infogan")


@pytest.fixture(scope="module")
def wgan():
    return make("wgan")


@pytest.mark.parametrize("gan", ["gan", "dcgan"])
def test_an_undecided_discriminator_costs_both_players_ln_2(gan):
    assert losses(answering(make(gan), [0.0])) == pytest.approx([math.log(2)] * 3, rel=1e-6)


@pytest.mark.parametrize("logit", [-3.0, 0.7, 5.0])
def test_losses_are_the_non_saturating_games(logit):
    d = 1 / (1 + math.exp(-logit))
    expected = [-math.log(d), -math.log(1 - d), -math.log(d)]  # not the generator's log(1 - D) of equation 1.1
    assert losses(answering(make(), [logit])) == pytest.approx(expected, rel=1e-4)


def test_an_undecided_acgan_pays_for_ten_classes_and_not_eleven(acgan):
    assert acgan.discriminator.outputs[1].shape == (None, 10)
    undecided = answering(make("acgan"), [0.0], np.zeros(10))
    assert losses(undecided) == pytest.approx([math.log(2) + math.log(10)] * 3, rel=1e-6)


def test_acgan_rewards_the_class_of_the_real_image_and_the_class_asked_for():
    sure_of_three = answering(make("acgan"), [0.0], 20.0 * (np.arange(10) == 3))
    codes = {"noise": np.zeros((2, 100), "float32"), "labels": np.array([3, 3])}
    asked_for_four = codes | {"labels": np.array([4, 4])}
    for loss in (sure_of_three.fake_loss, sure_of_three.generator_loss):
        assert float(loss(codes)[0]) == pytest.approx(math.log(2), abs=1e-4)
        assert float(loss(asked_for_four)[0]) == pytest.approx(math.log(2) + 20, abs=1e-2)
    assert float(sure_of_three.real_loss(REAL, LABELS)[0]) == pytest.approx(math.log(2) + 10, abs=1e-2)  # 3 and 7


def test_acgan_without_labels_is_refused():
    with pytest.raises(ValueError, match=r"acgan.*labels.*mnist5k.*has 0"):
        build_gan(RunConfig("acgan"), (28, 28, 1), 0)


@pytest.mark.parametrize("classes", [2, 7])
def test_acgan_has_as_many_classes_as_the_labels(classes):
    gan = build_gan(RunConfig("acgan", "caps", width=1 / 64), (28, 28, 1), classes)
    assert gan.discriminator.outputs[1].shape == (None, classes)
    assert set(gan.sample_codes(np.random.default_rng(0), 300)["labels"]) == set(range(classes))


def test_the_label_stands_beside_the_noise(acgan):
    """The paper's latent. Keras-GAN's product with an embedding hides the label in sizes and shrinks the noise."""
    concatenate = next(layer for layer in acgan.generator.layers if isinstance(layer, keras.layers.Concatenate))
    entrance = keras.Model(acgan.generator.inputs, concatenate.output)
    noise = np.arange(200, dtype="float32").reshape(2, 100)
    latents = np.asarray(entrance([noise, np.array([3, 0])]))
    np.testing.assert_array_equal(latents[:, :100], noise)
    np.testing.assert_array_equal(latents[:, 100:], np.eye(10)[[3, 0]])


def test_the_image_asked_for_depends_on_the_label(acgan):
    noise = np.ones((2, 100), "float32")
    images = np.asarray(acgan.generate({"noise": noise, "labels": np.array([1, 2])}, training=False))
    assert not np.array_equal(images[0], images[1])


def test_critic_scores_are_the_losses_themselves():
    assert losses(answering(make("wgan"), [1.5])) == pytest.approx([-1.5, 1.5, -1.5])


@pytest.mark.parametrize("gan", ["dcgan", "acgan", "infogan", "wgan"])
def test_a_higher_logit_on_fakes_helps_the_generator_and_hurts_the_discriminator(gan):
    rest = {"acgan": [np.zeros(10)], "infogan": [np.zeros(10), np.zeros(2)]}.get(gan, [])
    low, high = (losses(answering(make(gan), [logit], *rest)) for logit in (-1.0, 1.0))
    assert high[0] < low[0] and high[1] > low[1] and high[2] < low[2]


@pytest.mark.parametrize("gan, rest", [("dcgan", 0), ("acgan", math.log(10)), ("infogan", 0)])
def test_label_smoothing_is_one_sided(gan, rest):
    heads = {"acgan": [np.zeros(10)], "infogan": [np.zeros(10), np.zeros(2)]}.get(gan, [])
    plain, smooth = (losses(answering(make(gan, label_smoothing=x), [2.0], *heads)) for x in (0.0, 0.1))
    d = 1 / (1 + math.exp(-2))
    assert smooth[0] == pytest.approx(-0.9 * math.log(d) - 0.1 * math.log(1 - d) + rest, rel=1e-5)
    assert smooth[1:] == pytest.approx(plain[1:])


def test_losses_of_extreme_logits_stay_finite():
    for logit, target in ((1e4, 0.0), (-1e4, 1.0)):
        assert float(logistic_loss(tf.constant([[logit]]), target)) == pytest.approx(1e4)


def test_accuracy_counts_at_threshold_one_half(dcgan):
    real, fake = np.array([[2.0], [0.1], [-0.1], [9.0]]), np.array([[-2.0], [0.1], [-0.1], [9.0]])
    assert [float(x) for x in dcgan.accuracies(real, fake)] == [0.75, 0.5]


def test_confident_answers_are_right_under_label_smoothing_too():
    """Keras's accuracy compares rounded labels: with a target of 0.9 it is always 0."""
    accuracies = make(label_smoothing=0.1).accuracies(np.full((4, 1), 8.0), np.full((4, 1), -8.0))
    assert [float(x) for x in accuracies] == [1, 1]


def test_a_critics_accuracy_is_taken_at_the_midpoint_of_its_means(wgan):
    real, fake = np.array([[10.0], [12.0], [4.0], [14.0]]), np.array([[2.0], [8.0], [1.0], [1.0]])  # means 10 and 3
    assert [float(x) for x in wgan.accuracies(real, fake)] == [0.75, 0.75]
    assert [float(x) for x in wgan.accuracies(real - 100, fake - 100)] == [0.75, 0.75]


def test_code_loss_is_minus_the_log_likelihood_of_the_code():
    """Of the category, and of the continuous codes under a Gaussian of deviation 1, without its constant."""
    rng = np.random.default_rng(1)
    logits, mean = rng.normal(size=(6, 10)), rng.normal(size=(6, 2))
    category, continuous = rng.integers(0, 10, 6), rng.uniform(-1, 1, (6, 2))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    density = np.exp(-((continuous - mean) ** 2) / 2)
    expected = np.mean([-np.log(p[i, category[i]]) - np.log(density[i]).sum() for i in range(6)])
    codes = {"category": category, "continuous": continuous.astype("float32")}
    answers = [tf.constant(x, "float32") for x in (logits, mean)]
    assert float(code_loss(codes, *answers)) == pytest.approx(expected, rel=1e-5)


def test_code_loss_of_a_code_read_exactly_is_zero_and_never_less():
    codes = {"category": np.array([0]), "continuous": np.full((1, 2), 0.5, "float32")}
    sure = tf.constant([[50.0] + [0.0] * 9])
    assert float(code_loss(codes, sure, tf.fill((1, 2), 0.5))) == pytest.approx(0, abs=1e-6)
    assert float(code_loss(codes, sure, tf.fill((1, 2), -0.5))) == pytest.approx(1, rel=1e-5)


def test_infogan_adds_the_code_loss_on_generated_images_only():
    gan = answering(make("infogan"), [0.0], np.zeros(10), np.full(2, 0.25))
    codes = gan.sample_codes(np.random.default_rng(0), 4)
    information = math.log(10) + ((codes["continuous"] - 0.25) ** 2).sum(-1).mean() / 2
    ln2 = math.log(2)
    assert losses(gan) == pytest.approx([ln2, ln2 + information, ln2 + information], rel=1e-5)


def test_q_learns_from_generated_images_and_not_from_real_ones(infogan):
    heads = [v.value for v in infogan.discriminator.trainable_variables if "q_" in v.path]
    assert len(heads) == 4
    codes = infogan.sample_codes(np.random.default_rng(0), 4)
    for loss, args, learns in ((infogan.real_loss, (REAL, LABELS), False), (infogan.fake_loss, (codes,), True)):
        with tf.GradientTape() as tape:
            value, _ = loss(*args)
        gradients = tape.gradient(value, heads)
        assert all((gradient is not None) == learns for gradient in gradients)
        if learns:
            assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_infogans_latent_is_noise_a_category_and_two_codes(infogan):
    codes = infogan.sample_codes(np.random.default_rng(0), 2000)
    assert {name: array.shape[1:] for name, array in codes.items()} == {
        "noise": (62,),
        "category": (),
        "continuous": (2,),
    }
    assert set(codes["category"]) == set(range(10))
    continuous = codes["continuous"]
    assert -1 <= continuous.min() < -0.99 and 0.99 < continuous.max() <= 1
    assert continuous.std() == pytest.approx(1 / math.sqrt(3), abs=0.02)  # uniform


def test_every_code_reaches_infogans_image(infogan):
    codes = infogan.sample_codes(np.random.default_rng(0), 1)
    before = np.asarray(infogan.generate(codes, training=False))
    for name, changed in (("category", (codes["category"] + 1) % 10), ("continuous", -codes["continuous"])):
        assert not np.array_equal(before, np.asarray(infogan.generate(codes | {name: changed}, training=False)))


@pytest.mark.parametrize("trunk", ["cnn", "caps"])
@pytest.mark.parametrize("clipping", ["kernels", "all"])
def test_clipping_holds_kernels_and_biases_and_spares_batch_norm_unless_told(trunk, clipping):
    gan = make("wgan", trunk, weight_clipping=clipping)
    for layer in gan.discriminator.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(layer.gamma * 3)
    codes = gan.sample_codes(np.random.default_rng(0), 2)
    update(gan.discriminator, gan.discriminator_optimizer, gan.fake_loss, codes)
    seen = {True: 0, False: 0}
    for variable in gan.discriminator.trainable_variables:
        normalization = "batch_normalization" in variable.path
        largest = float(np.abs(variable).max())
        seen[normalization] += 1
        if not normalization or clipping == "all":
            assert largest <= 0.01 + 1e-9, variable.path
        elif variable.path.endswith("gamma"):
            assert largest > 2, variable.path
    assert min(seen.values()) > 0
    kernels = [v for v in gan.discriminator.trainable_variables if v.path.endswith("kernel")]
    assert all(float(np.abs(v).max()) > 0.009 for v in kernels)  # clipped to 0.01, not shrunk to nothing


def test_clipping_holds_the_critic_only(wgan):
    update(
        wgan.generator, wgan.generator_optimizer, wgan.generator_loss, wgan.sample_codes(np.random.default_rng(0), 4)
    )
    assert max(float(np.abs(v).max()) for v in wgan.generator.trainable_variables) > 0.02


def penalty_of(critic, real, generated, mixing):
    gan = make("wgan_gp")
    gan.discriminator = critic
    return float(gan.gradient_penalty(np.float32(real), np.float32(generated), np.float32(mixing)))


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 3.0])
def test_the_penalty_is_the_squared_distance_of_the_slope_from_one(slope):
    pixels = 28 * 28
    critic = lambda x, training: slope / np.sqrt(pixels) * keras.ops.sum(x, axis=(1, 2, 3))  # noqa: E731
    real, generated = np.ones((3, 28, 28, 1)), np.zeros((3, 28, 28, 1))
    assert penalty_of(critic, real, generated, [0, 0.5, 0.9]) == pytest.approx((slope - 1) ** 2, abs=1e-4)


def test_the_penalty_looks_between_real_and_generated_images():
    """Of the critic |x|²/2 the slope at x is |x|: mixing 0 is the real image, 1 the generated one."""
    critic = lambda x, training: keras.ops.sum(x * x, axis=(1, 2, 3)) / 2  # noqa: E731
    real, generated = np.full((1, 28, 28, 1), 1 / 28), np.full((1, 28, 28, 1), 5 / 28)  # of lengths 1 and 5
    for mixing, slope in ((0.0, 1), (0.25, 2), (1.0, 5)):
        assert penalty_of(critic, real, generated, [mixing]) == pytest.approx((slope - 1) ** 2, abs=1e-3)


def test_the_penalty_teaches_the_critics_weights():
    """The second derivative: a critic that is flat is drawn to be steeper, one that is steep to be flatter."""
    gan = make("wgan_gp", "caps")
    real = np.random.default_rng(0).uniform(-1, 1, (4, 28, 28, 1)).astype("float32")
    mixing = np.full(4, 0.5, "float32")
    logit = gan.discriminator.get_layer("logit")

    def set_scale(scale):
        logit.set_weights([np.full(logit.kernel.shape, scale, "float32"), np.zeros(1, "float32")])

    set_scale(1.0)
    between = tf.constant((real + real[::-1]) / 2)
    gradient = input_gradient(lambda x: gan.discriminator(x, training=True), between)
    slope = float(tf.reduce_mean(tf.norm(tf.reshape(gradient, (4, -1)), axis=1)))  # it grows as the weights do
    for factor in (0.1, 10.0):
        set_scale(factor / slope)
        with tf.GradientTape() as tape:
            penalty = gan.gradient_penalty(real, real[::-1], mixing)
        uphill = float(np.sum(tape.gradient(penalty, logit.kernel.value)))
        assert np.sign(uphill) == np.sign(factor - 1)


def test_a_critic_under_penalty_judges_each_image_by_itself():
    for trunk in ("cnn", "caps"):
        gan = make("wgan_gp", trunk, dropout=0.0)
        assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in gan.discriminator.layers)
        images = np.random.default_rng(1).uniform(-1, 1, (4, 28, 28, 1)).astype("float32")
        whole = np.asarray(gan.discriminator(images, training=True))
        alone = np.asarray(gan.discriminator(images[:1], training=True))
        np.testing.assert_allclose(alone, whole[:1], rtol=1e-4, atol=1e-6)


def test_the_critic_under_penalty_has_the_papers_optimizer_and_loss():
    gan = make("wgan_gp")
    optimizer = gan.make_optimizer()
    assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (pytest.approx(1e-4), 0.0, 0.9)
    gan.discriminator = lambda x, training: 3.0 + 0.0 * keras.ops.sum(x, axis=(1, 2, 3), keepdims=True)[:, 0, 0]
    codes, mixing = {"noise": np.zeros((2, 100), "float32")}, np.zeros(2, "float32")
    loss, _ = gan.discriminator_loss(REAL, LABELS, codes, mixing)
    assert float(loss) == pytest.approx(10, abs=1e-3)  # no difference of means, and a flat critic's penalty


@pytest.mark.parametrize("name", ["wgan", "wgan_gp"])
def test_both_critics_log_half_of_what_the_paper_minimizes(name):
    """Scores of 5 for every real image and 3 for every generated one; a critic this flat has a penalty of 10."""
    gan = copy.copy(make(name))
    scores = iter((5.0, 3.0))
    gan.discriminator = lambda x, training: next(scores) + 0.0 * keras.ops.sum(x, axis=(1, 2, 3), keepdims=True)[:, 0]
    gan.gradient_penalty = lambda *arguments: keras.ops.ones(())
    codes, mixing = {"noise": np.zeros((2, 100), "float32")}, np.zeros(2, "float32")
    loss, *_ = gan.update_discriminator(lambda model, optimizer, loss, *args: loss(*args), REAL, LABELS, codes, mixing)
    penalty = 10.0 if name == "wgan_gp" else 0.0
    assert float(loss) == pytest.approx((3 - 5 + penalty) / 2)


def test_lsgan_pulls_real_logits_to_the_smoothed_target_and_generated_ones_to_zero():
    gan = copy.copy(make("lsgan", "cnn", label_smoothing=0.4))
    gan.discriminator = lambda logits, training: logits  # the images are the logits
    for value, distance in ((0.6, 0), (1.0, 0.4)):
        loss, _ = gan.real_loss(np.full((2, 1), value, "float32"), None)
        assert float(loss) == pytest.approx(distance**2 / 2, abs=1e-6)
    gan = answering(gan, [3.0])
    codes = gan.sample_codes(np.random.default_rng(0), 4)
    assert [float(f(codes)[0]) for f in (gan.fake_loss, gan.generator_loss)] == pytest.approx([9 / 2, 4 / 2])
    assert [float(x) for x in gan.accuracies(np.float32([0.2, 0.5]), np.float32([0.2, 0.5]))] == [0.5, 0.5]


F = {  # f(u) and f'(1) of table 1 and 2 of Nowozin et al. 2016
    "kl": (lambda u: u * np.log(u), 1.0),
    "reverse-kl": (lambda u: -np.log(u), -1.0),
    "pearson": (lambda u: (u - 1) ** 2, 0.0),
    "hellinger": (lambda u: (np.sqrt(u) - 1) ** 2, 0.0),
    "jensen-shannon": (lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2), 0.0),
    "gan": (lambda u: u * np.log(u) - (u + 1) * np.log(u + 1), -math.log(2)),
}


@pytest.mark.parametrize("divergence", F)
def test_the_best_discriminator_of_an_f_gan_measures_its_divergence(divergence):
    """Two images, p = (0.3, 0.7) real and q = (0.6, 0.4) generated: the maximum over v is the sum of q f(p / q)."""
    p, q = np.array([0.3, 0.7]), np.array([0.6, 0.4])
    g, conjugate, threshold = DIVERGENCES[divergence]
    v = np.linspace(-5, 5, 200_001)
    g_v, f_v = np.asarray(g(keras.ops.array(v))), np.asarray(conjugate(keras.ops.array(v)))
    best = [(p[i] * g_v - q[i] * f_v).max() for i in (0, 1)]
    f, slope_at_one = F[divergence]
    assert sum(best) == pytest.approx((q * f(p / q)).sum(), abs=1e-6)
    assert float(np.asarray(g(keras.ops.array(threshold)))) == pytest.approx(slope_at_one, abs=1e-6)
    where = [v[(p[i] * g_v - q[i] * f_v).argmax()] for i in (0, 1)]  # rarer among real images, commoner there
    assert where[0] < threshold < where[1]


def test_f_gan_losses_are_the_bound_and_the_generators_other_goal():
    gan = answering(make("fgan", "cnn", divergence="kl"), [2.0])
    assert losses(gan) == pytest.approx([-2.0, math.exp(1), -2.0], rel=1e-6)


def test_every_divergence_of_the_config_is_there():
    assert list(DIVERGENCES) == list(RunConfig.__dataclass_fields__["divergence"].metadata["choices"])


def test_cgan_asks_for_the_logit_of_the_label():
    """The unconditional logit is 1, those of the classes 0 to 9; labels 3 and 7 of the real images."""
    gan = answering(make("cgan", "cnn"), [1.0], np.arange(10.0))
    loss, logits = gan.real_loss(REAL, LABELS)
    np.testing.assert_allclose(logits, [[4.0], [8.0]])
    assert float(loss) == pytest.approx(np.log1p(np.exp([-4.0, -8.0])).mean(), rel=1e-5)
    codes = gan.sample_codes(np.random.default_rng(0), 4)
    np.testing.assert_allclose(gan.fake_loss(codes)[1][:, 0], 1 + codes["labels"])
