"""Precision, recall, density, coverage and the nearest training image: known answers."""

import tracemalloc

import numpy as np
import pytest

from capsgan.metrics import neighbours
from capsgan.metrics.neighbours import density_coverage, exceeds, memorisation, nearest_images, precision_recall


def normal(count, dimensions=8, seed=0, mean=0.0, scale=1.0):
    return mean + scale * np.random.default_rng(seed).standard_normal((count, dimensions))


def pictures(count, seed=0, high=256):
    return np.random.default_rng(seed).integers(0, high, (count, 6, 6, 1)).astype("uint8")


# features -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("real", "generated", "neighbours"), [(2000, 2000, 5), (2000, 1000, 5), (1500, 1500, 3)])
def test_coverage_of_equal_distributions_is_the_papers_expectation(real, generated, neighbours):
    """1 - (n-1)…(n-k) / (m+n-1)…(m+n-k), whatever the distribution: 0.969 for k = 5 and n = m."""
    missed = np.prod([(real - i) / (real + generated - i) for i in range(1, neighbours + 1)])
    found = [
        density_coverage(normal(real, seed=s), normal(generated, seed=s + 10), neighbours=neighbours) for s in range(4)
    ]
    density, coverage = np.mean(found, axis=0)
    assert coverage == pytest.approx(1 - missed, abs=0.006)
    assert density == pytest.approx(1, abs=0.05)


def test_the_defaults_are_those_of_the_papers():
    x, y = normal(300), normal(300, seed=1)
    assert precision_recall(x, y) == precision_recall(x, y, neighbours=3)
    assert density_coverage(x, y) == density_coverage(x, y, neighbours=5)


def test_samples_that_are_the_real_ones_score_one():
    x = normal(200)
    assert precision_recall(x, x) == (1.0, 1.0) and density_coverage(x, x)[1] == 1.0


def test_samples_from_elsewhere_score_nothing():
    x, y = normal(200), normal(200, seed=1, mean=50)
    assert precision_recall(x, y) == (0.0, 0.0) and density_coverage(x, y) == (0.0, 0.0)


def test_one_of_two_modes_is_precise_but_recalls_half():
    both = np.concatenate([normal(500), normal(500, seed=1, mean=50)])
    precision, recall = precision_recall(both, normal(1000, seed=2))
    density, coverage = density_coverage(both, normal(1000, seed=2))
    assert precision > 0.8 and recall == pytest.approx(0.5, abs=0.1)
    assert density > 0.8 and coverage == pytest.approx(0.5, abs=0.02)


def test_precision_and_recall_change_places_with_their_arguments():
    x, y = normal(300), normal(200, seed=1, scale=1.5)
    assert precision_recall(x, y) == precision_recall(y, x)[::-1]


def test_one_stray_real_sample_raises_precision_but_hardly_density():
    real, generated = normal(500), normal(500, seed=1, mean=6)
    stray = np.concatenate([real, np.full((1, 8), 12.0)])  # its ball reaches back to the others
    assert precision_recall(real, generated)[0] < 0.05 and precision_recall(stray, generated)[0] > 0.9
    assert density_coverage(stray, generated)[0] < 0.25


def test_a_hand_made_case():
    real = np.array([[0.0], [1.0], [3.0]])  # radii to the first neighbour: 1, 1, 2
    generated = np.array([[-0.5], [2.0], [9.0]])  # radii 2.5, 2.5, 7
    assert precision_recall(real, generated, neighbours=1) == (2 / 3, 1.0)
    # -0.5 lies in the ball of 0; 2 in those of 1 and of 3 (edges belong to a ball); 9 in none
    assert density_coverage(real, generated, neighbours=1) == (1.0, 1.0)


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_the_size_of_a_block_has_no_effect(block, monkeypatch):
    x, y = normal(210), normal(230, seed=1, scale=1.2)
    before = precision_recall(x, y), density_coverage(x, y)
    monkeypatch.setattr(neighbours, "BLOCK", block)
    # __wrapped__: not the answers that are remembered from the line above
    assert (precision_recall.__wrapped__(x, y), density_coverage.__wrapped__(x, y)) == before


def test_far_from_the_origin_nothing_changes():
    x, y = normal(300), normal(300, seed=1, scale=1.2)
    assert precision_recall(x + 1e5, y + 1e5) == precision_recall(x, y)
    assert density_coverage(x + 1e5, y + 1e5) == density_coverage(x, y)


