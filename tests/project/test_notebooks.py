import ast
import base64
import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_output
from PIL import Image
from store_outputs import PICTURES, add_alt_text, shows_an_outdated_run

from capsgan.config import RunConfig
from capsgan.course.exercises import check
from capsgan.runs.writer import RecordedRun

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind="code", tag=None):
    found = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]
    return [cell for cell in found if tag is None or tag in cell["metadata"].get("tags", [])]


def source(cell):
    return "".join(cell["source"])


def run_checks(path, answers):
    """The lines that a notebook's check cells print when its exercises are answered by these functions."""
    code = "\n".join(source(cell) for cell in cells(path, tag="exercise-check"))
    namespace = {"np": np, "check": check} | answers
    if "torch." in code:
        namespace["torch"] = pytest.importorskip("torch")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    return printed.getvalue().splitlines()


def functions_of(code):
    if "import torch" in code:
        pytest.importorskip("torch")
    namespace = {"np": np}
    exec(code, namespace)
    return {name: value for name, value in namespace.items() if callable(value)}


def test_the_course_has_eleven_notebooks_numbered_from_01():
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(1, 12)]


@every_notebook
def test_solutions_satisfy_every_check(path):
    solutions = functions_of((path.parent / "solutions" / f"{path.stem}.py").read_text())
    lines = run_checks(path, solutions)
    assert len(lines) == len(cells(path, tag="exercise-check")) >= 2
    assert all(line.startswith("Right: ") for line in lines), lines


@every_notebook
def test_unanswered_exercises_are_told_so(path):
    stubs = functions_of("\n".join(source(cell) for cell in cells(path, tag="exercise")))
    assert all(line.startswith("Not yet: ") for line in run_checks(path, stubs))


@every_notebook
def test_opens_with_title_badge_goals_and_parameters(path):
    first = source(cells(path, "markdown")[0])
    assert re.match(r"# \d\d · ", first)
    assert f"notebooks/{path.name})" in first and "**You will learn**" in first and "**Time**" in first
    (parameters,) = cells(path, tag="parameters")
    names = {node.targets[0].id for node in ast.parse(source(parameters)).body}
    assert names - {"DATASET"} == {"PROFILE", "SEED", "FORCE"}


@every_notebook
def test_opens_with_a_small_picture_that_is_described(path):
    first = cells(path, "markdown")[0]
    _, picture, caption = source(first).split("\n\n")[:3]
    assert re.fullmatch(r"!\[[^]]{80,300}\]\(attachment:opening\.png\)", picture)
    assert re.fullmatch(r"<small>.{60,300}</small>", caption)
    png = base64.b64decode(first["attachments"]["opening.png"]["image/png"])
    assert len(png) < 120_000
    width, height = Image.open(io.BytesIO(png)).size
    assert width == 1000 and 200 <= height <= 360


def test_all_opening_pictures_together_are_small():
    attachments = [cells(path, "markdown")[0]["attachments"]["opening.png"]["image/png"] for path in NOTEBOOKS]
    assert sum(map(len, attachments)) < 900_000


@every_notebook
def test_the_opening_asks_one_question_and_says_what_it_needs(path):
    _, question, *_ = source(cells(path, "markdown")[0]).split("\n\n**")
    assert re.match(r"[^*?]+\?\*\*", question)
    bold = [part.split("**")[0] for part in source(cells(path, "markdown")[0]).split("\n\n**")[2:]]
    assert bold == ["You will learn", "You need", "Time", "Path"]


@every_notebook
def test_setup_is_the_same_everywhere(path):
    last = 'sys.path.insert(0, str(root / "lib"))'
    setup, reference = (source(cells(notebook)[0]).partition(last) for notebook in (path, NOTEBOOKS[1]))
    assert setup[:2] == reference[:2]


