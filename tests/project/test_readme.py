import re
import runpy
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from capsgan.profiles import PROFILES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_are_the_committed_results():
    script = runpy.run_path(str(ROOT / "scripts" / "update_readme.py"))
    assert script["updated"](README) == README
    assert README.count("\n| ") > 20


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebooks_time_is_the_measured_one(path):
    script, text = runpy.run_path(str(ROOT / "scripts" / "update_readme.py")), path.read_text(encoding="utf-8")
    assert script["with_time"](text) == text


def test_every_notebook_has_a_measured_time():
    rows = pd.read_csv(ROOT / "data" / "results" / "seconds_quick.csv").notebook
    assert list(rows) == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_table_of_profiles_is_theirs():
    def steps(profile):
        return f"{profile.steps:,}" + (f" ({profile.wgan_steps:,})" if profile.wgan_steps != profile.steps else "")

    def size(profile):
        return f"{Fraction(profile.width)}, {profile.batch_size}" + (", bfloat16" if "bf" in profile.precision else "")

    profiles = [PROFILES[name] for name in ("smoke", "quick", "study", "colab", "paper")]
    faces = [profile.faces for profile in profiles]
    rows = {
        "steps (WGAN)": map(steps, profiles),
        "Caps width, batch": map(size, profiles),
        "of faces: steps (WGAN)": map(steps, faces),
        "of faces: Caps width, batch": map(size, faces),
    }
    for name, row in rows.items():
        assert f"| {name} | {' | '.join(row)} |" in README


def test_links_to_files_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
