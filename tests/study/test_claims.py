import dataclasses

import numpy as np
import pandas as pd
import pytest
from result_rows import run_rows

from capsgan.study.claims import read_claims
from capsgan.study.effects import (
    SCORE,
    against_best,
    area_between,
    fid_from_less_data,
    first_crossing,
    growth_of_fid,
    least_spread,
    numbers,
    ratio,
    work_to_fid,
)
from capsgan.study.plan import read_plan
from capsgan.study.results import RESULTS, load_results
from capsgan.study.verdicts import (
    CANNOT_TELL,
    CONTRADICTED,
    NOT_TESTABLE,
    REPLICATED,
    Claim,
    decide,
    verdict_table,
)
from capsgan.study.verdicts import judge as judge_by

CLAIMS = read_claims()

SEEDS = range(4)
PLAN = read_plan()


def judge(claim, results):
    return judge_by(claim, results, PLAN)


def table(caps, cnn, gan="dcgan", name="digits__fid", **options):
    rows = []
    for seed, (a, b) in enumerate(zip(caps, cnn, strict=True)):
        rows += run_rows(gan, "caps", seed, **{name: a}, **options) + run_rows(gan, "cnn", seed, **{name: b}, **options)
    return pd.DataFrame(rows)


def claim(side, bounds, unit="difference"):
    return Claim("c", "9", "says", "tested", lambda results: ratio(results, "dcgan", "fid"), side, bounds, unit)


@pytest.mark.parametrize(
    "side, bounds, interval, verdict",
    [
        ("below", (0, 0), (-2, -1), REPLICATED),
        ("below", (0, 0), (1, 2), CONTRADICTED),
        ("below", (0, 0), (-1, 1), CANNOT_TELL),
        ("above", (0.5, 0.5), (0.6, 1), REPLICATED),
        ("above", (0.5, 0.5), (0.1, 0.4), CONTRADICTED),
        ("above", (0.5, 0.5), (0.4, 0.6), CANNOT_TELL),
        ("within", (-1, 1), (-0.5, 0.5), REPLICATED),
        ("within", (-1, 1), (1.5, 2), CONTRADICTED),
        ("within", (-1, 1), (-3, -2), CONTRADICTED),
        ("within", (-1, 1), (0.5, 2), CANNOT_TELL),
        ("outside", (-1, 1), (1.5, 2), REPLICATED),
        ("outside", (-1, 1), (-0.5, 0.5), CONTRADICTED),
        ("outside", (-1, 1), (0.5, 1.5), CANNOT_TELL),
    ],
)
def test_the_verdict_is_where_the_interval_lies(side, bounds, interval, verdict):
    assert decide(claim(side, bounds), interval, interval) == verdict


def test_similarity_is_decided_by_the_narrow_interval_and_difference_by_the_wide_one():
    assert decide(claim("within", (-1, 1)), (-1.1, 1.1), (-0.9, 0.9)) == REPLICATED
    assert decide(claim("outside", (-1, 1)), (0.9, 2), (1.1, 1.8)) == CANNOT_TELL


def test_a_ratio_is_reported_as_a_ratio_with_the_interval_of_its_logarithm():
    results = table([2.0, 2.2, 1.8, 2.0, 2.1], [1] * 5)
    row = judge(claim("below", (0, 0), "ratio"), results)
    logs = np.log([2.0, 2.2, 1.8, 2.0, 2.1])
    half = 2.776445 * logs.std(ddof=1) / np.sqrt(5)
    assert row["estimate"] == pytest.approx(np.exp(logs.mean()))
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.exp(logs.mean() + np.array([-half, half]))), rel=1e-5)
    assert row["verdict"] == CONTRADICTED and row["seeds"] == 5


@pytest.mark.parametrize("seeds, word", [(1, CANNOT_TELL), (3, CANNOT_TELL), (4, CANNOT_TELL), (5, REPLICATED)])
def test_fewer_than_five_seeds_never_decide(seeds, word):
    row = judge(claim("below", (0, 0)), table(np.linspace(1, 1.1, seeds), np.linspace(9, 9.5, seeds)))
    assert row["verdict"] == word and (word == REPLICATED or f"seeds: {seeds}, needed: 5" in row["note"])
    assert np.isnan(row["high"]) == (seeds < 2)


