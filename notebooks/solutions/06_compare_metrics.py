"""Solutions of the exercises in 06_compare_metrics.ipynb."""

import numpy as np
import pandas as pd


def discriminator_loss(p, q):
    """Mean cross-entropy in nats, half the images real."""
    return (-np.log(p) - np.log(1 - q)) / 2


def running_mean(values, n):
    """Centred running mean of an array of shape (k,), n odd."""
    return pd.Series(values).rolling(n, center=True, min_periods=1).mean().to_numpy()
