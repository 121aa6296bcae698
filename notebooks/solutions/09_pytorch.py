"""Solutions of the exercises in 09_pytorch.ipynb."""

import numpy as np


def torch_momentum(keras_momentum):
    """Keras's momentum of a BatchNormalization → PyTorch's."""
    return 1 - keras_momentum


def channels_last(images):
    """[B, C, H, W] → [B, H, W, C], a NumPy array."""
    return np.moveaxis(images, 1, -1)
