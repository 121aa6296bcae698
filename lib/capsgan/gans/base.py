"""The game: two players, what each minimises, and the order in which they move. Written once, for every backend."""

import random
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

import keras
import numpy as np
from keras import ops

from ..config import RunConfig
from ..data.pixels import to_float
from ..engines import fix_keras_settings
from ..networks.discriminators import DCGAN_CONVOLUTIONS, build_discriminator, logit_head
from ..networks.generators import build_generator
from ..networks.layers import batch_normalization
from .inference import estimate_statistics

METRICS = ("g_loss", "d_loss", "accuracy", "accuracy_real", "accuracy_fake")
TRAINING, SAMPLING = 0, 1  # independent streams of random numbers


class Batch(NamedTuple):
    """All that one step draws at random; n_critic is the number of discriminator updates per step."""

    indices: np.ndarray  # int64 [n_critic, batch_size / 2]: which real images
    critic_codes: dict[str, np.ndarray]  # arrays [n_critic, batch_size / 2, ...]
    codes: dict[str, np.ndarray]  # arrays [batch_size, ...]
    mixing: np.ndarray  # float32 [n_critic, batch_size / 2] in [0, 1), for images between real and generated


def random_stream(seed: int, step: int = 0, stream: int = TRAINING) -> np.random.Generator:
    """Random numbers keyed by seed and step (Philox): no state to save, and the same for both runs of a pair."""
    key = np.array([seed, step % 2**64], "uint64")
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))


def logistic_loss(logits, target: float):
    """Binary cross-entropy of logits [B, 1] with one target in [0, 1]: a float32 scalar."""
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.binary_crossentropy(ops.full_like(logits, target), logits, from_logits=True))


