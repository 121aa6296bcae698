"""Gather the scores of all runs into one table, one row per run. Reads one file at a time.

.venv/bin/python workflow/scores.py FOLDER OUTPUT
"""

import csv
import json
import sys
from pathlib import Path

HEAD = ("run", "status", "gan", "discriminator", "dataset", "fraction", "width", "steps", "seed", "samples")


def read(path: Path) -> dict:
    """One run's row: what it is, and each metric of each feature space as ``space: metric``."""
    found = json.loads(path.read_text(encoding="utf-8"))
    row = {"run": path.stem, "status": found.get("status", "finished"), "samples": found.get("samples", "")}
    row |= {name: found["config"][name] for name in HEAD if name in found["config"]}
    for space, metrics in found.get("metrics", {}).items():
        row |= {f"{space}: {name}": metric["value"] for name, metric in metrics.items()}
    return row


def main():
    """Read all, write one table."""
    folder, output = map(Path, sys.argv[1:])
    rows = [read(path) for path in sorted(folder.glob("*.json"))]
    names = sorted({name for row in rows for name in row} - set(HEAD))
    with output.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*HEAD, *names])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} runs, {sum(row['status'] == 'failed' for row in rows)} of them failed")


if __name__ == "__main__":
    main()
