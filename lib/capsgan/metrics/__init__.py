"""Scores of one run: its images against real ones, its discriminator, its code."""

from .features import load_features
from .image_scores import score
from .orientation import TRANSFORMATIONS
from .real_images import real_images
from .run_scores import evaluate

__all__ = ["TRANSFORMATIONS", "evaluate", "load_features", "real_images", "score"]
