"""The hand-drawn diagrams carry the thesis's numbers, and the stored ones are what the script draws."""

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
