"""Evaluate a profile's runs that have not been, and write data/results/{runs,metrics,verdicts}_PROFILE.csv.

.venv/bin/python scripts/collect_results.py study [--samples 10000] [--evaluate-only]
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pandas as pd

from capsgan.data.datasets import load_dataset
from capsgan.metrics.evaluation import evaluate, is_scored
from capsgan.profiles import get_profile
from capsgan.runs.run import list_runs
from capsgan.study.claims import CLAIMS
from capsgan.study.results import (
    NUMBERS,
    RESULTS,
    collect_results,
    is_at_scale,
    judge_pairs,
    load_results,
    runs_at_scale,
    save_results,
)
from capsgan.study.verdicts import verdicts


def main() -> int:
    """Evaluate, judge, collect."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profile", help="e.g. study")
    parser.add_argument("--samples", type=int, default=10_000, help="images of each snapshot (default: 10000)")
    parser.add_argument("--evaluate-only", action="store_true", help="leave the CSV files as they are")
    options = parser.parse_args()
    runs = runs_at_scale(get_profile(options.profile))
    for run in runs:
        if run.finished and not is_scored(run, options.samples):
            print(f"evaluating {run.directory.name}", flush=True)
            evaluate(run, options.samples, progress=False)
    if options.evaluate_only:
        return 0
    if not any(run.finished for run in runs):
        print(f"no finished runs; train some: capsgan grid --profile {options.profile}", file=sys.stderr)
        return 1
    for run in list_runs():
        if run.status not in ("finished", "failed") and is_at_scale(run.config, get_profile(options.profile)):
            print(f"skipped: {run.directory.name} is {run.status}")
    results = collect_results(runs)
    finished = [run for run in runs if run.finished and run.config.fraction == 1]
    real = load_dataset(runs[0].config.dataset).images
    judged = judge_pairs(finished, real, options.samples)
    heads = results.drop(columns=list(NUMBERS)).drop_duplicates()
    results = results if judged.empty else pd.concat([results, judged.merge(heads, on="run")])
    if (RESULTS / f"runs_{options.profile}.csv").exists():
        stored = load_results(options.profile)
        elsewhere = stored[~stored.run.isin(results.run)]
        print(f"kept as they are stored: {elsewhere.run.nunique()} runs that do not lie here")
        results = pd.concat([elsewhere, results], ignore_index=True)
    save_results(results, options.profile)
    table = verdicts(CLAIMS, load_results(options.profile))
    table.to_csv(RESULTS / f"verdicts_{options.profile}.csv", index=False, float_format="%.4g")
    print(f"{results.run.nunique()} runs, {len(results):,} numbers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
