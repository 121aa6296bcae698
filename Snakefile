# How the report is made, from the trainings to the tables of the README. Read it from top to bottom.
#
#   ./run_all.sh --study study/study.yaml                                   on this machine
#   ./run_all.sh --study study/study.yaml --executor slurm --jobs 64        on a cluster; docs/cluster.md tells more
#
# The library trains, resumes, locks and names the runs; this file says only what follows from what. An output is a small
# file that says how a run ended, never the run's directory: Snakemake deletes what a failed job was to make, and the
# checkpoints from which the next attempt goes on must stay.

from pathlib import Path

STUDY = config.get("study", "study/study.yaml")  # the runs: blocks of GANs × discriminators × seeds × …
SAMPLES = config.get("samples", 10_000)  # images of each snapshot that is scored
CORES = int(config.get("cores", 8))  # of the machine; of a node of a cluster that a rule has for itself
BUILD = f"build/study/{Path(STUDY).stem}"


include: "workflow/runs.smk"  # RUNS: id → title, block, config and options; what each asks of a cluster


shell.prefix("export PATH=.venv/bin:$PATH TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1; ")


localrules:
    all,
    trained,
    scored,
    report,


rule all:
    input:
        f"{BUILD}/report.done" if IS_PLANNED else f"{BUILD}/scores.csv",


rule trained:
    input:
        expand(f"{BUILD}/trained/{{run}}.json", run=RUNS),


rule scored:
    input:
        expand(f"{BUILD}/scored/{{run}}.json", run=RUNS),


# Train one run, or go on with it. A run that diverges has a result, too; it is not tried again.
rule train:
    output:
        f"{BUILD}/trained/{{run}}.json",
    log:
        f"{BUILD}/logs/train/{{run}}.log",
    params:
        options=options_of,
    threads: 1
    resources:
        runtime=minutes_to_train,
        mem_mb=memory_to_train,
        constraint=node_type,
    conda:
        "environment.yml"
    shell:
        "python workflow/train.py {output} {params.options} >{log} 2>&1"


# Score the images of one run.
rule evaluate:
    input:
        f"{BUILD}/trained/{{run}}.json",
    output:
        f"{BUILD}/scored/{{run}}.json",
    log:
        f"{BUILD}/logs/evaluate/{{run}}.log",
    params:
        samples=SAMPLES,
    threads: 1
    resources:
        runtime=lambda wildcards, attempt: 60 * attempt,
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
    conda:
        "environment.yml"
    shell:
        "python workflow/evaluate.py {input} {output} --samples {params.samples} >{log} 2>&1"


# One row per run: what it is and its scores.
rule scores:
    input:
        expand(f"{BUILD}/scored/{{run}}.json", run=RUNS),
    output:
        f"{BUILD}/scores.csv",
    log:
        f"{BUILD}/logs/scores.log",
    params:
        folder=lambda wildcards, input: Path(input[0]).parent,
    conda:
        "environment.yml"
    shell:
        "python workflow/scores.py {params.folder} {output} >{log} 2>&1"


# The time of a step of every network, with nothing beside it: the rule takes all cores, and comes after the trainings.
rule step_times:
    input:
        rules.scores.output,
    output:
        touch(f"{BUILD}/step_times.done"),
    log:
        f"{BUILD}/logs/step_times.log",
    threads: CORES
    resources:
        runtime=60,
        mem_mb=8000,
        slurm_extra="'--exclusive'",
    conda:
        "environment.yml"
    shell:
        "env -u TF_NUM_INTRAOP_THREADS -u TF_NUM_INTEROP_THREADS -u OMP_NUM_THREADS "
        "python benchmarks/study_steps.py >{log} 2>&1"


# The tables of the committed results: runs, metrics, verdicts. Rows of runs that are elsewhere stay as they are stored.
rule tables:
    input:
        rules.scores.output,
        rules.step_times.output,
    output:
        touch(f"{BUILD}/tables.done"),
    log:
        f"{BUILD}/logs/tables.log",
    conda:
        "environment.yml"
    shell:
        "python -m capsgan study collect >{log} 2>&1"


# The notebooks that show the study, and its figures.
rule notebook:
    input:
        rules.tables.output,
    output:
        touch(f"{BUILD}/notebooks/{{notebook}}.done"),
    log:
        f"{BUILD}/logs/notebooks/{{notebook}}.log",
    conda:
        "environment.yml"
    shell:
        "python scripts/execute_notebook.py {wildcards.notebook} --profile quick >{log} 2>&1"


# The tables of the README and the pages.
rule report:
    input:
        rules.tables.output,
        f"{BUILD}/notebooks/08_testing_the_claims.done",
    output:
        touch(f"{BUILD}/report.done"),
    log:
        f"{BUILD}/logs/report.log",
    conda:
        "environment.yml"
    shell:
        "python scripts/write_report.py >{log} 2>&1"
