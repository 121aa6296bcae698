"""The thesis's claims as statements that runs can support or contradict, judged by :mod:`capsgan.study.verdicts`."""

from . import curves, discriminators, images

CLAIMS = (*images.CLAIMS, *discriminators.CLAIMS, *curves.CLAIMS)
