"""Regeneration finds what is hidden where it can be found, changes nothing else, and does so on every backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import regeneration_worker as worker
from compare_regeneration import regenerate_with_priors

from capsgan.config import RunConfig
from capsgan.data.cartoon import draw_faces
from capsgan.data.holes import centre_mask, make_masks
from capsgan.data.image_files import read_image
from capsgan.data.pixels import to_float
from capsgan.gans import build_gan
from capsgan.regeneration import blending
from capsgan.regeneration import reconstruction as regeneration
from capsgan.regeneration.blending import blend
from capsgan.regeneration.cropping import regenerate_photos
from capsgan.regeneration.degradations import Downscaling, Fading, Inpainting, make_degradation, to_grey
from capsgan.regeneration.latent_search import SearchOptions, choose_starts, norm_penalty
from capsgan.regeneration.masks import context_weights
from capsgan.regeneration.reconstruction import regenerate

LIBRARY = Path(regeneration.__file__).parents[1]
QUICK = {"restarts": 2, "steps": 3, "progress": False}


@pytest.fixture(scope="module")
def linear():
    """A GAN whose generator is a known linear map of four numbers, and four of its images."""
    return worker.linear_gan(), worker.planted_images()


@pytest.fixture(scope="module")
def found(linear):
    gan, images = linear
    return regenerate(gan, images, centre_mask(1, (28, 28))[0], **worker.SEARCH, snapshots=(0, 50))


# The search ----------------------------------------------------------------------------------------------------


def test_a_planted_latent_is_found(found, linear):
    _, images = linear
    np.testing.assert_allclose(found.codes["noise"], worker.PLANTED, atol=0.03)
    assert np.abs(found.unblended.astype(int) - images).max() <= 2
    assert np.abs(found.images.astype(int) - images).max() <= 2


def test_losses_fall_and_the_best_restart_is_taken(found):
    steps, images, restarts = found.losses.shape
    assert (steps, images, restarts) == (worker.SEARCH["steps"] + 1, 4, worker.SEARCH["restarts"])
    assert (found.losses[-1].min(axis=1) < 0.2 * found.losses[0].min(axis=1)).all()
    assert (found.best == found.losses[-1].argmin(axis=1)).all()
    np.testing.assert_allclose(found.terms["total"], found.losses[-1].min(axis=1))


def test_snapshots_come_nearer_to_the_end(found):
    far, near = (np.abs(found.snapshots[step].astype(int) - found.unblended).mean() for step in (0, 50))
    assert list(found.snapshots) == [0, 50] and near < far


def test_known_pixels_are_the_images_own(found, linear):
    known = centre_mask(1, (28, 28))[0]
    assert (found.images[:, known] == linear[1][:, known]).all()


def test_a_search_is_repeated_by_its_seed_and_does_not_depend_on_its_company(linear, found):
    gan, images = linear
    alone = regenerate(gan, images[2:3], centre_mask(1, (28, 28)), **worker.SEARCH)
    np.testing.assert_allclose(alone.codes["noise"], found.codes["noise"][2:3], atol=1e-3)
    twice = [regenerate(gan, images[:1], centre_mask(1, (28, 28)), **QUICK, prior=0, seed=seed) for seed in (4, 4, 5)]
    assert (twice[0].losses == twice[1].losses).all() and (twice[0].losses != twice[2].losses).any()


def test_many_images_are_searched_a_part_at_a_time(linear, found, monkeypatch):
    gan, images = linear
    three = 3 * worker.SEARCH["restarts"] * 28 * 28
    monkeypatch.setattr(regeneration, "PIXELS", three)  # 3 images, then 1 and two to fill up
    parts = regenerate(gan, images, centre_mask(4, (28, 28)), **worker.SEARCH, snapshots=(50,))
    np.testing.assert_allclose(parts.losses, found.losses, atol=1e-3)
    assert np.abs(parts.snapshots[50].astype(int) - found.snapshots[50]).max() <= 2


def test_options_may_come_as_an_object_and_keywords_replace_its_fields(linear):
    gan, images = linear
    quick = SearchOptions(restarts=2, steps=3, prior=0)
    call = {"images": images[:1], "masks": centre_mask(1, (28, 28)), "progress": False}
    given, plain = regenerate(gan, search=quick, **call), regenerate(gan, restarts=2, steps=3, prior=0, **call)
    assert (given.losses == plain.losses).all()
    assert regenerate(gan, search=quick, steps=2, **call).losses.shape == (3, 1, 2)
    with pytest.raises(TypeError, match="'iterations'"):
        regenerate(gan, iterations=9, **call)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_latent_is_found_through_fewer_pixels(linear, scale):
    gan, images = linear
    coarse = Downscaling(scale)
    observed = coarse.damage(images)
    assert observed.shape == (4, 28 // scale, 28 // scale, 1)
    fine = regenerate(gan, observed, task=coarse, **worker.SEARCH).images
    assert np.abs(fine.astype(int) - images).max() <= 3


def test_a_latent_is_found_through_fading_and_scratches(linear):
    gan, images = linear
    faded = Fading(contrast=0.5, brightness=0.1)
    scratches = make_masks("scratches", 4, (28, 28))
    restored = regenerate(gan, faded.damage(images), scratches, task=faded, **worker.SEARCH).images
    assert np.abs(restored.astype(int) - images).max() <= 4


@pytest.fixture
def untrained():
    """A network of a kind that repaints whole images; before its training it paints what it sees."""
    return lambda name: build_gan(RunConfig(name, "none"), (64, 64, 3), generator_only=True)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_network_enlarges_and_what_was_observed_stays_true(untrained, scale):
    images = draw_faces("test")[0][:3]
    observed = Downscaling(scale).damage(images)
    found = regenerate(untrained("superres"), observed, task="superres" if scale == 4 else Downscaling(2)).images
    error = np.abs(Downscaling(scale).damage(found).astype(int) - observed)
    assert found.shape == images.shape and error.mean() < 0.1 and error.max() <= 4  # 0 and 255 are clipped


def test_how_much_a_photograph_faded_is_read_off_what_the_network_paints():
    truth, faded = draw_faces("test")[0][0], Fading(contrast=0.5, brightness=0.1)
    for grey in (False, True):
        seen = Fading(0.5, 0.1, grey).damage(truth[None])[0]
        fitted = Fading(grey=grey).fit(seen, truth, np.ones((64, 64), bool))
        assert (fitted.contrast, fitted.brightness) == pytest.approx((0.5, 0.1), abs=0.01) and fitted.grey == grey
    known = np.ones((64, 64), bool)
    assert faded.fit(faded.damage(truth[None])[0], truth * 0, known) == faded  # it was given
    half = Fading(contrast=0.5).fit(faded.damage(truth[None])[0], truth, known)
    assert (half.contrast, half.brightness) == (0.5, pytest.approx(0.1, abs=0.01))


def test_a_network_restores_photographs_of_any_size_without_being_told_how_they_faded(untrained):
    network = AsRun(untrained("restore"))
    photo = np.random.default_rng(0).integers(0, 256, (90, 80, 3)).astype("uint8")
    known = make_masks("scratches", 1, (90, 80))[0]
    with pytest.warns(UserWarning, match="holes and colours are painted at 64 pixels, enlarged ×1"):
        (result,) = regenerate_photos(network, [photo], [known], task="restore")
    assert np.abs(result.astype(int) - photo)[known].max() <= 2  # it paints what it sees, so nothing has faded
    with pytest.warns() as said:
        (colours,) = regenerate_photos(network, [photo], [None], task=Fading(grey=True))
    assert any("only the square of 80×80 pixels comes back in colour" in str(each.message) for each in said)
    assert colours.shape == (80, 80, 3) and not any("filled in grey" in str(each.message) for each in said)


def test_a_network_that_searches_nothing_takes_no_options_of_a_search(untrained):
    small, network = np.zeros((1, 16, 16, 3), "uint8"), untrained("superres")
    with pytest.raises(ValueError, match="invalid restarts=3; expected none: this network searches nothing"):
        regenerate(network, small, task="superres", restarts=3)
    with pytest.raises(ValueError, match="expected no mask and no box"):
        regenerate_photos(AsRun(network), list(small), [np.ones((16, 16), bool)], task="superres")


@pytest.mark.parametrize(
    ("name", "task"), [("superres", "inpaint"), ("restore", "superres"), ("completion", "restore")]
)
def test_a_network_undoes_the_damage_that_it_has_learned(untrained, name, task):
    with pytest.raises(ValueError, match=f"invalid task='{task}'; expected '{untrained(name).task}'"):
        regenerate_photos(AsRun(untrained(name)), [np.zeros((64, 64, 3), "uint8")], [None], task=task)


def test_weights_of_known_pixels_are_higher_near_the_hole():
    (known,) = centre_mask(1, (28, 28))  # rows and columns 7 to 20 are missing
    weights = context_weights(known[None], 15)[0, :, :, 0]
    ring = weights[14, :7]
    assert (np.diff(ring) > 0).all() and ring[0] == pytest.approx(14 / (15 * 8)) and (weights[~known] == 0).all()
    assert weights[14, 6] == pytest.approx(7 * 14 / (14 * 15))
    assert context_weights(known[None], 3)[0, 14, 3, 0] == 0  # farther away than the window reaches


def test_the_norm_penalty_is_least_at_the_chi_distributions_mode():
    scipy_stats = pytest.importorskip("scipy.stats")
    lengths = np.array([2.0, 9**0.5, 5.0])
    noise = np.zeros((3, 10), "float32")
    noise[:, 3] = lengths
    penalty = np.array(keras.ops.convert_to_numpy(norm_penalty(noise)))
    density = -scipy_stats.chi(10).logpdf(lengths)
    np.testing.assert_allclose(penalty, density - density.min(), atol=1e-4)
    assert penalty.argmin() == 1 and penalty[1] == pytest.approx(0, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wgan", "acgan", "infogan"])
def test_every_gan_regenerates(name):
    gan = build_gan(RunConfig(name, "caps", width=1 / 64, seed=1), (28, 28, 1), 10)
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in gan.variables]
    images = worker.planted_images()[:2]
    options = {"restarts": 12, "steps": 3, "progress": False}
    found = regenerate(gan, images, centre_mask(2, (28, 28)), real=worker.planted_images(), **options)
    assert all(np.isfinite(value).all() for value in found.terms.values())
    assert found.losses.shape == (4, 2, 12) and (found.losses[-1] < found.losses[0]).mean() > 0.5
    assert found.codes.keys() == gan.sample_codes(np.random.default_rng(0), 1).keys()
    after = [keras.ops.convert_to_numpy(v) for v in gan.variables]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))  # networks and statistics are as before
    if name == "infogan":
        assert np.abs(found.codes["continuous"]).max() <= 1
    if name == "acgan":
        given = regenerate(gan, images, centre_mask(2, (28, 28)), labels=[3, 7], prior=0, **options)
        assert given.codes["labels"].tolist() == [3, 7]


def test_restarts_are_spread_over_the_classes():
    gan = build_gan(RunConfig("acgan", "cnn", seed=1), (28, 28, 1), 10)
    weights = np.ones((2, 28, 28, 1), "float32")
    observed = keras.ops.convert_to_numpy(to_float(worker.planted_images()[:2]))
    starts = choose_starts(gan, Inpainting(), observed, weights, 20, 0, None)
    assert all(np.bincount(labels).tolist() == [2] * 10 for labels in starts["labels"])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_backend_finds_the_same_images(backend, found, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install {backend}")
    variables = {"KERAS_BACKEND": backend, "PYTHONPATH": str(LIBRARY), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, worker.__file__, str(tmp_path / "found.npz")]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    other = worker.search_with_prior()
    assert (other.terms["prior"] > 0).all()
    with np.load(tmp_path / "found.npz") as theirs:
        np.testing.assert_allclose(theirs["other"], other.losses, atol=2e-3)
        np.testing.assert_allclose(theirs["losses"], found.losses, atol=2e-3)
        assert np.abs(theirs["images"].astype(int) - found.images).max() <= 1


def test_the_prior_may_be_another_runs_and_no_more_than_the_prior_changes(linear):
    gan, images = linear
    options = QUICK | {"prior": 0.05, "real": images, "steps": 5}
    other = worker.linear_gan()
    for variable in other.discriminator.trainable_variables:
        variable.assign(-3 * variable)
    masks = centre_mask(2, (28, 28))
    own, same, others = (
        regenerate(gan, images[:2], masks, prior_of=judge, **options) for judge in (None, worker.linear_gan(), other)
    )
    assert (same.losses == own.losses).all()
    assert np.abs(others.terms["prior"] - own.terms["prior"]).min() > 1e-3
    assert (others.unblended != own.unblended).any()


@pytest.mark.slow
def test_every_generator_is_searched_under_every_prior_and_under_none(linear):
    gan, images = linear
    other = worker.linear_gan()
    for variable in other.discriminator.trainable_variables:
        variable.assign(-3 * variable)
    masks, options = centre_mask(2, (28, 28)), QUICK | {"real": images, "prior": 0.05}
    found = regenerate_with_priors({"a": gan, "b": other}, images[:2], masks, **options)
    assert list(found) == ["a", "a, b prior", "a, no prior", "b", "b, a prior", "b, no prior"]
    assert not found["a, no prior"].terms["prior"].any() and not found["b, no prior"].terms["prior"].any()
    alone = regenerate(gan, images[:2], masks, prior_of=other, **options)
    assert (found["a, b prior"].losses == alone.losses).all()
    assert (found["a"].losses == found["b, a prior"].losses).all()  # the generators are the same


@pytest.mark.parametrize(
    "change, said",
    [
        ({"masks": None}, "masks=None"),
        ({"masks": np.ones((28, 28), bool)}, "no pixel missing"),
        ({"masks": np.zeros((28, 28), bool)}, "all pixels missing"),
        ({"masks": np.ones((14, 28), bool)}, "shape="),
        ({"images": np.zeros((1, 32, 32, 1), "uint8")}, r"images: invalid shape=\(1, 32, 32, 1\)"),
        ({"images": np.zeros((1, 28, 28, 1), "float32")}, "images: invalid dtype=float32"),
        ({"task": "colourise"}, "task='colourise'"),
        ({"restarts": 0}, "restarts=0"),
        ({"restarts": 1001}, "invalid restarts=1001; expected up to 1000"),
        ({"steps": 2.5}, "steps=2.5"),
        ({"window": 4}, "window=4"),
        ({"rate": 0}, "rate=0"),
        ({"prior": -1}, "prior=-1"),
        ({"norm": float("nan")}, "norm=nan"),
        ({"snapshots": (9,)}, r"snapshots=\(9,\)"),
        ({"labels": 3}, "labels=3"),
        ({"seed": -1}, "seed=-1"),
        ({"prior": 0.1}, "real=None"),
        ({"prior": 0.1, "real": np.zeros((9, 28, 28, 3), "uint8")}, "real: invalid shape="),
        ({"prior_of": build_gan(RunConfig("gan"), (32, 32, 1), 0)}, "prior_of: its discriminator sees"),
    ],
)
def test_what_cannot_be_regenerated_is_refused(linear, change, said):
    gan, images = linear
    options = {"images": images[:1], "masks": centre_mask(1, (28, 28)), "prior": 0} | QUICK | change
    with pytest.raises(ValueError, match=said):
        regenerate(gan, options.pop("images"), options.pop("masks"), **options)


# Degradations ----------------------------------------------------------------------------------------------------


def test_downscaling_takes_means_and_its_restoration_keeps_them():
    rng = np.random.default_rng(0)
    images, other = rng.integers(60, 200, (2, 3, 64, 64, 3)).astype("uint8")
    observed = Downscaling(4).damage(images)
    means = images.reshape(3, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    assert np.abs(observed - means).max() <= 0.51
    restored = Downscaling(4).restore(observed, other, np.ones(observed.shape[:3], bool))
    assert np.abs(Downscaling(4).damage(restored).astype(int) - observed).max() <= 1


def test_fading_is_undone_where_pixels_are_known_and_colour_comes_from_the_generator():
    rng = np.random.default_rng(0)
    images = rng.integers(60, 190, (2, 32, 32, 3)).astype("uint8")
    all_known = np.ones((2, 32, 32), bool)
    faded = Fading(contrast=0.5, brightness=0.1)
    assert np.abs(faded.restore(faded.damage(images), images * 0, all_known).astype(int) - images).max() <= 2
    grey = Fading(grey=True)
    observed = grey.damage(images)
    assert observed.shape == (2, 32, 32, 1) and np.abs(observed.astype(int) - to_grey(images)).max() <= 1
    tinted = np.clip(images.astype(int) + 20, 0, 255).astype("uint8")  # too light, but of the right colour
    assert np.abs(grey.restore(observed, tinted, all_known).astype(int) - images).max() <= 2


@pytest.mark.parametrize(
    "task, values, said",
    [
        ("superres", {"scale": 3}, "scale=3"),
        ("inpaint", {"scale": 2}, "scale=2"),
        ("restore", {"contrast": 0}, "contrast=0"),
        ("restore", {"brightness": 2}, "brightness=2"),
        ("deblur", {}, "task='deblur'"),
    ],
)
def test_a_degradation_that_does_not_exist_is_named(task, values, said):
    with pytest.raises(ValueError, match=said):
        make_degradation(task, **values)


# Blending ----------------------------------------------------------------------------------------------------------

HOLES = {
    "centre": [np.s_[16:48, 16:48]],
    "odd": [np.s_[10:31, 20:45]],
    "border": [np.s_[:20, :]],
    "corner": [np.s_[40:, 40:]],
    "two": [np.s_[5:15, 5:15], np.s_[40:60, 30:64]],
    "frame": [np.s_[:8], np.s_[-8:], np.s_[:, :8], np.s_[:, -8:]],
}


def picture(channels):
    rows, columns = np.mgrid[:64, :64]
    shades = [100 + 40 * np.sin(columns / 9) + 20 * np.cos(rows / 7), 120 + 30 * np.cos(columns / 8), 90 + 0.8 * rows]
    return np.stack(shades[:channels], axis=-1).astype("uint8")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_filled_with_other_colours_takes_those_around_it(hole, channels):
    truth, known = picture(channels), np.ones((64, 64), bool)
    for part in HOLES[hole]:
        known[part] = False
    generated = (0.9 * truth + 25).astype("uint8")  # 14 levels off
    blended = blend(truth[None], generated[None], known[None])[0]
    assert blended.shape == truth.shape and (blended[known] == truth[known]).all()
    errors = np.abs(blended.astype(int) - truth)[~known]
    assert errors.mean() < 3 and errors.max() < 10
    assert np.abs(generated.astype(int) - truth)[~known].mean() > 8


def test_what_stands_in_a_hole_does_not_matter_and_a_right_fill_is_kept():
    truth, known = picture(3)[None], centre_mask(1, (64, 64))
    black = np.where(known[..., None], truth, 0).astype("uint8")
    assert (blend(black, truth, known) == truth).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_hole_of_many_pixels_is_blended_as_if_it_were_solved_at_once(monkeypatch, channels):
    rows, columns = np.mgrid[:150, :201] / 150
    waves = np.stack([np.sin(5 * rows + 3 * columns), np.cos(4 * columns), 2 * rows - 1][:channels], axis=-1)
    image, generated = (128 + 90 * waves).astype("uint8"), (110 + 60 * waves[::-1]).astype("uint8")
    known = np.ones((150, 201), bool)
    known[30:120, 40:] = False  # to the right edge
    known[70:75, 90:130] = True  # an island
    exact = blending.membrane(image, generated, known)
    monkeypatch.setattr(blending, "UNKNOWNS", 2000)
    errors = np.abs(blending.membrane(image, generated, known).astype(int) - exact)[~known]
    pasted = np.abs(generated.astype(int) - exact)[~known]
    assert 0 < errors.max() <= 4 and errors.mean() < 1.5 < pasted.mean() / 10


# Pictures of any size ------------------------------------------------------------------------------------------


class AsRun:
    """What a photo needs of a run."""

    def __init__(self, gan):
        self.gan = gan


@pytest.mark.filterwarnings("ignore:picture 1 is in colour")
def test_a_hole_in_a_large_picture_is_filled_in_its_place(linear):
    gan, images = linear
    large = cv2.resize(images[0], (112, 112), interpolation=cv2.INTER_CUBIC)
    photo = np.full((112, 150, 3), 77, "uint8")
    photo[:, 10:122] = large[..., None]
    known = np.ones((112, 150), bool)
    known[40:70, 30:60] = False
    damaged = np.where(known[..., None], photo, 255).astype("uint8")
    # the middle square begins at column 19: of another picture than the network's
    (filled,) = regenerate_photos(AsRun(gan), [damaged[:, 10:122]], [known[:, 10:122]], **worker.SEARCH)
    assert filled.shape == (112, 112, 3) and (filled[known[:, 10:122]] == damaged[:, 10:122][known[:, 10:122]]).all()
    assert np.abs(filled.astype(int) - photo[:, 10:122]).mean(axis=(0, 1)).max() < 1
    (wide,) = regenerate_photos(AsRun(gan), [damaged], [known], prior=0, **QUICK)
    assert wide.shape == damaged.shape and (wide[known] == damaged[known]).all() and (wide[~known] != 255).any()


@pytest.mark.parametrize("region", ["square", "hole"])
@pytest.mark.parametrize("place", [np.s_[:20, :20], np.s_[40:60, 95:100], np.s_[30:31, 50:51]])
def test_the_square_holds_the_hole_wherever_it_is(linear, region, place):
    photo, known = np.full((60, 100, 1), 90, "uint8"), np.ones((60, 100), bool)
    known[place] = False
    photo[place] = 255
    (filled,) = regenerate_photos(AsRun(linear[0]), [photo], [known], region=region, prior=0, **QUICK)
    assert filled.shape == photo.shape and (filled[known] == 90).all() and filled[~known].mean() < 200


def test_a_picture_smaller_than_the_network_is_enlarged_with_a_warning(linear):
    photo, known = np.full((20, 20, 1), 90, "uint8"), centre_mask(1, (20, 20))[0]
    with pytest.warns(UserWarning, match="20 pixels is smaller than the network's 28"):
        (filled,) = regenerate_photos(AsRun(linear[0]), [photo], [known], prior=0, **QUICK)
    assert filled.shape == (20, 20, 1) and (filled[known] == 90).all()


def test_holes_finer_than_the_networks_pixels_are_refused(linear):
    known = np.indices((56, 56)).sum(axis=0) % 2 == 0
    with pytest.raises(ValueError, match="holes of picture 1 are finer than the network's 28×28 pixels"):
        regenerate_photos(AsRun(linear[0]), [np.zeros((56, 56, 1), "uint8")], [known], prior=0, **QUICK)


def test_restoring_without_damage_is_refused(linear):
    with pytest.raises(ValueError, match="nothing to restore; give contrast, brightness, grey or a mask"):
        regenerate_photos(AsRun(linear[0]), [np.zeros((28, 28, 1), "uint8")], [None], task="restore")


def test_no_pictures_are_refused(linear):
    with pytest.raises(ValueError, match="photos: there are none"):
        regenerate_photos(AsRun(linear[0]), [], [])


def test_a_picture_without_a_mask_is_refused_with_the_ways_to_give_one(linear):
    photo, known = np.zeros((28, 28, 1), "uint8"), centre_mask(1, (28, 28))[0]
    with pytest.raises(ValueError, match=r"picture 2 has no mask; expected --mask PNG, .*, or --find-scratches"):
        regenerate_photos(AsRun(linear[0]), [photo, photo], [known, None], **QUICK)


def test_a_hole_that_fits_no_square_is_refused(linear):
    known = np.ones((30, 90), bool)
    known[10, 5:80] = False
    with pytest.raises(ValueError, match="spans 75×1 pixels and no square of a 90×30 picture holds it"):
        regenerate_photos(AsRun(linear[0]), [np.zeros((30, 90, 1), "uint8")], [known], **QUICK)


@pytest.mark.filterwarnings("ignore:picture 1 is in colour")
def test_superresolution_takes_pictures_of_its_own_size_only(linear):
    photos = [np.zeros((7, 7, 1), "uint8"), np.zeros((9, 9, 1), "uint8")]
    with pytest.raises(ValueError, match="picture 2 is 9×9 pixels; expected 7×7 for super-resolution ×4"):
        regenerate_photos(AsRun(linear[0]), photos, [None, None], task="superres", **QUICK)
    (fine,) = regenerate_photos(
        AsRun(linear[0]), [np.zeros((7, 7, 3), "uint8")], [None], task="superres", prior=0, **QUICK
    )
    assert fine.shape == (28, 28, 1)


@pytest.mark.parametrize(
    ("shape", "scale", "advice"),
    [
        ((14, 14, 1), 4, "--scale 2 takes it"),
        ((7, 7, 1), 2, "--scale 4 takes it"),
        ((14, 7, 1), 4, "cut or resize it to that first"),
        ((28, 28, 1), 4, "cut or resize it to that first"),
    ],
)
def test_a_picture_of_the_wrong_size_is_refused_with_the_scale_that_fits_it(linear, shape, scale, advice):
    with pytest.raises(ValueError, match=advice):
        regenerate_photos(AsRun(linear[0]), [np.zeros(shape, "uint8")], [None], task=Downscaling(scale), **QUICK)


# Files and the command line ----------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path):
    """A picture, a mask that fits, and files that are not what they seem."""
    image = picture(3)[:40, :40]
    cv2.imwrite(str(tmp_path / "face 1 ñ.png"), image[..., ::-1])
    cv2.imwrite(str(tmp_path / "grey.png"), image[..., 0])
    for name, known in (("mask", centre_mask(1, (40, 40))[0]), ("small", centre_mask(1, (20, 20))[0])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.where(known, 255, 0).astype("uint8"))
    cv2.imwrite(str(tmp_path / "white.png"), np.full((40, 40), 255, "uint8"))
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((40, 40), "uint8"))
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").write_bytes(b"")
    whole = (tmp_path / "face 1 ñ.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "folder.png").mkdir()
    from PIL import Image

    Image.new("1", (20_000, 5_001)).save(tmp_path / "huge.png")
    return tmp_path


def test_files_are_read_as_they_are(shelf):
    assert (read_image(shelf / "face 1 ñ.png") == picture(3)[:40, :40]).all()
    assert read_image(shelf / "grey.png").shape == (40, 40, 1)


def line(shelf, run, image="face 1 ñ.png", mask="mask.png", out="out.png", *more):
    masks = ["--mask", *(str(shelf / name) for name in mask.split(","))] if mask else []
    images = [str(shelf / name) for name in image.split(",")]
    quick = ["--steps", "2", "--restarts", "2"]
    return ["regenerate", run, *images, *masks, "--out", str(shelf / out), *quick, *more]


@pytest.mark.slow
def test_the_command_line_fills_a_hole_and_keeps_the_rest(shelf, pair, shared_home, monkeypatch, capsys):
    from capsgan.cli.commands import main

    monkeypatch.setenv("CAPSGAN_HOME", str(shared_home))
    run = pair[0].directory.name
    assert main(line(shelf, run)) == 0
    assert capsys.readouterr().out == f"written: {shelf / 'out.png'}\n"
    written, known = read_image(shelf / "out.png"), centre_mask(1, (40, 40))[0]
    assert (written[known] == picture(3)[:40, :40][known]).all() and (
        written[~known] != picture(3)[:40, :40][~known]
    ).any()
    assert main(line(shelf, run, "face 1 ñ.png,grey.png", "mask.png", "new/folder", "--no-prior")) == 0
    assert sorted(path.name for path in (shelf / "new" / "folder").iterdir()) == ["face 1 ñ.png", "grey.png"]
    assert read_image(shelf / "new" / "folder" / "grey.png").shape == (40, 40, 1)
    small = cv2.resize(picture(1), (14, 14))
    cv2.imwrite(str(shelf / "tiny.png"), small)
    assert main(line(shelf, run, "tiny.png", None, "fine.png", "--task", "superres", "--scale", "2")) == 0
    assert read_image(shelf / "fine.png").shape == (28, 28, 1)
    faded = ["--task", "restore", "--contrast", "0.8", "--brightness", "0.05"]
    cv2.imwrite(str(shelf / "twenty.png"), picture(1)[:20, :20])
    capsys.readouterr()
    assert main(line(shelf, run, "twenty.png", "small.png", "restored.png", *faded)) == 0
    assert "twenty.png: its square of 20 pixels is smaller than the network's 28" in capsys.readouterr().err
    assert read_image(shelf / "restored.png").shape == (20, 20, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, said",
    [
        ({"mask": "small.png"}, "invalid shape=(20, 20); expected (40, 40)"),
        ({"mask": "white.png"}, "white.png: masks: the mask has no pixel missing"),
        ({"image": "face 1 ñ.png,grey.png", "mask": "mask.png,white.png", "out": "d"}, "grey.png with "),
        ({"mask": "black.png"}, "all pixels missing"),
        ({"mask": None}, "ñ.png has no mask; expected --mask PNG, black where it is damaged, or --find-scratches"),
        ({"mask": "text.png"}, "text.png is not a readable image: not an image"),
        ({"mask": "nothing.png"}, "nothing.png is not a readable image: No such file"),
        ({"image": "text.png"}, "text.png is not a readable image: not an image"),
        ({"image": "empty.png"}, "empty.png is not a readable image: empty"),
        ({"image": "cut.png"}, "cut.png is not a readable image: damaged"),
        ({"image": "folder.png"}, "folder.png is not a readable image: Is a directory"),
        ({"image": "huge.png"}, "huge.png is not a readable image: more than 100 megapixels"),
        ({"image": "face 1 ñ.png,grey.png"}, "one file for 2 images"),
        ({"image": "grey.png,grey.png", "out": "folder"}, "would get 'grey.png' twice"),
        ({"out": "mask.png"}, "is an image or mask that is read"),
        ({"out": "out.tiff"}, "expected a name ending in .png"),
        ({"out": "text.png/out.png"}, "is no folder"),
        ({"run": "no-such-run"}, "names 0 runs"),
    ],
)
def test_bad_files_are_one_line_and_nothing_is_written(shelf, pair, shared_home, monkeypatch, capfd, words, said):
    from capsgan.cli.commands import main

    monkeypatch.setenv("CAPSGAN_HOME", str(shared_home))
    before = {path: path.read_bytes() for path in shelf.iterdir() if path.is_file()}
    capfd.readouterr()
    assert main(line(shelf, **{"run": pair[0].directory.name} | words)) == 2
    captured = capfd.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and said in captured.err, captured.err
    assert {path: path.read_bytes() for path in shelf.iterdir() if path.is_file()} == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(shelf):
    from capsgan.regeneration.picture_files import regenerate_files

    (shelf / "folder.png").chmod(0o500)
    with pytest.raises(ValueError, match="permission to write"):
        regenerate_files(None, [shelf / "grey.png"], [shelf / "mask.png"], shelf / "folder.png")
