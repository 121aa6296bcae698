"""Verdicts keep the error rates they promise on simulated runs, and what must not be compared is refused."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from capsgan.config import RunConfig
from capsgan.evaluation.analysis import analyse, analyse_what_is_there, compare, results_table
from capsgan.evaluation.pairing import COLUMNS, GAME, RUN, TRUNK, pair_runs
from capsgan.evaluation.plan import Bootstrap, Comparison, Metric, read_plan
from capsgan.evaluation.statistics import (
    bootstrap_interval,
    equivalence_p,
    holm,
    mean_interval,
    power_curve,
    seeds_for_p,
    seeds_needed,
    sign_flip_p,
    verdict,
)

PLAN = read_plan()
PAIR = Comparison("dcgan", "caps", "cnn")
FID = PLAN.primary
LIMITS = FID.limits
RATIOS = np.array([0.7, 0.8, 0.65, 0.9, 0.75, 0.6, 0.85, 0.7, 0.8, 0.72])
SIMULATIONS = 8000


def plan_for(seeds, **changes):
    """The study's plan for other seeds and one comparison, without secondary metrics."""
    return replace(PLAN, seeds=range(seeds), families={"one": (PAIR,)}, secondary=(), **changes)


def run_rows(discriminator, seed, gan="dcgan", status="finished", **numbers):
    """The rows of one run: good numbers, but for those given."""
    number = {"fid_infinity": 4.0, "fid": 5.0, "missing_classes": 0.0} | numbers
    scale = {"dataset": "mnist", "steps": 20_000, "batch_size": 128, "precision": "float32", "width": 1.0}
    run = {"run": f"{gan}-{discriminator}-s{seed}", "gan": gan, "discriminator": discriminator, "seed": seed} | scale
    run |= {"status": status, "features": "digits", "samples": 10_000}
    return [run | {"metric": name, "value": value} for name, value in number.items()]


def results_of(ratios, gan="dcgan", discriminator="caps", reference="cnn"):
    """Runs whose FIDs have these ratios, seed by seed; the seeds alone make a FID of 3 to 6."""
    rows = []
    for seed, ratio in enumerate(ratios):
        base = 3 + (seed * 7 % 10) / 3
        rows += run_rows(discriminator, seed, gan, fid_infinity=ratio * base)
        rows += run_rows(reference, seed, gan, fid_infinity=base)
    return pd.DataFrame(rows)


def changed(results, run, **values):
    results = results.copy()
    for name, value in values.items():
        results[name] = results[name].astype(object)
        results.loc[results.run == run, name] = value
    return results


def failed(results, run):
    """The results as they are where a run broke off: one row, nothing measured."""
    rows = results[results.run != run]
    row = results[results.run == run].iloc[[0]].assign(status="failed", metric=None, value=np.nan, samples=0)
    return pd.concat([rows, row])


def compared(results, seeds=None, **changes):
    plan = plan_for(results.seed.nunique() if seeds is None else seeds, **changes)
    return compare(pair_runs(results, PAIR, FID, plan), FID, plan)


# Pairs ------------------------------------------------------------------------------------------------------------


def test_runs_are_paired_by_seed_in_whatever_order_they_come():
    results = results_of(RATIOS)
    pairs = pair_runs(results, PAIR, FID, PLAN)
    assert pairs.seed.tolist() == list(range(10))
    assert pairs.run.tolist() == [f"dcgan-caps-s{seed}" for seed in range(10)]
    assert pairs.reference_run.tolist() == [f"dcgan-cnn-s{seed}" for seed in range(10)]
    np.testing.assert_allclose(np.exp(pairs.effect), RATIOS)
    shuffled = results.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(pairs, pair_runs(shuffled, PAIR, FID, PLAN))


def test_differences_are_compared_less_the_reference():
    metric = Metric("missing_classes", "difference", "lower")
    results = results_of(RATIOS)
    results.loc[(results.discriminator == "caps") & (results.metric == "missing_classes"), "value"] = 0.2
    np.testing.assert_allclose(pair_runs(results, PAIR, metric, PLAN).effect, 0.2)


def test_other_gans_metrics_and_feature_spaces_are_left_alone():
    results = results_of(RATIOS)
    others = pd.concat([results_of(2 * RATIOS, "wgan"), results.assign(features="random", value=99.0)])
    others = pd.concat([results, others, results_of(RATIOS, "dcgan", "caps-routing", "cnn-matched")])
    pd.testing.assert_frame_equal(pair_runs(others, PAIR, FID, PLAN), pair_runs(results, PAIR, FID, PLAN))


