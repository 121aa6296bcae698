"""What InfoGAN's Q head reads from generated images, and the parts of both losses that a run's history adds up."""

from __future__ import annotations

import numpy as np
from keras import ops

from ..engines import get_engine
from ..gans.base import logistic_loss
from ..gans.infogan import CATEGORIES, CONTINUOUS, InfoGAN, code_loss
from ..images import to_float
from ..sampling import choose_codes

BATCHES = 20


def read_codes(gan: InfoGAN, images: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """How well the code can be read, and the losses' parts, of the finished networks.

    In training mode, on batches of the run's own size, as in training: with the statistics of each batch, which is of
    real or of generated images only, and with dropout. The networks are not changed.

    Args:
        gan: both players, trained.
        images: uint8 [n, height, width, channels], real.
        seed: of the latents and of the real images.

    Returns:
        ``code_accuracy``: share of images whose category Q reads correctly, and ``code_accuracy_chance``, one tenth;
        ``code_error``: mean squared error of the continuous codes, and ``code_error_chance``, their variance;
        ``code_loss``: the part of both losses that is about the code, and ``code_loss_chance``, its value where Q knows
        nothing (log 10 plus half the variance of each continuous code); ``g_loss_adversarial`` and
        ``d_loss_adversarial``: the other part of each.
    """
    half, rows = gan.config.batch_size // 2, []
    batch = gan.config.batch_size
    codes = choose_codes(gan, BATCHES * batch, seed)
    chosen = np.random.Generator(np.random.Philox(key=seed)).integers(0, len(images), (BATCHES, half))
    variables = [*gan.generator.variables, *gan.discriminator.variables]
    before = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    try:
        with get_engine().no_gradients():
            for number in range(BATCHES):
                part = {name: array[number * batch : (number + 1) * batch] for name, array in codes.items()}
                real = gan.discriminator(to_float(images[chosen[number]]), training=True)[0]
                fake, category, mean = gan.discriminator(gan.generate(part, training=True), training=True)
                rows.append(
                    (
                        np.mean(ops.convert_to_numpy(category).argmax(axis=1) == part["category"]),
                        np.mean((ops.convert_to_numpy(mean) - part["continuous"]) ** 2),
                        code_loss(part, category, mean),
                        logistic_loss(fake, 1.0),
                        (logistic_loss(real, 1.0 - gan.config.label_smoothing) + logistic_loss(fake, 0.0)) / 2,
                    )
                )
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
    names = ("code_accuracy", "code_error", "code_loss", "g_loss_adversarial", "d_loss_adversarial")
    columns = [[float(ops.convert_to_numpy(value)) for value in column] for column in zip(*rows, strict=True)]
    chance = {"code_accuracy": 1 / CATEGORIES, "code_error": 1 / 3, "code_loss": np.log(CATEGORIES) + CONTINUOUS / 6}
    means = {name: float(np.mean(column)) for name, column in zip(names, columns, strict=True)}
    return means | {f"{name}_chance": float(value) for name, value in chance.items()}
