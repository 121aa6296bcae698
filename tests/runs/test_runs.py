"""A run is found again, generates what is asked of it, and says where it comes from."""

import ast
import json
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

from capsgan.config import RunConfig
from capsgan.data.pixels import read_png, to_float
from capsgan.gans import build_gan, inference, sampling
from capsgan.gans.sampling import generate_images
from capsgan.runs import provenance as provenance_module
from capsgan.runs import run as module
from capsgan.runs.provenance import source_sha256
from capsgan.runs.run import Run, list_runs, load_run, run_for
from capsgan.runs.writer import RecordedRun


@pytest.fixture
def at_home(pair, home):
    """The two runs alone in a home."""
    for run in pair:
        shutil.copytree(run.directory, home / "runs" / run.directory.name)
    return [Run(home / "runs" / run.directory.name, run.config) for run in pair]


def untrained(gan, tmp_path, classes=10):
    """A finished run without a directory: initial weights, for what does not depend on training."""
    config = RunConfig(gan, "caps", width=1 / 64, batch_size=4)
    run = Run(tmp_path / config.run_id, config)
    run.__dict__["gan"] = build_gan(config, (28, 28, 1), classes)
    return run


@pytest.fixture(scope="module")
def acgan(tmp_path_factory):
    return untrained("acgan", tmp_path_factory.mktemp("acgan"))


@pytest.fixture(scope="module")
def infogan(tmp_path_factory):
    return untrained("infogan", tmp_path_factory.mktemp("infogan"))


def test_generated_images_have_the_promised_shape_and_range(pair):
    images = pair[0].generate(7, seed=1)
    assert images.shape == (7, 28, 28, 1) and images.dtype == np.float32
    assert np.abs(images).max() <= 1 and images.std() > 0


def test_the_seed_decides_what_is_generated(pair):
    run = pair[1]
    np.testing.assert_array_equal(run.generate(5, seed=2), run.generate(5, seed=2))
    assert not np.array_equal(run.generate(5, seed=2), run.generate(5, seed=3))


def test_both_of_a_pair_are_given_the_same_latents(pair, monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "generate_images", lambda gan, codes: drawn.append(codes["noise"]))
    for run in pair:
        run.generate(6, seed=9)
    np.testing.assert_array_equal(*drawn)


def test_images_do_not_depend_on_how_many_are_made_at_once(pair, monkeypatch):
    whole = pair[0].generate(11, seed=4)
    monkeypatch.setattr(inference, "CHUNK", 3)
    np.testing.assert_allclose(pair[0].generate(11, seed=4), whole, atol=1e-5)
    monkeypatch.setattr(sampling, "MANY", 10)  # compiled
    np.testing.assert_allclose(pair[0].generate(11, seed=4), whole, atol=1e-5)


