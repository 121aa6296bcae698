"""Images made whole by a trained GAN: the latent whose image explains what is known fills in what is not.

Yeh et al. 2017, *Semantic Image Inpainting with Deep Generative Models* (arXiv:1607.07539); for a Gaussian latent, for
other damage than holes, with many starts at once, and on every backend.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from ..checks import check_images
from ..data.pixels import to_float, to_uint8
from ..gans.base import GAN
from ..gans.inference import statistics_of
from ..gans.sampling import generate_images
from .degradations import Degradation, Inpainting, make_degradation
from .latent_search import TERMS, LatentSearch, check_options, choose_starts, discriminator_prior
from .masks import check_masks

REAL_IMAGES = 512  # of the training set, on which the discriminator's statistics are estimated
PIXELS = 400_000  # of images searched at once: faces then take 2 GB of memory


@dataclass(frozen=True)
class Regeneration:
    """What a search found.

    Attributes:
        images: uint8 [n, height, width, channels]: what is known as it was, the rest generated and blended in.
        unblended: uint8, the same shape: the generated images alone.
        losses: float32 [steps + 1, n, restarts], the loss of every restart before each step and after the last.
        terms: of the best restarts after the last step, float32 [n] each: ``total`` is ``context`` (weighted mean
            absolute error in [-1, 1] units) plus ``prior`` and ``norm``, each times its weight.
        best: int64 [n], which restart had the smallest loss.
        codes: the best restarts' latents, arrays of n rows, as ``run.generate(…, codes=…)`` takes them.
        snapshots: step → uint8 [n, height, width, channels], the best restart's images after so many steps.
    """

    images: np.ndarray
    unblended: np.ndarray
    losses: np.ndarray
    terms: dict[str, np.ndarray]
    best: np.ndarray
    codes: dict[str, np.ndarray]
    snapshots: dict[int, np.ndarray]


def regenerate(
    run,
    images: np.ndarray,
    masks: np.ndarray | None = None,
    *,
    task: str | Degradation = "inpaint",  # inpaint | superres | restore, or a degradation with values of its own
    labels=None,  # ACGAN: the classes of the images, if they are known
    restarts: int = 8,  # searches an image, each from a start of its own
    steps: int = 150,  # of Adam
    rate: float = 0.1,  # its learning rate at first, falling to a twentieth by a cosine
    prior: float = 0.01,  # weight of the discriminator's loss; 0: no prior
    prior_of=None,  # another run, whose discriminator is the prior; None: the run's own
    norm: float = 0.002,  # weight of the latent's length
    window: int | None = None,  # pixels a side, odd; None: half the image
    snapshots=(),  # steps after which the images are kept
    seed: int = 0,  # of the starts
    real: np.ndarray | None = None,  # training images; None: of the run's dataset
    progress: bool = True,  # a bar on standard error
) -> Regeneration:
    """Search the latents whose images, damaged in the same way, look like these.

    Minimised for each restart on its own, by Adam with a falling rate: the mean L1 distance of known pixels (by the
    weights of :func:`context_weights` where there are only holes), plus the discriminator's loss of a generated image
    (-log D as in the generator's game; of a critic minus its score, in deviations from the mean score of real images),
    plus :func:`~capsgan.regeneration.latent_search.norm_penalty`. The best restart by this loss is taken.

    Both networks are in inference mode. The discriminator's BatchNormalization has the statistics of real training
    images, for its moving ones mix real and generated batches (:func:`~capsgan.gans.inference.statistics_of`).
    Restarts begin at the best of 1,000 random latents; an ACGAN's labels and an InfoGAN's categories are spread over
    the restarts and stay, continuous codes are searched inside [-1, 1]. An image's result depends neither on the other
    images nor on how many they are, up to rounding.

    Args:
        run: a finished :class:`~capsgan.runs.run.Run`, or its :class:`~capsgan.gans.base.GAN`, which needs ``real``;
            ``prior_of`` may be either too, trained on images of the same shape.
        images: uint8 [n, height, width, channels] as observed, of the network's size; for super-resolution of a
            ``scale``-th, for restoration from grey of one channel.
        masks: bool [n, height, width] or [height, width], True where a pixel is known. Inpainting needs them.

    Returns:
        Images, losses and latents, see :class:`Regeneration`.

    Raises:
        ValueError: images or masks do not fit the network and each other, or an option is out of its range.
    """
    gan = _gan_of(run)
    if gan.conditional:
        return complete(gan, images, masks, task)
    judging = gan if prior_of is None else _gan_of(prior_of)
    degradation = make_degradation(task)
    check_images("images", images, degradation.observed_shape(gan.image_shape))
    if masks is None and degradation.needs_mask:
        raise ValueError("invalid masks=None with task='inpaint'; expected masks, True where a pixel is known")
    masks = (
        np.ones(images.shape[:3], bool) if masks is None else check_masks(masks, images, holes=degradation.needs_mask)
    )
    window = max(images.shape[1:3]) // 2 | 1 if window is None else window
    if judging.image_shape != gan.image_shape:
        raise ValueError(
            f"prior_of: its discriminator sees {judging.image_shape}, the run generates {gan.image_shape}; "
            "expected a run on images of the same shape"
        )
    check_options(restarts, steps, window, rate, prior, norm, snapshots)
    if prior:
        real = _training_images(run) if real is None else real
        check_images("real", real, gan.image_shape)

    observed = ops.convert_to_numpy(to_float(images))
    weights = context_weights(masks, window) if degradation.needs_mask else masks[..., None].astype("float32")
    starts = choose_starts(gan, degradation, observed, weights, restarts, seed, labels)
    statistics = statistics_of(judging.discriminator, real[:REAL_IMAGES]) if prior else contextlib.nullcontext()
    with statistics:
        prior_loss = discriminator_prior(judging, real[:REAL_IMAGES]) if prior else None
        search = LatentSearch(gan, degradation, prior_loss, prior, norm, rate, steps)
        title = f"{len(images)} images, {restarts} restarts"
        at_once = min(len(images), max(1, PIXELS // (restarts * math.prod(gan.image_shape[:2]))))
        chunks = range(0, len(images), at_once)
        parts = []
        with tqdm(
            desc=title, total=len(chunks) * steps, unit="step", file=sys.stderr, leave=False, ncols=100,
            disable=not progress,
        ) as bar:  # fmt: skip
            for start in chunks:
                chosen = np.arange(start, start + at_once) % len(images)  # the last is filled up: one shape, one graph
                codes = {name: array[chosen].reshape(-1, *array.shape[2:]) for name, array in starts.items()}
                rows = np.repeat(chosen, restarts)
                found = search(codes, observed[rows], weights[rows], set(snapshots), bar)
                parts.append(_best(*found, restarts, min(at_once, len(images) - start)))
    losses, terms, best, codes, kept = (
        _join([part[number] for part in parts], axis) for number, axis in enumerate((1, 0, 0, 0, 0))
    )
    generated = to_uint8(generate_images(gan, codes))
    return Regeneration(
        images=degradation.restore(images, generated, masks),
        unblended=generated,
        losses=losses,
        terms=terms,
        best=best,
        codes=codes,
        snapshots={step: to_uint8(generate_images(gan, codes)) for step, codes in sorted(kept.items())},
    )


def check_fills(degradation: Degradation):
    """Refuse what a completion network cannot do with a ``ValueError``."""
    if type(degradation) is not Inpainting:
        raise ValueError("a completion network fills holes only; expected task='inpaint', or a run of a different GAN")


def complete(gan: GAN, images: np.ndarray, masks: np.ndarray, task: str | Degradation = "inpaint") -> Regeneration:
    """Paint the holes of images with a completion network: one pass, no search.

    Args:
        gan: one whose generator sees image and mask.
        images, masks: as of :func:`regenerate`.
        task: inpainting; the network knows no other.

    Returns:
        As :func:`regenerate`, with one restart of loss 0.
    """
    degradation = make_degradation(task)
    check_fills(degradation)
    check_images("images", images, gan.image_shape)
    if masks is None:
        raise ValueError("invalid masks=None with task='inpaint'; expected masks, True where a pixel is known")
    masks = check_masks(masks, images)
    codes = {"image": ops.convert_to_numpy(to_float(images)), "mask": masks[..., None].astype("float32")}
    generated = to_uint8(generate_images(gan, codes))
    return Regeneration(
        images=degradation.restore(images, generated, masks),
        unblended=generated,
        losses=np.zeros((1, len(images), 1), "float32"),
        terms={"total": np.zeros(len(images), "float32")},
        best=np.zeros(len(images), "int64"),
        codes={},
        snapshots={},
    )


def regenerate_with_priors(
    runs: Mapping[str, object], damaged: np.ndarray, masks: np.ndarray, **options
) -> dict[str, Regeneration]:
    """Every run's generator under every run's discriminator as prior, and under none: one thing changes at a time.

    Args:
        runs: name → finished run, on images of one shape.
        damaged: uint8 [n, height, width, channels].
        masks: bool [n, height, width], True where a pixel is known.
        options: of :func:`regenerate`.

    Returns:
        ``A`` (its own prior), ``A, B prior``, ``A, no prior``, ``B``, … → what was found.
    """
    found = {}
    for name, run in runs.items():
        found[name] = regenerate(run, damaged, masks, **options)
        for other, judging in runs.items():
            if other != name:
                found[f"{name}, {other} prior"] = regenerate(run, damaged, masks, prior_of=judging, **options)
        found[f"{name}, no prior"] = regenerate(run, damaged, masks, **options | {"prior": 0.0})
    return found


def context_weights(masks: np.ndarray, window: int) -> np.ndarray:
    """How much a known pixel counts: the share of missing pixels in the window around it (Yeh et al., equation 4).

    So it counts the more the nearer to a hole it lies, and not at all farther away than the window reaches. (Some
    published code has it the other way round.) At the image's edge the share is of the pixels that there are.

    Args:
        masks: bool [n, height, width], True where a pixel is known.
        window: pixels a side, odd.

    Returns:
        Float32 [n, height, width, 1] in [0, 1), 0 where a pixel is missing.
    """
    shares = [
        cv2.boxFilter(np.stack([~known, np.ones_like(known)], axis=-1).astype("float32"), -1, (window, window),
                      normalize=False, borderType=cv2.BORDER_CONSTANT)
        for known in masks
    ]  # fmt: skip
    missing, there = np.moveaxis(np.stack(shares), -1, 0)
    return np.where(masks, missing / there, 0)[..., None].astype("float32")


def _gan_of(run) -> GAN:
    return run if isinstance(run, GAN) else run.gan


def _training_images(run) -> np.ndarray:
    if isinstance(run, GAN):
        raise ValueError("invalid real=None with a GAN that is no run; expected its training images, uint8")
    try:
        images = run.load_data().images
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"the prior needs the run's training images: {error}; or search without it (prior=0, --no-prior)"
        ) from error
    return images[np.random.Generator(np.random.Philox(key=0)).permutation(len(images))[:REAL_IMAGES]]


def _best(rows, codes, kept, restarts, count):
    """Of a chunk's first ``count`` images: (losses, terms, best restart, its codes, step → its codes)."""
    steps = rows.shape[0]
    losses = rows[:, 0].reshape(steps, -1, restarts)[:, :count]
    best = np.argmin(losses[-1], axis=-1)
    places = np.arange(count) * restarts + best
    terms = {name: rows[-1, number][places] for number, name in enumerate(TERMS)}
    pick = {step: {name: array[places] for name, array in at.items()} for step, at in kept.items()}
    return losses, terms, best, {name: array[places] for name, array in codes.items()}, pick


def _join(parts: list, axis: int):
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays, axis=axis), *parts)
