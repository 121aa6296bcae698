"""The thesis's claims as statements that runs can support or contradict: what :mod:`.verdicts` judges."""

from __future__ import annotations

from . import claims_on_curves, claims_on_discriminators, claims_on_images

CLAIMS = (*claims_on_images.CLAIMS, *claims_on_discriminators.CLAIMS, *claims_on_curves.CLAIMS)
