"""Write measured tables into README.md and times into the notebooks, from data/results/*.csv. Tests say if they differ.

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
TITLES = {
    "01_gan_basics": "the game, the loop written out, on a 2-D toy and on digits",
    "02_dcgan": "DCGAN; capsules explained and drawn; Figures 5.1, 6.1, 8.2",
    "03_wgan": "the critic, clipping and how it kills, the gradient penalty; Figures 8.4, 8.5",
    "04_acgan": "classes in the latent, class by class; Figure 8.1",
    "05_infogan": "codes that can be read back, traversals; Figure 8.3",
    "06_compare_metrics": "all eight runs, Figures 8.1–8.5, measures of the images over many seeds, the errata",
    "07_regenerate_faces": "64×64 faces; filling holes by a search of the latent, judged against baselines; a tool",
    "08_testing_the_claims": "every claim of the thesis as a test, with its verdict",
    "09_pytorch": "the same GAN in PyTorch, beside the loop by hand",
}

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
    paths = {ROOT / "README.md": updated, **dict.fromkeys((ROOT / "notebooks").glob("*.ipynb"), with_time)}
    for path, function in paths.items():
        path.write_text(function(path.read_text(encoding="utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """README.md with its tables as the results say."""
    tables = {"verdicts": verdicts_table(), "seconds": seconds_table(), "results": results_table()}
    for name, table in (tables | {"faces": faces_table(), "backends": backends_table()}).items():
        begin, end = f"<!-- begin {name} (scripts/update_readme.py) -->", f"<!-- end {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"
    return text


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
        f"**Scale: the `study` profile** ({describe_results(runs)}; {runs.samples.max():,.0f} images a FID), not the "
        "thesis's 20,000 steps at full width: a verdict holds there and no further. What stands behind each line, with "
        "figures: [notebook 08](notebooks/08_testing_the_claims.ipynb); the numbers: `data/results/`."
    )
    words = (
        f"The verdicts of {counts.sum()} statements: {found}. *Cannot tell yet*: the interval contains the bound, or "
        "seeds are too few; "
        f"{(rows.section == 'ours').sum()} more statements are checks of ours and not the thesis's. "
        f"`study/analysis_plan.yaml`, version {plan.version} of {plan.date}, decides from {plan.least_seeds} seeds on; "
        f"these results have up to {rows.seeds.max()}. The intervals below hold for each line by itself. Similarity is "
        "decided by the 90 % interval (two one-sided tests). FID is the Fréchet distance on the features of a "
        "classifier of digits (lower is better). The "
        "plan says what was laid down when, and what had been seen by then. "
        "At the thesis's width a "
        f"step of CapsDCGAN takes {full_width_ratio('mixed_bfloat16'):.1f} times one of DCGAN in bfloat16, "
        f"{full_width_ratio('float32'):.1f} times in float32 (table below), not what it takes at a quarter of it."
    )
    decided = rows[rows.verdict.isin([REPLICATED, CONTRADICTED]) & (rows.section != "ours")]
    lines = [textwrap.fill(text, 118) + "\n" for text in (in_short(rows.set_index("claim")), scale, words)]
    if len(decided):
        lines += ["Those replicated or contradicted:", "", *claim_rows(decided), ""]
    lines += ["<details>", f"<summary>All {len(rows)} statements</summary>", "", *claim_rows(rows), "", "</details>"]
    return "\n".join(lines)


def in_short(rows: pd.DataFrame) -> str:
    """The answer to the project's question, as far as there is one."""

    def shown(row):
        return f"{row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"

    gans = ("ACGAN", "DCGAN", "InfoGAN")
    images = [rows.loc[f"{gan}: comparable, if not better"] for gan in gans]
    ratios = ", ".join(f"{gan} {shown(row)}" for gan, row in zip(gans, images, strict=True))
    cause = rows.loc["capsules are the cause: against a CNN as large"]
    wgan = rows.loc["WGAN: comparable, if not better"]
    wgan_words = f"WGAN {shown(wgan)}" if pd.notna(wgan.low) else f"WGAN is not testable here ({wgan.note})"
    times = [rows.estimate[f"{gan}: overhead, time a step"] for gan in (*gans, "WGAN")]
    return (
        f"**In short**: ratio of FIDs, Caps ÷ classical: {ratios}; {wgan_words}. Against a CNN as large, without "
        f"capsules, it is {shown(cause)} in DCGAN; whether capsules are the cause: {cause.verdict}. A step takes "
        f"{min(times):.2f} to {max(times):.2f} times as long."
    )


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


