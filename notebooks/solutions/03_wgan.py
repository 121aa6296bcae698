"""Solutions of the exercises in 03_wgan.ipynb."""

import numpy as np


def my_wasserstein(a, b):
    """Wasserstein distance of two samples, arrays of shape (n,)."""
    return np.abs(np.sort(a) - np.sort(b)).mean()


def midpoint_accuracy(real, fake):
    """Accuracy of a critic's scores, arrays of shape (n,)."""
    midpoint = (real.mean() + fake.mean()) / 2
    return ((real > midpoint).mean() + (fake < midpoint).mean()) / 2
