"""Enlarge and restore held-out images by networks and by baselines; write data/results/restoration_NAME.csv.

.venv/bin/python scripts/compare_restoration.py folder:/data/utkface64 faces-superres-caps faces-restore-caps

Each network meets the damage that it has learned: ``superres`` ×2 and ×4, ``restore`` photographs that faded, each by
its own contrast and brightness, and are scratched, with their colours and without. Enlargements are shifted block by
block to what was observed, those of the baselines too. "Told how it faded" inverts the true values, which no one has.
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
from capsgan.regeneration.degradations import Downscaling, Fading
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

    held_out = capsgan.load_dataset(options.dataset, "test").images
    truth = held_out[np.sort(np.random.default_rng(0).permutation(len(held_out))[: options.images])]
    known = {network.name: network for network in capsgan.list_pretrained()}
    rows = []
    for name in options.networks:
        gan = (known.get(name) or capsgan.load_run(name)).gan
        for case, (observed, masks, asked, baselines) in cases_for(gan, truth).items():
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


def cases_for(gan, truth) -> dict:
    """What a network is tested on: name → (observed images, masks, what the network is asked for, baselines).

    Baselines are functions that give images, by name.
    """
    return enlargements(truth) if gan.task == "superres" else restorations(truth)


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


def restorations(truth) -> dict:
    """Cases with and without colour, in which every image faded by its own values, which the network is not told."""
    rng, masks, cases = np.random.default_rng(1), make_masks("scratches", len(truth), truth.shape[1:3], seed=1), {}
    values = np.stack([rng.uniform(0.4, 1, len(truth)), rng.uniform(-0.15, 0.15, len(truth))], axis=1)
    for grey, name in ((False, "faded, scratched"), (True, "faded, scratched, grey")):
        damages = [Fading(*pair, grey) for pair in values.tolist()]
        pairs = list(zip(damages, truth, strict=True))
        observed = np.concatenate([damage.damage(image[None]) for damage, image in pairs])
        observed = np.where(masks[..., None], observed, np.uint8(255))

        def telea(images):
            return BASELINES["telea"](images, masks, None)

        def told(observed=observed, damages=damages):
            given = [
                damage.restore(image[None], image[None], np.ones((1, *image.shape[:2]), bool))
                for damage, image in zip(damages, observed, strict=True)
            ]
            return telea(whole(np.concatenate(given)))

        baselines = {
            "as it is": lambda observed=observed: observed,
            "TELEA": lambda observed=observed: telea(whole(observed)),
            "TELEA, contrast stretched": lambda observed=observed: stretched(telea(whole(observed))),
            "TELEA, told how it faded": told,
        }
        cases[name] = observed, masks, Fading(grey=grey), baselines
    return cases


def stretched(images) -> np.ndarray:
    """Each image from its first to its last percentile, as photo editors do."""
    low, high = (np.percentile(images, q, axis=(1, 2, 3), keepdims=True) for q in (1, 99))
    return np.clip((images - low) / np.maximum(high - low, 1) * 255, 0, 255).astype("uint8")


def whole(images) -> np.ndarray:
    """Three channels."""
    return images.repeat(3, axis=-1) if images.shape[-1] == 1 else images


if __name__ == "__main__":
    sys.exit(main())
