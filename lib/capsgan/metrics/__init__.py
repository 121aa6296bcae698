"""Scores of one run: its images against real ones, its discriminator, its code."""

from .evaluation import evaluate
from .features import load_features
from .orientation import TRANSFORMATIONS
from .real_images import real_images
from .scoring import score

__all__ = ["TRANSFORMATIONS", "evaluate", "load_features", "real_images", "score"]
