"""The score of a run: all metrics of its last snapshots, and what is kept of them."""

import importlib.metadata
import json
from collections.abc import Callable
from functools import partial

import keras
import numpy as np

from ..checks import require
from ..paths import write_atomically, write_json
from ..runs.provenance import source_commit
from ..runs.reference import ReferenceRun
from ..runs.run import Run
from .classes import label_metrics
from .discriminator_scores import overfitting, read_codes
from .distances import Gaussian
from .features import SPACES, load_features, spaces_for
from .image_scores import LEAST, measure, named_bar, sharpness, side_by_side
from .neighbours import memorisation, nearest_images
from .orientation import probes, transformation_orders
from .real_images import RealImages, real_images
from .snapshots import SnapshotSampler
from .training_numbers import curve_numbers, step_cost

MEASURE = 2  # of what evaluate() measures: a score of a different one is not comparable
SAMPLES = 10_000
AVERAGED = 3  # a run's score is the mean of its last snapshots: a single one depends on the last steps too much
NEAREST = 2000  # images whose nearest training images are searched
PROBED = 2000  # training images that a probe of the discriminator's layers learns from
ORIENTED = 2000  # held-out images that the discriminator is shown turned, shifted and with swapped quarters


def evaluate(run: Run, samples: int | None = None, *, seed: int = 0, progress: bool = True) -> dict:
    """Generate images with a finished run, score them, and write ``metrics.json`` and ``features.npz`` into its folder.

    The score is the mean over the run's last three snapshots (without snapshots: its final generator), each in float32
    and with BatchNormalization's statistics estimated anew. The floor and the score of held-out images use as many
    images, so that a FID's bias is the same: see :mod:`capsgan.metrics.real_images`. ``samples``: images per snapshot,
    256 or more; None: 10,000; never more than the floor has: 1,000 of ``mnist5k``.

    Returns the content of ``metrics.json``, plain JSON. ``metrics``: by place (a feature space, ``pixels``,
    ``discriminator``, ``training``, ``cost``) and metric the numbers ``value``, ``floor`` and ``held_out``, which
    ``docs/metrics.md`` explains. ``averaged``: the steps that they are means of; slow metrics are of the last of them
    only, those of the discriminator of the finished networks. ``snapshots``: by step the scores of each snapshot.
    ``skipped``: metric → reason. The rest is provenance.

    ``ValueError``: the run is unfinished, real images are too few, or the generator makes NaN; ``DiskError``: no space.
    """
    if samples is not None:
        whole = isinstance(samples, int | np.integer) and samples is not True
        require(whole and samples >= LEAST, "samples", samples, f"whole numbers from {LEAST}")
    run.require_finished()
    scores = _Scores(run, SAMPLES if samples is None else int(samples), seed)
    for measure_part in named_bar(scores.parts(), run.config.label, progress):
        measure_part()
    evaluation = scores.evaluation()
    write_atomically(run.directory / "features.npz", lambda file: np.savez_compressed(file, **scores.moments))
    plain = json.loads(json.dumps(evaluation), parse_constant=lambda _: None)  # JSON has no NaN and no infinity
    write_json(run.directory / "metrics.json", plain)
    return evaluation


