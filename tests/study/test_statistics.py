"""Words keep the error rates they promise on simulated runs, and what must not be compared is refused."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from capsgan.config import RunConfig
from capsgan.study.comparisons import analyse, compare, results_table
from capsgan.study.pairing import GAME, NEEDED, RUN, TRUNK, numbers_at, pair_runs
from capsgan.study.plan import CANNOT_TELL, CONTRADICTED, NOT_TESTABLE, REPLICATED, read_plan
from capsgan.study.statistics import holm, mean_interval, power_curve, seeds_for_p, seeds_needed, sign_flip_p

PLAN = read_plan()
FID = PLAN.metric
LIMITS = FID.limits
CAPS, MATCHED, INTERACTION = PLAN.primary  # their names
RATIOS = np.array([0.7, 0.8, 0.65, 0.9, 0.75, 0.6, 0.85, 0.72])
SIMULATIONS = 8000
CONFIGS = PLAN.configs()


def run_rows(block, arm, seed, fid, status="finished", cpu="EPYC", **changes):
    """The rows of one of the plan's runs: its score at every snapshot, and a collapse's numbers."""
    config = CONFIGS[block, arm, seed]
    run = {
        "run": f"{block}-{arm}-s{seed}",
        **config.to_dict(),
        "status": status,
        "samples": 10_000,
        "cpu": cpu,
    } | changes
    del run["snapshots"]
    if status == "failed":
        return [run]
    numbers = {f"fid_at_{step}": fid for step in config.snapshots} | {"missing_classes": 0.0}
    return [run | {"features": "digits", "metric": name, "value": value} for name, value in numbers.items()]


def block_rows(block, ratios, arm="caps", reference="cnn", seeds=None, **changes):
    """Runs whose FIDs have these ratios, seed by seed; the seeds alone make a FID of 3 to 6."""
    rows = []
    for seed, ratio in zip(PLAN.blocks[block].seeds if seeds is None else seeds, ratios, strict=False):
        base = 3 + (seed * 7 % 10) / 3
        rows += run_rows(block, arm, seed, ratio * base, **changes) + run_rows(block, reference, seed, base, **changes)
    return pd.DataFrame(rows)


def pairs_of(results, name=CAPS):
    return pair_runs(results, PLAN.comparisons[name], FID, PLAN)


def word_of(results, name):
    table = analyse(results, PLAN)
    return table[(table.comparison == name) & (table.metric == "fid")].iloc[0]


def inside(effects, limits):
    """Whether the 90 % interval lies inside the margin: Schuirmann's two one-sided tests."""
    low, high = mean_interval(effects, 0.1)
    return (limits[0] < low) & (high < limits[1])


# Pairs and steps --------------------------------------------------------------------------------------------------


def test_runs_are_paired_by_seed_in_whatever_order_they_come():
    results = block_rows("A", RATIOS)
    pairs = pairs_of(results)
    assert pairs.seed.tolist() == list(range(8)) and set(pairs.step) == {20_000}
    np.testing.assert_allclose(np.exp(pairs.effect), RATIOS)
    pd.testing.assert_frame_equal(pairs, pairs_of(results.sample(frac=1, random_state=3)))


def test_a_score_is_the_mean_of_the_three_snapshots_before_its_step():
    results = block_rows("A", RATIOS)
    scale = {18_000: 3.0, 19_000: 2.0, 20_000: 1.0, 8000: 1.0, 9000: 5.0, 10_000: 3.0}
    factor = results.metric.str.extract(r"(\d+)$")[0].astype(float).map(scale).fillna(99.0)
    results["value"] *= factor.where(results.discriminator == "caps", 1.0)
    for step, mean in ((20_000, 2.0), (10_000, 3.0)):
        found = numbers_at(results, step, PLAN)
        caps = found[(found.discriminator == "caps") & (found.metric == "fid")].sort_values("seed").value
        cnn = found[(found.discriminator == "cnn") & (found.metric == "fid")].sort_values("seed").value
        np.testing.assert_allclose(caps.to_numpy() / cnn.to_numpy(), mean * RATIOS)


def test_a_run_without_one_of_the_three_snapshots_has_no_score():
    results = block_rows("A", RATIOS)
    results = results[(results.run != "A-caps-s3") | (results.metric != "fid_at_19000")]
    assert np.flatnonzero(pairs_of(results).effect.isna()).tolist() == [3]


