"""Whether a discriminator knows its training images from real images that it never saw."""

import numpy as np

from ..checks import check_images
from ..gans import GAN
from ..gans.inference import run_discriminator, statistics_of
from .neighbours import exceeds

IMAGES = 2000  # of each kind: the Caps trunk at full width takes 0.2 G multiply-adds an image


def overfitting(gan: GAN, training: np.ndarray, held_out: np.ndarray, *, images: int = IMAGES, seed: int = 0) -> dict:
    """The discriminator's answers on its training images against those on held-out images of the same source.

    Both are uint8 [·, height, width, channels]; up to ``images`` of each are chosen by ``seed``. BatchNormalization's
    moving statistics mix real and generated batches, while the discriminator judged real images among real ones. So its
    statistics are estimated anew on the images that are measured, training and held-out ones together and in equal
    numbers, and restored afterwards. Dropout is off.

    Each metric has a ``value`` and a ``floor``, the same number for two halves of the held-out images. ``logit_gap``:
    mean logit (a critic: mean score) on training minus on held-out images. ``logit_order``: probability that a training
    image gets a higher logit than a held-out one, 0.5 without over-fitting, whatever the logits' scale.
    ``accuracy_gap``: share of training minus share of held-out images classified as real; a critic has none.
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
        raise ValueError(
            "discriminator: some logits are NaN or infinite; train the run again with force=True (--force)"
        )
    pairs = {"value": (seen, unseen), "floor": (unseen[: count // 2], unseen[count // 2 :])}
    gaps = {
        "logit_gap": {name: float(x.mean() - y.mean()) for name, (x, y) in pairs.items()},
        "logit_order": {name: exceeds(x, y) for name, (x, y) in pairs.items()},
    }
    if not gan.is_critic:
        gaps["accuracy_gap"] = {name: float((x > 0).mean() - (y > 0).mean()) for name, (x, y) in pairs.items()}
    return gaps
