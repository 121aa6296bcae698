"""Checks of arguments: a wrong value is rejected where it enters, with what was expected."""

import numpy as np


def require(good: bool, name: str, value, expected: str):
    """Raise ``ValueError`` that names the argument, its value and what was expected, unless ``good``."""
    if not good:
        raise ValueError(f"invalid {name}={value!r}; expected {expected}")


def check_images(name: str, images: np.ndarray, image_shape: tuple[int, ...] | None = None):
    """Raise ``ValueError`` unless ``images`` are uint8 [n, height, width, channels], n > 0, of this ``image_shape``."""
    dtype, shape = getattr(images, "dtype", type(images).__name__), np.shape(images)
    if dtype != np.uint8:
        raise ValueError(f"{name}: invalid dtype={dtype}; expected uint8 (capsgan.data.pixels.to_uint8 converts)")
    if len(shape) != 4 or 0 in shape or (image_shape and shape[1:] != tuple(image_shape)):
        wanted = ", ".join(map(str, image_shape or ("height", "width", "channels")))
        raise ValueError(f"{name}: invalid shape={shape}; expected (n, {wanted}) with n > 0")


def check_features(real, generated, least: int, least_generated: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Both sets of features as finite float64 [n, d] and [m, d].

    ``least`` is how many rows the metric needs of each; ``least_generated`` of the generated ones, where that differs.
    """
    arrays = {"real": np.asarray(real, "float64"), "generated": np.asarray(generated, "float64")}
    for name, array in arrays.items():
        if array.ndim != 2 or array.shape[1] != np.shape(generated)[-1]:
            shapes = f"{np.shape(real)} and {np.shape(generated)}"
            raise ValueError(f"invalid features of shapes {shapes}; expected (n, d) and (m, d)")
        needed = least_generated if least_generated and name == "generated" else least
        if len(array) < needed:
            raise ValueError(f"{name}: {len(array)} samples are too few for this metric; expected {needed} or more")
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).any(axis=1).sum())
            raise ValueError(f"{name}: {bad} of {len(array)} features are NaN or infinite; leave those images out")
    return arrays["real"], arrays["generated"]


def check_labels(name: str, labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    """Labels as int64 [count]; each must be a whole number from 0 to ``classes`` - 1."""
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(f"{name}: invalid shape={array.shape}; expected ({count},), one an image")
    strange = array[~np.isin(array, np.arange(classes))]
    if len(strange):
        raise ValueError(f"{name}: invalid value {strange[0]!r}; expected whole numbers from 0 to {classes - 1}")
    return array.astype("int64")
