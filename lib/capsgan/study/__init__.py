"""Conclusions from many runs: the plan, pairs by seed, statistics, verdicts on the claims of the thesis."""

from ..exports import exported

_MODULES = {
    "claims": ("read_claims",),
    "comparisons": ("analyse", "results_table"),
    "effects": ("FRACTIONS", "SCORE", "fid_from_less_data", "numbers", "ratio", "steps_to_fid"),
    "plan": ("read_plan",),
    "results": ("collect_results", "load_results", "runs_at_scale"),
    "statistics": ("decide", "mean_interval", "power_curve", "seeds_needed"),
    "verdicts": ("OURS", "verdict_table"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_HOMES)
__getattr__ = exported(__name__, _HOMES)  # the workflow reads study files without pandas
