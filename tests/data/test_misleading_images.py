"""What would silently be taken for something else is left out with a reason, or kept as it is."""

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from capsgan.data.datasets import load_dataset
from capsgan.data.image_files import UnreadableImageError, decode_file, quiet_readers, read_image
from capsgan.data.image_folder import split_folders
from capsgan.data.listing import list_images
from capsgan.data.pixels import encode_png
from capsgan.regeneration.masks import read_mask
from capsgan.regeneration.picture_files import keep_transparency, regenerate_files

RNG = np.random.default_rng(0)
SMOOTH = cv2.GaussianBlur(RNG.integers(0, 256, (96, 96, 3)).astype("uint8"), (0, 0), 2)


def encoded(image, kind, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def write(path, number=0, channels=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.full((8, 8, channels), number, "uint8")))


def damaged_jpegs() -> dict[str, bytes]:
    """As a failing disk or an interrupted copy leaves them; all end as a JPEG should."""
    found = {}
    for name, options in {"plain": {"quality": 90}, "progressive": {"progressive": True}}.items():
        whole = encoded(SMOOTH, "JPEG", **options)
        middle = len(whole) // 2
        found[f"zeroed {name}.jpg"] = whole[:middle] + b"\0" * 600 + whole[middle + 600 :]
        found[f"cut {name}.jpg"] = whole[:middle] + whole[middle + 700 :]
        found[f"ended {name}.jpg"] = whole[:middle] + b"\xff\xd9"
    assert all(data.endswith(b"\xff\xd9") for data in found.values())
    return found


@pytest.mark.parametrize("name", damaged_jpegs())
def test_a_jpeg_that_is_damaged_in_the_middle_is_refused_without_a_word_of_the_decoder(tmp_path, capfd, name):
    (tmp_path / name).write_bytes(damaged_jpegs()[name])
    with pytest.raises(ValueError, match="not a readable image: damaged"):
        read_image(tmp_path / name)
    assert capfd.readouterr().err == ""


def test_damaged_jpegs_among_whole_ones_are_left_out_by_name(home, capfd):
    for number in range(130):
        (home / "faces").mkdir(exist_ok=True)
        (home / "faces" / f"{number}.jpg").write_bytes(encoded(SMOOTH, "JPEG", quality=90))
    for name, data in damaged_jpegs().items():
        (home / "faces" / name).write_bytes(data)
    parts = [load_dataset(f"folder:{home / 'faces'}", split, image_size=8) for split in ("train", "test")]
    told = capfd.readouterr()
    assert sum(map(len, parts)) == 130 and "6 skipped" in told.out and "Corrupt" not in told.err
    assert all(f"  {name}: damaged (" in told.out for name in damaged_jpegs())


@pytest.mark.parametrize("extra", [b"\0", b"\0" * 8, b"\xff\xd9"])
def test_padding_that_cameras_leave_is_no_damage(tmp_path, extra):
    whole = encoded(SMOOTH, "JPEG", quality=90)
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + extra + whole[-2:])
    (tmp_path / "b.jpg").write_bytes(whole)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), read_image(tmp_path / "b.jpg"))


def reason(tmp_path, data: bytes) -> str:
    (tmp_path / "image").write_bytes(data)
    with pytest.raises(UnreadableImageError) as caught, quiet_readers():
        decode_file(tmp_path / "image")
    return str(caught.value)


