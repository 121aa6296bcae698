"""Two more kinds of damage that such networks learn to undo: too few pixels (Ledig et al. 2017), and age."""

import numpy as np
from keras import ops

from ..data.holes import scratch_mask
from ..data.pixels import SCALES, enlarge, fade, luma, shrink
from .completion import CompletionGAN


class SuperResolutionGAN(CompletionGAN):
    """Small images to large ones, with an adversary as in SRGAN (Ledig et al. 2017, arXiv:1609.04802).

    The generator gets an image that lost all detail finer than 2×2 or 4×4 pixels, enlarged bilinearly.
    """

    name = "superres"
    label = "SuperResolution"
    options = ("adversarial_weight",)
    conditional = True
    task = "superres"
    keeps_known = False

    def sample_codes(self, rng, count):
        """Scales, float32 [count, 1, 1, 1]; masks, float32 [count, height, width, 1], 1 as every pixel is known."""
        shape = (count, *self.image_shape[:2], 1)
        return {"scale": rng.choice(np.float32(SCALES), (count, 1, 1, 1)), "mask": np.ones(shape, "float32")}

    def damage(self, images, codes):
        """Averaged over blocks of the image's scale, and enlarged again."""
        two, four = (enlarge(shrink(images, scale), scale) for scale in SCALES)
        return ops.where(codes["scale"] == SCALES[0], two, four)


class RestorationGAN(CompletionGAN):
    """Old photographs: less contrast, another brightness, half of them without colour, scratched.

    The network is not told how an image was damaged: it learns to see it.
    """

    name = "restore"
    label = "Restoration"
    options = ("adversarial_weight",)
    conditional = True
    task = "restore"
    keeps_known = False

    def sample_codes(self, rng, count):
        """Contrast, brightness and whether grey, float32 [count, 1, 1, 1]; masks, 0 in scratches."""
        shape, seed = (count, 1, 1, 1), int(rng.integers(2**63))
        return {
            "contrast": rng.uniform(0.4, 1.0, shape).astype("float32"),
            "brightness": rng.uniform(-0.15, 0.15, shape).astype("float32"),
            "grey": rng.integers(0, 2, shape).astype("float32"),
            "mask": scratch_mask(count, self.image_shape[:2], seed)[..., None].astype("float32"),
        }

    def damage(self, images, codes):
        """As :class:`~capsgan.regeneration.degradations.Fading` damages them, each by its own values."""
        seen = images + codes["grey"] * (luma(images) - images)
        return fade(seen, codes["contrast"], codes["brightness"])
