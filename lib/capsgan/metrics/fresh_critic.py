"""Several generators judged by one critic that none of them was trained against."""

import keras
import numpy as np

from ..checks import check_images
from ..gans.inference import run_discriminator
from ..networks.discriminators import build_discriminator
from .features import single_precision

UPDATES = 400
BATCH = 64  # real and as many generated images


@single_precision()
def fresh_critic_losses(generated: list[np.ndarray], real: np.ndarray, *, seed: int = 0) -> list[float]:
    """The generator's loss of each generator under one new classical discriminator.

    A generator's loss in training is measured by its own discriminator: two discriminators are two yardsticks. Here one
    DCGAN discriminator learns to tell real images from those of all generators, in equal shares, and judges images of
    each that it has not seen (Im et al. 2018, arXiv:1803.01045). BatchNormalization, which it lacks, would mix them.

    All images are uint8 [·, height, width, channels], of each generator equally many: one half is learned from, the
    other is judged. Returns mean -log D(x) over the images of each generator, in nats: about log 2 if the critic can
    tell none of them from real ones, more for those that it can tell, and less for one better than the others.
    """
    for number, images in enumerate(generated):
        check_images(f"generated[{number}]", images, real.shape[1:])
    if len({len(images) for images in generated}) != 1:
        raise ValueError(f"generated: {[len(images) for images in generated]} images are not equal numbers")
    half = len(generated[0]) // 2
    learned = np.concatenate([images[:half] for images in generated])
    keras.utils.set_random_seed(seed)
    critic = build_discriminator("cnn", real.shape[1:], normalization=None)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    critic.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), loss)
    critic.fit(_batches(real, learned, seed), steps_per_epoch=UPDATES, shuffle=False, verbose=0)
    return [float(np.logaddexp(0, -run_discriminator(critic, images[half:])).mean()) for images in generated]


def _batches(real: np.ndarray, generated: np.ndarray, seed: int):
    rng = np.random.Generator(np.random.Philox(key=seed))
    answers = np.repeat([1.0, 0.0], BATCH).astype("float32")[:, None]
    while True:
        halves = [kind[rng.integers(0, len(kind), BATCH)] for kind in (real, generated)]
        # As pixels.to_float, but in NumPy: TensorFlow's threads wait for this generator, and could wait for each other.
        yield np.concatenate(halves).astype("float32") / np.float32(127.5) - np.float32(1), answers