def test_runs_of_mixed_length_are_compared_at_the_common_step():
    results = block_rows("C", RATIOS[:5])
    assert set(results.steps) == {10_000, 20_000}
    late = results.metric.isin(["fid_at_18000", "fid_at_19000", "fid_at_20000"])
    results.loc[late, "value"] = 99.0
    row = word_of(results, "C ACGAN: Caps / classical")
    assert (row.step, row.pairs, row.word) == (10_000, 5, REPLICATED)
    assert row.estimate == pytest.approx(stats.gmean(RATIOS[:5]))


@pytest.mark.slow
def test_a_metric_without_numbers_at_a_step_takes_no_other_with_it():
    """KID is there for the end of A's runs only; the second space is there for all steps."""
    results = pd.concat([block_rows("A", RATIOS), block_rows("B", RATIOS)])
    second = results[results.metric.str.startswith("fid_at")].assign(features="lenet")
    kid = results[results.metric == "fid_at_20000"].assign(metric="kid")
    table = analyse(pd.concat([results, second, kid]), PLAN).set_index(["comparison", "features", "metric"])
    name = next(name for name in PLAN.primary if name.startswith("B − A"))
    assert table.pairs[name, "digits", "kid"] == 0
    assert table.pairs[name, "digits", "fid"] == table.pairs[name, "lenet", "fid"] == 8


def test_a_comparison_of_too_few_planned_seeds_is_not_testable():
    row = word_of(block_rows("E", RATIOS[:3]), "E WGAN: Caps / classical")
    assert row.word == NOT_TESTABLE and "planned seeds: 3, needed: 5" in row.note


def test_arms_that_vary_a_discriminator_are_told_from_the_usual_ones():
    plain = pd.DataFrame([row for seed in range(5) for row in run_rows("H", "cnn-plain", seed, 6.0)])
    results = pd.concat([block_rows("A", RATIOS), plain])
    pd.testing.assert_frame_equal(pairs_of(results), pairs_of(block_rows("A", RATIOS)))
    pairs = pairs_of(results, "H DCGAN: classical without dropout / with")
    assert set(pairs.value) == {6.0} and set(pairs.step) == {5000}


@pytest.mark.parametrize("column, value", [("dataset", "mnist5k"), ("batch_size", 64), *((name, 9) for name in GAME)])
def test_mixed_scales_are_refused_with_the_odd_run(column, value):
    results = block_rows("A", RATIOS).astype({column: object})
    results.loc[results.run == "A-caps-s3", column] = value
    with pytest.raises(ValueError, match=rf"{column} is mixed .*{value}(\.0)?: A-caps-s3(;|\))"):
        pairs_of(results)


def test_runs_of_one_seed_have_one_precision_and_seeds_may_differ():
    results = block_rows("A", RATIOS)
    results.loc[results.seed == 2, "precision"] = "float32"
    assert pairs_of(results).effect.notna().all()
    results.loc[results.run == "A-caps-s3", "precision"] = "float32"
    with pytest.raises(ValueError, match=r"precision is mixed in one comparison of seed 3 .*float32: A-caps-s3"):
        pairs_of(results)


def test_every_field_of_a_config_is_compared_but_for_what_leaves_the_result_alone():
    never_varied = {"channels", "adversarial_weight", "divergence", "augmentation", "generator_average"}  # in the plan
    compared = {f.name for f in fields(RunConfig)} - {"snapshots"} - never_varied
    assert {*RUN, *GAME, *TRUNK} - {"run", "status"} == compared


def test_doubled_runs_and_numbers_unequal_samples_and_broken_numbers_are_refused_by_name():
    results = block_rows("A", RATIOS)
    one = results[results.run == "A-caps-s2"]
    for wrong, words in (
        (pd.concat([results, one.assign(run="again")]), "seed=2 has several runs .*A-caps-s2, again"),
        (pd.concat([results, *[block_rows("A", RATIOS, steps=9).assign(metric="fid")] * 2]), "two configs"),
        (
            results.assign(samples=results.samples.where(results.run != "A-caps-s2", 5)),
            "samples is mixed .*5: A-caps-s2",
        ),
        (results.assign(value=results.value.where(results.run != "A-caps-s2", np.inf)), "not finite for A-caps-s2"),
        (results.assign(value=results.value.where(results.run != "A-caps-s2", -1.0)), "not above 0 for A-caps-s2"),
        (results.assign(status=results.status.where(results.run != "A-caps-s2", "running")), "A-caps-s2 is running"),
    ):
        with pytest.raises(ValueError, match=words):
            pairs_of(wrong)


@pytest.mark.parametrize("column", NEEDED)
def test_a_missing_column_is_refused_by_name(column):
    with pytest.raises(ValueError, match=f"results lack the columns {column};"):
        pairs_of(block_rows("A", RATIOS).drop(columns=column))


