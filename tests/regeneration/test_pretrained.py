"""Pretrained completion networks: checked before they are used, and a photograph is whole with one command."""

import json
import re

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from store_pretrained import BITS, pack, store

from capsgan.cli.commands import main
from capsgan.config import RunConfig
from capsgan.data.cartoon import draw_faces
from capsgan.data.holes import make_masks
from capsgan.data.image_files import read_image
from capsgan.data.pixels import encode_png
from capsgan.paths import shipped
from capsgan.regeneration.cropping import regenerate_photos
from capsgan.regeneration.degradations import Downscaling, Fading, to_grey
from capsgan.regeneration.reconstruction import regenerate
from capsgan.runs import pretrained
from capsgan.runs.checkpoints import read_weights
from capsgan.runs.pretrained import load_pretrained
from capsgan.training.loop import train

NAME = pretrained.DEFAULTS["inpaint"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pretrained networks with one that has hardly learned anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(pretrained, "PRETRAINED", tmp_path_factory.mktemp("pretrained"))
        config = RunConfig("completion", "none", "cartoon", steps=1, batch_size=2, fraction=0.02)
        run = train(config, progress=False)
        store(
            run,
            NAME,
            {"data": "drawings of a test", "knows": "drawings", "licence": "MIT"},
            pack(run.generator.get_weights()),
        )
        yield pretrained.PRETRAINED


@pytest.fixture
def network(folder, monkeypatch):
    monkeypatch.setattr(pretrained, "PRETRAINED", folder)
    return load_pretrained(NAME)


@pytest.fixture
def photo(tmp_path):
    """A picture of 200×160 pixels and its mask, as files: (picture, mask, uint8, bool)."""
    picture = np.random.default_rng(0).integers(0, 256, (200, 160, 3), "uint8")
    known = np.ones((200, 160), bool)
    known[80:120, 60:100] = False
    paths = tmp_path / "photo ü.png", tmp_path / "mask.png"
    paths[0].write_bytes(encode_png(picture))
    paths[1].write_bytes(encode_png(np.where(known, 255, 0).astype("uint8")[..., None]))
    return *paths, picture, known


def test_packed_weights_are_near_the_true_ones_and_half_as_large(tmp_path):
    weights = [np.random.default_rng(0).normal(0, 0.05, (200, 200)).astype("float32"), np.zeros(3, "float32")]
    data = pack(weights)
    assert data == pack(weights) and len(data) < 0.6 * 2 * weights[0].size
    (tmp_path / "weights.npz").write_bytes(data)
    for ours, theirs in zip(read_weights(tmp_path / "weights.npz"), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2.0**-BITS, atol=1e-7)


def test_the_archive_holds_the_generator_in_float16_and_no_pickle(network, folder):
    with np.load(folder / f"{NAME}.npz", allow_pickle=False) as archive:
        arrays = [archive[key] for key in archive.files]
    assert {array.dtype for array in arrays} == {np.dtype("float16")}
    for ours, theirs in zip(network.generator.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs.astype("float32"))


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:500] + b"x" + data[501:]])
def test_weights_that_are_not_those_of_the_card_are_refused(network, folder, tmp_path, monkeypatch, damage):
    for path in folder.iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(damage(data) if path.suffix == ".npz" else data)
    monkeypatch.setattr(pretrained, "PRETRAINED", tmp_path)
    with pytest.raises(ValueError, match="truncated or was altered"):
        _ = load_pretrained(NAME).gan


def test_a_generator_without_its_discriminator_searches_without_a_prior(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pretrained, "PRETRAINED", shipped("pretrained"))
    face = draw_faces("test")[0][0]
    pictures = {"face": face, "mask": np.full((64, 64, 1), 255, "uint8")}
    pictures["mask"][20:40, 20:40] = 0
    for name, pixels in pictures.items():
        (tmp_path / f"{name}.png").write_bytes(encode_png(pixels))
    files = ["face.png", "--mask", "mask.png", "--out", "fixed.png"]
    paths = [name if name.startswith("--") else str(tmp_path / name) for name in files]
    how = ["--with", "cartoon-dcgan-caps", "--steps", "2", "--restarts", "2"]
    assert main(["regenerate", *paths, *how]) == 0, capsys.readouterr().err
    assert read_image(tmp_path / "fixed.png").shape == face.shape


def test_scratches_are_found_where_the_box_is(network, photo, tmp_path, capsys):
    scratched = np.full((200, 160, 3), 120, "uint8")
    scratched[60, 45:115] = 255
    scratched[5, 20:120] = 255  # outside the box
    (tmp_path / "old.png").write_bytes(encode_png(scratched))
    command = ["regenerate", str(tmp_path / "old.png"), "--find-scratches", "--out", str(tmp_path / "new.png")]
    assert main([*command, "--box", "40,40,80,80"]) == 0
    result = read_image(tmp_path / "new.png")
    assert (result[60, 45:115] != 255).any(axis=-1).mean() > 0.8 and (result[5, 20:120] == 255).all()
    capsys.readouterr()
    assert main([*command, "--mask", str(photo[1])]) == 2
    assert "--mask and --find-scratches; expected one of them" in capsys.readouterr().err


