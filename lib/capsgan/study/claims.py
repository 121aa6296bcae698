"""The thesis's claims, ``study/claims.yaml``: statements that runs can support or contradict."""

from functools import cache, partial

import yaml

from ..checks import require
from ..paths import shipped
from . import effects
from .verdicts import Claim

PATH = shipped("study") / "claims.yaml"


@cache
def read_claims() -> tuple[Claim, ...]:
    """All claims in the order of the report, judged by :func:`capsgan.study.verdicts.verdict_table`."""
    return tuple(_claim(entry) for entry in yaml.safe_load(PATH.read_text(encoding="utf-8")))


def _claim(entry: dict) -> Claim:
    functions = {name: _function(**entry[name]) for name in ("effects", "premise") if name in entry}
    least = {"least_steps": None} if entry.get("least_steps") == "plan" else {}
    return Claim(**entry | functions | least)


def _function(function: str, **values) -> partial:
    require(hasattr(effects, function), "function", function, f"a function of {effects.__name__}")
    return partial(getattr(effects, function), **values)