@every_notebook
def test_the_library_is_imported_from_capsgan_and_at_most_five_of_its_packages(path):
    trees = [ast.parse(re.sub(r"^[%!].*", "pass", source(cell), flags=re.MULTILINE)) for cell in cells(path)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    places = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    places |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    places = {place for place in places if place.split(".")[0] == "capsgan"}
    assert "capsgan" in places and len(places) <= 6
    assert all(place.count(".") <= 1 for place in places), "from a package, not from a module inside it"


@every_notebook
def test_functions_are_defined_in_notebooks_01_10_and_11_and_in_exercises_only(path):
    if path.stem.startswith(("01", "10", "11")):
        pytest.skip("these notebooks write a loop, a loss or a model out in full")
    for cell in cells(path):
        if "exercise" not in cell["metadata"].get("tags", []):
            assert not re.search(r"^def ", source(cell), re.MULTILINE), source(cell)


@every_notebook
def test_a_third_of_the_printing_cells_are_compared(path):
    printing = [cell for cell in cells(path) if any(output.get("name") == "stdout" for output in cell["outputs"])]
    compared = [cell for cell in printing if "nbval-ignore-output" not in cell["metadata"].get("tags", [])]
    assert len(compared) * 3 >= len(printing) > 0


@every_notebook
def test_stored_outputs_are_clean(path):
    for cell in cells(path):
        assert cell["execution_count"] is not None
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
    text = path.read_text()
    assert str(ROOT) not in text
    assert not re.search(r"\d%\|", text), "progress bars"


def stored_alt_texts(cell):
    kinds = [(output, kind) for output in cell["outputs"] for kind in PICTURES if kind in output.get("data", {})]
    return [output["metadata"].get(kind, {}).get("alt", "") for output, kind in kinds]


@every_notebook
def test_every_picture_has_an_alt_text_of_its_own(path):
    texts = [text for cell in cells(path) for text in stored_alt_texts(cell)]
    assert texts and all(20 <= len(text) <= 300 for text in texts)
    assert len(set(texts)) == len(texts)


@every_notebook
def test_stored_alt_texts_are_those_of_the_cells(path):
    for cell in cells(path):
        alt = cell["metadata"].get("alt", [])
        assert stored_alt_texts(cell) == ([alt] if isinstance(alt, str) else alt), source(cell)


@pytest.mark.parametrize("alt", ["A curve.", ["A curve.", "A grid."]])
def test_storing_outputs_copies_alt_texts_and_keeps_other_metadata(alt):
    texts = [alt] if isinstance(alt, str) else alt
    pictures = [new_output("display_data", {"image/gif": ""}, metadata={"image/gif": {"width": 9}}) for _ in texts]
    cell = new_code_cell(outputs=[new_output("stream"), *pictures], metadata={"alt": alt})
    add_alt_text(cell)
    assert stored_alt_texts(cell) == texts
    assert all(picture.metadata["image/gif"]["width"] == 9 for picture in pictures)


@pytest.mark.parametrize("metadata", [{}, {"alt": "A curve."}, {"alt": ["A curve.", "A grid.", "A map."]}])
def test_storing_outputs_refuses_a_different_number_of_alt_texts_than_pictures(metadata):
    pictures = [new_output("display_data", {"image/png": ""}) for _ in range(2)]
    with pytest.raises(ValueError, match=r"pictures: 2, alt texts: [013];"):
        add_alt_text(new_code_cell(outputs=pictures, metadata=metadata))


def test_outputs_of_a_run_by_earlier_code_are_not_stored(tmp_path):
    run = RecordedRun(tmp_path, RunConfig("completion", "cnn"))
    run.write_json("provenance.json", {"source_sha256": "0" * 64})
    with pytest.warns(UserWarning) as warned:
        run.check_source()
    stderr = new_output("stream", name="stderr", text=f"UserWarning: {warned[0].message}")
    assert shows_an_outdated_run([new_code_cell(), new_code_cell(outputs=[stderr])])
    assert not shows_an_outdated_run([new_code_cell(outputs=[new_output("stream", text="Run(finished)")])])


def test_errata_name_tests_that_exist():
    (errata,) = [
        source(c) for c in cells(ROOT / "notebooks/06_compare_metrics.ipynb", "markdown") if "Errata" in source(c)
    ]
    rows = [line for line in errata.splitlines() if line.startswith("|")][2:]
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(rows) >= 16
    for row in rows:
        names = re.findall(r"`(test_\w+)`", row)
        assert names, row
        for name in names:
            assert f"def {name}(" in tests, name
