"""Measured tables for readers, in Markdown, from ``data/results``; they replace the text between their markers."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import yaml

from ..paths import PACKAGE, ROOT
from .plan import CONTRADICTED, NOT_TESTABLE, REPLICATED, read_plan
from .results import RESULTS, describe_results
from .verdicts import OURS

MARKED = re.compile(r"(<!-- begin (\w+)[^>]*-->\n).*?(<!-- end \2 -->)", re.DOTALL)
TESTED_GANS = ("ACGAN", "DCGAN", "InfoGAN", "WGAN")
DECIDED = (REPLICATED, CONTRADICTED)


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
    """A page with a table between each ``<!-- begin NAME … -->`` and ``<!-- end NAME -->``, and measured times.

    ``tables`` maps a name to the function that makes the table.
    """
    markers = re.findall(r"<!-- (begin|end) (\w+)", text)
    for (begin, name), (end, other) in zip(markers[::2], [*markers[1::2], ("nothing", "")], strict=False):
        if (begin, end, name) != ("begin", "end", other) or name not in tables:
            raise ValueError(f"invalid marker={name!r}; expected pairs of begin and end of {' | '.join(tables)}")
    return with_times(MARKED.sub(lambda match: f"{match[1]}{tables[match[2]]()}\n{match[3]}", text))


def with_times(text: str) -> str:
    """A page whose table of notebooks has their measured times in its last column, and their sum below."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv").set_index("notebook")
    for name, seconds in rows.seconds.items():
        text = re.sub(rf"(\| \[[^]]+\]\(notebooks/{name}\.ipynb\).*\| )[^|]+( \|\n)", rf"\g<1>{_time(seconds)}\2", text)
    return re.sub(r"(Together they take )\S+ min", rf"\g<1>{_time(rows.seconds.sum())}", text)


def with_time(text: str) -> str:
    """A notebook whose opening says how long it takes at the quick profile, as measured."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv").set_index("notebook")
    name = re.search(r"notebooks/(\d\d_\w+)\.ipynb\)", text)[1]
    if name not in rows.index:
        return text
    return re.sub(
        r"quick profile: .{1,20} on 2 CPU cores", f"quick profile: {_time(rows.seconds[name])} on 2 CPU cores", text
    )


def verdicts_table() -> str:
    """Every claim with its verdict and evidence."""
    rows = pd.read_csv(RESULTS / "verdicts_study.csv")
    facts, decided = _facts(), rows[rows.verdict.isin(DECIDED) & (rows.section != OURS)]
    lines = [f"{_text(name, **facts)}\n" for name in ("in_short", "scale", "words")]
    if len(decided):
        lines += ["Replicated or contradicted:", "", claim_rows(decided), ""]
    summary = f"<summary>All {len(rows)} statements</summary>"
    return "\n".join([*lines, "<details>", summary, "", claim_rows(rows), "", "</details>"])


def answer() -> str:
    """The answer to the project's question, as far as there is one, in three sentences."""
    return _text("answer", **_facts())


def _facts() -> dict:
    """What the study has measured, by the names that ``report.yaml`` has for it."""
    rows = pd.read_csv(RESULTS / "verdicts_study.csv").set_index("claim")
    thesis, runs = rows[rows.section != OURS], pd.read_csv(RESULTS / "runs_study.csv")
    decided = thesis.verdict.isin(DECIDED).sum()
    fids = {gan: rows.loc[f"{gan}: comparable, if not better"] for gan in TESTED_GANS}
    cause = rows.loc["capsules are the cause: against a CNN as large"]
    times = [rows.estimate[f"{gan}: overhead, time a step"] for gan in TESTED_GANS]
    return {gan: _shown(row) for gan, row in fids.items()} | {
        "plan": read_plan(),
        "statements": len(thesis),
        "ours": len(rows) - len(thesis),
        "decided": decided or "none",
        "are": "are" if decided else "is",
        "verdicts": ", ".join(f"{number} *{verdict}*" for verdict, number in thesis.verdict.value_counts().items()),
        "cause": cause.verdict,
        "matched": _shown(cause),
        "least": min(times),
        "most": max(times),
        "scale": describe_results(runs),
        "samples": runs.samples.max(),
        "steps": runs.steps.max(),
        "seeds": rows.seeds.max(),
        "bfloat16": _full_width_ratio("mixed_bfloat16"),
        "float32": _full_width_ratio("float32"),
    }