def test_no_verdict_without_the_runs_or_from_smoke():
    short = judge(claim("below", (0, 0)), table([1, 2, 3], [2, 3, 4], steps=12))
    assert short["verdict"] == NOT_TESTABLE and "12 steps" in short["note"]
    absent = judge(claim("below", (0, 0)), table([1, 2, 3], [2, 3, 4], gan="wgan"))
    assert absent["verdict"] == NOT_TESTABLE and "dcgan caps" in absent["note"]


def test_failed_runs_are_counted_and_one_of_five_pairs_may_fail():
    results = table([2.0, 2.2, 1.8, 2.1, 1.9], [1] * 5)
    failed = [pd.DataFrame(run_rows("dcgan", "caps", seed, status="failed")) for seed in (5, 6)]
    row = judge(claim("above", (0, 0)), pd.concat([results, failed[0]]))
    assert (row["seeds"], row["failed"], row["verdict"]) == (5, 1, REPLICATED)
    row = judge(claim("above", (0, 0)), pd.concat([results, *failed]))
    assert row["verdict"] == NOT_TESTABLE and "in 2 of 7 a run failed" in row["note"]


def test_two_dead_critics_are_not_similar():
    alike = [30.0, 31.0, 29.0, 30.5, 29.5]
    one = claim("within", (-0.2, 0.2), "ratio")
    assert judge(one, table([3.0, 3.1, 2.9, 3.05, 3.0], [3.05, 3.0, 2.95, 3.0, 3.1]))["verdict"] == REPLICATED
    row = judge(one, table(alike, alike[::-1]))
    assert (row["collapsed"], row["verdict"]) == (10, NOT_TESTABLE) and "in 5 of 5 a run failed" in row["note"]
    dead = table([0.9] * 5, [0.0] * 5, name="digits__missing_classes")
    row = judge(one, pd.concat([table([3.0, 3.1, 2.9, 3.05, 3.0], [3.05, 3.0, 2.95, 3.0, 3.1]), dead]))
    assert (row["collapsed"], row["verdict"]) == (5, REPLICATED)  # one of each pair is alive


def test_effects_without_any_spread_are_refused():
    row = judge(claim("above", (0, 0), "ratio"), table([2.0, 2.0, 2.0], [1.0, 1.0, 1.0]))
    assert row["verdict"] == NOT_TESTABLE and "the same with every seed" in row["note"]
    assert (row["estimate"], row["seeds"]) == (pytest.approx(2), 3)


def test_runs_of_all_gans_that_a_claim_is_about_count_as_failed():
    (one,) = (c for c in CLAIMS if c.name == "ACGAN is the fastest")
    rows = [
        row for gan in one.gans for seed in SEEDS for row in run_rows(gan, "caps", seed, cost__ms_per_step=9 + seed)
    ]
    rows += run_rows("wgan", "caps", 4, status="failed") + run_rows("infogan", "caps", 4, status="failed")
    assert judge(one, pd.DataFrame(rows))["failed"] == 2


def test_runs_on_other_shares_of_the_data_do_not_count():
    one = claim("below", (0, 0), "ratio")
    whole = table([1.0, 1.1, 0.9, 1.0, 1.1], [2.0, 2.1, 2.2, 2.1, 2.0])
    dead = table([99.0] * 5, [99.0] * 5, fraction=0.01)
    row = judge(one, pd.concat([whole, dead]))
    assert (row["collapsed"], row["verdict"]) == (0, REPLICATED)
    failed = [row for seed in (5, 6) for row in run_rows("dcgan", "caps", seed, status="failed")]
    row = judge(one, pd.concat([whole, table([1.0] * 30, [2.0] * 30, fraction=0.1), pd.DataFrame(failed)]))
    assert (row["failed"], row["verdict"]) == (2, NOT_TESTABLE) and "in 2 of 7 a run failed" in row["note"]


def test_a_premise_that_does_not_hold_leaves_the_claim_untested():
    (one,) = (c for c in CLAIMS if c.name == "needs less data: 1 % against all")
    whole = ((0.5, 0.6, 0.5, 0.55, 0.5), (2.0, 2.05, 1.95, 2.0, 2.02))
    for few, verdict in (((9.0, 9.9, 9.2, 9.5, 9.1), REPLICATED), ((2.1, 1.9, 2.0, 2.05, 1.95), NOT_TESTABLE)):
        parts = [table((1.1, 1.0, 0.9, 1.0, 1.1), few, fraction=0.01), table(*whole)]
        row = judge(one, pd.concat(parts))
        assert row["verdict"] == verdict and (verdict == REPLICATED) == (row["note"] == "")
    assert "DCGAN's own FID, 1 % ÷ all of the data: ratio 0.99" in row["note"]


