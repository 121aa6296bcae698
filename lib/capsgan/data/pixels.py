"""Pixels: between uint8 and the networks' [-1, 1], several images in one grid, PNG."""

from pathlib import Path

import cv2
import numpy as np
from keras import ops

SCALES = (2, 4)  # of super-resolution
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as OpenCV's COLOR_RGB2GRAY


def to_float(images):
    """Uint8 0 to 255 → float32 in [-1, 1], the range of the generator's tanh. Takes arrays and tensors.

    The thesis rescales real images to [0, 1] (listing 7.4): then their minimum alone tells real from generated images.
    """
    return ops.cast(images, "float32") / 127.5 - 1.0


def to_uint8(images) -> np.ndarray:
    """Float in [-1, 1] → uint8 0 to 255, rounded to the nearest; values outside are clipped."""
    scaled = (np.asarray(images, dtype="float32") + 1.0) * 127.5
    return np.clip(np.rint(scaled), 0, 255).astype("uint8")


def luma(images):
    """Lightness as in television: float [..., 3] → [..., 1]; one channel stays as it is."""
    if images.shape[-1] == 1:
        return images
    return ops.sum(images * ops.convert_to_tensor(np.array(LUMA, "float32")), axis=-1, keepdims=True)


def fade(images, contrast, brightness):
    """Less contrast and another brightness: floats in [-1, 1], (0, 1] and [-0.5, 0.5] of the range → float, clipped."""
    return ops.clip(contrast * images + 2 * brightness, -1, 1)


def shrink(images, scale: int):
    """Means of square blocks: float [B, height, width, channels] → [B, height / scale, width / scale, channels]."""
    return ops.average_pool(images, scale, strides=scale)


def enlarge(images, scale: int):
    """Bilinear enlargement: float [B, height, width, channels] → [B, height * scale, width * scale, channels]."""
    size = [scale * length for length in images.shape[1:3]]
    return ops.image.resize(images, size, "bilinear", data_format="channels_last")


def tile(images: np.ndarray, columns: int = 5, gap: int = 2) -> np.ndarray:
    """Uint8 [n, height, width, channels] in one picture, row after row, on white, ``gap`` pixels around each."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), 255, "uint8")
    cells[:count, gap:, gap:] = images
    grid = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * (height + gap), columns * (width + gap), channels)
    return np.pad(grid, [(0, gap), (0, gap), (0, 0)], constant_values=255)


def encode_png(image: np.ndarray) -> bytes:
    """Uint8 [height, width, 1, 3 or 4], RGB or RGBA → the bytes of a PNG file."""
    turned = image[..., [2, 1, 0, 3]] if image.shape[-1] == 4 else image[..., ::-1]  # OpenCV's order is BGR
    good, data = cv2.imencode(".png", turned)
    if not good:
        raise ValueError(f"image of shape {image.shape} and dtype {image.dtype} cannot be written as PNG")
    return data.tobytes()


def read_png(path: Path) -> np.ndarray:
    """A PNG file → uint8 [height, width, 3], RGB."""
    data = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), "uint8"), cv2.IMREAD_COLOR)
    if data is None:
        raise ValueError(f"{path} is not a readable image")
    return np.ascontiguousarray(data[..., ::-1])
