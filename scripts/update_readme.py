"""Write measured tables into README.md and docs/, and times into the notebooks, from data/results/*.csv.

Tests fail if they differ.

.venv/bin/python scripts/update_readme.py
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pandas as pd

from capsgan.figures.study import describe_results
from capsgan.regeneration.quality import describe_gap, paired_intervals, scores_table
from capsgan.study.plan import CONTRADICTED, NOT_TESTABLE, REPLICATED, read_plan

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "data" / "results"
PAGES = ("README.md", "docs/study.md", "docs/backends.md")

TESTED_GANS = ("ACGAN", "DCGAN", "InfoGAN")

PAIRS = (  # of methods that fill holes
    ("Caps", "classical"),
    ("Caps", "pca"),
    ("Caps", "biharmonic"),
    ("classical", "biharmonic"),
    ("Caps", "Caps, no prior"),
    ("Caps, classical prior", "Caps, no prior"),
    ("classical", "classical, no prior"),
    ("classical, Caps prior", "classical, no prior"),
    ("Caps", "Caps, pasted"),
    ("classical", "classical, pasted"),
)


def main():
    """Rewrite the tables and the times."""
    paths = {ROOT / page: updated for page in PAGES} | dict.fromkeys((ROOT / "notebooks").glob("*.ipynb"), with_time)
    for path, function in paths.items():
        path.write_text(function(path.read_text(encoding="utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """A page with the tables that it has markers for, as the results say."""
    tables = {"answer": answer, "verdicts": verdicts_table, "results": results_table}
    for name, table in (tables | {"faces": faces_table, "backends": backends_table}).items():
        begin, end = f"<!-- begin {name} (scripts/update_readme.py) -->", f"<!-- end {name} -->"
        if begin in text:
            before, rest = text.split(begin)
            text = f"{before}{begin}\n{table()}\n{end}{rest.split(end)[1]}"
    return with_times(text)


def with_times(text: str) -> str:
    """A page whose table of notebooks has their measured times in its last column, and their sum below."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv").set_index("notebook")
    for name, seconds in rows.seconds.items():
        text = re.sub(
            rf"(\| \[[^]]+\]\(notebooks/{name}\.ipynb\).*\| )[^|]+( \|\n)", rf"\g<1>{minutes(seconds)}\2", text
        )
    return re.sub(r"(Together they take )\S+ min", rf"\g<1>{minutes(rows.seconds.sum())}", text)


def with_time(text: str) -> str:
    """A notebook whose opening says how long it takes at the quick profile, as measured."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv").set_index("notebook")
    name = re.search(r"notebooks/(\d\d_\w+)\.ipynb\)", text)[1]
    if name not in rows.index:
        return text
    return re.sub(
        r"quick profile: .{1,20} on 2 CPU cores", f"quick profile: {minutes(rows.seconds[name])} on 2 CPU cores", text
    )


def verdicts_table() -> str:
    """Every claim with its verdict, and what it stands on."""
    rows = pd.read_csv(RESULTS / "verdicts_study.csv")
    counts = rows[rows.section != "ours"].verdict.value_counts()
    plan = read_plan()
    found = ", ".join(f"{number} *{verdict}*" for verdict, number in counts.items())
    runs = pd.read_csv(RESULTS / "runs_study.csv")
    scale = (
        f"**Scale: the `study` profile** ({describe_results(runs)}; {runs.samples.max():,.0f} images per FID), not the "
        "thesis's 20,000 steps at full width. Verdicts apply only at this scale."
    )
    words = (
        f"The {counts.sum()} statements taken from the thesis: {found}; {(rows.section == 'ours').sum()} more are "
        "checks of ours. *Cannot tell yet* means that the interval contains the bound, or that there are too few "
        f"seeds. Version {plan.version} of the plan ({plan.date}) decides from {plan.least_seeds} seeds on; up to "
        f"{rows.seeds.max()} have run so far. Each interval holds for its own line. Similarity is decided by the 90 "
        "% interval (two one-sided tests). At the thesis's width, unlike at the width of these runs, a step of "
        f"CapsDCGAN takes {full_width_ratio('mixed_bfloat16'):.1f} times as long as one of DCGAN in bfloat16, and "
        f"{full_width_ratio('float32'):.1f} times in float32 ([backends](backends.md))."
    )
    decided = rows[rows.verdict.isin([REPLICATED, CONTRADICTED]) & (rows.section != "ours")]
    lines = [textwrap.fill(text, 118) + "\n" for text in (in_short(rows.set_index("claim")), scale, words)]
    if len(decided):
        lines += ["Replicated or contradicted:", "", *claim_rows(decided), ""]
    lines += ["<details>", f"<summary>All {len(rows)} statements</summary>", "", *claim_rows(rows), "", "</details>"]
    return "\n".join(lines)


def answer() -> str:
    """The answer to the project's question, as far as there is one, in three sentences."""
    rows = pd.read_csv(RESULTS / "verdicts_study.csv").set_index("claim")
    steps = pd.read_csv(RESULTS / "runs_study.csv").steps.max()
    thesis = rows[rows.section != "ours"]
    decided, plan = thesis.verdict.isin([REPLICATED, CONTRADICTED]).sum(), read_plan()
    acgan, dcgan, infogan = (shown(rows.loc[f"{gan}: comparable, if not better"]) for gan in TESTED_GANS)
    cause = rows.loc["capsules are the cause: against a CNN as large"]
    text = (
        f"So far {decided or 'none'} of the thesis's {len(thesis)} tested statements {'are' if decided else 'is'} "
        f"decided: that takes at least {plan.least_seeds} seeds, and up to {rows.seeds.max()} have run. In these runs "
        f"of up to {steps:,} steps, the distance of generated digits from real ones (FID) with capsules is {acgan} "
        f"times that with the classical discriminator in ACGAN, {dcgan} times in DCGAN and {infogan} times in InfoGAN; "
        "below 1 favours capsules, and brackets hold 95 % intervals. Compared with a plain CNN of the same size, it is "
        f"{shown(cause)} times in DCGAN. [The report](docs/study.md) has every verdict."
    )
    return textwrap.fill(text, 118)


