"""Squash, PrimaryCaps and the gated block hold to their equations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsgan.networks.capsules import Squash, gated_capsules, primary_capsules

ONE_ULP = float(np.finfo("float32").eps)
LENGTHS = [1e-2, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 4096.0, 1e4]


def vectors(lengths, dimension=8, seed=0):
    directions = np.random.default_rng(seed).standard_normal((len(lengths), dimension))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return (directions * np.asarray(lengths)[:, None]).astype("float32")


def length(v):
    return np.linalg.norm(np.asarray(v, "float64"), axis=-1)


def gated_model(units=5, features=7, rounds=3):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((features,))
    model = keras.Model(inputs, gated_capsules(inputs, units, rounds))
    names = ["uhat_digitcaps"] + [f"{kind}{r}" for r in range(1, rounds + 1) for kind in ("softmax_digitcaps", "gate_")]
    return model, keras.Model(inputs, {name: model.get_layer(name).output for name in names} | {"out": model.output})


@pytest.mark.parametrize("s", LENGTHS)
def test_squashed_length_is_the_papers(s):
    assert length(Squash()(vectors([s])))[0] == pytest.approx(s**2 / (1 + s**2), rel=2e-3 if s < 0.1 else 1e-5)


def test_squash_keeps_the_direction():
    s = vectors(LENGTHS)
    v = np.asarray(Squash()(s))
    np.testing.assert_allclose(v / length(v)[:, None], s / length(s)[:, None], atol=1e-6)


def test_squash_grows_with_the_input():
    lengths = np.geomspace(1e-3, 50, 200)
    assert (np.diff(length(Squash()(np.outer(lengths, [0.6, 0.8]).astype("float32")))) > 0).all()


def test_squash_never_lengthens_beyond_one_and_an_ulp():
    for dimension in (1, 8):
        v = np.asarray(Squash()(vectors(np.geomspace(1, 1e6, 20_000), dimension=dimension)), "float64")
        assert np.linalg.norm(v, axis=-1).max() <= 1 + ONE_ULP


@pytest.mark.parametrize("s", [0.0, 1e-20, 1e-4, 1.0, 1e4])
def test_squash_and_its_gradient_are_finite(s):
    x = tf.constant(vectors([s]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        v = Squash()(x)
        loss = tf.reduce_sum(v)
    assert np.isfinite(v).all() and np.isfinite(tape.gradient(loss, x)).all()


def test_squash_maps_zero_to_zero():
    np.testing.assert_array_equal(Squash()(np.zeros((2, 3, 8), "float32")), np.zeros((2, 3, 8)))


def test_squash_works_along_the_last_axis_only():
    s = vectors([0.5, 2.0, 7.0, 1.0, 3.0, 0.1]).reshape(2, 3, 8)
    together, alone = Squash()(s), [[Squash()(vector[None])[0] for vector in row] for row in s]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_squash_in_half_precision_does_not_overflow(precision):
    v = Squash(dtype=precision)(tf.cast(vectors([1e-4, 1.0, 1e4]), precision))
    assert v.dtype == precision
    assert length(tf.cast(v, "float32")) == pytest.approx([1e-8, 0.5, 1.0], abs=1e-2)


def test_squash_survives_serialisation_under_its_own_name():
    saved = keras.saving.serialize_keras_object(Squash(name="squashed"))
    assert saved["registered_name"] == "capsgan>Squash"
    again = keras.saving.deserialize_keras_object(saved, safe_mode=True)
    assert isinstance(again, Squash) and again.name == "squashed"


def test_primary_capsules_have_eight_dimensions_and_32_types():
    inputs = keras.Input((20, 20, 6))
    capsules = primary_capsules(inputs)
    assert capsules.shape == (None, 6 * 6 * 32, 8)
    model = keras.Model(inputs, capsules)
    assert model.count_params() == 9 * 9 * 6 * 256 + 256  # 9×9, and nothing learned in reshape and squash
    assert primary_capsules(inputs, width=1 / 8).shape == (None, 6 * 6 * 4, 8)


def test_a_capsule_is_eight_neighbouring_channels_of_one_place_squashed():
    inputs = keras.Input((11, 11, 2))
    model = keras.Model(inputs, primary_capsules(inputs, width=1 / 16))  # 2 × 2 places, 2 types
    probe = keras.Model(inputs, [model.get_layer("primarycap_conv2").output, model.output])
    maps, capsules = map(
        np.asarray, probe(np.random.default_rng(0).standard_normal((1, 11, 11, 2)).astype("float32") * 5)
    )
    s = maps[0, 1, 0, 8:16]  # row 1, column 0, second type: capsule (1 · 2 + 0) · 2 + 1
    expected = s * np.linalg.norm(s) / (1 + np.linalg.norm(s) ** 2)
    np.testing.assert_allclose(capsules[0, 5], expected, rtol=1e-3, atol=1e-5)


def test_the_gated_block_has_four_dense_layers_and_nothing_else_to_learn():
    model, _ = gated_model(units=160, features=20)
    assert model.count_params() == (20 * 160 + 160) + 3 * 25_760  # 25,760: the thesis's table
    assert gated_model(units=5, features=7, rounds=1)[0].count_params() == (7 * 5 + 5) + (5 * 5 + 5)


def test_couplings_of_a_gate_sum_to_one_over_all_units():
    _, probe = gated_model(units=160, features=20)
    parts = probe(np.random.default_rng(0).standard_normal((6, 20)).astype("float32"))
    for number in (1, 2, 3):
        c = np.asarray(parts[f"softmax_digitcaps{number}"])
        assert c.shape == (6, 160) and (c > 0).all()
        np.testing.assert_allclose(c.sum(axis=-1), 1, rtol=1e-5)


def test_each_round_gates_u_hat_itself_with_slope_03():
    _, probe = gated_model()
    x = np.random.default_rng(2).standard_normal((9, 7)).astype("float32")
    parts = {name: np.asarray(value) for name, value in probe(x).items()}
    u_hat = s = parts["uhat_digitcaps"]
    for number in (1, 2, 3):
        exp = np.exp(s - s.max(-1, keepdims=True))
        np.testing.assert_allclose(parts[f"softmax_digitcaps{number}"], exp / exp.sum(-1, keepdims=True), rtol=1e-4)
        product = u_hat * parts[f"gate_{number}"]
        s = np.where(product > 0, product, 0.3 * product)
    np.testing.assert_allclose(parts["out"], s, rtol=1e-4, atol=1e-6)


def test_the_gated_block_is_not_routing():
    """Routing treats capsules alike: permuting û would permute the result. The Dense layers of a gate do not."""
    model, _ = gated_model()
    x = np.random.default_rng(3).standard_normal((4, 7)).astype("float32")
    before = np.asarray(model(x))
    order = [1, 2, 3, 4, 0]
    dense = model.get_layer("uhat_digitcaps")
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel[:, order], bias[order]])
    assert not np.allclose(np.asarray(model(x)), before[:, order], atol=1e-3)
    assert all(len(layer.output.shape) == 2 for layer in model.layers)  # no axis of capsules anywhere


def test_u_hat_is_initialised_as_he_et_al():
    u_hat = gated_model(units=160, features=400)[0].get_layer("uhat_digitcaps")
    assert np.std(u_hat.get_weights()[0]) == pytest.approx(np.sqrt(2 / 400), rel=0.05)
