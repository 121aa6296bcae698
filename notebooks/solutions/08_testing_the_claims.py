"""Solutions of the exercises in 08_testing_the_claims.ipynb."""

import numpy as np
from scipy.stats import t


def interval(effects, level):
    """The t interval of the mean of effects, an array of shape (n,), as a pair (low, high)."""
    n = len(effects)
    half = t.ppf((1 + level) / 2, n - 1) * np.std(effects, ddof=1) / np.sqrt(n)
    return np.mean(effects) - half, np.mean(effects) + half


def smallest_p(n):
    """The smallest two-sided p of an exact sign-flip test of n pairs."""
    return 2 / 2**n
