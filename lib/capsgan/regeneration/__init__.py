"""Damaged images completed and restored, beside baselines that need no network."""

from ..data.holes import centre_mask, make_masks
from .baselines import run_baselines
from .blending import blend
from .cropping import regenerate_photos
from .degradations import Downscaling, Fading, Inpainting
from .latent_search import SearchOptions
from .masks import context_weights, hide
from .quality import compare_methods, paired_intervals, scores_table, shuffle_truth
from .reconstruction import Regeneration, regenerate
