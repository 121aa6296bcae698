"""A config refuses what cannot be trained, by name, and its id holds what decides a result and nothing else."""

import json
import math
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from capsgan.config import RunConfig
from capsgan.paths import ROOT, home

BAD = {
    "gan": ["DCGAN", "biggan", "", None, 3, ["dcgan"]],
    "discriminator": ["mlp", None, "Caps"],
    "dataset": ["mnist50k", "", None, 3, "folder", "folder:", "folder: "],
    "image_size": [28.0, 0, -28, 27, 29, 30, 1000, "28"],
    "channels": [0, 2, 4, "1", 1.0, True],
    "discriminator_updates": ["both", None],
    "weight_clipping": ["none", 0.01],
    "precision": ["float64", "half", None],
    "steps": [0, -1, 10**9, 1.5, 10.0, "10", None, True, math.nan],
    "batch_size": [0, -2, 1, 3, 33, 10**6, 32.0, "32", True],
    "seed": [-1, 2**64, 0.5, "0", None, True],
    "discriminator_warmup": [-1, 10**9, 0.5, False, "0"],
    "routing_iterations": [0, -1, 101, 1.5, True, None],
    "fraction": [0, -0.1, 1.01, math.nan, math.inf, "1", None, True],
    "width": [0, -1, 4.5, math.nan, math.inf, "1", None, True],
    "dropout": [-0.1, 0.96, 1, math.nan, "0.25", None, False],
    "label_smoothing": [-0.1, 0.6, math.nan, "0", None, False],
    "divergence": ["none", "js", None],
    "adversarial_weight": [-0.1, 101, math.nan, "0", None, False],
    "augmentation": ["mirror", None, True],
    "generator_average": [-0.1, 1, math.nan, "0", None, False],
    "snapshots": [(0,), (-1,), (1501,), (1.5,), ("1",), (True,), 5, "12"],
}
CASES = [(name, value) for name, values in BAD.items() for value in values]


@pytest.mark.parametrize("name, value", CASES, ids=lambda x: repr(x))
def test_a_bad_value_is_refused_with_field_value_and_what_is_allowed(name, value):
    with pytest.raises(ValueError, match=f"{name}=.*expected .") as caught:
        RunConfig(**{name: value})
    assert repr(value) in str(caught.value) or name == "snapshots"


def test_every_field_is_among_the_bad_values_above():
    assert set(BAD) == {field.name for field in fields(RunConfig)}


@pytest.mark.parametrize(
    "good",
    [
        {"steps": 1},
        {"batch_size": 2},
        {"seed": 2**63 - 1},
        {"fraction": 1},
        {"dropout": 0},
        {"width": 1 / 64},
        {"label_smoothing": 0.5},
        {"snapshots": (1, 1500)},
        {"gan": "wgan", "weight_clipping": "all"},
        {"gan": "fgan", "divergence": "kl"},
    ],
    ids=str,
)
def test_values_at_the_edge_are_taken(good):
    RunConfig(**good)


def test_choices_are_listed_in_the_message():
    listed = "acgan | cgan | completion | dcgan | fgan | infogan | lsgan | superres | restore | gan | wgan | wgan_gp"
    with pytest.raises(ValueError, match=rf"invalid gan='x'; expected {re.escape(listed)}$"):
        RunConfig(gan="x")
    with pytest.raises(ValueError, match=r"image_size=30.* 28 \| 32 \| 56 \| 64 \| 112 \| 128"):
        RunConfig(image_size=30)
    with pytest.raises(ValueError, match=r"batch_size=3.*even number"):
        RunConfig(batch_size=3)


@pytest.mark.parametrize("gan", ["gan", "dcgan", "wgan_gp", "acgan", "infogan"])
def test_only_wgan_clips(gan):
    with pytest.raises(ValueError, match=r"weight_clipping='all'.*expected 'kernels'"):
        RunConfig(gan=gan, weight_clipping="all")


@pytest.mark.parametrize("gan", ["wgan", "wgan_gp", "fgan"])
def test_a_gan_without_targets_has_none_to_smooth(gan):
    with pytest.raises(ValueError, match=rf"label_smoothing=0\.1; expected 0 \(gan '{gan}' has no targets"):
        RunConfig(gan, label_smoothing=0.1)


def test_a_config_cannot_be_changed():
    with pytest.raises(AttributeError):
        RunConfig().steps = 5


def test_ids_are_readable_and_stay_what_they_are():
    assert RunConfig().run_id == "dcgan-cnn-mnist5k-1500-s0-44136fa3"  # existing runs are found by these
    caps = RunConfig("wgan", "caps", "mnist", steps=7, seed=5, width=0.25).run_id
    assert caps.startswith("wgan-caps0.25-mnist-7-s5-")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"steps": 7},
        {"gan": "wgan"},
        {"discriminator": "caps"},
        {"fraction": 0.5},
        {"batch_size": 8},
        {"dropout": 0.5},
        {"label_smoothing": 0.1},
        {"discriminator_warmup": 1},
        {"discriminator_updates": "joint"},
        {"precision": "mixed_bfloat16"},
        {"image_size": 32},
        {"dataset": "mnist"},
        {"dataset": "cartoon"},
        {"snapshots": (3,)},
    ],
    ids=str,
)
def test_what_changes_the_result_changes_the_id(change):
    assert RunConfig(**change).run_id != RunConfig().run_id


def test_what_has_no_effect_leaves_the_id_alone():
    assert RunConfig(width=0.25).run_id == RunConfig().run_id  # the classical trunk has no width
    caps = RunConfig(discriminator="caps")
    assert replace(caps, dropout=0.5).run_id == caps.run_id  # the Caps trunk has no dropout
    assert replace(caps, width=0.5).run_id != caps.run_id
    assert RunConfig("gan", dropout=0.5).run_id == RunConfig("gan").run_id  # dense layers, no dropout
    assert RunConfig(snapshots=(9, 3, 3)).run_id == RunConfig(snapshots=(3, 9)).run_id


def test_numbers_that_are_equal_have_equal_ids():
    caps = RunConfig(discriminator="caps", width=2.0)
    assert replace(caps, width=2).run_id == caps.run_id


def test_dictionaries_and_configs_turn_into_each_other_by_way_of_json():
    config = RunConfig("infogan", "caps", steps=9, seed=2, width=0.5, snapshots=(9, 3), label_smoothing=0.1)
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.to_dict()["snapshots"] == [3, 9]
    assert RunConfig.from_dict({"gan": "wgan"}) == RunConfig("wgan")


def test_an_unknown_field_is_refused_by_name():
    with pytest.raises(ValueError, match=r"field='epochs'.*batch_size"):
        RunConfig.from_dict({"epochs": 3})


def test_home_is_the_environments_else_the_checkouts_data_wherever_one_stands(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAPSGAN_HOME", "elsewhere")
    assert home() == Path("elsewhere").resolve()
    monkeypatch.setenv("CAPSGAN_HOME", "~/runs")
    assert home() == Path("~/runs").expanduser()
    monkeypatch.delenv("CAPSGAN_HOME")
    assert home() == ROOT / "data" and (ROOT / "pyproject.toml").exists()


@pytest.mark.parametrize(
    "gan, trunk, label", [("gan", "cnn", "GAN"), ("wgan", "caps", "CapsWGAN"), ("infogan", "caps", "CapsInfoGAN")]
)
def test_labels_are_those_of_chapter_9(gan, trunk, label):
    assert RunConfig(gan, trunk).label == label
