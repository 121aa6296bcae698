"""Copy finished runs into data/reference/, small enough to be committed. Afterwards notebook 06 draws figures/paper/.

.venv/bin/python scripts/store_reference.py RUN_PREFIX ...
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from capsgan.comparison import row
from capsgan.reference import save_reference
from capsgan.runs import list_runs


def main() -> int:
    """Store every finished run whose id begins with one of the prefixes."""
    chosen = [run for run in list_runs() if run.finished and run.directory.name.startswith(tuple(sys.argv[1:]))]
    for run in chosen:
        directory = save_reference(run, row(run))
        size = sum(path.stat().st_size for path in directory.iterdir())
        print(f"{directory.name}: {size / 1e6:.1f} MB")
    print(f"{len(chosen)} runs stored")
    return 0 if chosen else 1


if __name__ == "__main__":
    sys.exit(main())
