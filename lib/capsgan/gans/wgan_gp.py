"""WGAN-GP: a penalty on the critic's gradient instead of clipping (Gulrajani et al. 2017, arXiv:1704.00028)."""

from functools import partial

import keras
from keras import layers, ops

from ..engines import get_engine
from .wgan import WassersteinGAN

PENALTY = 10.0


class WGANGP(WassersteinGAN):
    """A critic whose slope is drawn towards 1 on the lines between real and generated images (equation 3).

    The penalty is on the gradient for each image alone, so no normalization may mix the images of a batch: where the
    other GANs have BatchNormalization, all numbers of one image are normalized together (section 4 of the paper). It
    needs a real and a generated image at once, so the critic's update is always joint.
    """

    name = "wgan_gp"
    label = "WGAN-GP"
    is_critic = True
    ignores = ("discriminator_updates",)  # always joint
    penalizes_gradient = True
    joint = True
    # over the whole image: Keras's LayerNormalization, at each position, would give all capsules the same length
    normalization = staticmethod(partial(layers.GroupNormalization, groups=1))

    def make_optimizer(self):
        """Adam(1e-4, β₁ 0, β₂ 0.9), algorithm 1 of the paper."""
        return keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9)

    def discriminator_loss(self, images, labels, codes, mixing):
        """Mean score of generated minus mean score of real images, plus the penalty: (loss, (scores, scores))."""
        generated = ops.stop_gradient(self.generate(codes, training=True))
        real_scores = self.discriminator(images, training=True)
        fake_scores = self.discriminator(generated, training=True)
        loss = ops.mean(fake_scores) - ops.mean(real_scores)
        return loss + PENALTY * self.gradient_penalty(images, generated, mixing), (real_scores, fake_scores)

    def update_discriminator(self, *arguments):
        """The base class's update; its loss is logged as WGAN's is, the mean of two halves: half of the whole."""
        loss, *accuracies = super().update_discriminator(*arguments)
        return loss / 2, *accuracies

    def gradient_penalty(self, real, generated, mixing):
        """Mean of (|∇ₓ D(x)| - 1)² at points x between real and generated images [B, h, w, c]: a float32 scalar.

        ``mixing``, float32 [B] in [0, 1), is 0 for the real image and 1 for the generated one.
        """
        between = real + ops.reshape(mixing, (-1, 1, 1, 1)) * (generated - real)
        gradient = get_engine().input_gradient(lambda x: self.discriminator(x, training=True), between)
        squared = ops.sum(ops.square(ops.cast(gradient, "float32")), axis=(1, 2, 3))
        return ops.mean(ops.square(ops.sqrt(squared + 1e-12) - 1))  # 1e-12: the root has no slope at 0
