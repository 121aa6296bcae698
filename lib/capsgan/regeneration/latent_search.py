"""Search for the latent codes whose images explain what was observed: by Adam, through the frozen generator."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
from keras import ops

from ..checks import require
from ..engines import get_engine
from ..gans.base import GAN
from ..gans.inference import run_discriminator
from ..gans.sampling import choose_codes, generate_images
from ..gans.wgan import Clip
from ..runs.checkpoints import restore_variables

CANDIDATES = 1000  # latents of which the best for each image are the starts
TERMS = ("total", "context", "prior", "norm")


@dataclass(frozen=True)
class SearchOptions:
    """Options of a latent search."""

    restarts: int = 8  # searches per image, each with its own start
    steps: int = 150  # of Adam
    rate: float = 0.1  # its initial learning rate, which falls to a twentieth by a cosine
    prior: float = 0.01  # weight of the discriminator's loss; 0: no prior
    norm: float = 0.002  # weight of the latent's length
    window: int | None = None  # of the weights of known pixels: its side in pixels, odd; None: half the image
    snapshots: tuple[int, ...] = ()  # steps after which the images are kept
    seed: int = 0  # of the starts

    def __post_init__(self):
        for name, value in (("restarts", self.restarts), ("steps", self.steps)):
            require(isinstance(value, int | np.integer) and value >= 1, name, value, "whole numbers from 1")
        require(self.restarts <= CANDIDATES, "restarts", self.restarts, f"up to {CANDIDATES}, the starts there are")
        require(0 < self.rate < np.inf, "rate", self.rate, "a number above 0")
        for name, value in (("prior", self.prior), ("norm", self.norm)):
            require(0 <= value < np.inf, name, value, "a number from 0")
        odd = isinstance(self.window, int | np.integer) and self.window >= 3 and self.window % 2 == 1
        require(odd or self.window is None, "window", self.window, "odd numbers from 3")
        within = all(0 <= step <= self.steps for step in self.snapshots)
        require(within, "snapshots", tuple(self.snapshots), f"steps from 0 to {self.steps}")


def choose_starts(gan, degradation, observed, weights, restarts, seed, labels) -> dict[str, np.ndarray]:
    """The candidates that explain each image best, as many of every class: arrays [n, restarts, ...]."""
    pool = choose_codes(gan, max(CANDIDATES, restarts), seed)
    discrete = [name for name, array in pool.items() if array.dtype != np.float32]
    if labels is not None and "labels" not in pool:
        raise ValueError(f"invalid labels={labels!r}; expected None ({gan.config.gan!r} has no labels)")
    for name in discrete:  # in turn, so that no class is missing
        pool[name] = np.arange(len(pool[name])) % gan.discrete[name]
    seen = ops.convert_to_numpy(degradation.measure(ops.convert_to_tensor(generate_images(gan, pool))))
    chosen = np.empty((len(observed), restarts), "int64")
    for number, (image, weight) in enumerate(zip(observed, weights, strict=True)):
        order = np.argsort((weight * np.abs(seen - image)).mean(axis=(1, 2, 3)), kind="stable")
        if discrete:  # the best of every class first, then the second best, ...
            kinds = pool[discrete[0]][order]
            rank = pd.Series(kinds).groupby(kinds).cumcount()
            order = order[np.argsort(rank.to_numpy(), kind="stable")]
        chosen[number] = order[:restarts]
    starts = {name: array[chosen] for name, array in pool.items()}
    if labels is not None:
        given = choose_codes(gan, len(observed), labels=labels)["labels"]
        starts["labels"] = np.broadcast_to(given[:, None], chosen.shape).copy()
    return starts


class LatentSearch:
    """The searched latents, their optimizer, the compiled step; ``prior_loss``: :func:`discriminator_prior` or None."""

    def __init__(self, gan: GAN, degradation, prior_loss: Callable | None, options: SearchOptions):
        self.gan, self.degradation, self.prior_loss, self.options = gan, degradation, prior_loss, options
        self.latents = None

    def __call__(self, codes: dict, observed: np.ndarray, weights: np.ndarray, bar):
        """Search from ``codes`` on, all rows at once and each by itself; ``bar`` counts the steps.

        ``codes``: name → array of one row per restart; those that are float32 are searched. ``observed``: float32
        [rows, height, width, channels] in [-1, 1]; ``weights``, of its pixels: float32 [rows, height, width, 1].

        Returns the ``TERMS`` before each step and after all, float32 [steps + 1, 4, rows]; codes; snapshots' codes.
        """
        if self.latents is None:
            self._prepare(codes)
        fixed = {name: ops.convert_to_tensor(array) for name, array in codes.items() if name not in self.latents}
        data = ops.convert_to_tensor(observed), ops.convert_to_tensor(weights), fixed
        restore_variables(self.variables, [codes[name] for name in self.latents] + self.fresh)
        rows, kept = [], {}
        for step in range(self.options.steps + 1):
            found = codes | {name: ops.convert_to_numpy(latent).copy() for name, latent in self.latents.items()}
            if step in self.options.snapshots:
                kept[step] = found
            rows.append(self.run(data, [np.int32(step)])[0])  # the last move is for its loss alone
            bar.update(step < self.options.steps)
        return np.stack(rows), found, kept

    def _prepare(self, codes):
        searched = {name: array for name, array in codes.items() if array.dtype == np.float32}
        self.latents = {name: keras.Variable(array, name=name) for name, array in searched.items()}
        if "continuous" in self.latents:
            self.latents["continuous"].constraint = Clip(1.0)
        player = SimpleNamespace(trainable_variables=list(self.latents.values()))
        rate = keras.optimizers.schedules.CosineDecay(self.options.rate, self.options.steps, alpha=0.05)
        self.optimizer = keras.optimizers.Adam(rate)
        self.optimizer.build(player.trainable_variables)
        self.variables = [*player.trainable_variables, *self.optimizer.variables]
        self.fresh = [ops.convert_to_numpy(variable).copy() for variable in self.optimizer.variables]

        def play(update, data, item):
            return update(player, self.optimizer, self._loss, *data)[1]

        self.run = get_engine().compile_steps(play, self.variables)

    def _loss(self, observed, weights, fixed):
        searched = {name: latent.value for name, latent in self.latents.items()}
        images = self.gan.generate(fixed | searched, training=False)
        errors = weights * ops.abs(self.degradation.measure(images) - observed)  # weights [rows, height, width, 1]
        context = ops.sum(ops.mean(errors, axis=-1), axis=(1, 2)) / ops.sum(weights, axis=(1, 2, 3))
        penalty = norm_penalty(searched["noise"])
        doubt = self.prior_loss(images) if self.prior_loss else ops.zeros_like(context)
        total = context + self.options.prior * doubt + self.options.norm * penalty
        return ops.sum(total), (total, context, doubt, penalty)


def norm_penalty(noise):
    """How unlikely the latent's length r is: the negative log density of the chi distribution, 0 at its mode √(d - 1).

    A Gaussian latent of d numbers is near a sphere of radius √d, and the generator has seen little else. The squared
    length, which is the Gaussian's own density, would pull to the centre, where no latent ever was. Takes float [B, d],
    d ≥ 2; returns float [B], r² / 2 - (d - 1) log r and a constant, never negative.
    """
    free = noise.shape[-1] - 1
    squared = ops.sum(ops.square(noise), axis=-1) + keras.config.epsilon()
    return (squared - free - free * ops.log(squared / free)) / 2


def discriminator_prior(gan: GAN, real: np.ndarray) -> Callable:
    """The generator's loss of an image: -log D, or of a critic minus its score, in deviations of ``real`` images.

    ``real``: uint8 [n, height, width, channels]. Returns float [B, height, width, channels] in [-1, 1] → float32 [B].
    """
    if gan.is_critic:
        scores = run_discriminator(gan.discriminator, real)
        mean, deviation = float(scores.mean()), float(scores.std()) + 1e-12
        return lambda images: (mean - _logits(gan, images)) / deviation
    return lambda images: ops.softplus(-_logits(gan, images))  # -log sigmoid


def _logits(gan, images):
    return ops.cast(keras.tree.flatten(gan.discriminator(images, training=False))[0], "float32")[:, 0]
