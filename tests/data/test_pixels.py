"""Pixels keep their values, their places and their colours."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from capsgan.data.pixels import encode_png, read_png, tile, to_float, to_uint8

LEVELS = np.arange(256, dtype="uint8")


def rgb(height=3, width=4):
    """An image whose channels all differ: red 200 and more, green about 100, blue below 30."""
    image = np.zeros((height, width, 3), "uint8")
    image[..., 0] = 200 + np.arange(height)[:, None]
    image[..., 1] = 100 + np.arange(width)
    image[..., 2] = np.arange(height * width).reshape(height, width)
    return image


def test_to_float_covers_minus_one_to_one():
    """Not [0, 1], as in listing 7.4: the minimum alone would give generated images away."""
    floats = np.asarray(to_float(LEVELS))
    assert floats.dtype == np.float32
    assert (floats.min(), floats.max()) == (-1, 1)
    np.testing.assert_allclose(np.diff(floats), 2 / 255, rtol=1e-4)


def test_to_uint8_undoes_to_float_on_every_level():
    np.testing.assert_array_equal(to_uint8(to_float(LEVELS)), LEVELS)


def test_to_uint8_rounds_to_the_nearest_and_clips():
    step = 2 / 255
    floats = np.array([-1 + 0.4 * step, -1 + 0.6 * step, 1 - 0.4 * step, -7, 7], "float32")
    np.testing.assert_array_equal(to_uint8(floats), [0, 1, 255, 0, 255])


@pytest.mark.parametrize("channels", [1, 3])
def test_tile_puts_images_row_after_row_on_white(channels):
    images = np.stack([np.full((4, 5, channels), 10 * number, "uint8") for number in range(7)])
    images[..., -1] += 1  # channels differ
    canvas = tile(images, columns=3, gap=2)
    assert canvas.shape == (3 * 6 + 2, 3 * 7 + 2, channels) and canvas.dtype == np.uint8
    for number, image in enumerate(images):
        top, left = 2 + 6 * (number // 3), 2 + 7 * (number % 3)
        np.testing.assert_array_equal(canvas[top : top + 4, left : left + 5], image)
    assert (canvas == 255).all(axis=-1).sum() == 20 * 23 - 7 * 20  # the rest is white


def test_png_keeps_every_colour():
    """Neither grey from the red channel, as in the thesis's save_imgs, nor red and blue exchanged."""
    data, image = encode_png(rgb()), rgb()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image)  # as others read it
    opencv = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(opencv[..., ::-1], image)


def test_png_keeps_grey():
    image = LEVELS.reshape(16, 16, 1)
    picture = Image.open(io.BytesIO(encode_png(image)))
    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), image[..., 0])


@pytest.mark.parametrize("image", [rgb(), LEVELS.reshape(16, 16, 1)], ids=["colour", "grey"])
def test_read_png_undoes_encode_png(image, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(encode_png(image))
    read = read_png(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, np.broadcast_to(image, (*image.shape[:2], 3)))


def test_a_file_that_is_no_picture_is_named(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("no picture")
    with pytest.raises(ValueError, match=r"notes\.png is not a readable image"):
        read_png(path)
