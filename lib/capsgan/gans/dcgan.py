"""DCGAN: convolutions in both players (Radford et al. 2015, arXiv:1511.06434)."""

from .base import GAN


class DCGAN(GAN):
    """The game of :class:`GAN` unchanged: convolutional networks, Adam(2e-4, β₁ = 0.5), 100 numbers of noise."""

    name = "dcgan"
    label = "DCGAN"
