"""Images reconstructed by a trained GAN: the latent whose image explains the known pixels fills in the others.

Yeh et al. 2017, *Semantic Image Inpainting with Deep Generative Models* (arXiv:1607.07539); here for a Gaussian latent,
for other damage than holes, with many starts at once, and on every backend. A completion network needs no search.
"""

import contextlib
import math
import sys
from dataclasses import dataclass, replace

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from ..checks import check_images, require
from ..data.pixels import to_float, to_uint8
from ..gans.base import GAN
from ..gans.inference import statistics_of
from ..gans.sampling import generate_images
from .degradations import TASKS, Degradation, make_degradation
from .latent_search import TERMS, LatentSearch, SearchOptions, choose_starts, discriminator_prior
from .masks import check_masks, context_weights

REAL_IMAGES = 512  # of the training set, on which the discriminator's statistics are estimated
PIXELS = 400_000  # of images searched at once: faces then take 2 GB of memory


@dataclass(frozen=True)
class Regeneration:
    """The result of a search."""

    images: np.ndarray  # uint8 [n, height, width, channels]: known pixels as they were, the rest generated and blended
    unblended: np.ndarray  # uint8, the same shape: the generated images alone
    losses: np.ndarray  # float32 [steps + 1, n, restarts], of every restart before each step and after the last
    # Of the best restarts at the end, float32 [n] each: "total" is "context" (weighted mean absolute error in [-1, 1]
    # units) plus "prior" and "norm", each times its weight.
    terms: dict[str, np.ndarray]
    best: np.ndarray  # int64 [n], which restart had the smallest loss
    codes: dict[str, np.ndarray]  # the best restarts' latents, n rows each, as ``run.generate(…, codes=…)`` takes them
    snapshots: dict[int, np.ndarray]  # step → uint8 [n, height, width, channels], of the best restarts
    damages: list[Degradation]  # of each image, with what a network read off it


def regenerate(
    run,
    images: np.ndarray,
    masks: np.ndarray | None = None,
    *,
    task: str | Degradation = "inpaint",  # inpaint | superres | restore, or a degradation with its own values
    labels=None,  # ACGAN: the classes of the images, if they are known
    prior_of=None,  # another run, whose discriminator is the prior; None: the run's own
    real: np.ndarray | None = None,  # training images; None: of the run's dataset
    search: SearchOptions | None = None,
    progress: bool = True,  # a bar on standard error
    **options,
) -> Regeneration:
    """Search the latents whose images, damaged in the same way, look like these.

    ``run`` and ``prior_of`` are finished runs, or their GANs, which need ``real``. ``images`` are the observed ones,
    uint8 [n, height, width, channels] of the network's size; for super-resolution a ``scale``-th of it, for restoration
    from grey with one channel. ``masks`` are bool [n, height, width] or [height, width], True where a pixel is known;
    inpainting needs them. ``options`` replace fields of ``search``.

    Adam minimises, for each restart on its own, the mean L1 distance of known pixels (for inpainting with
    :func:`~capsgan.regeneration.masks.context_weights`) plus ``prior`` (0 without a discriminator) times the loss of
    :func:`~capsgan.regeneration.latent_search.discriminator_prior` plus ``norm`` times
    :func:`~capsgan.regeneration.latent_search.norm_penalty`. The restart with the smallest loss is taken.

    Both networks are in inference mode; the discriminator's BatchNormalization uses the statistics of real images.
    Restarts begin at the best of 1,000 random latents; ACGAN's labels and InfoGAN's categories are spread over them and
    stay fixed, continuous codes are searched inside [-1, 1]. An image's result depends on no other, up to rounding.
    """
    search = replace(search or SearchOptions(), **options)
    gan = getattr(run, "gan", run)
    if gan.conditional:
        for name, value in (({} if labels is None else {"labels": labels}) | options).items():
            require(name not in ("labels", "restarts", "steps"), name, value, "none: this network searches nothing")
        return complete(gan, images, masks, task)
    degradation = make_degradation(task)
    masks = _check_observed(gan, degradation, images, masks)
    judging = gan if prior_of is None else getattr(prior_of, "gan", prior_of)
    if "discriminator" not in judging.players:  # a pretrained generator comes without one
        search = replace(search, prior=0.0)
    if judging.image_shape != gan.image_shape:
        sees = f"its discriminator sees {judging.image_shape}, the run generates {gan.image_shape}"
        raise ValueError(f"prior_of: {sees}; expected a run on images of the same shape")
    observed = ops.convert_to_numpy(to_float(images))
    weights = context_weights(masks, search.window) if degradation.needs_mask else masks[..., None].astype("float32")
    with _prior(judging, run, real) if search.prior else contextlib.nullcontext() as prior_loss:
        starts = choose_starts(gan, degradation, observed, weights, search.restarts, search.seed, labels)
        latent_search = LatentSearch(gan, degradation, prior_loss, search)
        losses, terms, best, codes, kept = _search_in_parts(latent_search, starts, observed, weights, progress)
    generated = to_uint8(generate_images(gan, codes))
    blended = degradation.restore(images, generated, masks)
    snapshots = {step: to_uint8(generate_images(gan, kept[step])) for step in sorted(kept)}
    damages = [degradation] * len(images)
    return Regeneration(blended, generated, losses.transpose(2, 0, 1), terms, best, codes, snapshots, damages)


