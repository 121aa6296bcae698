"""Baselines that fill holes without a network.

Each takes ``damaged``, uint8 [n, height, width, 1 or 3], whose holes may have any content; ``masks``, bool [n, height,
width], True where a pixel is known; and ``training``, uint8 [m, height, width, channels], whole images of the same
kind, which not every baseline needs. It returns uint8 [n, height, width, channels], known pixels unchanged.
"""

from collections.abc import Callable

import cv2
import numpy as np
from skimage.restoration import inpaint_biharmonic
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import nan_euclidean_distances

from ..checks import check_images, require
from .masks import check_masks, hide

RADIUS = 3  # pixels that cv2.inpaint looks at around each


def telea(damaged, masks, training=None) -> np.ndarray:
    """Fast marching from the edge inwards (Telea 2004, doi:10.1080/10867651.2004.10487596), by OpenCV."""
    return _each(damaged, masks, lambda image, known: _opencv(image, known, cv2.INPAINT_TELEA))


def navier_stokes(damaged, masks, training=None) -> np.ndarray:
    """Isophotes carried on into the hole (Bertalmio et al. 2001, doi:10.1109/CVPR.2001.990497), by OpenCV."""
    return _each(damaged, masks, lambda image, known: _opencv(image, known, cv2.INPAINT_NS))


def biharmonic(damaged, masks, training=None) -> np.ndarray:
    """The smoothest surface, by scikit-image (Damelin & Hoang 2018, doi:10.1155/2018/3950312)."""
    return _each(damaged, masks, lambda image, known: 255 * inpaint_biharmonic(image / 255, ~known, channel_axis=-1))


def mean_image(damaged, masks, training, whole: bool = False) -> np.ndarray:
    """The mean of the training images, in every hole; ``whole``: in place of the known pixels too, for blending."""
    return _keep_known(damaged, masks & (not whole), training.mean(axis=0, dtype="float64"))


def nearest_image(damaged, masks, training, whole: bool = False) -> np.ndarray:
    """The training image with the least squared distance on the known pixels; ``whole``: all of it, for blending."""
    seen = np.where(masks[..., None], damaged, np.float32(np.nan)).reshape(len(damaged), -1)
    distances = nan_euclidean_distances(seen, training.reshape(len(training), -1).astype("float32"), squared=True)
    return _keep_known(damaged, masks & (not whole), training[distances.argmin(axis=1)])


def pca_mean(damaged, masks, training, components: int = 50, whole: bool = False, model=None) -> np.ndarray:
    """The expected hole if images are Gaussian: the conditional mean in a principal subspace.

    Images are x = μ + W z + ε with z ~ N(0, I) and ε ~ N(0, σ²) (probabilistic PCA, Tipping & Bishop 1999,
    doi:10.1111/1467-9868.00196: W and σ² by their equations 7 and 8). Given the known pixels k, the mean of z is
    (W_kᵀ W_k + σ² I)⁻¹ W_kᵀ (x_k - μ_k), their posterior mean with only the known rows of W; σ² keeps the inverse
    stable. No linear method has a smaller mean squared error on Gaussian images.

    ``components``: dimensions of the subspace, fewer than pixels and training images. ``whole``: the model's known
    pixels too, for blending. ``model``: from :func:`fit_pca`, in place of ``training`` and ``components``.
    """
    mean, basis, noise = model or fit_pca(training, components)

    def fill(image, known):
        seen = np.repeat(known, image.shape[-1])
        rows = basis[seen]
        precision = rows.T @ rows + noise * np.eye(rows.shape[1])
        z = np.linalg.solve(precision, rows.T @ (image.ravel()[seen] - mean[seen]))
        return (mean + basis @ z).reshape(image.shape)

    return _each(damaged, masks, fill, whole)


def fit_pca(training: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Probabilistic PCA of images [m, ...], seeded: μ [pixels], W [pixels, components], σ² (mean variance outside)."""
    flat = training.reshape(len(training), -1).astype("float32")
    wanted = f"1 to {min(flat.shape) - 1}, for {flat.shape[0]} images of {flat.shape[1]} numbers"
    require(0 < components < min(flat.shape), "components", components, wanted)
    pca = PCA(components, random_state=0).fit(flat)
    variances = pca.explained_variance_
    outside = (flat.var(axis=0, ddof=1, dtype="float64").sum() - variances.sum()) / (flat.shape[1] - components)
    noise = max(float(outside), 1e-6 * variances[0], 1e-12)
    return pca.mean_, pca.components_.T * np.sqrt(np.maximum(variances - noise, 0)), noise


BASELINES: dict[str, Callable] = {
    "telea": telea,
    "navier-stokes": navier_stokes,
    "biharmonic": biharmonic,
    "mean image": mean_image,
    "nearest image": nearest_image,
    "pca": pca_mean,
}


def run_baselines(damaged: np.ndarray, masks: np.ndarray, training: np.ndarray, names=tuple(BASELINES)) -> dict:
    """The restored images of the baselines of these names: method → uint8 [n, height, width, channels]."""
    for name in names:
        require(name in BASELINES, "baseline", name, " | ".join(BASELINES))
    check_images("damaged", damaged)
    check_images("training", training, damaged.shape[1:])
    masks = check_masks(masks, damaged)
    return {name: BASELINES[name](damaged, masks, training) for name in names}


def _each(damaged, masks, fill, whole: bool = False) -> np.ndarray:
    pairs = zip(hide(damaged, masks), masks, strict=True)  # cv2.inpaint's gradients do look into the hole
    filled = np.stack([fill(image, known) for image, known in pairs])
    return _keep_known(damaged, masks & (not whole), filled)


def _keep_known(damaged, masks, filled) -> np.ndarray:
    return np.where(masks[..., None], damaged, np.clip(np.rint(filled), 0, 255).astype("uint8"))


def _opencv(image, known, how):
    return cv2.inpaint(np.ascontiguousarray(image), (~known).astype("uint8"), RADIUS, how).reshape(image.shape)
