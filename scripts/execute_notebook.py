"""Execute one notebook with papermill into build/notebooks/PROFILE/; what its cells print is printed.

.venv/bin/python scripts/execute_notebook.py 02_dcgan --profile quick
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import papermill
from kernels import build_directory, kernel_environment, picture_count
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from capsgan.paths import ROOT

NOTEBOOKS, EXECUTED = ROOT / "notebooks", build_directory() / "notebooks"


def main() -> int:
    """Execute it; on failure say where and why. Returns 0 done, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", help="e.g. 02_dcgan")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true", help="train again what is finished")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the kernel is ended, too
    output = EXECUTED / options.profile / f"{options.name}.ipynb"
    output.parent.mkdir(parents=True, exist_ok=True)
    os.environ |= kernel_environment(build_directory() / "settings" / options.name)  # notebooks run side by side
    try:
        papermill.execute_notebook(
            escape(NOTEBOOKS / f"{options.name}.ipynb"),
            escape(output),
            {"PROFILE": options.profile, "SEED": options.seed, "FORCE": options.force},
            kernel_name="python3",
            cwd=str(NOTEBOOKS),
            progress_bar=False,
            log_output=True,
        )
    except papermill.PapermillExecutionError as error:
        print(f"{options.name}: cell {error.exec_count} failed: {error.ename}: {error.evalue}", file=sys.stderr)
    except (DeadKernelError, CellTimeoutError) as error:
        print(f"{options.name}: the kernel died: {error} (out of memory?)", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{options.name}: interrupted", file=sys.stderr)
        return 130
    else:
        stored, executed = (
            json.loads(path.read_text(encoding="utf-8")) for path in (NOTEBOOKS / f"{options.name}.ipynb", output)
        )
        if picture_count(executed) or not picture_count(stored):
            return 0
        print(f"{options.name}: no cell drew a picture; {picture_count(stored)} were expected", file=sys.stderr)
    print(f"the notebook so far: {output}", file=sys.stderr)
    return 1


def escape(path) -> str:
    """Papermill fills in ``{name}`` in paths."""
    return str(path).replace("{", "{{").replace("}", "}}")


if __name__ == "__main__":
    sys.exit(main())
