"""Faces: the drawn ones show what their factors say, the photographs are arrays like all others, and both train."""

import hashlib
import shutil

import cv2
import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.data import cartoon, datasets
from capsgan.data.cartoon import HAIR_STYLES, RANGES, SKINS, draw_face, draw_faces, draw_factors
from capsgan.data.datasets import load_dataset
from capsgan.runs.run import list_runs, load_run, run_for

PLAIN = dict.fromkeys(cartoon.CHOICES, 0) | {"hair_style": 0, "glasses": 0, "x": 0.5, "y": 0.53, "size": 0.26}
PLAIN |= {"rotation": 0, "breadth": 0.9, "eye_size": 1, "mouth": 0.2, "light": 0}
EYES = (slice(28, 41), slice(20, 44))  # rows and columns of a plain face at 64×64


def face(**factors):
    return draw_face(PLAIN | factors).astype(int)


def difference(one, other):
    """Where two images differ, bool [height, width]."""
    return np.abs(one - other).max(axis=-1) > 3


# Cartoon -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_cartoon_has_4000_and_1000_colour_images_of_eight_classes_of_equal_size():
    train, test = load_dataset("cartoon"), load_dataset("cartoon", "test")
    for data, count in ((train, 4000), (test, 1000)):
        assert data.images.shape == (count, 64, 64, 3) and data.images.dtype == np.uint8
        assert data.labels.dtype == np.int64 and np.bincount(data.labels).tolist() == [count / 8] * 8
        assert all(len(values) == count for values in data.factors.values())
    assert len({image.tobytes() for data in (train, test) for image in data.images}) == 5000


def test_the_splits_of_cartoon_have_no_face_in_common():
    train, test = draw_factors("train", 4000), draw_factors("test", 1000)
    for name in RANGES:
        assert not np.isin(test[name], train[name]).any()


@pytest.mark.slow
def test_cartoon_is_the_same_everywhere():
    factors = draw_factors("train", 3)
    assert factors["skin"].tolist() == [0, 1, 3] and factors["x"].round(6).tolist() == [0.473313, 0.553982, 0.497673]
    faces = [draw_face({name: values[number] for name, values in factors.items()}) for number in range(3)]
    assert hashlib.sha256(np.stack(faces).tobytes()).hexdigest()[:16] == "b04d09d21ab85beb"
    np.testing.assert_array_equal(faces, draw_faces()[0][:3])


def test_factors_do_not_depend_on_how_many_are_drawn_and_fill_their_ranges():
    many = draw_factors("train", 4000)
    for name, values in draw_factors("train", 10).items():
        np.testing.assert_array_equal(values, many[name][:10])
    for name, (low, high) in RANGES.items():
        assert low <= many[name].min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < many[name].max() <= high
    for name, table in cartoon.CHOICES.items():
        assert np.bincount(many[name], minlength=len(table)).min() > 0.9 * 4000 / len(table)
    numbers = np.corrcoef([values for name, values in many.items()])
    assert np.abs(numbers - np.eye(len(many))).max() < 0.06  # no factor tells another


def test_labels_are_hair_style_and_glasses():
    data = load_dataset("cartoon", "test")
    np.testing.assert_array_equal(data.labels, 2 * data.factors["hair_style"] + data.factors["glasses"])


def test_a_fraction_keeps_images_labels_and_factors_together():
    part, whole = (load_dataset("cartoon", "test", fraction=fraction) for fraction in (0.1, 1.0))
    assert np.bincount(part.labels).tolist() == [12] * 8
    numbers = [np.flatnonzero(whole.factors["x"] == x).item() for x in part.factors["x"]]
    np.testing.assert_array_equal(part.images, whole.images[numbers])
    np.testing.assert_array_equal(part.factors["skin"], whole.factors["skin"][numbers])


