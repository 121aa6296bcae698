"""Image files, decoded as they are meant to be seen; what is none is refused before a decoder stumbles over it."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

MEGAPIXELS = 100  # of a file at most: 300 MB once it is decoded
MAX_BYTES = 8 * MEGAPIXELS * 10**6
LARGE = 16_000_000  # pixels: such files are decoded one at a time
JPEG = b"\xff\xd8", b"\xff\xd9"  # how one begins and ends
_one_large_file = threading.Lock()


class UnreadableImageError(ValueError):
    """A file is not an image that can be used; the message is the reason."""


def read_image(path: Path) -> np.ndarray:
    """The image in a file, see :func:`decode_image`.

    Raises:
        ValueError: it is none, or cannot be read. Names the file and the reason.
    """
    try:
        with quiet_readers():
            return decode_file(Path(path))
    except UnreadableImageError as error:
        raise ValueError(f"{path} is not a readable image: {error}; give a whole PNG or JPEG file") from error


def decode_file(path: Path) -> np.ndarray:
    """The image in a file, see :func:`decode_image`.

    Raises:
        UnreadableImageError: it is none, or cannot be read; the message is the reason alone.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableImageError(f"{size / 1e6:,.0f} MB, more than {MAX_BYTES / 1e6:,.0f}")
        return decode_image(path.read_bytes())
    except UnreadableImageError:
        raise
    except (OSError, ValueError) as error:  # a name with a NUL
        raise UnreadableImageError(getattr(error, "strerror", None) or "no name of a file") from error


def decode_image(data: bytes) -> np.ndarray:
    """An encoded image as it is meant to be seen.

    EXIF orientation is applied. Palette, CMYK and 16-bit images become 8-bit RGB; what is transparent is laid on white.
    Of an animation it is the first frame.

    Args:
        data: the content of a PNG, JPEG or other image file.

    Returns:
        Uint8 [height, width, 3], RGB; of a grey file [height, width, 1].

    Raises:
        UnreadableImageError: it is none, is cut short, or has more than 100 megapixels; the message is the reason.
    """
    try:
        return _decode(data)
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError("there is not enough memory to decode it") from error
    except Exception as error:  # Pillow's and OpenCV's readers raise whatever a malformed file leads them to
        raise UnreadableImageError("not an image, or a damaged one") from error


@contextlib.contextmanager
def quiet_readers() -> Iterator[None]:
    """What is wrong with a file is told by its reason, not by the decoders' own lines on standard error."""
    log, level = cv2.utils.logging, cv2.utils.logging.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLogLevel(level)


def _decode(data: bytes) -> np.ndarray:
    if not data:
        raise UnreadableImageError("empty")
    try:
        with Image.open(io.BytesIO(data)) as header:  # reads no pixels yet
            pixels = header.width * header.height
            transparent = header.has_transparency_data and not header.mode.startswith("I")  # 16-bit grey
    except Image.DecompressionBombError:
        pixels = np.inf
    if pixels > MEGAPIXELS * 10**6:
        raise UnreadableImageError(f"more than {MEGAPIXELS} megapixels")
    with _one_large_file if pixels > LARGE else contextlib.nullcontext():
        if transparent:  # OpenCV ignores the orientation where it keeps transparency
            with Image.open(io.BytesIO(data)) as image:
                opaque = ImageOps.exif_transpose(image).convert("RGBA")
            laid = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
            return np.ascontiguousarray(np.asarray(laid)[..., :3])
        if data.startswith(JPEG[0]) and not data.endswith(JPEG[1]):
            _check_whole(data)  # some versions of OpenCV fill up what is missing in a JPEG with grey
        image = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_ANYCOLOR)
        if image is None:
            raise UnreadableImageError("damaged, or of a kind that OpenCV does not read")
        return image[..., None] if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])


def _check_whole(data: bytes):
    with Image.open(io.BytesIO(data)) as image:
        try:
            image.load()
        except OSError as error:
            raise UnreadableImageError("cut short or damaged") from error