@pytest.mark.parametrize(
    "column, value",
    [("dataset", "mnist5k"), ("steps", 5000), ("batch_size", 64), ("precision", "mixed_bfloat16"), ("width", 0.25)],
)
def test_mixed_scales_are_refused_with_the_odd_run(column, value):
    results = changed(results_of(RATIOS), "dcgan-caps-s3", **{column: value})
    with pytest.raises(ValueError, match=rf"{column} is mixed .*{value}: dcgan-caps-s3(;|\))"):
        pair_runs(results, PAIR, FID, PLAN)


@pytest.mark.parametrize("column, value", [("dataset", "mnist5k"), ("steps", 5000)])
def test_discriminators_at_different_scales_are_refused(column, value):
    results = results_of(RATIOS)
    results.loc[results.discriminator == "caps", column] = value
    with pytest.raises(ValueError, match=f"{column} is mixed in one comparison"):
        pair_runs(results, PAIR, FID, PLAN)


@pytest.mark.parametrize("column", [*GAME, "dropout", "routing_iterations"])
def test_other_rules_of_the_game_are_compared_where_the_results_have_them(column):
    results = results_of(RATIOS).assign(**{column: 1.0})
    pair_runs(results, PAIR, FID, PLAN)
    with pytest.raises(ValueError, match=rf"{column} is mixed .*0\.1: dcgan-cnn-s2"):
        pair_runs(changed(results, "dcgan-cnn-s2", **{column: 0.1}), PAIR, FID, PLAN)


def test_every_field_of_a_config_is_compared_but_for_what_leaves_the_result_alone():
    assert {*RUN, *GAME, *TRUNK} - {"run", "status"} == {f.name for f in fields(RunConfig)} - {"snapshots"}


@pytest.mark.parametrize("column", TRUNK)
def test_caps_and_classical_trunks_may_differ_in_what_acts_on_one_of_them_only(column):
    results = results_of(RATIOS).assign(dropout=0.25, routing_iterations=3.0)
    results.loc[results.discriminator == "caps", column] = 0.125
    assert len(pair_runs(results, PAIR, FID, PLAN)) == 10


def test_a_seed_without_its_partner_is_refused():
    results = results_of(RATIOS)
    with pytest.raises(ValueError, match=r"seeds=\[4\] of gan='dcgan', discriminator='cnn' are missing .*unpaired"):
        pair_runs(results[results.run != "dcgan-cnn-s4"], PAIR, FID, PLAN)


def test_seeds_that_were_not_declared_are_refused():
    with pytest.raises(ValueError, match=r"dcgan-caps-s8, dcgan-caps-s9 have seeds that the plan does not"):
        pair_runs(results_of(RATIOS), PAIR, FID, plan_for(8))


def test_a_comparison_without_runs_is_refused():
    with pytest.raises(ValueError, match=r"gan='dcgan', discriminator='cnn-matched' has no runs"):
        pair_runs(results_of(RATIOS), Comparison("dcgan", "caps", "cnn-matched"), FID, PLAN)


def test_two_runs_of_one_seed_are_refused():
    results = results_of(RATIOS)
    again = results[results.run == "dcgan-caps-s2"].assign(run="dcgan-caps-s2-again")
    with pytest.raises(ValueError, match=r"seed=2 has several runs .*dcgan-caps-s2, dcgan-caps-s2-again"):
        pair_runs(pd.concat([results, again]), PAIR, FID, PLAN)


def test_a_number_that_is_there_twice_is_refused():
    results = results_of(RATIOS)
    again = results[(results.run == "dcgan-cnn-s1") & (results.metric == "fid_infinity")].assign(value=1.0)
    with pytest.raises(ValueError, match=r"metric='fid_infinity' is there twice for dcgan-cnn-s1"):
        pair_runs(pd.concat([results, again]), PAIR, FID, PLAN)


def test_a_run_with_two_configs_is_refused():
    results = results_of(RATIOS)
    again = results[results.run == "dcgan-cnn-s1"].assign(steps=7)
    with pytest.raises(ValueError, match=r"dcgan-cnn-s1 stand in the results with two configs"):
        pair_runs(pd.concat([results, again]), PAIR, FID, PLAN)


