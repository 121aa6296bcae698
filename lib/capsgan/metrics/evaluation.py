"""The score of a run: all metrics of its last snapshots, and what is kept of them."""

from __future__ import annotations

import importlib.metadata
import json

import keras
import numpy as np

from ..data.datasets import load_dataset
from ..gans import build_gan
from ..gans.infogan import InfoGAN
from ..networks.inspection import step_multiply_adds, training_megabytes
from ..paths import write_atomically
from ..runs.provenance import source_commit
from ..runs.reference import ReferenceRun
from ..runs.run import Run
from ..runs.table import row as comparison_row
from .classes import classification_accuracy, match_codes
from .codes import read_codes
from .curves import curve_numbers
from .distances import Gaussian
from .features import SPACES, load_features, spaces_for
from .measures import LEAST, measure
from .neighbours import memorisation, nearest_images
from .orientation import probes, transformation_orders
from .overfitting import overfitting
from .real_images import RealImages, real_images
from .scoring import play, side_by_side
from .sharpness import sharpness
from .snapshots import SnapshotSampler

MEASURE = 2  # of what evaluate() measures: a score of a different one is not comparable
SAMPLES = 10_000
AVERAGED = 3  # a run's score is the mean of its last snapshots: one alone is as good or bad as the last steps were
NEAREST = 2000  # images whose nearest training images are searched
PROBED = 2000  # training images that a probe of the discriminator's layers learns from
ORIENTED = 2000  # held-out images that the discriminator is shown turned, shifted and scrambled


