"""Which steps of a training are played together, and after which something is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Which steps are played together, and after which something is written."""

    first: int  # step; ≤ 0 where the discriminator trains alone before step 1
    last: int
    snapshots: tuple[int, ...]
    checkpoint_every: int
    samples_every: int
    steps_per_call: int

    def samples(self, step: int) -> bool:
        """Whether a sample grid is made after this step: the first, the last, and some between."""
        return step in (1, self.last) or (step > 0 and step % self.samples_every == 0)

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is written after this step."""
        return step % self.checkpoint_every == 0

    def calls(self) -> Iterator[range]:
        """All steps in calls of ``steps_per_call``, from one multiple to the next; singly where one has to pause."""
        step = self.first
        while step <= self.last:
            together = range(step, step + self.steps_per_call)
            whole = (step - 1) % self.steps_per_call == 0 and together[-1] <= self.last
            if not whole or any(self._pauses(inner) for inner in together[:-1]):
                together = range(step, step + 1)
            yield together
            step = together[-1] + 1

    def _pauses(self, step: int) -> bool:
        return step == 0 or self.samples(step) or self.saves(step) or step in self.snapshots


def drawn_ahead(draw: Callable, calls: Iterator[range]) -> Iterator[tuple[range, list]]:
    """Each call's steps with their batches, the next call's drawn while the present one runs."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = ((steps, pool.submit(lambda steps=steps: [draw(step) for step in steps])) for steps in calls)
        present = next(coming, None)
        while present:
            following = next(coming, None)
            yield present[0], present[1].result()
            present = following