@pytest.mark.parametrize("ending", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_twelve_bits_in_sixteen_are_named_with_the_range_seen(tmp_path, ending, channels):
    twelve = np.linspace(900, 4095, 64 * channels).reshape(8, 8, channels).astype("uint16")
    told = reason(tmp_path, cv2.imencode(ending, twelve)[1].tobytes())
    assert "16-bit pixels from 900 to 4095 of 65535" in told
    whole = cv2.imencode(ending, twelve * 16)[1].tobytes()
    (tmp_path / "image").write_bytes(whole)
    before = cv2.imdecode(np.frombuffer(whole, "uint8"), cv2.IMREAD_ANYCOLOR).reshape(8, 8, channels)[..., ::-1]
    np.testing.assert_array_equal(decode_file(tmp_path / "image"), before)


@pytest.mark.parametrize("channels", [1, 3])
def test_floating_point_pixels_are_named(tmp_path, channels):
    pixels = np.linspace(0, 1, 64 * channels, dtype="float32").reshape(8, 8, channels)
    assert "float32 pixels from 0 to 1" in reason(tmp_path, cv2.imencode(".tiff", pixels)[1].tobytes())


@pytest.mark.parametrize(
    "data, kind",
    [(b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"), (b"\0\0\0\x18ftypmif1" + bytes(40), "HEIC"), (b"%PDF-1.7 ", "PDF")],
)
def test_formats_that_are_not_supported_are_named_whatever_the_file_is_called(tmp_path, data, kind):
    assert reason(tmp_path, data) == f"{kind}, which is not supported; convert it to JPEG or PNG"


def test_a_folder_of_another_format_is_named(home):
    for number in range(3):
        (home / "phone").mkdir(exist_ok=True)
        (home / "phone" / f"IMG_{number}.HEIC").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"holds no image; it holds 3 files \.heic, to be converted to JPEG or PNG"):
        list_images(home / "phone")


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", "a/@eaDir/x.jpg"])
def test_folders_of_a_system_are_no_classes_and_no_copies(home, name):
    for label in ("a", "b"):
        for number in range(10):
            write(home / "photos" / label / f"{number}.png", number)
    write(home / "photos" / name / "SYNOPHOTO_THUMB_M.png", 99)
    listing = list_images(home / "photos")
    assert len(listing.files) == 20 and "a folder of the system's own" in listing.left_out.values()
    assert load_dataset(f"folder:{home / 'photos'}", image_size=8).classes == 2


def test_folders_that_are_splits_are_taken_as_splits(home, capsys):
    for split, value in (("train", 1), ("test", 2)):
        for label in ("a", "b"):
            for number in range(10 if split == "train" else 4):
                write(home / "set" / split / label / f"{number}.png", value)
    train, test = (load_dataset(f"folder:{home / 'set'}", split, image_size=8) for split in ("train", "test"))
    assert (len(train), len(test), train.classes, test.classes) == (20, 8, 2, 2)
    assert (train.images == 1).all() and (test.images == 2).all()
    told = "set: 20 images for training, 8 for testing (its folders are splits); 2 classes: a (14), b (14)"
    assert capsys.readouterr().out.count(told) == 1


@pytest.mark.parametrize("tops", [("train", "other"), ("train", "training"), ("a", "test"), ("test", "val")])
def test_other_folders_are_no_splits(tops):
    assert split_folders([f"{top}/{number}.png" for top in tops for number in range(3)]) is None


def test_the_labels_found_are_printed(home, capsys):
    for label in ("cat", "dög"):
        for number in range(8):
            write(home / "pets" / label / f"{number}.png", number)
    load_dataset(f"folder:{home / 'pets'}", image_size=8)
    assert "; 2 classes: cat (8), dög (8)\n" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode here")
def test_a_folder_whose_name_is_not_utf8_is_named(home):
    with pytest.raises(ValueError, match=r"folder:.*caf\\xe9' has a name that is not UTF-8; rename the folder"):
        load_dataset("folder:" + os.fsdecode(os.fsencode(home) + b"/caf\xe9"))


# Channels ------------------------------------------------------------------------------------------------------------


def test_a_grey_folder_can_be_trained_with_one_channel(home):
    from capsgan.config import RunConfig

    for number in range(20):
        write(home / "clothes" / f"{number}.png", number, channels=1)
    name = f"folder:{home / 'clothes'}"
    grey, colour = (load_dataset(name, image_size=28, channels=channels) for channels in (1, None))
    assert grey.image_shape == (28, 28, 1) and colour.image_shape == (28, 28, 3)
    np.testing.assert_array_equal(grey.images, colour.images[..., :1])
    assert RunConfig(dataset=name, channels=1).run_id != RunConfig(dataset=name).run_id
    assert RunConfig(dataset=name, channels=3).run_id == RunConfig(dataset=name).run_id
    assert RunConfig(channels=1).run_id == RunConfig().run_id


def test_colours_become_their_luma(home):
    for number in range(16):
        (home / "red").mkdir(exist_ok=True)
        (home / "red" / f"{number}.png").write_bytes(encode_png(np.full((8, 8, 3), (255, 0, 0), "uint8")))
    assert (load_dataset(f"folder:{home / 'red'}", image_size=8, channels=1).images == 76).all()
    assert load_dataset("mnist5k", channels=3).image_shape == (28, 28, 3)
    with pytest.raises(ValueError, match=r"invalid channels=2; expected 1 \| 3"):
        load_dataset("mnist5k", channels=2)


def test_digits_networks_judge_digits_only():
    from capsgan.metrics.features import spaces_for

    assert spaces_for((28, 28, 1), "folder:/clothes") == ("random",)
    assert spaces_for((28, 28, 1), "mnist5k") == ("digits", "lenet")


# Masks and results ---------------------------------------------------------------------------------------------------


def test_a_mask_of_zeros_and_ones_is_told_apart_from_an_inverted_one(tmp_path):
    (tmp_path / "mask.png").write_bytes(encode_png(np.eye(8, dtype="uint8")[..., None]))
    for invert in (False, True):
        with pytest.raises(ValueError, match=r"mask\.png: the mask's pixels are 0 to 1; expected 255 where it is kept"):
            read_mask(tmp_path / "mask.png", invert)


def test_a_mask_whose_hole_is_transparent_is_told(tmp_path):
    mask = np.full((8, 8, 4), 255, "uint8")
    mask[2:4, 2:4] = 0
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    with pytest.raises(ValueError, match="the mask's hole is transparent"):
        read_mask(tmp_path / "mask.png")
    mask[2:4, 2:4, 3] = 255  # black, opaque
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    assert read_mask(tmp_path / "mask.png").sum() == 60


def test_transparent_pixels_outside_the_hole_stay_as_they_are(tmp_path):
    own = RNG.integers(1, 255, (8, 8, 4)).astype("uint8")
    own[:, :4, 3] = 0
    (tmp_path / "logo.png").write_bytes(encode_png(own))
    photo, known = read_image(tmp_path / "logo.png"), np.ones((8, 8), bool)
    known[2:6, 2:6] = False
    result = photo.copy()
    result[~known] = 7
    kept = keep_transparency(tmp_path / "logo.png", photo, known, result)
    np.testing.assert_array_equal(kept[known], own[known])
    assert (kept[~known] == [7, 7, 7, 255]).all()
    (tmp_path / "back.png").write_bytes(encode_png(kept))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "back.png")), kept)


def test_a_photo_without_transparency_stays_without(tmp_path):
    (tmp_path / "photo.png").write_bytes(encode_png(SMOOTH))
    result = keep_transparency(tmp_path / "photo.png", SMOOTH, None, SMOOTH)
    assert result.shape == SMOOTH.shape


def test_names_that_differ_in_case_only_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"would get '[Aa]\.png' twice"):
        regenerate_files(None, [tmp_path / "A.JPG", tmp_path / "a.jpg"], [], tmp_path / "out")
