"""A hundred malformed inputs and arguments: each is one line, or a result with a word about it; no run is lost.

What is guarded, by kind, and where the guard stands:

1. The user's own settings decide nothing. ``engines.fix_keras_settings`` undoes keras.json, ``config.use_backend``
   names a backend that is missing, ``course.kernel`` gives notebooks settings of their own, ``scripts/setup.sh``
   leaves pip's and the shell's aside, ``.gitattributes`` git's.
2. Content is checked where a place was trusted. A folder is absolute in a run's config and compared by checksum in
   ``Run.load_data``; a published config has its name alone; a run that is damaged, or whose folder is gone, blocks no
   other; ``CAPSGAN_HOME`` is made absolute once; the commit is that of our own repository or none.
3. No work is lost to its own report. ``cli.streams`` keeps closed and broken streams from ending a training, signals to
   stop save a checkpoint, too little memory is one line, a number that cannot be had is None.
4. Nothing is silently taken for something else. ``data.image_files`` asks the decoder what it passed over and refuses
   pixels that 8 bits would not show; ``data.listing`` leaves a system's folders out; ``data.image_folder`` takes
   folders that are splits as splits and prints classes and splits; transparent pixels stay as they are.
5. Messages name the cause and what to do; what can be bounded is bounded.
6. Text is UTF-8 in every file, whatever the locale (``test_encoding.py``); a terminal gets what it can show.

libjpeg cannot notice every change of a JPEG's middle: a few bytes that still make a picture are taken for one.
"""

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from capsgan.cli.commands import main
from capsgan.config import RunConfig
from capsgan.data.datasets import load_dataset
from capsgan.data.pixels import encode_png
from capsgan.runs.run import list_runs

ODD = ["", " ", "-1", "0", "1e9", "nan", "inf", "9" * 30, "ä", "0x10", "1;2", "None", "٣", "\udce9", "a" * 5000]


def encoded(kind, image=None, **options) -> bytes:
    file = io.BytesIO()
    (image or Image.effect_noise((64, 64), 90).convert("RGB")).save(file, kind, **options)
    return file.getvalue()


def arguments() -> list[list[str]]:
    """Command lines of which none can be done."""
    train = [
        ["train", f"--{name}", odd] for name in ("gan", "dataset", "precision", "device") for odd in ODD[:1] + ODD[6:9]
    ]
    train += [
        ["train", f"--{name}={odd}"]
        for name in ("steps", "seed", "batch-size", "channels")
        for odd in ODD
        if odd not in ("0", "٣")
    ]
    train += [["train", "--snapshots", odd] for odd in ODD[1:4]]
    grid = [["grid", "--seeds", odd] for odd in ("0-9999999999", "9" * 30, "3-1", "1-", "٣", "0-2,5-999999")]
    folder = [
        ["train", "--dataset", f"folder:{odd}"]
        for odd in (" ", "gone", "~nobody-here/x", "\udce9", "a\0b", "/dev/null")
    ]
    run = [["show", odd] for odd in ("nothing", "*", "../..", "\udce9")] + [
        ["generate", "x", "--out", "o", "--count", "9" * 12]
    ]
    return train + grid + folder + run


def images() -> dict[str, bytes]:
    """Files that claim to be images."""
    jpeg, png = encoded("JPEG", quality=90), encoded("PNG")
    middle, rng = len(jpeg) // 2, np.random.default_rng(0)
    files = {f"cut {share}.jpg": jpeg[: int(len(jpeg) * share)] for share in (0.01, 0.5, 0.99)}
    files |= {f"cut {share}.png": png[: int(len(png) * share)] for share in (0.01, 0.5, 0.99)}
    files |= {f"ends early {share}.jpg": jpeg[: int(len(jpeg) * share)] + b"\xff\xd9" for share in (0.3, 0.6, 0.9)}
    files["zeroed.jpg"] = jpeg[:middle] + b"\0" * 900 + jpeg[middle + 900 :]
    files["missing middle.jpg"] = jpeg[:middle] + jpeg[middle + 900 :]
    twelve = (rng.random((16, 16)) * 4095).astype("uint16")
    files |= {f"12 bits.{kind}": cv2.imencode(f".{kind}", twelve)[1].tobytes() for kind in ("png", "tiff")}
    floats = rng.random((16, 16, 3)).astype("float32")
    files["float.tiff"] = cv2.imencode(".tiff", floats)[1].tobytes()
    files |= {f"phone.{kind}": b"\0\0\0\x18ftypheic" + rng.bytes(99) for kind in ("jpg", "png")}
    files |= {"page.jpg": b"<html>404</html>", "empty.png": b"", "noise.png": rng.bytes(999), "paper.jpg": b"%PDF-1.7"}
    return files


