"""CGAN: both players know the label (Mirza & Osindero 2014, arXiv:1411.1784)."""

from keras import ops

from .acgan import ACGAN
from .base import logistic_loss


class CGAN(ACGAN):
    """The networks of ACGAN in another game: is this a real image *of this class*?

    Mirza & Osindero concatenate the label with hidden units. Here it selects a row of weights: the logit is ψ(φ(x)) +
    v_y · φ(x), with the trunk's features φ(x): the projection discriminator (Miyato & Koyama 2018, equation 4).
    """

    name = "cgan"
    label = "CGAN"

    def _loss(self, answers, target, labels):
        logit, by_class = answers  # ψ(φ(x)) [B, 1] and v · φ(x) [B, classes]
        logits = logit + ops.take_along_axis(by_class, ops.cast(labels, "int32")[:, None], axis=1)
        return logistic_loss(logits, target), logits
