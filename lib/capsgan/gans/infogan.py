"""InfoGAN: a code that can be read back from the image (Chen et al. 2016, arXiv:1606.03657)."""

from typing import ClassVar

import keras
from keras import layers, ops

from ..networks.discriminators import INFOGAN_CONVOLUTIONS, in_a_row, logit_head
from ..networks.generators import build_generator
from .base import GAN, logistic_loss

CATEGORIES, CONTINUOUS = 10, 2


class InfoGAN(GAN):
    """The latent is 62 numbers of noise, one of 10 categories and 2 continuous codes in [-1, 1].

    The head Q estimates the codes from the image. The code's entropy plus Q's log-likelihood is a lower bound of the
    mutual information between code and image (section 5 of the paper; λ = 1, and the entropy is constant). The term is
    in the discriminator's update on generated images, where Q learns, and in the generator's.
    """

    name = "infogan"
    label = "InfoGAN"
    discrete: ClassVar[dict[str, int]] = {"category": CATEGORIES}
    noise_dim = 62
    convolutions = INFOGAN_CONVOLUTIONS

    def build_generator(self):
        """Noise [B, 62], one-hot category [B] and continuous codes [B, 2], concatenated; then the generator."""
        noise = keras.Input((self.noise_dim,), name="noise")
        category = keras.Input((), dtype="int64", name="category")
        continuous = keras.Input((CONTINUOUS,), name="continuous")
        one_hot = layers.CategoryEncoding(CATEGORIES, output_mode="one_hot")(category)
        latent = layers.Concatenate()([noise, one_hot, continuous])  # (B, 74)
        decoder = build_generator(self.image_shape, self.noise_dim + CATEGORIES + CONTINUOUS, self.kernel_size)
        return keras.Model([noise, category, continuous], decoder(latent), name="generator")

    def heads(self, features):
        """The logit [B, 1]; and Q: logits of the category [B, 10], means of the continuous codes [B, 2]."""
        q = layers.Dense(128, activation="relu", name="q")(in_a_row(features))
        category = layers.Dense(CATEGORIES, dtype="float32", name="q_category")(q)
        mean = layers.Dense(CONTINUOUS, dtype="float32", name="q_mean")(q)
        return [logit_head(features), category, mean]

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
        """To pass as real, with a code that can be read back."""
        return self._loss(codes, 1.0)

    def _loss(self, codes, target):
        logits, *q = self.judge(codes)
        return logistic_loss(logits, target) + code_loss(codes, *q), logits


def code_loss(codes, category_logits, mean):
    """-E[log Q(c|x)], a float32 scalar: the category's cross-entropy plus a Gaussian's loss of the continuous codes.

    Logits are float32 [B, 10], means float32 [B, 2]. The Gaussian's deviation is 1 and its constant dropped, so
    its term is half the squared error: never negative, and no reward for hiding the code ever more exactly.
    """
    category_loss = ops.sparse_categorical_crossentropy(codes["category"], category_logits, from_logits=True)
    continuous_loss = ops.sum(ops.square(codes["continuous"] - mean), axis=-1) / 2
    return ops.mean(category_loss + continuous_loss)
