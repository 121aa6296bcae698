"""The hand-drawn diagrams carry the thesis's numbers, and the stored ones are what the script draws."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import draw_capsules
import draw_diagrams
import matplotlib.pyplot as plt
import numpy as np
import pytest

from capsgan.networks import route

SVG = "{http://www.w3.org/2000/svg}"


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
    paths = (Path(__file__).parents[2] / "notebooks").glob("*.ipynb")
    cells = [cell for path in paths for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    found = [(re.search(r'SVG\(root / "docs" / "pictures" / "(\w+)', "".join(cell["source"])), cell) for cell in cells]
    shown = [(drawing[1], cell["metadata"]["alt"]) for drawing, cell in found if drawing]
    assert dict(shown) == draw_diagrams.DESCRIPTIONS
    assert all(text == draw_diagrams.DESCRIPTIONS[name] for name, text in shown)


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


@pytest.mark.parametrize("draw", [draw_capsules.capsule_drawing, draw_capsules.gate_and_routing_drawing])
def test_every_text_of_a_drawing_is_inside_it(draw):
    root = ElementTree.fromstring(draw())
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for text in root.iter(f"{SVG}text"):
        long = 0.6 * float(text.get("font-size")) * len(text.text)
        left = float(text.get("x")) - (long / 2 if text.get("text-anchor") == "middle" else 0)
        assert left >= 0 and left + long <= width and 0 < float(text.get("y")) < height, text.text


def test_a_capsules_vector_turns_with_its_part():
    turns = {"part": [], "vector": []}
    for shape in ElementTree.fromstring(draw_capsules.capsule_drawing()).iter(f"{SVG}g"):
        if shape.get("class") in turns:
            turns[shape.get("class")].append(re.search(r"rotate.*", shape.get("transform"))[0])
    assert turns["part"] == turns["vector"] and len(set(turns["part"])) == 3


def test_the_capsule_of_a_hardly_seen_part_is_short():
    lengths = [float(number) for number in re.findall(r">length ([\d.]+)<", draw_capsules.capsule_drawing())]
    assert lengths[0] == lengths[1] == lengths[2] > lengths[3] > lengths[4] == 0


def test_the_drawn_couplings_are_those_of_the_librarys_routing():
    lines = ElementTree.fromstring(draw_capsules.gate_and_routing_drawing()).iter(f"{SVG}line")
    widths = np.array([float(line.get("stroke-width")) for line in lines if line.get("class") == "coupling"])
    drawn = widths.reshape(draw_capsules.ROUNDS, *draw_capsules.VOTES.shape[:2]) / (2 * widths[0])  # ½ in round 1
    votes = draw_capsules.VOTES[None].astype("float32")
    ours = [np.asarray(route(votes, iterations=number + 1)[1])[0] for number in range(draw_capsules.ROUNDS)]
    np.testing.assert_allclose(drawn, ours, atol=2e-3)