def evaluate(run: Run, samples: int | None = None, *, seed: int = 0, progress: bool = True) -> dict:
    """Generate images with a trained run, score them, and write ``metrics.json`` and ``features.npz`` beside the run.

    The score is the mean over the run's last three snapshots (without snapshots: its final generator), each with
    BatchNormalization's statistics estimated anew and in float32. The floor, and what held-out images get, are taken
    with equal numbers of images, so that a FID's bias is the same: see :mod:`capsgan.metrics.real_images`.

    Args:
        run: finished; of a reference run the discriminator is not kept, and what needs it is skipped.
        samples: images of each of the last snapshots, 256 or more; None: 10,000. Not more than the floor has: 1,000 of
            ``mnist5k``.
        seed: of the latents and of all random choices.
        progress: whether to show a progress bar on standard error.

    Returns:
        What ``metrics.json`` holds, plain JSON. ``metrics``: by place (a feature space, ``pixels``, ``discriminator``,
        ``training``, ``cost``) and metric the numbers ``value``, ``floor`` and ``held_out``, which ``docs/metrics.md``
        explains. ``averaged``: the steps that they are means of; what takes long is of the last of them only, what is
        about the discriminator of the finished networks. ``snapshots``: by step all scores of each snapshot.
        ``skipped``: what was skipped and why. And where they come from: config, measure, numbers of images, seed,
        checksums, versions, and the commit of this code.

    Raises:
        ValueError: the run has no trained weights, too few samples or real images, or it generates NaN.
        DiskError: a file cannot be written.
    """
    if samples is not None and (not isinstance(samples, int | np.integer) or samples is True or samples < LEAST):
        raise ValueError(f"invalid samples={samples!r}; expected whole numbers from {LEAST}")
    config = run.config
    run.require_finished()
    real = real_images(config.dataset, config.image_size)
    training = load_dataset(config.dataset, "train", image_size=config.image_size, fraction=config.fraction)
    count = min(SAMPLES if samples is None else int(samples), len(real.floor))
    floor, held_out = real.floor.take(np.arange(count)), real.held_out.take(np.arange(min(count, len(real.held_out))))
    spaces, sampler = spaces_for(real.floor.image_shape), SnapshotSampler(run, seed)
    averaged = sampler.steps[-AVERAGED:]
    metrics, snapshots, moments, skipped = {}, {}, {}, _reasons(run, real, sampler)

    def tasks():
        for step in sampler.steps:
            yield f"step {step}"
            late = step in averaged
            generated = sampler.generate(step, count)
            snapshots[step] = {"samples": len(generated)}
            for space in spaces:
                features = _features(space, generated)
                snapshots[step][space] = measure(generated, real.reference.images, space, seed, everything=late)
                if late:
                    moments.update(_moments(f"{space}_{step}", features))
        yield "real images"
        for space in spaces:
            others = {"floor": floor} | ({} if "held_out" in skipped else {"held_out": held_out})
            sides = {side: measure(part.images, real.reference.images, space, seed) for side, part in others.items()}
            average = _average([snapshots[step][space] for step in averaged])
            metrics[space] = side_by_side({"value": average} | sides)
        yield "nearest training images"
        some = generated[:NEAREST]
        metrics["pixels"] = memorisation(some, held_out.images[:NEAREST], training.images)
        moments["nearest_training"] = nearest_images(some, training.images)[0].astype("float16")
        metrics["pixels"]["sharpness"] = {"value": sharpness(generated), "floor": sharpness(floor.images)}
        yield "learning from generated images"
        if "classification_accuracy" not in skipped:
            _measure_labels(metrics, sampler.codes(len(generated)), generated, floor, held_out, seed)
        yield "discriminator"
        if "discriminator" not in skipped:
            metrics["discriminator"] = overfitting(run.gan, training.images, held_out.images, seed=seed)
            metrics["discriminator"] |= transformation_orders(run.gan, held_out.images[:ORIENTED])
            if "probes" not in skipped:
                labelled = [(dataset.images, dataset.labels) for dataset in (training, held_out)]
                metrics["discriminator"] |= probes(run.gan, *labelled, images=PROBED, seed=seed)
            if isinstance(run.gan, InfoGAN):
                found = read_codes(run.gan, training.images, seed=seed)
                metrics["discriminator"] |= {name: {"value": number} for name, number in found.items()}
        yield "training"
        if "training" not in skipped:
            metrics["training"] = {name: {"value": n} for name, n in curve_numbers(run.history).items()}
        metrics["cost"] = _cost(run)

    play(tasks(), len(sampler.steps) + 5, config.label, progress)
    backend = keras.backend.backend()
    evaluation = {
        "run": run.directory.name,
        "config": config.to_dict(),
        **_measured_by(real.floor.image_shape, seed),
        "samples": count,
        "reference": len(real.reference),
        "floor": len(real.floor),
        "held_out": len(held_out),
        "training_images": len(training),
        "averaged": averaged,
        "dataset_sha256": {name: part.sha256 for name, part in (real._asdict() | {"training": training}).items()},
        "commit": source_commit(),
        "backend": backend,
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "numpy", "scipy", backend)},
        "skipped": skipped,
        "metrics": metrics,
        "snapshots": {str(step): found for step, found in snapshots.items()},
    }
    text = json.dumps(evaluation, indent=2, allow_nan=False) + "\n"
    write_atomically(run.directory / "features.npz", lambda file: np.savez_compressed(file, **moments))
    write_atomically(run.directory / "metrics.json", lambda file: file.write(text.encode()))
    return evaluation


def is_scored(run: Run, samples: int | None = None, *, seed: int = 0) -> bool:
    """Whether a run's ``metrics.json`` was made by this measure, with these networks, numbers of images and seed."""
    path = run.directory / "metrics.json"
    if not path.exists():
        return False
    found, shape = json.loads(path.read_text()), run.provenance["image_shape"]
    if run.snapshot_steps and found["averaged"] != run.snapshot_steps[-AVERAGED:]:
        return False
    enough = found["samples"] == min(samples or SAMPLES, found.get("floor", SAMPLES))
    return enough and all(found.get(name) == value for name, value in _measured_by(shape, seed).items())


def _measured_by(image_shape, seed: int) -> dict:
    image_shape = tuple(image_shape)
    networks = {name: load_features(name, image_shape).sha256 for name in spaces_for(image_shape)}
    return {"measure": MEASURE, "features_sha256": networks, "seed": seed}


