"""Search the latent in four stages, print what each gains and where the generator itself ends; write a table.

.venv/bin/python scripts/compare_search.py cartoon cartoon-dcgan-caps

1. An encoder, trained on the generator's own images with random holes, guesses the latent: a start.
2. Adam moves the latent (Yeh et al. 2017), from random starts as ``capsgan regenerate`` does, or from the encoder's.
3. Adam moves the activations behind the generator's first layer, held near their start.
4. The generator's weights are tuned on the known pixels of each image (pivotal tuning, Roich et al. 2021,
   arXiv:2106.05744).

A completion network, which searches nothing, may be named too, for comparison on the same images. The same with nothing
hidden is the ceiling: what the same search reaches if it sees everything.
"""

import argparse
import os
import sys
import time
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
from compare_completion import METRICS, describe, score
from compare_regeneration import write_scores
from keras import layers, ops
from tqdm import tqdm

import capsgan
from capsgan.data.holes import make_masks, training_masks
from capsgan.data.listing import is_folder, safe_name
from capsgan.data.pixels import to_float, to_uint8
from capsgan.engines import get_engine
from capsgan.gans.sampling import generate_images
from capsgan.regeneration.blending import blend
from capsgan.regeneration.degradations import Inpainting
from capsgan.regeneration.latent_search import LatentSearch, SearchOptions
from capsgan.regeneration.masks import context_weights, hide
from capsgan.regeneration.reconstruction import complete, regenerate
from capsgan.runs.provenance import cpu_model
from capsgan.study.results import RESULTS

KINDS = ("centre", "strokes")
BATCH = 32  # of the encoder's training


def main() -> int:
    """Train the encoder, search, score, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", help="cartoon | folder:PATH")
    parser.add_argument(
        "networks", nargs="+", help="pretrained networks that generate, or that complete, for comparison"
    )
    parser.add_argument("--images", type=int, default=16, help="held-out images (default: 16)")
    parser.add_argument("--encoder-steps", type=int, default=1500, help=f"of {BATCH} images (default: 1500)")
    parser.add_argument("--tuning-steps", type=int, default=60, help="of the generator, for each image (default: 60)")
    options = parser.parse_args()

    path = RESULTS / f"search_{safe_name(options.dataset) if is_folder(options.dataset) else options.dataset}.csv"
    held_out = capsgan.load_dataset(options.dataset, "test").images
    truth = held_out[np.sort(np.random.default_rng(0).permutation(len(held_out))[: options.images])]
    rows = []
    for name in options.networks:
        gan = capsgan.load_pretrained(name).gan
        encoder = None if gan.conditional else train_encoder(gan, options.encoder_steps)
        for kind in KINDS:
            masks = make_masks(kind, len(truth), truth.shape[1:3], seed=1)
            for hidden in (True,) if gan.conditional else (True, False):
                seen, before = masks if hidden else np.ones_like(masks), None
                stages = search_in_stages(gan, encoder, truth, seen, options.tuning_steps)
                for stage, (images, seconds) in stages.items():
                    filled = blend(hide(truth, masks), images, masks) if hidden else images
                    values = score(truth, filled, masks)
                    gains = np.full_like(values, np.nan) if before is None else values - before
                    for metric, column, gain in zip(METRICS, values.T, map(describe, gains.T), strict=True):
                        what = name, kind, stage, "hole" if hidden else "nothing", metric
                        rows.append((*what, *describe(column), *gain, seconds))
                    print(*rows[-3][:6], "gain", *np.round(rows[-3][8:11], 2), flush=True)
                    before = values
    columns = ["network", "mask", "stage", "hidden", "metric", "mean", "low", "high", "gain", "gain_low", "gain_high"]
    table = pd.DataFrame(rows, columns=[*columns, "seconds"])
    table = table.assign(images=len(truth), cpu=cpu_model())
    if path.exists():  # networks that were searched before
        before = pd.read_csv(path)
        table = pd.concat([before[~before.network.isin(options.networks)], table])
    write_scores(table, "search", options.dataset)
    return 0


STAGES = ("latent, random starts", "encoder alone", "latent", "activations", "weights")


def search_in_stages(gan, encoder, truth, masks, tuning_steps) -> dict:
    """Stage → (images, uint8 [n, height, width, channels], seconds an image so far)."""
    observed, weights = np.array(to_float(hide(truth, masks))), context_weights(masks)
    if masks.all():
        weights = np.ones_like(weights)
    found, begin = {}, time.perf_counter()
    if gan.conditional:  # nothing is searched
        images = complete(gan, hide(truth, masks), masks).unblended
        return {"completion network": (images, (time.perf_counter() - begin) / len(truth))}

    def note(stage, images):
        found[stage] = to_uint8(images), (time.perf_counter() - begin) / len(truth)

    if masks.all():
        codes = random_search(gan, observed, weights)
    else:
        codes = regenerate(gan, hide(truth, masks), masks, prior=0, progress=False).codes
    note(STAGES[0], generate_images(gan, codes))
    begin = time.perf_counter()
    start = np.array(encoder([observed * masks[..., None], masks[..., None].astype("float32")], training=False))
    note(STAGES[1], generate_images(gan, {"noise": start}))
    search = LatentSearch(gan, Inpainting(), None, SearchOptions(restarts=1, prior=0.0))
    with tqdm(disable=True) as bar:
        _, codes, _ = search({"noise": start}, observed, weights, bar)
    note(STAGES[2], generate_images(gan, codes))
    first, rest = split(gan.generator)
    pivot = ops.convert_to_numpy(first([codes["noise"]]))
    activations = move_activations(rest, pivot, observed, weights)
    note(STAGES[3], np.array(rest(activations, training=False)))
    note(STAGES[4], tune(rest, activations, observed, weights, tuning_steps))
    return found


def random_search(gan, observed, weights, restarts=8):
    """As ``regenerate`` searches, with nothing hidden: codes of the best restarts."""
    rng = np.random.default_rng(0)
    search = LatentSearch(gan, Inpainting(), None, SearchOptions(restarts=restarts, prior=0.0))
    starts = gan.sample_codes(rng, restarts * len(observed))
    with tqdm(disable=True) as bar:
        rows = search(starts, observed.repeat(restarts, 0), weights.repeat(restarts, 0), bar)
    best = rows[0][-1, 0].reshape(-1, restarts).argmin(axis=1) + np.arange(len(observed)) * restarts
    return {name: array[best] for name, array in rows[1].items()}


def train_encoder(gan, steps) -> keras.Model:
    """A CNN that guesses the latent of the generator's images behind random holes."""
    size = gan.image_shape[0]
    image, mask = keras.Input(gan.image_shape), keras.Input((size, size, 1))
    x = layers.Concatenate()([image, mask])
    for filters in (32, 64, 128, 128):
        x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(layers.Conv2D(filters, 4, 2, padding="same")(x)))
    x = layers.LeakyReLU(0.2)(layers.Dense(512)(layers.Flatten()(x)))
    encoder = keras.Model([image, mask], layers.Dense(gan.noise_dim)(x))
    encoder.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)), "mse")
    rng = np.random.default_rng(0)
    losses = []
    for _ in tqdm(range(steps), "encoder", leave=False):
        codes = gan.sample_codes(rng, BATCH)
        masks = training_masks(rng, BATCH, gan.image_shape[:2])
        images = np.array(gan.generator(codes["noise"], training=False))
        losses.append(encoder.train_on_batch([images * masks, masks], codes["noise"]))
    print(f"encoder: mean squared error of the latent {np.mean(losses[-50:]):.2f}; 1 is a guess of nothing")
    return encoder


