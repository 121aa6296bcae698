"""Time of one training step of DCGAN: ours on each backend, against loops that others write.

    .venv/bin/python benchmarks/step_time.py [--backends tensorflow,jax,torch] [--precisions float32,mixed_bfloat16]
        [--discriminators cnn,caps] [--width 1.0] [--sizes 28] [--batch 32] [--minutes 8] [--device cpu]
        [--save FILE.csv]

All loops do the same work: the discriminator on half a batch of real images, then on half a batch of generated ones,
the generator on a batch of latents. The other loops of one backend run in its process, in turns with ours:

- tensorflow, ``train_on_batch``: Keras-GAN's loop brought to Keras 3, with ``predict`` for the generated images,
  UpSampling2D and Conv2D apart. (Keras 3 reads ``trainable`` when a function is traced: it is set before each call.)
- torch, ``eager`` and ``torch.compile``: the loop of benchmarks/plain_torch.py, which says what it leaves undone.
- with ``--sizes 28,64`` also drawings of faces, in colour, and a step of the completion network: no other loop has one.
- jax, ``scan``: ours with ``--steps-per-call`` steps a call, a fifth of that for faces; with ``--direct`` PrimaryCaps'
  convolution as it stands (half a minute a step on a CPU).

A row is printed as soon as it is measured: the median of a loop's steps in milliseconds, and the median ratio to our
step of the same turn with its quartiles (above 1: ours is faster). What a backend refuses, such as JAX with capsules in
bfloat16 on a CPU, has no row but a line that says why. Run nothing else meanwhile.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

LEAST, MOST = 5, 40  # turns of each pair of loops
WARM_UP = 3  # turns before: they compile
ROW = (
    "{size:<4}{backend:11}{loop:15}{precision:15}{trunk:5}{ms:9.1f}  {ratio:5.2f}  ({ratio_low:.2f}, {ratio_high:.2f})"
)


def main():
    """Measure each backend in a process of its own; print every row at once, and write the table if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", default="tensorflow,jax,torch", help="tensorflow,jax,torch")
    parser.add_argument("--precisions", default="float32,mixed_bfloat16", help="float32,mixed_bfloat16")
    parser.add_argument("--discriminators", default="cnn,caps", help="cnn,caps")
    parser.add_argument("--width", type=float, default=1.0, help="of the Caps trunk")
    parser.add_argument("--sizes", default="28", help="28: digits; 64: drawings of faces, in colour; 28,64: both")
    parser.add_argument("--batch", type=int, default=32, help="latents of a generator's update")
    parser.add_argument("--minutes", type=float, default=8, help="for all that is timed (default: 8)")
    parser.add_argument("--steps-per-call", type=int, default=10, help="of jax's scan")
    parser.add_argument("--device", default="auto", help="auto | cpu | gpu")
    parser.add_argument("--direct", action="store_true", help="jax: also with PrimaryCaps' convolution as it stands")
    parser.add_argument(
        "--save", metavar="FILE", help="write the rows to this CSV too, in place of the device's earlier ones"
    )
    parser.add_argument("--in-this-process", dest="size", type=int, help=argparse.SUPPRESS)  # 28 or 64
    options = parser.parse_args()
    if options.size:
        measure(options)
        return
    print(f"DCGAN, batch {options.batch} in halves, Caps width {options.width:g}, {os.cpu_count()} CPUs")
    print("    backend    loop           precision      trunk      ms  ÷ ours  (quartiles)", flush=True)
    rows = []
    for size, backend in itertools.product(options.sizes.split(","), options.backends.split(",")):
        command = [sys.executable, __file__, *sys.argv[1:], "--in-this-process", size]
        variables = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, encoding="utf-8") as process:
            for line in process.stdout:
                found = json.loads(line) if line.startswith("{") else None
                shown = ROW if not found or found["loop"] != "completion" else ROW.split("  {ratio")[0]
                print(shown.format(**found) if found else line.rstrip(), flush=True)
                rows += [found] if found else []
    if options.save and rows:
        table = pd.DataFrame(rows)
        if Path(options.save).exists():  # rows of the other kind of device stay
            earlier = pd.read_csv(options.save)
            table = pd.concat([table, earlier[~earlier.device.isin(table.device)]])
        table.to_csv(options.save, index=False, float_format="%.4g")


