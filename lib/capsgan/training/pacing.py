"""Which steps of a training are played together, after which something is written, and when to stop."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Pacing:
    """Which steps are played together, and after which something is written."""

    first: int  # step; ≤ 0 where the discriminator trains alone before step 1
    last: int
    snapshots: tuple[int, ...]
    checkpoint_every: int
    samples_every: int
    steps_per_call: int

    def samples(self, step: int) -> bool:
        """Whether a sample grid is drawn after this step: the first, the last, and some between."""
        return step in (1, self.last) or (step > 0 and step % self.samples_every == 0)

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is written after this step."""
        return step % self.checkpoint_every == 0

    def calls(self) -> Iterator[range]:
        """All steps in calls of at most ``steps_per_call``; a step after which something is written ends its call."""
        step = self.first
        while step <= self.last:
            together = range(step, min(step + self.steps_per_call, self.last + 1))
            end = next((inner for inner in together if self._pauses(inner)), together[-1])
            yield range(step, end + 1)
            step = end + 1

    def _pauses(self, step: int) -> bool:
        return step == 0 or self.samples(step) or self.saves(step) or step in self.snapshots


def drawn_ahead(draw: Callable, calls: Iterator[range]) -> Iterator[tuple[range, list]]:
    """Each call's steps with their batches; the next call's are drawn while the current one runs."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = ((steps, pool.submit(lambda steps=steps: [draw(step) for step in steps])) for steps in calls)
        present = next(coming, None)
        while present:
            following = next(coming, None)
            yield present[0], present[1].result()
            present = following


@contextmanager
def stop_signals():
    """Collects the first signal to stop, so that the loop ends between two steps; a second one ends it at once."""
    caught = []
    with ExitStack() as handlers:

        def note(number, frame):
            caught.append(number)
            handlers.close()

        with suppress(ValueError):  # not in the main thread: signals go elsewhere
            for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # the last two are not on every system
                signum = getattr(signal, name, None)
                if signum and not (name == "SIGHUP" and signal.getsignal(signum) == signal.SIG_IGN):  # by nohup
                    handlers.callback(signal.signal, signum, signal.signal(signum, note))
        yield caught
