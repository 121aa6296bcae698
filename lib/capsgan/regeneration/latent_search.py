"""Search for the latent codes whose images explain what was observed: by Adam, through the frozen generator."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from ..engines import get_engine
from ..gans.base import GAN
from ..gans.inference import run_discriminator
from ..gans.sampling import choose_codes, generate_images
from ..gans.wgan import Clip
from ..runs.checkpoints import restore_variables

CANDIDATES = 1000  # latents of which each image's best are searched on from
TERMS = ("total", "context", "prior", "norm")


def choose_starts(gan, degradation, observed, weights, restarts, seed, labels) -> dict[str, np.ndarray]:
    """The candidates that explain each image best, as many of every class: arrays [n, restarts, ...]."""
    pool = choose_codes(gan, max(CANDIDATES, restarts), seed)
    discrete = [name for name, array in pool.items() if array.dtype != np.float32]
    classes = {"labels": gan.classes, "category": 10}
    if labels is not None and "labels" not in pool:
        raise ValueError(f"invalid labels={labels!r}; expected None ({gan.config.gan!r} has no labels)")
    for name in discrete:  # in turn, so that no class is missing
        pool[name] = np.arange(len(pool[name])) % classes[name]
    seen = ops.convert_to_numpy(degradation.measure(ops.convert_to_tensor(generate_images(gan, pool))))
    chosen = np.empty((len(observed), restarts), "int64")
    for number, (image, weight) in enumerate(zip(observed, weights, strict=True)):
        order = np.argsort((weight * np.abs(seen - image)).mean(axis=(1, 2, 3)), kind="stable")
        if discrete:  # the best of every class first, then the second best, ...
            kinds = pool[discrete[0]][order]
            rank = np.empty(len(order), "int64")
            for kind in np.unique(kinds):
                rank[kinds == kind] = np.arange((kinds == kind).sum())
            order = order[np.argsort(rank, kind="stable")]
        chosen[number] = order[:restarts]
    starts = {name: array[chosen] for name, array in pool.items()}
    if labels is not None:
        given = choose_codes(gan, len(observed), labels=labels)["labels"]
        starts["labels"] = np.broadcast_to(given[:, None], chosen.shape).copy()
    return starts


class LatentSearch:
    """The searched latents as the one trainable layer, their optimizer, and the compiled step.

    Args:
        gan: whose generator makes the images.
        degradation: what happened to the images before they were observed.
        prior_loss: generated images → float [B], see :func:`discriminator_prior`; None: no prior.
        prior, norm: weights of that loss and of :func:`norm_penalty`.
        rate: Adam's at first; it falls to a twentieth by a cosine.
        steps: of Adam.
    """

    def __init__(
        self, gan: GAN, degradation, prior_loss: Callable | None, prior: float, norm: float, rate: float, steps: int
    ):
        self.gan, self.degradation, self.prior_loss, self.steps = gan, degradation, prior_loss, steps
        self.prior, self.norm = prior, norm
        self.schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.05)
        self.latents = None

    def __call__(self, codes, observed, weights, snapshots, bar):
        """Search from ``codes`` on, all rows at once and each by itself.

        Args:
            codes: name → array of one row a restart; those that are float32 are searched.
            observed: float32 [rows, height, width, channels] in [-1, 1].
            weights: float32 [rows, height, width, 1], of the observed pixels.
            snapshots: set of steps after which the codes are kept.
            bar: a tqdm bar that counts steps.

        Returns:
            The ``TERMS`` before each step and after the last, float32 [steps + 1, 4, rows]; the codes found; and
            step → codes.
        """
        if self.latents is None:
            self._prepare(codes)
        fixed = {name: ops.convert_to_tensor(array) for name, array in codes.items() if name not in self.latents.names}
        data = ops.convert_to_tensor(observed), ops.convert_to_tensor(weights), fixed
        restore_variables(self.variables, [codes[name] for name in self.latents.names] + self.fresh)
        rows, kept = [], {}
        for step in range(self.steps + 1):
            current = codes | self.latents.values() if step in snapshots | {self.steps} else None
            if step in snapshots:
                kept[step] = current
            rows.append(self.run(data, [np.int32(step)])[0])  # the last move is for its loss alone
            bar.update(step < self.steps)
        return np.stack(rows), current, kept

    def _prepare(self, codes):
        self.latents = Latents({name: a.shape for name, a in codes.items() if a.dtype == np.float32})
        self.optimizer = keras.optimizers.Adam(self.schedule)
        self.optimizer.build(self.latents.trainable_variables)
        self.variables = [*self.latents.trainable_variables, *self.optimizer.variables]
        self.fresh = [ops.convert_to_numpy(variable).copy() for variable in self.optimizer.variables]
        self.run = get_engine().compile_steps(self._play, self.variables)

    def _play(self, update, data, item):
        _, terms = update(self.latents, self.optimizer, self._loss, *data)
        return terms

    def _loss(self, observed, weights, fixed):
        searched = self.latents.tensors()
        images = self.gan.generate(fixed | searched, training=False)
        errors = weights * ops.abs(self.degradation.measure(images) - observed)  # weights [rows, height, width, 1]
        context = ops.sum(ops.mean(errors, axis=-1), axis=(1, 2)) / ops.sum(weights, axis=(1, 2, 3))
        penalty = norm_penalty(searched["noise"])
        doubt = self.prior_loss(images) if self.prior_loss else ops.zeros_like(context)
        total = context + self.prior * doubt + self.norm * penalty
        return ops.sum(total), (total, context, doubt, penalty)


def norm_penalty(noise):
    """How unlikely the latent's length r is: the negative log density of the chi distribution, 0 at its mode √(d - 1).

    A Gaussian latent of d numbers lies near a sphere of radius √d, and the generator has seen little else. The squared
    length, which is the Gaussian's own density, would pull to the centre, where no latent ever was.

    Args:
        noise: float [B, d], d ≥ 2.

    Returns:
        Float [B], r² / 2 - (d - 1) log r and a constant, never negative.
    """
    free = noise.shape[-1] - 1
    squared = ops.sum(ops.square(noise), axis=-1) + keras.config.epsilon()
    return (squared - free - free * ops.log(squared / free)) / 2


def discriminator_prior(gan: GAN, real: np.ndarray) -> Callable:
    """What the generator would lose on an image: -log D, or of a critic minus its score, in deviations of real ones.

    Args:
        gan: whose discriminator judges.
        real: uint8 [n, height, width, channels], the real images that a critic's scores are measured by.

    Returns:
        Function from float [B, height, width, channels] in [-1, 1] to float32 [B], differentiable.
    """
    if gan.is_critic:
        scores = run_discriminator(gan.discriminator, real)
        mean, deviation = float(scores.mean()), float(scores.std()) + 1e-12
        return lambda images: (mean - _logits(gan, images)) / deviation
    return lambda images: ops.softplus(-_logits(gan, images))  # -log sigmoid


def _logits(gan, images):
    return ops.cast(keras.tree.flatten(gan.discriminator(images, training=False))[0], "float32")[:, 0]


class Latents(keras.layers.Layer):
    """Latent codes as weights.

    Args:
        shapes: name → shape of the codes that are numbers, ``noise`` among them; ``continuous`` stays inside [-1, 1].
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]]):
        super().__init__(dtype="float32")
        self.names = tuple(shapes)
        for name, shape in shapes.items():
            constraint = Clip(1.0) if name == "continuous" else None
            self.add_weight(shape=shape, initializer="zeros", constraint=constraint, name=name)
        self.built = True

    def tensors(self) -> dict:
        """Name → tensor."""
        return dict(zip(self.names, (variable.value for variable in self.trainable_variables), strict=True))

    def values(self) -> dict[str, np.ndarray]:
        """Name → a copy of the values, float32."""
        return {name: ops.convert_to_numpy(tensor).copy() for name, tensor in self.tensors().items()}


def check_options(restarts, steps, window, rate, prior, norm, snapshots):
    """Raise ``ValueError`` where an option of :func:`~capsgan.regeneration.images.regenerate` makes no search."""
    for name, value, least in (("restarts", restarts, 1), ("steps", steps, 1), ("window", window, 3)):
        if not isinstance(value, int | np.integer) or value < least or (name == "window" and value % 2 == 0):
            what = "odd numbers" if name == "window" else "whole numbers"
            raise ValueError(f"invalid {name}={value!r}; expected {what} from {least}")
    if restarts > CANDIDATES:
        raise ValueError(f"invalid restarts={restarts!r}; expected up to {CANDIDATES}, the starts there are")
    for name, value in (("rate", rate), ("prior", prior), ("norm", norm)):
        if not (0 <= value < np.inf and (value or name != "rate")):
            raise ValueError(f"invalid {name}={value!r}; expected a number {'above' if name == 'rate' else 'from'} 0")
    strange = [step for step in snapshots if not 0 <= step <= steps]
    if strange:
        raise ValueError(f"invalid snapshots={tuple(snapshots)}; expected steps from 0 to {steps}")
