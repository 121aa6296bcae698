"""The networks have the thesis's layers, shapes and parameters (tables in 6.1), and Keras-GAN's at 28×28."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from capsgan.config import RunConfig
from capsgan.gans import build_gan
from capsgan.networks.discriminators import (
    DCGAN_CONVOLUTIONS,
    INFOGAN_CONVOLUTIONS,
    SMALL_CONVOLUTIONS,
    build_discriminator,
)
from capsgan.networks.generators import build_generator
from capsgan.networks.inspection import (
    layer_table,
    multiply_adds,
    step_multiply_adds,
    training_megabytes,
)
from capsgan.networks.layers import UpsampleConv2D

GENERATOR_64 = [  # thesis, 6.1.1, row by row
    ("Dense", (8192,), 827_392),
    ("Reshape", (8, 8, 128), 0),
    ("BatchNormalization", (8, 8, 128), 512),
    ("UpSampling2D", (16, 16, 128), 0),
    ("Conv2D", (16, 16, 128), 147_584),
    ("Activation", (16, 16, 128), 0),
    ("BatchNormalization", (16, 16, 128), 512),
    ("UpSampling2D", (32, 32, 128), 0),
    ("Conv2D", (32, 32, 64), 73_792),
    ("Activation", (32, 32, 64), 0),
    ("BatchNormalization", (32, 32, 64), 256),
    ("UpSampling2D", (64, 64, 64), 0),
    ("Conv2D", (64, 64, 32), 18_464),
    ("Activation", (64, 64, 32), 0),
    ("BatchNormalization", (64, 64, 32), 128),
    ("Conv2D", (64, 64, 3), 867),
    ("Activation", (64, 64, 3), 0),
]
GATE_64 = [("Softmax", (160,), 0), ("Dense", (160,), 25_760), ("Multiply", (160,), 0), ("LeakyReLU", (160,), 0)]
CAPS_64 = [  # thesis, 6.1.2, row by row; its Lambda is our Squash, its softmax Activation our Softmax
    ("InputLayer", (64, 64, 3), 0),
    ("Conv2D", (56, 56, 256), 62_464),
    ("LeakyReLU", (56, 56, 256), 0),
    ("BatchNormalization", (56, 56, 256), 1_024),
    ("Conv2D", (24, 24, 256), 5_308_672),
    ("Reshape", (18_432, 8), 0),
    ("Squash", (18_432, 8), 0),
    ("BatchNormalization", (18_432, 8), 32),
    ("Flatten", (147_456,), 0),
    ("Dense", (160,), 23_593_120),
    *(3 * GATE_64),
    ("Dense", (1,), 161),
]
KERAS_GAN_DCGAN = [
    *("InputLayer", "Conv2D", "LeakyReLU", "Dropout"),
    *("Conv2D", "ZeroPadding2D", "LeakyReLU", "Dropout", "BatchNormalization"),
    *("Conv2D", "LeakyReLU", "Dropout", "BatchNormalization"),
    *("Conv2D", "LeakyReLU", "Dropout", "Flatten", "Dense"),
]


def rows(model):
    table = layer_table(model)
    assert all(shape[0] is None for shape in table.output_shape)
    return [(layer, tuple(shape[1:]), count) for layer, shape, count in table.itertuples(index=False)]


def counts(model):
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    frozen = sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights)
    return model.count_params(), trainable, frozen


def no_head(features):
    return features


@pytest.fixture(scope="module")
def generator_64():
    return build_generator((64, 64, 3))


@pytest.fixture(scope="module")
def caps_64():
    return build_discriminator("caps", (64, 64, 3))


@pytest.fixture(scope="module")
def classical():
    return build_discriminator("cnn", (28, 28, 1))


def test_generator_has_every_row_of_the_thesis(generator_64):
    assert rows(generator_64)[1:] == GENERATOR_64


def test_caps_discriminator_has_every_row_of_the_thesis(caps_64):
    assert rows(caps_64) == CAPS_64


def test_totals_are_those_of_the_thesis(generator_64, caps_64):
    assert counts(generator_64) == (1_069_507, 1_068_803, 704)
    assert counts(caps_64) == (29_042_753, 29_042_225, 528)


@pytest.mark.parametrize("width, parameters, millions", [(1, 6_882_881, 200.9), (1 / 4, 783_617, 14)])
def test_caps_discriminator_at_28(width, parameters, millions):
    model = build_discriminator("caps", (28, 28, 1), width=width)
    assert model.count_params() == parameters
    assert multiply_adds(model) / 1e6 == pytest.approx(millions, abs=0.5 if width < 1 else 0.05)


@pytest.mark.parametrize(
    "convolutions, head, parameters, millions",
    [
        (DCGAN_CONVOLUTIONS, True, 392_705, 6.9),
        (SMALL_CONVOLUTIONS, False, 97_536, 1.7),
        (INFOGAN_CONVOLUTIONS, False, 1_553_408, 13.2),
    ],
    ids=["dcgan", "wgan and acgan", "infogan"],
)
def test_classical_discriminators_are_keras_gans(convolutions, head, parameters, millions):
    heads = {} if head else {"heads": no_head}
    model = build_discriminator("cnn", (28, 28, 1), convolutions=convolutions, **heads)
    assert model.count_params() == parameters
    assert multiply_adds(model) / 1e6 == pytest.approx(millions, abs=0.05)


def test_classical_layers_come_in_keras_gans_order(classical):
    assert [type(layer).__name__ for layer in classical.layers] == KERAS_GAN_DCGAN


@pytest.mark.parametrize("width", [1 / 32, 1 / 4, 2])
def test_width_scales_the_convolutions_and_leaves_the_160_units(width):
    features = build_discriminator("caps", (28, 28, 1), width=width, heads=no_head)
    assert features.output.shape == (None, 160)
    assert features.get_layer("conv1").filters == 256 * width
    assert features.get_layer("primarycap_conv2").filters == 256 * width


def test_slopes_of_leaky_relu_are_those_of_the_sources(caps_64, classical):
    for model, slope in ((caps_64, 0.3), (classical, 0.2)):
        assert [x.negative_slope for x in model.layers if isinstance(x, layers.LeakyReLU)] == [pytest.approx(slope)] * 4


def test_every_batch_normalization_has_momentum_08(generator_64, caps_64, classical):
    for model in (generator_64, caps_64, classical):
        momenta = [layer.momentum for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
        assert momenta and set(momenta) == {0.8}


def test_dropout_of_the_classical_trunk_is_a_quarter_unless_told(classical):
    rates = [layer.rate for layer in classical.layers if isinstance(layer, layers.Dropout)]
    assert rates == [0.25] * 4
    other = build_discriminator("cnn", dropout=0.5)
    assert {layer.rate for layer in other.layers if isinstance(layer, layers.Dropout)} == {0.5}


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5])
def test_folded_upsampling_equals_upsampling_then_convolution(kernel_size):
    rng = np.random.default_rng(kernel_size)
    x = tf.constant(rng.standard_normal((2, 5, 5, 3)), "float32")
    weight = tf.constant(
        rng.standard_normal((2, 10, 10, 4)), "float32"
    )  # makes the gradient differ from pixel to pixel
    folded = UpsampleConv2D(4, kernel_size)
    convolution = layers.Conv2D(4, kernel_size, padding="same")
    plain = keras.Sequential([layers.UpSampling2D(2), convolution])
    folded(x), plain(x)
    convolution.set_weights([rng.standard_normal(w.shape) for w in convolution.get_weights()])
    folded.set_weights(convolution.get_weights())
    results = []
    for layer in (folded, plain):
        variables = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.square(y) * weight)
        results.append([y, *tape.gradient(loss, [x, *variables])])
    assert results[0][0].shape == (2, 10, 10, 4)
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * float(tf.reduce_max(tf.abs(theirs))))


def test_generator_upsamples_with_folded_layers_of_the_kernel_asked_for():
    model = build_generator((28, 28, 1), kernel_size=4)
    kernels = [layer.kernel.shape for layer in model.layers if isinstance(layer, UpsampleConv2D)]
    assert kernels == [(4, 4, 128, 128), (4, 4, 128, 64)]  # Keras-GAN's WGAN
    assert model.layers[-2].kernel.shape == (4, 4, 64, 1)


def test_generated_pixels_lie_within_tanhs_range_and_reach_its_ends():
    images = np.asarray(build_generator((28, 28, 1), latent_dim=5)(np.full((2, 5), 1e4, "float32"), training=False))
    assert images.dtype == np.float32 and np.abs(images).max() <= 1
    assert images.min() < -0.9 and images.max() > 0.9


@pytest.mark.parametrize("size, channels", [(28, 1), (32, 3), (56, 1), (64, 1), (112, 1), (128, 3)])
def test_both_players_take_every_allowed_size(size, channels):
    shape = (size, size, channels)
    assert build_generator(shape, latent_dim=3).output.shape == (None, *shape)
    for trunk in ("cnn", "caps"):
        model = build_discriminator(trunk, shape, width=1 / 256, convolutions=((2, 2, False), (2, 2, True)))
        assert model.input.shape == (None, *shape) and model.output.shape == (None, 1)


@pytest.mark.parametrize("shape", [(30, 30, 1), (28, 32, 1), (28, 28, 2), (16, 16, 1), (0, 0, 1), (-28, -28, 1)])
@pytest.mark.parametrize("build", [build_generator, lambda shape: build_discriminator("cnn", shape)], ids=["G", "D"])
def test_shapes_the_networks_cannot_take_are_refused_by_name(build, shape):
    with pytest.raises(ValueError, match="image_shape=") as caught:
        build(shape)
    assert str(shape) in str(caught.value) and "28, 32, 56, 64, 112, 128" in str(caught.value)


def test_an_unknown_trunk_is_refused_by_name():
    with pytest.raises(ValueError, match=r"discriminator='mlp'; expected cnn \| caps"):
        build_discriminator("mlp")


@pytest.mark.parametrize(
    "build, shape",
    [
        (lambda: build_generator((28, 28, 1), latent_dim=7), (7,)),
        (lambda: build_discriminator("caps", width=1 / 32), (28, 28, 1)),
        (lambda: build_discriminator("cnn"), (28, 28, 1)),
    ],
    ids=["generator", "caps", "cnn"],
)
def test_a_saved_model_answers_as_before(build, shape, tmp_path):
    model = build()
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype("float32")
    model(x, training=True)  # moving statistics differ from their initial values
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")  # safe mode: refuses Lambda layers
    np.testing.assert_array_equal(model(x, training=False), again(x, training=False))


@pytest.mark.parametrize("trunk", ["cnn", "caps"])
def test_the_discriminator_answers_with_a_logit_and_no_sigmoid(trunk):
    model = build_discriminator(trunk, width=1 / 32)
    assert model.layers[-1].activation is keras.activations.linear
    assert model.output.shape == (None, 1) and model.output.dtype == "float32"


def test_the_memory_of_an_update_is_counted_layer_by_layer():
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, dtype="mixed_bfloat16")])
    model.add(keras.layers.BatchNormalization())  # two weights a channel are trained, two are not
    model.add(keras.layers.Flatten())  # gives its input another shape and keeps nothing
    model.add(keras.layers.Dense(1))
    weights = 4 * (20 + 4 + 33) + 4  # those trained four times
    assert training_megabytes(model, 5) == (4 * weights + 5 * (2 * 32 + 4 * 32 + 4 * 1)) / 1e6


@pytest.mark.parametrize(("name", "updates"), [("dcgan", 1), ("wgan", 5)])
def test_the_arithmetic_of_a_step_is_that_of_both_players_and_all_critic_updates(name, updates):
    gan = build_gan(RunConfig(name, "cnn", batch_size=4), (28, 28, 1))
    generator, discriminator = multiply_adds(gan.generator), multiply_adds(gan.discriminator)
    real, fake = 3 * 2 * discriminator, 2 * (generator + 3 * discriminator)  # of two images each
    assert step_multiply_adds(gan) == updates * (real + fake) + 4 * (3 * generator + 2 * discriminator)


def test_a_gradient_penalty_makes_a_step_dearer():
    plain, penalised = (build_gan(RunConfig(name, "cnn", batch_size=4), (28, 28, 1)) for name in ("wgan", "wgan_gp"))
    more = step_multiply_adds(penalised) - step_multiply_adds(plain)
    assert more == 5 * 6 * 2 * multiply_adds(penalised.discriminator)


def test_files_of_weights_name_the_primary_convolution_as_they_always_did(tmp_path):
    """By its class, so finished runs could not be read if it had a different name."""
    model = build_discriminator("caps", width=1 / 64)
    model.save_weights(tmp_path / "discriminator.weights.h5")
    with h5py.File(tmp_path / "discriminator.weights.h5") as file:
        assert {"conv2d", "primary_conv2d"} <= file["layers"].keys() and "conv2d_1" not in file["layers"]
