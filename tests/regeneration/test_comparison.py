"""Intervals over faces and trainings, as the tables of completion networks have them."""

import numpy as np
import pytest
from compare_completion import describe
from scipy import stats

FACES = np.random.default_rng(0).normal(size=50)


def test_one_training_has_the_t_interval_over_faces():
    mean, low, high = describe(FACES)
    interval = stats.ttest_1samp(FACES, 0).confidence_interval()
    assert (mean, low, high) == pytest.approx((FACES.mean(), interval.low, interval.high))


def test_trainings_that_differ_widen_the_interval_and_equal_ones_do_not():
    _, low, high = describe(FACES)
    _, same_low, same_high = describe(np.stack([FACES] * 3))
    mean, wide_low, wide_high = describe(np.stack([FACES - 1, FACES, FACES + 1]))
    assert (same_low, same_high) == pytest.approx((low, high)) and mean == pytest.approx(FACES.mean())
    assert wide_high - wide_low > 2 * (high - low)
