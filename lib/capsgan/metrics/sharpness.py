"""How sharp images are."""

from __future__ import annotations

import cv2
import numpy as np

from ..checks import check_images


def sharpness(images: np.ndarray) -> float:
    """The variance of each image's Laplacian (Pech-Pacheco et al. 2000, ICPR), averaged over the images.

    Blur lowers it; noise raises it too, so read it beside precision.

    Args:
        images: uint8 [n, height, width, channels], computed on pixels in [0, 1].
    """
    check_images("images", images)
    return float(np.mean([cv2.Laplacian(image, cv2.CV_64F).var() for image in images])) / 255**2
