"""Solutions of the exercises in 02_dcgan.ipynb."""

import numpy as np


def my_squash(s):
    """Squash the vector s, an array of shape (n,)."""
    length = np.linalg.norm(s)
    return length / (1 + length**2) * s


def number_of_capsules(size):
    """Count the capsules of PrimaryCaps: 32 types at each place of the second convolution's map."""
    return 32 * ((size - 8 - 9) // 2 + 1) ** 2
