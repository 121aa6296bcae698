"""The plan says all that decides a word, and refuses what would make none, by name."""

import copy
import datetime
import math
from collections import Counter
from dataclasses import fields

import pytest
import yaml

from capsgan.study.declarations import Metric, build
from capsgan.study.plan import PLAN, WORDS, AnalysisPlan, read_plan
from capsgan.study.statistics import seeds_for_p

VALUES = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
METRIC = {"name": "fid", "effect": "log_ratio", "better": "lower", "margin": [0.8, 1.25]}
PAIR = {"compared": "A.caps", "reference": "A.cnn"}
BLOCK = VALUES["blocks"]["A"]
BAD = {
    "version": [0, 4, "2", True, None],
    "date": [datetime.date(2026, 11, 26), "2026-11-27", None],
    "changes": [[], None, [VALUES["changes"][0]], [VALUES["changes"][1] | {"why": ""}]],
    "profile": ["", "studio", None],
    "arms": [{}, None, {"cnn": {"discriminator": "cnn-huge"}}, {"cnn": {}}],
    "blocks": [
        *(
            {"A": BLOCK | {name: value}}
            for name, value in {"gan": "biggan", "fraction": 0, "asks": "", "arms": []}.items()
        ),
        {"A": BLOCK | {"arms": ["cnn", "caps", "huge"]}},
        {"A": BLOCK | {"steps": {20000: [0, 0]}}},
        {"A": BLOCK | {"steps": {20000: 0}}},
        {"A": BLOCK | {"steps": {7000: [0]}}},
        {},
        None,
    ],
    "snapshots": [{}, None, VALUES["snapshots"] | {20000: [500]}, VALUES["snapshots"] | {20000: [20000, 500]}],
    "score_snapshots": [0, 3.0, None, True],
    "samples": [0, "10000", None],
    "primary": [
        {},
        None,
        *({"p": PAIR | change} for change in ({"compared": "A"}, {"reference": "A.caps"}, {"compared": "A.huge"})),
        *({"p": PAIR | change} for change in ({"minus": "Z"}, {"claims": "better"})),
    ],
    "secondary": [None, [], {"s": PAIR | {"compared": "H.caps"}}, VALUES["primary"]],
    "features": ["", " ", 3, None],
    "second_space": ["", None],
    "metric": [None, METRIC | {"name": ""}, METRIC | {"effect": "ratio"}, METRIC | {"better": "less"}]
    + [METRIC | {"margin": m} for m in ([1.25, 0.8], [0.8, 0.9], [0, 1.25], [0.8], 0.8, None, [0.8, math.nan])],
    "metrics": [None, {}, [METRIC], [{"name": "kid"}], ["kid"]],
    "costs": [None, [], [METRIC], [{"name": "ms", "effect": "log_ratio", "better": "lower"}]],
    "words": [None, {}, {"supported": "x"}, dict.fromkeys(reversed(WORDS), "x")],
    "least_seeds": [1, 5.0, None],
    "alpha": [0, 0.5, -0.05, 5, math.nan, "0.05", True, None],
    "power": [0, 1, 80, math.nan, "0.8", None],
    "failed": [None, "failed", [""], [3], ["finished"], []],
    "collapsed": [{}, None, ["fid"], *({"fid": value} for value in (0, -1, math.nan, math.inf, True, "3", None, {}))],
    "unusable_pairs": [-0.1, 1, math.nan, "0.1", True, None],
    "least_steps": [0, 1500.0, "1500", None, True],
    "one_cpu_per_seed": [None, 1, "yes"],
}


def changed(**changes):
    return copy.deepcopy(VALUES) | changes


@pytest.mark.parametrize(
    "name, value", [(n, v) for n, values in BAD.items() for v in values], ids=lambda x: repr(x)[:60]
)
def test_an_impossible_value_is_refused_with_what_is_expected(name, value):
    with pytest.raises(ValueError, match=r"invalid .*; expected \S"):
        build(AnalysisPlan, "plan", changed(**{name: value}))


