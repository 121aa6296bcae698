"""Store a run's generator in data/pretrained/ with a model card, whose numbers are measured here.

.venv/bin/python scripts/store_pretrained.py RUN NAME --data "UTKFace …" --knows "aligned faces …" --licence "…"

A completion network fills the holes of the card's scores in one pass, any other generator by a search of its latent. A
network for enlargement or old photographs is scored as compare_restoration.py does, on all pixels. Weights are rounded
to ``BITS`` significant bits and packed by bzip2, half the size of float16; the scores are those of the rounded weights.
A run that is still being trained is taken as it is after its last checkpoint: it is finished as a run of so many steps.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from compare_completion import MASKS, METRICS, describe, score
from compare_restoration import cases_for

import capsgan
from capsgan.data.holes import make_masks
from capsgan.paths import write_atomically, write_json
from capsgan.regeneration.masks import hide
from capsgan.regeneration.reconstruction import complete, regenerate
from capsgan.runs import pretrained
from capsgan.runs.checkpoints import checkpoint_paths, read_weights
from capsgan.runs.run import Run, run_for

BITS = 5  # of each weight's mantissa; 5 to 11 bits give the same scores of completed faces to 0.02 dB
LIMITS = (
    "What it paints is invented from the images it was trained on: never evidence, never identification. Faces of "
    "people whom the data under-represents may be reconstructed as someone else. Images are 64×64 pixels: in a large "
    "picture the filled part is soft."
)


def main() -> int:
    """Finish, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", help="the beginning of its id")
    parser.add_argument("name", help="of the pretrained network")
    for option in ("data", "knows", "licence"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--images", type=int, default=200, help="held-out images of the scores (default: 200)")
    options = parser.parse_args()

    run = finished(capsgan.load_run(options.run))
    config, gan = run.config, run.gan
    weights = pack(gan.generator.get_weights())
    gan.generator.set_weights(read_weights(io.BytesIO(weights)))
    training, held_out = (
        capsgan.load_dataset(config.dataset, split, image_size=config.image_size).images for split in ("train", "test")
    )
    truth = held_out[np.sort(np.random.default_rng(0).permutation(len(held_out))[: options.images])]
    filled = {}
    fills = not gan.conditional or gan.task == "inpaint"
    for kind in (MASKS if gan.conditional else MASKS[:1]) if fills else ():
        masks = make_masks(kind, len(truth), truth.shape[1:3], seed=1)
        filled[kind] = fill(gan, hide(truth, masks), masks), masks
    cases = {} if fills else cases_for(gan, truth, np.rint(training.mean(axis=0)))
    for kind, (observed, masks, damage, _) in cases.items():
        filled[kind] = complete(gan, observed, masks, damage).images, np.zeros(truth.shape[:3], bool)
    names = METRICS if fills else [name.removesuffix("_hole") for name in METRICS]
    scores = {
        kind: {
            m: [round(v, 3) for v in describe(column)] for m, column in zip(names, score(truth, *pair).T, strict=True)
        }
        for kind, pair in filled.items()
    }
    card = {
        "data": options.data,
        "knows": options.knows,
        "licence": options.licence,
        "limits": LIMITS,
        "training_images": len(training),
        "scores": {"held_out_images": len(truth), "mean_and_95_percent_interval": scores},
        "memorisation": memorisation(gan, training, truth) if fills else "not measured: it is shown the whole face",
    }
    path = store(run, options.name, card | image_scores(run), weights)
    print(json.dumps(card, indent=1, ensure_ascii=False))
    print(f"written: {path}, {path.stat().st_size / 1e6:.2f} MB")
    return 0


def image_scores(run: Run) -> dict:
    """How good an unconditional generator's images are, where ``capsgan evaluate`` has scored them."""
    if run.gan.conditional or not (run.directory / "metrics.json").exists():
        return {}
    found = json.loads((run.directory / "metrics.json").read_text(encoding="utf-8"))
    random = found["metrics"]["random"]
    return {
        "image_scores": {
            "features": "an untrained network's (random)",
            "images": found["samples"],
            **{name: round(random[name]["value"], 4) for name in ("fid", "kid", "kid_error", "precision", "recall")},
            "fid of held-out images": round(random["fid"]["floor"], 4),
            "fid_by_step": {step: round(row["random"]["fid"], 4) for step, row in found["snapshots"].items()},
        }
    }


def pack(weights) -> bytes:
    """An archive of float16 arrays, rounded to ``BITS`` significant bits, that ``numpy.load`` reads."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        for number, weight in enumerate(weights):
            mantissa, exponent = np.frexp(weight.astype("float64"))
            rounded = np.ldexp(np.rint(mantissa * 2**BITS) / 2**BITS, exponent).astype("float16")
            entry = zipfile.ZipInfo(f"arr_{number}.npy")  # without a time: the same bytes whenever it is packed
            entry.compress_type = zipfile.ZIP_BZIP2
            array = io.BytesIO()
            np.lib.format.write_array(array, rounded, allow_pickle=False)
            archive.writestr(entry, array.getvalue())
    return file.getvalue()


def store(run: Run, name: str, card: dict, weights: bytes) -> Path:
    """Write a finished run's packed generator and its card to ``data/pretrained/``; returns the weights' file.

    The card names a dataset folder by its content's hash, not by its path.
    """
    facts = {name: run.provenance[name] for name in ("image_shape", "dataset_sha256", "source_sha256", "commit", "cpu")}
    config = run.config.to_dict() | {"dataset": run.config.identity.get("dataset", run.config.dataset)}
    path = pretrained.PRETRAINED / f"{name}.npz"
    write_atomically(path, weights)
    write_json(
        path.with_suffix(".json"), card | {"config": config, **facts, "sha256": hashlib.sha256(weights).hexdigest()}
    )
    return path


def finished(run: Run) -> Run:
    """The run, or a copy that ends with its last checkpoint: how many steps were to follow changes nothing before."""
    if run.finished:
        return run
    step = int(checkpoint_paths(run.checkpoints)[-1].stem.removeprefix("step_"))
    short = run_for(replace(run.config, steps=step))
    if not short.finished:
        shutil.rmtree(short.directory, ignore_errors=True)
        (short.directory / "checkpoints").mkdir(parents=True)
        shutil.copy(run.checkpoints / f"step_{step:08d}.npz", short.checkpoints)
        shutil.copy(run.directory / "provenance.json", short.directory)
        return capsgan.train(short.config, progress=False)
    return short


def fill(gan, damaged: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Images with their holes filled, uint8; a generator comes without its discriminator, so there is no prior."""
    search = {} if gan.conditional else {"prior": 0}
    return regenerate(gan, damaged, masks, progress=False, **search).images


def memorisation(gan, training: np.ndarray, truth: np.ndarray) -> dict:
    """Does the network repeat training faces? Distances from completed centres to the nearest training image, there.

    Held-out faces themselves give what is to be expected of images that were never seen: completions of a network that
    copies lie nearer to the training set than these; a blurred completion lies nearer too, as the mean image does.
    """
    masks = make_masks("centre", len(truth), truth.shape[1:3])
    hole = ~masks[0]
    flat = training[:, hole].reshape(len(training), -1).astype("float32")
    completed = fill(gan, hide(truth, masks), masks)
    mean = np.repeat(training.mean(axis=0)[None], len(truth), axis=0)
    chosen = np.random.default_rng(0).permutation(len(training))[: len(truth)]
    seen = fill(gan, hide(training[chosen], masks), masks)
    kinds = {"held-out faces": truth, "completed held-out faces": completed, "completed training faces": seen}
    found = {}
    for name, images in (kinds | {"mean image": mean}).items():
        rows = images[:, hole].reshape(len(images), -1).astype("float32")
        squares = (rows**2).sum(1)[:, None] - 2 * rows @ flat.T + (flat**2).sum(1)[None]
        nearest = np.sqrt(np.maximum(squares.min(axis=1), 0) / flat.shape[1])
        found[name] = {"median": round(float(np.median(nearest)), 2), "least": round(float(nearest.min()), 2)}
    return {"root mean squared distance in the hole to the nearest training image, of 255": found}


if __name__ == "__main__":
    sys.exit(main())
