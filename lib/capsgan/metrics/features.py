"""Feature networks: from images to vectors whose distances mean something, and to probabilities of the ten digits."""

import hashlib
import io
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from scipy.special import softmax

from ..checks import check_images, require
from ..gans.inference import run_model
from ..names import DIGITS
from ..paths import DAMAGED_ARCHIVE, shipped
from .cache import remembered

FEATURES = shipped("features")
DIGITS_SHAPE = (28, 28, 1)
UNTRAINED = "random"
CLASSES = 10
DIMENSIONS = 64  # of every space

# Weights are set afterwards: an initializer would draw from Python's random numbers, from which Keras seeds a run.
convolution = partial(layers.Conv2D, padding="same", activation="relu", kernel_initializer="zeros")
dense = partial(layers.Dense, kernel_initializer="zeros")


def _convolutions(images):
    for filters, size, strides in ((24, 5, 2), (48, 3, 2), (64, 3, 1)):
        images = convolution(filters, size, strides=strides)(images)
    return layers.Flatten()(images)


def _lenet(images):
    """Convolutions of 5×5, tanh and average pooling, as in LeNet-5 (LeCun et al. 1998), with more filters."""
    for filters, padding in ((16, "same"), (32, "valid")):
        images = convolution(filters, 5, padding=padding, activation="tanh")(images)
        images = layers.AveragePooling2D(2)(images)
    return dense(120, activation="tanh")(layers.Flatten()(images))


class Architecture(NamedTuple):
    """A classifier of digits that makes a feature space, and how ``scripts/train_features.py`` trains it."""

    trunk: Callable  # images float32 [B, 28, 28, 1] in [0, 1] → [B, n]
    activation: str  # after the features: before them it would hide how far from any digit noise lies
    seed: int
    epochs: int
    sha256: str  # of its file


ARCHITECTURES = {
    "digits": Architecture(
        _convolutions, "relu", 0, 12, "e478961c819569ae275800e649ee9ea094601545d57bdf83ef795e877665e07c"
    ),
    "lenet": Architecture(_lenet, "tanh", 1, 14, "d6b1df5377a8d3883005b726eebd3ca92d2067c75cbf136c522fe866bd3d15af"),
}
SPACES = tuple(ARCHITECTURES)  # the first is the one that runs are compared by


def spaces_for(image_shape: tuple[int, int, int], dataset: str = DIGITS[0]) -> tuple[str, ...]:
    """The feature spaces of images (height, width, channels): both trained ones of digits, else ``("random",)``."""
    return SPACES if tuple(image_shape) == DIGITS_SHAPE and dataset in DIGITS else (UNTRAINED,)


class FeatureNetwork:
    """A fixed network: ``name`` of its space, ``image_shape`` that it reads, ``sha256`` of its weights."""

    def __init__(self, name: str, model: keras.Model, sha256: str):
        self.name, self.model, self.sha256 = name, model, sha256
        self.image_shape = tuple(model.input.shape[1:])

    def features(self, images: np.ndarray) -> np.ndarray:
        """Uint8 [n, height, width, channels] → float32 [n, 64], each row from its image alone."""
        return self.read(images)[0]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Uint8 [n, height, width, channels] → float32 [n, 10], the softmax of a classifier; rows sum to 1."""
        if len(self.model.outputs) == 1:
            raise ValueError(f"invalid features={self.name!r}: it has no classes; expected {' | '.join(SPACES)}")
        return self.read(images)[1]

    def read(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """Features and, of a classifier, probabilities, in one pass."""
        check_images("images", images, self.image_shape)
        return self._read(images)

    @remembered
    def _read(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        features, *logits = read_images(self.model, images)
        return features, *(softmax(answer, axis=1) for answer in logits)


def load_features(name: str = "digits", image_shape: tuple[int, int, int] = DIGITS_SHAPE) -> FeatureNetwork:
    """A feature network by name, for images of a shape (height, width, channels).

    ``digits`` and ``lenet``, for 28×28×1 only: the last hidden layer, before its activation, of a classifier trained on
    the half of MNIST's training digits that no score uses (``scripts/train_features.py``), scaled to a mean square of
    1. ``random``: an untrained network, its weights drawn by Philox, for images that no trained network reads (Naeem et
    al. 2020, arXiv:2002.09797). A file that is missing, damaged or a different one raises ``ValueError`` too.
    """
    require(name in (*SPACES, UNTRAINED), "features", name, " | ".join((*SPACES, UNTRAINED)))
    image_shape = tuple(image_shape)
    if name == UNTRAINED:
        return _random(image_shape)
    require(image_shape == DIGITS_SHAPE, "image_shape", image_shape, f"{DIGITS_SHAPE} for {name!r}, any for 'random'")
    return _trained(name, FEATURES / f"{name}.npz", ARCHITECTURES[name].sha256)


def read_images(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """A classifier's outputs in inference mode: uint8 [n, height, width, channels], fed as [0, 1] → float32 [n, d]."""
    return run_model(model, images, lambda part: part / np.float32(255), compiled=True)


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
def build_classifier(name: str) -> keras.Model:
    """Digits float32 [B, 28, 28, 1] in [0, 1] → features [B, 64] and logits [B, 10]; its weights are zeros."""
    architecture, images = ARCHITECTURES[name], keras.Input(DIGITS_SHAPE)
    features = dense(DIMENSIONS, name="features")(architecture.trunk(images))
    x = layers.Activation(architecture.activation)(features)
    x = layers.Dropout(0.3, seed=0)(x)  # in training only
    return keras.Model(images, [features, dense(CLASSES, name="logits")(x)])


def draw_weights(model: keras.Model, seed: int) -> list[np.ndarray]:
    """Initial weights for a model, the same on every platform, backend and version of NumPy.

    Kernels are uniform in ±√(6 / inputs of a unit) (He et al. 2015, arXiv:1502.01852, section 2.2), made from Philox's
    raw bits: NumPy guarantees those for ever, but not its distributions. Biases are zeros. Returns float32 arrays.
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
    x = images = keras.Input(image_shape)
    for filters in (32, 64, 128):
        x = convolution(filters, 3, strides=2)(x)
    model = keras.Model(images, dense(DIMENSIONS)(layers.Flatten()(x)))
    weights = draw_weights(model, seed=0)
    model.set_weights(weights)
    return FeatureNetwork("random", model, hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest())


@cache
def _trained(name: str, path: Path, sha256: str) -> FeatureNetwork:
    way_out = f"restore it (git checkout -- {'/'.join(path.parts[-3:])}) or make it again (scripts/train_features.py)"
    try:
        data = path.read_bytes()
        if (digest := hashlib.sha256(data).hexdigest()) != sha256:
            raise ValueError(f"SHA-256 {digest[:12]}…, not {sha256[:12]}…")
        with np.load(io.BytesIO(data)) as archive:
            weights = [archive[key].astype("float32") for key in archive.files]
    except DAMAGED_ARCHIVE as error:
        raise ValueError(f"{path} is missing, damaged or a different one ({error}); {way_out}") from error
    model = build_classifier(name)
    model.set_weights(weights)
    return FeatureNetwork(name, model, sha256)
