"""ACGAN: labels in the latent and a class head (Odena, Olah & Shlens 2016, arXiv:1610.09585)."""

import keras
from keras import layers, ops

from ..networks.discriminators import SMALL_CONVOLUTIONS, in_a_row, logit_head
from ..networks.generators import build_generator
from .base import GAN, logistic_loss


class ACGAN(GAN):
    """The generator is asked for a class; the discriminator names the class of every image, real or generated.

    Both players minimise the class loss L_C of section 3 of the paper, unweighted. Keras-GAN teaches an extra class
    "generated" that the generator is never asked for; here there is none. Keras-GAN also multiplies the noise by an
    embedding of the label; as the noise has either sign, the label would show only in magnitudes. Here they are
    concatenated.
    """

    name = "acgan"
    label = "ACGAN"
    convolutions = SMALL_CONVOLUTIONS

    @property
    def discrete(self):
        """The label is one of the dataset's classes."""
        return {"labels": self.classes}

    def check_labels(self):
        """ACGAN cannot train without classes."""
        if self.classes < 2:
            raise ValueError(
                f"gan={self.config.gan!r} needs labels of 2 classes or more; {self.config.dataset!r} has {self.classes}"
            )

    def build_generator(self):
        """Noise [B, 100] and the one-hot label [B], concatenated as in the paper; then the generator."""
        noise = keras.Input((self.noise_dim,), name="noise")
        labels = keras.Input((), dtype="int64", name="labels")
        one_hot = layers.CategoryEncoding(self.classes, output_mode="one_hot")(labels)
        latent = layers.Concatenate()([noise, one_hot])  # (B, 100 + classes)
        decoder = build_generator(self.image_shape, self.noise_dim + self.classes, self.kernel_size)
        return keras.Model([noise, labels], decoder(latent), name="generator")

    def heads(self, features):
        """The logit [B, 1] and one logit per class [B, classes]."""
        class_logits = layers.Dense(self.classes, dtype="float32", name="class_logits")(in_a_row(features))
        return [logit_head(features), class_logits]

    def sample_codes(self, rng, count):
        """Noise float32 [count, 100] and labels int64 [count], uniform."""
        return super().sample_codes(rng, count) | {"labels": rng.integers(0, self.classes, count)}

    def real_loss(self, images, labels):
        """Real or not, and the class of the real image."""
        return self._loss(self.discriminator(images, training=True), 1.0 - self.config.label_smoothing, labels)

    def fake_loss(self, codes):
        """Generated or not, and the class that was asked for."""
        return self._loss(self.judge(codes), 0.0, codes["labels"])

    def generator_loss(self, codes):
        """To pass as real, and as the class that was asked for."""
        return self._loss(self.judge(codes), 1.0, codes["labels"])

    def _loss(self, answers, target, labels):
        logits, class_logits = answers
        class_loss = ops.sparse_categorical_crossentropy(labels, class_logits, from_logits=True)
        return logistic_loss(logits, target) + ops.mean(class_loss), logits
