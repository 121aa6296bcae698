"""Train one run as `capsgan train OPTIONS` does, and say in a small file how it ended.

.venv/bin/python workflow/train.py OUTPUT OPTIONS
"""

import json
import sys
from pathlib import Path

from capsgan.cli.commands import build_parser, main
from capsgan.cli.runs import read_train_config

DIVERGED = 1  # the exit status of a training whose loss is not finite, and of a full disk


def train(output: Path, options: list[str]) -> int:
    """Train; a run that diverges has ended, too."""
    status = main(["train", *options])
    from capsgan.runs.run import run_for

    run = run_for(read_train_config(build_parser().parse_args(["train", *options])))
    if status not in (0, DIVERGED) or run.status not in ("finished", "failed"):
        return status or 1
    result = {"run": run.directory.name, "status": run.status, "config": run.config.to_dict()}
    result |= {"history_sha256": run.history_sha256} if run.finished else {}
    output.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(train(Path(sys.argv[1]), sys.argv[2:]))
