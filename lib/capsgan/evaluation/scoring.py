"""All metrics at once: of two stacks of images, or of a run. Each number stands beside the one that real images get."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from copy import copy

import keras
import numpy as np
from tqdm import tqdm

from ..checkpoints import write_atomically
from ..comparison import row as comparison_row
from ..datasets import load_dataset
from ..images import to_uint8
from ..inspection import training_megabytes
from ..provenance import source_commit
from ..reference import ReferenceRun
from ..runs import Run
from ..sampling import choose_codes, generate_images
from .classes import classification_accuracy, match_codes
from .curves import curve_numbers
from .distances import frechet_distance_infinity
from .features import DIGITS_SHAPE, DIMENSIONS, SPACES, load_features
from .measures import LEAST, measure, stages
from .neighbours import memorisation
from .orientation import probes, transformation_orders
from .overfitting import overfitting
from .sharpness import sharpness

PROBED = 2000  # training images that a probe of the discriminator's layers learns from
ORIENTED = 2000  # held-out images that the discriminator is shown turned, shifted and scrambled
SNAPSHOT_SAMPLES = 1500  # of each: the finished generator has as many as are asked for


def score(
    generated: np.ndarray,
    real: np.ndarray,
    *,
    control: np.ndarray | None = None,
    spaces: tuple[str, ...] = SPACES,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, dict[str, dict]]:
    """Compare generated with real images.

    FID and its kind depend on the number of samples and on the feature space: read a value beside its floor, and
    compare values of the same space, numbers and real images only. None is comparable with a FID on the features of
    ImageNet's Inception.

    Args:
        generated: uint8 [n, height, width, channels], n ≥ 256.
        real: uint8 [m, height, width, channels], m > 64: what they are compared with.
        control: uint8 [≥ 256, height, width, channels], other real images, best as many as there are generated ones and
            as mixed: ``mnist5k`` stands class by class, so that its first thousand would be zeros and ones only. The
            floor is what they get in place of the generated images. None: ``real`` is halved at random, and the floor
            is what one half gets against the other: with half the samples, so that a FID's bias is about twice as large
            there (m ≥ 512 then).
        spaces: some of ``digits`` and ``random``, see :func:`~capsgan.evaluation.features.load_features`.
        seed: of all random choices.
        progress: whether to show a progress bar on standard error.

    Returns:
        By feature space, then by metric, ``{"value": …, "floor": …}``: numbers but for ``class_histogram``, a list of
        ten. Metrics: ``fid``, ``fid_infinity``, ``kid`` with its standard error ``kid_error`` (lower is better),
        ``precision``, ``recall``, ``density``, ``coverage`` (higher); in the space ``digits`` those of
        :func:`~capsgan.evaluation.classes.class_metrics` too.

    Raises:
        ValueError: wrong dtype, unequal image shapes, too few samples, an unknown space, or features not finite.
    """
    metrics = {}
    _play(measure(metrics, generated, real, control, spaces, seed), stages(spaces), "score", progress)
    return metrics


def evaluate(run: Run, samples: int = 10_000, *, seed: int = 0, progress: bool = True) -> dict:
    """Generate images with a trained run, score them, and write ``metrics.json`` beside the run.

    The real images are the held-out ones, all of them: 10,000 of ``mnist``, 1,000 of ``mnist5k``. The floor is what as
    many images of the training split get, so that it and the value have equal sample sizes; hence no more images are
    generated than the training split has (4,000 of ``mnist5k``). Of only 1,000 held-out images a FID has a bias that
    FID∞ does not remove: it is in the floor too, and the same for all runs on ``mnist5k``. The network behind
    ``digits`` was trained on MNIST's training split, to which all of ``mnist5k`` belongs, its held-out images too.

    Args:
        run: finished; of a reference run without a discriminator what needs one is left out.
        samples: how many images, 256 or more.
        seed: of the latents and of all random choices.
        progress: whether to show a progress bar on standard error.

    Returns:
        What ``metrics.json`` holds. ``metrics``: those of :func:`score`, and under ``pixels`` those of
        :func:`~capsgan.evaluation.neighbours.memorisation` and, for a GAN with classes, ``classification_accuracy``
        (trained on generated, its floor on as many real images); ``label_accuracy`` under ``digits`` (the share
        classified as what was asked for); under ``discriminator`` those of
        :func:`~capsgan.evaluation.overfitting.overfitting` and of :mod:`capsgan.evaluation.orientation`; under
        ``training`` those of :func:`~capsgan.evaluation.curves.curve_numbers` and ``fid_infinity_at_<step>`` of every
        snapshot, of 1,500 images; under ``cost`` milliseconds of the quickest step, megabytes, and the discriminator's
        size. The last two have no floor. ``skipped``: what is left out and why. And where they come from: config,
        numbers of images, seed, checksums, versions, and the commit of this code.

    Raises:
        ValueError: the run has no trained weights, too few samples or real images, or it generates NaN.
        DiskError: ``metrics.json`` cannot be written.
    """
    if not isinstance(samples, int | np.integer) or isinstance(samples, bool) or samples < LEAST:
        raise ValueError(f"samples={samples!r} is not possible; allowed: whole numbers from {LEAST}")
    config, gan = run.config, run.gan
    held_out = load_dataset(config.dataset, "test", image_size=config.image_size)
    pool = load_dataset(config.dataset, "train", image_size=config.image_size)
    training = load_dataset(config.dataset, "train", image_size=config.image_size, fraction=config.fraction)
    for split, images, least in (("held-out", held_out, DIMENSIONS + 1), ("training", pool, LEAST)):
        if len(images) < least:
            raise ValueError(
                f"dataset={config.dataset!r} has {len(images)} {split} images, too few for a distance of features; "
                f"allowed: {least} or more"
            )
    count = min(int(samples), len(pool))
    codes = choose_codes(gan, count, seed)
    chosen = np.random.Generator(np.random.Philox(key=seed)).choice(len(pool), count, replace=False)
    control = pool.take(chosen)
    spaces = tuple(name for name in SPACES if name != "digits" or held_out.image_shape == DIGITS_SHAPE)

    metrics, skipped = {}, {}
    if "digits" not in spaces:
        skipped["digits"] = f"reads images of {DIGITS_SHAPE}, and the run's are of {held_out.image_shape}"
    if "digits" not in spaces or not {"labels", "category"} & codes.keys():
        skipped["classification_accuracy"] = skipped["label_accuracy"] = "needs digits of classes that were asked for"
    if held_out.labels is None:
        skipped["probes"] = f"needs labels, and {config.dataset!r} has none"
    if isinstance(run, ReferenceRun):
        skipped["discriminator"] = "a reference run does not keep its discriminator's weights"
        skipped["training"] = "a reference run keeps neither every step of its history nor its snapshots"

    def tasks():
        yield "generating"
        generated = _generate(run, codes)
        classes = yield from measure(metrics, generated, held_out.images, control.images, spaces, seed)
        yield "nearest training images"
        metrics["pixels"] = memorisation(generated, held_out.images, training.images)
        metrics["pixels"]["sharpness"] = {"value": sharpness(generated), "floor": sharpness(control.images)}
        yield "learning from generated images"
        if "classification_accuracy" not in skipped:
            _measure_labels(metrics, codes, classes, generated, control, held_out, seed)
        yield "discriminator"
        if "discriminator" not in skipped:
            metrics["discriminator"] = overfitting(gan, training.images, held_out.images, seed=seed)
            metrics["discriminator"] |= transformation_orders(gan, held_out.images[:ORIENTED])
            if "probes" not in skipped:
                labelled = [(dataset.images, dataset.labels) for dataset in (training, held_out)]
                metrics["discriminator"] |= probes(gan, *labelled, images=PROBED, seed=seed)
        yield "training"
        if "training" not in skipped:
            metrics["training"] = _measure_training(run, held_out.images, spaces, count, seed)
        metrics["cost"] = _cost(run)

    _play(tasks(), stages(spaces) + 5, config.label, progress)
    backend = keras.backend.backend()
    evaluation = {
        "run": run.directory.name,
        "config": config.to_dict(),
        "samples": count,
        "held_out": len(held_out),
        "training_images": len(training),
        "seed": seed,
        "features_sha256": {name: load_features(name, held_out.image_shape).sha256 for name in spaces},
        "dataset_sha256": {"held_out": held_out.sha256, "training": training.sha256},
        "commit": source_commit(),
        "backend": backend,
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "numpy", "scipy", backend)},
        "skipped": skipped,
        "metrics": metrics,
    }
    text = json.dumps(evaluation, indent=2, allow_nan=False) + "\n"
    write_atomically(run.directory / "metrics.json", lambda file: file.write(text.encode()))
    return evaluation


def _measure_labels(metrics, codes, classes, generated, control, held_out, seed: int):
    """Of a GAN that is told, or finds out, what class to make: are the images of that class, and good to learn from?

    Args:
        metrics: gets ``label_accuracy`` and ``classification_accuracy``.
        codes: that the images were made from.
        classes: what the classifier sees in generated images and the control.
        generated: uint8 [n, height, width, channels].
        control, held_out: real images with labels.
        seed: of the classifier's training.
    """
    labels = (
        codes["labels"] if "labels" in codes else match_codes(codes["category"], classes["value"])[codes["category"]]
    )
    sides = {"value": (generated, labels), "floor": (control.images, control.labels)}
    metrics["digits"]["label_accuracy"] = {side: float(np.mean(classes[side] == sides[side][1])) for side in sides}
    metrics["pixels"]["classification_accuracy"] = {
        side: classification_accuracy(*sides[side], held_out.images, held_out.labels, seed=seed) for side in sides
    }


def _measure_training(run: Run, real: np.ndarray, spaces: tuple[str, ...], samples: int, seed: int) -> dict:
    """Of the run's curves, and FID∞ of its snapshots in the first of the spaces."""
    numbers, network = curve_numbers(run.history), load_features(spaces[0], real.shape[1:])
    for step in run.config.snapshots:
        gan = copy(run.gan)
        gan.generator = run.generator_at(step)
        generated = _generate(run, choose_codes(gan, min(samples, SNAPSHOT_SAMPLES), seed), gan)
        features = network.features(real), network.features(generated)
        numbers[f"fid_infinity_at_{step}"] = frechet_distance_infinity(*features, seed=seed)
    return {name: {"value": number} for name, number in numbers.items()}


