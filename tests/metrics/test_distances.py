"""Distances hold to closed forms and to their papers' properties."""

import numpy as np
import pytest

from capsgan.metrics.distances import frechet_distance, frechet_distance_infinity, kernel_distance, squared_mmd


def normal(count, dimensions=8, seed=0, mean=0.0, scale=1.0):
    return mean + scale * np.random.default_rng(seed).standard_normal((count, dimensions))


def with_moments(mean, covariance, count=500, seed=0):
    """Samples whose sample mean and covariance are exactly these."""
    x = normal(count, len(mean), seed)
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(covariance).T + mean


# Fréchet distance -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 0.3, 5.0])
def test_frechet_distance_of_gaussians_with_diagonal_covariances_is_the_closed_form(shift):
    first, second = np.array([0.5, 1.0, 2.0, 4.0]), np.array([1.0, 1.0, 3.0, 0.1])
    x = with_moments(np.zeros(4), np.diag(first**2))
    y = with_moments(np.full(4, shift), np.diag(second**2), count=300, seed=1)
    assert frechet_distance(x, y) == pytest.approx(4 * shift**2 + ((first - second) ** 2).sum(), rel=1e-9)


def test_frechet_distance_of_gaussians_that_do_not_commute_is_the_matrix_square_roots():
    from scipy.linalg import sqrtm

    first, second = (a @ a.T + np.eye(6) for a in (normal(6, 6, seed) for seed in (0, 1)))
    x, y = with_moments(np.zeros(6), first), with_moments(np.ones(6), second, seed=1)
    expected = 6 + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_symmetric_scales_with_the_square_and_vanishes_on_itself():
    x, y = normal(400, seed=1), normal(300, seed=2, mean=0.2, scale=1.3)
    distance = frechet_distance(x, y)
    assert frechet_distance(y, x) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(10 * x, 10 * y) == pytest.approx(100 * distance, rel=1e-9)
    assert 0 <= frechet_distance(x, x) < 1e-9


def test_frechet_distance_bears_units_that_never_answer_and_large_means():
    x, y = normal(400, seed=1), normal(400, seed=2, mean=0.5)
    dead = np.zeros((400, 3))
    assert frechet_distance(np.hstack([x, dead]), np.hstack([y, dead])) == pytest.approx(frechet_distance(x, y))
    assert frechet_distance(x + 1e4, y + 1e4) == pytest.approx(frechet_distance(x, y), rel=1e-6)


def test_frechet_distance_is_computed_in_double_precision():
    x, y = (normal(400, seed=seed).astype("float32") for seed in (1, 2))
    assert frechet_distance(x, y) == frechet_distance(x.astype("float64"), y.astype("float64"))


@pytest.mark.slow
def test_frechet_distance_is_biased_upwards_and_its_limit_is_not():
    """Of d normal features, n and m samples of one distribution: the bias is about d(d + 5)/4 · (1/n + 1/m)."""
    real, finite, limits = normal(60_000, 20), [], []
    for seed in range(1, 9):
        generated = normal(1000, 20, seed)
        finite.append(frechet_distance(real, generated))
        limits.append(frechet_distance_infinity(real, generated, seed=seed))
    assert np.mean(finite) == pytest.approx(20 * 25 / 4 * (1 / 1000 + 1 / 60_000), rel=0.05)
    assert abs(np.mean(limits)) < 0.1 * np.mean(finite)


@pytest.mark.slow
def test_the_limit_finds_the_true_distance_from_few_samples():
    real = normal(60_000, 10)
    found = [frechet_distance_infinity(real, normal(500, 10, s, mean=0.2), seed=s) for s in range(1, 13)]
    assert np.mean(found) == pytest.approx(10 * 0.2**2, abs=3 * np.std(found) / np.sqrt(12))
    assert np.mean([frechet_distance(real, normal(500, 10, s, mean=0.2)) for s in range(1, 13)]) > 0.44