class _Scores:
    """Measures a run part by part into ``metrics``, ``snapshots`` and ``moments``, all of which are written."""

    def __init__(self, run: Run, samples: int, seed: int):
        config = run.config
        self.run, self.seed, self.training = run, seed, run.load_data()  # first: it refuses other images
        self.real = real_images(config.dataset, config.image_size, config.channels)
        self.count = min(samples, len(self.real.floor))
        parts = self.real.floor, self.real.held_out
        self.floor, self.held_out = (part.take(np.arange(min(self.count, len(part)))) for part in parts)
        self.spaces, self.sampler = spaces_for(self.floor.image_shape, config.dataset), SnapshotSampler(run, seed)
        self.averaged = self.sampler.steps[-AVERAGED:]
        self.skipped = _reasons(run, self.real, self.sampler)
        self.metrics, self.snapshots, self.moments = {}, {}, {}

    def parts(self) -> dict[str, Callable[[], None]]:
        """What measures each part, by its name, in the order in which they need each other."""
        return {f"step {step}": partial(self.measure_snapshot, step) for step in self.sampler.steps} | {
            "real images": self.measure_spaces,
            "nearest training images": self.measure_pixels,
            "learning from generated images": self.measure_labels,
            "discriminator": self.measure_discriminator,
            "training": self.measure_training,
        }

    def measure_snapshot(self, step: int):
        """All measures, and the features' moments, of each of the last snapshots; FID and classes of the others."""
        self.generated = self.sampler.generate(step, self.count)  # later parts find those of the last step
        late, self.snapshots[step] = step in self.averaged, {"samples": self.count}
        for space in self.spaces:
            found = measure(self.generated, self.real.reference.images, space, self.seed, everything=late)
            self.snapshots[step][space] = found
            if late:
                features = load_features(space, self.generated.shape[1:]).features(self.generated)
                gaussian = Gaussian.of(features.astype("float64"))
                triangle = gaussian.covariance[np.tril_indices(len(gaussian.mean))]  # the lower one, row by row
                self.moments[f"{space}_{step}_mean"] = gaussian.mean.astype("float32")
                self.moments[f"{space}_{step}_covariance"] = triangle.astype("float32")

    def measure_spaces(self):
        """The mean over the last snapshots beside the scores of other real images."""
        others = {"floor": self.floor} | ({} if "held_out" in self.skipped else {"held_out": self.held_out})
        for space in self.spaces:
            late = [self.snapshots[step][space] for step in self.averaged]
            sides = {"value": {name: np.mean([s[name] for s in late], axis=0).tolist() for name in late[0]}}
            for side, part in others.items():
                sides[side] = measure(part.images, self.real.reference.images, space, self.seed)
            self.metrics[space] = side_by_side(sides)

    def measure_pixels(self):
        some = self.generated[:NEAREST]
        found = memorisation(some, self.held_out.images[:NEAREST], self.training.images)
        self.moments["nearest_training"] = nearest_images(some, self.training.images)[0].astype("float16")
        found["sharpness"] = {"value": sharpness(self.generated), "floor": sharpness(self.floor.images)}
        self.metrics["pixels"] = found

    def measure_labels(self):
        if "classification_accuracy" not in self.skipped:
            network, codes = load_features("digits"), self.sampler.codes(self.count)
            found = label_metrics(network, self.generated, codes, self.floor, self.held_out, seed=self.seed)
            for place, numbers in found.items():
                self.metrics[place] |= numbers

    def measure_discriminator(self):
        """What it remembers, what it sees of orientation, what its layers tell, and how well it reads a code."""
        if "discriminator" in self.skipped:
            return
        gan, training, held_out = self.run.gan, self.training, self.held_out
        found = overfitting(gan, training.images, held_out.images, seed=self.seed)
        found |= transformation_orders(gan, held_out.images[:ORIENTED])
        if "probes" not in self.skipped:
            labelled = [(dataset.images, dataset.labels) for dataset in (training, held_out)]
            found |= probes(gan, *labelled, images=PROBED, seed=self.seed)
        if "category" in gan.discrete:  # a code that it reads back
            found |= _values(read_codes(gan, training.images, seed=self.seed))
        self.metrics["discriminator"] = found

    def measure_training(self):
        if "training" not in self.skipped:
            history = self.run.history
            self.metrics["training"] = _values(curve_numbers(history))
            for step, found in self.snapshots.items():
                found["training"] = curve_numbers(history[history.step <= step])
        self.metrics["cost"] = _values(step_cost(self.run))

    def evaluation(self) -> dict:
        backend, sources = keras.backend.backend(), self.real._asdict() | {"training": self.training}
        return {
            "run": self.run.directory.name,
            "config": self.run.config.published(),
            **_measured_by(self.run, self.seed),
            "samples": self.count,
            "reference": len(self.real.reference),
            "floor": len(self.real.floor),
            "held_out": len(self.held_out),
            "training_images": len(self.training),
            "averaged": self.averaged,
            "dataset_sha256": {name: part.sha256 for name, part in sources.items()},
            "commit": source_commit(),
            "backend": backend,
            "versions": {name: importlib.metadata.version(name) for name in ("keras", "numpy", "scipy", backend)},
            "skipped": self.skipped,
            "metrics": self.metrics,
            "snapshots": {str(step): found for step, found in self.snapshots.items()},
        }


def is_scored(run: Run, samples: int | None = None, *, seed: int = 0) -> bool:
    """Whether a run's ``metrics.json`` was made by this measure, with these networks, numbers of images and seed."""
    try:
        found = json.loads((run.directory / "metrics.json").read_text(encoding="utf-8"))
        if run.snapshot_steps and found["averaged"] != run.snapshot_steps[-AVERAGED:]:
            return False
        enough = found["samples"] == min(samples or SAMPLES, found.get("floor", SAMPLES))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # missing, damaged, or a stranger's
        return False
    return enough and all(found.get(name) == value for name, value in _measured_by(run, seed).items())


def _measured_by(run: Run, seed: int) -> dict:
    shape = tuple(run.provenance["image_shape"])
    networks = {name: load_features(name, shape).sha256 for name in spaces_for(shape, run.config.dataset)}
    return {"measure": MEASURE, "features_sha256": networks, "seed": seed}


def _reasons(run: Run, real: RealImages, sampler: SnapshotSampler) -> dict[str, str]:
    skipped, config = {}, run.config
    if spaces_for(real.floor.image_shape, config.dataset) != SPACES:
        skipped["digits"] = f"reads digits of 28×28, not images of {config.dataset!r}, {real.floor.image_shape}"
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


def _values(numbers: dict) -> dict[str, dict]:
    return {name: {"value": float("nan" if number is None else number)} for name, number in numbers.items()}