def test_some_images_are_taken_with_all_that_is_known_of_them():
    whole = load_dataset("cartoon", "test")
    part = whole.take(np.array([7, 3]))
    np.testing.assert_array_equal(part.images, whole.images[[7, 3]])
    np.testing.assert_array_equal(part.labels, whole.labels[[7, 3]])
    np.testing.assert_array_equal(part.factors["light"], whole.factors["light"][[7, 3]])
    assert part.sha256 == hashlib.sha256(part.images.tobytes() + part.labels.tobytes()).hexdigest()
    bare = datasets.Dataset("bare", whole.images, None).take(np.array([1]))
    assert bare.labels is None and bare.factors is None and len(bare) == 1


@pytest.mark.parametrize("size", [28, 32, 128])
def test_a_face_of_another_size_is_the_same_face(size):
    small, large = sorted((draw_face(PLAIN, size), draw_face(PLAIN, 64)), key=len)
    again = cv2.resize(large, small.shape[:2], interpolation=cv2.INTER_AREA)
    assert np.abs(again.astype(int) - small).mean() < 5


@pytest.mark.parametrize("skin", range(len(SKINS)))
def test_the_cheek_has_the_colour_of_the_skin(skin):
    for style in range(len(HAIR_STYLES)):
        image = face(skin=skin, hair_style=style)
        for column in (24, 39):
            assert np.abs(image[43, column] - 0.87 * np.array(SKINS[skin])).max() < 2


def test_glasses_darken_around_the_eyes_and_change_nothing_else():
    without, with_glasses = face(), face(glasses=1)
    changed = difference(without, with_glasses)
    assert with_glasses[EYES].mean() < without[EYES].mean() - 15
    assert not changed[:27].any() and not changed[42:].any() and changed.any()


def test_the_eye_colour_shows_in_the_eyes_only():
    changed = difference(face(eye_colour=0), face(eye_colour=1))
    assert changed[EYES].sum() == changed.sum() > 10
    assert (face(eye_colour=1)[EYES] - face(eye_colour=0)[EYES])[..., 2].sum() > 300  # bluer


def test_larger_eyes_have_more_white():
    white = [(face(eye_size=size)[EYES].min(axis=-1) > 200).sum() for size in (0.75, 1, 1.25)]
    assert white[0] < white[1] < white[2]


def test_hair_styles_differ_in_the_hair_and_not_in_the_face():
    for one in range(4):
        for other in range(one):
            changed = difference(face(hair_style=one), face(hair_style=other))
            assert changed.sum() > 150 and not changed[36:47, 26:38].any()
    redder = difference(face(hair_colour=0), face(hair_colour=5))
    assert redder[:28].sum() > 200 and not redder[40:].any()


def test_a_glad_mouth_shows_teeth_and_its_corners_are_up():
    mouth = slice(42, 55), slice(24, 40)
    glad, sad = face(mouth=1)[mouth], face(mouth=-0.5)[mouth]
    assert (glad.min(axis=-1) > 190).sum() > 8 and (sad.min(axis=-1) > 190).sum() == 0
    red = [(image[..., 0] - image[..., 1] > 85) for image in (glad, sad)]
    middle, corners = ([np.argwhere(r[:, columns])[:, 0].mean() for r in red] for columns in (slice(6, 10), [2, 13]))
    assert corners[0] < middle[0] - 1 and corners[1] >= middle[1] + 1


def test_position_moves_the_head():
    moved, still = face(x=0.5 + 8 / 64), face()
    np.testing.assert_array_equal(moved[:, 20:60], still[:, 12:52])
    np.testing.assert_array_equal(face(y=0.53 - 4 / 64)[6:50, 20:44], still[10:54, 20:44])


def test_rotation_turns_the_head_clockwise_in_the_plane():
    turned = face(rotation=15).astype("uint8")
    centre = 0.5 * 64 - 0.5, 0.53 * 64 - 0.5
    back = cv2.warpAffine(turned, cv2.getRotationMatrix2D(centre, 15, 1), (64, 64))  # counter-clockwise
    head = slice(18, 52), slice(18, 46)
    assert np.abs(back[head] - face()[head]).mean() < 8 < 15 < np.abs(turned[head] - face()[head]).mean()


