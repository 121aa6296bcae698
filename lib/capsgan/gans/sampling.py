"""From latent codes to images: which codes, and how many at once."""

import numpy as np

from .base import GAN, SAMPLING, random_stream
from .inference import run_model

MANY = 250  # images that compiling the generator pays for


def choose_codes(gan: GAN, count: int, seed: int = 0, *, labels=None, codes: dict | None = None, images=()) -> dict:
    """Latent codes of ``count`` images, arrays as :meth:`GAN.sample_codes` draws them: drawn by seed unless given.

    ``labels`` are ACGAN's classes, int [count] or one number; ``codes`` fixes any part of the latent, e.g. InfoGAN's
    ``{"category": 3, "continuous": [[-1, 0]]}``; ``images``, uint8 [n, height, width, channels], are what a conditional
    GAN is shown.
    """
    for name, value, low in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not low <= value < 2**63:
            raise ValueError(f"invalid {name}={value!r}; expected whole numbers from {low}")
    drawn = gan.draw_codes(random_stream(seed, stream=SAMPLING), count, len(images))
    given = dict(codes or {}) | ({} if labels is None else {"labels": labels})
    for name, value in given.items():
        if name not in drawn:
            raise ValueError(f"codes: {gan.config.gan!r} has no {name!r}; expected {' | '.join(drawn)}")
        drawn[name] = _fit_code(name, value, drawn[name], gan.discrete.get(name))
    return gan.condition(drawn, images)


def generate_images(gan: GAN, codes: dict[str, np.ndarray]) -> np.ndarray:
    """Codes → float32 [n, height, width, channels] in [-1, 1], in inference mode, chunk by chunk."""
    many = len(next(iter(codes.values()))) > MANY
    return run_model(gan.generator, gan.generator_inputs(codes), compiled=many)[0]


def _fit_code(name: str, value, like: np.ndarray, classes: int | None) -> np.ndarray:
    try:
        given = np.broadcast_to(np.asarray(value, "float64"), like.shape)
    except (ValueError, TypeError) as error:
        raise ValueError(f"codes: {name}={value!r} does not fit the shape {like.shape}") from error
    if classes and not (np.isin(given, np.arange(classes))).all():
        raise ValueError(f"codes: invalid {name}={value!r}; expected whole numbers from 0 to {classes - 1}")
    if not np.isfinite(given).all():
        raise ValueError(f"codes: invalid {name}={value!r}; expected finite numbers")
    return given.astype(like.dtype)
