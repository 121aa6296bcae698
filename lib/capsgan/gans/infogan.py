"""InfoGAN: a code that can be read back from the image (Chen et al. 2016, arXiv:1606.03657)."""

import math

import keras
from keras import layers, ops

from ..networks import INFOGAN_CONVOLUTIONS, build_generator, logit_head
from .base import GAN, logistic_loss

CATEGORIES, CONTINUOUS = 10, 2


class InfoGAN(GAN):
    """The latent is 62 numbers of noise, one of 10 categories and 2 continuous codes in [-1, 1].

    The head Q estimates the codes from the image. Its log-likelihood is a lower bound of the mutual information
    between code and image (equation 5 of the paper, λ = 1). The term stands in the discriminator's update on
    generated images, where Q learns, and in the generator's.
    """

    noise_dim = 62
    convolutions = INFOGAN_CONVOLUTIONS

    def build_generator(self):
        """Noise [B, 62], category [B] as a one-hot row, continuous [B, 2], side by side; then the generator."""
        noise = keras.Input((self.noise_dim,), name="noise")
        category = keras.Input((), dtype="int64", name="category")
        continuous = keras.Input((CONTINUOUS,), name="continuous")
        one_hot = layers.CategoryEncoding(CATEGORIES, output_mode="one_hot")(category)
        latent = layers.Concatenate()([noise, one_hot, continuous])  # (B, 74)
        decoder = build_generator(self.image_shape, self.noise_dim + CATEGORIES + CONTINUOUS, self.kernel_size)
        return keras.Model([noise, category, continuous], decoder(latent), name="generator")

    def heads(self, features):
        """The logit [B, 1]; and Q: logits of the category [B, 10], means and log deviations of the codes [B, 2]."""
        q = layers.Dense(128, activation="relu", name="q")(features)
        category = layers.Dense(CATEGORIES, dtype="float32", name="q_category")(q)
        mean = layers.Dense(CONTINUOUS, dtype="float32", name="q_mean")(q)
        flat = {"kernel_initializer": "zeros", "dtype": "float32"}  # a deviation of 1 to begin with
        log_deviation = layers.Dense(CONTINUOUS, name="q_log_deviation", **flat)(q)
        return [logit_head(features), category, mean, log_deviation]

    def sample_codes(self, rng, count):
        """Noise float32 [count, 62], category int64 [count], continuous float32 [count, 2], uniform in [-1, 1]."""
        return super().sample_codes(rng, count) | {
            "category": rng.integers(0, CATEGORIES, count),
            "continuous": rng.uniform(-1, 1, (count, CONTINUOUS)).astype("float32"),
        }

    def real_loss(self, images, labels):
        """Real or not. Real images have no code."""
        logits, *_ = self.discriminator(images, training=True)
        return logistic_loss(logits, 1.0 - self.config.label_smoothing), logits

    def fake_loss(self, codes):
        """Generated or not, and what the code was."""
        return self._loss(codes, 0.0)

    def generator_loss(self, codes):
        """To pass as real, with the code in plain sight."""
        return self._loss(codes, 1.0)

    def _loss(self, codes, target):
        logits, *q = self.discriminator(self.generate(codes, training=True), training=True)
        return logistic_loss(logits, target) + code_loss(codes, *q), logits


def code_loss(codes, category_logits, mean, log_deviation):
    """-E[log Q(c|x)]: cross-entropy of the category plus a Gaussian's negative log-likelihood of the continuous codes.

    The deviation is kept in [e⁻³, e]: else the likelihood of a code that is read exactly has no bound.

    Args:
        codes: ``category`` int64 [B] and ``continuous`` float32 [B, 2].
        category_logits: float32 [B, 10].
        mean, log_deviation: float32 [B, 2].

    Returns:
        A float32 scalar.
    """
    category_loss = ops.sparse_categorical_crossentropy(codes["category"], category_logits, from_logits=True)
    log_deviation = ops.clip(log_deviation, -3.0, 1.0)
    error = (codes["continuous"] - mean) * ops.exp(-log_deviation)
    continuous_loss = ops.square(error) / 2 + log_deviation + math.log(2 * math.pi) / 2
    return ops.mean(category_loss) + ops.mean(ops.sum(continuous_loss, axis=-1))
