"""Enlarge and restore held-out images by networks and by baselines; write data/results/restoration_NAME.csv.

.venv/bin/python scripts/compare_restoration.py folder:/data/utkface64 faces-superres-caps faces-restore-caps

Each network meets the damage that it has learned: ``superres`` ×2 and ×4, ``restore`` photographs that faded, each by
its own contrast and brightness, and are scratched, with their colours and without. Enlargements are shifted block by
block to what was observed, those of the baselines too. "True values" inverts the true contrast and brightness, which no
one has, and takes colours from the mean training image. Masks are the true ones, but for the case "scratches found".
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import pandas as pd
from compare_completion import METRICS, describe, score
from compare_regeneration import write_scores

import capsgan
from capsgan.data.holes import make_masks
from capsgan.regeneration.baselines import BASELINES
from capsgan.regeneration.degradations import Downscaling, Fading, to_grey
from capsgan.regeneration.masks import find_scratches
from capsgan.regeneration.quality import shuffle_truth
from capsgan.regeneration.reconstruction import complete
from capsgan.runs.provenance import cpu_model

ENLARGED = {"bicubic": cv2.INTER_CUBIC, "Lanczos": cv2.INTER_LANCZOS4}


def main() -> int:
    """Damage, repair, score, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", help="cartoon | folder:PATH")
    parser.add_argument("networks", nargs="+", help="pretrained networks, or beginnings of runs' ids")
    parser.add_argument("--images", type=int, default=200, help="held-out images (default: 200)")
    options = parser.parse_args()

    training, held_out = (capsgan.load_dataset(options.dataset, split).images for split in ("train", "test"))
    mean = np.rint(training.mean(axis=0))
    truth = held_out[np.sort(np.random.default_rng(0).permutation(len(held_out))[: options.images])]
    known = {network.name: network for network in capsgan.list_pretrained()}
    rows = []
    for name in options.networks:
        gan = (known.get(name) or capsgan.load_run(name)).gan
        for case, (observed, masks, asked, baselines) in cases_for(gan, truth, mean).items():
            begin = time.perf_counter()
            images = {name: complete(gan, observed, masks, asked).images}
            seconds = (time.perf_counter() - begin) / len(truth)
            images |= {method: whole(repair()) for method, repair in baselines.items()}
            nothing = np.zeros(truth.shape[:3], bool)  # is known: every pixel counts
            scores = {method: score(truth, each, nothing) for method, each in images.items()}
            for method, values in scores.items():
                shuffled = score(shuffle_truth(truth), images[method], nothing)
                gain = scores[name] - values
                for number, metric in enumerate(METRICS):
                    time_taken = seconds if method == name else None
                    for against, column in (("right", values), ("shuffled", shuffled), ("gain", gain)):
                        rows.append((case, method, against, metric, *describe(column[:, number]), time_taken))
    table = pd.DataFrame(rows, columns=["damage", "method", "truth", "metric", "mean", "low", "high", "seconds"])
    table["metric"] = table.metric.str.removesuffix("_hole")
    write_scores(table.assign(images=len(truth), cpu=cpu_model()), "restoration", options.dataset)
    shown = table[table.truth == "right"].pivot(index="method", columns=["damage", "metric"], values="mean")
    print(shown.to_string(float_format="{:.3f}".format))
    print(table[(table.truth == "gain") & (table.metric != "mae") & (table["mean"] != 0)].iloc[:, :7].to_string())
    return 0


def cases_for(gan, truth, mean) -> dict:
    """What a network is tested on: name → (observed images, masks, what the network is asked for, baselines).

    Baselines are functions that give images, by name. ``mean``: the mean training image.
    """
    return enlargements(truth) if gan.task == "superres" else restorations(truth, mean)


def enlargements(truth) -> dict:
    """Cases of two scales."""
    cases = {}
    for scale in (2, 4):
        damage = Downscaling(scale)
        small = damage.damage(truth)
        known = np.ones(small.shape[:3], bool)
        baselines = {
            name: lambda small=small, how=how, damage=damage, known=known: damage.restore(
                small, np.stack([cv2.resize(image, truth.shape[1:3], interpolation=how) for image in small]), known
            )
            for name, how in ENLARGED.items()
        }
        cases[f"enlarged ×{scale}"] = small, known, damage, baselines
    return cases


def restorations(truth, mean) -> dict:
    """With colour and without, scratched or new; each image faded by values of its own, which no network is told."""
    rng, cases = np.random.default_rng(1), {}
    scratches = make_masks("scratches", len(truth), truth.shape[1:3], seed=1)
    values = np.stack([rng.uniform(0.4, 1, len(truth)), rng.uniform(-0.15, 0.15, len(truth))], axis=1)
    for name, grey in (
        ("faded, scratched", False),
        ("faded, scratched, grey", True),
        ("faded, scratches found", False),
    ):
        damages = [Fading(*pair, grey) for pair in values.tolist()]
        observed = np.concatenate([d.damage(image[None]) for d, image in zip(damages, truth, strict=True)])
        observed = np.where(scratches[..., None], observed, np.uint8(255))
        masks = np.stack([find_scratches(image) for image in observed]) if name.endswith("found") else scratches
        cases[name] = observed, masks, Fading(grey=grey), old_tools(observed, masks, damages, mean)
    known = np.ones_like(scratches)
    cases["not faded"] = truth, known, Fading(), {"contrast stretched": lambda: stretched(truth)}
    return cases


def old_tools(observed, masks, damages, mean) -> dict:
    """Baselines: scratches are filled by TELEA; contrast is left, stretched, or as the true values say."""

    def filled():
        return BASELINES["telea"](whole(observed), masks, None)

    def with_true_values():
        known = np.ones((1, *masks.shape[1:]), bool)
        images = [d.restore(i[None], i[None], known)[0] for d, i in zip(damages, observed, strict=True)]
        images = whole(BASELINES["telea"](np.stack(images), masks, None)).astype("float64")
        if damages[0].grey:
            images += mean - to_grey(mean.astype("uint8"))
        return np.clip(np.rint(images), 0, 255).astype("uint8")

    return {
        "as it is": lambda: observed,
        "TELEA": filled,
        "TELEA, contrast stretched": lambda: stretched(filled()),
        "TELEA, true values": with_true_values,
    }


def stretched(images) -> np.ndarray:
    """Each image from its first to its last percentile, as photo editors do."""
    low, high = (np.percentile(images, q, axis=(1, 2, 3), keepdims=True) for q in (1, 99))
    return np.clip((images - low) / np.maximum(high - low, 1) * 255, 0, 255).astype("uint8")


def whole(images) -> np.ndarray:
    """Three channels."""
    return images.repeat(3, axis=-1) if images.shape[-1] == 1 else images


if __name__ == "__main__":
    sys.exit(main())
