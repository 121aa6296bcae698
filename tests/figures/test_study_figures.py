"""Figures of many runs: that they show the numbers they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from result_rows import run_rows

from capsgan.figures import study as result_plots
from capsgan.study.comparisons import analyse
from capsgan.study.plan import read_plan


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def results():
    """Three seeds of DCGAN, Caps half as far from real images as the classical network, and its data curve."""
    rows = []
    for seed in range(3):
        for trunk, factor in (("cnn", 2.0), ("caps", 1.0)):
            for fraction in (0.01, 0.1, 1.0):
                values = {
                    "digits__fid_infinity": factor * (seed + 1) / fraction,
                    "digits__fid": factor * (seed + 1) / fraction,
                }
                values |= {f"training__fid_infinity_at_{step}": factor * 100 / step for step in (10, 20)}
                values |= {f"digits__{m}": 0.5 for m in ("kid", "precision", "recall", "coverage")}
                values |= {"digits__classifier_score": 7.0, "digits__missing_classes": 0.0}
                rows += run_rows("dcgan", trunk, seed, fraction, **values)
    return pd.DataFrame(rows).assign(width=0.25, floor=0.1, samples=100)


def lines(figure, axis=0):
    return [tuple(np.round(line.get_ydata(), 3)) for line in figure.axes[axis].lines]


def test_pairs_are_joined_seed_by_seed_beside_the_floor(results):
    figure = result_plots.pairs_figure(results, {"fid_infinity": "FID∞", "coverage": "Coverage"})
    found = lines(figure)
    assert {(2.0, 1.0), (4.0, 2.0), (6.0, 3.0)} <= set(found)
    assert (0.1, 0.1) in found
    assert [axis.get_title() for axis in figure.axes] == ["DCGAN, seeds: 3", ""]
    assert [axis.get_ylabel() for axis in figure.axes] == ["FID∞", "Coverage"]
    assert "Caps width 0.25" in figure.get_supxlabel()


def test_curves_over_steps_show_every_run_and_the_geometric_mean(results):
    steps = lines(result_plots.fid_by_step_figure(results, ("dcgan",)))
    assert steps.count((20.0, 10.0)) == 4 and steps.count((10.0, 5.0)) == 4  # three runs and their mean


def test_controls_show_a_point_a_seed_and_the_mean(results):
    shown = [("fid_infinity", "digits", "FID∞", "real images"), ("kid", "digits", "KID", "real images")]
    figure = result_plots.controls_figure(results, shown, "DCGAN")
    assert [axis.get_title() for axis in figure.axes] == ["FID∞", "KID"]
    assert (2.0, 4.0, 6.0) in lines(figure) and (4.0, 4.0) in lines(figure)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["classical", "Caps"]


@pytest.mark.slow
def test_intervals_are_drawn_where_the_analysis_has_them(results):
    plan = read_plan()
    varied = results.assign(value=results.value * np.where(results.run == "dcgan-caps-1.0-0", 1.3, 1))
    row = analyse(varied, plan).iloc[0]
    figure = result_plots.intervals_figure(pd.DataFrame([row]), plan, varied)
    assert "(6 runs)" in figure.get_supxlabel()  # those of all data
    drawn = [tuple(np.round(line.get_xdata(), 6)) for line in figure.axes[0].lines]
    assert (round(row.low, 6), round(row.high, 6)) in drawn
    assert "n = 3 each" in figure.get_suptitle()
    assert f"A {figure.axes[0].get_yticklabels()[0].get_text()}" == row.comparison


def test_the_scale_names_the_gans_that_had_other_steps(results):
    wgan = results.assign(gan="wgan", steps=700, run="w" + results.run)
    assert "2,000 steps, batch" in result_plots.describe_results(results)
    assert "2,000 steps (WGAN 700), batch" in result_plots.describe_results(pd.concat([results, wgan]))


def test_a_figure_names_its_runs_and_commits_at_its_foot(results):
    figure = result_plots.fid_by_step_figure(results.assign(commit="abc1234"), ("dcgan",))
    foot = figure.get_supxlabel()
    assert "dcgan-caps-1.0-0" in foot and "6 runs" in foot and "@abc1234" in foot