@pytest.mark.slow
def test_pairs_of_two_cpu_models_are_kept_and_reported():
    results = block_rows("A", RATIOS)
    results.loc[results.run == "A-caps-s3", "cpu"] = "Xeon"
    results.loc[results.run == "A-caps-s5", "cpu"] = "unknown"
    row = word_of(results, CAPS)
    assert (row.pairs, row.mixed_cpus, row.unknown_cpus) == (8, 1, 1)
    assert "different CPU models: seeds 3" in row.note
    assert word_of(results.drop(columns="cpu"), CAPS).unknown_cpus == 8


# Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_comparison_agrees_with_scipy_on_the_logarithms():
    row = word_of(block_rows("A", RATIOS), CAPS)
    interval = stats.ttest_1samp(np.log(RATIOS), 0).confidence_interval(0.95)
    assert (row.low, row.high) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))
    assert row.estimate == pytest.approx(stats.gmean(RATIOS)) and row.sd == pytest.approx(np.log(RATIOS).std(ddof=1))
    assert row.p == 2 / 2**8  # all ratios are below 1: no flip is more extreme but all at once
    assert row.p_holm == pytest.approx(3 * row.p) and row.word == REPLICATED  # the two others count, made or not
    assert word_of(block_rows("A", 1 / RATIOS), CAPS).word == CONTRADICTED


def test_a_primary_is_tested_once_with_all_its_runs():
    row = word_of(block_rows("A", RATIOS[:7]), CAPS)
    assert row.high < 1 and np.isnan(row.p) and row.word == CANNOT_TELL and "with all its runs" in row.note


@pytest.mark.slow
def test_a_primary_that_holds_alone_but_not_under_holm_is_not_decided():
    effects = np.array([-0.5, -0.6, -0.4, -0.5, -0.6, -0.5, 0.02, -0.1])
    row = word_of(block_rows("A", np.exp(effects)), CAPS)
    assert row.p <= 0.05 < row.p_holm * 2 and row.high < 1
    effects[-1] = 0.3
    row = word_of(block_rows("A", np.exp(effects)), CAPS)
    assert (row.p_holm > 0.05) and row.word == CANNOT_TELL


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5])
def test_fewer_than_five_seeds_never_decide(seeds):
    results = block_rows("B", RATIOS[:seeds])
    row = word_of(results, "B DCGAN, 1 %: Caps / classical")
    assert row.word == (REPLICATED if seeds == 5 else CANNOT_TELL)
    assert row.pairs == seeds and (seeds == 5 or f"pairs: {seeds}, needed: 5" in row.note)


@pytest.mark.slow
def test_shorter_runs_and_fewer_images_than_planned_do_not_decide():
    short = block_rows("A", RATIOS, steps=10_000)
    row = word_of(short, CAPS)
    assert row.word == CANNOT_TELL and "compared at 10,000 steps, planned: 20,000" in row.note
    assert word_of(block_rows("A", RATIOS, samples=5000), CAPS).word == CANNOT_TELL


@pytest.mark.slow
def test_a_failed_run_is_counted_and_its_pair_leaves_the_interval():
    results = block_rows("A", RATIOS)
    results = pd.concat([results[results.run != "A-caps-s3"], pd.DataFrame(run_rows("A", "caps", 3, 0, "failed"))])
    row = word_of(results, CAPS)
    assert (row.pairs, row.failed, row.missing, row.p, row.word) == (7, 1, 0, 2 / 2**7, REPLICATED)
    assert row.estimate == pytest.approx(stats.gmean(np.delete(RATIOS, 3)))
    results = pd.concat([results[results.run != "A-cnn-s5"], pd.DataFrame(run_rows("A", "cnn", 5, 0, "failed"))])
    assert word_of(results, CAPS).word == NOT_TESTABLE


@pytest.mark.slow
def test_two_dead_generators_are_not_equal():
    rng = np.random.default_rng(0)
    rows = [row for s in range(8) for arm in ("caps", "cnn") for row in run_rows("A", arm, s, 60 + rng.normal())]
    row = word_of(pd.DataFrame(rows), CAPS)
    assert row.inside_margin and (row.collapsed, row.reference_collapsed, row.both_collapsed) == (8, 8, 8)
    assert row.word == NOT_TESTABLE and "too many pairs are unusable" in row.note


def test_a_frozen_comparison_has_no_interval_and_no_word():
    row = word_of(block_rows("A", np.ones(8)), CAPS)
    assert np.isnan([row.low, row.high, row.p]).all() and row.word == CANNOT_TELL and "same in every pair" in row.note


