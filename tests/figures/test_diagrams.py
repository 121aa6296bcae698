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
