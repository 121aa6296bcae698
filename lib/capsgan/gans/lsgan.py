"""LSGAN: least squares in place of cross-entropy (Mao et al. 2016, arXiv:1611.04076)."""

from keras import ops

from .base import GAN


class LSGAN(GAN):
    """Pulls logits towards 1 for real images and towards 0 for generated ones (equation 9 of the paper)."""

    name = "lsgan"
    label = "LSGAN"

    @property
    def real_target(self):
        """What the discriminator should answer for real images."""
        return 1.0 - self.config.label_smoothing

    def real_loss(self, images, labels):
        """Half the mean squared distance of the logits of real images from their target."""
        logits = self.discriminator(images, training=True)
        return ops.mean(ops.square(logits - self.real_target)) / 2, logits

    def fake_loss(self, codes):
        """Half the mean squared distance of the logits of generated images from 0."""
        logits = self.judge(codes)
        return ops.mean(ops.square(logits)) / 2, logits

    def generator_loss(self, codes):
        """Half the mean squared distance of the logits of generated images from 1."""
        logits = self.judge(codes)
        return ops.mean(ops.square(logits - 1)) / 2, logits

    def accuracies(self, real_logits, fake_logits):
        """The threshold is halfway between the discriminator's two targets."""
        threshold = self.real_target / 2
        return super().accuracies(real_logits - threshold, fake_logits - threshold)
