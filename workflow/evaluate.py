"""Score one run as `capsgan evaluate RUN` does, and keep a copy of its scores. A failed run has none.

.venv/bin/python workflow/evaluate.py TRAINED OUTPUT --samples INT
"""

import json
import shutil
import sys
from pathlib import Path

from capsgan.cli.commands import main


def evaluate(trained: Path, output: Path, options: list[str]) -> int:
    """Score it, unless this measure has scored it already."""
    run = json.loads(trained.read_text(encoding="utf-8"))
    if run["status"] == "failed":
        shutil.copyfile(trained, output)
        return 0
    if status := main(["evaluate", run["run"], *options]):
        return status
    from capsgan.runs.run import load_run

    shutil.copyfile(load_run(run["run"]).directory / "metrics.json", output)
    return 0


if __name__ == "__main__":
    sys.exit(evaluate(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
