"""Which real images a score is taken against, which give its floor, and which the feature networks learn from."""

from functools import cache
from typing import NamedTuple

import numpy as np

from ..data.datasets import Dataset, load_dataset
from .features import DIMENSIONS
from .image_scores import LEAST

POOL = 30_000  # MNIST's training digits before this one are for scores, those from it on for the feature networks


class RealImages(NamedTuple):
    """Disjoint sets of real images of one dataset."""

    reference: Dataset  # all others are compared with these
    floor: Dataset  # also of the training split, as many as held-out ones (at least 256): scored as if generated
    held_out: Dataset  # the test split, scored as if it were generated


@cache
def real_images(name: str, image_size: int | None = None, channels: int | None = None) -> RealImages:
    """The real images that score runs on a dataset; arguments of :func:`~capsgan.data.datasets.load_dataset`.

    No feature network has seen any of them. ``mnist``: the first 20,000 training digits are the reference, the next
    10,000 the floor: in MNIST's order, which is not random, so that blocks differ as new writers' digits do. A floor
    drawn at random is about half as high. The digits of ``mnist5k`` are among the first 6,000. Other datasets: floor
    and reference are drawn at random from the training split, by class.
    """
    shape = {"image_size": image_size, "channels": channels}
    training, held_out = (load_dataset(name, split, **shape) for split in ("train", "test"))
    count, least = max(len(held_out), LEAST), LEAST + DIMENSIONS + 1
    if len(training) < least:
        found = f"dataset={name!r} has {len(training)} training images"
        raise ValueError(f"{found}, too few for a distance of features; expected {least} or more")
    if name == "mnist":
        order = np.arange(POOL)
    else:
        rng, chosen = np.random.Generator(np.random.Philox(key=0)), np.zeros(len(training), bool)
        order = rng.permutation(len(training))
        if training.labels is not None:
            order = order[np.argsort(training.labels[order], kind="stable")]
        count = min(count, len(training) - DIMENSIONS - 1)
        chosen[order[np.linspace(0, len(training) - 1, count).round().astype(int)]] = True  # equally spaced: by class
        order = np.concatenate([rng.permutation(np.flatnonzero(chosen == side)) for side in (False, True)])
        held_out = held_out.take(rng.permutation(len(held_out)))  # mnist5k is sorted by class
    return RealImages(training.take(order[:-count]), training.take(order[-count:]), held_out)