def complete(gan: GAN, images: np.ndarray, masks: np.ndarray, task: str | Degradation = "inpaint") -> Regeneration:
    """Undo damage by a network trained for it, in one pass; see :func:`regenerate`, with one restart of loss 0."""
    degradation = make_degradation(task)
    check_learned(gan, degradation)
    masks = _check_observed(gan, degradation, images, masks)
    known = np.ones((len(images), *gan.image_shape[:2]), bool) if degradation.enlarges else masks
    codes = {"image": ops.convert_to_numpy(degradation.prepare(images)), "mask": known[..., None].astype("float32")}
    generated, losses = to_uint8(generate_images(gan, codes)), np.zeros((1, len(images), 1), "float32")
    each = list(zip(images, generated, masks, strict=True))
    damages = [degradation.fit(*one) for one in each]
    restored = [damage.restore(*(part[None] for part in one)) for damage, one in zip(damages, each, strict=True)]
    blended, terms = np.concatenate(restored), {"total": losses.ravel()}
    return Regeneration(blended, generated, losses, terms, np.zeros(len(images), "int64"), {}, {}, damages)


def check_learned(gan: GAN, degradation: Degradation):
    """Raise ``ValueError`` for damage that a network has not learned to undo."""
    if not isinstance(degradation, TASKS[gan.task]):
        asked = next(name for name, kind in TASKS.items() if isinstance(degradation, kind))
        raise ValueError(f"invalid task={asked!r}; expected {gan.task!r}, which this network has learned")


def _check_observed(gan: GAN, degradation: Degradation, images: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
    check_images("images", images, degradation.observed_shape(gan.image_shape))
    if masks is not None:
        return check_masks(masks, images, holes=degradation.needs_mask)
    if degradation.needs_mask:
        raise ValueError("invalid masks=None with task='inpaint'; expected masks, True where a pixel is known")
    return np.ones(images.shape[:3], bool)


@contextlib.contextmanager
def _prior(judging: GAN, run, real: np.ndarray | None):
    real = _training_images(run) if real is None else real
    check_images("real", real, judging.image_shape)
    with statistics_of(judging.discriminator, real[:REAL_IMAGES]):
        yield discriminator_prior(judging, real[:REAL_IMAGES])


def _training_images(run) -> np.ndarray:
    if isinstance(run, GAN):
        raise ValueError("invalid real=None with a GAN that is no run; expected its training images, uint8")
    try:
        images = run.load_data().images
    except (ValueError, RuntimeError) as error:
        message = f"the prior needs the run's training images: {error}; or search without it (prior=0, --no-prior)"
        raise ValueError(message) from error
    return images[np.random.Generator(np.random.Philox(key=0)).permutation(len(images))[:REAL_IMAGES]]


def _search_in_parts(search: LatentSearch, starts: dict, observed: np.ndarray, weights: np.ndarray, progress: bool):
    """(losses [n, restarts, steps + 1], terms, best restarts, their codes, step → their codes) of all images."""
    count, restarts = len(observed), search.options.restarts
    at_once = min(count, max(1, PIXELS // (restarts * math.prod(search.gan.image_shape[:2]))))
    firsts, parts = range(0, count, at_once), []
    style = {"unit": "step", "file": sys.stderr, "leave": False, "ncols": 100, "disable": not progress}
    with tqdm(desc=f"{count} images, {restarts} restarts", total=len(firsts) * search.options.steps, **style) as bar:
        for first in firsts:
            chosen = np.arange(first, first + at_once) % count  # the last part is filled up: one shape, one graph
            codes = {name: array[chosen].reshape(-1, *array.shape[2:]) for name, array in starts.items()}
            rows = np.repeat(chosen, restarts)
            found = search(codes, observed[rows], weights[rows], bar)
            parts.append(_best(*found, restarts, min(at_once, count - first)))
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)


def _best(rows, codes, kept, restarts, count):
    """Of the first ``count`` images: (losses, terms, best restarts, their codes, step → their codes)."""
    losses = rows[:, 0].T.reshape(-1, restarts, len(rows))[:count]
    best = np.argmin(losses[..., -1], axis=-1)
    places = np.arange(count) * restarts + best
    terms = {name: rows[-1, number][places] for number, name in enumerate(TERMS)}
    codes, kept = keras.tree.map_structure(lambda array: array[places], (codes, kept))
    return losses, terms, best, codes, kept
