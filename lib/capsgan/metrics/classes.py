"""What a classifier of digits makes of generated images: their classes, and whether one can learn from them."""

import keras
import numpy as np
from keras import layers
from scipy.optimize import linear_sum_assignment
from scipy.special import entr, rel_entr

from ..checks import check_images, check_labels
from ..data.datasets import Dataset
from .cache import remembered
from .features import CLASSES, DIMENSIONS, convolution, dense, draw_weights, read_images, single_precision

MISSING = 0.1  # a class with less than this part of its equal share counts as missing
UPDATES = 500  # of the classifier that learns from generated images
BATCH = 128


def classifier_score(probabilities: np.ndarray) -> float:
    """The Inception score's formula on our classifier of digits: exp(E[KL(p(y|x) ‖ p(y))]).

    Salimans et al. 2016 (arXiv:1606.03498), section 4; over all images at once, because splits add bias (Barratt &
    Sharma 2018, arXiv:1801.01973). It sees neither copies nor a lack of variety inside a class.

    ``probabilities`` are numbers [n, classes] in [0, 1] whose rows sum to 1. The result goes from 1 (the classifier
    sees no difference between images) to the number of classes (each image is clear, all classes equally frequent).
    """
    probabilities = _check_probabilities(probabilities)
    return float(np.exp(rel_entr(probabilities, probabilities.mean(axis=0)).sum(axis=1).mean()))


def class_histogram(probabilities: np.ndarray) -> np.ndarray:
    """How many images the classifier assigns to each class: probabilities [n, classes] → int64 [classes]."""
    probabilities = _check_probabilities(probabilities)
    return np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])


def divergence_from_uniform(histogram: np.ndarray) -> float:
    """KL divergence of a histogram [classes] from equal shares, in nats: 0 to log(classes)."""
    return float(np.log(len(histogram)) - entr(histogram / np.sum(histogram)).sum())


def missing_classes(histogram: np.ndarray) -> float:
    """The share of classes of a histogram [classes] that have less than a tenth of an equal share of the images."""
    return float(np.mean(np.asarray(histogram) < MISSING * np.mean(histogram)))


def class_metrics(probabilities: np.ndarray) -> dict:
    """All of the above from probabilities [n, classes], by name; the histogram as a list."""
    histogram = class_histogram(probabilities)
    return {
        "classifier_score": classifier_score(probabilities),
        "class_histogram": histogram.tolist(),
        "divergence_from_uniform": divergence_from_uniform(histogram),
        "missing_classes": missing_classes(histogram),
    }


def label_metrics(network, images: np.ndarray, codes: dict, floor: Dataset, held_out: Dataset, *, seed: int) -> dict:
    """Do images show the digit that was asked for, and can one learn from them?

    ``network`` classifies; ``images``, uint8 [n, 28, 28, 1], were generated from ``codes`` with ``labels`` or
    ``category``, int [n]. Returns place → metric → numbers, as in ``metrics.json``.
    """
    seen = network.probabilities(images).argmax(axis=1)
    shuffled = seen[np.random.Generator(np.random.Philox(key=seed)).permutation(len(seen))]
    asked, by_chance = (_asked(codes, classes) for classes in (seen, shuffled))
    real = network.probabilities(floor.images).argmax(axis=1)
    test = held_out.images, held_out.labels
    learned = {"value": (images, asked), "floor": (floor.images, floor.labels)}
    accuracy = {side: classification_accuracy(*these, *test, seed=seed) for side, these in learned.items()}
    return {
        "digits": {
            "label_accuracy": {"value": float((seen == asked).mean()), "floor": float((real == floor.labels).mean())},
            "label_accuracy_chance": {"value": float((shuffled == by_chance).mean())},
        },
        "pixels": {"classification_accuracy": accuracy},
    }


def match_codes(codes: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Which class each code stands for: one class per code, so that as many images as possible agree.

    InfoGAN finds its categories without labels, in its own order; matching them is the assignment problem of Kuhn 1955
    (*The Hungarian method*). ``codes``, int [n] from 0 to 9, are the categories that images were made from;
    ``predictions`` the classes that the classifier assigns to them. Returns int64 [10]: the class of code 0, 1, ...
    """
    predictions = check_labels("predictions", predictions, len(predictions), CLASSES)
    codes = check_labels("codes", codes, len(predictions), CLASSES)
    table = np.zeros((CLASSES, CLASSES), "int64")
    np.add.at(table, (codes, predictions), 1)
    return linear_sum_assignment(table, maximize=True)[1].astype("int64")


@remembered
@single_precision()
def classification_accuracy(
    images: np.ndarray, labels: np.ndarray, test_images: np.ndarray, test_labels: np.ndarray, *, seed: int = 0
) -> float:
    """Classification accuracy score: the accuracy on real images of a classifier that learned from generated ones.

    Ravuri & Vinyals 2019 (arXiv:1905.10887). It falls when images are bad, labels wrong or kinds of digits missing. The
    classifier is small (two convolutions) and makes a fixed number of updates, however many images there are.

    Images are uint8 [·, height, width, channels], labels int from 0 to 9: what was asked for, and the true ones.
    """
    check_images("images", images)
    check_images("test_images", test_images, images.shape[1:])
    labels = check_labels("labels", labels, len(images), CLASSES)
    test_labels = check_labels("test_labels", test_labels, len(test_images), CLASSES)
    inputs = keras.Input(images.shape[1:])
    x = convolution(32, 3, strides=2)(convolution(16, 3, strides=2)(inputs))
    x = dense(DIMENSIONS, activation="relu")(layers.Flatten()(x))
    model = keras.Model(inputs, dense(CLASSES)(x))
    model.set_weights(draw_weights(model, seed))
    rate = keras.optimizers.schedules.CosineDecay(3e-3, UPDATES)
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(_batches(images, labels, seed), steps_per_epoch=UPDATES, shuffle=False, verbose=0)
    return float((read_images(model, test_images)[0].argmax(axis=1) == test_labels).mean())


def _batches(images, labels, seed: int):
    rng = np.random.Generator(np.random.Philox(key=seed))
    while True:
        rows = rng.integers(0, len(images), BATCH)
        yield images[rows] / np.float32(255), labels[rows]


def _asked(codes: dict, seen: np.ndarray) -> np.ndarray:
    """The class asked for: the label, or the one that a category was found to stand for."""
    return codes["labels"] if "labels" in codes else match_codes(codes["category"], seen)[codes["category"]]


def _check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    array = np.asarray(probabilities, "float64")
    matrix = array.ndim == 2 and array.size > 0
    if not (matrix and (array >= 0).all() and np.allclose(array.sum(axis=1), 1, atol=1e-4)):
        raise ValueError(f"invalid probabilities of shape {array.shape}; expected (n, classes), rows sum to 1")
    return array
