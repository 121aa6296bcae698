"""Drawings say what the models are."""

import matplotlib.pyplot as plt
import pytest

from capsgan.figures import diagrams
from capsgan.networks.discriminators import build_discriminator
from capsgan.networks.generators import build_generator
from capsgan.networks.inspection import layer_table


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_an_architecture_names_every_shape_of_the_model(build):
    model = build(image_shape=(28, 28, 1))
    shapes = ["×".join(map(str, shape[1:])) for shape in layer_table(model).output_shape]
    drawn = [text for text in words(diagrams.architecture_figure(model, "title")) if text in shapes]
    assert [text for text, before in zip(shapes, [None, *shapes], strict=False) if text != before] == drawn


def test_every_gate_gets_u_hat():
    figure = diagrams.gated_capsules_drawing()
    tops = [
        patch
        for patch in figure.axes[0].patches
        if getattr(patch, "_posA_posB", None) and patch._posA_posB[0][1] == 0.8
    ]
    assert len(tops) == 3
    assert sum("gate" in text for text in words(figure)) == 3


@pytest.mark.parametrize("number, drawing", [("1.1", "gan"), ("1.2", "cnn"), ("2.1", "dcgan")])
def test_drawings_carry_the_number_of_the_thesis(number, drawing):
    title = getattr(diagrams, f"{drawing}_drawing")().axes[0].get_title()
    assert title.startswith(f"Figure {number}:")


def test_the_capsule_of_a_hardly_seen_part_is_short():
    axes = diagrams.capsule_drawing().axes
    lengths = [float(axis.texts[0].get_text().removeprefix("length ")) for axis in axes]
    assert lengths[0] == lengths[1] > lengths[2] > 0
