"""Regenerate held-out faces by two GANs and by simple rivals, and write data/results/regeneration_NAME.csv.

.venv/bin/python scripts/compare_regeneration.py cartoon [--profile quick] [--images 40]
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

import capsgan
from capsgan.evaluation.restoration import compare_methods, run_priors, scores_table, shuffle_truth
from capsgan.evaluation.results import RESULTS
from capsgan.evaluation.rivals import run_rivals
from capsgan.masks import centre_mask, hide

METRICS = ["psnr_hole", "ssim_hole"]
SHUFFLED = ", shuffled truth"


def main() -> int:
    """Train what is not yet trained, regenerate, score, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", help="cartoon | olivetti | lfw | folder:PATH")
    parser.add_argument("--profile", default="quick", help="of the two DCGANs (default: quick)")
    parser.add_argument("--images", type=int, default=40, help="held-out faces (default: 40)")
    parser.add_argument("--restarts", type=int, default=4, help="searches an image (default: 4)")
    options = parser.parse_args()

    profile = capsgan.get_profile(options.profile)
    configs = [profile.config("dcgan", trunk, dataset=options.dataset) for trunk in ("cnn", "caps")]
    runs = dict(zip(("classical", "Caps"), map(capsgan.train, configs), strict=True))
    training, held_out = (capsgan.load_dataset(options.dataset, split).images for split in ("train", "test"))
    truth = held_out[: options.images]
    masks = centre_mask(len(truth), truth.shape[1:3])
    damaged = hide(truth, masks)

    found = run_priors(runs, damaged, masks, restarts=options.restarts)
    restored = run_rivals(damaged, masks, training) | {name: result.images for name, result in found.items()}
    for name in runs:
        restored[f"{name}, pasted"] = np.where(masks[..., None], truth, found[name].unblended)
    scores = compare_methods(truth, masks, restored)
    wrong = compare_methods(shuffle_truth(truth), masks, restored)
    scores = pd.concat([scores, wrong.assign(method=wrong.method + SHUFFLED)])
    scores = scores[scores.metric.isin(METRICS)].assign(steps=configs[0].steps, run=configs[1].run_id)

    name = options.dataset.rstrip("/").split("/")[-1].removeprefix("folder:")
    RESULTS.mkdir(parents=True, exist_ok=True)
    scores.to_csv(RESULTS / f"regeneration_{name}.csv", index=False, float_format="%.5g")
    right = scores[~scores.method.str.endswith(SHUFFLED)]
    for against in ("mean image", "telea"):
        print(scores_table(right, against, METRICS).to_string(), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
