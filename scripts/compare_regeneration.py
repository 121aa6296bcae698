"""Regenerate held-out faces by two GANs and by simple baselines, and write data/results/regeneration_NAME.csv.

.venv/bin/python scripts/compare_regeneration.py cartoon [--profile quick] [--images 40]
"""

import argparse
import os
import sys
from collections.abc import Mapping

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

import capsgan
from capsgan.data.holes import centre_mask
from capsgan.data.listing import is_folder, safe_name
from capsgan.regeneration.baselines import run_baselines
from capsgan.regeneration.masks import hide
from capsgan.regeneration.quality import compare_methods, scores_table, shuffle_truth
from capsgan.regeneration.reconstruction import Regeneration, regenerate
from capsgan.study.results import RESULTS


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

    found = regenerate_with_priors(runs, damaged, masks, restarts=options.restarts)
    restored = run_baselines(damaged, masks, training) | {name: result.images for name, result in found.items()}
    for name in runs:
        restored[f"{name}, pasted"] = np.where(masks[..., None], truth, found[name].unblended)
    scores = compare_methods(truth, masks, restored).assign(truth="right")
    wrong = compare_methods(shuffle_truth(truth), masks, restored).assign(truth="shuffled")

    table = pd.concat([scores, wrong]).assign(profile=profile.name, restarts=options.restarts)
    for number, column in enumerate(("generator", "prior")):
        table[column] = [run_behind(method, runs, number) for method in table.method]
    write_scores(table, "regeneration", options.dataset)
    for against in ("mean image", "telea"):
        print(scores_table(scores, against).to_string(), end="\n\n")
    return 0


def regenerate_with_priors(
    runs: Mapping[str, object], damaged: np.ndarray, masks: np.ndarray, **options
) -> dict[str, Regeneration]:
    """Every run's generator under every run's discriminator as prior, and under none: one thing changes at a time.

    ``runs``: name → finished run, on images of one shape; the rest as for ``regenerate``. Returns ``A`` (its own
    prior), ``A, B prior``, ``A, no prior``, ``B``, … → result.
    """
    found = {}
    for name, run in runs.items():
        found[name] = regenerate(run, damaged, masks, **options)
        for other, judging in runs.items():
            if other != name:
                found[f"{name}, {other} prior"] = regenerate(run, damaged, masks, prior_of=judging, **options)
        found[f"{name}, no prior"] = regenerate(run, damaged, masks, **options | {"prior": 0.0})
    return found


def write_scores(table: pd.DataFrame, kind: str, dataset: str):
    """Write data/results/KIND_NAME.csv; of a folder the name is a safe one."""
    name = safe_name(dataset) if is_folder(dataset) else dataset
    RESULTS.mkdir(parents=True, exist_ok=True)
    table.to_csv(RESULTS / f"{kind}_{name}.csv", index=False, float_format="%.5g")


def run_behind(method: str, runs: dict, number: int) -> str:
    """The id of the run whose generator (0) or prior (1) is in a method's name; nothing where there is none."""
    generator, _, rest = method.partition(", ")
    prior = {"": generator, "pasted": generator, "no prior": ""}.get(rest, rest.removesuffix(" prior"))
    return runs[name].directory.name if (name := (generator, prior)[number]) in runs else ""


if __name__ == "__main__":
    sys.exit(main())
