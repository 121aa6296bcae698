"""Figures say what they show, in fixed colours, and the same data give the same files."""

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from capsgan.config import RunConfig
from capsgan.figures.runs import (
    draw_curve,
    grid_figure,
    metrics_figure,
    overview_figure,
    samples_figure,
    save_figure,
)
from capsgan.gans.base import METRICS
from capsgan.runs.run import Run
from capsgan.runs.table import comparison_table, save_table

BLUE, VERMILION = "#0072B2", "#D55E00"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def figure(pair):
    return metrics_figure("8.2", *pair, profile="smoke")


def hexes(lines):
    return [mpl.colors.to_hex(line.get_color()).upper() for line in lines]


def test_the_foot_names_profile_steps_width_and_seed_and_the_thesiss_steps(figure):
    foot = figure.get_supxlabel()
    for part in ("smoke profile", "mnist5k", "6 steps", "thesis: 20,000", "batch 4", "seed 3"):
        assert part in foot
    assert re.search(r"width 0\.015625", foot)
    assert figure.get_suptitle() == "DCGAN and CapsDCGAN: losses and accuracy (the thesis's Figure 8.2)"


def test_an_overview_has_a_row_of_panels_for_each_pair(pair):
    figure = overview_figure({"whole": pair, "zoomed": (*pair, True)}, "Twice", "smoke")
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["whole", "", "", "zoomed", "", ""] and figure.axes[3].get_xlabel() == "step"
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["classical", "Caps"]
    assert figure.axes[2].get_ylim() != figure.axes[5].get_ylim()
    assert figure.get_supxlabel().count("smoke profile") == figure.get_supxlabel().count(pair[0].directory.name) == 1


def test_the_thesiss_own_scale_is_not_excused():
    from capsgan.figures.runs import describe_scale

    assert "thesis" not in describe_scale(RunConfig(discriminator="caps", steps=20_000), "paper")


def test_every_panel_has_raw_and_smoothed_curves_of_both_in_their_colours(figure, pair):
    assert len(figure.axes) == 3
    for axis, column in zip(figure.axes, ("g_loss", "d_loss", "accuracy"), strict=True):
        *lines, coin = axis.get_lines()
        assert hexes(lines) == [BLUE, BLUE, VERMILION, VERMILION]
        assert coin.get_ydata()[0] == (0.5 if column == "accuracy" else np.log(2))
        for run, raw, smooth in zip(pair, lines[::2], lines[1::2], strict=True):
            np.testing.assert_allclose(raw.get_ydata(), run.history[column])
            np.testing.assert_array_equal(raw.get_xdata(), run.history.step)
            assert (
                raw.get_alpha() < 0.5
                and smooth.get_alpha() in (None, 1)
                and smooth.get_linewidth() > raw.get_linewidth()
            )
        assert axis.get_xlabel() == "step" and axis.get_ylabel()


def test_axes_have_units_and_the_legend_names_the_runs(figure):
    assert [axis.get_ylabel().split(" (")[1] for axis in figure.axes] == ["nats)", "nats)", "share)"]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["DCGAN", "CapsDCGAN", "single steps", "a coin toss:\nlog 2, or ½"]


def test_the_accuracy_panel_shows_the_whole_scale(figure):
    low, high = figure.axes[2].get_ylim()
    assert low <= 0 and high >= 1 and high - low < 1.2


def test_scores_of_a_critic_are_no_nats_and_no_coin_gets_them(wgan_pair):
    figure = metrics_figure("8.4", *wgan_pair, profile="smoke")
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert ["score" in label for label in labels] == [True, True, False]
    assert ["Critic" in label for label in labels] == [False, True, True]
    assert "at midpoint" in labels[2]
    assert all(len(axis.get_lines()) == 4 for axis in figure.axes)


def test_the_footer_names_both_runs(figure, pair):
    assert all(run.directory.name in figure.get_supxlabel() for run in pair)


def test_the_strong_curve_is_a_running_mean_over_two_percent():
    values = np.random.default_rng(0).normal(size=500)
    axis = plt.figure().add_subplot()
    draw_curve(axis, pd.DataFrame({"step": np.arange(500), "g_loss": values}), "g_loss", BLUE, "x")
    raw, smooth = (line.get_ydata() for line in axis.get_lines())
    np.testing.assert_array_equal(raw, values)
    windows = np.convolve(values, np.ones(10) / 10, "valid")  # 500 / 50 = 10
    np.testing.assert_allclose(smooth[5:496], windows, atol=1e-12)


def test_the_zoomed_figure_is_narrower_and_holds_the_second_half(wgan_pair, monkeypatch):
    steps = np.arange(1, 201)
    fall = 50 * np.exp(-steps / 10) + 0.01 * np.sin(steps)
    history = pd.DataFrame({"step": steps} | dict.fromkeys(METRICS, fall) | {"seconds": 1.0})
    monkeypatch.setattr(Run, "history", property(lambda run: history))
    whole, zoomed = (metrics_figure(number, *wgan_pair, profile="smoke") for number in ("8.4", "8.5"))
    assert "zoomed" in zoomed.get_suptitle() and "zoomed" not in whole.get_suptitle()
    for wide, narrow in zip(whole.axes[:2], zoomed.axes[:2], strict=True):
        (low, high), (bottom, top) = narrow.get_ylim(), wide.get_ylim()
        assert bottom < low < -0.009 and 0.009 < high < 0.1 < top
        assert narrow.get_xlim() == (100, 200) and wide.get_xlim()[0] < 1


