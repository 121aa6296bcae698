"""Whether a discriminator knows its training images from real images that it never saw."""

from __future__ import annotations

from contextlib import contextmanager

import keras
import numpy as np
from keras import layers, ops

from ..engines import get_engine
from ..gans import GAN
from ..gans.wgan import WassersteinGAN
from ..images import to_float
from .checks import check_images
from .neighbours import exceeds

IMAGES = 2000  # of each kind: the Caps trunk at full width takes 0.2 G multiply-adds an image
CHUNK = 250


def overfitting(gan: GAN, training: np.ndarray, held_out: np.ndarray, *, images: int = IMAGES, seed: int = 0) -> dict:
    """The discriminator's answers on training images against those on held-out real images.

    BatchNormalization's moving statistics mix real and generated batches, while the discriminator judged real images
    among real ones. So for this measurement its statistics are estimated anew on the real images that are measured,
    training and held-out ones together and in equal numbers, and put back afterwards. Dropout is off.

    Args:
        gan: with a trained discriminator.
        training: uint8 [n, height, width, channels], what it was trained on.
        held_out: uint8 [m, height, width, channels], from the same source.
        images: how many of each kind at most.
        seed: of the choice.

    Returns:
        Each with ``value`` and ``floor``, the same number for two halves of the held-out images:
        ``logit_gap``: mean logit (a critic: mean score) on training minus on held-out images;
        ``logit_order``: probability that a training image gets a higher logit than a held-out one, 0.5 without
        over-fitting, whatever the logits' scale;
        ``accuracy_gap``: share of training minus share of held-out images called real. A critic has none.

    Raises:
        ValueError: wrong dtype or shape, fewer than two held-out images, or logits that are not finite.
    """
    check_images("training", training, gan.image_shape)
    check_images("held_out", held_out, gan.image_shape)
    count = min(images, len(training), len(held_out))
    if count < 2:
        raise ValueError(f"held_out: {len(held_out)} images are too few; allowed: 2 or more")
    rng = np.random.Generator(np.random.Philox(key=seed))
    chosen = [kind[rng.choice(len(kind), count, replace=False)] for kind in (training, held_out)]
    with statistics_of(gan.discriminator, np.concatenate(chosen)):
        seen, unseen = (run_discriminator(gan.discriminator, kind) for kind in chosen)
    if not (np.isfinite(seen).all() and np.isfinite(unseen).all()):
        raise ValueError(
            "discriminator: some logits are NaN or infinite; train the run again with force=True (--force)"
        )
    pairs = {"value": (seen, unseen), "floor": (unseen[: count // 2], unseen[count // 2 :])}
    gaps = {
        "logit_gap": {name: float(x.mean() - y.mean()) for name, (x, y) in pairs.items()},
        "logit_order": {name: exceeds(x, y) for name, (x, y) in pairs.items()},
    }
    if not isinstance(gan, WassersteinGAN):
        gaps["accuracy_gap"] = {name: float((x > 0).mean() - (y > 0).mean()) for name, (x, y) in pairs.items()}
    return gaps


def run_discriminator(discriminator: keras.Model, images: np.ndarray) -> np.ndarray:
    """Logits in inference mode: uint8 [n, height, width, channels] → float64 [n]."""
    return np.concatenate([answer.reshape(-1) for answer in _in_chunks(discriminator, images)]).astype("float64")


def read_layer(discriminator: keras.Model, tensor, images: np.ndarray) -> np.ndarray:
    """What a layer makes of images, in inference mode.

    Args:
        discriminator: a model without nested models.
        tensor: one of its layers' outputs, [B, ...].
        images: uint8 [n, height, width, channels].

    Returns:
        Float32 [n, all other dimensions in a row].
    """
    below = keras.Model(discriminator.inputs, tensor)
    return np.concatenate([part.reshape(len(part), -1) for part in _in_chunks(below, images)])


@contextmanager
def statistics_of(discriminator: keras.Model, images: np.ndarray):
    """BatchNormalization with the means and variances of these images, layer after layer; the old ones come back.

    Args:
        discriminator: a model without nested models.
        images: uint8 [n, height, width, channels].
    """
    normalizations = [layer for layer in discriminator.layers if isinstance(layer, layers.BatchNormalization)]
    before = [[ops.convert_to_numpy(v).copy() for v in _statistics(layer)] for layer in normalizations]
    try:
        for layer in normalizations:  # in the order of the layers: the later see what the earlier make of the images
            below = keras.Model(discriminator.inputs, layer.input)
            total, squares, rows = 0.0, 0.0, 0
            for part in _in_chunks(below, images):
                part = part.reshape(-1, part.shape[-1]).astype("float64")
                total, squares, rows = total + part.sum(axis=0), squares + (part**2).sum(axis=0), rows + len(part)
            mean = total / rows
            _assign(layer, (mean, np.maximum(squares / rows - mean**2, 0)))
        yield
    finally:
        for layer, values in zip(normalizations, before, strict=True):
            _assign(layer, values)


def _statistics(layer):
    return layer.moving_mean, layer.moving_variance


def _assign(layer, values):
    for variable, value in zip(_statistics(layer), values, strict=True):
        variable.assign(np.asarray(value, "float32"))


def _in_chunks(model: keras.Model, images: np.ndarray):
    """Yields the model's first answer, float32, for a chunk of images after another."""
    for start in range(0, len(images), CHUNK):
        with get_engine().no_gradients():
            answer = keras.tree.flatten(model(to_float(images[start : start + CHUNK]), training=False))[0]
            part = ops.convert_to_numpy(ops.cast(answer, "float32"))
        yield part
