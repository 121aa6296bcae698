"""Many runs within a limit of time: side by side, or one after the other."""

from __future__ import annotations

import sys
import time

from ..config import RunConfig
from ..paths import home
from ..runs.run import Run, list_runs, run_for
from .loop import train
from .pool import STOPPED, Job, run_jobs


def train_grid(configs: list[RunConfig], *, stop_after: float | None = None, **options) -> list[Run]:
    """Train the runs of ``configs`` in their order; finished ones are reused.

    Args:
        configs: what to train.
        stop_after: seconds. A network that would not end by then, as earlier ones of its kind say, is not begun; one
            that is on its way when time is up stops with a checkpoint. None: no limit.
        options: of :func:`capsgan.train`.

    Returns:
        The runs that are finished. The same call goes on with the rest.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; the present run has a checkpoint.
    """
    begin, done = time.monotonic(), []
    for number, config in enumerate(configs, 1):
        name = f"Run {number} of {len(configs)}: {config.title}"
        left = None if stop_after is None else stop_after - (time.monotonic() - begin)
        if left is not None and not (run_for(config).finished and not options.get("force")):
            expected = expected_seconds(config)
            if left < max(expected, 1):
                print(f"{name}: {expected:.0f} s expected, {max(left, 0):.0f} s left; not begun", flush=True)
                break
        print(name, flush=True)
        try:
            done.append(train(config, stop_after=left, **options))
        except KeyboardInterrupt as interruption:
            if left is None or time.monotonic() - begin < stop_after:
                raise
            print(interruption, flush=True)
            break
    _conclude(len(done), len(configs))
    return done


def train_side_by_side(
    configs: list[RunConfig], jobs: int, *, stop_after: float | None = None, options: tuple[str, ...] = ()
) -> list[Job]:
    """Train runs in ``jobs`` processes of one thread each, in their order; finished ones are reused.

    Args:
        configs, stop_after: as of :func:`train_grid`.
        jobs: how many at once.
        options: more of ``capsgan train``, e.g. ``--force``.

    Returns:
        The trainings that failed.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; the runs on their way have checkpoints.
    """
    begin, force = time.monotonic(), "--force" in options
    todo = configs if force else [config for config in configs if not run_for(config).finished]

    def may_begin(job: Job) -> bool:
        if stop_after is None:
            return True
        left = stop_after - (time.monotonic() - begin)
        job.command += ["--stop-after", str(max(1, int(left)))]
        return left >= max(expected_seconds(trainings[job]), 1)

    trainings = {training_job(config, options): config for config in todo}
    done = run_jobs(list(trainings), jobs, may_begin)
    _conclude(len(configs) - len(todo) + len(done), len(configs))
    return [job for job in trainings if job.status not in (None, 0, *STOPPED)]


def training_job(config: RunConfig, options: tuple[str, ...] = ()) -> Job:
    """The training of one run as a process."""
    command = [sys.executable, "-m", "capsgan", "train", *config.arguments, *options]
    return Job(config.title, command, home() / "runs" / ".logs" / f"{config.run_id}.log", steps=config.steps)


def _conclude(done: int, total: int):
    print(f"{done} of {total} runs are finished{'' if done == total else '; the same command goes on'}", flush=True)


def expected_seconds(config: RunConfig) -> float:
    """The longest time that a finished run took which differs from ``config`` in the seed only; 0 without one."""
    kind = config.identity | {"seed": None}
    alike = [
        run for run in list_runs() if run.finished and run.config.dataset == config.dataset
    ]  # a folder may be gone
    alike = [run for run in alike if run.config.identity | {"seed": None} == kind]
    return max((run.provenance["wall_seconds"] for run in alike), default=0.0)