def in_short(rows: pd.DataFrame) -> str:
    """The main effects in one paragraph."""
    ratios = ", ".join(f"{gan} {shown(rows.loc[f'{gan}: comparable, if not better'])}" for gan in TESTED_GANS)
    cause = rows.loc["capsules are the cause: against a CNN as large"]
    wgan = rows.loc["WGAN: comparable, if not better"]
    wgan_words = f"WGAN {shown(wgan)}" if pd.notna(wgan.low) else f"WGAN is not testable here ({wgan.note})"
    times = [rows.estimate[f"{gan}: overhead, time a step"] for gan in (*TESTED_GANS, "WGAN")]
    return (
        f"**In short**: ratio of FIDs, Caps ÷ classical: {ratios}; {wgan_words}. Against a CNN of the same size "
        f"without capsules, it is {shown(cause)} for DCGAN. Whether capsules are the cause: {cause.verdict}. A step "
        f"takes {min(times):.2f} to {max(times):.2f} times as long."
    )


def shown(row) -> str:
    """An effect with its interval."""
    return f"{row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"


def claim_rows(rows: pd.DataFrame) -> list[str]:
    """The lines of a table of claims."""
    lines = ["| claim | thesis | tested | seeds | effect (95 % interval) | verdict |", "|---|---|---|---|---|---|"]
    for row in rows.itertuples():
        interval = "" if pd.isna(row.low) else f" ({row.low:.3g} to {row.high:.3g})"
        effect = "–" if pd.isna(row.estimate) else f"{row.unit} {row.estimate:.3g}{interval}"
        verdict = f"**{row.verdict}**" if row.verdict in (REPLICATED, CONTRADICTED) else row.verdict
        verdict += f" ({row.failed} runs failed)" if row.failed else ""
        verdict += f" ({row.collapsed} runs collapsed)" if row.collapsed else ""
        if isinstance(row.second_verdict, str) and row.second_verdict != row.verdict:
            interval = f"{row.second_estimate:.3g} ({row.second_low:.3g} to {row.second_high:.3g})"
            verdict += f"; second feature space: {row.second_verdict}, {interval}"
        verdict += f": {row.note}" if row.verdict == NOT_TESTABLE else ""
        lines.append(f"| {row.claim} | {row.section} | {row.tested} | {row.seeds} | {effect} | {verdict} |")
    return lines


