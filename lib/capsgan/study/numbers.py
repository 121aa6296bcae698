"""A run's numbers at a step: the one place that says which rows of the results they are taken from.

Results have one row per run, ``features`` and ``metric``. A metric ``<name>_at_<step>`` is that of the snapshot kept at
that step, ``<name>`` that of the whole run. A run's number at a step is

- in the plan's two feature spaces: the mean of ``<name>_at_<step>`` over the snapshots of the plan's score (at 10,000
  steps: ``fid_at_8000``, ``fid_at_9000``, ``fid_at_10000``), all of them or none;
- elsewhere (``training``, ``discriminator``, ``pixels``, ``fresh_critic``): the row ``<name>_at_<step>``;
- without such rows: the row ``<name>``, if the run has just so many steps, or if it is a cost, which no length changes.

Else the run has no such number.
"""

import pandas as pd

from .plan import AnalysisPlan


def numbers_at(results: pd.DataFrame, step: int, plan: AnalysisPlan) -> pd.DataFrame:
    """Results as if every run had ended at a step.

    Args:
        results: of runs of that many steps or more.
        step: at which they are compared.
        plan: has the snapshots of a score and the feature spaces.

    Returns:
        The same columns. Rows of failed runs, which have no number, and of snapshots up to the step are kept.
    """
    parts = results.metric.astype("string").str.extract(r"^(.+)_at_(\d+)$")
    name, at = parts[0], pd.to_numeric(parts[1]).fillna(-1)
    in_space = results.features.isin([plan.features, plan.second_space])
    snapshots = plan.snapshots_of_score(step)
    chosen = results.assign(metric=name)[(in_space & at.isin(snapshots)) | (~in_space & (at == step))]
    key = ["run", "features", "metric"]
    groups = chosen.groupby(key).value
    wanted = chosen.features.isin([plan.features, plan.second_space]).map({True: len(snapshots), False: 1})
    scores = chosen.assign(value=groups.transform("mean"))[groups.transform("size") == wanted].drop_duplicates(key)
    whole = results[name.isna() & ((results.steps == step) | (results.features == "cost") | results.metric.isna())]
    whole = whole.merge(scores[key].assign(scored=True), on=key, how="left")
    whole = whole[whole.scored.isna()].drop(columns="scored")
    return pd.concat([whole, results[(at >= 0) & (at <= step)], scores], ignore_index=True)


def without_variants(results: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """Results of the discriminators as the profile has them: of mixed width, dropout or iterations those alone.

    The thesis's claims are judged by these runs; blocks that vary a discriminator are the comparisons' business.
    """
    varied = pd.Series(False, results.index)
    for arm in plan.arms.values():
        of_trunk = results.discriminator == arm.discriminator
        for name in arm.variations.keys() & set(results):
            usual = results[name] == plan.arm_fields(arm, varied=False)[name]
            varied |= of_trunk & ~usual & (of_trunk & usual).any()
    return results[~varied]
