"""Time of one training step of DCGAN at 28×28×1: ours on each backend, against loops that others write.

    .venv/bin/python benchmarks/step_time.py [--backends tensorflow,jax,torch] [--precisions float32,mixed_bfloat16]
        [--discriminators cnn,caps] [--width 1.0] [--batch 32] [--steps 15] [--device cpu] [--save FILE.csv]

All loops do the same work: the discriminator on half a batch of real images, then on half a batch of generated ones,
the generator on a batch of latents. The rivals of one backend run in its process, in turns with ours:

- tensorflow, ``train_on_batch``: Keras-GAN's loop brought to Keras 3, with ``predict`` for the generated images,
  UpSampling2D and Conv2D apart. (Keras 3 reads ``trainable`` when a function is traced: it is set before each call.)
- torch, ``eager`` and ``torch.compile``: the loop of benchmarks/plain_torch.py.
- jax, ``scan``: ours with ``--steps-per-call`` steps a call; with ``--direct`` PrimaryCaps' convolution as it stands
  (half a minute a step on a CPU).

``of_ceiling`` is the step's arithmetic a second as a share of the device's own rate for a product of two matrices,
taken in the same process at the same precision. Convolutions and dense layers are counted as in the thesis, forward
once and backward twice (once where only inputs need a gradient).
"""

import argparse
import io
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd

SIZE = 2048  # of the matrices


def main():
    """Measure each backend in a process of its own and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", default="tensorflow,jax,torch", help="tensorflow,jax,torch")
    parser.add_argument("--precisions", default="float32,mixed_bfloat16", help="float32,mixed_bfloat16")
    parser.add_argument("--discriminators", default="cnn,caps", help="cnn,caps")
    parser.add_argument("--width", type=float, default=1.0, help="of the Caps trunk")
    parser.add_argument("--batch", type=int, default=32, help="latents of a generator's update")
    parser.add_argument("--steps", type=int, default=15, help="timed steps of each loop")
    parser.add_argument("--steps-per-call", type=int, default=10, help="of jax's scan")
    parser.add_argument("--device", default="auto", help="auto | cpu | gpu")
    parser.add_argument("--direct", action="store_true", help="jax: also with PrimaryCaps' convolution as it stands")
    parser.add_argument("--save", metavar="FILE", help="write the table there too, as CSV")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_this_process:
        print(pd.DataFrame(measure(options)).to_csv(index=False))
        return
    tables = []
    for backend in options.backends.split(","):
        command = [sys.executable, __file__, *sys.argv[1:], "--in-this-process"]
        variables = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        text = subprocess.run(command, env=variables, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        tables.append(pd.read_csv(io.StringIO(text)))
    table = pd.concat(tables)
    scale = f"batch {options.batch} in halves, Caps width {options.width:g}, {os.cpu_count()} CPUs"
    print(f"DCGAN, 28×28×1, {scale}, medians")
    print(table.to_string(index=False, float_format="{:.2f}".format))
    if options.save:
        table.to_csv(options.save, index=False, float_format="%.4g")


def measure(options) -> list[dict]:
    """The rows of this process's backend."""
    import keras

    from capsgan.data.datasets import load_dataset
    from capsgan.engines import check_device

    dataset, rows, device = load_dataset("mnist5k"), [], check_device(options.device)
    with keras.device(device):
        for precision in options.precisions.split(","):
            ceiling = matrix_rate(precision)
            for trunk in options.discriminators.split(","):
                loops, work = rivals(trunk, precision, dataset, device, options)
                times = in_turns(loops, options.steps)
                for name, seconds in times.items():
                    row = {"backend": keras.backend.backend(), "loop": name, "precision": precision, "trunk": trunk}
                    row |= {"ms": 1000 * seconds, "ours_is_faster": seconds / times["ours"]}
                    rows.append(row | {"of_ceiling": work / seconds / ceiling, "ceiling_gflops": ceiling / 1e9})
    return rows


def in_turns(loops: dict, steps: int) -> dict[str, float]:
    """Median seconds a step of each loop; a loop answers how many steps it did."""
    times = {name: [] for name in loops}
    for turn in range(steps + 3):  # the first three compile and warm up
        for name, loop in loops.items():
            begin = time.perf_counter()
            done = loop() or 1
            if turn >= 3:
                times[name].append((time.perf_counter() - begin) / done)
    return {name: float(np.median(seconds)) for name, seconds in times.items()}


