"""Photographs of faces that scikit-learn's fetchers download, check and keep."""

import warnings
from collections.abc import Callable

import numpy as np

from ..paths import home

FEWEST_OF_A_PERSON = 20  # images, in lfw: 62 people


def fetch_olivetti() -> tuple[np.ndarray, np.ndarray]:
    """The Olivetti faces (AT&T Laboratories Cambridge, 1992 to 1994): 10 grey photographs of each of 40 people.

    Returns:
        Images uint8 [400, 64, 64, 3] with three equal channels, and labels int64 [400], the person.

    Raises:
        RuntimeError: they are neither on disk nor to be had from the network.
    """
    from sklearn.datasets import fetch_olivetti_faces

    faces = _fetch("olivetti", fetch_olivetti_faces)
    return np.repeat(_to_uint8(faces.images)[..., None], 3, axis=-1), faces.target.astype("int64")


def fetch_lfw() -> tuple[np.ndarray, np.ndarray]:
    """Labeled Faces in the Wild (Huang et al. 2007): colour photographs of people with at least 20 of them there.

    The central 128×128 of each 250×250 pixels, which is the face with its hair, at half its size.

    Returns:
        Images uint8 [n, 64, 64, 3], RGB, and labels int64 [n], the person.

    Raises:
        RuntimeError: they are neither on disk nor to be had from the network.
    """
    from sklearn.datasets import fetch_lfw_people

    middle = slice(61, 189)
    arguments = {"color": True, "resize": 0.5, "slice_": (middle, middle), "min_faces_per_person": FEWEST_OF_A_PERSON}
    faces = _fetch("lfw", fetch_lfw_people, **arguments)
    return _to_uint8(faces.images), faces.target.astype("int64")


def _fetch(name: str, fetcher: Callable, **arguments):
    folder = home() / "downloads"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of each retry; what came of them is told below
            return fetcher(data_home=str(folder), **arguments)
    except Exception as error:  # of the network, of the disk, or of a file that was cut short
        raise RuntimeError(
            f"dataset={name!r} could not be downloaded to {folder} ({error}); use dataset='folder:PATH' with images "
            "of your own, or dataset='cartoon', which needs no network"
        ) from error


def _to_uint8(images: np.ndarray) -> np.ndarray:
    """Float in [0, 1] → uint8 0 to 255."""
    return np.rint(np.clip(images, 0, 1) * 255).astype("uint8")