def refused(words, capsys) -> str:
    """The one line of a command that must be refused."""
    try:
        status = main(words)
    except SystemExit as stop:
        status = stop.code
    told = capsys.readouterr()
    assert status in (1, 2), (words, status, told.out)
    assert "Traceback" not in told.err
    (line,) = [text for text in told.err.splitlines() if text.startswith("capsgan")]
    assert 10 < len(line) < 6000
    return line


@pytest.fixture
def kept(home):
    """A run that was there before."""
    config = RunConfig(steps=7)
    directory = home / "runs" / config.run_id
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    (directory / "provenance.json").write_text('{"status": "finished"}', encoding="utf-8")
    yield config
    assert [run.config for run in list_runs()] == [config] and list_runs()[0].finished


def test_malformed_arguments_are_one_line_each(kept, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(arguments()) + len(images()) >= 100
    for words in arguments():
        refused(words, capsys)


def test_malformed_images_are_left_out_by_name_and_the_rest_is_used(kept, home, capfd):
    folder = home / "photos"
    folder.mkdir()
    for number in range(25 * len(images())):
        (folder / f"good {number}.png").write_bytes(encode_png(np.full((8, 8, 3), number % 256, "uint8")))
    for name, data in images().items():
        (folder / name).write_bytes(data)
    parts = [load_dataset(f"folder:{folder}", split, image_size=8) for split in ("train", "test")]
    told = capfd.readouterr()
    assert sum(map(len, parts)) == 25 * len(images())
    assert f"{len(images())} skipped" in told.out and "Corrupt" not in told.err and "WARN" not in told.err


@pytest.mark.slow
@pytest.mark.parametrize("part", ["image", "mask"])
def test_malformed_pictures_of_the_users_are_one_line_each(kept, home, capsys, part):
    (home / "good.png").write_bytes(encode_png(np.zeros((8, 8, 3), "uint8")))
    for name, data in images().items():
        (home / name).write_bytes(data)
        chosen = {"image": home / "good.png", "mask": home / "good.png"} | {part: home / name}
        words = [
            "regenerate",
            "dcgan",
            str(chosen["image"]),
            "--mask",
            str(chosen["mask"]),
            "--out",
            str(home / "o.png"),
        ]
        line = refused(words, capsys)
        assert name in line and not (home / "o.png").exists()


@pytest.mark.parametrize("name", ["config.json", "provenance.json"])
@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b"\xff\xfe", b'{"gan": 3}', b"null"])
def test_damaged_files_of_one_run_lose_no_other(kept, home, capsys, name, damage):
    bad = home / "runs" / "bad"
    bad.mkdir()
    (bad / "config.json").write_text(json.dumps(kept.to_dict()), encoding="utf-8")
    (bad / name).write_bytes(damage)
    with pytest.warns() if name == "config.json" else pytest.MonkeyPatch.context():
        assert main(["list"]) == 0
    assert kept.run_id in capsys.readouterr().out
    import shutil

    shutil.rmtree(bad)


def test_a_home_that_cannot_be_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "inner", "~nobody-here/x"):
        monkeypatch.setenv("CAPSGAN_HOME", str(place))
        refused(["train", "--steps", "1"], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
