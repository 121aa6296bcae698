"""Putting a generated hole into its place: Poisson image editing (Pérez et al. 2003, doi:10.1145/882262.882269)."""

import cv2
import numpy as np
from scipy.sparse import csgraph
from scipy.sparse.linalg import spsolve

UNKNOWNS = 40_000  # pixels of a hole that are solved for at once: 200×200
RELAXATIONS = 30  # of a membrane at each size above that
NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], "float32") / 4


def blend(images: np.ndarray, generated: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Fill holes with the generated images' gradients, fitted to the known pixels around, which stay as they are.

    Images are uint8 [n, height, width, 1 or 3], holes with any content; masks are bool [n, height, width].
    """
    fills = [
        whole if known.all() or not known.any() else membrane(image, whole, known)
        for image, whole, known in zip(images, generated, masks, strict=True)
    ]
    return np.where(masks[..., None], images, fills)


def membrane(image: np.ndarray, generated: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The generated image plus a smooth correction that makes it meet the known pixels (equations 4 and 5 there).

    The correction has the shape of a membrane held at the hole's edge: it solves Laplace's equation on the graph of
    neighbouring pixels, with no flow across the image's own edges. So holes may be there, too, in any number.

    Uint8 [height, width, channels], the result for the hole only; ``known``: bool [height, width], with both values.
    """
    left, top, columns, rows = cv2.boundingRect((~known).astype("uint8"))
    box = np.s_[max(top - 1, 0) : top + rows + 1, max(left - 1, 0) : left + columns + 1]  # the hole and its neighbours
    fill = generated.astype("float32")
    fill[box] += _stretch(image[box].astype("float32") - generated[box], known[box])
    return np.clip(np.rint(fill), 0, 255).astype("uint8")


def _stretch(difference: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A membrane through the known values: float32 [height, width, channels], bool [height, width] → the same, whole.

    Small holes are solved exactly, large ones by cascadic multigrid (Bornemann & Deuflhard 1996,
    doi:10.1007/s002110050234): the solution at half the size, enlarged, then relaxed; at most a few grey levels off.
    """
    if (~known).sum() <= UNKNOWNS:
        return _stretch_exactly(difference, known)
    height, width = known.shape
    half = (-(-width // 2), -(-height // 2))
    held = known[..., None].astype("float32")
    share = cv2.resize(held, half, interpolation=cv2.INTER_AREA)[..., None]
    total = cv2.resize(difference * held, half, interpolation=cv2.INTER_AREA).reshape(*share.shape[:2], -1)
    coarse = _stretch(total / np.maximum(share, 1e-6), share[..., 0] > 0)
    whole = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(difference.shape)
    for _ in range(RELAXATIONS):
        whole = np.where(known[..., None], difference, whole)
        whole = cv2.filter2D(whole, -1, NEIGHBOURS, borderType=cv2.BORDER_REPLICATE).reshape(difference.shape)
    return np.where(known[..., None], difference, whole)


def _stretch_exactly(difference: np.ndarray, known: np.ndarray) -> np.ndarray:
    from sklearn.feature_extraction.image import grid_to_graph  # slow to import

    held = known.ravel()
    laplacian = csgraph.laplacian(grid_to_graph(*known.shape, dtype="float64").tocsr()).tocsr()[~held]
    whole = difference.reshape(len(held), -1).astype("float64")
    if not held.all():
        solved = spsolve(laplacian[:, ~held].tocsc(), -laplacian[:, held] @ whole[held])
        whole[~held] = solved.reshape(-1, whole.shape[1])
    return whole.reshape(difference.shape).astype("float32")