def _cost(run: Run) -> dict:
    """Time of the quickest step (other work can only slow one), the process's memory, and the discriminator's size.

    Its megabytes are those of the generator's update, which sends a whole batch through it.
    """
    row = comparison_row(run)
    names = ("discriminator_parameters", "discriminator_multiply_adds", "peak_memory_mb")
    numbers = {"ms_of_quickest_step": 1000 * run.history.seconds.min()} | {name: row[name] for name in names}
    numbers["discriminator_megabytes"] = training_megabytes(run.gan.discriminator, run.config.batch_size)
    return {name: {"value": float(number)} for name, number in numbers.items()}


def _generate(run: Run, codes: dict, gan=None) -> np.ndarray:
    images = generate_images(gan or run.gan, codes)
    if not np.isfinite(images).all():
        raise ValueError(f"{run.directory.name} generates NaN: its weights are ruined; train it again (force, --force)")
    return to_uint8(images)


def _play(tasks: Iterator[str], total: int, title: str, progress: bool):
    with tqdm(desc=title, total=total, file=sys.stderr, leave=False, ncols=100, disable=not progress) as bar:
        for number, name in enumerate(tasks):
            bar.update(1 if number else 0)
            bar.set_postfix_str(name)
        bar.update(1)
        bar.refresh()  # shown even if the last stage was quick