def seconds_table() -> str:
    """The map of notebooks with the seconds that each took at the quick profile, with its trainings."""
    rows = pd.read_csv(RESULTS / "seconds_quick.csv")
    address = re.search(r'Repository = "https://github.com/(.+)"', (ROOT / "pyproject.toml").read_text())[1]
    lines = ["| notebook | teaches | Colab | quick profile |", "|---|---|---|---|"]
    for row in rows.itertuples():
        path = f"notebooks/{row.notebook}.ipynb"
        badge = "https://colab.research.google.com/assets/colab-badge.svg"
        colab = f"[![Open in Colab]({badge})](https://colab.research.google.com/github/{address}/blob/main/{path})"
        lines.append(f"| [{row.notebook}]({path}) | {TITLES[row.notebook]} | {colab} | {minutes(row.seconds)} |")
    machine = rows.machine[0]
    lines.append(f"\nAll of them: {minutes(rows.seconds.sum())}, trainings included, measured on {machine}.")
    return "\n".join(lines)


def results_table() -> str:
    """Tail statistics, time and size of all eight runs."""
    rows = pd.read_csv(RESULTS / "comparison_quick.csv")
    lines = [
        "| network | steps | generator loss | discriminator loss | accuracy | ms a step | discriminator's parameters |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for _, row in rows.iterrows():
        losses = [f"{row[f'{m}_tail_mean']:.2f} ± {row[f'{m}_tail_std']:.2f}" for m in ("g_loss", "d_loss", "accuracy")]
        sizes = [f"{row.ms_per_step:.0f}", f"{row.discriminator_parameters:,}"]
        lines.append(" | ".join([f"| {row.network}", f"{row.steps:,}", *losses, *sizes]) + " |")
    lines.append(
        "\nMean ± standard deviation over the last tenth of the steps. WGAN's losses are differences of scores. Times"
        "\nare medians, taken beside other work on the machine; `data/results/step_time.csv` has quiet ones."
    )
    return "\n".join(lines)


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
        "Means over faces; PSNR and SSIM in the hole alone, distance of whole images in the features of an untrained "
        "network. Differences are taken on the same face, with 95 % t intervals over the faces, each by itself. They "
        "say nothing about another training: each network was trained once."
    )
    return "\n".join([*lines, "", textwrap.fill(words, 118)])


def backends_table() -> str:
    """Milliseconds a step of each backend and of its baselines."""
    rows = pd.read_csv(RESULTS / "step_time.csv")
    lines = ["| backend | loop | precision | discriminator | ms a step | times ours | of the matrix-product rate |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in rows.itertuples():
        name = "classical" if row.trunk == "cnn" else "Caps"
        cells = [row.backend, row.loop, row.precision, name, f"{row.ms:.0f}"]
        cells += [f"{row.ours_is_faster:.2f}", f"{row.of_ceiling:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(
        "\nMedians of `benchmarks/step_time.py`: DCGAN at 28×28, batch 32, Caps at full width, 2 CPU cores. The folded"
        "\nupsampling is counted unfolded, so a share can be flattering. JAX with Caps in bfloat16 has no row: it was"
        "\nstopped after five minutes without an end of its first steps."
    )
    return "\n".join(lines)


def minutes(seconds: float) -> str:
    """Seconds in words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    sys.exit(main())
