"""Write the measured tables into README.md and docs/, and measured times into the notebooks, from data/results/.

.venv/bin/python scripts/write_report.py

A table replaces the text between its markers, ``<!-- begin NAME … -->`` and ``<!-- end NAME -->``.
"""

import os
import re
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from capsgan.checks import require
from capsgan.figures.study import TRUNKS
from capsgan.names import GANS
from capsgan.paths import ROOT
from capsgan.regeneration.quality import describe_gap, paired_intervals, scores_table
from capsgan.runs.pretrained import list_pretrained
from capsgan.runs.reference import list_references
from capsgan.study.effects import ratio
from capsgan.study.plan import CONTRADICTED, REPLICATED, read_plan
from capsgan.study.results import RESULTS, collect_results, describe_results
from capsgan.study.verdicts import OURS
from capsgan.training.pool import in_words

FACTORS = ["skin", "hair_colour", "glasses"]  # of a drawing, as a classifier sees them
LABELS = {  # what completion networks are called, by pretrained name or run
    r"\w+-completion-cnn": "network, classical adversary",
    r"\w+-completion-caps": "network, Caps adversary",
    r"completion-none-.+": "network, no adversary",
    r"\w+-(superres|restore)-caps": "network, Caps adversary",
}
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
    pages = templates(Path(__file__).parent)
    claims = pd.read_csv(RESULTS / "verdicts_study.csv").set_index("claim")
    thesis, runs = claims[claims.section != OURS], pd.read_csv(RESULTS / "runs_study.csv")
    times = pd.read_csv(RESULTS / "step_time.csv")
    ours = times.query("backend == 'tensorflow' and loop == 'ours' and size == 28 and device == 'cpu'")
    ours = ours.pivot(index="precision", columns="trunk", values="ms")
    long = collect_results([run for run in list_references() if run.config.steps == 20_000])
    wide = long[long.width == 1]
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
        "full_scale": lambda gan, other: np.exp(ratio(wide, gan, "fid", other=other)).dropna().tolist(),  # by seed
        "references": reference_rows(long),
    }
    return getattr(pages.get_template("report.md.jinja").module, part)().strip()


def reference_rows(results: pd.DataFrame) -> list[list[str]]:
    """One row per network of the references as text, scores seed by seed; the last row is what real images get."""
    metrics = [("digits", "fid"), ("lenet", "fid"), ("digits", "precision"), ("digits", "coverage")]
    shown = results.sort_values("seed").set_index(["features", "metric"]).loc[metrics]
    rows = []
    for (gan, width, trunk), part in shown.groupby(["gan", "width", "discriminator"]):
        scores = [", ".join(part.loc[[place]].value.map("{:.3f}".format)) for place in metrics]
        rows.append([GANS[gan].label, "¼" if width == 0.25 else f"{width:g}", TRUNKS[trunk], *scores])
    floor = shown.floor.groupby(level=[0, 1]).median()
    return [*rows, ["real images", "", "", *(f"{floor[place]:.3f}" for place in metrics)]]


def render_faces(part: str) -> str:
    """The macro ``faces`` (latent search) or ``completion`` (completion networks) of ``tables.md.jinja``."""

    def results(kind: str) -> dict[str, pd.DataFrame]:
        paths = sorted(RESULTS.glob(f"{kind}_*.csv"))
        return {path.stem.removeprefix(f"{kind}_").removeprefix("folder_"): pd.read_csv(path) for path in paths}

    pages = templates(Path(__file__).parent)
    pages.globals |= {
        "searched": {name: scores.query("truth == 'right'") for name, scores in results("regeneration").items()},
        "completed": {name: table.replace(LABELS, regex=True) for name, table in results("completion").items()},
        "restored": {name: table.replace(LABELS, regex=True) for name, table in results("restoration").items()},
        "searched_in_stages": results("search"),
        "generated": [
            network.card["image_scores"] | {"name": network.name}
            for network in list_pretrained()
            if "image_scores" in network.card
        ],
        "by_damage": by_damage,
        "gains": gains,
        "by_stage": by_stage,
        "by_method": by_method,
        "gap": gap,
        "by_mask": by_mask,
        "by_factor": by_factor,
    }
    return getattr(pages.get_template("tables.md.jinja").module, part)().strip()


