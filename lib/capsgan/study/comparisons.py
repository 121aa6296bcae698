"""The plan carried out: one row per comparison and metric, with its word."""

import numpy as np
import pandas as pd

from .declarations import Comparison, Metric
from .pairing import pair_runs
from .plan import CANNOT_TELL, NOT_TESTABLE, AnalysisPlan
from .statistics import SAME, decide, holm, sign_flip_p, summarise_effects


def analyse(results: pd.DataFrame, plan: AnalysisPlan, names=None) -> pd.DataFrame:
    """Carry out the plan's comparisons (or those in ``names``), by every metric, on the runs that exist.

    ``results`` has one row per run and metric, see :func:`capsgan.study.pairing.pair_runs`; runs of no block are
    ignored. Returns one row per comparison, feature space and metric that has numbers:
    - ``comparison`` (its name), ``primary``, ``gan``, ``discriminator``, ``reference``, ``features``, ``metric``,
      ``effect``, ``step``, ``planned_step``, ``planned`` seeds, complete ``pairs``, which all that follows is about;
    - pairs that are ``failed``, ``missing``, ``both_collapsed``, of ``mixed_cpus`` or ``unknown_cpus``; runs that have
      ``collapsed``, ``reference_collapsed``;
    - ``estimate`` (geometric mean of the ratios, or mean difference) with its 1 - alpha t interval ``low``, ``high``;
      ``sd`` of the effects (of a ratio's natural logarithm); ``inside_margin``: the 1 - 2 alpha interval lies inside
      the metric's margin (Schuirmann's test of equivalence);
    - for primaries by the deciding metric ``p`` (sign flips) and ``p_holm``; for comparisons with a claim, by the
      deciding metric, ``word``; ``note`` says what prevents a decision.
    """
    rows, base = [], results.metric.astype("string").str.replace(r"_at_\d+$", "", regex=True)
    for name in names or plan.comparisons:
        comparison = plan.comparisons[name]
        (block, arm), (_, other) = list(comparison.sides.values())[:2]
        networks = {"gan": plan.blocks[block].gan, "discriminator": plan.arms[arm].discriminator}
        networks |= {"reference": plan.arms[other].discriminator, "fraction": plan.blocks[block].fraction}
        spaces = [(plan.features, metric) for metric in (plan.metric, *plan.metrics)]
        spaces += [(plan.second_space, plan.metric)]
        spaces += [("cost", metric) for metric in plan.costs if not comparison.minus]
        scored = False  # whether any pair has the deciding number, which comes first
        for features, metric in spaces:
            there = (results.features == features) & (base == metric.name)
            decides = features == plan.features and metric == plan.metric
            if decides or (scored and there.any()):
                used = there | base.isna() | base.isin([*plan.collapsed])
                pairs = pair_runs(results[used], comparison, metric, plan, features)
                head = {"comparison": name, "primary": name in plan.primary, **networks}
                head |= {"features": features, "metric": metric.name, "effect": metric.effect, "p": np.nan}
                head |= {"planned_step": plan.step_of(comparison), "word": ""}
                rows.append(head | compare(pairs, metric, plan))
                scored |= decides and rows[-1]["planned"] > rows[-1]["missing"]
                all_ran = not ((pairs.filter(regex="status$") == "missing").any(axis=None) or rows[-1]["missing"])
                if decides and rows[-1]["primary"] and all_ran and rows[-1]["sd"] > SAME:
                    rows[-1]["p"] = float(sign_flip_p(pairs.effect.dropna().to_numpy("float64")))
    table = pd.DataFrame(rows)
    deciding = (table.metric == plan.metric.name) & (table.features == plan.features)
    primary = table.primary & deciding
    table.loc[primary, "p_holm"] = holm(table.p[primary].to_numpy("float64"), len(plan.primary))
    for place in table.index[deciding]:
        comparison = plan.comparisons[table.comparison[place]]
        if comparison.claims:
            table.loc[place, ["word", "note"]] = _word(table.loc[place], comparison, plan)
    return table