def test_a_second_feature_space_has_a_verdict_of_its_own():
    (one,) = (c for c in CLAIMS if c.name == "DCGAN: comparable, if not better")
    caps, cnn = (1.0, 1.1, 0.9, 1.0, 1.1), (2.0, 2.2, 2.1, 2.0, 2.1)
    row = judge(one, pd.concat([table(caps, cnn), table(cnn, caps, name=f"{PLAN.second_space}__fid")]))
    assert (row["verdict"], row["second_verdict"]) == (REPLICATED, CONTRADICTED)
    assert row["second_low"] < row["second_estimate"] < row["second_high"]
    assert row["second_estimate"] == pytest.approx(1 / row["estimate"])


def test_runs_of_differing_length_are_judged_at_the_step_that_all_reach():
    rows = []
    for seed, steps in enumerate((20_000, *[10_000] * 4)):
        for trunk, fid in (("caps", 2.0 + seed / 10), ("cnn", 6.0)):
            values = {f"digits__fid_at_{step}": fid * factor for step, factor in ((8000, 2), (9000, 1), (10_000, 0.5))}
            rows += run_rows("dcgan", trunk, seed, steps=steps, digits__fid=1.0 + seed, **values)
    row = judge(claim("below", (0, 0), "ratio"), pd.DataFrame(rows))
    assert row["estimate"] == pytest.approx(np.exp(np.log(np.array([2.0, 2.1, 2.2, 2.3, 2.4]) / 6).mean()))
    assert (row["seeds"], row["verdict"]) == (5, REPLICATED)


def test_claims_about_several_gans_take_each_after_its_own_number_of_steps():
    rows = []
    for gan, steps, fid in (("wgan", 700, 9.0), ("acgan", 2000, 1.0), ("dcgan", 2000, 4.0), ("infogan", 2000, 3.0)):
        for seed in SEEDS:
            for trunk, factor in (("caps", 1 + seed / 10), ("cnn", 2.0)):
                rows += run_rows(gan, trunk, seed, steps=steps, digits__fid=fid * factor)
    named = {c.name: judge(c, pd.DataFrame(rows)) for c in CLAIMS if {"acgan", "wgan"} <= {*c.gans}}
    best, drastic = named["WGAN is the best"], named["improves GANs drastically"]
    assert best["estimate"] == pytest.approx(9) and drastic["estimate"] < 0.8
    for row in (best, drastic):
        assert (row["seeds"], row["verdict"]) == (len(SEEDS), NOT_TESTABLE)
        assert row["note"] == "WGAN: runs of 700 steps, needed: 1,500"


def test_a_claim_that_is_a_primary_needs_holms_p_too():
    (one,) = (c for c in CLAIMS if c.name == "capsules are the cause: against a CNN as large")
    words = {}
    for seeds in (6, 8):  # the interval of six is clear of 1 as well
        rows = []
        for seed in range(seeds):
            for trunk, fid in (("caps", 1.0 + seed / 50), ("cnn-matched", 2.0)):
                rows += run_rows("dcgan", trunk, seed, steps=20_000, digits__fid=fid)
        words[seeds] = verdict_table([one], pd.DataFrame(rows), PLAN).iloc[0]
        assert words[seeds].high < 1
    assert words[6].verdict == CANNOT_TELL and "Holm" in words[6].note
    assert words[8].verdict == REPLICATED


def test_runs_of_a_varied_discriminator_are_left_to_the_comparisons():
    usual = table([1.0, 1.1, 0.9, 1.0, 1.1], [2.0, 2.2, 2.1, 2.0, 2.1]).assign(dropout=0.25, width=0.25)
    plain = usual[usual.discriminator == "cnn"].assign(dropout=0.0, value=0.1, run="plain-" + usual.run)
    one = [claim("below", (0, 0), "ratio")]
    pd.testing.assert_frame_equal(verdict_table(one, pd.concat([usual, plain]), PLAN), verdict_table(one, usual, PLAN))