def by_method(scores: pd.DataFrame) -> pd.DataFrame:
    """PSNR, its difference from the mean image, SSIM and distance as text, one row per method that blends."""
    return scores_table(scores.query("not method.str.contains('pasted')"), "mean image").iloc[:, [0, 1, 2, 4]]


def gap(scores: pd.DataFrame, first: str, second: str) -> str:
    """The mean difference of PSNR in the hole, with its interval."""
    gaps = paired_intervals(scores, second).set_index(["method", "metric"])
    return describe_gap(gaps.loc[first, "psnr_hole"])


def by_mask(table: pd.DataFrame) -> pd.DataFrame:
    """PSNR and SSIM in the hole as text, one row per method, the best on top, one column per mask."""
    return quality(table, "mask", ("psnr_hole", "ssim_hole"), lambda psnr: psnr["centre"])


def by_damage(table: pd.DataFrame) -> pd.DataFrame:
    """PSNR and SSIM of whole images as text, one row per method, one column per damage; — where it was not tried."""
    return quality(table, "damage", ("psnr", "ssim"), lambda psnr: psnr.max(axis=1))


def quality(table: pd.DataFrame, column: str, metrics: tuple[str, str], order: Callable) -> pd.DataFrame:
    """Means of PSNR and SSIM as text; rows are methods, the best by ``order`` on top."""
    right, names = table[table.truth == "right"], table[column].unique()
    psnr, ssim = (
        right[right.metric == metric].pivot(index="method", columns=column, values="mean")[names] for metric in metrics
    )
    text = psnr.map("{:.2f}".format) + " / " + ssim.map("{:.3f}".format)
    return text.where(psnr.notna(), "—").loc[order(psnr).sort_values(ascending=False).index]


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """What a network gains on each baseline, in dB."""
    return table[(table.truth == "gain") & (table.metric == "psnr") & ~table.method.str.startswith("network")]


def by_stage(table: pd.DataFrame) -> pd.DataFrame:
    """PSNR in the hole as text, hidden and (not hidden), one row per stage and network, one column per mask."""
    rows = table[table.metric == "psnr_hole"]
    hidden, seen = (
        rows[rows.hidden == what].pivot(index=["network", "stage"], columns="mask", values="mean")
        for what in ("hole", "nothing")
    )
    order = rows[["network", "stage"]].drop_duplicates().itertuples(index=False, name=None)
    ceiling = seen.reindex(hidden.index).map(lambda value: "" if pd.isna(value) else f" ({value:.2f})")
    text = (hidden.map("{:.2f}".format) + ceiling).loc[list(order)]
    text.index = [f"{network}: {stage}" for network, stage in text.index]
    return text[rows["mask"].unique()]


def by_factor(table: pd.DataFrame, mask: str) -> pd.DataFrame:
    """Of drawings: how many have the right skin, hair colour and glasses, as text, one row per method; or empty."""
    rows = table[(table["mask"] == mask) & table.metric.isin(FACTORS)]
    shares = rows.pivot(index="method", columns="metric", values="mean").reindex(columns=FACTORS)
    return shares.sort_values(FACTORS, ascending=False).map("{:.0%}".format)


STUDY = {part: partial(render, part) for part in ("answer", "verdicts", "results", "backends")}
TABLES = STUDY | {
    part: partial(render_faces, part) for part in ("faces", "completion", "generation", "restoration", "search")
}

if __name__ == "__main__":
    for path in write_report(TABLES):
        print(f"written: {path}")
