import json
import os
import re
import subprocess
import sys
import tomllib
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image
from write_report import TABLES, filled, with_time

from capsgan.cli.commands import build_parser
from capsgan.profiles import PROFILES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").glob("*.md")])
}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_page = pytest.mark.parametrize("page", PAGES)
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def commands(program):
    """Every call of a program in the code blocks of all pages, without comments."""
    lines = [line.split("  #")[0] for text in PAGES.values() for block in re.findall(r"```.*?\n(.*?)```", text, re.S)
             for line in block.splitlines()]  # fmt: skip
    return sorted({line.split(program, 1)[1].strip() for line in lines if program in line})


# Size, links, paths ---------------------------------------------------------------------------------------------


def test_the_readme_can_be_read_in_five_minutes():
    assert len(README.splitlines()) <= 150
    assert len(README.split()) <= 1500


def test_the_readme_starts_with_title_one_sentence_badges_and_a_picture():
    title, sentence, badges, picture = README.split("\n\n")[:4]
    assert title.startswith("# ") and "\n" not in sentence
    assert all(line.startswith("[![") for line in badges.splitlines())
    assert re.fullmatch(r"!\[[^]]{30,}\]\(docs/pictures/\w+\.png\)", picture)


def test_at_most_eight_lines_of_the_readme_are_generated():
    generated = re.findall(r"<!-- begin .*? -->\n(.*?)\n<!-- end", README, re.S)
    assert 0 < sum(len(text.splitlines()) for text in generated) <= 8


def anchors(text):
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_links_lead_to_files_and_headings_that_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), target
        if heading:
            assert heading in anchors(path.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", sorted(PAGES.keys() - {"CHANGELOG.md"}))  # which also names what is gone
def test_paths_that_a_page_names_exist(page):
    tops = r"lib|tests|scripts|study|notebooks|benchmarks|data/(?:results|reference|features)|docs"
    for path in re.findall(rf"(?<![\w/$.])((?:{tops})/[\w/.-]*[\w/])", re.sub(r"\S*/<\S*|\S+\*\S*", "", PAGES[page])):
        assert (ROOT / path).exists(), path


def test_pictures_name_the_committed_code_that_their_runs_were_trained_with():
    pictures = list((ROOT / "docs" / "pictures").glob("*.png"))
    assert pictures
    for path in pictures:
        described = Image.open(path).text["Description"]
        assert re.fullmatch(r"(\S+ @[0-9a-f]{7,40}(; |$))+", described), (path.name, described)


# Commands -------------------------------------------------------------------------------------------------------


def test_the_two_commands_exist():
    for script in ("run_all.sh", "run_tests.sh"):
        assert f"./{script}" in README
        assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("line", commands("-m capsgan "))
def test_a_command_of_a_page_is_accepted(line):
    options = build_parser().parse_args(line.split("#")[0].split())
    assert callable(options.command)


@pytest.mark.parametrize("line", commands("python scripts/"))
def test_a_script_of_a_page_exists(line):
    assert (ROOT / "scripts" / line.split()[0]).exists()


@pytest.mark.parametrize("line", commands("./run_all.sh"))
def test_the_options_of_run_all_that_a_page_names_exist(line):
    command = [sys.executable, str(ROOT / "scripts" / "run_notebooks.py"), "--help"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib")}
    known = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    line = line.split(" -- ")[0]  # what follows is Snakemake's
    assert all(option in known for option in re.findall(r"--[\w-]+", line))


def test_messages_that_troubleshooting_names_are_those_of_the_code():
    sources = [*(ROOT / "lib").rglob("*.py"), *(ROOT / "scripts").iterdir()]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.is_file())
    code = code.replace("dataset={name!r}", "dataset='lfw'")
    rows = re.findall(r"^\| `([^`]+)` \|", PAGES["docs/troubleshooting.md"], re.MULTILINE)
    assert len(rows) >= 5
    for message in rows:
        for part in message.split("..."):
            assert part.strip() in code, part


# Tables and times -----------------------------------------------------------------------------------------------


@every_page
def test_tables_are_the_committed_results(page):
    assert filled(PAGES[page], TABLES) == PAGES[page]


def test_every_table_is_on_a_page():
    shown = {name for text in PAGES.values() for name in re.findall(r"<!-- begin (\w+)", text)}
    assert shown == TABLES.keys()


def test_a_table_is_found_by_its_markers_wherever_they_are():
    tables = {"one": lambda: "1", "two": lambda: "2"}
    text = "a\n<!-- begin two (any words) -->\nold\n<!-- end two -->\nb <!-- begin one -->\n<!-- end one -->\n"
    page = filled(text, tables)
    assert page == text.replace("old", "2").replace("one -->\n<", "one -->\n1\n<") == filled(page, tables)
    for old, new in (("end two", "end one"), ("two", "three"), ("<!-- end one -->", "")):
        with pytest.raises(ValueError, match=r"invalid marker=.*; expected pairs"):
            filled(text.replace(old, new), tables)


@every_notebook
def test_a_notebooks_time_is_the_measured_one(path):
    text = path.read_text(encoding="utf-8")
    assert with_time(text) == text
    seconds = pd.read_csv(ROOT / "data" / "results" / "seconds_quick.csv").set_index("notebook").seconds
    (row,) = re.findall(rf"^\| \[[^]]+\]\(notebooks/{path.stem}\.ipynb\).*\| ([^|]+) \|$", README, re.MULTILINE)
    value, unit = row.split()
    assert abs(float(value) * {"s": 1, "min": 60}[unit] - seconds[path.stem]) <= {"s": 0.5, "min": 30}[unit]


def test_every_notebook_has_a_measured_time():
    rows = pd.read_csv(ROOT / "data" / "results" / "seconds_quick.csv").notebook
    assert list(rows) == [path.stem for path in NOTEBOOKS]


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
        "faces: steps (WGAN)": map(steps, faces),
        "faces: Caps width, batch": map(size, faces),
    }
    for name, row in rows.items():
        assert f"| {name} | {' | '.join(row)} |" in PAGES["docs/study.md"]


# Examples -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_python_example_runs(tmp_path, monkeypatch):
    (code,) = blocks(README, "python")
    monkeypatch.setenv("CAPSGAN_HOME", str(tmp_path))
    namespace = {}
    exec(code.replace("steps=200, width=0.25", "steps=2, width=1 / 64"), namespace)
    images = namespace["shipped"].generate(25, seed=1)
    assert images.shape == (25, 28, 28, 1) and images.dtype == "float32" and abs(images).max() <= 1
    assert namespace["run"].finished and len(namespace["run"].history) == 2


# The address of the repository ----------------------------------------------------------------------------------


def test_every_badge_link_and_setup_cell_has_the_address_of_pyproject():
    address = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    name = address.removeprefix("https://github.com/")
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        badge = f"(https://colab.research.google.com/github/{name}/blob/main/notebooks/{path.name})"
        assert badge in "".join(cells[0]["source"])
        assert badge in README
        assert any(f'REPOSITORY = "{address}"\n' in "".join(cell["source"]) for cell in cells)
    assert f"git clone {address} " in README
    assert set(re.findall(r"github\.com/([\w-]+/[\w.-]+)/actions/", README)) == {name}
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"] == address
