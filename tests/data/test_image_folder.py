"""Any tree of images is read with right colours; what is no image is named and left out; nothing is read twice."""

import hashlib
import io
import os
import shutil
import sys

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from capsgan.data import image_folder
from capsgan.data.datasets import load_dataset
from capsgan.data.image_files import UnreadableImageError, decode_file, quiet_readers, read_image
from capsgan.data.image_folder import folder_labels, in_test_split, load_folder, read_square
from capsgan.data.listing import content_sha256, list_images, safe_name

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (4, 4, 3)).astype("uint8")
PICTURE = Image.fromarray(COLOURS.repeat(8, axis=0).repeat(8, axis=1))  # 32×32, sixteen fields of one colour each


@pytest.fixture
def folder(tmp_path, home):
    """A folder with 40 small images."""
    home.joinpath("faces").mkdir()
    for number in range(40):
        write(home / "faces" / f"{number:02d}.png", number)
    return home / "faces"


def write(path, number=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imencode(".png", np.full((8, 8, 3), number, "uint8"))[1].tofile(path)


def encoded(image, kind, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(tmp_path, data: bytes, size=4):
    (tmp_path / "image").write_bytes(data)
    if size is not None:
        return read_square(tmp_path / "image", size)
    image = decode_file(tmp_path / "image")
    return np.broadcast_to(image, (*image.shape[:2], 3))


def all_of(folder, size=8):
    """Both splits of a folder, in the order of the files' names."""
    parts = [load_folder(f"folder:{folder}", split, size)[0] for split in ("train", "test")]
    names = [name for name, *_ in list_images(folder).files]
    images = np.empty((sum(map(len, parts)), size, size, 3), "uint8")
    test = in_test_split(names)
    images[~test], images[test] = parts
    return images


# Colours and shapes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "PPM", "WEBP", "JPEG2000"])
def test_colours_are_right(tmp_path, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    image = read(tmp_path, encoded(PICTURE, kind, **options))
    assert image.shape == (4, 4, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, COLOURS)


def test_colours_of_a_jpeg_are_nearly_right(tmp_path):
    flat = Image.new("RGB", (32, 32), (200, 90, 20))
    assert np.abs(read(tmp_path, encoded(flat, "JPEG", quality=95)) - [200, 90, 20]).max() <= 2


def test_a_jpeg_may_have_something_after_its_end(tmp_path):
    data = encoded(PICTURE, "JPEG", quality=95)
    np.testing.assert_array_equal(read(tmp_path, data + b"\0" * 100), read(tmp_path, data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_applied(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    corner = Image.new("RGB", (32, 32), "black")
    corner.paste("red", (0, 0, 16, 8))
    data = encoded(corner, kind, exif=exif, **options)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert np.abs(read(tmp_path, data, 32).astype(int) - np.asarray(expected)).max() <= 2


def test_the_orientation_is_applied_to_transparent_images_too(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(PICTURE.convert("RGBA"), "PNG", exif=exif)
    np.testing.assert_array_equal(read(tmp_path, data), np.rot90(COLOURS, -1))


@pytest.mark.parametrize("mode, kind", [("L", "PNG"), ("L", "JPEG"), ("1", "PNG"), ("1", "TIFF"), ("L", "TIFF")])
def test_grey_becomes_three_equal_channels(tmp_path, mode, kind):
    grey = PICTURE.convert(mode, dither=Image.Dither.NONE)
    image = read(tmp_path, encoded(grey, kind, **({"quality": 100} if kind == "JPEG" else {})))
    expected = np.asarray(grey.convert("L"))[4::8, 4::8]
    assert (image == image[..., :1]).all() and np.abs(image[..., 0].astype(int) - expected).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
def test_palettes_become_colours(tmp_path, kind):
    data = encoded(PICTURE.quantize(16), kind)
    assert Image.open(io.BytesIO(data)).mode == "P"
    expected = np.asarray(PICTURE.quantize(16).convert("RGB"))[4::8, 4::8]
    np.testing.assert_array_equal(read(tmp_path, data), expected)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_colours(tmp_path, kind):
    flat = Image.new("CMYK", (32, 32), (20, 120, 200, 30))
    expected = np.asarray(flat.convert("RGB"))[0, 0].astype(int)
    assert np.abs(read(tmp_path, encoded(flat, kind)) - expected).max() <= 3 and np.ptp(expected) > 100


@pytest.mark.parametrize("ending", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight(tmp_path, ending, channels):
    deep = COLOURS[..., :channels].repeat(8, axis=0).repeat(8, axis=1).astype("uint16") * 257
    image = read(tmp_path, cv2.imencode(ending, deep[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(image, np.broadcast_to(COLOURS[..., :channels], (4, 4, 3)))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_what_is_transparent_lies_on_white(tmp_path, kind):
    image = Image.new("RGBA", (32, 32), (200, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 16, 32))
    image.paste((200, 0, 0, 128), (16, 16, 32, 32))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    halves = read(tmp_path, encoded(image, kind, **options), 2)
    assert halves[0].tolist() == [[200, 0, 0], [255, 255, 255]]
    assert np.abs(halves[1, 1] - np.array([227, 127, 127])).max() <= 1


def test_grey_and_palettes_may_be_transparent_too(tmp_path):
    grey = Image.new("LA", (8, 8), (0, 0))
    assert (read(tmp_path, encoded(grey, "PNG")) == 255).all()
    palette = Image.new("P", (8, 8), 3)
    palette.putpalette([10, 20, 30] * 8)
    assert (read(tmp_path, encoded(palette, "GIF", transparency=3)) == 255).all()
    assert (read(tmp_path, encoded(palette, "GIF")) == [10, 20, 30]).all()


@pytest.mark.parametrize("shape", [(40, 16), (16, 40), (41, 16)])
def test_the_middle_is_cut_out(tmp_path, shape):
    image = np.zeros((*shape, 3), "uint8")
    top, left = (shape[0] - 16) // 2, (shape[1] - 16) // 2
    image[top : top + 16, left : left + 16] = 255
    assert (read(tmp_path, encoded(Image.fromarray(image), "PNG"), 8) == 255).all()


def test_without_a_size_the_whole_image_is_kept(tmp_path):
    image = RNG.integers(0, 256, (7, 30, 3)).astype("uint8")
    np.testing.assert_array_equal(read(tmp_path, encoded(Image.fromarray(image), "PNG"), None), image)


def test_pixels_are_averaged_and_small_images_enlarged(tmp_path):
    noise = RNG.integers(0, 256, (64, 64, 3)).astype("uint8")
    means = noise.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
    assert np.abs(read(tmp_path, encoded(Image.fromarray(noise), "PNG"), 8) - means).max() <= 0.51
    dot = Image.new("RGB", (1, 1), (1, 2, 3))
    assert (read(tmp_path, encoded(dot, "PNG"), 64) == [1, 2, 3]).all()


# Bad files -----------------------------------------------------------------------------------------------------------


def malformed() -> dict[str, bytes]:
    """Thirty files that claim to be images."""
    noise = Image.fromarray(RNG.integers(0, 256, (50, 50, 3)).astype("uint8"))
    kinds = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
    whole = {ending: encoded(noise, kind) for ending, kind in kinds.items()}
    files = {f"cut in half.{ending}": data[: len(data) // 2] for ending, data in whole.items()}
    files |= {f"zero bytes.{ending}": b"" for ending in kinds}
    files |= {f"text.{ending}": b"This is not an image.\n" * 20 for ending in kinds}
    files |= {"almost.jpg": whole["jpg"][:-40], "almost.png": whole["png"][:-40]}
    files |= {"only begun.jpg": b"\xff\xd8\xff", "only begun.png": whole["png"][:8], "random.png": RNG.bytes(5000)}
    broken = bytearray(whole["png"])
    broken[len(broken) // 2] ^= 255
    files["checksum.png"] = bytes(broken)
    files["video.png"] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + RNG.bytes(3000)
    files["video.jpg"] = b"RIFF\0\x10\0\0AVI LIST" + RNG.bytes(3000)
    files["bomb.png"] = encoded(Image.new("1", (11_000, 11_000)), "PNG")  # 121 megapixels in 15 kB
    files["larger bomb.gif"] = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;"
    files["float.tiff"] = cv2.imencode(".tiff", np.ones((8, 8), "float32"))[1].tobytes()
    files["größe 日本.png"] = b"<html>404</html>"
    return files


@pytest.mark.parametrize("name, data", malformed().items(), ids=lambda x: x if isinstance(x, str) else "")
def test_a_malformed_file_is_refused_with_a_reason(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableImageError) as caught, quiet_readers():
        read_square(tmp_path / name, 8)
    assert 3 < len(str(caught.value)) < 80 and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", malformed())
def test_a_malformed_picture_of_the_users_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(malformed()[name])
    with pytest.raises(ValueError, match=r"is not a readable image: .*; give a whole PNG or JPEG file") as caught:
        read_image(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("name, reason", [("zero bytes.png", "empty"), ("bomb.png", "more than 100 megapixels")])
def test_the_reason_says_what_is_wrong(tmp_path, name, reason):
    (tmp_path / name).write_bytes(malformed()[name])
    with pytest.raises(UnreadableImageError, match=reason), quiet_readers():
        read_square(tmp_path / name, 8)


def test_thirty_malformed_files_among_many_are_listed_once_and_left_out(folder, capfd, monkeypatch):
    monkeypatch.setattr(image_folder, "SHOWN", 100)
    for number in range(40, 570):
        shutil.copy(folder / "00.png", folder / f"{number}.png")
    for name, data in malformed().items():
        (folder / name).write_bytes(data)
    images = load_dataset(f"folder:{folder}").images, load_dataset(f"folder:{folder}", "test").images
    assert sum(map(len, images)) == 570
    told = capfd.readouterr().out
    assert len(malformed()) == 30 and "30 skipped" in told
    assert all(told.count(f"  {name}: ") == 1 for name in malformed())


def test_more_than_one_in_twenty_is_an_error_that_says_so(folder):
    (folder / "a.png").write_bytes(b"text")
    (folder / "b.png").write_bytes(b"")
    assert len(all_of_readable(folder)) == 40  # 2 of 42: 4.8 %
    (folder / "c.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"3 of 43 image files cannot be read, more than 5%, such as a\.png \(not an"):
        load_dataset(f"folder:{folder}")
    assert len(list((folder.parent / "cache").glob("*"))) == 1  # what failed is not kept


def all_of_readable(folder):
    return np.concatenate([load_dataset(f"folder:{folder}", split).images for split in ("train", "test")])


def test_other_files_are_named_but_do_not_count_as_broken(folder, capsys):
    for name in ("notes.txt", "list.csv", "film.mp4", ".DS_Store", "._00.png"):
        (folder / name).write_bytes(b"x")
    assert len(all_of(folder)) == 40
    told = capsys.readouterr().out
    assert "3 skipped" in told and "film.mp4: not the name of an image" in told and "DS_Store" not in told


def test_few_images_are_an_error(home):
    for number in range(15):
        write(home / "few" / f"{number}.png")
    with pytest.raises(ValueError, match="has 15 images that can be read; at least 16 are needed"):
        load_dataset(f"folder:{home / 'few'}")
    write(home / "few" / "15.png")
    assert [len(load_dataset(f"folder:{home / 'few'}", split)) > 0 for split in ("train", "test")] == [True, True]


def test_a_folder_that_cannot_be_used_is_one_clear_error(home, monkeypatch):
    (home / "empty" / "inner").mkdir(parents=True)
    (home / "file.png").write_bytes(b"")
    with pytest.raises(ValueError, match="empty holds no image"):
        load_dataset(f"folder:{home / 'empty'}")
    with pytest.raises(ValueError, match=r"missing cannot be opened.*No such file"):
        load_dataset(f"folder:{home / 'missing'}")
    with pytest.raises(ValueError, match=r"file\.png is a file, not a folder"):
        load_dataset(f"folder:{home / 'file.png'}")
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(ValueError, match=r"empty cannot be opened.*Permission denied"):
        load_dataset(f"folder:{home / 'empty'}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_closed_files_and_sub_folders_are_left_out(folder, capsys):
    write(folder / "closed" / "a.png")
    (folder / "closed").chmod(0)
    (folder / "00.png").chmod(0)
    assert len(all_of_readable(folder)) == 39
    assert "00.png: Permission denied" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    assert len(all_of(folder)) == 40


def test_names_may_hold_spaces_and_any_letters(home):
    for number in range(16):
        write(home / "Meine Bilder ä" / "日本 語" / f"gesicht nr. {number} – é'\".png", number)
    images = all_of(home / "Meine Bilder ä")
    assert sorted(set(images.ravel().tolist())) == list(range(16))
    assert safe_name(f"folder:{home}/Meine Bilder ä") == "folder_Meine_Bilder_a"


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode here")
def test_names_need_not_be_valid_unicode(folder, capsys):
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(b"text")
    (folder / "00.png").rename(folder / os.fsdecode(b"\xff.png"))
    assert len(all_of_readable(folder)) == 40 and len(content_sha256(folder)) == 64
    assert "caf\ufffd.png: not an image" in capsys.readouterr().out


def test_links_are_not_followed(folder, capsys):
    outside = folder.parent / "outside"
    write(outside / "secret.png", 99)
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "tree").symlink_to(outside)
    (folder / "ring").symlink_to(folder)
    images = all_of(folder)
    assert len(images) == 40 and not (images == 99).any()
    assert capsys.readouterr().out.count("a symbolic link") == 3


def test_the_folder_itself_may_be_a_link(folder):
    (folder.parent / "link").symlink_to(folder)
    np.testing.assert_array_equal(all_of(folder.parent / "link"), all_of(folder))


# Cache ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that are decoded."""
    names, whole = [], image_folder.read_square
    monkeypatch.setattr(image_folder, "read_square", lambda path, size: names.append(path.name) or whole(path, size))
    return names


def test_images_are_decoded_once(folder, decoded):
    first = all_of(folder)
    assert len(decoded) == 40
    np.testing.assert_array_equal(all_of(folder), first)
    assert len(decoded) == 40
    assert [path.suffix for path in (folder.parent / "cache").iterdir()] == [".npz"]


@pytest.mark.parametrize("change", ["content", "time", "name", "new", "gone", "size of images"])
def test_a_change_is_seen(folder, decoded, change):
    before = all_of(folder)
    size = 8
    if change == "content":
        write(folder / "05.png", 200)
    elif change == "time":
        os.utime(folder / "05.png", ns=(1, 1))
    elif change == "name":
        (folder / "05.png").rename(folder / "99.png")
    elif change == "new":
        write(folder / "77.png", 77)
    elif change == "gone":
        (folder / "05.png").unlink()
    else:
        size = 4
    images = all_of(folder, size)
    assert len(decoded) > 40 + 30
    assert len(images) == {"new": 41, "gone": 39}.get(change, 40)
    assert (images[5] == before[5].mean()).all() == (change not in ("content", "name", "gone"))
    assert len(list((folder.parent / "cache").iterdir())) == (2 if size == 4 else 1)  # the old state's is dropped


def test_a_damaged_cache_is_made_anew(folder, decoded):
    first = all_of(folder)
    path = next((folder.parent / "cache").iterdir())
    for damaged in (b"", path.read_bytes()[:500], path.read_bytes()[:-30]):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(all_of(folder), first)
    assert len(decoded) == 4 * 40


def test_where_nothing_can_be_written_the_images_are_loaded_all_the_same(folder, monkeypatch):
    def full(path, write):
        raise image_folder.DiskError("no space left")

    monkeypatch.setattr(image_folder, "write_atomically", full)
    with pytest.warns(UserWarning, match="not kept for the next time: no space left"):
        assert len(load_folder(f"folder:{folder}", "test", 8)[0]) > 0


def test_the_bar_is_on_standard_error(folder, capfd):
    load_folder(f"folder:{folder}", "train", 8)
    told = capfd.readouterr()
    assert told.out == "faces: 36 images for training, 4 for testing; no classes\n" and "reading faces" in told.err


# Splits and labels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [16, 17, 40, 1000])
def test_a_tenth_is_for_testing_and_no_split_is_empty(count):
    shares = []
    for folder in range(30):
        names = [f"{folder}/{number}.png" for number in range(count)]
        test = in_test_split(names)
        assert 0 < test.sum() < count
        shares.append(test.mean())
    assert 0.08 < np.mean(shares) < 0.14


def test_images_stay_in_their_split_when_others_come():
    names = [f"{number}.jpg" for number in range(500)]
    before, after = in_test_split(names), in_test_split([*names, *(f"new {number}.jpg" for number in range(500))])
    np.testing.assert_array_equal(after[:500], before)
    np.testing.assert_array_equal(in_test_split(names[::-1]), before[::-1])


def test_every_label_has_an_image_for_training():
    names = [f"{label}/{number}.png" for label in range(50) for number in range(1 + label % 3)]
    labels = folder_labels(names)
    test = in_test_split(names, labels)
    assert set(labels[~test]) == set(range(50)) and test.any()
    alone = [f"{label}/a.png" for label in range(20)]
    assert in_test_split(alone, folder_labels(alone)).sum() == 1


@pytest.mark.parametrize(
    "names, labels",
    [
        (["b/1.png", "a/2.png", "b/c/3.png"], [1, 0, 1]),
        (["ä/1.png", "Z/1.png"], [1, 0]),
        (["a/1.png", "a/2.png"], None),  # one sub-folder tells nothing
        (["1.png", "2.png"], None),
        (["a/1.png", "b/1.png", "1.png"], None),
    ],
)
def test_labels_are_the_sub_folders_by_name(names, labels):
    found = folder_labels(names)
    assert (None if found is None else found.tolist()) == labels


def test_labels_belong_to_their_images(home):
    for number in range(60):
        write(home / "people" / "abc"[number % 3] / f"{number}.png", number % 3)
    for split in ("train", "test"):
        data = load_dataset(f"folder:{home / 'people'}", split, image_size=8)
        assert data.classes == 3 and data.labels.dtype == np.int64
        np.testing.assert_array_equal(data.images[:, 0, 0, 0], data.labels)
    part = load_dataset(f"folder:{home / 'people'}", image_size=8, fraction=0.5)
    np.testing.assert_array_equal(part.images[:, 0, 0, 0], part.labels)


def test_fractions_without_labels_are_nested(folder):
    parts = [load_dataset(f"folder:{folder}", image_size=8, fraction=part) for part in (0.2, 0.6, 1.0)]
    seen = [set(part.images[:, 0, 0, 0].tolist()) for part in parts]
    assert seen[0] < seen[1] < seen[2] and len(seen[0]) == round(0.2 * len(seen[2]))
    assert parts[0].labels is None and parts[0].classes == 0 and parts[0].factors is None
    assert parts[2].sha256 == hashlib.sha256(parts[2].images.tobytes()).hexdigest()


# Content -------------------------------------------------------------------------------------------------------------


def test_the_checksum_is_of_names_and_bytes_not_of_place_and_time(folder):
    before = content_sha256(folder)
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    (copy / "readme.txt").write_text("not an image")
    assert content_sha256(copy) == before
    (copy / "00.png").rename(copy / "000.png")
    assert content_sha256(copy) != before
    (copy / "000.png").rename(copy / "00.png")
    assert content_sha256(copy) == before
    write(copy / "00.png", 1)
    assert content_sha256(copy) != before


def test_the_checksum_is_not_computed_twice(folder, monkeypatch):
    before = content_sha256(folder)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert content_sha256(folder) == before