def test_every_key_of_the_plan_is_among_the_bad_values_above():
    assert set(BAD) == {field.name for field in fields(AnalysisPlan)} == set(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_a_missing_key_is_refused_by_name(name):
    values = changed()
    del values[name]
    with pytest.raises(ValueError, match=f"plan: {name}=None.*missing"):
        build(AnalysisPlan, "plan", values)


@pytest.mark.parametrize(
    "where, change",
    [
        ("plan", {"alhpa": 0.01}),
        ("changes", {"changes": [VALUES["changes"][0] | {"alhpa": 1}]}),
        ("metric", {"metric": METRIC | {"alhpa": 1}}),
        ("costs", {"costs": [METRIC | {"alhpa": 1}]}),
        ("arms: cnn", {"arms": {"cnn": {"discriminator": "cnn", "alhpa": 1}}}),
        ("blocks: A", {"blocks": {"A": BLOCK | {"alhpa": 1}}}),
        ("primary: p", {"primary": {"p": PAIR | {"alhpa": 1}}}),
    ],
)
def test_an_unknown_key_is_refused_wherever_it_stands(where, change):
    with pytest.raises(ValueError, match=f"invalid {where}: key='alhpa'; expected "):
        build(AnalysisPlan, "plan", changed(**change))


@pytest.mark.parametrize("text", ["alpha: [", "", "- 1", "words"])
def test_a_file_that_is_no_plan_is_refused(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="plan="):
        read_plan(path)


def test_a_plan_cannot_be_changed_once_read():
    with pytest.raises(AttributeError):
        read_plan().alpha = 0.1


def test_limits_of_a_ratio_are_logarithms_and_of_a_difference_itself():
    assert Metric("fid", "log_ratio", "lower", (0.5, 2.0)).limits == (-math.log(2), math.log(2))
    assert Metric("kid", "difference", "lower", (-0.1, 0.2)).limits == (-0.1, 0.2)


# The study's own plan ---------------------------------------------------------------------------------------------


def test_every_version_says_what_it_changed_and_what_had_been_seen():
    plan = read_plan()
    assert (plan.version, str(plan.date)) == (3, "2026-11-27")
    assert [change.version for change in plan.changes] == [1, 2, 3]
    _, second, third = plan.changes
    assert "Supersedes" in second.what and "2,000 steps" in second.seen and "No run of the blocks" in second.seen
    assert "time of a step" in third.what and "side by side" in third.why and "two runs of block A" in third.seen


def test_the_plan_has_109_runs_in_blocks_a_to_h():
    configs = read_plan().configs()
    assert len({config.run_id for config in configs.values()}) == len(configs) == 109
    counts = Counter(block[0] for block, _, _ in configs)
    assert counts == {"A": 24, "B": 24, "C": 15, "D": 15, "E": 12, "F": 10, "G": 4, "H": 5}
    assert {config.width for (block, _, _), config in configs.items() if block == "G"} == {1.0}
    assert {config.dropout for (block, _, _), config in configs.items() if block == "H"} == {0.0}
    assert {config.fraction for (block, _, _), config in configs.items() if block == "B"} == {0.01}
    assert [configs["C", "caps", seed].steps for seed in range(5)] == [20_000, *[10_000] * 4]


def test_the_three_primaries_are_caps_against_both_cnns_and_data_by_trunk():
    plan = read_plan()
    assert [tuple(one.sides.values()) for one in plan.primary.values()] == [
        (("A", "caps"), ("A", "cnn")),
        (("A", "caps"), ("A", "matched")),
        (("B", "caps"), ("B", "cnn"), ("A", "caps"), ("A", "cnn")),
    ]
    assert [plan.step_of(one) for one in plan.primary.values()] == [20_000, 20_000, 10_000]
    assert all(plan.seeds_of(one) == list(range(8)) for one in plan.primary.values())
    assert seeds_for_p(plan.alpha, len(plan.primary)) == 7  # one of the eight may fail


def test_scores_are_the_last_three_snapshots_up_to_the_step():
    plan = read_plan()
    assert plan.snapshots_of_score(20_000) == [18_000, 19_000, 20_000]
    assert plan.snapshots_of_score(10_000) == [8000, 9000, 10_000]
    assert plan.snapshots_of_score(5000) == [3000, 4000, 5000]


def test_fid_decides_within_a_margin_that_favours_neither_side_and_costs_within_10_percent():
    plan = read_plan()
    assert (plan.features, plan.metric.name, plan.metric.margin, plan.alpha) == ("digits", "fid", (0.8, 1.25), 0.05)
    assert plan.metric.limits[0] == pytest.approx(-plan.metric.limits[1])
    assert {cost.margin for cost in plan.costs} == {(0.9, 1.1)}
    assert "fid_infinity" in {metric.name for metric in plan.metrics}


def test_the_words_are_four():
    assert tuple(read_plan().words) == ("replicated", "contradicted", "cannot tell yet", "not testable here")
