"""Copy finished runs into data/reference/, small enough to be committed.

.venv/bin/python scripts/store_reference.py RUN_PREFIX ...              # runs of this machine
.venv/bin/python scripts/store_reference.py --parts results/part*.zip   # runs that scripts/gpu_study.py packed
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

from capsgan.gans.base import METRICS
from capsgan.paths import home, write_atomically, write_json
from capsgan.runs.checkpoints import pack_weights
from capsgan.runs.reference import REFERENCE, list_references
from capsgan.runs.run import Run, list_runs
from capsgan.runs.table import row

OF_A_RUN = re.compile(r"[\w.-]+-s\d+-[0-9a-f]{8}/(snapshots/)?[\w.]+")  # a file of a run in a part
ROWS = 300  # of a thinned history
SCORES = ("metrics.json", "features.npz")  # of a run that has been evaluated


def main() -> int:
    """Store every finished run whose id begins with one of the prefixes, or that is in one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("prefixes", nargs="*", metavar="RUN_PREFIX", help="the beginning of a run's id")
    parser.add_argument("--parts", nargs="+", type=Path, default=[], metavar="ZIP", help="from scripts/gpu_study.py")
    parser.add_argument("--commit", help="of the source that trained the parts, where that machine could not tell")
    parser.add_argument("--without-weights", action="store_true", help="skip the generator of seed 0, too")
    options = parser.parse_args()
    if not (options.prefixes or options.parts):
        parser.error("name the beginning of a run's id, or --parts")
    for part in options.parts:
        if not zipfile.is_zipfile(part):
            parser.error(f"--parts {part} is not a zip file that can be read")
    if options.parts:
        directories = unpack(options.parts, options.commit)
    else:
        prefixes = tuple(options.prefixes)
        chosen = [run for run in list_runs() if run.finished and run.directory.name.startswith(prefixes)]
        directories = [save_reference(run, row(run), REFERENCE) for run in chosen]
    for directory in directories:
        if options.without_weights:
            (directory / "generator.npz").unlink(missing_ok=True)
        size = sum(path.stat().st_size for path in directory.iterdir() if path.is_file())
        print(f"{directory.name}: {size / 1e6:.2f} MB")
    where = "those parts" if options.parts else f"{home() / 'runs'} with an id that begins so"
    print(f"{len(directories)} runs stored" if directories else f"no finished runs in {where}")
    return 0 if directories else 1


def save_reference(run: Run, summary: dict, into: Path) -> Path:
    """Copy a finished run, thinned, with scores and summary, to a folder in ``into``; returns that."""
    directory = into / run.directory.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in ("provenance.json", *SCORES):
        if (run.directory / name).exists():
            shutil.copyfile(run.directory / name, directory / name)
    write_json(directory / "config.json", run.config.published())
    write_json(directory / "summary.json", summary)
    thin_history(run.history).to_csv(directory / "history.csv", index=False, float_format="%.6g")
    shutil.copyfile(run.sample_paths()[-1], directory / "samples.png")
    if run.config.seed == 0:
        write_atomically(directory / "generator.npz", pack_weights(run.generator))
    return directory


def thin_history(history: pd.DataFrame, rows: int = ROWS) -> pd.DataFrame:
    """About ``rows`` bins of equally many steps: last step, means, least and greatest values. No warm-up."""
    history = history[history.step > 0]
    size = max(1, round(len(history) / rows))
    columns = {"step": ("step", "last")} | {name: (name, "mean") for name in (*METRICS, "seconds")}
    columns |= {f"{name}_{most}": (name, most) for name in METRICS for most in ("min", "max")}
    return history.groupby((history.step - 1) // size).agg(**columns).reset_index(drop=True)


def unpack(parts: list[Path], commit: str | None) -> list[Path]:
    """Unpack runs into ``data/reference/``; those of seed 0 get the final generator, as all of that seed have it."""
    unpacked: set[str] = set()
    for part in parts:
        with zipfile.ZipFile(part) as archive:
            files = [name for name in archive.namelist() if OF_A_RUN.fullmatch(name)]
            archive.extractall(REFERENCE, files)  # refuses paths that lead out of it
            names = {name.split("/")[0] for name in files}
        print(f"{part.name}: files of {len(names)} runs")
        unpacked |= names
    runs = [run for run in list_references() if run.directory.name in unpacked]
    for run in runs:
        provenance = run.provenance
        if commit:
            for origin in (provenance, *provenance["sessions"]):
                origin["commit"] = commit
            text = json.dumps(provenance, indent=2) + "\n"
            write_atomically(run.directory / "provenance.json", lambda file, t=text: file.write(t.encode()))
        if not run.finished:
            print(f"{run.directory.name} is {run.status}: kept without images")
        elif run.config.seed == 0:
            with np.load(sorted((run.directory / "snapshots").glob("step_*.npz"))[-1]) as archive:
                weights = [archive[name] for name in archive.files]
            write_atomically(run.directory / "generator.npz", lambda file, w=weights: np.savez_compressed(file, *w))
    return [run.directory for run in runs]


if __name__ == "__main__":
    sys.exit(main())
