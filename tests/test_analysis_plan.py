"""The plan says all that decides a verdict, and refuses what would make none, by name."""

import copy
import math
from dataclasses import fields

import pytest
import yaml

from capsgan.config import COMPARED_GANS
from capsgan.evaluation.plan import PLAN, AnalysisPlan, Comparison, Metric, read_plan
from capsgan.evaluation.statistics import power_curve, seeds_for_p, seeds_needed
from capsgan.profiles import PROFILES

VALUES = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
COMPARISON = {"gan": "dcgan", "discriminator": "caps", "reference": "cnn"}
METRIC = {"name": "fid_infinity", "effect": "log_ratio", "better": "lower", "margin": [0.8, 1.25]}
BAD = {
    "seeds": [[], [0, 0], [-1], [1.0], ["0"], [True], 5, "01", None],
    "alpha": [0, 0.5, -0.05, 5, math.nan, "0.05", True, None],
    "power": [0, 1, 80, math.nan, "0.8", None],
    "features": ["", " ", 3, None],
    "primary": [
        [],
        None,
        METRIC | {"name": ""},
        METRIC | {"effect": "ratio"},
        METRIC | {"better": "less"},
        *(METRIC | {"margin": m} for m in ([1.25, 0.8], [0.8, 0.9], [1.1, 1.25], [0, 1.25], [-1, 2], [0.8], 0.8, None)),
        METRIC | {"margin": [0.8, math.nan]},
        METRIC | {"margin": [0.8, math.inf]},
        METRIC | {"effect": "difference"},
        {key: METRIC[key] for key in ("name", "effect", "better")},
    ],
    "secondary": [None, {}, [METRIC], [{**METRIC, "name": "kid"}] * 2, [{"name": "kid"}], ["kid"]],
    "families": [
        {},
        [],
        None,
        {"gans": []},
        {"gans": None},
        {"gans": [COMPARISON, COMPARISON]},
        {"gans": [COMPARISON | {"gan": "biggan"}]},
        {"gans": [COMPARISON | {"reference": "caps"}]},
        {"gans": [COMPARISON | {"discriminator": None}]},
        {"gans": [COMPARISON | {"reference": "caps-pooled"}]},
        {"gans": [{"gan": "dcgan"}]},
    ],
    "failed": [None, "failed", [""], [3], ["finished"]],
    "collapsed": [{}, None, ["fid"], *({"fid": value} for value in (0, -1, math.nan, math.inf, True, "3", None, {}))],
    "unusable_pairs": [-0.1, 1, math.nan, "0.1", True, None],
    "least_steps": [0, 1500.0, "1500", None, True],
    "sign_flips": [998, 9999.0, "9999", True, None],
    "bootstrap": [None, [], {"least_pairs": 40}]
    + [{"least_pairs": value, "resamples": 9999} for value in (2, 40.0, None, True)]
    + [{"least_pairs": 40, "resamples": value} for value in (998, 1e4, None)],
    "random_seed": [-1, 0.5, "0", None, True],
}


def changed(**changes):
    return copy.deepcopy(VALUES) | changes


@pytest.mark.parametrize(
    "name, value", [(n, v) for n, values in BAD.items() for v in values], ids=lambda x: repr(x)[:60]
)
def test_an_impossible_value_is_refused_with_what_is_allowed(name, value):
    with pytest.raises(ValueError, match=r"is not possible; allowed: \S") as caught:
        AnalysisPlan.from_dict(changed(**{name: value}))
    inside = {"primary": "fid_infinity|name|margin|effect", "secondary": "metric|name|effect", "families": "gan"}
    names = f"{name}|{inside.get(name, name)}|discriminator|reference".split("|")
    assert any(word in str(caught.value).split("=")[0] for word in names)


def test_every_key_of_the_plan_is_among_the_bad_values_above():
    assert set(BAD) == {field.name for field in fields(AnalysisPlan)} == set(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_a_missing_key_is_refused_by_name(name):
    values = changed()
    del values[name]
    with pytest.raises(ValueError, match=f"plan: {name}=None .*missing"):
        AnalysisPlan.from_dict(values)


@pytest.mark.parametrize(
    "where, change",
    [
        ("plan", {"alhpa": 0.01}),
        ("primary", {"primary": METRIC | {"alhpa": 1}}),
        ("secondary", {"secondary": [{"name": "kid", "effect": "difference", "better": "lower", "alhpa": 1}]}),
        ("families: gans", {"families": {"gans": [COMPARISON | {"alhpa": 1}]}}),
        ("bootstrap", {"bootstrap": {"least_pairs": 40, "resamples": 9999, "alhpa": 1}}),
    ],
)
def test_an_unknown_key_is_refused_wherever_it_stands(where, change):
    with pytest.raises(ValueError, match=f"{where}: key='alhpa' is not possible; allowed: "):
        AnalysisPlan.from_dict(changed(**change))


@pytest.mark.parametrize("text", ["alpha: [", "", "- 1", "words"])
def test_a_file_that_is_no_plan_is_refused(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="plan="):
        read_plan(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"elsewhere\.yaml"):
        read_plan(tmp_path / "elsewhere.yaml")


def test_a_plan_cannot_be_changed_once_read():
    with pytest.raises(AttributeError):
        read_plan().alpha = 0.1


def test_limits_of_a_ratio_are_logarithms_and_of_a_difference_itself():
    assert Metric("fid", "log_ratio", "lower", (0.5, 2.0)).limits == (-math.log(2), math.log(2))
    assert Metric("kid", "difference", "lower", (-0.1, 0.2)).limits == (-0.1, 0.2)


# The study's own plan ---------------------------------------------------------------------------------------------


def test_the_study_compares_every_gan_of_chapter_8_and_has_four_controls():
    families = read_plan().families
    assert families["gans"] == tuple(Comparison(gan, "caps", "cnn") for gan in COMPARED_GANS)
    assert {(c.gan, c.discriminator) for c in families["controls"]} == {("dcgan", "caps")}
    references = [comparison.reference for comparison in families["controls"]]
    assert references == ["cnn-matched", "caps-routing", "caps-squashed", "caps-ungated"]


def test_the_study_decides_by_fid_at_infinity_on_digits_within_a_margin_that_favours_neither_side():
    plan = read_plan()
    assert (plan.features, plan.primary.name, plan.primary.effect) == ("digits", "fid_infinity", "log_ratio")
    assert plan.primary.better == "lower" and plan.primary.margin == (0.8, 1.25) and plan.alpha == 0.05
    assert plan.primary.limits[0] == pytest.approx(-plan.primary.limits[1])


def test_the_studys_seeds_are_those_of_the_paper_profile_and_suffice_for_its_families():
    plan = read_plan()
    assert plan.seeds == tuple(range(PROFILES["paper"].seeds))
    assert all(seeds_for_p(plan.alpha, len(family)) <= len(plan.seeds) for family in plan.families.values())


def test_the_studys_seeds_have_the_power_that_the_plan_wants_at_the_spread_it_expects():
    plan = read_plan()
    needed = [seeds_needed(power_curve(sd, plan, tests=4), plan.power) for sd in (0.15, 0.2)]
    assert needed == [{"difference": 9, "equivalence": 9}, {"difference": 13, "equivalence": 13}]


def test_the_studys_sign_flips_are_exact():
    plan = read_plan()
    assert 2 ** len(plan.seeds) <= plan.sign_flips
