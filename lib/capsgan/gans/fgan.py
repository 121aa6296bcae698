"""f-GAN: a game for each f-divergence (Nowozin, Cseke & Tomioka 2016, arXiv:1606.00709)."""

import math
from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from .base import GAN

LOG_2 = math.log(2)


class Divergence(NamedTuple):
    """One row of tables 2 and 6 of the paper, in numerically stable form, for the discriminator's logits v."""

    activation: Callable  # g(v)
    conjugate: Callable  # f*(g(v)), f* the conjugate of f
    threshold: float  # v where g(v) = f'(1): above it an image counts as real


DIVERGENCES = {
    "kl": Divergence(lambda v: v, lambda v: ops.exp(v - 1), 1.0),
    "reverse-kl": Divergence(lambda v: -ops.exp(-v), lambda v: v - 1, 0.0),
    "pearson": Divergence(lambda v: v, lambda v: ops.square(v) / 4 + v, 0.0),
    "hellinger": Divergence(lambda v: 1 - ops.exp(-v), lambda v: ops.exp(v) - 1, 0.0),
    "jensen-shannon": Divergence(lambda v: LOG_2 - ops.softplus(-v), lambda v: ops.softplus(v) - LOG_2, 0.0),
    "gan": Divergence(lambda v: -ops.softplus(-v), ops.softplus, 0.0),
}


class FGAN(GAN):
    """The discriminator's best answer bounds the divergence ``config.divergence`` of real and generated images.

    It maximizes mean g(v) over real minus mean f*(g(v)) over generated images (equation 4); its logits are v. The
    generator maximizes mean g(v) over generated images, as section 3.2 recommends.
    """

    name = "fgan"
    label = "f-GAN"
    options = ("divergence",)
    ignores = ("label_smoothing",)

    @property
    def divergence(self) -> Divergence:
        """The one that the config asks for."""
        return DIVERGENCES[self.config.divergence]

    def real_loss(self, images, labels):
        """Minus mean g(v) of real images."""
        v = self.discriminator(images, training=True)
        return -ops.mean(self.divergence.activation(v)), v

    def fake_loss(self, codes):
        """Mean f*(g(v)) of generated images."""
        v = self.judge(codes)
        return ops.mean(self.divergence.conjugate(v)), v

    def generator_loss(self, codes):
        """Minus mean g(v) of generated images."""
        v = self.judge(codes)
        return -ops.mean(self.divergence.activation(v)), v

    def accuracies(self, real_logits, fake_logits):
        """The threshold is the divergence's own."""
        threshold = self.divergence.threshold
        return super().accuracies(real_logits - threshold, fake_logits - threshold)
