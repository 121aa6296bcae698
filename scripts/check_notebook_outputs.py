"""Refuse notebooks whose stored outputs hold standard error: warnings, progress bars, paths of one machine."""

import json
import sys
from pathlib import Path


def main(paths: list[str]) -> int:
    """Name every cell whose outputs hold standard error; the exit status is 1 if there is one."""
    found = False
    for path in paths:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        for number, cell in enumerate(cells, 1):
            if any(output.get("name") == "stderr" for output in cell.get("outputs", [])):
                print(f"{path}: cell {number} has stored standard error; execute it again without, or clear it")
                found = True
    return int(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
