"""Solutions of the exercises in 07_regenerate_faces.ipynb."""

import numpy as np


def generator_loss(painted, images, known, discriminator, adversarial_weight):
    """The loss of section 3, as its mean over n images.

    painted, images: float of shape (n, height, width, channels) in [-1, 1]; known: bool of shape (n, height, width);
    discriminator: images → the probability that each is real, of shape (n,); adversarial_weight: λ.
    """
    completed = np.where(known[..., None], images, painted)
    missing = (~known).sum(axis=(1, 2)) * images.shape[-1]
    reconstruction = np.abs(completed - images).sum(axis=(1, 2, 3)) / missing
    return np.mean(reconstruction - adversarial_weight * np.log(discriminator(completed)))


def weight(known, row, column, window):
    """The weight of the known pixel (row, column); known: bool of shape (height, width); window: odd."""
    half = window // 2
    around = known[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]
    return 1 - around.mean()
