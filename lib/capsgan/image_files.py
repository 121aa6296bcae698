"""Image files of the user's: refused where they are none, before a decoder stumbles over them."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import cv2
import numpy as np

MEGAPIXELS = 100  # at most: more is refused before it is decoded


def read_image(path: Path) -> np.ndarray:
    """The image in a file, see :func:`decode_image`.

    Raises:
        ValueError: the file cannot be read, is no image, or has more than 100 megapixels.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} is not a readable image: {why}; give a whole PNG or JPEG file") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str = "image") -> np.ndarray:
    """An encoded image as it is meant to be seen: EXIF's orientation, 8 bits, no transparency.

    Args:
        data: of a PNG, JPEG or other image file.
        name: of the file, for errors.

    Returns:
        Uint8 [height, width, 3], RGB; of a grey file [height, width, 1].

    Raises:
        ValueError: it is no image, or has more than 100 megapixels.
    """
    from PIL import Image  # reads the size without the pixels

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own about large images
            with Image.open(io.BytesIO(data)) as header:
                width, height = header.size
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} has too many pixels ({error}); allowed: {MEGAPIXELS} megapixels") from error
    except (OSError, ValueError, SyntaxError) as error:
        why = "no image format" if data else "it is empty"
        raise ValueError(f"{name} is not a readable image: {why}; give a whole PNG or JPEG file") from error
    if width * height > MEGAPIXELS * 1_000_000:
        raise ValueError(
            f"{name} has {width * height / 1e6:.0f} megapixels; allowed: {MEGAPIXELS}, so make it smaller or cut it"
        )
    with _quiet_opencv():
        try:
            image = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_ANYCOLOR)
        except cv2.error:
            image = None
    if image is None:
        raise ValueError(f"{name} is not a readable image: damaged; give a whole PNG or JPEG file")
    return image[..., None] if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])


@contextlib.contextmanager
def _quiet_opencv():
    """Decoders complain on standard error; what they mean is told once, by us."""
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
