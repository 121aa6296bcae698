"""Solutions of the exercises in 03_wgan.ipynb."""

import numpy as np


def my_wasserstein(a, b):
    """Wasserstein distance of two samples, arrays of shape (n,)."""
    return np.abs(np.sort(a) - np.sort(b)).mean()


def critic_loss(real, fake, slopes, weight=10):
    """Loss of WGAN-GP's critic, from arrays of scores and of slopes."""
    return fake.mean() - real.mean() + weight * ((slopes - 1) ** 2).mean()
