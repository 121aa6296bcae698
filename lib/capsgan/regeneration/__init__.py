"""Damaged images completed and restored, beside baselines that need no network."""

from .baselines import run_baselines
from .blending import blend
from .degradations import Downscaling, Fading, Inpainting
from .images import Regeneration, regenerate, regenerate_with_priors
from .masks import centre_mask, hide, make_masks
from .photos import regenerate_photos
from .quality import compare_methods, paired_intervals, scores_table, shuffle_truth