def test_an_unknown_name_lists_the_known(network):
    with pytest.raises(ValueError, match=f"unknown pretrained network 'mona-lisa'; expected {NAME}"):
        load_pretrained("mona-lisa")


def test_one_command_fills_a_photograph_and_keeps_what_is_known(network, photo, tmp_path, capsys):
    picture, mask, pixels, known = photo
    out = tmp_path / "fixed.png"
    assert main(["regenerate", str(picture), "--mask", str(mask), "--out", str(out)]) == 0
    result = read_image(out)
    np.testing.assert_array_equal(result[known], pixels[known])
    assert (result[~known] != pixels[~known]).any()
    said = capsys.readouterr()
    assert "knows drawings" in said.out and "never evidence" in said.out
    assert f"{picture}: filled at 64 pixels, enlarged ×1.2" in said.err  # the hole's 40 pixels doubled are 80


@pytest.mark.filterwarnings("ignore:picture 1. filled at 64 pixels")
def test_the_box_is_what_the_network_sees(network, photo):
    _, _, pixels, known = photo
    found = regenerate_photos(network, [pixels], [known], box=(40, 60, 80, 80))[0]
    outside = pixels.copy()
    outside[:60] = 0  # out of the box: of no influence
    again = regenerate_photos(network, [outside], [known], box=(40, 60, 80, 80))[0]
    np.testing.assert_array_equal(found[~known], again[~known])
    elsewhere = regenerate_photos(network, [pixels], [known], box=(20, 60, 100, 100))[0]
    assert (found[~known] != elsewhere[~known]).any()


@pytest.mark.filterwarnings("ignore:picture 1. filled at 64 pixels")
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_pictures_stay_grey(network, photo, channels):
    _, _, pixels, known = photo
    (result,) = regenerate_photos(network, [pixels[..., :channels]], [known])
    assert result.shape == (200, 160, channels)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--with", "mona-lisa"], "unknown pretrained network 'mona-lisa'"),
        (["--box", "100,60,80,80"], "invalid box=100,60,80,80"),
        (["--box", "0,0,64,64"], "ü.png at 60,80,40,40 (x,y,width,height), such as 0,0,120,120, or no --box"),
        (["--box", "50,70,60,80"], "invalid box=50,70,60,80; expected a square, such as 40,70,80,80, or no --box"),
        (["--box", "0,0,160,200"], "expected a square, such as 40,60,80,80, or no --box"),
        (["--restarts", "4"], "invalid restarts=4; expected none"),
        (["--label", "3"], "invalid labels=3; expected none"),
        (["--box", "1,2,3"], "four whole numbers"),
        (["--box", "a,b,c,d"], "invalid box='a,b,c,d'"),
        (["--task", "superres", "--with", NAME], "invalid task='superres'; expected 'inpaint'"),
        (["--invert-mask", "--region", "elsewhere"], "invalid region='elsewhere'"),
    ],
)
def test_refusals_are_one_line_and_write_nothing(network, photo, tmp_path, capsys, options, complaint):
    picture, mask, *_ = photo
    out = tmp_path / "fixed.png"
    masks = [] if "superres" in options else ["--mask", str(mask)]
    assert main(["regenerate", str(picture), *masks, "--out", str(out), *options]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1
    assert not out.exists()


@pytest.mark.filterwarnings("ignore:picture 1. filled at 64 pixels", "ignore:picture 1. its square of")
@pytest.mark.parametrize("seed", range(8))
def test_the_square_that_a_refusal_suggests_is_accepted(network, seed):
    rng, known = np.random.default_rng(seed), np.ones((120, 150), bool)
    top, left = rng.integers(0, 80, 2)
    known[top : top + 30, left : left + 20] = False
    x, y = rng.integers(0, 40, 2)
    box = (x, y, 40, 40) if seed % 2 else (x, y, *rng.integers(10, 80, 2))  # a square away from the hole; no square
    photo = rng.integers(0, 256, (120, 150, 3), "uint8")
    with pytest.raises(ValueError, match="invalid box=") as refused:
        regenerate_photos(network, [photo], [known], box=box)
    better = tuple(map(int, re.search(r"such as ([0-9,]+), or no --box", str(refused.value))[1].split(",")))
    assert better[2] == better[3]
    (filled,) = regenerate_photos(network, [photo], [known], box=better)
    assert (filled[known] == photo[known]).all()


def test_each_message_names_its_file(network, photo, tmp_path, capsys):
    picture, mask, *_ = photo
    other = tmp_path / "other.png"
    other.write_bytes(picture.read_bytes())
    assert main(["regenerate", str(picture), str(other), "--mask", str(mask), "--out", str(tmp_path / "filled")]) == 0
    warned = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in warned] == [str(picture), str(other)]


