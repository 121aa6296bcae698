"""Many runs, one after the other, within a limit of time."""

from __future__ import annotations

import time

from ..config import RunConfig
from ..runs.run import Run, list_runs, run_for
from .loop import train


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
        name = f"Run {number} of {len(configs)}: {config.label}, seed {config.seed}"
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
    rest = "" if len(done) == len(configs) else "; the same command goes on"
    print(f"{len(done)} of {len(configs)} runs are finished{rest}", flush=True)
    return done


def expected_seconds(config: RunConfig) -> float:
    """The longest time that a finished run took which differs from ``config`` in the seed only; 0 without one."""
    kind = config.identity | {"seed": None}
    alike = [
        run for run in list_runs() if run.finished and run.config.dataset == config.dataset
    ]  # a folder may be gone
    alike = [run for run in alike if run.config.identity | {"seed": None} == kind]
    return max((run.provenance["wall_seconds"] for run in alike), default=0.0)
