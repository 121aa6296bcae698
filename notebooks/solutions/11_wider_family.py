"""Solutions of the exercises in 11_wider_family.ipynb."""

import numpy as np


def reverse_kl_loss(v):
    """Minus the mean of -exp(-v)."""
    return np.mean(np.exp(-v))


def rows_in_reach(layers):
    """Three from the 7×7 kernel, one from each 3×3 kernel."""
    return 3 + layers
