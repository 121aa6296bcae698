"""Fill holes of held-out images by completion networks and by baselines; write data/results/completion_NAME.csv.

.venv/bin/python scripts/compare_completion.py folder:/data/utkface64 faces-completion-none

Every method is pasted; those that also model the known pixels are blended too. Networks and interpolators meet the
known pixels by themselves: blending would change nothing. PCA's components are chosen on images of the training split
that it was not fitted to. The rows "shuffled truth" score each method's images against other images.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from compare_regeneration import write_scores

import capsgan
from capsgan.data.holes import make_masks
from capsgan.regeneration.baselines import BASELINES, fit_pca, pca_mean
from capsgan.regeneration.blending import blend
from capsgan.regeneration.masks import hide
from capsgan.regeneration.quality import PEAK, shuffle_truth, similarity
from capsgan.regeneration.reconstruction import complete
from capsgan.runs.provenance import cpu_model
from capsgan.study.statistics import mean_interval

MASKS = ("centre", "half-left", "strokes", "pixels")
COMPONENTS = (50, 100, 200)
WHOLE = ("mean image", "nearest image", "pca")  # baselines that model the known pixels
METRICS = ("psnr_hole", "ssim_hole", "mae_hole")


def main() -> int:
    """Fill, score, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", help="cartoon | folder:PATH")
    parser.add_argument("networks", nargs="*", help="pretrained networks, or beginnings of runs' ids")
    parser.add_argument("--images", type=int, default=100, help="held-out images (default: 100)")
    parser.add_argument("--training", type=int, default=4000, help="training images of the baselines (default: 4000)")
    options = parser.parse_args()

    training, held_out = (capsgan.load_dataset(options.dataset, split).images for split in ("train", "test"))
    rng = np.random.default_rng(0)
    truth = held_out[np.sort(rng.permutation(len(held_out))[: options.images])]
    fitted, validation = np.split(training[rng.permutation(len(training))[: options.training + 60]], [-60])
    known = {network.name: network for network in capsgan.list_pretrained()}
    networks = {name: known.get(name) or capsgan.load_run(name) for name in options.networks}

    models = {n: fit_pca(fitted, n) for n in COMPONENTS if n < len(fitted)}
    rows = []
    for kind in MASKS:
        masks = make_masks(kind, len(truth), truth.shape[1:3], seed=1)
        model = choose_model(models, validation, kind)
        filled, seconds = {}, {}
        for name in (*networks, *BASELINES):
            begin = time.perf_counter()
            filled[name] = fill(name, networks, hide(truth, masks), masks, fitted, model)
            seconds[name] = (time.perf_counter() - begin) / len(truth)
            if name in WHOLE:
                whole = fill(name, networks, hide(truth, masks), masks, fitted, model, whole=True)
                filled[f"{name}, blended"] = blend(hide(truth, masks), whole, masks)
        for name, images in filled.items():
            scores = {"right": score(truth, images, masks), "shuffled": score(shuffle_truth(truth), images, masks)}
            for against, values in scores.items():
                for metric, column in zip(METRICS, values.T, strict=True):
                    rows.append((kind, name, against, metric, *describe(column), len(truth), seconds.get(name)))
        best = {m: max(filled.keys() - networks.keys(), key=lambda n: mean_of(rows, kind, n, m)) for m in METRICS[:2]}
        first = next(iter(networks))
        pairs = [(name, metric, other) for name in networks for metric, other in best.items()]
        pairs += [(name, metric, first) for name in networks if name != first for metric in METRICS[:2]]
        for name, metric, other in pairs:
            number = METRICS.index(metric)
            gain = np.subtract(*(score(truth, filled[n], masks)[:, number] for n in (name, other)))
            row = (kind, name, f"minus {other}", metric, *describe(gain), len(truth), None)
            rows.append(row)
            print(*row[:4], "{:.3f} [{:.3f}, {:.3f}]".format(*row[4:7]), flush=True)
    table = pd.DataFrame(
        rows, columns=["mask", "method", "truth", "metric", "mean", "low", "high", "images", "seconds"]
    )
    table = table.assign(training=options.training, cpu=cpu_model())
    write_scores(table, "completion", options.dataset)
    shown = table[table.truth == "right"].pivot(index="method", columns=["mask", "metric"], values="mean")
    print(shown.to_string(float_format="{:.2f}".format))
    return 0


def fill(name, networks, damaged, masks, training, model, **whole) -> np.ndarray:
    """One method's images, uint8 [n, height, width, channels]."""
    if name in networks:
        return complete(networks[name].gan, damaged, masks).images
    if name == "pca":
        return pca_mean(damaged, masks, training, model=model, **whole)
    return BASELINES[name](damaged, masks, training, **whole)


def choose_model(models, validation, kind):
    """The principal subspace that fills the holes of validation images best."""
    masks = make_masks(kind, len(validation), validation.shape[1:3], seed=2)
    results = {n: pca_mean(hide(validation, masks), masks, None, model=model) for n, model in models.items()}
    return models[max(results, key=lambda n: score(validation, results[n], masks)[:, 0].mean())]


def score(truth, images, masks) -> np.ndarray:
    """PSNR (dB), SSIM and mean absolute difference (of 255) in the hole: float64 [n, 3]."""
    rows = []
    for true, image, known in zip(truth, images, masks, strict=True):
        difference = np.abs(true.astype("float64") - image)[~known]
        _, ssim = similarity(true, image)
        psnr = 10 * np.log10(PEAK**2 / max((difference**2).mean(), 1e-3))
        rows.append((psnr, ssim[~known].mean(), difference.mean()))
    return np.array(rows)


def describe(values) -> tuple[float, float, float]:
    """Mean and 95 % t interval over images."""
    return float(values.mean()), *map(float, mean_interval(values, 0.05))


def mean_of(rows, kind, name, metric) -> float:
    """The mean of a method's metric against the right truth."""
    return next(row[4] for row in rows if row[:4] == (kind, name, "right", metric))


if __name__ == "__main__":
    sys.exit(main())