def test_size_and_breadth_are_those_of_the_head():
    def skin(**factors):
        return (np.abs(face(skin=2, hair_colour=0, **factors) - 0.87 * np.array(SKINS[2])).max(axis=-1) < 4)[:54]

    assert skin(size=0.29).sum() > skin().sum() * 1.1 > skin(size=0.24).sum() * 1.2
    wide, narrow = (np.ptp(np.argwhere(skin(breadth=breadth)[44])) for breadth in (0.94, 0.80))
    assert wide - narrow == pytest.approx(2 * 0.14 * 0.26 * 64, abs=1.5)


def test_light_comes_from_its_side():
    left, right = face(light=-1), face(light=1)
    assert left[:, :32].mean() > right[:, :32].mean() + 10 and left[:, 32:].mean() < right[:, 32:].mean() - 10


# Photographs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def fetched(monkeypatch):
    """Stand-ins for what scikit-learn fetches: 4 people of 10 (olivetti) and 25 images (lfw); notes the arguments."""
    from types import SimpleNamespace

    import sklearn.datasets

    seen = {}

    def fetcher(name, each, *shape):
        images = np.random.default_rng(0).random((4 * each, *shape), "float32")
        images[:, 0, 0] = np.arange(4 * each).reshape(-1, *[1] * (len(shape) - 2)) / 255
        target = np.arange(4 * each) % 4

        def fetch(**arguments):
            seen[name] = arguments
            return SimpleNamespace(images=images, target=target)

        return fetch

    monkeypatch.setattr(sklearn.datasets, "fetch_olivetti_faces", fetcher("olivetti", 10, 64, 64))
    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fetcher("lfw", 25, 64, 64, 3))
    return seen


@pytest.mark.parametrize("name, each", [("olivetti", 10), ("lfw", 25)])
def test_photographs_are_uint8_colour_images_split_evenly_of_every_person(fetched, home, name, each):
    train, test = load_dataset(name), load_dataset(name, "test")
    assert fetched[name]["data_home"] == str(home / "downloads")
    numbers = []
    for data, share in ((train, 0.8), (test, 0.2)):
        assert data.images.shape == (4 * each * share, 64, 64, 3) and data.images.dtype == np.uint8
        assert np.bincount(data.labels).tolist() == [each * share] * 4 and data.labels.dtype == np.int64
        numbers.append(data.images[:, 0, 0, 0])
        np.testing.assert_array_equal(numbers[-1] % 4, data.labels)  # images and labels belong together
    assert sorted(np.concatenate(numbers)) == list(range(4 * each))
    assert train.images.max() == 255
    assert load_dataset(name, fraction=0.5, image_size=32).images.shape[1:] == (32, 32, 3)


def test_lfw_is_asked_for_the_colour_of_people_with_many_photographs(fetched, home):
    load_dataset("lfw")
    assert fetched["lfw"]["color"] is True and fetched["lfw"]["min_faces_per_person"] == 20
    rows, columns = fetched["lfw"]["slice_"]
    assert (rows.stop - rows.start) * fetched["lfw"]["resize"] == 64 and rows == columns


@pytest.mark.parametrize("name, fetcher", [("olivetti", "fetch_olivetti_faces"), ("lfw", "fetch_lfw_people")])
def test_without_the_network_photographs_say_what_to_do(home, monkeypatch, name, fetcher):
    def refuse(**_):
        raise OSError("no route to host")

    monkeypatch.setattr(f"sklearn.datasets.{fetcher}", refuse)
    with pytest.raises(RuntimeError, match=rf"dataset='{name}' .*no route to host.*folder:PATH.*'cartoon'"):
        load_dataset(name)


