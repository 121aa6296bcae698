"""Image files, decoded as they are meant to be seen; non-images are rejected before decoding."""

import contextlib
import io
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MEGAPIXELS = 100  # of a file at most: 300 MB once it is decoded
MAX_BYTES = 8 * MEGAPIXELS * 10**6
LEAST_RANGE = 1 << 14  # of 16-bit pixels: with less than a quarter of the range used, 8 bits are nearly black
BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"hevc": "HEIC", b"crx ": "a raw photo"}
STARTS = {b"%PDF": "PDF", b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"8BPS": "Photoshop", b"<svg": "SVG"}
LARGE = 16_000_000  # pixels: such files are decoded one at a time
JPEG = b"\xff\xd8", b"\xff\xd9"  # how one begins and ends
PADDING = 32  # bytes that some cameras leave before a JPEG's end
_one_large_file = threading.Lock()


class UnreadableImageError(ValueError):
    """A file is not a usable image; the message is the reason."""


def read_image(path: Path) -> np.ndarray:
    """The image in a file, see :func:`decode_image`; ``ValueError`` names file and reason if it cannot be read."""
    try:
        with quiet_readers() as complaints:
            image = decode_file(Path(path))
        if damage := damage_in(complaints):
            raise UnreadableImageError(damage)
        return image
    except UnreadableImageError as error:
        raise ValueError(f"{path} is not a readable image: {error}; give a whole PNG or JPEG file") from error


def read_transparency(path: Path) -> np.ndarray | None:
    """A file's own colours and opacity if anything is transparent: uint8 [height, width, 4], else None."""
    with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
        if not image.has_transparency_data or image.mode.startswith("I"):
            return None
        colours = np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    return None if colours[..., 3].min() == 255 else colours


def decode_file(path: Path) -> np.ndarray:
    """The image in a file, see :func:`decode_image`; raises :class:`UnreadableImageError`."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else None
    except (OSError, ValueError) as error:  # a name with a NUL
        raise UnreadableImageError(getattr(error, "strerror", None) or "no name of a file") from error
    if data is None:
        raise UnreadableImageError(f"{size / 1e6:,.0f} MB, more than {MAX_BYTES / 1e6:,.0f}")
    return decode_image(data)


def decode_image(data: bytes) -> np.ndarray:
    """An encoded image as it is meant to be seen: uint8 [height, width, 3], RGB; of a grey file [height, width, 1].

    EXIF orientation is applied. Palette, CMYK and 16-bit images become 8-bit RGB; transparent pixels are laid on white;
    an animation is its first frame. Other files, broken or above 100 megapixels: :class:`UnreadableImageError`.
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
def quiet_readers() -> Iterator[list[str]]:
    """Keeps the decoders' own lines off standard error; ``sys.stderr`` still writes there. For one thread at a time.

    Gives a list that holds these lines afterwards: libjpeg has no other way to report a damaged file.
    """
    log, level = cv2.utils.logging, cv2.utils.logging.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    with contextlib.ExitStack() as stack:
        stack.callback(log.setLogLevel, level)
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        lines = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        try:
            terminal = os.dup(2)
        except OSError:  # closed
            yield []
            return
        stack.callback(os.close, terminal)
        if _is_standard_error(sys.stderr):
            visible = stack.enter_context(os.fdopen(os.dup(terminal), "w", encoding="utf-8", errors="backslashreplace"))
            stack.enter_context(contextlib.redirect_stderr(visible))
        os.dup2(lines.fileno(), 2)
        stack.callback(os.dup2, terminal, 2)
        complaints = []
        yield complaints
        lines.seek(0)
        complaints += lines.read().decode("utf-8", "replace").splitlines()


def damage_in(complaints: list[str]) -> str | None:
    """The reason in a decoder's lines to reject a JPEG; None if they report nothing that matters."""
    for line in complaints:
        few = re.search(r"(\d+) extraneous bytes", line)
        if re.search("Corrupt JPEG data|Premature end of JPEG", line) and not (few and int(few[1]) < PADDING):
            return f"damaged ({line.split(': ')[-1]})"
    return None


def _is_standard_error(stream) -> bool:
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def _decode(data: bytes) -> np.ndarray:
    if not data:
        raise UnreadableImageError("empty")
    kind = BRANDS.get(data[8:12]) if data[4:8] == b"ftyp" else None
    kind = kind or next((name for start, name in STARTS.items() if data.startswith(start)), None)
    if kind:
        raise UnreadableImageError(f"{kind}, which is not supported; convert it to JPEG or PNG")
    try:
        with Image.open(io.BytesIO(data)) as header:  # reads no pixels yet
            pixels = header.width * header.height
            transparent = header.has_transparency_data and not header.mode.startswith("I")  # 16-bit grey
    except Image.DecompressionBombError:
        pixels = np.inf
    except UnidentifiedImageError:  # such as a TIFF of floating-point colours
        _check_depth(data)
        raise
    if pixels > MEGAPIXELS * 10**6:
        raise UnreadableImageError(f"more than {MEGAPIXELS} megapixels")
    with _one_large_file if pixels > LARGE else contextlib.nullcontext():
        _check_depth(data)
        if transparent:  # OpenCV ignores the orientation where it keeps transparency
            with Image.open(io.BytesIO(data)) as image:
                opaque = ImageOps.exif_transpose(image).convert("RGBA")
            laid = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
            return np.ascontiguousarray(np.asarray(laid)[..., :3])
        if data.startswith(JPEG[0]) and not data.endswith(JPEG[1]):
            with Image.open(io.BytesIO(data)) as image:
                image.load()  # raises: some versions of OpenCV fill up what is missing in a JPEG with grey
        image = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_ANYCOLOR)
        if image is None:
            raise UnreadableImageError("damaged, or of a kind that OpenCV does not read")
        return image[..., None] if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])


def _check_depth(data: bytes):
    """Refuse pixels that 8 bits would not show: floating-point ones, and 16 bits that hold 12 or 10."""
    if data[:4] not in (b"II*\0", b"MM\0*") and not (data.startswith(b"\x89PNG") and data[24:25] == b"\x10"):
        return
    deep = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if deep is None or deep.dtype == np.uint8:
        return
    low, high = deep.min(), deep.max()
    if deep.dtype != np.uint16:
        raise UnreadableImageError(f"{deep.dtype} pixels from {low:g} to {high:g}; save it with 8 bits a channel")
    if 0 < high < LEAST_RANGE:
        raise UnreadableImageError(f"16-bit pixels from {low} to {high} of 65535, nearly black; save it with 8 bits")
