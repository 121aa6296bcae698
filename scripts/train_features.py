"""Train the classifier whose last hidden layer is the feature space "digits", and store it in data/features/.

.venv/bin/python scripts/train_features.py        # needs the full MNIST; about 15 minutes on 2 cores

The same seed gives the same network up to the rounding of sums, which differs from machine to machine. So the stored
file is the one that scores refer to: after a new training its SHA-256 has to be entered in evaluation/features.py.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np

from capsgan.checkpoints import write_atomically
from capsgan.datasets import load_dataset
from capsgan.evaluation.features import DIGITS, build_classifier, draw_weights, run_in_chunks

SEED = 0
EPOCHS = 16
BATCH = 128


def main():
    """Train, round the weights to float16, measure on the 10,000 test digits, store."""
    train, test = load_dataset("mnist", "train"), load_dataset("mnist", "test")
    keras.utils.set_random_seed(SEED)
    model = build_classifier()
    model.set_weights(draw_weights(model, SEED))
    classifier = keras.Model(model.input, model.outputs[1])
    rate = keras.optimizers.schedules.CosineDecay(1e-3, EPOCHS * (len(train) // BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    for epoch in range(EPOCHS):
        rng = np.random.Generator(np.random.Philox(key=[SEED, epoch]))
        order = rng.permutation(len(train))[: len(train) // BATCH * BATCH]
        images = distort(train.images[order], rng)
        answer = classifier.fit(images, train.labels[order], BATCH, shuffle=False, verbose=0)
        print(f"epoch {epoch + 1}: training accuracy {answer.history['accuracy'][0]:.4f}", flush=True)

    scale_features(model, train.images)
    weights = [weight.astype("float16") for weight in model.get_weights()]
    classifier.set_weights([weight.astype("float32") for weight in weights])
    _, accuracy = classifier.evaluate(test.images / np.float32(255), test.labels, 500, verbose=0)
    write_atomically(DIGITS, lambda file: np.savez_compressed(file, *weights))
    digest = hashlib.sha256(DIGITS.read_bytes()).hexdigest()
    card = {
        "test_accuracy": round(accuracy, 5),
        "sha256": digest,
        "parameters": model.count_params(),
        "seed": SEED,
        "epochs": EPOCHS,
        "training_data": {"name": "mnist", "split": "train", "sha256": train.sha256},
        "test_data": {"name": "mnist", "split": "test", "sha256": test.sha256},
        "backend": keras.backend.backend(),
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "numpy", "tensorflow")},
        "python": platform.python_version(),
    }
    write_atomically(DIGITS.with_suffix(".json"), lambda file: file.write(json.dumps(card, indent=2).encode() + b"\n"))
    print(f"test accuracy {accuracy:.2%}; {DIGITS.stat().st_size / 1e6:.2f} MB; DIGITS_SHA256 = {digest!r}")


def scale_features(model: keras.Model, images: np.ndarray):
    """Bring the mean square of the features to 1, as KID's kernel expects; the logits stay as they are."""
    size = float(np.sqrt(np.square(run_in_chunks(model, images)[0]).mean()))
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
