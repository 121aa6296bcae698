"""Run a study with Snakemake, here or on a cluster. Called by run_all.sh --study FILE; docs/cluster.md explains it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from capsgan.cli.options import OneLineParser, positive
from capsgan.paths import ROOT
from capsgan.study.blocks import read_blocks
from capsgan.training.pool import core_count

SNAKEMAKE = ROOT / "build" / "snakemake" / "bin" / "snakemake"


def main() -> int:
    """Check what was asked for, then hand over to Snakemake."""
    own, more = sys.argv[1:], []
    if "--" in own:
        own, more = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = OneLineParser(
        prog="run_all.sh",
        description="Train and score the runs of a study, then make its tables and report. Finished runs are reused, "
        "interrupted ones go on where they stopped. Options after -- go to Snakemake.",
    )
    parser.add_argument("--study", metavar="FILE", required=True, help="e.g. study/study.yaml")
    parser.add_argument("--executor", metavar="NAME", default="local", help="local | slurm | … (default: local)")
    parser.add_argument("--jobs", type=positive, metavar="INT", help="at once on the cluster (default: 16)")
    parser.add_argument("--cores", type=positive, metavar="INT", help="at once on this machine (default: all)")
    parser.add_argument("--samples", type=positive, metavar="INT", default=10_000, help="images that are scored")
    parser.add_argument("--dry-run", action="store_true", help="print what would run, and why")
    options = parser.parse_args(own)
    try:
        runs = {config.run_id for block in read_blocks(Path(options.study)).values() for config in block}
    except ValueError as error:
        parser.error(str(error))
    print(f"{len(runs)} runs in {options.study}", flush=True)

    command = [str(SNAKEMAKE), "--snakefile", str(ROOT / "Snakefile"), "--directory", str(ROOT)]
    command += ["--rerun-incomplete", "--rerun-triggers", "mtime", "--retries", "3", "--keep-going"]
    command += ["--show-failed-logs"]
    cores = options.cores or core_count()
    if options.executor == "local":
        command += ["--cores", str(cores)]
    else:
        command += ["--executor", options.executor, "--jobs", str(options.jobs or 16), "--latency-wait", "60"]
    command += ["--dry-run"] * options.dry_run
    config = ["--config", f"study={Path(options.study).resolve()}", f"samples={options.samples}"]
    config += [f"cores={cores}"] if options.executor == "local" else []
    lock = ROOT / "build" / "study" / ".lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):  # so what a killed Snakemake has left locked can be unlocked
            if not options.dry_run:
                subprocess.run(
                    [*command, "--unlock", *config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
                )
            return hand_over([*command, *more, *config])
    except Timeout:
        parser.error(f"a workflow runs in {ROOT} already; wait for its end")


def hand_over(command: list[str]) -> int:
    """Snakemake's exit status. Ctrl-C and SIGTERM make it end its jobs; those of a cluster it cancels."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would ours
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)  # the trainings beside it, too: they save a checkpoint


if __name__ == "__main__":
    sys.exit(main())