def measure(options):
    """Print the rows of this process's backend, one JSON object per line."""
    import keras

    from capsgan.data.datasets import load_dataset
    from capsgan.engines import check_device
    from capsgan.runs.provenance import cpu_model, gpu_model
    from capsgan.training.pool import core_count

    backend, device = keras.backend.backend(), check_device(options.device)
    parts = [(p, t) for p in options.precisions.split(",") for t in options.discriminators.split(",")]
    groups = len(options.sizes.split(",")) * len(options.backends.split(",")) * len(parts)
    seconds = 60 * options.minutes / groups
    machine = {
        "device": device,
        "processor": gpu_model() if device.startswith("gpu") else cpu_model(),
        "threads": core_count(),
        "versions": f"{backend} {importlib.metadata.version(backend)}, keras {keras.__version__}",
    }
    print(", ".join(map(str, machine.values())), flush=True)
    dataset = load_dataset("mnist5k" if options.size == 28 else "cartoon")
    with keras.device(device):
        for precision, trunk in parts:
            where = {"backend": backend, "precision": precision, "trunk": trunk, "size": options.size}
            try:
                loops = baselines(trunk, precision, dataset, device, options)
            except ValueError as error:
                print(f"{backend} {precision} {trunk}: {error}", flush=True)
                continue
            times = in_turns(loops, seconds)
            for name, own in times.items():
                low, middle, high = np.quantile(own / times["ours"], (0.25, 0.5, 0.75))
                row = where | {"loop": name, "ms": 1000 * float(np.median(own)), "turns": len(own)}
                row |= {"ratio": middle, "ratio_low": low, "ratio_high": high} | machine
                print(json.dumps(row), flush=True)


def in_turns(loops: dict, seconds: float) -> dict[str, np.ndarray]:
    """Seconds per step of each loop in every turn, as many as the time allows; a loop answers how many steps it did."""
    times, begin = {name: [] for name in loops}, time.monotonic()
    for turn in range(WARM_UP + MOST):
        if turn >= WARM_UP + LEAST and time.monotonic() - begin > seconds:
            break
        for name, loop in loops.items():
            start = time.perf_counter()
            done = loop() or 1
            times[name] += [(time.perf_counter() - start) / done] if turn >= WARM_UP else []
    return {name: np.array(each) for name, each in times.items()}


def baselines(trunk: str, precision: str, dataset, device: str, options) -> dict:
    """The loops of this process's backend by name, ours first."""
    import keras

    from capsgan import engines

    engine, width, batch = engines.get_engine(), options.width, options.batch
    loops = {"ours": our_loop(trunk, precision, dataset, device, options)}
    if options.size == 64:
        loops["completion"] = our_loop(trunk, precision, dataset, device, options, gan="completion")
    if keras.backend.backend() == "tensorflow":
        loops["train_on_batch"] = keras_loop(trunk, width, precision, dataset.images, batch)
    if keras.backend.backend() == "torch":
        import plain_torch

        name = "cuda" if device.startswith("gpu") else "cpu"
        for compiled in (False, True):
            plain = plain_torch.loop(trunk, width, precision, dataset.images, batch, name, compiled)
            loops["torch.compile" if compiled else "eager"] = plain
    if keras.backend.backend() == "jax":
        steps = options.steps_per_call if options.size == 28 else max(1, options.steps_per_call // 5)
        loops["scan"] = our_loop(trunk, precision, dataset, device, options, steps)
        if trunk == "caps" and options.direct:
            form = engine.convolve
            engine.convolve = keras.ops.conv
            loops["direct"] = our_loop(trunk, precision, dataset, device, options)
            loops["direct"]()  # traced now, with the other form
            engine.convolve = form
    return loops


def our_loop(trunk: str, precision: str, dataset, device: str, options, steps_per_call: int = 1, gan: str = "dcgan"):
    """Steps as ``capsgan.train`` does them."""
    from capsgan.config import RunConfig
    from capsgan.engines import get_engine
    from capsgan.gans import build_gan
    from capsgan.training.step import compile_step

    scale = {"batch_size": options.batch, "width": options.width, "precision": precision}
    config = RunConfig(gan, trunk, "mnist5k" if options.size == 28 else "cartoon", **scale)
    getattr(get_engine(), "check_run", lambda *_: None)(config, device)
    network = build_gan(config, dataset.image_shape)
    compiled = compile_step(network, dataset.images, dataset.labels, steps_per_call)
    numbers = iter(range(1, 10**9))

    def step():
        compiled([network.draw_batch(next(numbers), len(dataset)) for _ in range(steps_per_call)])
        return steps_per_call

    return step


def keras_loop(trunk: str, width: float, precision: str, images: np.ndarray, batch: int):
    """A step the Keras-GAN way."""
    import keras
    from keras import layers

    from capsgan.networks.discriminators import build_discriminator
    from capsgan.networks.layers import batch_normalization

    keras.config.set_dtype_policy(precision)
    size, channels = images.shape[2:]
    discriminator, base = build_discriminator(trunk, images.shape[1:], width=width), 7 if size == 28 else 8
    generator = keras.Sequential([keras.Input((100,)), layers.Dense(128 * base**2, activation="relu")])
    generator.add(layers.Reshape((base, base, 128)))
    for filters in (128, 64) if size == 28 else (128, 64, 32):
        generator.add(batch_normalization())
        generator.add(layers.UpSampling2D())
        generator.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    generator.add(batch_normalization())
    generator.add(layers.Conv2D(channels, 3, padding="same"))
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


if __name__ == "__main__":
    main()
