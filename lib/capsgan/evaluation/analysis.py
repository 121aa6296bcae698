"""The plan carried out: from the table of results to one row a comparison, with its verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..config import GAN_NAMES
from .pairing import SAME, pair_runs
from .plan import AnalysisPlan, Comparison, Metric
from .statistics import bootstrap_interval, equivalence_p, holm, mean_interval, sign_flip_p, verdict

NONE = "no verdict"
DECIDED = ("better", "worse", "equivalent")


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
    row |= {"verdict": NONE if metric.margin else ""}
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
            notes.append("too many pairs tell nothing (a run failed, or both collapsed)")
        elif (steps := pairs.steps.max()) < plan.least_steps:
            notes.append(f"runs of {steps:,} steps; needed: {plan.least_steps:,}")
        else:
            narrow = mean_interval(effects, 2 * plan.alpha)
            row["verdict"] = verdict(interval, narrow, metric.limits, metric.better)
    return row | {"note": "; ".join(notes)}


def analyse(results: pd.DataFrame, plan: AnalysisPlan, families: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Carry the plan out: every comparison of every family, by every metric.

    Args:
        results: one row a run and metric, as :func:`capsgan.evaluation.pairing.pair_runs` wants them; runs on a part of
            the training set are left out.
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
        equivalences get each on their own. ``note`` says why something is NaN or there is ``no verdict``.

    Raises:
        ValueError: an unknown family, or runs that must not be compared.
    """
    chosen = tuple(plan.families) if families is None else (families,) if isinstance(families, str) else tuple(families)
    for name in chosen:
        if name not in plan.families:
            raise ValueError(f"families={name!r} is not in the plan; allowed: {' | '.join(plan.families)}")
    results = _of_all_data(results)
    return pd.concat([_analyse_family(results, plan, name, plan.seeds) for name in chosen], ignore_index=True)


def analyse_what_is_there(results: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """:func:`analyse` before all the plan's runs are trained: each comparison by the seeds that both its networks have.

    A look ahead: the plan's own verdict comes with all its seeds, and whoever looks often finds something in the end.

    Args:
        results: see there.
        plan: what was declared.

    Returns:
        Its table, with ``planned`` beside ``seeds``: how many the plan has. Comparisons of fewer than two seeds are
        left out, but count in their family; without any it is empty.
    """
    results = _of_all_data(results)
    tables = [_analyse_family(results, plan, name, None) for name in plan.families]
    tables = [table.assign(planned=len(plan.seeds)) for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _analyse_family(results: pd.DataFrame, plan: AnalysisPlan, family: str, seeds: tuple[int, ...] | None):
    """The rows of one family; ``seeds=None``: of each comparison those that are there, if two or more."""
    comparisons, tables = plan.families[family], []
    for metric in (plan.primary, *plan.secondary):
        rows = []
        for one in comparisons:
            there = _shared_seeds(results, one, plan) if seeds is None else seeds
            if seeds is None and len(there) < 2:
                continue
            part = replace(plan, seeds=there)
            pairs = pair_runs(results[results.seed.isin(there)] if seeds is None else results, one, metric, part)
            head = {"family": family, "gan": one.gan, "discriminator": one.discriminator, "reference": one.reference}
            head |= {"metric": metric.name, "effect": metric.effect, "better": metric.better}
            rows.append(head | compare(pairs, metric, part, len(comparisons)))
        if rows:
            tables.append(_correct(pd.DataFrame(rows), plan.alpha, len(comparisons)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _of_all_data(results: pd.DataFrame) -> pd.DataFrame:
    return results[results.fraction == 1] if "fraction" in results else results


def _shared_seeds(results: pd.DataFrame, comparison: Comparison, plan: AnalysisPlan) -> tuple[int, ...]:
    of_gan = results[results.gan == comparison.gan]
    both = (comparison.discriminator, comparison.reference)
    trained = [set(of_gan.seed[of_gan.discriminator == name]) for name in both]
    return tuple(sorted(set(plan.seeds).intersection(*trained)))


def results_table(analysis: pd.DataFrame) -> pd.DataFrame:
    """:func:`analyse` for readers: all text, without a character that LaTeX would stumble over.

    Returns:
        Columns ``comparison``, ``metric``, ``pairs`` (of the planned ones), ``failed``, ``collapsed`` (compared /
        reference), ``estimate`` (with its interval), ``p (Holm)``, ``verdict``: "(uncorrected)" where it does not hold
        in its family after Holm's correction. ``.to_latex(index=False)`` wants LaTeX's booktabs.
    """
    rows = []
    for row in analysis.itertuples():
        interval = "no interval" if np.isnan(row.low) else f"{row.low:.3g} to {row.high:.3g}"
        rows.append(
            {
                "comparison": f"{GAN_NAMES[row.gan]}: {row.discriminator} against {row.reference}",
                "metric": f"{row.metric.replace('_', ' ')} {'ratio' if row.effect == 'log_ratio' else 'difference'}",
                "pairs": f"{row.pairs} of {getattr(row, 'planned', row.seeds)}",
                "failed": f"{row.failed} / {row.reference_failed}",
                "collapsed": f"{row.collapsed} / {row.reference_collapsed}",
                "estimate": "none" if np.isnan(row.estimate) else f"{row.estimate:.3g} ({interval})",
                "p (Holm)": _p_text(row.p_holm),
                "verdict": row.verdict + _standing(row),
            }
        )
    return pd.DataFrame(rows)


def _standing(row) -> str:
    if row.verdict not in DECIDED:
        return ""
    return " in the family" if row.holds_in_family else " (uncorrected)"


def _p_text(p: float) -> str:
    return "" if np.isnan(p) else "below 0.001" if p < 0.001 else f"{p:.3f}"


def _correct(rows: pd.DataFrame, alpha: float, tests: int) -> pd.DataFrame:
    for name in ("p", "p_equivalence"):
        rows[f"{name}_holm"] = holm(rows[name].to_numpy("float64"), tests)
    deciding = np.where(rows.verdict == "equivalent", rows.p_equivalence_holm, rows.p_holm)
    rows["holds_in_family"] = rows.verdict.isin(DECIDED) & (deciding <= alpha)
    return rows
