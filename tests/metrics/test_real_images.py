"""Real images that scores are taken by: disjoint, unseen by the feature networks, and held-out ones score like them."""

import numpy as np
import pytest
from train_features import feature_training_digits

from capsgan.data.datasets import load_dataset
from capsgan.metrics.distances import frechet_distance, kernel_distance
from capsgan.metrics.features import SPACES, load_features
from capsgan.metrics.image_scores import measure
from capsgan.metrics.real_images import POOL, real_images


def contents(dataset):
    return {image.tobytes() for image in dataset.images}


def test_mnist5k_is_split_by_class_into_reference_floor_and_held_out():
    found = real_images("mnist5k")
    assert [len(images) for images in found] == [3000, 1000, 1000]
    assert all((np.abs(np.bincount(images.labels) / len(images) - 0.1) < 0.002).all() for images in found)
    assert not contents(found.reference) & contents(found.floor)
    assert contents(found.reference) | contents(found.floor) == contents(load_dataset("mnist5k"))
    assert contents(found.held_out) == contents(load_dataset("mnist5k", "test"))


def test_any_first_part_of_the_images_is_mixed():
    for images in real_images("mnist5k"):
        assert (np.bincount(images.labels[:300], minlength=10) > 10).all()


def test_no_feature_network_has_seen_an_image_that_scores_are_taken_by(mnist):
    seen, found = contents(feature_training_digits()), real_images("mnist")
    assert [len(images) for images in found] == [20_000, 10_000, 10_000] and len(seen) == POOL
    for images in (*found, load_dataset("mnist5k"), load_dataset("mnist5k", "test")):
        assert not seen & contents(images)
    assert not contents(found.reference) & contents(found.floor)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_held_out_digits_score_within_the_spread_of_the_floors(mnist, space):
    """Floors on six blocks of 10,000 of the pool, each against the others; half of the test split is no such block.

    The first 5,000 test digits are by other kinds of writers than the last 5,000; neither is like training digits.
    """
    network = load_features(space)
    pool = network.features(load_dataset("mnist").images[:POOL])
    held_out = network.features(load_dataset("mnist", "test").images)
    floors, theirs, halves = [], [], []
    for start in range(0, POOL, POOL // 6):
        block = (start + np.arange(10_000)) % POOL
        reference = np.delete(pool, block, axis=0)
        floors.append(frechet_distance(reference, pool[block]))
        theirs.append(frechet_distance(reference, held_out))
        halves.append(frechet_distance(reference, held_out[:5000]))
    spread = 2 * np.std(floors, ddof=1)
    assert abs(np.mean(theirs) - np.mean(floors)) < spread
    assert np.mean(halves) - np.mean(floors) > 5 * spread


@pytest.mark.slow
def test_digits_drawn_at_random_are_no_honest_floor(mnist):
    """They lie nearer to the reference than any block in MNIST's order, most likely because they share its writers."""
    pool = load_features("digits").features(load_dataset("mnist").images[:POOL])
    rng = np.random.default_rng(0)
    drawn = [frechet_distance(*np.split(pool[rng.permutation(POOL)], [20_000])) for _ in range(3)]
    blocks = [frechet_distance(np.delete(pool, third, axis=0), pool[third]) for third in np.split(np.arange(POOL), 3)]
    assert max(drawn) < min(blocks)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_held_out_digits_score_like_the_floor_by_every_other_measure(mnist, space):
    found = real_images("mnist")
    floor, held_out = (
        measure(images.images, found.reference.images, space, 0) for images in (found.floor, found.held_out)
    )
    assert abs(held_out["kid"] - floor["kid"]) < 4 * np.hypot(held_out["kid_error"], floor["kid_error"])
    for name in ("precision", "recall", "coverage"):
        assert held_out[name] == pytest.approx(floor[name], abs=0.03)
    assert held_out["density"] == pytest.approx(floor["density"], abs=0.06)


@pytest.mark.parametrize("space", SPACES)
def test_held_out_digits_of_mnist5k_score_like_the_floor(space):
    found, network = real_images("mnist5k"), load_features(space)
    reference, floor, held_out = (network.features(images.images) for images in found)
    rng = np.random.default_rng(0)
    shuffled = [rng.permutation(np.concatenate([floor, held_out])) for _ in range(20)]
    spread = [frechet_distance(reference, mixed[:1000]) for mixed in shuffled]
    assert 0.8 * min(spread) < frechet_distance(reference, held_out) < 1.25 * max(spread)
    (kid, error), (other, its_error) = (kernel_distance(reference, features) for features in (floor, held_out))
    assert abs(kid - other) < 4 * np.hypot(error, its_error)
