"""Train what the notebooks show, side by side; execute each when its runs are ready. Called by run_all.sh."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from kernels import build_directory

from capsgan.cli.options import NETWORKS, OneLineParser, add_options, positive, read_grid_options
from capsgan.config import RunConfig
from capsgan.paths import ROOT, figures_directory
from capsgan.study.blocks import read_blocks
from capsgan.training.pool import Job, core_count, run_jobs

NOTEBOOKS = ROOT / "notebooks"
COURSE = ROOT / "study" / "course.yaml"
BUILD = build_directory()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> int:
    """Train the part of the grid that was asked for, or what the notebooks show; execute them; print the times."""
    options = parse_arguments()
    names, trained = options.notebooks, False
    if options.part or len(options.seeds) > 1 or options.stop_after:
        if status := train_grid(options):
            return status
        if options.dry_run or not grid_is_finished(options):
            return 0  # time was up: the same command continues
        trained = True
        if names is None:
            names = [name for name in default_notebooks() if not options.part or name in options.part]
    names = default_notebooks() if names is None else names
    needs = runs_of_notebooks(names, options)
    trainings = training_jobs(needs, options.force and not trained)
    jobs, kept = [], []
    for name in sorted(names, key=order):
        ids = dict.fromkeys(config.run_id for config in needs[name])
        ready = [trainings[run_id] for run_id in ids if run_id in trainings]
        if not (ready or options.notebooks or options.force or trained) and is_current(name, options):
            kept.append(name)
            continue
        jobs += [job for job in ready if job not in jobs]
        jobs.append(notebook_job(name, ready, options, force=options.force and not (needs[name] or trained)))
    if kept:
        print(f"up to date, nothing changed: {', '.join(sorted(kept))} (--force executes them again)", flush=True)
    if options.dry_run:
        return describe(jobs, needs, trainings)
    begin, executed = time.perf_counter(), len(names) - len(kept)
    print(f"{len(jobs) - executed} trainings and {executed} notebooks ({options.profile.name} profile)", flush=True)
    try:
        done = run_jobs(jobs, options.cores)
    except KeyboardInterrupt:
        print("interrupted; repeat the command to continue", file=sys.stderr)
        return 130
    if finished := [job for job in jobs if job in done and not job.steps]:
        report(finished, time.perf_counter() - begin, options)
    for job in jobs:
        if job not in done:
            why = "failed" if job.process else "not started: it needs what failed"
            print(f"{job.name}: {why}", file=sys.stderr)
    return int(len(done) < len(jobs))


def parse_arguments() -> argparse.Namespace:
    """The options of run_all.sh, each checked before anything starts."""
    parser = OneLineParser(
        prog="run_all.sh",
        description="Set up .venv, train what the notebooks show, execute them headlessly and redraw every figure. "
        "Finished runs are reused, interrupted ones continue. With --gan, --discriminator, several "
        "--seeds or --stop-after the networks are trained first, then the notebooks that show them are executed. With "
        "--study the runs of a study are trained and scored instead, here or on a cluster: see docs/cluster.md.",
    )
    add_options(parser, *NETWORKS)
    parser.add_argument("--notebooks", metavar="NUMBERS", help="e.g. 02,06 (default: all)")
    parser.add_argument("--cores", type=positive, metavar="INT", help="jobs side by side (default: all; on a GPU 1)")
    parser.add_argument("--executor", metavar="NAME", help="with --study: local | slurm | … (default: local)")
    parser.add_argument("--jobs", type=positive, metavar="INT", help="with --study: jobs at once on the cluster")
    options = parser.parse_args()
    options.part = None  # of the notebooks: those of the GANs that were asked for
    if options.discriminator:
        options.part = []
    elif options.gan:
        options.part = [name for name in all_notebooks() if name[3:] in options.gan.split(",")]
    try:
        with standard_error_to_null():  # TensorFlow greets there while it is asked for GPUs
            read_grid_options(options)
            options.cores = options.cores or default_cores()
        if options.executor or options.jobs:
            raise ValueError(
                "--executor and --jobs need --study FILE; --cores sets how many jobs run side by side here"
            )
        if options.notebooks is not None:
            options.notebooks = [find_notebook(part) for part in options.notebooks.split(",")]
    except ValueError as error:
        parser.error(str(error))
    return options


def default_cores() -> int:
    """All cores; 1 where there is a GPU, which the jobs would share."""
    from capsgan.engines import get_engine

    return 1 if get_engine().gpu_count() else core_count()


def default_notebooks() -> list[str]:
    """All notebooks whose packages are installed; says which are skipped."""
    names = all_notebooks()
    if importlib.util.find_spec("torch") is None:
        names = [name for name in names if not name.endswith("_pytorch")]
        print("09_pytorch is skipped: PyTorch is not installed (.venv/bin/pip install torch)", flush=True)
    return names


def all_notebooks() -> list[str]:
    """Names of all notebooks, in their order."""
    return sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def find_notebook(part: str) -> str:
    """``02`` or ``02_dcgan`` → ``02_dcgan``."""
    found = [name for name in all_notebooks() if part and name.startswith(part.strip().zfill(2))]
    if len(found) != 1:
        raise ValueError(f"notebooks={part!r} is not one of them; expected {' | '.join(all_notebooks())}")
    return found[0]


def order(name: str) -> tuple[int, str]:
    """Notebooks as course.yaml lists them, so that the longest work comes first; then the others."""
    listed = list(dict.fromkeys(block.split()[0] for block in read_blocks(COURSE)))
    return (listed.index(name) if name in listed else len(listed), name)


def runs_of_notebooks(names: list[str], options) -> dict[str, list[RunConfig]]:
    """The runs that each notebook shows."""
    blocks = read_blocks(COURSE, options.profile.name, options.seeds[0])
    needs = {
        name: [c for block, configs in blocks.items() if block.split()[0] == name for c in configs] for name in names
    }
    compared = options.profile.grid(seeds=options.seeds[:1])
    return {name: compared if name.startswith("06") else configs for name, configs in needs.items()}


def training_jobs(needs: dict[str, list[RunConfig]], force: bool) -> dict[str, Job]:
    """The trainings that are to be done, by run id."""
    with standard_error_to_null():
        from capsgan.runs.run import run_for
        from capsgan.training.grid import training_job
    configs = {config.run_id: config for runs in needs.values() for config in runs}
    more = ("--force",) if force else ()
    return {name: training_job(c, more) for name, c in configs.items() if force or not run_for(c).finished}


def notebook_job(name: str, needs: list[Job], options, force: bool) -> Job:
    """The execution of one notebook as a process."""
    profile = options.profile.name
    command = [sys.executable, str(ROOT / "scripts" / "execute_notebook.py"), name, "--profile", profile]
    command += ["--seed", str(options.seeds[0]), *["--force"] * force]
    return Job(f"notebook {name}", command, BUILD / "logs" / profile / f"{name}.log", needs=tuple(needs))


def is_current(name: str, options) -> bool:
    """Whether the notebook was executed to its end with these options, after everything that it shows last changed."""
    path = BUILD / "notebooks" / options.profile.name / f"{name}.ipynb"
    if not (path.exists() and figures_directory(options.profile.name).exists()):
        return False
    shown = [NOTEBOOKS / f"{name}.ipynb", *(ROOT / "lib").rglob("*.py"), *(ROOT / "study").glob("*.yaml")]
    shown += [file for part in ("results", "reference", "pretrained") for file in (ROOT / "data" / part).rglob("*.*")]
    made = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("papermill", {})
    ended = made.get("end_time") and made.get("exception") is None
    asked = made.get("parameters", {}).get("SEED") == options.seeds[0]
    return bool(ended and asked) and max(file.stat().st_mtime for file in shown) < path.stat().st_mtime


def describe(jobs: list[Job], needs: dict[str, list[RunConfig]], trainings: dict[str, Job]) -> int:
    """Print what would run, and why."""
    from capsgan.runs.run import run_for

    for name, config in {config.run_id: config for configs in needs.values() for config in configs}.items():
        run = run_for(config)
        why = {"finished": "train again: --force", "new": "train: not started"}.get(run.status)
        why = why or f"train: {run.status} after step {len(run.history):,}"
        print(f"{why if name in trainings else 'reuse: finished':40} {config.title}")
    for job in jobs:
        if not job.steps:
            print(f"{f'execute: after {len(job.needs)} trainings' if job.needs else 'execute':40} {job.name}")
    return 0


def train_grid(options) -> int:
    """Train the networks that were asked for in a process of its own; its progress goes to this terminal."""
    command = [sys.executable, "-m", "capsgan", "grid", "--profile", options.profile.name]
    command += ["--gan", ",".join(options.gan), "--discriminator", ",".join(options.discriminator)]
    command += ["--seeds", ",".join(map(str, options.seeds)), "--jobs", str(options.cores)]
    command += ["--stop-after", str(options.stop_after)] if options.stop_after else []
    command += ["--force"] * options.force + ["--dry-run"] * options.dry_run
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def grid_is_finished(options) -> bool:
    """Whether all networks that were asked for are trained."""
    with standard_error_to_null():
        from capsgan.runs.run import run_for
    configs = options.profile.grid(options.gan, options.discriminator, options.seeds)
    return all(run_for(config).finished for config in configs)


@contextlib.contextmanager
def standard_error_to_null():
    """Hide what this process writes to standard error."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with Path(os.devnull).open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


def report(jobs: list[Job], wall: float, options):
    """A line for each notebook's time, the time of all, and where the results are."""
    print("\nSeconds a notebook took, and its trainings of one thread each:")
    shared, rows = set(), []
    for job in sorted(jobs, key=lambda job: job.name):
        name, own = job.name.removeprefix("notebook "), [need for need in job.needs if need not in shared]
        shared.update(own)
        training = sum(need.seconds for need in own)
        print(f"  {name:24} {job.seconds:6.0f} {training:8.0f}")
        rows.append((name, (job.seconds + training) / min(options.cores, 1 + len(own))))
    print(f"  {'all, side by side':24} {wall:6.0f}")
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    machine = f"{options.cores} CPU cores ({system}; {wall:.0f} s in all, side by side)"
    lines = [f'{name},{seconds:.1f},"{machine}"\n' for name, seconds in rows]
    executed = BUILD / "notebooks" / options.profile.name
    (executed / "seconds.csv").write_text("notebook,seconds,machine\n" + "".join(lines), encoding="utf-8")
    print(f"Executed notebooks: {executed}\nFigures: {figures_directory(options.profile.name)}")


if __name__ == "__main__":
    sys.exit(main())