def rivals(trunk: str, precision: str, dataset, device: str, options) -> tuple[dict, float]:
    """The loops of this process's backend by name, ours first; and the arithmetic of one step in FLOP."""
    import keras

    from capsgan import engines
    from capsgan.networks.inspection import multiply_adds

    engine, width, batch = engines.get_engine(), options.width, options.batch
    ours, gan = our_loop(trunk, precision, dataset, options)
    d, g = multiply_adds(gan.discriminator), multiply_adds(gan.generator)
    loops = {"ours": ours}
    if keras.backend.backend() == "tensorflow":
        loops["train_on_batch"] = keras_loop(trunk, width, precision, dataset.images, batch)
    if keras.backend.backend() == "torch":
        import plain_torch

        name = "cuda" if device.startswith("gpu") else "cpu"
        for compiled in (False, True):
            plain = plain_torch.loop(trunk, width, precision, dataset.images, batch, name, compiled)
            loops["torch.compile" if compiled else "eager"] = plain
    if keras.backend.backend() == "jax":
        loops["scan"], _ = our_loop(trunk, precision, dataset, options, options.steps_per_call)
        if trunk == "caps" and options.direct:
            form = engine.convolve
            engine.convolve = lambda x, kernel, strides: keras.ops.conv(x, kernel, strides)
            loops["direct"], _ = our_loop(trunk, precision, dataset, options)
            loops["direct"]()  # traced now, with the other form
            engine.convolve = form
    return loops, 2 * batch * (3 * d + g / 2 + 3 * g + 2 * d)


def our_loop(trunk: str, precision: str, dataset, options, steps_per_call: int = 1):
    """Steps as ``capsgan.train`` does them, and the GAN."""
    from capsgan.config import RunConfig
    from capsgan.gans import build_gan
    from capsgan.training.step import compile_step

    config = RunConfig("dcgan", trunk, batch_size=options.batch, width=options.width, precision=precision)
    gan = build_gan(config, dataset.image_shape)
    compiled = compile_step(gan, dataset.images, dataset.labels, steps_per_call)
    numbers = iter(range(1, 10**9))

    def step():
        compiled([gan.draw_batch(next(numbers), len(dataset)) for _ in range(steps_per_call)])
        return steps_per_call

    return step, gan


def keras_loop(trunk: str, width: float, precision: str, images: np.ndarray, batch: int):
    """A step the Keras-GAN way."""
    import keras
    from keras import layers

    from capsgan.networks.discriminators import build_discriminator
    from capsgan.networks.layers import batch_normalization

    keras.config.set_dtype_policy(precision)
    discriminator = build_discriminator(trunk, width=width)
    generator = keras.Sequential([keras.Input((100,)), layers.Dense(6272, activation="relu")])
    generator.add(layers.Reshape((7, 7, 128)))
    for filters in (128, 64):
        generator.add(batch_normalization())
        generator.add(layers.UpSampling2D())
        generator.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    generator.add(batch_normalization())
    generator.add(layers.Conv2D(1, 3, padding="same"))
    generator.add(layers.Activation("tanh", dtype="float32"))
    keras.config.set_dtype_policy("float32")
    latent = keras.Input((100,))
    stack = keras.Model(latent, discriminator(generator(latent)))
    for model in (discriminator, stack):
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), loss, metrics=["accuracy"])
    half, rng = batch // 2, np.random.default_rng(0)

    def step():
        real = images[rng.integers(0, len(images), half)] / np.float32(127.5) - 1
        fake = generator.predict(rng.standard_normal((half, 100), "float32"), verbose=0)
        discriminator.trainable = True
        discriminator.train_on_batch(real, np.ones((half, 1), "float32"))
        discriminator.train_on_batch(fake, np.zeros((half, 1), "float32"))
        discriminator.trainable = False
        stack.train_on_batch(rng.standard_normal((batch, 100), "float32"), np.ones((batch, 1), "float32"))

    return step


def matrix_rate(precision: str) -> float:
    """FLOP a second of a product of two 2,048 × 2,048 matrices, the best of ten."""
    from keras import ops

    kind = "bfloat16" if precision == "mixed_bfloat16" else "float16" if precision == "mixed_float16" else "float32"
    a = ops.cast(np.random.default_rng(0).standard_normal((SIZE, SIZE), "float32"), kind)
    best = np.inf
    for _ in range(10):
        begin = time.perf_counter()
        np.asarray(ops.convert_to_numpy(ops.matmul(a, a)[:1, :1]))
        best = min(best, time.perf_counter() - begin)
    return 2 * SIZE**3 / best


if __name__ == "__main__":
    main()