def test_grey_photographs_have_three_equal_channels(fetched, home):
    images, labels = datasets.fetch_olivetti()
    assert (images == images[..., :1]).all() and len(images) == len(labels) == 40


@pytest.mark.parametrize("size", [0, -3, 2.5, "64"])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(ValueError, match="image_size="):
        load_dataset("cartoon", image_size=size)


# Configs, ids, training -----------------------------------------------------------------------------------------------


@pytest.fixture
def people(home):
    """A folder of 40 small images of two people."""
    for number in range(40):
        path = home / "my people" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8, 3), 5 * number, "uint8"))
    return home / "my people"


def test_faces_are_64_pixels_and_digits_28_where_nothing_is_said():
    assert [RunConfig(dataset=name).image_size for name in ("cartoon", "olivetti", "lfw", "folder:x")] == [64] * 4
    assert [RunConfig(dataset=name).image_size for name in ("mnist5k", "mnist")] == [28] * 2
    assert RunConfig(dataset="cartoon").run_id == RunConfig(dataset="cartoon", image_size=64).run_id
    assert RunConfig(dataset="cartoon").run_id != RunConfig(dataset="cartoon", image_size=28).run_id
    assert RunConfig(dataset="cartoon").run_id.startswith("dcgan-cnn-cartoon-1500-s0-")
    assert RunConfig.from_dict(RunConfig(dataset="lfw").to_dict()) == RunConfig(dataset="lfw")


def test_ids_of_digit_runs_are_what_they_were():
    assert RunConfig("dcgan", "caps", width=0.25).run_id == "dcgan-caps0.25-mnist5k-1500-s0-b69bfd97"
    assert RunConfig("dcgan", "cnn", image_size=28).run_id == "dcgan-cnn-mnist5k-1500-s0-44136fa3"


def test_a_folder_enters_the_id_by_its_content(people, monkeypatch):
    config = RunConfig(dataset=f"folder:{people}")
    assert config.run_id.startswith("dcgan-cnn-folder_my_people-1500-s0-")
    copy = people.parent / "copy" / "my people"
    shutil.copytree(people, copy, copy_function=shutil.copyfile)
    assert RunConfig(dataset=f"folder:{copy}").run_id == config.run_id
    monkeypatch.chdir(people.parent / "copy")
    assert RunConfig(dataset="folder:../my people").run_id == config.run_id
    cv2.imwrite(str(copy / "a" / "0.png"), np.full((8, 8, 3), 7, "uint8"))
    assert RunConfig(dataset=f"folder:{copy}").run_id != config.run_id


@pytest.mark.slow
@pytest.mark.parametrize("trunk", ["cnn", "caps"])
@pytest.mark.parametrize("gan", ["acgan", "dcgan", "infogan", "wgan"])
def test_networks_train_on_cartoon_faces(home, gan, trunk):
    from capsgan import train

    run = train(RunConfig(gan, trunk, "cartoon", steps=2, batch_size=4, width=1 / 64), progress=False)
    assert run.provenance["image_shape"] == [64, 64, 3] and run.provenance["classes"] == 8
    assert run.provenance["dataset_sha256"] == load_dataset("cartoon").sha256
    images = run.generate(3, **({"labels": 7} if gan == "acgan" else {}))
    assert images.shape == (3, 64, 64, 3) and np.isfinite(run.history.d_loss).all()
    assert cv2.imread(str(run.sample_paths()[-1])).shape == (5 * 66 + 2, 5 * 66 + 2, 3)