@pytest.mark.slow
@pytest.mark.parametrize("ratio, equal", [(1.0, True), (1.1, True), (1.24, False), (1.6, False)])
def test_what_lies_inside_the_margin_is_said_beside_the_word(ratio, equal):
    noise = 0.05 * np.array([1, -1, 2, -2, 0.5, -0.5, 1.5, -1.5])
    assert word_of(block_rows("A", ratio * np.exp(noise)), CAPS).inside_margin == equal


@pytest.mark.slow
def test_p_values_are_of_primaries_and_words_of_claims_by_the_deciding_metric_only():
    results = block_rows("A", RATIOS)
    kid = results[results.metric == "missing_classes"].assign(metric="kid", value=results.value)
    table = analyse(pd.concat([results, kid.assign(value=kid.seed / 10)]), PLAN)
    assert set(table.comparison[table.p.notna()]) == {CAPS} and set(table.metric[table.word != ""]) == {"fid"}
    claiming = {name for name, one in PLAN.comparisons.items() if one.claims}
    assert set(table.comparison[table.word != ""]) == claiming and "kid" in set(table.metric)
    shown = results_table(table)
    assert all(isinstance(cell, str) for cell in shown.to_numpy().ravel()) and set(shown.pairs[:1]) == {"8 of 8"}


# The interaction --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_interaction_recovers_a_planted_effect():
    whole = np.exp(np.random.default_rng(1).normal(-0.4, 0.1, 8))
    noise = np.array([0.05, -0.05, 0.1, -0.1, 0.02, -0.02, 0.08, -0.08])
    results = pd.concat([block_rows("A", whole), block_rows("B", whole * 0.5 * np.exp(noise))])
    row = word_of(results, INTERACTION)
    assert row.estimate == pytest.approx(0.5) and (row.step, row.pairs) == (10_000, 8)
    assert row.low < 0.5 < row.high < 1 and (row.p, row.word) == (2 / 2**8, REPLICATED)
    none = pd.concat([block_rows("A", whole), block_rows("B", whole * np.exp(noise))])
    assert word_of(none, INTERACTION).word == CANNOT_TELL


@pytest.mark.slow
def test_the_interval_of_the_interaction_covers_the_truth_in_95_percent():
    pattern = pairs_of(pd.concat([block_rows("A", RATIOS), block_rows("B", RATIOS)]), INTERACTION)
    rng, covered = np.random.default_rng(5), []
    for _ in range(1500):
        few, whole = rng.normal(-0.6, 0.2, 8), rng.normal(-0.3, 0.1, 8)
        row = compare(pattern.assign(effect=few - whole), FID, PLAN)
        covered.append(row["low"] < np.exp(-0.3) < row["high"])
    assert 0.93 < np.mean(covered) < 0.97


# Tests ------------------------------------------------------------------------------------------------------------


def test_exact_sign_flips_are_all_of_them():
    effects = np.array([0.3, -0.1, 0.25, 0.4, -0.05, 0.2, 0.35])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 7)).reshape(7, -1)
    means = np.abs((signs * effects[:, None]).mean(axis=0))
    assert sign_flip_p(effects) == pytest.approx(np.mean(means >= abs(effects.mean()) - 1e-12))
    assert sign_flip_p(np.full(8, 0.5)) == 2 / 2**8


def test_holm_over_three_counts_primaries_that_were_not_made():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03]), 3), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.01, np.nan, np.nan]), 3), [0.03, np.nan, np.nan])


@pytest.mark.parametrize("tests", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 1 / 16])
def test_seeds_for_p_are_the_fewest(alpha, tests):
    pairs = seeds_for_p(alpha, tests)
    assert tests * 2 / 2**pairs <= alpha < tests * 2 / 2 ** (pairs - 1)


# Power ------------------------------------------------------------------------------------------------------------


def simulated_power(pairs, sd, seed=0, count=20_000):
    """Shares of studies that find a ratio of 1.25, and that no effect is equivalent."""
    noise = np.random.default_rng(seed).normal(0, sd, (pairs, count))
    low, high = mean_interval(noise + np.log(1.25), 0.05)
    return np.mean((low > 0) | (high < 0)), np.mean(inside(noise, LIMITS))


@pytest.mark.parametrize("pairs, sd", [(6, 0.15), (10, 0.2), (10, 0.3), (20, 0.4), (40, 0.3)])
def test_power_is_what_simulated_studies_have(pairs, sd):
    curve = power_curve(sd, PLAN, seeds=[pairs])
    difference, equivalence = simulated_power(pairs, sd)
    assert curve.difference[0] == pytest.approx(difference, abs=0.012)  # three standard errors
    assert curve.equivalence[0] == pytest.approx(equivalence, abs=0.012)