def test_repeated_samples_are_inside_their_own_balls():
    x = np.repeat(normal(50), 6, axis=0)  # every third neighbour is at distance 0
    assert precision_recall(x, x[:10]) == (1.0, pytest.approx(10 / 300, abs=0.01))


@pytest.mark.slow
@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_ten_thousand_against_ten_thousand_takes_less_than_300_mb(measure):
    x, y = normal(10_000, 64), normal(10_000, 64, seed=1)
    tracemalloc.start()
    measure(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_what_makes_no_sense_is_refused(measure):
    x = normal(100)
    with pytest.raises(ValueError, match="generated: 4 samples are too few for this metric; expected 6 or more"):
        measure(x, x[:4], neighbours=5)
    with pytest.raises(ValueError, match="invalid neighbours=0; expected 1 or more"):
        measure(x, x, neighbours=0)
    with pytest.raises(ValueError, match="real: 1 of 100 features are NaN"):
        measure(np.where(np.arange(100)[:, None] == 5, np.nan, x), x)


# images ---------------------------------------------------------------------------------------------------------


def test_the_nearest_training_image_is_that_of_all_pairs():
    images, training = pictures(30), pictures(90, seed=1)
    differences = images[:, None].astype(float) - training[None]
    all_pairs = np.sqrt((differences**2).sum(axis=(2, 3, 4))) / 255
    distances, indices = nearest_images(images, training)
    np.testing.assert_allclose(distances, all_pairs.min(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(indices, all_pairs.argmin(axis=1))


def test_blocks_of_images_have_no_effect(monkeypatch):
    images, training = pictures(50), pictures(120, seed=1)
    before = nearest_images(images, training)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    monkeypatch.setattr(neighbours, "WIDE_BLOCK", 11)
    np.testing.assert_array_equal(nearest_images.__wrapped__(images, training), before)


def test_a_copy_is_at_distance_zero_exactly():
    training = pictures(500)
    distances, indices = nearest_images(training[[3, 400]], training)
    assert (distances == 0).all() and list(indices) == [3, 400]


def test_one_grey_level_of_one_pixel_is_told_from_a_copy():
    training = pictures(500, high=255)
    changed = training[:1].copy()
    changed[0, 0, 0, 0] += 1
    assert nearest_images(changed, training)[0][0] == pytest.approx(1 / 255, rel=1e-12)


def test_copies_are_memorised_and_new_images_are_not():
    training, held_out = pictures(1000), pictures(400, seed=1)
    fresh = memorisation(pictures(400, seed=2), held_out, training)
    assert fresh["nearest_training"]["value"] == pytest.approx(fresh["nearest_training"]["floor"], rel=0.05)
    assert fresh["nearer_than_real"]["value"] == pytest.approx(0.5, abs=0.06)
    assert fresh["copies"]["value"] < 0.05 and fresh["copies"]["floor"] == pytest.approx(0.01, abs=0.003)
    half = np.concatenate([training[:200], pictures(200, seed=2)])
    copied = memorisation(half, held_out, training)
    assert copied["copies"]["value"] == pytest.approx(0.5, abs=0.02)
    assert copied["nearer_than_real"]["value"] == pytest.approx(0.75, abs=0.04)
    assert memorisation(training[:100], held_out, training)["nearest_training"]["value"] == 0


def test_held_out_images_in_place_of_generated_ones_give_the_floor():
    training, held_out = pictures(300), pictures(200, seed=1)
    for numbers in memorisation(held_out, held_out, training).values():
        assert numbers["value"] == numbers["floor"]


def test_how_often_one_number_exceeds_another_counts_ties_half():
    assert exceeds(np.array([1, 2, 3]), np.array([2, 2])) == pytest.approx((0 + 0.5 + 1) / 3)


def test_images_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="images: invalid dtype=float64; expected uint8"):
        nearest_images(pictures(3) / 255, pictures(3))
    with pytest.raises(ValueError, match=r"training: invalid shape=\(3, 6, 5, 1\); expected \(n, 6, 6, 1\)"):
        nearest_images(pictures(3), pictures(3)[:, :, :5])
    with pytest.raises(ValueError, match=r"held_out: invalid shape=\(0, 6, 6, 1\)"):
        memorisation(pictures(3), pictures(3)[:0], pictures(3))
