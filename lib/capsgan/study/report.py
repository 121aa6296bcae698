"""Measured tables for readers, in Markdown, from ``data/results``; they replace the text between their markers."""

import re
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..checks import require
from ..paths import PACKAGE, ROOT
from ..training.pool import in_words
from .plan import CONTRADICTED, REPLICATED, read_plan
from .results import RESULTS, describe_results
from .verdicts import OURS

MARKED = re.compile(r"(<!-- begin (\w+)[^>]*-->\n).*?(<!-- end \2 -->)", re.DOTALL)


def write_report(tables: dict[str, Callable[[], str]]) -> list[Path]:
    """Update README.md, the pages of docs/ and the notebooks' times; returns the files that changed."""
    changed, pages = [], [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for path in [*pages, *sorted((ROOT / "notebooks").glob("*.ipynb"))]:
        before = path.read_text(encoding="utf-8")
        after = filled(before, tables) if path in pages else with_time(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def filled(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """A page with a table between each ``<!-- begin NAME … -->`` and ``<!-- end NAME -->``, and measured times."""
    markers = re.findall(r"<!-- (begin|end) (\w+)", text)
    for (begin, name), (end, other) in zip(markers[::2], [*markers[1::2], ("nothing", "")], strict=False):
        good = (begin, end, name) == ("begin", "end", other) and name in tables
        require(good, "marker", name, f"pairs of begin and end of {' | '.join(tables)}")
    return with_times(MARKED.sub(lambda match: f"{match[1]}{tables[match[2]]()}\n{match[3]}", text))


def with_times(text: str) -> str:
    """A page whose table of notebooks has their measured times in its last column, and their sum below."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv").set_index("notebook")
    for name, seconds in rows.seconds.items():
        text = re.sub(
            rf"(\| \[[^]]+\]\(notebooks/{name}\.ipynb\).*\| )[^|]+( \|\n)", rf"\g<1>{in_words(seconds)}\2", text
        )
    return re.sub(r"(Together they take )\S+ min", rf"\g<1>{in_words(rows.seconds.sum())}", text)


def with_time(text: str) -> str:
    """A notebook whose opening says how long it takes at the quick profile, as measured."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv").set_index("notebook")
    name = re.search(r"notebooks/(\d\d_\w+)\.ipynb\)", text)[1]
    if name not in rows.index:
        return text
    return re.sub(r"(quick profile: ).{1,20}( on 2 CPU cores)", rf"\g<1>{in_words(rows.seconds[name])}\2", text)


def templates(folder: Path) -> Environment:
    """Jinja's templates of a folder, with a filter that wraps text and a test for missing numbers."""
    pages = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.tests["missing"] = pd.isna
    pages.filters["wrap"] = lambda text: textwrap.fill(" ".join(text.split()), 118)
    return pages


def render(part: str) -> str:
    """A part of ``report.md.jinja``, with what has been measured."""
    pages = templates(PACKAGE / "study")
    claims = pd.read_csv(RESULTS / "verdicts_study.csv").set_index("claim")
    thesis, runs = claims[claims.section != OURS], pd.read_csv(RESULTS / "runs_study.csv")
    times = pd.read_csv(RESULTS / "step_time.csv")
    ours = times.query("backend == 'tensorflow' and loop == 'ours' and size == 28")
    ours = ours.pivot(index="precision", columns="trunk", values="ms")
    pages.globals |= {
        "plan": read_plan(),
        "claims": claims,
        "thesis": thesis,
        "decided": thesis[thesis.verdict.isin([REPLICATED, CONTRADICTED])],
        "counts": ", ".join(f"{number} *{verdict}*" for verdict, number in thesis.verdict.value_counts().items()),
        "runs": runs,
        "scale": describe_results(runs),
        "networks": pd.read_csv(RESULTS / "comparison_quick.csv"),
        "times": times,
        "full_width": ours.caps / ours.cnn,  # at the thesis's width, Caps ÷ classical
    }
    return getattr(pages.get_template("report.md.jinja").module, part)().strip()


TABLES = {part: partial(render, part) for part in ("answer", "verdicts", "results", "backends")}