def _shown(row) -> str:
    found = f"{row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
    return found if pd.notna(row.low) else f"is not testable here ({row.note})"


def claim_rows(claims: pd.DataFrame) -> str:
    """A table of claims."""
    rows = []
    for row in claims.itertuples():
        interval = "" if pd.isna(row.low) else f" ({row.low:.3g} to {row.high:.3g})"
        effect = "–" if pd.isna(row.estimate) else f"{row.unit} {row.estimate:.3g}{interval}"
        verdict = f"**{row.verdict}**" if row.verdict in DECIDED else row.verdict
        verdict += f" ({row.failed} runs failed)" if row.failed else ""
        verdict += f" ({row.collapsed} runs collapsed)" if row.collapsed else ""
        if isinstance(row.second_verdict, str) and row.second_verdict != row.verdict:
            interval = f"{row.second_estimate:.3g} ({row.second_low:.3g} to {row.second_high:.3g})"
            verdict += f"; second feature space: {row.second_verdict}, {interval}"
        verdict += f": {row.note}" if row.verdict == NOT_TESTABLE else ""
        rows.append([row.claim, row.section, row.tested, row.seeds, effect, verdict])
    return _table("claim | thesis | tested | seeds | effect (95 % interval) | verdict", rows)


def results_table() -> str:
    """Tail statistics, time and size of all eight runs."""
    rows = []
    for _, row in pd.read_csv(RESULTS / "comparison_quick.csv").iterrows():
        losses = [f"{row[f'{m}_tail_mean']:.2f} ± {row[f'{m}_tail_std']:.2f}" for m in ("g_loss", "d_loss", "accuracy")]
        size = f"{row.discriminator_parameters:,}"
        rows.append([row.network, f"{row.steps:,}", *losses, f"{row.ms_per_step:.0f}", size])
    head = "network | steps | generator loss | discriminator loss | accuracy | ms per step | discriminator's parameters"
    return _table(head, rows) + "\n\n" + _text("results")


def backends_table() -> str:
    """Milliseconds per step of each backend, and of other ways to write the loop."""
    rows = []
    for row in pd.read_csv(RESULTS / "step_time.csv").itertuples():
        trunk = "classical" if row.trunk == "cnn" else "Caps"
        rows.append([row.backend, row.loop, row.precision, trunk, f"{row.ms:.0f}", f"{row.ours_is_faster:.2f}"])
    head = "backend | loop | precision | discriminator | ms per step | ÷ our loop"
    return _table(head, rows) + "\n\n" + _text("backends")


TABLES = {"answer": answer, "verdicts": verdicts_table, "results": results_table, "backends": backends_table}


def _full_width_ratio(precision: str) -> float:
    """Ratio of the step time, CapsDCGAN ÷ DCGAN, at the thesis's width in our own TensorFlow loop."""
    rows = pd.read_csv(RESULTS / "step_time.csv").query("backend == 'tensorflow' and loop == 'ours'")
    ms = rows[rows.precision == precision].set_index("trunk").ms
    return ms["caps"] / ms["cnn"]


def _table(head: str, rows: list[list]) -> str:
    lines = [f"| {head} |", "|---" * (head.count(" | ") + 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def _text(name: str, **facts) -> str:
    texts = yaml.safe_load((PACKAGE / "study" / "report.yaml").read_text(encoding="utf-8"))
    return textwrap.fill(texts[name].format(**facts), 118)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
