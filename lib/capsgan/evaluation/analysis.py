"""The plan carried out: from the table of results to one row a comparison, with its verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .pairing import pair_runs
from .plan import AnalysisPlan, Metric
from .statistics import bootstrap_interval, equivalence_p, holm, mean_interval, sign_flip_p, verdict

SAME = 1e-12  # effects closer together than this have no spread that statistics could go by


def compare(pairs: pd.DataFrame, metric: Metric, plan: AnalysisPlan, tests: int = 1) -> dict:
    """The statistics of one comparison: one row of :func:`analyse`, but for what needs the whole family.

    Args:
        pairs: what :func:`capsgan.evaluation.pairing.pair_runs` returns.
        metric: has no margin: neither p-values nor a verdict.
        plan: all else that was declared.
        tests: size of the family.
    """
    effects = pairs.effect.dropna().to_numpy("float64")
    both_collapsed = int((pairs.collapsed & pairs.reference_collapsed).sum())
    row = {"seeds": len(pairs), "pairs": len(effects)}
    row |= {name: int(pairs[name].sum()) for name in ("failed", "reference_failed", "collapsed", "reference_collapsed")}
    row |= {"both_collapsed": both_collapsed, "estimate": np.nan, "low": np.nan, "high": np.nan, "sd": np.nan}
    row |= {"bootstrap_low": np.nan, "bootstrap_high": np.nan, "p": np.nan, "p_equivalence": np.nan}
    row |= {"verdict": "inconclusive" if metric.margin else ""}
    back = np.exp if metric.effect == "log_ratio" else np.asarray
    notes = []
    if len(effects) < len(pairs):
        notes.append(f"holds for the {len(effects)} of {len(pairs)} pairs in which both runs finished")
    if len(effects):
        row["estimate"] = float(back(effects.mean()))
    if len(effects) < 2:
        return row | {"note": "; ".join([*notes, f"no interval from {len(effects)} pairs; needed: 2"])}
    row["sd"] = float(effects.std(ddof=1))
    if np.ptp(effects) < SAME:
        return row | {"note": "; ".join([*notes, "no interval: the effect is the same in every pair"])}
    interval = mean_interval(effects, plan.alpha)
    row["low"], row["high"] = map(float, back(interval))
    if len(effects) >= plan.bootstrap.least_pairs:
        row["bootstrap_low"], row["bootstrap_high"] = map(float, back(bootstrap_interval(effects, plan)))
    if metric.margin:
        row["p_equivalence"] = float(equivalence_p(effects, metric.limits))
        try:
            row["p"] = float(sign_flip_p(effects, plan, tests))
        except ValueError as refusal:
            notes.append(f"no p: {refusal}")
        if len(pairs) - len(effects) + both_collapsed > plan.unusable_pairs * len(pairs):
            notes.append("no verdict: too many pairs tell nothing (a run failed, or both collapsed)")
        else:
            narrow = mean_interval(effects, 2 * plan.alpha)
            row["verdict"] = verdict(interval, narrow, metric.limits, metric.better)
    return row | {"note": "; ".join(notes)}


def analyse(results: pd.DataFrame, plan: AnalysisPlan, families: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Carry the plan out: every comparison of every family, by every metric.

    Args:
        results: one row a run and metric, as :func:`capsgan.evaluation.pairing.pair_runs` wants them.
        plan: what was declared.
        families: which of the plan's; None: all.

    Returns:
        One row a comparison and metric: ``family``, ``gan``, ``discriminator``, ``reference``, ``metric``, ``effect``,
        ``better``; ``seeds`` (planned), ``pairs`` (both runs finished: everything that follows is about these);
        ``failed``, ``reference_failed``, ``collapsed``, ``reference_collapsed``, ``both_collapsed`` (numbers of runs,
        or of pairs); ``estimate`` (geometric mean of the ratios, or mean difference) with its 1 - alpha t interval
        ``low``, ``high``; ``sd`` of the effects (of a ratio: of its natural logarithm); ``bootstrap_low``,
        ``bootstrap_high`` (NaN below ``plan.bootstrap.least_pairs``). For the primary metric: ``p`` (sign flips) and
        ``p_equivalence`` with ``p_holm`` and ``p_equivalence_holm``; ``verdict`` (see :func:`verdict`);
        ``holds_in_family``: the verdict's own p-value is at most alpha after Holm's correction, which differences and
        equivalences get each on their own. ``note`` says why something is NaN or no verdict was given.

    Raises:
        ValueError: an unknown family, or runs that must not be compared.
    """
    chosen = tuple(plan.families) if families is None else tuple(families)
    for name in chosen:
        if name not in plan.families:
            raise ValueError(f"families={name!r} is not in the plan; allowed: {' | '.join(plan.families)}")
    tables = []
    for name in chosen:
        comparisons = plan.families[name]
        for metric in (plan.primary, *plan.secondary):
            rows = []
            for one in comparisons:
                head = {"family": name, "gan": one.gan, "discriminator": one.discriminator, "reference": one.reference}
                head |= {"metric": metric.name, "effect": metric.effect, "better": metric.better}
                rows.append(head | compare(pair_runs(results, one, metric, plan), metric, plan, len(comparisons)))
            tables.append(_correct(pd.DataFrame(rows), plan.alpha, len(comparisons)))
    return pd.concat(tables, ignore_index=True)