@pytest.mark.slow
def test_a_run_of_a_folder_is_listed_and_loaded_when_the_folder_is_gone(home, people, monkeypatch):
    from capsgan import train
    from capsgan.metrics.run_scores import evaluate

    monkeypatch.chdir(people.parent)
    config = RunConfig("acgan", dataset="folder:my people", image_size=28, steps=1, batch_size=4)
    run = train(config, progress=False)
    assert run.config.to_dict()["dataset"] == f"folder:{people.resolve()}" and run.provenance["classes"] == 2
    with pytest.raises(ValueError, match=r"has \d+ training images, too few for a distance of features; expected 321"):
        evaluate(run, 256, progress=False)
    moved = people.rename(home / "elsewhere")
    assert [run.directory for run in list_runs()] == [run.directory]
    assert load_run("acgan").generate(2, labels=1).shape == (2, 28, 28, 3)
    with pytest.raises(ValueError, match="my people cannot be opened"):
        run_for(RunConfig("acgan", dataset="folder:my people"))
    moved.rename(people)
    copy = RunConfig("acgan", dataset=f"folder:{people}", image_size=28, steps=1, batch_size=4)
    assert train(copy, progress=False).finished  # the same content under another path: the finished run is loaded
    assert len(list_runs()) == 1


@pytest.mark.slow
def test_an_unfinished_run_goes_on_when_its_folder_has_moved(home, people):
    from capsgan import train

    config = RunConfig("gan", dataset=f"folder:{people}", image_size=28, steps=3, batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        train(config, progress=False, stop_after=0)
    moved = home / "deeper" / "my people"
    moved.parent.mkdir()
    people.rename(moved)
    run = train(RunConfig("gan", dataset=f"folder:{moved}", image_size=28, steps=3, batch_size=4), progress=False)
    assert run.finished and len(run.history) == 3 and len(list_runs()) == 1


@pytest.mark.slow
def test_a_run_on_images_without_labels_is_evaluated(home):
    from capsgan import evaluate, train

    noise = np.random.default_rng(0)
    for number in range(800):
        (home / "plain").mkdir(exist_ok=True)
        cv2.imwrite(str(home / "plain" / f"{number}.png"), noise.integers(0, 256, (8, 8, 3)).astype("uint8"))
    run = train(RunConfig("gan", dataset=f"folder:{home / 'plain'}", image_size=28, steps=1), progress=False)
    evaluation = evaluate(run, 256, progress=False)
    assert "has none" in evaluation["skipped"]["probes"] and evaluation["samples"] == 256
    assert np.isfinite(evaluation["metrics"]["random"]["fid"]["value"])


def test_fewer_images_than_a_batch_are_refused(home, people):
    from capsgan import train

    with pytest.raises(ValueError, match=r"batch_size=64 is more than the \d\d training images of 'folder:"):
        train(RunConfig(dataset=f"folder:{people}", image_size=28, steps=1, batch_size=64), progress=False)
    assert list_runs() == []


@pytest.mark.slow
def test_the_command_line_takes_folders_and_says_what_is_wrong_in_one_line(home, people, monkeypatch, capsys):
    from capsgan.cli.commands import main

    monkeypatch.chdir(people)
    options = {"--gan": "gan", "--dataset": "folder:../my people", "--image-size": 28, "--steps": 1, "--batch-size": 4}
    command = ["train", *(str(word) for option in options.items() for word in option)]
    assert main(command) == 0
    assert [run.config.dataset for run in list_runs()] == [f"folder:{people.resolve()}"]
    capsys.readouterr()
    for dataset, message in (
        ("folder:nowhere", "nowhere cannot be opened"),
        ("folder:", "folder:PATH"),
        ("celeba", r"mnist5k | mnist | cartoon | olivetti | lfw | folder:PATH"),
    ):
        assert main(["train", "--dataset", dataset]) == 2
        told = capsys.readouterr()
        assert message in told.err and told.err.count("\n") == 1 and told.out == ""


def test_datasets_known_to_configs_are_known_to_the_loader():
    for name in ("celeba", "folder", "folder:", None, 3):
        with pytest.raises(ValueError, match="dataset="):
            RunConfig(dataset=name)
        with pytest.raises(ValueError, match="dataset="):
            datasets.load_dataset(name)
