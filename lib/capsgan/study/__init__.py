"""Conclusions from many runs: the plan, pairs by seed, statistics, verdicts on the claims of the thesis."""
