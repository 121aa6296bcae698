"""Two folders of runs hold the same results, bit for bit; says how often each of the second was begun again.

.venv/bin/python tests/cluster/compare.py FOLDER FOLDER
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd


def weights(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a weights file by name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


def main(first: Path, second: Path):
    """Compare histories without their times, and weights."""
    names = [sorted(path.parent.name for path in folder.glob("*/history.csv")) for folder in (first, second)]
    assert names[0] == names[1] != [], names
    resumed = 0
    for name in names[0]:
        one, two = (pd.read_csv(folder / name / "history.csv").drop(columns="seconds") for folder in (first, second))
        pd.testing.assert_frame_equal(one, two, check_exact=True)
        for player in ("generator", "discriminator"):
            one, two = (weights(folder / name / f"{player}.weights.h5") for folder in (first, second))
            assert one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one), (name, player)
        sessions = json.loads((second / name / "provenance.json").read_text(encoding="utf-8"))["sessions"]
        resumed += len(sessions) > 1
        print(f"{name}: the same, bit for bit; begun at step {' and '.join(str(s['from_step']) for s in sessions)}")
    assert resumed, "no run was begun again: the faults hit nothing"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
