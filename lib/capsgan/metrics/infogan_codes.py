"""What InfoGAN's Q head reads from generated images, and the parts of both losses that a run's history adds up."""

import numpy as np
from keras import ops

from ..data.pixels import to_float
from ..engines import get_engine
from ..gans.base import logistic_loss
from ..gans.infogan import CATEGORIES, CONTINUOUS, InfoGAN, code_loss
from ..gans.sampling import choose_codes

BATCHES = 20
CHANCE = {"code_accuracy": 1 / CATEGORIES, "code_error": 1 / 3, "code_loss": float(np.log(CATEGORIES)) + CONTINUOUS / 6}


def read_codes(gan: InfoGAN, images: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """How well Q reads the code, and the parts of the losses, of trained networks, which do not change.

    As in training: batches of the run's own size, normalized by their own statistics, with dropout. ``images`` are
    real, uint8 [n, height, width, channels]; ``seed``: of the latents and of the choice of images.

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