def test_unequal_sample_counts_are_refused():
    results = changed(results_of(RATIOS), "dcgan-caps-s5", samples=5000)
    with pytest.raises(ValueError, match=r"samples is mixed .*5000: dcgan-caps-s5"):
        pair_runs(results, PAIR, FID, PLAN)


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_a_finished_run_without_a_finite_number_is_refused(value):
    results = changed(results_of(RATIOS), "dcgan-caps-s5", value=value)
    with pytest.raises(ValueError, match=r"metric='fid_infinity' is not finite for dcgan-caps-s5"):
        pair_runs(results, PAIR, FID, PLAN)


def test_a_finished_run_without_the_metric_is_refused():
    results = results_of(RATIOS)
    results = results[(results.run != "dcgan-caps-s5") | (results.metric != "fid_infinity")]
    with pytest.raises(ValueError, match=r"metric='fid_infinity' \(features 'digits'\) is missing for dcgan-caps-s5"):
        pair_runs(results, PAIR, FID, PLAN)


@pytest.mark.parametrize("value", [0.0, -0.1])
def test_a_number_without_a_logarithm_is_refused(value):
    results = changed(results_of(RATIOS), "dcgan-caps-s5", value=value)
    with pytest.raises(ValueError, match=r"metric='fid_infinity' is not above 0 for dcgan-caps-s5"):
        pair_runs(results, PAIR, FID, PLAN)


@pytest.mark.parametrize("status", ["running", "interrupted", "new"])
def test_a_run_that_is_not_at_its_end_is_refused(status):
    results = changed(results_of(RATIOS), "dcgan-cnn-s0", status=status)
    with pytest.raises(ValueError, match=rf"dcgan-cnn-s0 is {status}; allowed: finished \| failed"):
        pair_runs(results, PAIR, FID, PLAN)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_refused_by_name(column):
    with pytest.raises(ValueError, match=f"results lack the columns {column};"):
        pair_runs(results_of(RATIOS).drop(columns=column), PAIR, FID, PLAN)


# Failed and collapsed runs ----------------------------------------------------------------------------------------


def test_a_failed_run_is_counted_and_its_pair_leaves_the_interval_which_says_so():
    row = compared(failed(results_of(RATIOS), "dcgan-caps-s3"))
    assert (row["seeds"], row["pairs"], row["failed"], row["reference_failed"]) == (10, 9, 1, 0)
    assert row["estimate"] == pytest.approx(stats.gmean(np.delete(RATIOS, 3)))
    assert "9 of 10 pairs in which both runs finished" in row["note"] and row["verdict"] == "better"


def test_too_many_failed_runs_leave_no_verdict():
    results = failed(failed(results_of(RATIOS), "dcgan-caps-s3"), "dcgan-cnn-s7")
    row = compared(results)
    assert (row["failed"], row["reference_failed"], row["pairs"], row["verdict"]) == (1, 1, 8, "no verdict")
    assert "too many pairs" in row["note"]
    assert compared(results, unusable_pairs=0.2)["verdict"] == "better"


def test_a_discriminator_all_of_whose_runs_failed_is_a_row_of_counts():
    results = results_of(RATIOS)
    for trunk, counts in (("caps", (10, 0)), ("cnn", (10, 10))):
        for seed in range(10):
            results = failed(results, f"dcgan-{trunk}-s{seed}")
        row = compared(results)
        assert (row["failed"], row["reference_failed"]) == counts
        assert row["pairs"] == 0 and row["verdict"] == "no verdict"
        assert np.isnan([row["estimate"], row["low"], row["p"], row["p_equivalence"]]).all()


@pytest.mark.parametrize(
    "numbers", [{"missing_classes": 0.3}, {"missing_classes": 0.9}, {"fid": 25.0}, {"fid": 50.0}], ids=str
)
def test_a_collapsed_run_is_counted_and_stays_in_the_interval(numbers):
    results = results_of(RATIOS)
    rows = pd.DataFrame(run_rows("caps", 3, fid_infinity=40.0, **numbers))
    row = compared(pd.concat([results[results.run != "dcgan-caps-s3"], rows]))
    assert (row["collapsed"], row["reference_collapsed"], row["both_collapsed"]) == (1, 0, 0)
    assert row["pairs"] == 10 and row["estimate"] > stats.gmean(RATIOS)


