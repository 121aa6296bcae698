"""Solutions of the exercises in 10_capsules.ipynb."""

import numpy as np


def routing_round(votes, logits):
    """Weigh, squash, agree."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    couplings = weights / weights.sum(axis=1, keepdims=True)  # over the wholes
    s = np.einsum("ij,ijd->jd", couplings, votes)
    squared = np.sum(s**2, axis=1, keepdims=True)
    v = np.divide(squared * s, (1 + squared) * np.sqrt(squared), out=np.zeros_like(s), where=squared > 0)
    return logits + np.einsum("ijd,jd->ij", votes, v)


def vote_parameters(parts, size, wholes, dimension):
    """One matrix for each pair of part and whole."""
    return parts * wholes * size * dimension