def analyse_what_is_there(results: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """:func:`analyse` before all the plan's seeds are trained: each family by the seeds that all its networks have.

    A look ahead: the plan's own verdict comes with all its seeds, and whoever looks often finds something in the end.

    Args:
        results: see there; runs on a part of the training set are left out.
        plan: what was declared.

    Returns:
        Its table, with ``planned`` beside ``seeds``: how many the plan has. Families of fewer than two seeds are left
        out; without any it is empty.
    """
    results, tables = results[results.fraction == 1], []
    for name, comparisons in plan.families.items():
        networks = {(c.gan, d) for c in comparisons for d in (c.discriminator, c.reference)}
        seeds = set(plan.seeds)
        for gan, discriminator in networks:
            seeds &= set(results.seed[(results.gan == gan) & (results.discriminator == discriminator)])
        if len(seeds) > 1:
            part = replace(plan, seeds=tuple(sorted(seeds)), families={name: comparisons})
            tables.append(analyse(results[results.seed.isin(seeds)], part).assign(planned=len(plan.seeds)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def results_table(analysis: pd.DataFrame) -> pd.DataFrame:
    """:func:`analyse` for readers: all text, without a character that LaTeX would stumble over.

    Returns:
        Columns ``comparison``, ``metric``, ``pairs``, ``failed``, ``collapsed`` (compared / reference), ``estimate``
        (with its interval), ``p`` (Holm), ``verdict``. ``.to_latex(index=False)`` wants LaTeX's booktabs.
    """
    rows = []
    for row in analysis.itertuples():
        interval = "no interval" if np.isnan(row.low) else f"{row.low:.3g} to {row.high:.3g}"
        rows.append(
            {
                "comparison": f"{row.gan.upper()}: {row.discriminator} against {row.reference}",
                "metric": f"{row.metric.replace('_', ' ')} {'ratio' if row.effect == 'log_ratio' else 'difference'}",
                "pairs": f"{row.pairs} of {row.seeds}",
                "failed": f"{row.failed} / {row.reference_failed}",
                "collapsed": f"{row.collapsed} / {row.reference_collapsed}",
                "estimate": "none" if np.isnan(row.estimate) else f"{row.estimate:.3g} ({interval})",
                "p (Holm)": _p_text(row.p_holm),
                "verdict": row.verdict + (" in the family" if row.holds_in_family else ""),
            }
        )
    return pd.DataFrame(rows)


def _p_text(p: float) -> str:
    return "" if np.isnan(p) else "below 0.001" if p < 0.001 else f"{p:.3f}"


def _correct(rows: pd.DataFrame, alpha: float, tests: int) -> pd.DataFrame:
    for name in ("p", "p_equivalence"):
        rows[f"{name}_holm"] = holm(rows[name].to_numpy("float64"), tests)
    deciding = np.where(rows.verdict == "equivalent", rows.p_equivalence_holm, rows.p_holm)
    rows["holds_in_family"] = rows.verdict.isin(["better", "worse", "equivalent"]) & (deciding <= alpha)
    return rows