def test_few_failures_are_counted_and_seeds_without_partner_named():
    results = table([2.0, 2.2, 1.8, 2.1, 2.0, 1.9, 2.0, 2.2, 1.8, 2.1], [1] * 10)
    results = results[results.run != "dcgan-cnn-1.0-9"]
    failed = pd.DataFrame(run_rows("dcgan", "cnn", 9, status="failed"))
    row = judge(claim("above", (0, 0)), pd.concat([results, failed]))
    assert (row["seeds"], row["failed"], row["verdict"]) == (9, 1, REPLICATED)
    assert row["note"] == ""
    row = judge(claim("above", (0, 0)), results)
    assert (row["failed"], row["note"]) == (0, "without a partner: seeds 9")


def test_what_is_said_of_a_long_course_is_not_tested_by_a_short_one():
    one = dataclasses.replace(claim("below", (0, 0)), least_steps=20_000)
    row = judge(one, table([1.0, 2.0, 3.0, 2, 2], [2.0, 3.0, 4.0, 3, 3]))
    assert row["verdict"] == NOT_TESTABLE and "2,000 steps, needed: 20,000" in row["note"]
    assert judge(one, table([1, 1.1, 1.2, 1, 1.1], [2, 2.1, 2.3, 2, 2], steps=20_000))["verdict"] == REPLICATED


def test_a_number_without_logarithm_is_refused_by_name():
    with pytest.raises(ValueError, match="fid of dcgan cnn, seed 1, is not above 0"):
        judge(claim("below", (0, 0)), table([1, 2, 3], [1, -0.1, 2]))


