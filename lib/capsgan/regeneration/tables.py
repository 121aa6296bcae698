"""The tables of regenerated images in docs/study.md, from ``data/results``, by the template ``tables.md.jinja``."""

from functools import partial

import pandas as pd

from ..paths import PACKAGE, shipped
from ..study.report import templates
from .quality import describe_gap, paired_intervals, scores_table

FACTORS = ["skin", "hair_colour", "glasses"]  # of a drawing, as a classifier sees them
LABELS = {  # what completion networks are called, by pretrained name or run
    r"\w+-completion-cnn": "network, classical adversary",
    r"\w+-completion-caps": "network, Caps adversary",
    r"completion-none-.+": "network, no adversary",
}


def render(part: str) -> str:
    """The macro ``faces`` (latent search) or ``completion`` (completion networks) of the template."""

    def results(kind: str) -> dict[str, pd.DataFrame]:
        paths = sorted(shipped("results").glob(f"{kind}_*.csv"))
        return {path.stem.removeprefix(f"{kind}_").removeprefix("folder_"): pd.read_csv(path) for path in paths}

    pages = templates(PACKAGE / "regeneration")
    pages.globals |= {
        "searched": {name: scores.query("truth == 'right'") for name, scores in results("regeneration").items()},
        "completed": {name: table.replace(LABELS, regex=True) for name, table in results("completion").items()},
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
    right, masks = table[table.truth == "right"], table["mask"].unique()
    psnr, ssim = (
        right[right.metric == metric].pivot(index="method", columns="mask", values="mean")[masks]
        for metric in ("psnr_hole", "ssim_hole")
    )
    text = psnr.map("{:.2f}".format) + " / " + ssim.map("{:.3f}".format)
    return text.loc[psnr.sort_values("centre", ascending=False).index]


def by_factor(table: pd.DataFrame, mask: str) -> pd.DataFrame:
    """Of drawings: how many have the right skin, hair colour and glasses, as text, one row per method; or empty."""
    rows = table[(table["mask"] == mask) & table.metric.isin(FACTORS)]
    shares = rows.pivot(index="method", columns="metric", values="mean").reindex(columns=FACTORS)
    return shares.sort_values(FACTORS, ascending=False).map("{:.0%}".format)


TABLES = {part: partial(render, part) for part in ("faces", "completion")}
