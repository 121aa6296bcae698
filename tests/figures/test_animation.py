"""A GIF has every frame in its colours; that of a training counts its steps while the curves grow."""

import io
import itertools
import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from capsgan.figures.animation import encode_gif, training_gif
from capsgan.runs.reference import ReferenceRun
from capsgan.runs.run import Run


def test_gif_has_every_frame_in_order_and_holds_the_last():
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    frames = [np.full((4, 5, 3), colour, "uint8") for colour in colours]
    gif = Image.open(io.BytesIO(encode_gif(frames, milliseconds=150)))
    assert gif.n_frames == 3 and gif.size == (5, 4) and gif.info["loop"] == 0
    seen = []
    for number, colour in enumerate(colours):
        gif.seek(number)
        seen.append(gif.info["duration"])
        np.testing.assert_allclose(np.asarray(gif.convert("RGB"))[2, 3], colour, atol=8)
    assert seen == [150, 150, 2000]


def test_a_gif_of_no_frames_is_refused():
    with pytest.raises(ValueError, match="no frames"):
        encode_gif([])


def test_a_gif_keeps_a_colour_in_frames_that_are_otherwise_different():
    frames = np.random.default_rng(0).integers(0, 256, (12, 40, 40, 1), "uint8").repeat(3, axis=3)
    frames[::2] = (92, 191, 158)
    frames[:, :3, :3] = (230, 159, 0)
    gif = Image.open(io.BytesIO(encode_gif(list(frames))))
    for number in range(gif.n_frames):
        gif.seek(number)
        np.testing.assert_allclose(np.asarray(gif.convert("RGB"))[:3, :3], frames[0, :3, :3], atol=8)


@pytest.fixture
def counters(monkeypatch):
    """The step counters that the frames of a GIF get, one after another."""
    texts = []
    monkeypatch.setattr(Figure, "suptitle", lambda figure, text, **options: texts.append(text))
    return texts


def without_grids(run, directory, steps):
    """A copy of a run that has lost the sample grids of some steps."""
    shutil.copytree(run.directory, directory)
    for step in steps:
        (directory / "samples" / f"step_{step:08d}.png").unlink()
    return Run(directory, run.config)


def test_a_training_gif_has_a_frame_per_sample_step_and_counts_to_the_last(pair, counters):
    gif = training_gif(dict(zip(("classical", "Caps"), pair, strict=True)))
    assert counters == [f"step {step} of 6" for step in range(1, 7)]
    assert Image.open(io.BytesIO(gif)).n_frames == 6 and len(gif) < 1_500_000


def test_a_training_gif_shows_the_steps_that_all_runs_have(pair, counters, tmp_path):
    fewer = without_grids(pair[1], tmp_path / "fewer", [1, 3])
    training_gif({"classical": pair[0], "Caps": fewer})
    assert counters == [f"step {step} of 6" for step in (2, 4, 5, 6)]


def test_a_training_gif_of_few_frames_begins_and_ends_with_the_run(pair, counters):
    training_gif({"classical": pair[0]}, frames=3)
    assert len(counters) == 3
    assert (counters[0], counters[-1]) == ("step 1 of 6", "step 6 of 6")


def test_in_a_training_gif_curves_grow_and_nothing_jumps(pair, monkeypatch):
    frames = []
    monkeypatch.setattr("capsgan.figures.animation.encode_gif", lambda shown, **options: frames.extend(shown))
    training_gif(dict(zip(("classical", "Caps"), pair, strict=True)))
    below = np.stack(frames)[:, -212:].astype(int)  # the losses with their axes
    coloured = np.ptp(below, axis=3) > 0
    changes = (np.abs(np.diff(below, axis=0)) > 2).any(axis=3)  # beyond the rounding of faint colours
    for step, frame in enumerate(coloured, start=1):
        assert not frame[:, 40 + 304 * step // 6 + 2 : 370].any()  # the left axes begin at 40 and are 304 wide
    assert changes.any(axis=(1, 2)).all() and coloured[1:][changes].all()  # nothing but more of the curves
    assert all((now >= before).all() for before, now in itertools.pairwise(coloured))


def test_a_training_gif_without_a_common_step_is_refused(pair, tmp_path):
    early = without_grids(pair[0], tmp_path / "early", [4, 5, 6])
    late = without_grids(pair[1], tmp_path / "late", [1, 2, 3])
    with pytest.raises(ValueError, match="no step has a grid of every one of early, late"):
        training_gif({"classical": early, "Caps": late})


def test_references_have_no_training_gif(pair, tmp_path):
    shutil.copyfile(pair[0].sample_paths()[-1], tmp_path / "samples.png")
    with pytest.raises(ValueError, match="references have none"):
        training_gif({"classical": ReferenceRun(tmp_path, pair[0].config), "Caps": pair[1]})