HIGH, LOW = (4.0, 4.2, 3.9, 4.1, 4.0), (1.0, 1.1, 0.9, 1.0, 1.1)
DIRECTIONS = {  # claim → number, and its values in a world where the claim holds: of Caps, and of the other
    "orientation: not thrown by turned digits": ("discriminator__turned_order", LOW, HIGH),
    "orientation: not thrown by shifted digits": ("discriminator__shifted_order", LOW, HIGH),
    "understands spatial relations": ("discriminator__scrambled_order", HIGH, LOW),
    "poses hold the angle": ("discriminator__angle_error", LOW, HIGH),
    "features tell digits apart": ("discriminator__class_accuracy", HIGH, LOW),
    "ACGAN: overhead, time per step": ("cost__ms_per_step", LOW, HIGH),
    "WGAN: overhead, memory": ("cost__peak_memory_mb", LOW, HIGH),
    "ACGAN: comparable, if not better": ("digits__fid", LOW, HIGH),
    "DCGAN: comparable, if not better": ("digits__fid", LOW, HIGH),
    "InfoGAN: comparable, if not better": ("digits__fid", LOW, HIGH),
    "WGAN: comparable, if not better": ("digits__fid", LOW, HIGH),
    "improves GANs drastically": ("digits__fid", LOW, HIGH),
    "ACGAN: variance is high at first": ("training__{}_loss_fluctuation_early", HIGH, LOW),
    "capsules are the cause: against a CNN as large": ("digits__fid", LOW, HIGH),
    "capsules are the cause: the gates": ("digits__fid", LOW, HIGH),
    "capsules are the cause: true routing": ("digits__fid", LOW, HIGH),
    "squashing makes blur": ("pixels__sharpness", HIGH, LOW),
    "squashing harms": ("digits__fid", LOW, HIGH),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_claim_is_replicated_in_a_world_where_it_holds_and_contradicted_in_its_mirror(name):
    (one,) = (c for c in CLAIMS if c.name == name)
    number, holds, other = DIRECTIONS[name]
    numbers_of = [number.format(player) for player in "gd"] if "{}" in number else [number]
    first = "caps" if "caps" in one.discriminators else "caps-routing"
    (second,) = set(one.discriminators) - {first}
    for values, verdict in (((holds, other), REPLICATED), ((other, holds), CONTRADICTED)):
        rows = []
        for gan in one.gans:
            for trunk, numbers_by_seed in zip((first, second), values, strict=True):
                for seed, value in enumerate(numbers_by_seed):
                    for number in [*numbers_of, *([f"{PLAN.second_space}__fid"] if one.two_spaces else [])]:
                        rows += run_rows(gan, trunk, seed, steps=20_000, **{number: value})
        row = judge(one, pd.DataFrame(rows))
        assert row["verdict"] == verdict and row["second_verdict"] == (verdict if one.two_spaces else "")


def test_fluctuation_that_falls_replicates_what_is_said_of_a_fall():
    for name, gan in (("ACGAN: variance falls", "acgan"), ("WGAN: an early burst", "wgan")):
        (one,) = (c for c in CLAIMS if c.name == name)
        rows = []
        for seed, (early, late) in enumerate(zip(HIGH, LOW, strict=True)):
            values = {
                f"training__{m}_fluctuation_{when}": v
                for m in ("g_loss", "d_loss")
                for when, v in (("early", early), ("late", late))
            }
            rows += run_rows(gan, "caps", seed, steps=20_000, **values)
        assert judge(one, pd.DataFrame(rows))["verdict"] == REPLICATED


def test_the_best_is_compared_with_the_best_of_the_others():
    rows = []
    for gan, factor in {"wgan": 2.0, "acgan": 3.0, "dcgan": 8.0, "infogan": 9.0}.items():
        for seed, value in enumerate(LOW):
            values = {"digits__fid": factor * value, "cost__ms_per_step": factor}
            rows += run_rows(gan, "caps", seed, steps=20_000, **values)
    results = pd.DataFrame(rows)
    np.testing.assert_allclose(against_best(results, "wgan", "fid", ("acgan", "dcgan")), np.log(2 / 3))
    np.testing.assert_allclose(against_best(results, "dcgan", "fid", ("acgan", "wgan")), np.log(4))


def test_less_data_is_compared_with_the_classical_network_on_all():
    results = pd.concat([table([6.0] * 3, [9.0] * 3, fraction=0.01), table([1.0] * 3, [2.0] * 3)])
    np.testing.assert_allclose(fid_from_less_data(results, 0.01), np.log(3))


def test_runs_of_two_scales_or_twice_the_same_are_refused_by_name():
    results = table([1, 2, 3], [2, 3, 4])
    with pytest.raises(ValueError, match=r"dataset is mixed.*mnist5k: dcgan-cnn-1\.0-0"):
        verdict_table(CLAIMS, results.assign(dataset=np.where(results.run == "dcgan-cnn-1.0-0", "mnist5k", "mnist")))
    with pytest.raises(ValueError, match=r"another, dcgan-cnn-1\.0-0 are of one network and seed"):
        verdict_table(CLAIMS, pd.concat([results, results[results.run == "dcgan-cnn-1.0-0"].assign(run="another")]))


def test_numbers_that_cannot_be_judged_are_refused_with_their_runs():
    results = table([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    with pytest.raises(ValueError, match=r"metric='fid' is there twice for dcgan-caps-1\.0-1; keep one"):
        verdict_table(CLAIMS, pd.concat([results, results[results.run == "dcgan-caps-1.0-1"]]))
    for value in (np.inf, np.nan):
        broken = results.assign(value=results.value.where(results.run != "dcgan-cnn-1.0-2", value))
        with pytest.raises(ValueError, match=r"metric='fid' is not finite for dcgan-cnn-1\.0-2; evaluate again"):
            verdict_table(CLAIMS, broken)
    with pytest.raises(ValueError, match="results lack the columns fraction, status; needed: run, gan"):
        verdict_table(CLAIMS, results.drop(columns=["fraction", "status"]))


def test_every_claim_has_a_name_of_its_own_and_says_what_it_tests():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS) >= 30
    for one in CLAIMS:
        assert one.says and one.tested and one.section
        assert (one.effects is None) == bool(one.reason)
        low, high = one.under(PLAN).bounds
        assert (low < high) == (one.side in ("within", "outside"))


def test_margins_and_least_steps_are_read_from_the_plan():
    assert PLAN.metric.name == SCORE
    claims = {one.name: one for one in CLAIMS}
    similar, comparable, faster = (
        claims[f"DCGAN: {name}"]
        for name in ("remarkably similar", "comparable, if not better", "overhead, time per step")
    )
    wide = dataclasses.replace(
        PLAN,
        metric=dataclasses.replace(PLAN.metric, margin=(0.5, 2.0)),
        costs=tuple(dataclasses.replace(cost, margin=(0.7, 1.5)) for cost in PLAN.costs),
        least_steps=3000,
    )
    for plan, low, high, saving in ((PLAN, 0.8, 1.25, 0.9), (wide, 0.5, 2.0, 0.7)):
        assert np.exp(similar.under(plan).bounds) == pytest.approx((low, high))
        assert np.exp(comparable.under(plan).bounds) == pytest.approx((high, high))
        assert np.exp(faster.under(plan).bounds) == pytest.approx((saving, saving))
        assert similar.under(plan).least_steps == plan.least_steps
    results = table([1.4, 1.5, 1.45, 1.4, 1.5], [1.0] * 5)
    words = [judge_by(comparable, results.assign(steps=4000), plan)["verdict"] for plan in (PLAN, wide)]
    assert words == [CONTRADICTED, REPLICATED]
    assert "needed: 3,000" in judge_by(comparable, results, wide)["note"]


def test_the_note_says_whether_runs_or_only_their_number_are_lacking():
    one = next(one for one in CLAIMS if one.name == "DCGAN: comparable, if not better")
    assert judge(one, table([1.0], [1.0], gan="acgan"))["note"] == "no runs of dcgan caps"
    assert judge(one, table([1.0], [1.0], name="digits__kid"))["note"] == "runs of dcgan caps lack digits fid"


def test_the_area_between_two_data_curves_is_their_mean_log_ratio():
    parts = [table([f * 2] * 3, [f] * 3, fraction=share) for share, f in ((0.01, 9), (0.1, 5), (1.0, 1))]
    np.testing.assert_allclose(area_between(pd.concat(parts)), np.log(2))
    parts[0] = table([36] * 3, [9] * 3, fraction=0.01)  # twice as bad again, at one end
    np.testing.assert_allclose(area_between(pd.concat(parts)), np.log(2) * 1.25)
    np.testing.assert_allclose(growth_of_fid(pd.concat(parts)), np.log(2))


def test_a_curve_reaches_its_goal_between_two_snapshots():
    assert first_crossing([10, 20, 30], [8, 2, 1], 4) == pytest.approx(15)
    assert first_crossing([10, 20], [8, 2], 9) == 10
    assert np.isnan(first_crossing([10, 20], [8, 2], 1))
    assert first_crossing([10, 20, 30], [8, 2, 5], 2) == 20


def test_work_to_a_fid_counts_steps_and_what_a_step_costs():
    rows = []
    for seed in SEEDS:
        for trunk, curve, ms in (("cnn", (16, 8, 4), 10.0), ("caps", (4, 2, 1), 30.0)):
            values = {f"digits__fid_at_{100 * (i + 1)}": value for i, value in enumerate(curve)}
            rows += run_rows("dcgan", trunk, seed, cost__ms_per_step=ms, **values)
    # both reach 4: the classical one after 300 steps, Caps after 100 (or before) of three times the price
    np.testing.assert_allclose(work_to_fid(pd.DataFrame(rows)), 0, atol=1e-12)


def test_a_dead_critic_is_seen_whichever_it_is():
    rows = []
    for seed, (caps, cnn) in enumerate([(-0.5, -2.0), (0.0, -2.0), (-0.5, 1e-6)]):
        rows += run_rows("wgan", "caps", seed, training__d_loss=caps) + run_rows(
            "wgan", "cnn", seed, training__d_loss=cnn
        )
    np.testing.assert_allclose(least_spread(pd.DataFrame(rows)), np.log10([0.5, 1e-12, 1e-6]))


def test_runs_on_less_data_are_no_seeds_of_the_comparison():
    results = pd.concat([table([1, 2], [2, 3]), table([50, 60], [70, 80], fraction=0.1)])
    assert list(numbers(results, "dcgan", "caps", "fid")) == [1, 2]
    assert list(numbers(results, "dcgan", "caps", "fid", fraction=0.1)) == [50, 60]


@pytest.mark.parametrize("path", sorted(RESULTS.glob("verdicts_*.csv")), ids=lambda path: path.stem[9:])
def test_committed_verdicts_are_those_of_the_committed_results(path):
    stored = pd.read_csv(path, dtype={"second_verdict": str, "note": str}).fillna({"second_verdict": "", "note": ""})
    made = verdict_table(CLAIMS, load_results(path.stem[9:]))
    pd.testing.assert_frame_equal(stored, made, check_dtype=False, rtol=1e-3, atol=1e-6)
    assert (stored.verdict != NOT_TESTABLE).sum() >= 6
    assert set(stored.verdict) <= set(PLAN.words)