def test_an_error_comes_without_the_warning_about_many_scratches(network, tmp_path, capsys):
    stripes = np.full((200, 160, 3), 120, "uint8")
    stripes[:120:8] = 255
    (tmp_path / "old.png").write_bytes(encode_png(stripes))
    line = ["regenerate", str(tmp_path / "old.png"), "--find-scratches", "--out", str(tmp_path / "new.png")]
    assert main(line) == 0
    assert "of it looks like scratches; --mask is safer" in capsys.readouterr().err
    assert main([*line, "--restarts", "4"]) == 2
    assert capsys.readouterr().err == "capsgan: invalid restarts=4; expected none: this network searches nothing\n"


@pytest.fixture
def face(monkeypatch):
    """The astronaut's, as the shipped networks know faces: uint8 [1, 64, 64, 3]."""
    monkeypatch.setattr(pretrained, "PRETRAINED", shipped("pretrained"))
    return cv2.resize(astronaut()[70:178, 166:274], (64, 64), interpolation=cv2.INTER_AREA)[None]


@pytest.mark.parametrize("scale", [2, 4])
def test_the_shipped_enlarger_beats_bicubic_enlargement(face, scale):
    damage = Downscaling(scale)
    small = damage.damage(face)
    bicubic = cv2.resize(small[0], (64, 64), interpolation=cv2.INTER_CUBIC)[None]
    bicubic = damage.restore(small, bicubic, np.ones(small.shape[:3], bool))
    enlarged = regenerate(load_pretrained("faces-superres-caps"), small, task=damage).images
    assert cv2.PSNR(enlarged[0], face[0]) > cv2.PSNR(bicubic[0], face[0]) + 0.5


@pytest.mark.parametrize("grey", [False, True])
def test_the_shipped_restorer_needs_no_numbers(face, grey):
    known = make_masks("scratches", 1, (64, 64), seed=1)
    faded = np.where(known[..., None], Fading(0.5, 0.1, grey).damage(face), np.uint8(255))
    restored = regenerate(load_pretrained("faces-restore-caps"), faded, known, task=Fading(grey=grey)).images
    without = Fading(0.5, 0.1, grey).restore(faded, to_grey(face).repeat(3, -1), known)  # true lightness, no colour
    assert cv2.PSNR(restored[0], face[0]) > (cv2.PSNR(without[0], face[0]) if grey else 22)


def test_a_faded_photograph_without_scratches_is_restored_all_the_same(face, tmp_path, capsys):
    (tmp_path / "old.png").write_bytes(encode_png(Fading(0.5, 0.1).damage(face)[0]))
    line = ["regenerate", str(tmp_path / "old.png"), "--task", "restore", "--find-scratches", "--out"]
    assert main([*line, str(tmp_path / "new.png")]) == 0
    assert read_image(tmp_path / "new.png").std() > 1.3 * read_image(tmp_path / "old.png").std()
    line[line.index("restore")] = "inpaint"
    assert main([*line, str(tmp_path / "none.png")]) == 2
    assert "no scratches found" in capsys.readouterr().err


def test_the_list_says_what_each_network_is_for(network, folder, capsys):
    assert main(["list", "--pretrained"]) == 0
    titles, line = capsys.readouterr().out.splitlines()
    assert titles.split() == ["id", "task", "data", "steps", "discriminator", "MB", "licence"]
    size = f"{(folder / f'{NAME}.npz').stat().st_size / 1e6:.1f}"
    assert line.split() == [NAME, "inpaint", "(default)", "drawings", "1", "none", size, "MIT"]
    assert main(["list", "--pretrained", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["licence"] == "MIT"


def test_the_list_of_the_shipped_networks_names_the_task_that_each_has_learned(face, capsys):
    assert main(["list", "--pretrained"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for task, name in pretrained.DEFAULTS.items():
        assert load_pretrained(name).gan.task == task and f"{task} (default)" in lines[name]
    assert "any, by search" in lines["faces-dcgan-caps"] and "non-commercial" in lines["faces-dcgan-caps"]
    assert len({line.index("  non-commercial") for line in lines.values() if "UTKFace" in line}) == 1  # columns


def test_the_beginning_of_a_name_is_enough_if_only_one_has_it(face):
    assert load_pretrained("faces-s").name == "faces-superres-caps"
    with pytest.raises(ValueError, match=r"'faces-c'; expected faces-completion-caps \| faces-completion-cnn$"):
        load_pretrained("faces-c")