def test_what_is_just_short_of_a_limit_has_not_collapsed():
    rows = [row for seed in range(10) for row in run_rows("caps", seed, missing_classes=0.2, fid=24.9)]
    rows += [row for seed in range(10) for row in run_rows("cnn", seed)]
    pairs = pair_runs(pd.DataFrame(rows), PAIR, FID, PLAN)
    assert not pairs.collapsed.any() and not pairs.reference_collapsed.any()


def test_two_dead_critics_are_not_equivalent():
    """As under WGAN's clipping of every weight: both generators make noise, and their FIDs are all but the same."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(10):
        for trunk in ("caps", "cnn"):
            rows += run_rows(trunk, seed, fid_infinity=300 + rng.normal(), fid=300.0, missing_classes=0.9)
    row = compared(pd.DataFrame(rows))
    assert row["p_equivalence"] < 1e-6 and 0.99 < row["low"] < row["high"] < 1.01
    assert (row["collapsed"], row["reference_collapsed"], row["both_collapsed"]) == (10, 10, 10)
    assert row["verdict"] == "no verdict" and "both collapsed" in row["note"]


def test_runs_too_short_to_make_digits_get_no_verdict():
    results = results_of(np.exp(np.random.default_rng(3).normal(-0.5, 0.1, 10)))
    for steps, word in ((PLAN.least_steps - 1, "no verdict"), (PLAN.least_steps, "better")):
        row = compared(results.assign(steps=steps))
        assert row["verdict"] == word and ("needed: 1,500" in row["note"]) == (word == "no verdict")
        assert row["high"] < 1


def test_what_is_there_is_analysed_comparison_by_comparison(study):
    few = study[study.seed.isin([0, 1, 2]) & ~((study.discriminator == "caps-routing") & (study.seed > 0))].assign(
        fraction=1.0
    )
    table = analyse_what_is_there(few, PLAN)
    primary = table[table.metric == PLAN.primary.name]
    assert (primary.planned == 10).all() and (primary.pairs == 3).all() and len(primary) == 7
    assert "caps-routing" not in set(primary.reference)
    assert not primary[primary.verdict == "better"].holds_in_family.any()
    assert primary.note.str.contains("needed: 8 seeds").all()
    rows = results_table(primary)
    assert set(rows.pairs) == {"3 of 10"} and "better (uncorrected)" in set(rows.verdict)
    assert analyse_what_is_there(few[few.seed == 0], PLAN).empty


def test_a_frozen_comparison_has_no_interval_and_no_verdict():
    row = compared(results_of(np.ones(10)))
    assert np.isnan([row["low"], row["high"], row["p"], row["p_equivalence"]]).all()
    assert row["verdict"] == "no verdict" and "same in every pair" in row["note"]


# Intervals, tests: against SciPy ----------------------------------------------------------------------------------


def test_one_comparison_agrees_with_scipy_on_the_logarithms():
    results = results_of(RATIOS)
    row = compared(results)
    fid = results[results.metric == "fid_infinity"].pivot(index="seed", columns="discriminator", values="value")
    caps, cnn = np.log(fid.caps), np.log(fid.cnn)
    interval = stats.ttest_rel(caps, cnn).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))
    assert row["estimate"] == pytest.approx(stats.gmean(fid.caps / fid.cnn))
    assert row["sd"] == pytest.approx(np.std(caps - cnn, ddof=1))
    below = stats.ttest_1samp(caps - cnn, np.log(0.8), alternative="greater").pvalue
    above = stats.ttest_1samp(caps - cnn, np.log(1.25), alternative="less").pvalue
    assert row["p_equivalence"] == pytest.approx(max(below, above))
    assert row["p"] == pytest.approx(2 / 2**10)  # all ratios lie below 1: no flip is more extreme but all at once
    assert np.isnan(row["bootstrap_low"])


def test_exact_sign_flips_are_all_of_them():
    effects = np.array([0.3, -0.1, 0.25, 0.4, -0.05, 0.2, 0.35])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 7)).reshape(7, -1)
    means = np.abs((signs * effects[:, None]).mean(axis=0))
    assert sign_flip_p(effects, PLAN) == pytest.approx(np.mean(means >= abs(effects.mean()) - 1e-12))


def test_random_sign_flips_are_the_same_each_time_and_near_the_exact_p():
    effects = np.random.default_rng(5).normal(0.2, 0.4, 14)
    few = replace(PLAN, sign_flips=9999)
    assert sign_flip_p(effects, few) == sign_flip_p(effects, few)
    assert sign_flip_p(effects, few) == pytest.approx(sign_flip_p(effects, PLAN), abs=0.01)


def test_bootstrap_intervals_are_scipys_and_the_same_each_time():
    effects = np.random.default_rng(1).exponential(0.3, 50)  # skewed, so that BCa is not the percentiles' interval
    found = bootstrap_interval(effects, PLAN)
    assert found == bootstrap_interval(effects, PLAN)
    rng = np.random.default_rng(PLAN.random_seed)
    theirs = stats.bootstrap((effects,), np.mean, n_resamples=9999, method="BCa", rng=rng).confidence_interval
    assert found == pytest.approx((theirs.low, theirs.high))
    row = compared(results_of(np.exp(effects)))
    assert (row["bootstrap_low"], row["bootstrap_high"]) == pytest.approx(np.exp(found))


def test_a_bootstrap_of_few_pairs_is_refused():
    with pytest.raises(ValueError, match=r"39 pairs are too few.*needed: 40"):
        bootstrap_interval(np.arange(39.0), PLAN)


def test_holm_multiplies_the_smallest_p_by_the_declared_size_of_the_family():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005]), 4), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.01, np.nan]), 4), [0.04, np.nan])
    np.testing.assert_allclose(holm(np.array([0.01]), 1), [0.01])


# What few seeds cannot say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_a_p_that_the_seeds_cannot_reach_is_refused_and_the_seeds_needed_are_named(seeds):
    with pytest.raises(ValueError, match=rf"{seeds} pairs cannot reach p <= 0\.05.* needed: 6 seeds"):
        sign_flip_p(np.full(seeds, 0.5), PLAN)
    row = compared(results_of(RATIOS[:seeds]))
    assert np.isnan(row["p"]) and "needed: 6 seeds" in row["note"]


def test_six_seeds_suffice_for_one_comparison_and_eight_for_a_family_of_four():
    assert sign_flip_p(np.full(6, 0.5), PLAN) == 2 / 2**6
    with pytest.raises(ValueError, match=r"times 4 comparisons; needed: 8 seeds"):
        sign_flip_p(np.full(7, 0.5), PLAN, tests=4)
    assert holm(np.array([sign_flip_p(np.full(8, 0.5), PLAN, tests=4)]), 4) <= 0.05


@pytest.mark.parametrize("tests", [1, 2, 4, 5, 10, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 1 / 16, 0.1])
def test_seeds_for_p_are_the_fewest(alpha, tests):
    pairs = seeds_for_p(alpha, tests)
    assert tests * 2 / 2**pairs <= alpha < tests * 2 / 2 ** (pairs - 1)


def test_one_seed_has_an_estimate_and_nothing_else():
    row = compared(results_of(RATIOS[:1]))
    assert row["estimate"] == pytest.approx(0.7) and row["pairs"] == 1
    names = ("low", "high", "sd", "bootstrap_low", "bootstrap_high", "p", "p_equivalence")
    assert np.isnan([row[name] for name in names]).all()
    assert row["verdict"] == "no verdict" and "no interval" in row["note"]


# Verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "interval, narrow, lower_is_better",
    [
        ((-0.6, -0.1), (-0.5, -0.2), "better"),  # below 1, and below the margin in part
        ((0.1, 0.6), (0.2, 0.5), "worse"),
        ((-0.3, 0.1), (-0.25, 0.05), "inconclusive"),  # 1 and a limit inside
        ((-0.9, 0.9), (-0.8, 0.8), "inconclusive"),
        ((-0.1, 0.1), (-0.05, 0.05), "equivalent"),
        ((-0.25, 0.1), (-0.2, 0.05), "equivalent"),  # the narrow interval decides, as in Schuirmann's test
        ((-0.2, -0.1), (-0.19, -0.11), "equivalent"),  # different for certain, and too little to matter
        ((-0.3, -0.1), (-0.25, -0.12), "better"),
        ((np.nan, np.nan), (np.nan, np.nan), "inconclusive"),
    ],
)
def test_a_verdict_follows_from_intervals_and_margin(interval, narrow, lower_is_better):
    assert verdict(interval, narrow, LIMITS, "lower") == lower_is_better
    other_way = {"better": "worse", "worse": "better"}.get(lower_is_better, lower_is_better)
    assert verdict(interval, narrow, LIMITS, "higher") == other_way


@pytest.mark.parametrize("ratio, word", [(0.6, "better"), (1.0, "equivalent"), (1.7, "worse"), (1.25, "inconclusive")])
def test_runs_get_the_verdict_that_they_deserve(ratio, word):
    wide = 0.5 if word == "inconclusive" else 0.05
    noise = wide * np.array([1, -1, 2, -2, 0.5, -0.5, 1.5, -1.5, 0.2, -0.2])
    assert compared(results_of(ratio * np.exp(noise)))["verdict"] == word


def test_two_one_sided_tests_at_5_percent_decide_and_not_the_95_percent_interval():
    noise = stats.zscore(RATIOS, ddof=1) * 0.2
    row = compared(results_of(np.exp(noise + np.log(1.25) - 2.0 * 0.2 / np.sqrt(10))))  # t of 2.0: 1.83 and 2.26 do
    assert row["high"] > 1.25 and row["p_equivalence"] < 0.05 and row["verdict"] == "equivalent"


def test_lower_fids_of_caps_are_better_and_not_the_other_way_round():
    results, turned = results_of(RATIOS), Comparison("dcgan", "cnn", "caps")
    assert compare(pair_runs(results, PAIR, FID, PLAN), FID, PLAN)["verdict"] == "better"
    assert compare(pair_runs(results, turned, FID, PLAN), FID, PLAN)["verdict"] == "worse"


def test_equivalence_means_the_interval_lies_inside_the_margin():
    """Schuirmann's test at alpha and the 1 - 2 alpha interval always agree, on either side of the margin."""
    rng = np.random.default_rng(2)
    effects = rng.normal(rng.uniform(-0.3, 0.3, 3000), rng.uniform(0.05, 0.3, 3000), (8, 3000))
    low, high = mean_interval(effects, 0.1)
    inside = (low > LIMITS[0]) & (high < LIMITS[1])
    np.testing.assert_array_equal(inside, equivalence_p(effects, LIMITS) < 0.05)
    assert 0.1 < inside.mean() < 0.9