def test_generating_leaves_the_generator_as_it_was(pair):
    before = pair[0].generator.get_weights()
    pair[0].generate(3)
    for old, new in zip(before, pair[0].generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_loaded_run_generates_what_the_trained_one_did(pair):
    for run in pair:
        again = Run(run.directory, run.config)
        np.testing.assert_array_equal(again.generate(4), run.generate(4))
        x = to_float(np.arange(2 * 784).reshape(2, 28, 28, 1) % 256)
        answers = (r.discriminator(x, training=False) for r in (again, run))
        np.testing.assert_array_equal(*map(np.asarray, answers))


def test_labels_are_honoured(acgan):
    asked = acgan.generate(6, seed=1, labels=[0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(asked, acgan.generate(6, seed=1, codes={"labels": np.arange(6)}))
    one = acgan.generate(6, seed=1, labels=3)
    np.testing.assert_allclose(one[3], asked[3], atol=1e-6)
    assert not np.allclose(one[4], asked[4], atol=1e-6)


def test_codes_are_honoured_and_the_rest_is_drawn(infogan):
    free = infogan.generate(4, seed=1)
    fixed = infogan.generate(4, seed=1, codes={"category": 3, "continuous": [[-1.0, 0.5]]})
    again = infogan.generate(4, seed=1, codes={"category": [3] * 4, "continuous": np.tile([-1.0, 0.5], (4, 1))})
    np.testing.assert_array_equal(fixed, again)
    assert not np.allclose(free, fixed) and not np.allclose(fixed[0], fixed[1])  # the noise differs
    noise = np.ones((1, 62), "float32")
    alike = infogan.generate(3, codes={"noise": noise, "category": 1, "continuous": 0.0})
    np.testing.assert_allclose(alike[0], alike[2], atol=1e-6)


@pytest.mark.parametrize(
    "gan, codes, message",
    [
        ("acgan", {"labels": 10}, r"labels=10.*0 to 9"),
        ("acgan", {"labels": -1}, r"labels=-1.*0 to 9"),
        ("acgan", {"labels": [1, 2, 3]}, r"codes: labels.* not fit .*\(4,\)"),
        ("acgan", {"labels": 2.5}, r"labels=2\.5.*whole numbers"),
        ("acgan", {"labels": "seven"}, "labels"),
        ("acgan", {"category": 1}, r"'acgan' has no 'category'; expected noise \| labels"),
        ("infogan", {"labels": 1}, r"'infogan' has no 'labels'; expected noise \| category \| continuous"),
        ("infogan", {"category": 10}, r"category=10.*0 to 9"),
        ("infogan", {"continuous": [[0, 0, 0]]}, r"codes: continuous.* not fit .*\(4, 2\)"),
        ("infogan", {"continuous": np.nan}, "continuous=nan"),
    ],
    ids=str,
)
def test_codes_a_gan_does_not_have_are_refused(gan, codes, message, request):
    with pytest.raises(ValueError, match=message):
        request.getfixturevalue(gan).generate(4, codes=codes)


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": -3}, {"count": 2.5}, {"count": 2, "seed": -1}], ids=str)
def test_impossible_counts_and_seeds_are_refused(acgan, arguments):
    name = "seed" if "seed" in arguments else "count"
    with pytest.raises(ValueError, match=f"{name}={arguments[name]}"):
        acgan.generate(**arguments)


def test_images_of_colour_gans_are_generated_in_three_channels():
    gan = build_gan(RunConfig(width=1 / 64, image_size=32), (32, 32, 3), 0)
    codes = gan.sample_codes(np.random.default_rng(0), 2)
    assert generate_images(gan, codes).shape == (2, 32, 32, 3)


def test_a_run_is_found_by_the_beginning_of_its_id(at_home):
    assert [run.directory for run in list_runs()] == sorted(run.directory for run in at_home)
    for run in at_home:
        found = load_run(run.config.run_id[:9])  # dcgan-cnn, dcgan-cap
        assert found.directory == run.directory and found.config == run.config
        assert found.history.equals(run.history)


@pytest.mark.parametrize("prefix, count", [("dcgan", 2), ("wgan", 0), ("", 2)])
def test_a_prefix_of_several_runs_or_of_none_is_refused_with_the_list(at_home, prefix, count):
    with pytest.raises(ValueError, match=f"run='{prefix}' names {count} runs") as caught:
        load_run(prefix)
    assert all(run.config.run_id in str(caught.value) for run in at_home)


def test_a_directory_that_holds_no_run_is_left_out_with_a_warning(home):
    for name, text in (("broken", "{"), ("newer", '{"epochs": 3}'), ("good", '{"gan": "wgan"}')):
        (home / "runs" / name).mkdir(parents=True)
        (home / "runs" / name / "config.json").write_text(text)
    with pytest.warns(UserWarning, match="skipped") as caught:
        assert [run.config for run in list_runs()] == [RunConfig("wgan")]
    assert {"broken" in str(w.message) for w in caught} == {True, False} and len(caught) == 2


def test_in_an_empty_home_there_are_no_runs(home):
    assert list_runs() == []
    with pytest.raises(ValueError, match="no runs in"):
        load_run("dcgan")


def test_a_run_that_is_not_finished_generates_nothing(home):
    run = run_for(RunConfig())
    assert run.status == "new" and run.history.empty and not run.directory.exists()
    with pytest.raises(ValueError, match=r"dcgan-cnn.* is new, not finished"):
        run.generate(1)


def test_provenance_says_where_a_result_comes_from(pair):
    provenance = pair[0].provenance
    assert provenance["status"] == "finished" and provenance["backend"] == "tensorflow"
    assert provenance["versions"].keys() == {"keras", "numpy", "tensorflow"}
    assert provenance["versions"]["numpy"] == np.__version__
    assert provenance["source_sha256"] == source_sha256()
    assert provenance["dataset_sha256"] == pair[1].provenance["dataset_sha256"]
    assert provenance["image_shape"] == [28, 28, 1] and provenance["classes"] == 10
    assert provenance["started"] <= provenance["finished"]
    assert 50 < provenance["peak_memory_mb"] < 100_000
    assert str(pair[0].directory) not in json.dumps(provenance)


@pytest.fixture
def copy_of_source(tmp_path, monkeypatch):
    """The package in a folder of its own, which the hash is taken of."""
    shutil.copytree(provenance_module.PACKAGE, tmp_path / "capsgan", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance_module, "PACKAGE", tmp_path / "capsgan")
    return tmp_path / "capsgan"


def test_rewording_a_docstring_or_moving_a_function_leaves_the_source_hash(copy_of_source):
    before = source_sha256()
    text = (copy_of_source / "networks" / "capsules.py").read_text()
    begin = text.index("def round_filters")
    moved, rest = text[begin:], text[:begin].replace('"""Capsules: ', '"""In other words, capsules: ', 1)
    assert rest != text[:begin]
    (copy_of_source / "networks" / "capsules.py").write_text(rest + "\nimport math  # not used\n")
    with (copy_of_source / "gans" / "dcgan.py").open("a") as file:
        file.write("\n\n# moved here\n" + moved)
    assert source_sha256() == before


@pytest.mark.parametrize(
    "name, old, new",
    [
        ("networks/layers.py", "MOMENTUM = 0.8", "MOMENTUM = 0.9"),
        ("networks/capsules.py", "CAPSULE_DIMENSION = 8", "CAPSULE_DIMENSION = 4"),
        ("data/image_files.py", "MEGAPIXELS = 100", "MEGAPIXELS = 10"),
        ("gans/wgan.py", "0.01", "0.02"),
    ],
)
def test_changing_a_constant_changes_the_source_hash(copy_of_source, name, old, new):
    before = source_sha256()
    text = (copy_of_source / name).read_text()
    assert old in text
    (copy_of_source / name).write_text(text.replace(old, new))
    assert source_sha256() != before


def test_a_syntax_tree_is_the_same_text_on_every_python():
    tree = ast.parse("def f(x: int = 1):\n    return f'{x}' or []")
    assert provenance_module._dump(tree.body[0]) == (
        "FunctionDef(name='f', args=arguments(args=[arg(arg='x', annotation=Name(id='int', ctx=Load()))], "
        "defaults=[Constant(value=1)]), body=[Return(value=BoolOp(op=Or(), values=[JoinedStr(values=[FormattedValue("
        "value=Name(id='x', ctx=Load()), conversion=-1)]), List(ctx=Load())]))])"
    )


def test_a_gan_of_ones_own_counts_for_its_own_runs_only(copy_of_source, monkeypatch):
    before = source_sha256("dcgan")
    with (copy_of_source / "gans" / "lsgan.py").open("a") as file:
        file.write("\n\nCONSTANT = 1\n")
    assert source_sha256("dcgan") == before != source_sha256("lsgan")


def test_the_present_source_is_known_to_give_the_results_of_the_stored_runs():
    assert provenance_module.SAME_RESULTS[-1] == source_sha256(), (
        "the source that decides results has changed; compare smoke runs with the previous commit bit for bit, then "
        "add the new hash to SAME_RESULTS, or empty it where results differ"
    )


def test_loading_a_run_made_by_other_source_warns_and_names_force(at_home, monkeypatch):
    from capsgan import train

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(at_home[0].config, progress=False)
    monkeypatch.setattr(provenance_module, "source_sha256", lambda gan: "another")
    with pytest.warns(UserWarning, match=r"dcgan-cnn.*another version.*--force"):
        train(at_home[0].config, progress=False)


def test_sample_grids_keep_their_colours(tmp_path):
    run = RecordedRun(tmp_path, RunConfig())
    colour = np.array([0.9, -0.2, -0.7], "float32")  # orange
    run.write_samples(3, np.broadcast_to(colour, (25, 8, 8, 3)))
    grid = read_png(tmp_path / "samples" / "step_00000003.png")
    assert grid.shape == (52, 52, 3)  # 5 × 5 of 8 pixels and 2 between
    assert {tuple(pixel) for pixel in grid.reshape(-1, 3).tolist()} == {(242, 102, 38), (255, 255, 255)}
    assert np.asarray(Image.open(run.sample_paths()[0])).tolist() == grid.tolist()


def test_the_sample_grids_come_in_the_order_of_their_steps(pair):
    names = [path.name for path in pair[0].sample_paths()]
    assert names == [f"step_{step:08d}.png" for step in range(1, 7)]


def test_the_last_sample_grid_is_of_the_finished_generator(pair):
    from capsgan.data.pixels import tile, to_uint8
    from capsgan.gans.base import SAMPLING, random_stream

    run = pair[0]
    codes = run.gan.sample_codes(random_stream(run.config.seed, stream=SAMPLING), 25)
    grid = tile(to_uint8(generate_images(run.gan, codes)))
    np.testing.assert_array_equal(read_png(run.sample_paths()[-1])[..., :1], grid)


def test_histories_survive_their_file_to_the_last_digit(pair):
    run = pair[0]
    text = (run.directory / "history.csv").read_text().splitlines()
    assert text[0] == "step,g_loss,d_loss,accuracy,accuracy_real,accuracy_fake,seconds"
    values = [float(row.split(",")[1]) for row in text[1:]]
    assert values == run.history.g_loss.tolist() and np.float32(values).tolist() == values
