"""Feature networks: from images to vectors whose distances mean something, and to probabilities of the ten digits."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from scipy.special import softmax

from ..config import ROOT
from ..engines import get_engine
from .checks import check_images
from .memory import remembered

DIGITS = ROOT / "data" / "features" / "digits.npz"
DIGITS_SHA256 = "f17325c45cf4f6690910281b37775688e0b592169374a814345af7f3642cd7ef"  # of the file
DIGITS_SHAPE = (28, 28, 1)
SPACES = ("digits", "random")
CLASSES = 10
DIMENSIONS = 64  # of both spaces
CHUNK = 512  # images at once

# Weights are set afterwards: no initialiser shall draw from Python's random numbers, from which Keras seeds a run's.
convolution = partial(layers.Conv2D, padding="same", activation="relu", kernel_initializer="zeros")
dense = partial(layers.Dense, kernel_initializer="zeros")


class FeatureNetwork:
    """A fixed network that reads images.

    Attributes:
        name: of the feature space.
        image_shape: (height, width, channels) of the images it reads.
        sha256: of its weights.
    """

    def __init__(self, name: str, model: keras.Model, sha256: str):
        self.name, self.model, self.sha256 = name, model, sha256
        self.image_shape = tuple(model.input.shape[1:])

    def features(self, images: np.ndarray) -> np.ndarray:
        """Uint8 [n, height, width, channels] → float32 [n, 64], each row from its image alone.

        Raises:
            ValueError: dtype or shape are others.
        """
        return self.read(images)[0]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Uint8 [n, height, width, channels] → float32 [n, 10], the classifier's softmax; rows sum to 1.

        Raises:
            ValueError: dtype or shape are others; or the network is no classifier.
        """
        if len(self.model.outputs) == 1:
            raise ValueError(f"features={self.name!r} has no classes; allowed: digits")
        return self.read(images)[1]

    def read(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """Features and, of a classifier, probabilities, in one pass; see the methods of these names.

        Raises:
            ValueError: dtype or shape are others.
        """
        check_images("images", images, self.image_shape)
        return self._read(images)

    @remembered
    def _read(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        features, *logits = run_in_chunks(self.model, images)
        return features, *(softmax(answer, axis=1) for answer in logits)


def load_features(name: str = "digits", image_shape: tuple[int, int, int] = DIGITS_SHAPE) -> FeatureNetwork:
    """A feature network by name.

    Args:
        name: ``digits``: the last hidden layer, before its ReLU, of a classifier of ours, trained on MNIST's 60,000
            training digits (``scripts/train_features.py``), scaled to a mean square of 1; or ``random``: a
            convolutional network that was never trained, its weights drawn by Philox. Naeem et al. 2020
            (arXiv:2002.09797) propose such for images no trained network knows.
        image_shape: (height, width, channels); ``digits`` reads 28×28×1 only.

    Raises:
        ValueError: no such network, an image shape it cannot read, or its file is missing, damaged or another one.
    """
    if name not in SPACES:
        raise ValueError(f"features={name!r} is not known; allowed: {' | '.join(SPACES)}")
    image_shape = tuple(image_shape)
    if name == "random":
        return _random(image_shape)
    if image_shape != DIGITS_SHAPE:
        raise ValueError(
            f"image_shape={image_shape} is not possible; allowed: {DIGITS_SHAPE} for 'digits', any for 'random'"
        )
    return _digits(DIGITS)


def run_in_chunks(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """A model's outputs in inference mode: uint8 [n, height, width, channels], fed as [0, 1] → float32 [n, d] each.

    All chunks have one shape, the last is filled up with zeros: a row depends on its image alone, not on how many
    others there are, and the backend prepares for one shape only.
    """
    answers = [np.empty((len(images), output.shape[-1]), "float32") for output in model.outputs]
    with get_engine().no_gradients():
        for start in range(0, len(images), CHUNK):
            part = images[start : start + CHUNK]
            chunk = np.zeros((CHUNK, *images.shape[1:]), "float32")
            chunk[: len(part)] = part / np.float32(255)
            outputs = keras.tree.flatten(model(chunk, training=False))
            for answer, values in zip(answers, outputs, strict=True):
                answer[start : start + len(part)] = ops.convert_to_numpy(values)[: len(part)]
    return answers


@contextmanager
def single_precision():
    """Layers made inside compute in float32, whatever Keras's global policy is."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


@single_precision()
def build_classifier() -> keras.Model:
    """Digits float32 [B, 28, 28, 1] in [0, 1] → features [B, 64] and logits [B, 10]. Its weights are zeros."""
    images = keras.Input(DIGITS_SHAPE)
    x = images
    for filters, strides in ((32, 1), (32, 2), (64, 1), (64, 2)):
        x = convolution(filters, 3, strides=strides)(x)
    features = dense(DIMENSIONS, name="features")(layers.Flatten()(x))
    x = layers.ReLU()(features)  # after the features: it would hide how far from any digit noise lies
    x = layers.Dropout(0.4, seed=0)(x)  # in training only
    return keras.Model(images, [features, dense(CLASSES, name="logits")(x)])


def draw_weights(model: keras.Model, seed: int) -> list[np.ndarray]:
    """Initial weights for a model, the same on every platform, backend and version of NumPy.

    Kernels are uniform in ±√(6 / inputs of a unit) (He et al. 2015, arXiv:1502.01852, section 2.2), made from
    Philox's raw bits: NumPy keeps those as they are for ever, but not what its distributions make of them. Biases are
    zeros.

    Returns:
        Float32 arrays for ``model.set_weights``.
    """
    bits, weights = np.random.Philox(key=seed), []
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) == 1:
            weights.append(np.zeros(shape, "float32"))
            continue
        unit = (bits.random_raw(int(np.prod(shape))) >> np.uint64(11)) * 2.0**-53  # in [0, 1)
        weights.append(((2 * unit - 1) * np.sqrt(6 / np.prod(shape[:-1]))).astype("float32").reshape(shape))
    return weights


@cache
@single_precision()
def _random(image_shape) -> FeatureNetwork:
    images = keras.Input(image_shape)
    x = images
    for filters in (32, 64, 128):
        x = convolution(filters, 3, strides=2)(x)
    model = keras.Model(images, dense(DIMENSIONS)(layers.Flatten()(x)))
    weights = draw_weights(model, seed=0)
    model.set_weights(weights)
    return FeatureNetwork("random", model, hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest())


@cache
def _digits(path: Path) -> FeatureNetwork:
    way_out = f"restore it (git checkout -- {'/'.join(path.parts[-3:])}) or make it anew (scripts/train_features.py)"
    try:
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest != DIGITS_SHA256:
            raise ValueError(f"SHA-256 {digest[:12]}…, not {DIGITS_SHA256[:12]}…")
        with np.load(io.BytesIO(data)) as archive:
            weights = [archive[name].astype("float32") for name in archive.files]
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is missing, damaged or another one ({error}); {way_out}") from error
    model = build_classifier()
    model.set_weights(weights)
    return FeatureNetwork("digits", model, DIGITS_SHA256)