def full_width_ratio(precision: str) -> float:
    """Milliseconds of CapsDCGAN's step over DCGAN's at the thesis's width, in our own TensorFlow loop."""
    rows = pd.read_csv(RESULTS / "step_time.csv").query("backend == 'tensorflow' and loop == 'ours'")
    ms = rows[rows.precision == precision].set_index("trunk").ms
    return ms["caps"] / ms["cnn"]


def results_table() -> str:
    """Tail statistics, time and size of all eight runs."""
    rows = pd.read_csv(RESULTS / "comparison_quick.csv")
    columns = "network, steps, generator loss, discriminator loss, accuracy, ms per step, discriminator's parameters"
    lines = [f"| {columns.replace(', ', ' | ')} |", "|---|---|---|---|---|---|---|"]
    for _, row in rows.iterrows():
        losses = [f"{row[f'{m}_tail_mean']:.2f} ± {row[f'{m}_tail_std']:.2f}" for m in ("g_loss", "d_loss", "accuracy")]
        sizes = [f"{row.ms_per_step:.0f}", f"{row.discriminator_parameters:,}"]
        lines.append(" | ".join([f"| {row.network}", f"{row.steps:,}", *losses, *sizes]) + " |")
    words = (
        "Mean ± standard deviation over the last tenth of the steps. For WGAN, the generator loss is minus the mean "
        "score of generated images, and the discriminator loss is half the difference of the mean scores, generated "
        "minus real. Times are medians, measured while other work ran on the machine; `data/results/step_time.csv` "
        "has undisturbed ones."
    )
    return "\n".join([*lines, "", textwrap.fill(words, 118)])


def faces_scores() -> dict[str, pd.DataFrame]:
    """What `scripts/compare_regeneration.py` wrote, against the right truth: heading → scores."""
    tables = {}
    for path in sorted(RESULTS.glob("regeneration_*.csv")):
        scores = pd.read_csv(path).query("truth == 'right'")
        tables[f"{path.stem.removeprefix('regeneration_')}, {scores.image.nunique()} held out"] = scores
    return tables


def faces_table() -> str:
    """How well holes in held-out faces are filled, by every method."""
    columns = ["PSNR (dB)", "more than the mean image", "SSIM", "distance"]
    tables = {}
    for name, scores in faces_scores().items():
        shown = scores_table(scores[~scores.method.str.contains("pasted")], "mean image")
        tables[name] = shown.iloc[:, [0, 1, 2, 4]].set_axis(columns, axis=1)
    table = pd.concat(tables, axis=1)
    head = [f"{name}: {column}" for name, column in table]
    lines = [f"| method | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {method} | {' | '.join(row)} |" for method, row in table.iterrows()]
    lines += ["", "Pairs of methods, PSNR in the hole, first minus second:", ""]
    lines += [f"| pair | {' | '.join(tables)} |", "|---" * (len(tables) + 1) + "|"]
    for first, second in PAIRS:
        gaps = [paired_intervals(scores, second).set_index(["method", "metric"]) for scores in faces_scores().values()]
        lines.append(
            f"| {first} − {second} | {' | '.join(describe_gap(gap.loc[first, 'psnr_hole']) for gap in gaps)} |"
        )
    words = (
        "Means over faces. PSNR and SSIM are computed in the hole alone, the distance between whole images in the "
        "features of an untrained network. Differences are between results on the same face, with 95 % t intervals "
        "over faces; each interval holds for its own line. They say nothing about a second training: each network "
        "was trained once."
    )
    return "\n".join([*lines, "", textwrap.fill(words, 118)])


def backends_table() -> str:
    """Milliseconds per step of each backend, and of other ways to write the loop."""
    rows = pd.read_csv(RESULTS / "step_time.csv")
    lines = ["| backend | loop | precision | discriminator | ms per step | ÷ our loop |", "|---|---|---|---|---|---|"]
    for row in rows.itertuples():
        name = "classical" if row.trunk == "cnn" else "Caps"
        cells = [row.backend, row.loop, row.precision, name, f"{row.ms:.0f}", f"{row.ours_is_faster:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    words = (
        "Medians measured by `benchmarks/step_time.py` on 2 CPU cores: DCGAN at 28×28, batch 32, Caps at full "
        "width. A ratio above 1 means that our loop is faster. JAX with Caps in bfloat16 has no row: after five "
        "minutes it had not finished its first steps and was stopped."
    )
    return "\n".join([*lines, "", textwrap.fill(words, 118)])


def minutes(seconds: float) -> str:
    """Seconds in words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    sys.exit(main())
