"""Train the classifiers whose last hidden layers are the feature spaces, and store them in data/features/.

.venv/bin/python scripts/train_features.py [digits] [lenet]        # needs the full MNIST; minutes each on one core

They learn from one half of MNIST's training digits; references and floors are taken from the other half.
The same seed gives the same network up to the rounding of sums, which differs from machine to machine. So the stored
file is the one that scores refer to: after a new training its SHA-256 has to be entered in metrics/features.py.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np

from capsgan.data.datasets import load_dataset
from capsgan.metrics.features import ARCHITECTURES, FEATURES, build_classifier, draw_weights, read_images
from capsgan.metrics.real_images import POOL
from capsgan.paths import write_atomically

BATCH = 128


def main():
    """Train the networks that are named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=" | ".join(ARCHITECTURES))
    names = parser.parse_args().names or list(ARCHITECTURES)
    unknown = sorted(set(names) - set(ARCHITECTURES))
    if unknown:
        parser.error(f"invalid name {unknown[0]!r}; expected {' | '.join(ARCHITECTURES)}")
    for name in names:
        train(name)


def feature_training_digits():
    """The digits that the feature networks learn from: MNIST's training split from the 30,001st on."""
    training = load_dataset("mnist")
    return training.take(np.arange(POOL, len(training)))


def train(name: str):
    """Train one network, round its weights to float16, measure it on the 10,000 test digits, store it."""
    digits, test, architecture = feature_training_digits(), load_dataset("mnist", "test"), ARCHITECTURES[name]
    keras.utils.set_random_seed(architecture.seed)
    model = build_classifier(name)
    model.set_weights(draw_weights(model, architecture.seed))
    classifier = keras.Model(model.input, model.outputs[1])
    rate = keras.optimizers.schedules.CosineDecay(2e-3, architecture.epochs * (len(digits) // BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    for epoch in range(architecture.epochs):
        rng = np.random.Generator(np.random.Philox(key=[architecture.seed, epoch]))
        order = rng.permutation(len(digits))[: len(digits) // BATCH * BATCH]
        images = distort(digits.images[order], rng)
        answer = classifier.fit(images, digits.labels[order], BATCH, shuffle=False, verbose=0)
        print(f"{name}: epoch {epoch + 1}: training accuracy {answer.history['accuracy'][0]:.4f}", flush=True)

    scale_features(model, digits.images)
    weights = [weight.astype("float16") for weight in model.get_weights()]
    classifier.set_weights([weight.astype("float32") for weight in weights])
    _, accuracy = classifier.evaluate(test.images / np.float32(255), test.labels, 500, verbose=0)
    path = FEATURES / f"{name}.npz"
    write_atomically(path, lambda file: np.savez_compressed(file, *weights))
    card = {
        "test_accuracy": round(accuracy, 5),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "parameters": model.count_params(),
        "seed": architecture.seed,
        "epochs": architecture.epochs,
        "training_data": {"name": "mnist", "split": "train", "from": POOL, "sha256": digits.sha256},
        "test_data": {"name": "mnist", "split": "test", "sha256": test.sha256},
        "backend": keras.backend.backend(),
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "numpy", "tensorflow")},
        "python": platform.python_version(),
    }
    write_atomically(path.with_suffix(".json"), lambda file: file.write(json.dumps(card, indent=2).encode() + b"\n"))
    print(
        f"{name}: test accuracy {accuracy:.2%}; {path.stat().st_size / 1e6:.2f} MB; sha256 {card['sha256']}", flush=True
    )


def scale_features(model: keras.Model, images: np.ndarray):
    """Bring the mean square of the features to 1, as KID's kernel expects; the logits stay as they are."""
    size = float(np.sqrt(np.square(read_images(model, images)[0]).mean()))
    features, logits = model.get_layer("features"), model.get_layer("logits")
    features.set_weights([weight / size for weight in features.get_weights()])
    kernel, bias = logits.get_weights()
    logits.set_weights([kernel * size, bias])


def distort(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uint8 [n, 28, 28, 1] → float32 in [0, 1], each turned, scaled and moved a little: by ±12°, ±10 %, ±2 pixels."""
    angles, scales = rng.uniform(-12, 12, len(images)), rng.uniform(0.9, 1.1, len(images))
    moves = rng.uniform(-2, 2, (len(images), 2))
    distorted = np.empty(images.shape, "float32")
    for row, image in enumerate(images):
        matrix = cv2.getRotationMatrix2D((13.5, 13.5), angles[row], scales[row])
        matrix[:, 2] += moves[row]
        distorted[row, ..., 0] = cv2.warpAffine(image[..., 0], matrix, (28, 28)) / np.float32(255)
    return distorted


if __name__ == "__main__":
    main()
