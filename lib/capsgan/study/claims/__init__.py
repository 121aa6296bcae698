"""The thesis's claims as statements that runs can support or contradict: what :mod:`.verdicts` judges."""

from __future__ import annotations

from . import curves as claims_on_curves
from . import discriminators as claims_on_discriminators
from . import images as claims_on_images

CLAIMS = (*claims_on_images.CLAIMS, *claims_on_discriminators.CLAIMS, *claims_on_curves.CLAIMS)