# The whole plan ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study():
    """Results of all runs that the plan compares. Caps is much better in ACGAN, a little in InfoGAN, alike in DCGAN."""
    rng = np.random.default_rng(7)
    ratios = {"acgan": np.exp(rng.normal(-0.5, 0.1, 10)), "dcgan": np.exp(rng.normal(0, 0.05, 10))}
    ratios |= {
        "infogan": np.exp(0.32 * (stats.zscore(rng.normal(size=10)) - 0.8)),
        "wgan": np.exp(rng.normal(0, 0.8, 10)),
    }
    tables = [results_of(values, gan) for gan, values in ratios.items()]
    for control in PLAN.families["controls"]:
        tables.append(results_of(np.exp(rng.normal(0, 0.1, 10)), "dcgan", "cnn-unused", control.reference))
    results = pd.concat(tables)
    others = [
        results[results.metric == "fid"].assign(metric=metric.name, value=rng.uniform(0.4, 0.6, len(results) // 3))
        for metric in PLAN.secondary
        if metric.name not in ("fid", "missing_classes")
    ]
    return pd.concat([results, *others])


@pytest.fixture(scope="module")
def analysis(study):
    return analyse(study, PLAN)


def test_the_plan_gives_a_row_for_every_comparison_and_metric(analysis):
    metrics = [PLAN.primary.name, *(metric.name for metric in PLAN.secondary)]
    expected = [
        (name, one.gan, one.discriminator, one.reference, metric)
        for name, comparisons in PLAN.families.items()
        for metric in metrics
        for one in comparisons
    ]
    columns = ["family", "gan", "discriminator", "reference", "metric"]
    assert list(analysis[columns].itertuples(index=False, name=None)) == expected
    assert (analysis.pairs == 10).all() and (analysis.seeds == 10).all()


def test_verdicts_and_p_values_are_of_the_primary_metric_only(analysis):
    primary = analysis.metric == "fid_infinity"
    assert analysis[primary][["p", "p_holm", "p_equivalence", "p_equivalence_holm"]].notna().all(axis=None)
    assert analysis[~primary][["p", "p_holm", "p_equivalence", "p_equivalence_holm"]].isna().all(axis=None)
    assert set(analysis[~primary].verdict) == {""} and not analysis[~primary].holds_in_family.any()
    assert analysis[~primary & (analysis.metric != "missing_classes") & (analysis.metric != "fid")].low.notna().all()


def test_a_verdict_holds_in_its_family_if_holms_p_does(analysis):
    rows = analysis[(analysis.family == "gans") & (analysis.metric == "fid_infinity")].set_index("gan")
    np.testing.assert_allclose(rows.p_holm, holm(rows.p.to_numpy(), 4))
    np.testing.assert_allclose(rows.p_equivalence_holm, holm(rows.p_equivalence.to_numpy(), 4))
    words = {"acgan": "better", "dcgan": "equivalent", "infogan": "better", "wgan": "inconclusive"}
    assert rows.verdict.to_dict() == words
    assert rows.holds_in_family.to_dict() == {"acgan": True, "dcgan": True, "infogan": False, "wgan": False}
    assert rows.p["infogan"] < 0.05 < rows.p_holm["infogan"]


def test_seven_seeds_leave_a_family_of_four_with_intervals_and_verdicts_but_no_p(study):
    seven = analyse(study[study.seed < 7], replace(PLAN, seeds=range(7), secondary=()), families=("gans",))
    assert seven.p.isna().all() and seven.p_holm.isna().all() and seven.low.notna().all()
    assert seven.note.str.contains("times 4 comparisons; needed: 8 seeds").all()
    assert seven.verdict[0] == "better" and not seven.holds_in_family[0]


def test_runs_on_a_part_of_the_data_are_no_runs_of_the_plan(study, analysis):
    part = study.assign(fraction=0.1, run="part-" + study.run, value=9.0)
    both = pd.concat([study.assign(fraction=1.0), part])
    pd.testing.assert_frame_equal(analyse(both, PLAN), analysis)


def test_single_families_can_be_chosen_and_unknown_ones_are_refused(study, analysis):
    controls = analyse(study, PLAN, families=("controls",))
    expected = analysis[analysis.family == "controls"].reset_index(drop=True)
    pd.testing.assert_frame_equal(controls, expected)
    with pytest.raises(ValueError, match=r"families='gan' is not in the plan; allowed: gans \| controls"):
        analyse(study, PLAN, families=("gan",))


def test_a_comparison_that_cannot_be_made_still_counts_in_its_family(study):
    results = study
    for seed in range(10):
        results = failed(results, f"wgan-caps-s{seed}")
    rows = analyse(results, PLAN, families=("gans",)).query("metric == 'fid_infinity'").set_index("gan")
    assert rows.failed["wgan"] == 10 and np.isnan(rows.p_holm["wgan"]) and rows.verdict["wgan"] == "no verdict"
    assert rows.p_holm["acgan"] == pytest.approx(4 * rows.p["acgan"])


def test_the_table_is_text_that_latex_can_set(analysis):
    table = results_table(analysis)
    assert len(table) == len(analysis) and all(isinstance(cell, str) for cell in table.to_numpy().ravel())
    latex = table.to_latex(index=False)
    assert latex.startswith("\\begin{tabular}") and "ACGAN: caps against cnn" in latex
    cells = " ".join([*table.columns, *table.to_numpy().ravel()])
    assert not set(cells) & set("_%&#$^~{}\\<>|") and cells.isascii()
    assert table.verdict.tolist()[:2] == ["better in the family", "equivalent in the family"]


# Power ------------------------------------------------------------------------------------------------------------


def simulated_power(pairs, sd, seed=0, count=20_000):
    """Shares of studies that find a ratio of 1.25, and that no effect is equivalent."""
    noise = np.random.default_rng(seed).normal(0, sd, (pairs, count))
    low, high = mean_interval(noise + np.log(1.25), 0.05)
    return np.mean((low > 0) | (high < 0)), np.mean(equivalence_p(noise, LIMITS) < 0.05)


@pytest.mark.parametrize("pairs, sd", [(6, 0.15), (10, 0.2), (10, 0.3), (20, 0.4), (40, 0.3)])
def test_power_is_what_simulated_studies_have(pairs, sd):
    curve = power_curve(sd, PLAN, seeds=[pairs])
    difference, equivalence = simulated_power(pairs, sd)
    assert curve.difference[0] == pytest.approx(difference, abs=0.012)  # three standard errors
    assert curve.equivalence[0] == pytest.approx(equivalence, abs=0.012)


def test_power_grows_with_seeds_and_falls_with_spread_and_size_of_the_family():
    curve = power_curve(0.2, PLAN, seeds=range(2, 60))
    for other in (power_curve(0.3, PLAN, seeds=range(2, 60)), power_curve(0.2, PLAN, tests=4, seeds=range(2, 60))):
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
    with pytest.raises(ValueError, match=r"sd=.* is not possible"):
        power_curve(sd, PLAN)


@pytest.mark.parametrize("seeds", [[], [1, 2], range(0, 9)])
def test_power_of_one_seed_is_refused(seeds):
    with pytest.raises(ValueError, match=r"seeds=.* are not possible; allowed: numbers from 2"):
        power_curve(0.2, PLAN, seeds=seeds)


# Error rates on simulated studies ---------------------------------------------------------------------------------


def at_most(share, limit, count=SIMULATIONS):
    """Whether a simulated share can come from a true one of ``limit`` or less: wrong in 1 of 2,000 cases."""
    return share <= limit + 3.3 * np.sqrt(limit * (1 - limit) / count)


@pytest.mark.parametrize("pairs", [5, 10, 20])
@pytest.mark.parametrize("ratio", [1.0, 0.8])
def test_intervals_cover_the_true_ratio_as_often_as_they_claim(pairs, ratio):
    effects = np.random.default_rng(pairs).normal(np.log(ratio), 0.3, (pairs, SIMULATIONS))
    low, high = mean_interval(effects, 0.05)
    assert 0.93 < np.mean((low < np.log(ratio)) & (np.log(ratio) < high)) < 0.97


@pytest.mark.parametrize("pairs", [6, 8, 10])
@pytest.mark.parametrize("noise", ["normal", "standard_cauchy", "laplace"])
def test_sign_flips_find_a_difference_where_there_is_none_in_5_percent_at_most(pairs, noise):
    count = 2000
    effects = getattr(np.random.default_rng(pairs), noise)(size=(pairs, count))
    share = np.mean(sign_flip_p(effects, replace(PLAN, sign_flips=1024)) <= 0.05)
    assert at_most(share, 0.05, count) and share > 0.02


@pytest.mark.parametrize("pairs", [5, 10, 20])
@pytest.mark.parametrize("sd", [0.05, 0.15, 0.4])
@pytest.mark.parametrize("limit", LIMITS)
def test_networks_at_the_margin_are_called_equivalent_in_5_percent_at_most(pairs, sd, limit):
    effects = np.random.default_rng(pairs).normal(limit, sd, (pairs, SIMULATIONS))
    share = np.mean(equivalence_p(effects, LIMITS) <= 0.05)
    assert at_most(share, 0.05)
    assert share > 0.04 or sd > 0.05  # where runs differ little the test is not merely timid


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [5, 10])
@pytest.mark.parametrize("ratio, wrong", [(1.0, ("better", "worse")), (1.25, ("equivalent",)), (0.8, ("equivalent",))])
def test_whole_comparisons_are_wrong_in_5_percent_at_most(pairs, ratio, wrong):
    count, rng, plan = 1000, np.random.default_rng(11), plan_for(pairs)
    pattern = pair_runs(results_of(np.ones(pairs)), PAIR, FID, plan)
    words = [
        compare(pattern.assign(effect=rng.normal(np.log(ratio), 0.12, pairs)), FID, plan)["verdict"]
        for _ in range(count)
    ]
    assert at_most(np.mean(np.isin(words, wrong)), 0.05, count)


@pytest.mark.slow
def test_a_family_without_a_difference_yields_one_in_5_percent_at_most(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels collects in every call: 0.1 s a family
    count, rng = 2000, np.random.default_rng(4)
    p = [sign_flip_p(rng.normal(size=(10, count)), PLAN, tests=4) for _ in range(4)]
    share = np.mean([(holm(np.array(family), 4) <= 0.05).any() for family in zip(*p, strict=True)])
    assert at_most(share, 0.05, count) and share > 0.02


@pytest.mark.slow
def test_bootstrap_intervals_cover_what_they_claim_where_the_plan_lets_them():
    count, rng, least = 3000, np.random.default_rng(6), PLAN.bootstrap.least_pairs
    covered = {}
    for pairs in (10, least):
        plan = replace(PLAN, bootstrap=Bootstrap(pairs, 999))
        limits = [bootstrap_interval(rng.normal(size=pairs), plan) for _ in range(count)]
        covered[pairs] = np.mean([low < 0 < high for low, high in limits])
    assert covered[10] < 0.92 < covered[least] < 0.97