class GAN:
    """The players of the non-saturating game of Goodfellow et al. 2014 (arXiv:1406.2661), section 3.

    ``generator`` and ``discriminator`` are ``keras.Model``; ``variables`` is everything that training changes,
    including the optimizers' state and the dropout's seeds.
    """

    # Declared in the class body, as literals, by every GAN that has a ``name``: capsgan.names reads them from the file.
    # name = "dcgan"  what a user types
    # label = "DCGAN"  what figures say
    is_critic = False  # the discriminator scores without bound: no threshold, no targets to smooth
    ignores = ()  # fields of the config that have no effect here
    options = ()  # fields of the config that have an effect here only
    conditional = False  # the generator sees images: its codes hold the numbers of those it is shown
    discrete: ClassVar[dict[str, int]] = {}  # codes that are whole numbers from 0, name → how many there are

    noise_dim = 100
    kernel_size = 3  # of the generator's convolutions
    n_critic = 1  # discriminator updates per step
    convolutions = DCGAN_CONVOLUTIONS
    heads = staticmethod(logit_head)  # a trunk's features → the logit first, then what else this GAN needs
    normalization = staticmethod(batch_normalization)  # of the discriminator
    penalizes_gradient = False  # True: the discriminator's loss holds the gradient of its output by its input
    joint = False  # True: the discriminator's loss needs real and generated images at once

    def __init__(self, config: RunConfig, image_shape, classes: int = 0, generator_only: bool = False):
        self.config, self.image_shape, self.classes = config, tuple(image_shape), classes
        self.check_labels()
        with _initialisation(config.seed, config.precision):
            self.generator = self.build_generator()  # first: both runs of a pair begin with the same generator
            if not generator_only:
                self.discriminator = self.build_discriminator()
        self.players = ("generator", "discriminator") if vars(self).get("discriminator") else ("generator",)
        networks = [getattr(self, name) for name in self.players]
        optimizers = [self.prepare_optimizer(network) for network in networks]
        self.generator_optimizer, self.discriminator_optimizer = (*optimizers, None)[:2]
        self.variables = list({id(v): v for owner in (*networks, *optimizers) for v in owner.variables}.values())

    def __getattr__(self, name: str):  # only called for what is missing
        if name == "discriminator":
            raise ValueError(f"{self.config.title}: the discriminator's weights are not kept, only the generator's")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # What a GAN of its own may override ------------------------------------------------------------------------

    def check_labels(self):
        """Raise ``ValueError`` if the dataset lacks labels that this GAN needs."""

    def build_generator(self) -> keras.Model:
        """Codes → images; several inputs are named like the arrays of :meth:`sample_codes`."""
        return build_generator(self.image_shape, self.noise_dim, self.kernel_size)

    def build_discriminator(self) -> keras.Model | None:
        """Images → the answers of :meth:`heads`."""
        fields = {name: getattr(self.config, name) for name in ("width", "dropout", "routing_iterations")}
        own = {"convolutions": self.convolutions, "normalization": self.normalization, "heads": self.heads}
        return build_discriminator(self.config.discriminator, self.image_shape, **fields, **own)

    def make_optimizer(self) -> keras.optimizers.Optimizer:
        """One player's optimizer."""
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def sample_codes(self, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """Draw ``count`` latent codes: float32 noise [count, noise_dim] ~ N(0, 1)."""
        return {"noise": rng.standard_normal((count, self.noise_dim), "float32")}

    def draw_codes(self, rng: np.random.Generator, count: int, images: int) -> dict[str, np.ndarray]:
        """Codes for a dataset of ``images`` images; those of a conditional GAN include which images it is shown."""
        return self.sample_codes(rng, count)

    def condition(self, codes: dict, images) -> dict:
        """Codes with the images that they name, from uint8 [n, height, width, channels]."""
        return codes

    def real_loss(self, images, labels):
        """What the discriminator minimises on real images: (loss, logits [B, 1])."""
        logits = self.discriminator(images, training=True)
        return logistic_loss(logits, 1.0 - self.config.label_smoothing), logits

    def fake_loss(self, codes):
        """What the discriminator minimises on generated images: (loss, logits [B, 1])."""
        logits = self.judge(codes)
        return logistic_loss(logits, 0.0), logits

    def discriminator_loss(self, images, labels, codes, mixing):
        """What the discriminator minimises in one joint update: (loss, (logits of real, logits of generated))."""
        on_real, real_logits = self.real_loss(images, labels)
        on_fake, fake_logits = self.fake_loss(codes)
        return (on_real + on_fake) / 2, (real_logits, fake_logits)

    def generator_loss(self, codes):
        """What the generator minimises: -log D(G(z)), not the saturating log(1 - D(G(z))) of equation 1.1."""
        logits = self.judge(codes)
        return logistic_loss(logits, 1.0), logits

    def accuracies(self, real_logits, fake_logits):
        """Shares of real and of generated images that the discriminator classifies correctly, at threshold 0.5."""
        return share(real_logits > 0), share(fake_logits < 0)

    # The same for every GAN ------------------------------------------------------------------------------------

    def generate(self, codes: dict, training: bool):
        """Codes → images, float32 [B, height, width, channels] in [-1, 1]."""
        return self.generator(self.generator_inputs(codes), training=training)

    def judge(self, codes: dict):
        """What the discriminator answers about images generated from codes, both networks in training mode."""
        return self.discriminator(self.generate(codes, training=True), training=True)

    def generator_inputs(self, codes: dict):
        """Codes in the order of the generator's inputs; the only one as it is."""
        if len(codes) == 1:
            return next(iter(codes.values()))
        return [codes[tensor.name] for tensor in self.generator.inputs]

    def draw_batch(self, step: int, images: int) -> Batch:
        """What step ``step`` draws at random from a dataset of ``images`` images."""
        rng = random_stream(self.config.seed, step)
        half = self.config.batch_size // 2
        images = 2 * images if self.config.augmentation == "flip" else images  # number n + i is image i mirrored
        indices = rng.integers(0, images, (self.n_critic, half))
        flat = self.draw_codes(rng, self.n_critic * half, images)
        critic_codes = {name: a.reshape(self.n_critic, half, *a.shape[1:]) for name, a in flat.items()}
        codes = self.draw_codes(rng, self.config.batch_size, images)
        return Batch(indices, critic_codes, codes, rng.random((self.n_critic, half), "float32"))

    def step(self, update, images, labels, batch: Batch, train_generator: bool = True):
        """One step: the discriminator's updates, then the generator's (not while the discriminator warms up).

        ``update`` is the engine's, ``images`` uint8 [n, height, width, channels] and ``labels`` int64 [n] the whole
        training set, ``batch`` from :meth:`draw_batch`. Returns the values of ``METRICS``, float32 scalars; the
        discriminator's are means over its updates.
        """
        nothing = ops.full((), float("nan"))
        rows = []
        for turn in range(self.n_critic if self.discriminator else 0):
            indices = batch.indices[turn]
            real, real_labels = self.take_images(images, indices), ops.take(labels, indices % images.shape[0], axis=0)
            codes = self.condition({name: array[turn] for name, array in batch.critic_codes.items()}, images)
            rows.append(self.update_discriminator(update, real, real_labels, codes, batch.mixing[turn]))
        columns = zip(*rows or [(nothing,) * 3], strict=True)
        d_loss, accuracy_real, accuracy_fake = (sum(column) / len(column) for column in columns)
        g_loss = nothing
        if train_generator:
            codes = self.condition(batch.codes, images)
            g_loss, _ = update(self.generator, self.generator_optimizer, self.generator_loss, codes)
        return g_loss, d_loss, (accuracy_real + accuracy_fake) / 2, accuracy_real, accuracy_fake

    def take_images(self, images, numbers):
        """Images by number, float32 in [-1, 1]; with flips, number n + i is image i of n, mirrored."""
        taken = to_float(ops.take(images, numbers % images.shape[0], axis=0))
        if self.config.augmentation == "none":
            return taken
        mirrored = ops.reshape(numbers >= images.shape[0], (-1, 1, 1, 1))
        return ops.where(mirrored, ops.flip(taken, axis=2), taken)

    def settle(self, batches, images):
        """After the last step: replace the generator's weights by their average, if the config asks for one.

        BatchNormalization's statistics belong to the last step's weights, so they are estimated again from ``batches``.
        """
        if self.config.generator_average:
            self.generator_optimizer.finalize_variable_values(self.generator.trainable_variables)
            codes = (self.condition(batch.codes, images) for batch in batches)
            estimate_statistics(self.generator, codes, lambda part: self.generate(part, training=True))

    def update_discriminator(self, update, real, labels, codes, mixing):
        """One update, or one of each half: (loss, the mean of the halves; accuracy on real, on generated images)."""
        model, optimizer = self.discriminator, self.discriminator_optimizer
        if self.joint or self.config.discriminator_updates == "joint":
            loss, logits = update(model, optimizer, self.discriminator_loss, real, labels, codes, mixing)
            real_logits, fake_logits = logits
        else:
            on_real, real_logits = update(model, optimizer, self.real_loss, real, labels)
            on_fake, fake_logits = update(model, optimizer, self.fake_loss, codes)
            loss = (on_real + on_fake) / 2
        return loss, *self.accuracies(real_logits, fake_logits)

    def prepare_optimizer(self, model: keras.Model) -> keras.optimizers.Optimizer:
        """A player's optimizer, built, with loss scaling if float16 needs it."""
        optimizer = self.make_optimizer()
        if model is self.generator and self.config.generator_average:
            optimizer.use_ema, optimizer.ema_momentum = True, self.config.generator_average
        if self.config.precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        return optimizer


@contextmanager
def _initialisation(seed: int, precision: str):
    """Seed and precision for layers made inside; afterwards Python's random state, which Keras uses, is as before."""
    policy, state = keras.config.dtype_policy(), random.getstate()
    random.seed(seed % 2**32)
    fix_keras_settings()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(state)


def share(condition):
    """The share of rows for which a boolean condition holds: a float32 scalar."""
    return ops.mean(ops.cast(condition, "float32"))
