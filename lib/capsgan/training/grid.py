"""Many runs side by side, within a time limit."""

import sys
import time

from ..config import RunConfig
from ..paths import home
from ..runs.run import list_runs, run_for
from .pool import STOPPED, Job, core_count, run_jobs


def train_grid(
    configs: list[RunConfig],
    jobs: int | None = None,
    *,
    stop_after: float | None = None,
    force: bool = False,
    device: str = "auto",
) -> list[Job]:
    """Train runs in processes of their own, in order; finished ones are reused, and the same call continues the others.

    jobs: how many at once, each with one thread; 1: one after the other, each on all cores; None: one per core.
    stop_after: seconds. A network that would not finish by then, judging by earlier ones of its kind, does not start;
        one that is running stops with a checkpoint. None: no limit.
    force, device: as in :func:`capsgan.train`.

    Returns the trainings that failed, with logs. Ctrl-C or SIGTERM raise ``KeyboardInterrupt`` after checkpoints.
    """
    begin, more = time.monotonic(), (f"--device={device}", *["--force"] * force)
    todo = [config for config in configs if force or not run_for(config).finished]

    def may_begin(job: Job) -> bool:
        if stop_after is None:
            return True
        left, expected = stop_after - (time.monotonic() - begin), expected_seconds(trainings[job])
        job.command.append(f"--stop-after={max(1, int(left))}")
        enough = left >= max(expected, 1)
        if not enough:
            print(f"{job.name}: {expected:.0f} s expected, {max(left, 0):.0f} s left; not started", flush=True)
        return enough

    trainings = {training_job(config, more): config for config in todo}
    done = len(configs) - len(todo) + len(run_jobs(list(trainings), jobs or core_count(), may_begin))
    rest = "" if done == len(configs) else "; run the same command to continue"
    print(f"{done} of {len(configs)} runs are finished{rest}", flush=True)
    return [job for job in trainings if job.status not in (None, 0, *STOPPED)]


def training_job(config: RunConfig, options: tuple[str, ...] = ()) -> Job:
    """The training of one run as a process."""
    command = [sys.executable, "-m", "capsgan", "train", *config.arguments, *options]
    return Job(config.title, command, home() / "runs" / ".logs" / f"{config.run_id}.log", steps=config.steps)


def expected_seconds(config: RunConfig) -> float:
    """The longest time of a finished run that differs from ``config`` only in the seed; 0 without one."""
    kind = config.identity | {"seed": None}
    runs = [run for run in list_runs() if run.finished and run.config.dataset == config.dataset]  # a folder may be gone
    times = [run.provenance["wall_seconds"] for run in runs if run.config.identity | {"seed": None} == kind]
    return max(times, default=0.0)