def compare(pairs: pd.DataFrame, metric: Metric, plan: AnalysisPlan) -> dict:
    """One row of :func:`analyse` without names, p and word, from pairs of :func:`~capsgan.study.pairing.pair_runs`."""
    there = pairs.effect.notna()
    status = pairs[[name for name in pairs if name.endswith("status")]]
    collapsed = pairs[[name for name in pairs if name.endswith("collapsed")]]
    failed = status.isin(plan.failed).any(axis=1)
    row = {"step": pairs.step.iloc[0], "planned": len(pairs), "pairs": int(there.sum()), "failed": int(failed.sum())}
    row |= {"missing": int((~there & ~failed).sum()), "samples": pairs.samples.iloc[0]}
    row |= {name: int(pairs[name].sum()) for name in ("collapsed", "reference_collapsed")}
    row |= {"both_collapsed": int(collapsed.all(axis=1).sum())}
    row |= {"mixed_cpus": int((pairs.cpus[there] > 1).sum()), "unknown_cpus": int((pairs.cpus[there] == 0).sum())}
    found, _, (low, high) = summarise_effects(pairs.effect, plan.alpha, metric.effect == "log_ratio")
    inside = bool(metric.margin) and metric.limits[0] < low and high < metric.limits[1]
    row |= found | {"inside_margin": bool(inside)}
    notes = [f"{row['failed']} pairs failed"] if row["failed"] else []
    notes += [f"{row['missing']} planned pairs are missing"] if row["missing"] else []
    if row["mixed_cpus"]:
        seeds = ", ".join(map(str, pairs.seed[there & (pairs.cpus > 1)]))
        notes.append(f"trained on different CPU models: seeds {seeds}")
    if row["pairs"] > 1 and np.isnan(row["low"]):
        notes.append("no interval: the effect is the same in every pair")
    return row | {"note": "; ".join(notes)}


def _word(row: pd.Series, comparison: Comparison, plan: AnalysisPlan) -> tuple[str, str]:
    notes = [row.note] if row.note else []
    if reason := plan.too_many(row.failed + row.both_collapsed, row.planned):
        return NOT_TESTABLE, "; ".join([*notes, reason])
    if row.planned < plan.least_seeds:
        return NOT_TESTABLE, "; ".join([*notes, f"planned seeds: {row.planned}, needed: {plan.least_seeds}"])
    reasons = []
    if row.pairs < plan.least_seeds:
        reasons.append(f"pairs: {row.pairs}, needed: {plan.least_seeds}")
    if row.pairs and row.step < row.planned_step:
        reasons.append(f"compared at {row.step:,} steps, planned: {row.planned_step:,}")
    if row.pairs and row.samples != plan.samples:
        reasons.append(f"FIDs of {row.samples:,.0f} images, planned: {plan.samples:,}")
    if row.primary and row.missing:
        reasons.append("a primary is tested once, with all its runs")
    interval = np.log([row.low, row.high]) if row.effect == "log_ratio" else (row.low, row.high)
    if reasons or (row.primary and not row.p_holm <= plan.alpha):
        return CANNOT_TELL, "; ".join(notes + reasons)
    return decide(comparison, interval, interval), "; ".join(notes)


def results_table(analysis: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`analyse` as text for readers: pairs of the planned, collapsed as compared / reference."""
    rows = []
    for row in analysis.itertuples():
        interval = "no interval" if np.isnan(row.low) else f"{row.low:.3g} to {row.high:.3g}"
        p = "" if np.isnan(row.p_holm) else "below 0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"
        text = {"comparison": row.comparison, "step": f"{row.step:,}" if row.pairs else ""}
        text["metric"] = f"{row.metric.replace('_', ' ')} {'ratio' if row.effect == 'log_ratio' else 'difference'}"
        text |= {"pairs": f"{row.pairs} of {row.planned}", "failed": f"{row.failed}"}
        text["collapsed"] = f"{row.collapsed} / {row.reference_collapsed}"
        text["estimate"] = "none" if np.isnan(row.estimate) else f"{row.estimate:.3g} ({interval})"
        rows.append(text | {"p (Holm)": p, "verdict": row.word})
    return pd.DataFrame(rows)
