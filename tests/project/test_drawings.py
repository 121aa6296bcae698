"""The hand-drawn diagrams carry the thesis's numbers, and the stored ones are what the script draws."""

import json
from pathlib import Path
from xml.etree import ElementTree

import draw_diagrams
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_stored_pictures_are_what_the_script_draws(tmp_path, monkeypatch):
    stored = {path.name: path.read_text() for path in draw_diagrams.PICTURES.glob("*.svg")}
    monkeypatch.setattr(draw_diagrams, "PICTURES", tmp_path)
    draw_diagrams.main()
    assert {path.name: path.read_text() for path in tmp_path.glob("*.svg")} == stored


@pytest.mark.parametrize("name", draw_diagrams.DESCRIPTIONS)
def test_stored_pictures_begin_with_a_title_and_a_description(name):
    title, description = list(ElementTree.parse(draw_diagrams.PICTURES / f"{name}.svg").getroot())[:2]
    assert title.tag.endswith("}title") and len(title.text) >= 20
    assert description.tag.endswith("}desc") and description.text == draw_diagrams.DESCRIPTIONS[name]


def test_alt_texts_in_the_notebooks_are_these_descriptions():
    paths = [Path(__file__).parents[2] / "notebooks" / f"{name}.ipynb" for name in ("01_gan_basics", "02_dcgan")]
    cells = [cell for path in paths for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    drawings = [cell for cell in cells if "".join(cell["source"]).startswith("SVG(")]
    assert [cell["metadata"]["alt"] for cell in drawings] == list(draw_diagrams.DESCRIPTIONS.values())


def test_every_gate_gets_u_hat():
    figure = draw_diagrams.gated_capsules_drawing()
    tops = [
        patch
        for patch in figure.axes[0].patches
        if getattr(patch, "_posA_posB", None) and patch._posA_posB[0][1] == 0.8
    ]
    assert len(tops) == 3
    assert sum("gate" in text for text in words(figure)) == 3


@pytest.mark.parametrize("number, drawing", [("1.1", "gan"), ("1.2", "cnn"), ("2.1", "dcgan")])
def test_drawings_carry_the_number_of_the_thesis(number, drawing):
    title = getattr(draw_diagrams, f"{drawing}_drawing")().axes[0].get_title()
    assert title.startswith(f"Figure {number}:")


def test_the_capsule_of_a_hardly_seen_part_is_short():
    axes = draw_diagrams.capsule_drawing().axes
    lengths = [float(axis.texts[0].get_text().removeprefix("length ")) for axis in axes]
    assert lengths[0] == lengths[1] > lengths[2] > 0
