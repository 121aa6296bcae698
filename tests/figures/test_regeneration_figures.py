"""Figures of regenerated images show what they are given, and the table says which method is better and by how much."""

import numpy as np
import pandas as pd
import pytest

from capsgan.figures import regeneration as plots
from capsgan.figures.runs import COLOURS
from capsgan.regeneration.quality import scores_table
from capsgan.regeneration.reconstruction import Regeneration


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype("uint8")


@pytest.fixture
def scores():
    rows = [
        (image, method, metric, base + image + (0.1 * image if method == "b" else 0))
        for image in range(4)
        for method, base in (("a", 10.0), ("b", 12.0), ("c", 5.0))
        for metric in ("psnr_hole", "features")
    ]
    return pd.DataFrame(rows, columns=["image", "method", "metric", "value"])


def test_a_gallery_has_a_row_an_image_and_a_column_a_method(images):
    figure = plots.gallery_figure({"truth": images, "grey": images[..., :1]}, "title")
    assert len(figure.axes) == 6
    assert [axis.get_title() for axis in figure.axes[:2]] == ["truth", "grey"]
    assert (figure.axes[2].images[0].get_array() == images[1]).all()


def test_rectangular_holes_are_outlined_and_tiles_that_differ_from_the_truth_have_their_decibels(images):
    known = np.ones(images.shape[:3], bool)
    known[:, 4:8, 4:8] = False
    off = np.where(known[..., None], images, images ^ 16)  # a difference of 16 in the hole: 20 log10(255 / 16) dB
    figure = plots.gallery_figure({"damaged": images, "off": off, "truth": images}, "title", known, images)
    assert all(axis.collections for axis in figure.axes)
    words = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert words == [[], ["24.0 dB"], []] * len(images)


def test_no_outline_runs_over_the_seams_of_strokes(images):
    known = np.ones(images.shape[:3], bool)
    known[:, range(4, 9), range(4, 9)] = known[:, range(4, 9), range(5, 10)] = False
    figure = plots.gallery_figure({"damaged": images, "truth": images}, "title", known, images)
    assert not any(axis.collections for axis in figure.axes)


def test_the_search_is_drawn_with_its_best_restart_on_top(images):
    losses = np.linspace(3, 1, 5)[:, None, None] * np.ones((5, 3, 2), "float32")
    found = Regeneration(images, images, losses, {}, np.array([1, 0, 0]), {}, {0: images, 4: images}, [])
    figure = plots.search_figure(found, 0, images[0], images[1])
    lines = figure.axes[0].lines
    assert [line.get_label() == "best" for line in lines] == [False, True]
    assert [axis.get_title() for axis in figure.axes[1:]] == ["observed", "step 0", "step 4", "blended", "truth"]


def test_scores_are_ordered_best_on_top(scores):
    figure = plots.scores_figure(scores.replace("b", "Caps, no prior"), "psnr_hole", "PSNR")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["c", "a", "Caps, no prior"]
    diamonds = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert diamonds == [plots.NO_NETWORK, plots.NO_NETWORK, COLOURS["caps"]]
    figure = plots.scores_figure(scores, "features", "distance")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b", "a", "c"]


@pytest.mark.filterwarnings("ignore:Precision loss occurred")
def test_a_table_of_scores_has_means_and_differences_in_pairs(scores):
    table = scores_table(scores, "a", ["psnr_hole"])
    assert list(table.index) == ["b", "a", "c"]
    assert list(table["psnr_hole"]) == ["13.65", "11.50", "6.50"]
    assert table.loc["a"].iloc[1] == "—"
    assert table.loc["c"].iloc[1] == "-5.00 [-5.00, -5.00]"
    low, high = 2.15 + np.array([-1, 1]) * 3.182446 * np.std([0, 0.1, 0.2, 0.3], ddof=1) / 2
    assert table.loc["b"].iloc[1] == f"+2.15 [{low:+.2f}, {high:+.2f}]"
