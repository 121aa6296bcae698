import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "docs" / "thesis_map.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in MAP.splitlines() if line.startswith("| ")]
ROWS = [row for row in ROWS if len(row) == 5 and row[0] != "thesis"]

SECTIONS = {  # chapter → its numbered sections
    1: "1 1.1 1.2 1.3 2 3 4 5 6",
    2: "1 2 3 4 5 6",
    3: "1 2 3 4 5",
    4: "1 2 3 3.1 3.2",
    5: "1 2 2.1 2.2 2.3",
    6: "1 1.1 1.2",
}
FIGURES = ("1.1", "1.2", "1.3", "2.1", "5.1", "6.1", "8.1", "8.2", "8.3", "8.4", "8.5")
REQUIREMENTS = {"4.1": 4, "4.2": 2, "4.3.1": 9, "4.3.2": 8}
CLAIMS = {"Abstract": 5, "1.4": 2, "1.5": 1, "1.6": 1, "2.6": 2, "6": 2, "9": 9}
EXPECTED = [f"{chapter}.{section} " for chapter, sections in SECTIONS.items() for section in sections.split()]
EXPECTED += [f"{chapter} " for chapter in (2, 5, 6, 8, 9)]  # chapters that say more than their sections
EXPECTED += [f"Listing 7.{number} " for number in range(1, 6)] + [f"Figure {number}" for number in FIGURES]
EXPECTED += [f"{section}, item {item}" for section, items in REQUIREMENTS.items() for item in range(1, items + 1)]
EXPECTED += [f"{section}, claim {claim}" for section, claims in CLAIMS.items() for claim in range(1, claims + 1)]


def paths_in(text):
    quoted = re.findall(r"`([^`]+)`", text)
    endings = (".py", ".ipynb", ".md", ".sh", ".toml", ".lock", ".yml")
    return [word for word in quoted if "/" in word or word.endswith(endings)]


@pytest.mark.parametrize("path", sorted(set(paths_in(MAP))))
def test_a_path_in_the_map_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("what", EXPECTED)
def test_the_map_has_one_row_for_every_part_of_the_thesis(what):
    rows = [row for row in ROWS if row[0] == what or (what.endswith(" ") and row[0].startswith(what))]
    assert len(rows) == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_what_the_thesis_says_and_what_answers_it(row):
    _, says, code, test, notebook = row
    assert says and code and test and notebook
    assert paths_in(code) or re.search(r"\b(background|see|not built|measured)\b", code)
    assert all(path.startswith("tests/") or path == "run_tests.sh" for path in paths_in(test))
    assert all(path.startswith("notebooks/") for path in paths_in(notebook))


def test_names_in_code_that_the_map_gives_beside_a_module_stand_in_that_module():
    for path, names in re.findall(r"`(lib/[^`]+\.py)` \((`\w+`(?:, `\w+`)*)\)", MAP):
        text = (ROOT / path).read_text(encoding="utf-8")
        for name in names.replace("`", "").split(", "):
            assert re.search(rf"^\s*(?:def|class) {name}\b", text, re.MULTILINE), f"{name} in {path}"
