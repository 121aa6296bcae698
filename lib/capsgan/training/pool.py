"""Jobs side by side: each is a process with a log, one display shows them all, Ctrl-C ends them cleanly."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ..paths import PACKAGE

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
BAR = re.compile(r"(\d+)/(\d+) \[.*?<([\d:?]+), +([\d.]+)(step/s|s/step)")  # of tqdm
STOPPED = (130, -signal.SIGTERM)  # of a job that a signal or its time limit has stopped
SECONDS_BETWEEN_LINES = 30  # where standard output is no terminal


@dataclass(eq=False)
class Job:
    """A command, and how far it is. It begins when the jobs in ``needs`` are done."""

    name: str
    command: list[str]
    log: Path
    needs: tuple[Job, ...] = ()
    steps: int = 0  # of a training; 0: it has none
    process: subprocess.Popen | None = None
    begin: float = 0.0
    seconds: float = 0.0  # that it took

    @property
    def status(self) -> int | None:
        """The exit status; None before the end."""
        return None if self.process is None else self.process.poll()

    def tail(self, size: int = 4096) -> list[str]:
        """The last lines of the log, a progress bar as it was last drawn."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - size))
            text = file.read().decode(errors="replace")
        return [line.split("\r")[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n") if line.strip()]

    def progress(self) -> tuple[int, float] | None:
        """Of a training: the step it has reached and its seconds per step, from its bar."""
        bars = BAR.findall(" ".join(self.tail()))
        if not (self.steps and bars and float(bars[-1][3])):
            return None
        step, _, _, speed, unit = bars[-1]
        return int(step), float(speed) if unit == "s/step" else 1 / float(speed)


def run_jobs(jobs: list[Job], at_once: int, may_begin=lambda job: True) -> list[Job]:
    """Run jobs, ``at_once`` side by side, in their order as far as their needs allow.

    A training has one thread, whatever else runs; other jobs share the cores that are idle when they begin.

    Args:
        jobs: what to run. A failed one is named with the last lines of its log; those that need it do not begin.
        at_once: how many at most.
        may_begin: asked before each begins; False leaves it out.

    Returns:
        The jobs that are done.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; every training has saved a checkpoint, unless a second one came.
    """
    waiting, running, done, shown = list(jobs), [], [], Display(jobs, at_once)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while waiting or running:
            for job in [job for job in running if job.status is not None]:
                running.remove(job)
                job.seconds = time.monotonic() - job.begin
                done += [job] if job.status == 0 else []
                shown.ended(job)
            ready = [job for job in waiting if all(need in done for need in job.needs)]
            for job in ready[: max(0, at_once - len(running))]:
                waiting.remove(job)
                if may_begin(job):
                    _begin(job, 1 if job.steps else at_once // max(1, len(running) + len(ready)))
                    running.append(job)
            if not running and not ready:
                break  # what is left needs a job that failed
            shown.draw(running, waiting, len(done))
            time.sleep(0.2)
    except KeyboardInterrupt:
        shown.say(f"stopping {len(running)} jobs; trainings save a checkpoint first (again: at once)")
        _stop(running)
        raise
    finally:
        for job in running:
            if job.status is None:
                job.process.kill()
        signal.signal(signal.SIGTERM, before)
        shown.clear()
    return done


def _begin(job: Job, threads: int):
    job.log.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | dict.fromkeys(THREADS, str(max(1, threads))) | {"PYTHONPATH": path}
    with job.log.open("wb") as log:  # in a session of its own: Ctrl-C reaches it once, through _stop
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT, "start_new_session": True}
        job.process = subprocess.Popen(job.command, env=environment, **streams)
    job.begin = time.monotonic()


def _stop(running: list[Job]):
    for job in running:
        job.process.terminate()
    for job in running:
        job.process.wait()


class Display:
    """Redraws a line per running job on a terminal; elsewhere prints one line now and then."""

    def __init__(self, jobs: list[Job], at_once: int):
        self.total, self.at_once, self.lines, self.last = len(jobs), at_once, 0, time.monotonic()
        self.live, self.speeds = sys.stdout.isatty(), []

    def draw(self, running: list[Job], waiting: list[Job], done: int):
        """Show each running job's step, speed and time left, and the whole's."""
        if time.monotonic() - self.last < (0.5 if self.live else SECONDS_BETWEEN_LINES):
            return
        self.last, lines, left = time.monotonic(), [], 0.0
        for job in running:
            found = job.progress()
            if found is None:
                lines.append(f"{job.name}: {time.monotonic() - job.begin:.0f} s")
                left += job.steps * self.speed()
                continue
            step, seconds = found
            self.speeds = [*self.speeds[-50:], seconds]
            rest = (job.steps - step) * seconds
            left += rest
            lines.append(f"{job.name}: step {step:,} of {job.steps:,}, {1 / seconds:.1f} steps/s, {minutes(rest)} left")
        left = (left + sum(job.steps for job in waiting) * self.speed()) / self.at_once
        about = f", about {minutes(left)} of training left" if left else ""
        head = f"{done} of {self.total} jobs are done{about}"
        if self.live:
            self.clear()
            width = os.get_terminal_size().columns - 1
            print("\n".join(line[:width] for line in (head, *lines)), flush=True)
            self.lines = 1 + len(lines)
        else:
            print("; ".join((head, *lines)), flush=True)

    def speed(self) -> float:
        """Seconds per step, the mean of what was seen lately."""
        return sum(self.speeds) / len(self.speeds) if self.speeds else 0.0

    def ended(self, job: Job):
        """Say that a job is done; of a failed one the last lines of its log, too."""
        if job.status == 0:
            self.say(f"{job.name}: done in {job.seconds:.0f} s")
        elif job.status in STOPPED:
            self.say(f"{job.name}: stopped; the same command goes on")
        else:
            last = "".join(f"\n    {line}" for line in job.tail()[-8:])
            self.say(f"{job.name}: failed with status {job.status}; the end of {job.log}:{last}")

    def say(self, text: str):
        """Print a line that stays."""
        self.clear()
        print(text, flush=True)

    def clear(self):
        """Remove the lines that do not stay."""
        if self.lines:
            print(f"\033[{self.lines}F\033[J", end="", flush=True)
            self.lines = 0


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def minutes(seconds: float) -> str:
    """Seconds in words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
