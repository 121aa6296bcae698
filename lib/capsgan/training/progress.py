"""How far a training is and how long it takes: a bar on standard error, and an estimate."""

import sys

from tqdm import tqdm

from ..config import RunConfig
from .pacing import Pacing

TIMED_STEPS = 20


def progress_bar(config: RunConfig, first: int, progress: bool) -> tqdm:
    """A bar of all steps, those before ``first`` already done; ``progress=False`` shows nothing."""
    seed = f" seed {config.seed}" if config.seed else ""
    done, total = first - 1 + config.discriminator_warmup, config.steps + config.discriminator_warmup
    style = {"mininterval": 1.0, "leave": False, "disable": not progress, "dynamic_ncols": False, "ncols": 100}
    return tqdm(desc=config.label + seed, total=total, initial=done, unit="step", file=sys.stderr, **style)


def report_progress(bar: tqdm, rows: list[tuple], played: int, pacing: Pacing):
    """Show the last of the history's ``rows``, ``played`` steps later; after ``TIMED_STEPS`` also the time left."""
    bar.update(played)
    _, g_loss, d_loss, accuracy, *_ = rows[-1]
    bar.set_postfix_str(f"G {g_loss:.2f} D {d_loss:.2f} acc {accuracy:.2f}", refresh=False)
    done = int(rows[-1][0]) - pacing.first + 1
    if done - played <= TIMED_STEPS < done and not bar.disable:
        timed = sorted(row[-1] for row in rows[-TIMED_STEPS:])
        seconds = timed[TIMED_STEPS // 2]  # the median: the first call also compiles
        left = (pacing.last - int(rows[-1][0])) * seconds
        bar.write(f"{bar.desc}: {seconds * 1000:.0f} ms per step, about {left / 60:.1f} minutes to go", file=sys.stdout)
