"""Solutions of the exercises in 11_wider_family.ipynb."""

import numpy as np


def reverse_kl_losses(v):
    """In the game f*(g(v)) = v - 1, a straight line; after the swap -g(v) = exp(-v)."""
    return np.array([np.mean(1 - v), np.mean(np.exp(-v))])


def rows_in_reach(layers):
    """Three from the 7×7 kernel, one from each 3×3 kernel."""
    return 3 + layers