def test_runs_that_are_no_pair_are_refused_with_the_field(pair):
    classical, caps = pair
    other = Run(caps.directory, RunConfig.from_dict(caps.config.to_dict() | {"seed": 4, "batch_size": 8}))
    with pytest.raises(ValueError, match=r"no.* pair: batch_size, seed of"):
        metrics_figure("8.2", classical, other, "smoke")
    for swapped in ((caps, classical), (classical, classical)):
        with pytest.raises(ValueError, match="discriminator="):
            metrics_figure("8.2", *swapped, "smoke")


def test_a_figure_is_never_drawn_from_another_gans_runs(pair):
    with pytest.raises(ValueError, match="wgan"):
        metrics_figure("8.4", *pair, profile="smoke")


def test_an_unknown_figure_is_refused(pair):
    with pytest.raises(ValueError, match=r"number='8\.6'.*8\.1 \| 8\.2"):
        metrics_figure("8.6", *pair, profile="smoke")


def test_the_same_figure_gives_the_same_files_without_a_date(pair, home):
    files = []
    for _ in range(2):
        path = save_figure(metrics_figure("8.2", *pair, profile="smoke"), "figure", "smoke")
        assert path == home / "figures" / "smoke" / "figure.png"
        files.append((path.read_bytes(), path.with_suffix(".svg").read_bytes()))
        path.unlink()
    assert files[0] == files[1]
    assert files[0][0].startswith(b"\x89PNG") and b"<svg" in files[0][1]
    assert b"<dc:date>" not in files[0][1] and b"tIME" not in files[0][0]


def test_colour_samples_are_drawn_in_colour():
    images = np.zeros((5, 4, 4, 3), "uint8") + np.array([200, 100, 20], "uint8")
    axis = samples_figure({"left": images, "right": images}, "title").axes[0]
    shown = np.asarray(axis.get_images()[0].get_array())
    assert shown.shape[-1] == 3 and {tuple(p) for p in shown.reshape(-1, 3).tolist()} == {
        (200, 100, 20),
        (255, 255, 255),
    }


def test_grey_samples_are_drawn_on_the_full_grey_scale():
    axis = samples_figure({"name": np.full((5, 4, 4, 1), 100, "uint8")}, "title").axes[0]
    image = axis.get_images()[0]
    assert image.get_clim() == (0, 255) and image.get_cmap().name == "gray" and axis.get_title() == "name"


def test_a_table_of_images_has_a_row_for_each_name():
    images = np.arange(3 * 4, dtype="uint8").reshape(3, 4, 1, 1, 1) * np.ones((3, 4, 6, 6, 1), "uint8")
    axis = grid_figure(images, "title", "digit", "sample", row_names=["a", "b", "c"]).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c"]
    shown = np.asarray(axis.get_images()[0].get_array())
    for row, tick in enumerate(axis.get_yticks()):
        assert shown[round(tick), 1 + 7 * 2 + 3] == 4 * row + 2  # third image of the row that the tick names


def test_the_comparison_has_a_row_a_run_with_final_and_tail_values(pair):
    table = comparison_table(pair)
    assert table.network.tolist() == ["DCGAN", "CapsDCGAN"] and table.steps.tolist() == [6, 6]
    statistics = {f"{metric}_{kind}" for metric in METRICS for kind in ("final", "tail_mean", "tail_std")}
    sizes = {"generator_parameters", "discriminator_parameters", "discriminator_multiply_adds"}
    others = {"network", "steps", "ms_per_step", "minutes", "peak_memory_mb", "run"}
    assert set(table.columns) == statistics | sizes | others
    for row, run in zip(table.itertuples(), pair, strict=True):
        assert row.d_loss_final == run.history.d_loss.iloc[-1]
        assert row.ms_per_step == pytest.approx(1000 * run.history.seconds.median())
        assert row.minutes * 60 == pytest.approx(run.history.seconds.sum())
    assert table.discriminator_parameters[0] == 392_705
    assert table.generator_parameters[0] == table.generator_parameters[1]


def test_tail_statistics_are_of_the_last_tenth_without_the_warm_up(pair, monkeypatch):
    steps = np.arange(-9, 101)
    history = pd.DataFrame({"step": steps} | dict.fromkeys(METRICS, steps / 100) | {"seconds": 0.5})
    monkeypatch.setattr(Run, "history", property(lambda run: history))
    row = comparison_table(pair[:1]).iloc[0]
    assert row.steps == 100 and row.g_loss_final == 1
    assert row.accuracy_tail_mean == pytest.approx(np.mean(np.arange(91, 101)) / 100)
    assert row.accuracy_tail_std == pytest.approx(np.std(np.arange(91, 101)) / 100)


def test_the_table_is_saved_beside_the_figures(pair, home):
    path = save_table(comparison_table(pair), "smoke")
    assert path == home / "figures" / "smoke" / "comparison.csv"
    assert pd.read_csv(path).network.tolist() == ["DCGAN", "CapsDCGAN"]


def test_a_run_that_is_not_finished_has_no_row(home):
    with pytest.raises(ValueError, match="not finished"):
        comparison_table([Run(home / "none", RunConfig())])
