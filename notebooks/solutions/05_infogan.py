"""Solutions of the exercises in 05_infogan.ipynb."""

import numpy as np


def entropy_of(p):
    """Entropy in nats of probabilities, an array of shape (n,)."""
    positive = p[p > 0]
    return -(positive * np.log(positive)).sum()


def category_bound(logits, category):
    """Q's logits (B, n) and the true categories (B,): the lower bound of the mutual information, in nats."""
    log_q = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return np.log(logits.shape[1]) + log_q[np.arange(len(category)), category].mean()
