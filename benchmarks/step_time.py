"""Time of one training step: ours against a plain Keras-GAN-style loop, interleaved in one process.

    .venv/bin/python benchmarks/step_time.py [--steps 15] [--width 1.0] [--precisions float32,mixed_bfloat16]

Both sides train DCGAN at 28×28×1 with batches of 32: the discriminator on 16 real images, then on 16 generated ones,
the generator on 32 latents. The plain side is what Keras-GAN does, brought to Keras 3: ``predict`` for the generated
images, ``train_on_batch`` for the discriminator twice and for the stack of both networks once, UpSampling2D and Conv2D
apart. (Keras 3 reads ``trainable`` when a function is traced, so the flag is turned before each call.)
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
from keras import layers

from capsgan.config import DISCRIMINATORS, PRECISIONS, RunConfig
from capsgan.datasets import load_dataset
from capsgan.engines import get_engine
from capsgan.gans import build_gan
from capsgan.networks import MOMENTUM, build_discriminator

BATCH = 32


def plain_generator() -> keras.Model:
    """Keras-GAN's generator at 28×28×1, layer by layer."""
    model = keras.Sequential([keras.Input((100,)), layers.Dense(6272, activation="relu"), layers.Reshape((7, 7, 128))])
    for filters in (128, 64):
        model.add(layers.BatchNormalization(momentum=MOMENTUM))
        model.add(layers.UpSampling2D())
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    model.add(layers.BatchNormalization(momentum=MOMENTUM))
    model.add(layers.Conv2D(1, 3, padding="same"))
    model.add(layers.Activation("tanh", dtype="float32"))
    return model


def plain_loop(discriminator_name: str, width: float, precision: str, images: np.ndarray):
    """A function that does one step the Keras-GAN way."""
    keras.config.set_dtype_policy(precision)
    generator, discriminator = plain_generator(), build_discriminator(discriminator_name, width=width)
    keras.config.set_dtype_policy("float32")
    latent = keras.Input((100,))
    stack = keras.Model(latent, discriminator(generator(latent)))
    for model in (discriminator, stack):
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), loss, metrics=["accuracy"])
    half = BATCH // 2
    rng = np.random.default_rng(0)

    def step():
        real = images[rng.integers(0, len(images), half)] / np.float32(127.5) - 1
        fake = generator.predict(rng.standard_normal((half, 100), "float32"), verbose=0)
        discriminator.trainable = True
        discriminator.train_on_batch(real, np.ones((half, 1), "float32"))
        discriminator.train_on_batch(fake, np.zeros((half, 1), "float32"))
        discriminator.trainable = False
        stack.train_on_batch(rng.standard_normal((BATCH, 100), "float32"), np.ones((BATCH, 1), "float32"))

    return step


def our_loop(discriminator_name: str, width: float, precision: str, dataset):
    """A function that does one step as ``capsgan.train`` does it."""
    config = RunConfig("dcgan", discriminator_name, batch_size=BATCH, width=width, precision=precision)
    gan = build_gan(config, dataset.image_shape)
    compiled = get_engine().compile_step(gan, dataset.images, dataset.labels)
    steps = iter(range(1, 10**9))
    return lambda: compiled(gan.draw_batch(next(steps), len(dataset)))


def compare(discriminator_name: str, width: float, precision: str, steps: int, dataset) -> dict:
    """Median milliseconds of both loops, run in turns, and their ratio."""
    loops = {
        "plain": plain_loop(discriminator_name, width, precision, dataset.images),
        "ours": our_loop(discriminator_name, width, precision, dataset),
    }
    times = {name: [] for name in loops}
    for turn in range(steps + 3):  # the first three compile and warm up
        for name, loop in loops.items():
            begin = time.perf_counter()
            loop()
            if turn >= 3:
                times[name].append(1000 * (time.perf_counter() - begin))
    plain, ours = np.median(times["plain"]), np.median(times["ours"])
    row = {"discriminator": discriminator_name, "precision": precision, "plain_ms": plain, "ours_ms": ours}
    return row | {"ratio": plain / ours}


def main():
    """Compare both discriminators at every precision and print a table."""
    parser = argparse.ArgumentParser(description="Our step against a plain Keras-GAN-style loop.")
    parser.add_argument("--steps", type=int, default=15, help="timed steps of each loop")
    parser.add_argument("--width", type=float, default=1.0, help="of the Caps trunk")
    parser.add_argument("--precisions", default="float32,mixed_bfloat16", help=" | ".join(PRECISIONS))
    options = parser.parse_args()
    dataset = load_dataset("mnist5k")
    rows = [
        compare(name, options.width, precision, options.steps, dataset)
        for precision in options.precisions.split(",")
        for name in DISCRIMINATORS
    ]
    print(f"DCGAN, 28×28×1, batch {BATCH} in halves, Caps width {options.width:g}, {os.cpu_count()} CPUs, medians")
    print(pd.DataFrame(rows).round({"plain_ms": 1, "ours_ms": 1, "ratio": 2}).to_string(index=False))


if __name__ == "__main__":
    main()
