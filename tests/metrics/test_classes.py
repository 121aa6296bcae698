"""Class metrics: the extremes of their formulas, classes that are missing, codes found again, learning from images."""

import numpy as np
import pytest

from capsgan.data.datasets import load_dataset
from capsgan.metrics import classes
from capsgan.metrics.classes import (
    class_histogram,
    class_metrics,
    classification_accuracy,
    classifier_score,
    divergence_from_uniform,
    match_codes,
    missing_classes,
)


def certain(classes, count=10):
    return np.eye(count)[np.asarray(classes)]


# the classifier score -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [1, 2, 7, 10])
def test_sure_answers_spread_over_some_classes_score_their_number(kinds):
    assert classifier_score(certain(np.arange(700) % kinds)) == pytest.approx(kinds)


def test_unsure_answers_score_one():
    assert classifier_score(np.full((50, 10), 0.1)) == pytest.approx(1)


def test_the_score_is_exp_of_the_information_between_image_and_class():
    p = np.random.default_rng(0).dirichlet(np.full(10, 0.3), 400)
    marginal = p.mean(axis=0)
    information = -(marginal * np.log(marginal)).sum() + (p * np.log(p)).sum(axis=1).mean()  # H(y) - H(y|x)
    assert classifier_score(p) == pytest.approx(np.exp(information), rel=1e-9)


def test_the_order_of_images_has_no_effect():
    p = np.random.default_rng(0).dirichlet(np.ones(10), 400)
    assert classifier_score(p[::-1]) == pytest.approx(classifier_score(p), rel=1e-12)


# histograms -----------------------------------------------------------------------------------------------------


def test_the_histogram_counts_the_likeliest_class():
    histogram = class_histogram([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.0, 0.1, 0.9], [0.6, 0.4, 0.0]])
    np.testing.assert_array_equal(histogram, [2, 0, 2])


def test_divergence_from_uniform_is_zero_for_equal_shares_and_log_ten_for_one_class():
    assert divergence_from_uniform([30] * 10) == pytest.approx(0, abs=1e-12)
    assert divergence_from_uniform([50, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == pytest.approx(np.log(10))
    assert divergence_from_uniform([3, 1]) == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))


@pytest.mark.parametrize(
    ("histogram", "share"),
    [
        ([100] * 10, 0),
        ([111] * 9 + [1], 0.1),
        ([0] * 5 + [200] * 5, 0.5),
        ([1000] + [0] * 9, 0.9),
        ([108] * 9 + [28], 0),
    ],
)
def test_a_class_with_less_than_a_tenth_of_its_share_is_missing(histogram, share):
    assert missing_classes(histogram) == pytest.approx(share)


def test_all_class_metrics_are_those_of_the_single_functions():
    p = np.random.default_rng(0).dirichlet(np.full(10, 0.1), 300)
    assert class_metrics(p) == {
        "classifier_score": classifier_score(p),
        "class_histogram": list(class_histogram(p)),
        "divergence_from_uniform": divergence_from_uniform(class_histogram(p)),
        "missing_classes": missing_classes(class_histogram(p)),
    }


@pytest.mark.parametrize(
    "bad", [np.full((3, 10), 0.2), np.array([0.5, 0.5]), certain([1]) * 2 - certain([2]), np.full((3, 2), np.nan)]
)
def test_what_is_no_probability_is_refused(bad):
    for measure in (classifier_score, class_histogram):
        with pytest.raises(ValueError, match=r"invalid probabilities.*; expected \(n, classes\), rows sum to 1"):
            measure(bad)


# codes ----------------------------------------------------------------------------------------------------------


def test_codes_in_any_order_are_matched_to_their_classes():
    rng = np.random.default_rng(0)
    order, codes = rng.permutation(10), rng.integers(0, 10, 500)
    seen = np.where(rng.random(500) < 0.3, rng.integers(0, 10, 500), order[codes])  # a third of the answers are wrong
    np.testing.assert_array_equal(match_codes(codes, seen), order)


def test_two_codes_of_one_class_get_two_classes_so_that_most_images_agree():
    codes = np.array([0] * 10 + [1] * 8 + [1] * 5)
    seen = np.array([7] * 10 + [7] * 8 + [3] * 5)
    matched = match_codes(codes, seen)
    assert matched[0] == 7 and matched[1] == 3  # 15 agree; 7 for code 1 would leave 8 at best
    assert sorted(matched) == list(range(10))


# learning from images -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist5k"), load_dataset("mnist5k", "test")


@pytest.fixture
def learn(digits, monkeypatch):
    """Accuracy on held-out digits after 100 updates on the training digits that are chosen, with these labels."""
    monkeypatch.setattr(classes, "UPDATES", 100)
    train, test = digits

    def accuracy(labels=train.labels, chosen=slice(None), seed=0):
        return classification_accuracy(train.images[chosen], labels[chosen], test.images, test.labels, seed=seed)

    return accuracy


@pytest.mark.slow
def test_real_digits_teach_well_and_shuffled_labels_do_not(learn, digits):
    assert learn() > 0.9
    assert learn(np.random.default_rng(0).permutation(digits[0].labels)) < 0.3


@pytest.mark.slow
def test_a_digit_that_is_never_made_is_never_learned_and_one_seed_gives_one_result(learn, digits):
    kept = digits[0].labels != 4
    accuracy = learn(chosen=kept)
    assert 0.75 < accuracy < 0.9
    assert learn(chosen=kept) == pytest.approx(accuracy, abs=0.003)  # sums are rounded as threads finish


def test_labels_and_images_that_do_not_fit_are_refused(digits):
    train, test = digits
    images, labels = train.images[:20], train.labels[:20]
    with pytest.raises(ValueError, match=r"labels: invalid shape=\(19,\); expected \(20,\), one an image"):
        classification_accuracy(images, labels[1:], test.images, test.labels)
    with pytest.raises(ValueError, match=r"labels: invalid .*10.*; expected whole numbers from 0 to 9"):
        classification_accuracy(images, labels + 10 - labels[0], test.images, test.labels)
    with pytest.raises(ValueError, match="images: invalid dtype=float32"):
        classification_accuracy(images.astype("float32"), labels, test.images, test.labels)
    with pytest.raises(ValueError, match=r"test_images: invalid shape=\(1000, 28, 27, 1\)"):
        classification_accuracy(images, labels, test.images[:, :, 1:], test.labels)
    with pytest.raises(ValueError, match=r"codes: invalid shape=\(3,\); expected \(2,\)"):
        match_codes([1, 2, 3], [1, 2])
