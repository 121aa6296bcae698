"""What a discriminator knows of orientation and of the arrangement of parts, and what its layers tell."""

import cv2
import keras
import numpy as np
from keras import layers
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..checks import check_images, check_labels
from ..gans import GAN
from ..gans.inference import read_layer, run_discriminator, statistics_of
from .neighbours import exceeds

SHIFT = 1 / 7  # of the side: 4 pixels of 28, as far as MNIST's margin
LARGEST_ANGLE = 60.0  # degrees to either side; a 6 turned further is a 9
COMPONENTS = 160  # principal components that a probe reads: as many as the thesis's block has units


def rotate(images: np.ndarray, degrees) -> np.ndarray:
    """Turn uint8 images [n, height, width, channels] counter-clockwise about their centres by a number or [n] degrees.

    Bilinear; pixels from outside are 0.
    """
    height, width = images.shape[1:3]
    centre = (width - 1) / 2, (height - 1) / 2
    angles = np.broadcast_to(np.asarray(degrees, "float64"), len(images))
    matrices = [cv2.getRotationMatrix2D(centre, angle, 1) for angle in angles]
    turned = [cv2.warpAffine(image, m, (width, height)) for image, m in zip(images, matrices, strict=True)]
    return np.stack(turned).reshape(images.shape)


def shift(images: np.ndarray, share: float = SHIFT) -> np.ndarray:
    """Move uint8 images [n, height, width, channels] right and down by a share of their side; 0 comes in."""
    (_, height, width, _), pixels = images.shape, round(share * images.shape[1])
    return np.pad(images, ((0, 0), (pixels, 0), (pixels, 0), (0, 0)))[:, :height, :width]


def swap_quarters(images: np.ndarray) -> np.ndarray:
    """Swap the four quarters of uint8 images [n, height, width, channels] inside the margin: all parts, misplaced."""
    margin, swapped = round(SHIFT * images.shape[1]), images.copy()
    inner = swapped[:, margin : images.shape[1] - margin, margin : images.shape[2] - margin]
    inner[:] = np.roll(inner, (inner.shape[1] // 2, inner.shape[2] // 2), axis=(1, 2))
    return swapped


TRANSFORMATIONS = {"turned": lambda images: rotate(images, 90), "shifted": shift, "scrambled": swap_quarters}


def transformation_orders(gan: GAN, images: np.ndarray) -> dict[str, dict]:
    """Whether a discriminator that saw only upright images notices turned and shifted ones and swapped quarters.

    ``images`` are real and upright, uint8 [n, height, width, channels]. BatchNormalization's statistics are estimated
    anew on them, see :func:`~capsgan.metrics.discriminator_scores.overfitting`.

    Returns ``turned_order``, ``shifted_order`` and, for swapped quarters, ``scrambled_order``: the probability that an
    upright image gets a higher logit (a critic: score) than a transformed one, 0.5 if the discriminator sees no
    difference, 1 if it always does. ``floor``: one half of the upright images against the other.
    """
    check_images("images", images, gan.image_shape)
    with statistics_of(gan.discriminator, images):
        upright = run_discriminator(gan.discriminator, images)
        logits = {name: run_discriminator(gan.discriminator, f(images)) for name, f in TRANSFORMATIONS.items()}
    floor = exceeds(upright[::2], upright[1::2])
    return {f"{name}_order": {"value": exceeds(upright, others), "floor": floor} for name, others in logits.items()}


def probes(gan: GAN, training: tuple, held_out: tuple, *, images: int = 2000, seed: int = 0) -> dict[str, dict]:
    """What a linear function can read from a frozen discriminator (Alain & Bengio 2016, arXiv:1610.01644).

    It reads the same number of principal components of every layer, so that a wide layer has no advantage.
    ``training`` and ``held_out`` are real: (uint8 images [n, height, width, channels], int labels [n]). A probe learns
    from up to ``images`` of the former and is tested on half as many of the latter.

    Returns ``class_accuracy``: share of held-out images whose label a logistic regression reads from the trunk's
    features; ``angle_error``: mean error in degrees of a ridge regression for the angle by which a held-out image was
    turned (uniform in ±60°), read from :func:`pose_layer`: the primary capsules, or a CNN's last feature maps.
    ``floor``: the same read from the pixels themselves.
    """
    rng = np.random.Generator(np.random.Philox(key=seed))
    x, y, angles = _choose(gan, "training", *training, images, rng)
    x_test, y_test, test_angles = _choose(gan, "held_out", *held_out, images // 2, rng)
    turned, turned_test = rotate(x, angles), rotate(x_test, test_angles)

    def read(layer, these):
        return read_layer(gan.discriminator, layer, these) if layer is not None else these.reshape(len(these), -1)

    accuracy, error = {}, {}
    trunk, poses = trunk_features(gan.discriminator), pose_layer(gan.discriminator)
    with statistics_of(gan.discriminator, x):
        for side, trunk_layer, angle_layer in (("value", trunk, poses), ("floor", None, None)):
            classifier = _fit(LogisticRegression(max_iter=300), read(trunk_layer, x), y, seed)
            accuracy[side] = float(classifier.score(read(trunk_layer, x_test), y_test))
            regression = _fit(Ridge(), read(angle_layer, turned), angles, seed)
            error[side] = float(np.abs(regression.predict(read(angle_layer, turned_test)) - test_angles).mean())
    return {"class_accuracy": accuracy, "angle_error": error}


def trunk_features(discriminator: keras.Model):
    """What the heads read, a tensor [B, n]; of routed capsules [B, J, d]."""
    routing = _routing(discriminator)
    return routing.output if routing else discriminator.get_layer("logit").input


def pose_layer(discriminator: keras.Model):
    """The trunk's last tensor with a place for every part: primary capsules [B, N, 8] or feature maps [B, h, w, c]."""
    routing = _routing(discriminator)
    return (routing or next(layer for layer in discriminator.layers if isinstance(layer, layers.Flatten))).input


def _choose(gan: GAN, name: str, images: np.ndarray, labels: np.ndarray, count: int, rng):
    check_images(name, images, gan.image_shape)
    labels = check_labels(name, labels, len(images), int(np.max(labels)) + 1)
    rows = rng.choice(len(images), min(count, len(images)), replace=False)
    return images[rows], labels[rows], rng.uniform(-LARGEST_ANGLE, LARGEST_ANGLE, len(rows))


def _routing(discriminator):
    return next((layer for layer in discriminator.layers if layer.name == "routing"), None)


def _fit(estimator, features: np.ndarray, targets: np.ndarray, seed: int):
    components = PCA(min(COMPONENTS, *features.shape), svd_solver="randomized", random_state=seed)
    return make_pipeline(components, StandardScaler(), estimator).fit(features, targets)