@pytest.mark.slow
def test_power_grows_with_seeds_and_falls_with_spread_and_size_of_the_family():
    curve = power_curve(0.2, PLAN, seeds=range(2, 60))
    for other in (power_curve(0.3, PLAN, seeds=range(2, 60)), power_curve(0.2, PLAN, tests=3, seeds=range(2, 60))):
        assert (other.difference <= curve.difference).all() and (other.equivalence <= curve.equivalence).all()
        assert other.equivalence[10] < curve.equivalence[10]
    for sd in np.log(1.25) / np.array([5, 2.7, 16.25]):  # where SciPy's noncentral t has gaps
        assert power_curve(sd, PLAN, seeds=range(2, 60)).difference.between(0, 1).all()
    for name in ("difference", "equivalence"):
        assert (np.diff(curve[name]) > -1e-9).all() and curve[name].between(0, 1).all() and curve[name].iloc[-1] > 0.99


def test_five_seeds_have_no_power_for_a_difference_however_small_the_spread():
    curve = power_curve(0.001, PLAN, seeds=[5, 6])
    assert curve.difference.tolist() == pytest.approx([0, 1]) and curve.equivalence.tolist() == pytest.approx([1, 1])


def test_seeds_needed_are_the_first_of_the_curve_with_that_power():
    curve = power_curve(0.25, PLAN)
    needed = seeds_needed(curve, 0.8)
    for name, seeds in needed.items():
        power = curve.set_index("seeds")[name]
        assert power[seeds] >= 0.8 > power[seeds - 1]
    assert needed["equivalence"] > needed["difference"]
    assert seeds_needed(power_curve(3.0, PLAN), 0.8) == {"difference": None, "equivalence": None}


@pytest.mark.parametrize("sd", [0, -1, np.nan, np.inf])
def test_power_without_a_spread_is_refused(sd):
    with pytest.raises(ValueError, match=r"invalid sd=.*"):
        power_curve(sd, PLAN)


@pytest.mark.parametrize("seeds", [[], [1, 2], range(0, 9)])
def test_power_of_one_seed_is_refused(seeds):
    with pytest.raises(ValueError, match=r"invalid seeds=.*; expected numbers from 2"):
        power_curve(0.2, PLAN, seeds=seeds)


# Error rates on simulated studies ---------------------------------------------------------------------------------


def at_most(share, limit, count=SIMULATIONS):
    """Whether a simulated share can come from a true one of ``limit`` or less: wrong in 1 of 2,000 cases."""
    return share <= limit + 3.3 * np.sqrt(limit * (1 - limit) / count)


@pytest.mark.parametrize("pairs", [5, 8])
@pytest.mark.parametrize("ratio", [1.0, 0.8])
def test_intervals_cover_the_true_ratio_as_often_as_they_claim(pairs, ratio):
    effects = np.random.default_rng(pairs).normal(np.log(ratio), 0.3, (pairs, SIMULATIONS))
    low, high = mean_interval(effects, 0.05)
    assert 0.93 < np.mean((low < np.log(ratio)) & (np.log(ratio) < high)) < 0.97


@pytest.mark.parametrize("pairs", [7, 8])
@pytest.mark.parametrize("noise", ["normal", "standard_cauchy", "laplace"])
def test_sign_flips_find_a_difference_where_there_is_none_in_5_percent_at_most(pairs, noise):
    effects = getattr(np.random.default_rng(pairs), noise)(size=(pairs, 2000))
    share = np.mean(sign_flip_p(effects) <= 0.05)
    assert at_most(share, 0.05, 2000) and share > 0.02


@pytest.mark.parametrize("pairs", [5, 8])
@pytest.mark.parametrize("sd", [0.05, 0.15, 0.4])
@pytest.mark.parametrize("limit", LIMITS)
def test_networks_at_the_margin_are_called_equal_in_5_percent_at_most(pairs, sd, limit):
    effects = np.random.default_rng(pairs).normal(limit, sd, (pairs, SIMULATIONS))
    share = np.mean(inside(effects, LIMITS))
    assert at_most(share, 0.05)
    assert share > 0.04 or sd > 0.05  # where runs differ little the test is not merely timid


@pytest.mark.slow
def test_three_primaries_without_a_difference_yield_one_in_5_percent_at_most(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels collects in every call: 0.1 s a family
    count, rng = 2000, np.random.default_rng(4)
    p = [sign_flip_p(rng.normal(size=(8, count))) for _ in range(3)]
    share = np.mean([(holm(np.array(family), 3) <= 0.05).any() for family in zip(*p, strict=True)])
    assert at_most(share, 0.05, count) and share > 0.02