def split(generator):
    """The generator as two models: latent → activations, activations → images."""
    place = next(n for n, layer in enumerate(generator.layers) if isinstance(layer, layers.Reshape))
    first = keras.Model(generator.inputs, generator.layers[place].output)
    x = inner = keras.Input(first.output_shape[1:])
    for layer in generator.layers[place + 1 :]:
        x = layer(x)
    return first, keras.Model(inner, x)


def move_activations(rest, pivot, observed, weights, steps=150, rate=0.1, penalty=0.002):
    """Adam on the activations, with a penalty of their mean squared distance from where they began.

    ``rate`` and that distance are in standard deviations of the activations.
    """
    variable = keras.Variable(pivot)
    scale = float(pivot.std())

    def loss(start, image, weight):
        images = rest(variable.value, training=False)
        error = ops.sum(ops.mean(weight * ops.abs(images - image), axis=-1), axis=(1, 2)) / ops.sum(
            weight, axis=(1, 2, 3)
        )
        away = ops.mean(ops.square((variable.value - start) / scale), axis=(1, 2, 3))
        total = ops.sum(error + penalty * away)
        return total, error

    descend([variable], loss, (pivot, observed, weights), steps, rate * scale)
    return ops.convert_to_numpy(variable.value)


def tune(rest, activations, observed, weights, steps, rate=5e-4) -> np.ndarray:
    """Each image with weights of its own, tuned on its known pixels: float32 [n, height, width, channels]."""
    before, images = rest.get_weights(), []

    def loss(start, image, weight):
        painted = rest(start, training=False)
        error = ops.sum(ops.mean(weight * ops.abs(painted - image), axis=-1)) / ops.sum(weight)
        return error, painted

    play = prepare(rest.trainable_variables, loss, steps, rate)
    for number in range(len(observed)):
        rest.set_weights(before)
        play([array[number : number + 1] for array in (activations, observed, weights)])
        images.append(np.array(rest(activations[number : number + 1], training=False)))
    rest.set_weights(before)
    return np.concatenate(images)


def descend(variables, loss, data, steps, rate):
    """Adam with a cosine schedule on the variables, in place."""
    prepare(variables, loss, steps, rate)(data)


def prepare(variables, loss, steps, rate):
    """A function of the data that moves the variables by ``steps`` steps, compiled once."""
    player = SimpleNamespace(trainable_variables=list(variables))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.05))
    optimizer.build(player.trainable_variables)
    fresh = [ops.convert_to_numpy(variable).copy() for variable in optimizer.variables]

    def play(update, data, item):
        return (update(player, optimizer, loss, *data)[0],)

    run = get_engine().compile_steps(play, [*variables, *optimizer.variables])

    def descend(data):
        for variable, value in zip(optimizer.variables, fresh, strict=True):
            variable.assign(value)
        for step in range(steps):
            run([ops.convert_to_tensor(array) for array in data], [np.int32(step)])

    return descend


if __name__ == "__main__":
    sys.exit(main())