def _reasons(run: Run, real: RealImages, sampler: SnapshotSampler) -> dict[str, str]:
    """What cannot be measured of a run, and why."""
    skipped, config = {}, run.config
    if spaces_for(real.floor.image_shape) != SPACES:
        skipped["digits"] = f"reads digits of 28×28, and the run's images are of {real.floor.image_shape}"
    if skipped or not {"labels", "category"} & sampler.codes(1).keys():
        skipped["classification_accuracy"] = skipped["label_accuracy"] = "needs digits of classes that were asked for"
    if len(real.held_out) < LEAST:
        skipped["held_out"] = f"{len(real.held_out)} held-out images are too few to be scored; {LEAST} are needed"
    if real.held_out.labels is None:
        skipped["probes"] = f"needs labels, and {config.dataset!r} has none"
    if not run.snapshot_steps:
        skipped["snapshots"] = "the run kept none: its final generator is scored"
    if isinstance(run, ReferenceRun):
        skipped["discriminator"] = "a reference run does not keep its discriminator's weights"
        skipped["training"] = "a reference run does not keep every step of its history"
    return skipped


def _average(scores: list[dict]) -> dict:
    """The mean of each metric; of a list, one by one."""
    return {name: np.mean([found[name] for found in scores], axis=0).tolist() for name in scores[0]}


def _features(space: str, images: np.ndarray) -> np.ndarray:
    return load_features(space, images.shape[1:]).features(images).astype("float64")


def _moments(name: str, features: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and covariance of features [n, d] in float32, of the covariance the lower triangle, row by row."""
    found = Gaussian.of(features)
    triangle = found.covariance[np.tril_indices(len(found.mean))]
    return {f"{name}_mean": found.mean.astype("float32"), f"{name}_covariance": triangle.astype("float32")}


def _measure_labels(metrics, codes, generated, floor, held_out, seed: int):
    """Of a GAN that is told, or finds out, what class to make: are the images of that class, and good to learn from?"""
    network = load_features("digits")
    seen = network.probabilities(generated).argmax(axis=1)
    asked = codes["labels"] if "labels" in codes else match_codes(codes["category"], seen)[codes["category"]]
    shuffled = np.random.Generator(np.random.Philox(key=seed)).permutation(len(seen))
    chance = asked if "labels" in codes else match_codes(codes["category"], seen[shuffled])[codes["category"]]
    sides = {"value": (generated, asked), "floor": (floor.images, floor.labels)}
    metrics["digits"]["label_accuracy"] = {
        side: float(np.mean(network.probabilities(images).argmax(axis=1) == labels))
        for side, (images, labels) in sides.items()
    }
    metrics["digits"]["label_accuracy_chance"] = {"value": float(np.mean(seen[shuffled] == chance))}
    metrics["pixels"]["classification_accuracy"] = {
        side: classification_accuracy(*sides[side], held_out.images, held_out.labels, seed=seed) for side in sides
    }


def _cost(run: Run) -> dict:
    """Time of the quickest step (other work can only slow one), a step's arithmetic, memory, the discriminator's size.

    Its megabytes are those of the generator's update, which sends a whole batch through it.
    """
    row, provenance = comparison_row(run), run.provenance
    gan = build_gan(run.config, provenance["image_shape"], provenance["classes"])  # sizes need no trained weights
    names = ("discriminator_parameters", "discriminator_multiply_adds", "peak_memory_mb")
    numbers = {name: row[name] for name in names} | {"multiply_adds_of_step": step_multiply_adds(gan)}
    numbers["discriminator_megabytes"] = training_megabytes(gan.discriminator, run.config.batch_size)
    if not isinstance(run, ReferenceRun):  # whose history is one of means
        numbers["ms_of_quickest_step"] = 1000 * run.history.seconds.min()
    return {name: {"value": float(number)} for name, number in numbers.items()}
