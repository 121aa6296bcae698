"""Jobs side by side: each is a process with a log, one display shows them all, Ctrl-C ends them cleanly."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ..paths import PACKAGE, THREADS

BAR = re.compile(r"(\d+)/\d+ \[[^\[]*?, +([\d.]+)(step/s|s/step)")  # of tqdm
STOPPED = (130, -signal.SIGTERM)  # the status of a job that a signal or its time limit has stopped


@dataclass(eq=False)
class Job:
    """A command and its progress. It starts when the jobs in ``needs`` are done."""

    name: str
    command: list[str]
    log: Path
    needs: "tuple[Job, ...]" = ()
    steps: int = 0  # of a training; 0: it has none
    process: subprocess.Popen | None = None
    begin: float = 0.0
    seconds: float = 0.0  # that it took

    @property
    def status(self) -> int | None:
        """The exit status; None before the end."""
        return None if self.process is None else self.process.poll()

    def tail(self) -> list[str]:
        """The last lines of the log, of a progress bar its last state."""
        text = self.log.read_bytes()[-4096:].decode(errors="replace").replace("\r\n", "\n")
        return [line.split("\r")[-1].rstrip() for line in text.split("\n") if line.strip()]

    def progress(self) -> tuple[int, float] | None:
        """Of a training: the step it has reached and its seconds per step, from its bar."""
        bars = [bar for bar in BAR.findall(" ".join(self.tail())) if float(bar[1])]
        if not (self.steps and bars):
            return None
        step, speed, unit = bars[-1]
        return int(step), float(speed) if unit == "s/step" else 1 / float(speed)

    def start(self, threads: int):
        """Start it with this many threads (0: any), in its own session, so that Ctrl-C does not reach it twice."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path} | dict.fromkeys(THREADS if threads else (), str(threads))
        with self.log.open("wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
            self.process = subprocess.Popen(self.command, env=environment, start_new_session=True, **streams)
        self.begin = time.monotonic()


def run_jobs(jobs: list[Job], at_once: int, may_begin=lambda job: True) -> list[Job]:
    """Run jobs, ``at_once`` side by side, in order as far as their needs allow; returns those that succeeded.

    If several run at once, a training has one thread; other jobs share the cores that are idle when they start. A
    failed job is named with the last lines of its log; jobs that need it do not start, nor do those for which
    ``may_begin(job)`` is false. Ctrl-C or SIGTERM raise ``KeyboardInterrupt`` after checkpoints, a second one at once.
    """
    waiting, running, done, shown = list(jobs), [], [], _Display(len(jobs), at_once)
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
                    idle = at_once // max(1, len(running) + len(ready))
                    job.start(0 if at_once == 1 else 1 if job.steps else max(1, idle))
                    running.append(job)
            if not running and not ready:
                break  # what is left needs a job that failed
            shown.draw(running, waiting, len(done))
            time.sleep(0.2)
    except KeyboardInterrupt:
        shown.say(f"stopping {len(running)} jobs; trainings save a checkpoint first (again: at once)")
        for job in running:
            job.process.terminate()
        for job in running:
            job.process.wait()
        raise
    finally:
        for job in running:
            job.process.kill()
        signal.signal(signal.SIGTERM, before)
        shown.clear()
    return done


class _Display:  # redraws a line per running job on a terminal; elsewhere prints one line now and then
    def __init__(self, total: int, at_once: int):
        self.total, self.at_once, self.live = total, at_once, sys.stdout.isatty()
        self.lines, self.last, self.speeds = 0, time.monotonic(), []

    def draw(self, running: list[Job], waiting: list[Job], done: int):
        if time.monotonic() - self.last < (0.5 if self.live else 30):
            return
        usual = sum(self.speeds) / max(1, len(self.speeds))  # seconds per step
        self.last, lines, left = time.monotonic(), [], usual * sum(job.steps for job in waiting)
        for job in running:
            step, seconds = job.progress() or (0, usual)
            rest = (job.steps - step) * seconds
            left += rest
            self.speeds = [*self.speeds[-50:], seconds] if step else self.speeds
            speed = f"step {step:,} of {job.steps:,}, {1 / seconds:.1f} steps/s, {in_words(rest)} left" if step else ""
            lines.append(f"{job.name}: {speed or f'{time.monotonic() - job.begin:.0f} s'}")
        about = f", about {in_words(left / self.at_once)} of training left" if left else ""
        lines.insert(0, f"{done} of {self.total} jobs are done{about}")
        if self.live:
            width = os.get_terminal_size().columns - 1
            self.say("\n".join(line[:width] for line in lines))
            self.lines = len(lines)
        else:
            print("; ".join(lines), flush=True)

    def ended(self, job: Job):
        if job.status == 0:
            self.say(f"{job.name}: done in {job.seconds:.0f} s")
        elif job.status in STOPPED:
            self.say(f"{job.name}: stopped; run the same command to continue")
        else:
            last = "".join(f"\n    {line}" for line in job.tail()[-8:])
            self.say(f"{job.name}: failed with status {job.status}; the end of {job.log}:{last}")

    def say(self, text: str):
        self.clear()
        print(text, flush=True)

    def clear(self):
        if self.lines:
            print(f"\033[{self.lines}F\033[J", end="", flush=True)
            self.lines = 0


def core_count() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_words(seconds: float) -> str:
    """Seconds, or minutes if there are many."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
