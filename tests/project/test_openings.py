"""The script that draws the notebooks' opening pictures: what is unchanged stays as it is."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from draw_openings import DIGIT, OPENINGS, Sheet, attach, cut, looks_the_same
from PIL import Image

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def picture(level):
    file = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), level, "uint8")).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def notebook(tmp_path):
    return Path(shutil.copy(NOTEBOOKS / "10_capsules.ipynb", tmp_path))


def test_every_notebook_has_an_opening():
    assert list(OPENINGS) == sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def test_attaching_a_picture_twice_changes_nothing(notebook):
    assert attach(notebook, picture(200), "a square", "It is grey.")
    before = notebook.read_bytes()
    assert not attach(notebook, picture(200), "a square", "It is grey.")
    assert notebook.read_bytes() == before


def test_attaching_a_picture_changes_three_lines_of_the_first_cell_and_nothing_else(notebook):
    before = json.loads(notebook.read_text(encoding="utf-8"))
    attach(notebook, picture(200), "a square", "It is grey.")
    after = json.loads(notebook.read_text(encoding="utf-8"))
    assert after | {"cells": before["cells"]} == before and after["cells"][1:] == before["cells"][1:]
    old, new = ("".join(read["cells"][0]["source"]).split("\n\n") for read in (before, after))
    assert new == [old[0], "![a square](attachment:opening.png)", "<small>It is grey.</small>", *old[3:]]


def test_a_picture_that_differs_by_rounding_is_not_written_again(notebook):
    attach(notebook, picture(200), "a square", "It is grey.")
    assert not attach(notebook, picture(201), "a square", "It is grey.")
    assert attach(notebook, picture(220), "a square", "It is grey.")


def test_pictures_of_different_sizes_are_different():
    assert not looks_the_same(picture(200), Sheet(100).png("empty"))
    assert not looks_the_same(b"", picture(200))


@pytest.mark.parametrize("gap", [0, 2])
def test_a_sample_grid_is_cut_into_its_images(gap):
    side = 3 * DIGIT + 4 * gap
    grid = np.full((side, side, 1), 255, "uint8")
    for number in range(9):
        row, column = (gap + (DIGIT + gap) * place for place in divmod(number, 3))
        grid[row : row + DIGIT, column : column + DIGIT] = number
    assert [set(np.unique(image)) for image in cut(grid)] == [{number} for number in range(9)]
