"""WGAN: a critic in place of the discriminator (Arjovsky et al. 2017, arXiv:1701.07875), kept Lipschitz by clipping."""

import keras
from keras import layers, ops

from ..networks.discriminators import SMALL_CONVOLUTIONS, score_head
from .base import GAN, share

CLIP = 0.01


@keras.saving.register_keras_serializable("capsgan")
class Clip(keras.constraints.Constraint):
    """Keeps every weight in [-limit, limit]."""

    def __init__(self, limit: float = CLIP):
        self.limit = limit

    def __call__(self, weights):
        """Weights of any shape → the same, clipped."""
        return ops.clip(weights, -self.limit, self.limit)

    def get_config(self):
        """What Keras needs to make this constraint again."""
        return {"limit": self.limit}


class WassersteinGAN(GAN):
    """The critic's scores are unbounded; the difference of their means estimates a distance (equation 2)."""

    is_critic = True
    n_critic = 5
    kernel_size = 4
    convolutions = SMALL_CONVOLUTIONS
    heads = staticmethod(score_head)

    def real_loss(self, images, labels):
        """Minus the mean score of real images."""
        scores = self.discriminator(images, training=True)
        return -ops.mean(scores), scores

    def fake_loss(self, codes):
        """The mean score of generated images."""
        scores = self.judge(codes)
        return ops.mean(scores), scores

    def generator_loss(self, codes):
        """Minus the mean score of generated images."""
        loss, scores = self.fake_loss(codes)
        return -loss, scores

    def accuracies(self, real_logits, fake_logits):
        """A critic has no threshold: shares of real images above, generated ones below the midpoint of both means."""
        midpoint = (ops.mean(real_logits) + ops.mean(fake_logits)) / 2
        return share(real_logits > midpoint), share(fake_logits < midpoint)


class WGAN(WassersteinGAN):
    """Clips kernels and biases.

    The original also clipped BatchNorm's γ (``weight_clipping="all"``): then the critic's output shrinks to almost
    nothing and neither player learns. Votes of ``caps-routing`` are clipped too, to sizes at which they hardly agree or
    disagree: its couplings stay almost uniform. WGAN-GP shows what routing does to a critic.
    """

    name = "wgan"
    label = "WGAN"
    is_critic = True
    options = ("weight_clipping",)

    def build_discriminator(self):
        """The critic, each of its clipped weights under a constraint that the optimizer honours."""
        critic = super().build_discriminator()
        for layer in critic.layers:
            if self.config.weight_clipping == "all" or not isinstance(layer, layers.BatchNormalization):
                for variable in layer.trainable_variables:
                    variable.constraint = Clip()
        return critic

    def make_optimizer(self):
        """RMSprop(5e-5): with momentum a critic under clipping is unstable (section 4 of the paper)."""
        return keras.optimizers.RMSprop(5e-5)
