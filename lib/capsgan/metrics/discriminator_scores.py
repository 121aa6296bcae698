"""Scores of a discriminator: whether it knows its training images from others, and how well InfoGAN's reads codes."""

import numpy as np
from keras import ops

from ..checks import check_images
from ..data.pixels import to_float
from ..engines import get_engine
from ..gans import GAN
from ..gans.base import logistic_loss
from ..gans.inference import run_discriminator, statistics_of
from ..gans.infogan import CATEGORIES, CONTINUOUS, InfoGAN, code_loss
from ..gans.sampling import choose_codes
from .neighbours import exceeds

IMAGES = 2000  # of each kind: the Caps trunk at full width takes 0.2 G multiply-adds an image
BATCHES = 20  # that InfoGAN's codes are read from
CHANCE = {"code_accuracy": 1 / CATEGORIES, "code_error": 1 / 3, "code_loss": float(np.log(CATEGORIES)) + CONTINUOUS / 6}


def overfitting(gan: GAN, training: np.ndarray, held_out: np.ndarray, *, images: int = IMAGES, seed: int = 0) -> dict:
    """The discriminator's answers on its training images against those on held-out images of the same source.

    Both are uint8 [·, height, width, channels]; up to ``images`` of each are used. In training BatchNormalization saw
    real images among real ones, but its moving statistics mix real and generated batches. So here its statistics are
    those of training and held-out images, in equal numbers. Dropout is off.

    Each metric has a ``value`` and a ``floor``, the same for two halves of the held-out images. ``logit_gap``: mean
    logit (a critic: score) on training minus on held-out images. ``logit_order``: probability that a training image
    gets a higher logit than a held-out one, 0.5 without over-fitting. ``accuracy_gap``: share of training minus share
    of held-out images classified as real; a critic has none.
    """
    check_images("training", training, gan.image_shape)
    check_images("held_out", held_out, gan.image_shape)
    count = min(images, len(training), len(held_out))
    if count < 2:
        raise ValueError(f"held_out: {len(held_out)} images are too few; expected 2 or more")
    rng = np.random.Generator(np.random.Philox(key=seed))
    chosen = [kind[rng.choice(len(kind), count, replace=False)] for kind in (training, held_out)]
    with statistics_of(gan.discriminator, np.concatenate(chosen)):
        seen, unseen = (run_discriminator(gan.discriminator, kind) for kind in chosen)
    if not (np.isfinite(seen).all() and np.isfinite(unseen).all()):
        raise ValueError("discriminator: some logits are NaN or infinite; train the run again (force=True, --force)")
    pairs = {"value": (seen, unseen), "floor": (unseen[: count // 2], unseen[count // 2 :])}
    gaps = {
        "logit_gap": {name: float(x.mean() - y.mean()) for name, (x, y) in pairs.items()},
        "logit_order": {name: exceeds(x, y) for name, (x, y) in pairs.items()},
    }
    if not gan.is_critic:
        gaps["accuracy_gap"] = {name: float((x > 0).mean() - (y > 0).mean()) for name, (x, y) in pairs.items()}
    return gaps


def read_codes(gan: InfoGAN, images: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """How well InfoGAN's Q head reads the code, and the parts of both losses that a history adds up.

    As in training: batches of the run's own size, normalized by their own statistics, with dropout; the networks do not
    change. ``images`` are real, uint8 [n, height, width, channels].

    Returns ``code_accuracy``: share of images whose category Q reads correctly; ``code_error``: mean squared error of
    the continuous codes; ``code_loss``: the part of both losses that is about the code; ``<name>_chance``: each of the
    three where Q knows nothing; ``g_loss_adversarial`` and ``d_loss_adversarial``: the other part of each loss.
    """
    batch, rows, smooth = gan.config.batch_size, [], gan.config.label_smoothing
    codes = choose_codes(gan, BATCHES * batch, seed)
    chosen = np.random.Generator(np.random.Philox(key=seed)).integers(0, len(images), (BATCHES, batch // 2))
    variables = [*gan.generator.variables, *gan.discriminator.variables]
    before = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    try:
        with get_engine().no_gradients():
            for number in range(BATCHES):
                part = {name: array[number * batch : (number + 1) * batch] for name, array in codes.items()}
                real = gan.discriminator(to_float(images[chosen[number]]), training=True)[0]
                fake, *q = gan.discriminator(gan.generate(part, training=True), training=True)
                category, mean = map(ops.convert_to_numpy, q)
                on_images = (logistic_loss(real, 1.0 - smooth) + logistic_loss(fake, 0.0)) / 2
                right, error = category.argmax(axis=1) == part["category"], (mean - part["continuous"]) ** 2
                rows.append((right.mean(), error.mean(), code_loss(part, *q), logistic_loss(fake, 1.0), on_images))
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
    means = np.mean([[float(ops.convert_to_numpy(value)) for value in row] for row in rows], axis=0).tolist()
    found = dict(zip((*CHANCE, "g_loss_adversarial", "d_loss_adversarial"), means, strict=True))
    return found | {f"{name}_chance": value for name, value in CHANCE.items()}
