"""How far generated features are from real ones as a whole: Fréchet distance, its limit, and kernel distance.

Features are numbers [n, d] (real) and [m, d] (generated); everything is computed in float64.
"""

from functools import cached_property
from typing import Self

import numpy as np

from ..checks import check_features, require
from .cache import remembered


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """FID's formula: the squared Fréchet distance of two Gaussians with the features' means and covariances.

    d² = |μ - μ'|² + tr(Σ + Σ' - 2 (Σ Σ')^½): Heusel et al. 2017 (arXiv:1706.08500), equation 6; n > d and m > d. It is
    biased upwards, the more the fewer the samples: compare only numbers of equal sample sizes and one feature space.
    """
    real, generated = check_features(real, generated, np.shape(real)[-1] + 1)
    return _reference(real).distance(Gaussian.of(generated))


def frechet_distance_infinity(real: np.ndarray, generated: np.ndarray, *, points: int = 15, seed: int = 0) -> float:
    """FID∞: the Fréchet distance extrapolated to infinitely many generated samples; n > d, m ≥ 4d.

    The bias falls as 1/N: a line is fitted to the distances of subsets of N samples over 1/N, and its intercept is the
    result, which may be slightly negative (Chong & Forsyth 2020, arXiv:1911.07023, section 4). There are ``points``
    sizes (15 in the paper), equally spaced from m/10 (at least 2d) to m. The real side keeps its samples and bias.
    """
    dimensions = np.shape(real)[-1]
    real, generated = check_features(real, generated, dimensions + 1, 4 * dimensions)
    require(points >= 2, "points", points, "2 or more, for a line")
    count, rng = len(generated), np.random.Generator(np.random.Philox(key=seed))
    sizes = np.linspace(max(count // 10, 2 * dimensions), count, points).astype(int)
    subsets = (rng.choice(generated, size, replace=False, shuffle=False) for size in sizes)
    distances = [_reference(real).distance(Gaussian.of(subset)) for subset in subsets]
    _, intercept = np.polyfit(1 / sizes, distances, 1)
    return float(intercept)


def kernel_distance(
    real: np.ndarray, generated: np.ndarray, *, subsets: int = 10, seed: int = 0
) -> tuple[float, float]:
    """KID's formula: the mean of :func:`squared_mmd` over subsets, and the standard error of that mean.

    Bińkowski et al. 2018 (arXiv:1801.01401), section 4. The 2 or more subsets are disjoint, so that their spread gives
    an honest standard error; 10 of 10,000 samples have the usual size, 1,000. It is unbiased, so it may be negative.
    """
    require(subsets >= 2, "subsets", subsets, "2 or more, for a standard error")
    real, generated = check_features(real, generated, 2 * subsets)
    rng = np.random.Generator(np.random.Philox(key=seed))
    parts = []  # of each, disjoint random subsets of equal size
    for features in (real, generated):
        order = rng.permutation(len(features))[: len(features) // subsets * subsets]
        parts.append(features[order].reshape(subsets, -1, features.shape[1]))
    values = [squared_mmd(x, y) for x, y in zip(*parts, strict=True)]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(subsets))


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy under the kernel k(x, y) = (x·y / d + 1)³.

    Equation 3 of Gretton et al. 2012 (JMLR 13), with the kernel of Bińkowski et al. 2018 (arXiv:1801.01401), section
    3.1. x [n, d] and y [m, d] need 2 rows each; the estimate may be negative.
    """
    x, y = check_features(x, y, 2)
    return float(_mean_off_diagonal(_cube(x, x)) + _mean_off_diagonal(_cube(y, y)) - 2 * _cube(x, y).mean())


def _mean_off_diagonal(kernel: np.ndarray) -> float:
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))


class Gaussian:
    """A normal distribution: its mean float64 [d] and covariance float64 [d, d]."""

    def __init__(self, mean: np.ndarray, covariance: np.ndarray):
        self.mean, self.covariance = mean, covariance

    @classmethod
    def of(cls, features: np.ndarray) -> Self:
        """The one with the mean and covariance of features float64 [n, d], n > d."""
        return cls(features.mean(axis=0), np.cov(features, rowvar=False).reshape(2 * features.shape[1:]))

    @cached_property
    def _root(self) -> np.ndarray:
        values, vectors = np.linalg.eigh(self.covariance)
        return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T

    def distance(self, other: Self) -> float:
        """The squared Fréchet distance to another one, 0 or more.

        (Σ Σ')^½ and (Σ^½ Σ' Σ^½)^½ have the same trace, and the latter is symmetric: no complex roots, and no trouble
        where units of the feature network are always silent and the covariances are singular.
        """
        squares = np.linalg.eigvalsh(self._root @ other.covariance @ self._root)
        trace = np.trace(self.covariance) + np.trace(other.covariance) - 2 * np.sqrt(np.maximum(squares, 0)).sum()
        return max(0.0, float(np.sum((self.mean - other.mean) ** 2) + trace))


_reference = remembered(Gaussian.of)


def _cube(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    kernel = x @ y.T / x.shape[1] + 1
    return kernel * kernel * kernel  # ** 3 takes ten times as long