def test_the_limit_is_the_same_for_the_same_seed_and_another_for_another():
    x, y = normal(500), normal(500, seed=1)
    assert frechet_distance_infinity(x, y, seed=3) == frechet_distance_infinity(x, y, seed=3)
    assert frechet_distance_infinity(x, y, seed=3) != frechet_distance_infinity(x, y, seed=4)


# kernel distance ------------------------------------------------------------------------------------------------


def test_the_kernel_distance_is_the_papers_sum():
    x, y = normal(5, 3), normal(4, 3, seed=1, mean=1)

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    within_x = np.mean([kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    within_y = np.mean([kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j])
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(within_x + within_y - 2 * between, rel=1e-9)


def test_the_kernel_distance_of_equal_distributions_is_zero_within_its_error():
    values = np.array([kernel_distance(normal(1000, seed=2 * s), normal(1000, seed=2 * s + 1)) for s in range(30)])
    means, errors = values.T
    assert abs(means.mean()) < 3 * means.std(ddof=1) / np.sqrt(30)
    assert (means < 0).any() and (means > 0).any()  # unbiased, so on either side
    assert (abs(means) < 2 * errors).mean() > 0.8  # the standard error is one
    assert errors.mean() == pytest.approx(means.std(ddof=1), rel=0.4)


def test_the_kernel_distance_does_not_depend_on_the_number_of_samples():
    found = [np.mean([kernel_distance(normal(n, seed=s), normal(n, seed=s + 50, mean=0.5))[0] for s in range(20)])
             for n in (200, 2000)]  # fmt: skip
    assert found[0] == pytest.approx(found[1], rel=0.1)


def test_the_kernel_distance_sees_what_mean_and_covariance_do_not():
    x = normal(4000, 2)
    y = np.random.default_rng(1).exponential(size=(4000, 2)) - 1  # mean 0, variance 1, skewness 2
    mean, error = kernel_distance(x, y)
    assert mean > 5 * error and frechet_distance(x, y) < 0.02


def test_the_kernel_distance_uses_every_sample_in_one_subset_only():
    x = normal(40, 3)
    y = x.copy()
    y[0] += 1000  # seen once, in one of ten subsets
    ordinary = kernel_distance(x, normal(40, 3, seed=1))[0]
    mean, error = kernel_distance(x, y)
    assert mean > 1e3 * abs(ordinary) and error == pytest.approx(mean, rel=0.01)


# what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "least"),
    [(frechet_distance, 9), (frechet_distance_infinity, 32), (kernel_distance, 20), (squared_mmd, 2)],
)
def test_too_few_samples_are_named_with_the_least_number(measure, least):
    measure(normal(100), normal(least, seed=1))
    with pytest.raises(
        ValueError, match=f"generated: {least - 1} samples are too few for this metric; expected {least}"
    ):
        measure(normal(100), normal(least - 1, seed=1))


@pytest.mark.parametrize("measure", [frechet_distance, frechet_distance_infinity, kernel_distance, squared_mmd])
def test_features_that_are_no_numbers_or_do_not_fit_are_refused(measure):
    x = normal(100)
    bad = x.copy()
    bad[3, 2], bad[7, 1] = np.nan, np.inf
    with pytest.raises(ValueError, match="generated: 2 of 100 features are NaN or infinite"):
        measure(x, bad)
    with pytest.raises(ValueError, match="real: 2 of 100"):
        measure(bad, x)
    with pytest.raises(ValueError, match=r"invalid features of shapes .*\(100, 8\).* \(100, 7\)"):
        measure(x, x[:, :7])


def test_a_single_subset_or_point_is_refused():
    with pytest.raises(ValueError, match="invalid subsets=1; expected 2 or more"):
        kernel_distance(normal(100), normal(100), subsets=1)
    with pytest.raises(ValueError, match="invalid points=1; expected 2 or more"):
        frechet_distance_infinity(normal(100), normal(100), points=1)
