"""Completion GAN: a context encoder paints the hole (Pathak et al. 2016, arXiv:1604.07379), with a U-Net's skips."""

from keras import ops

from ..data.holes import training_masks
from ..networks.context_encoder import build_context_encoder
from .base import GAN, logistic_loss

LEARNING_RATE = 1e-3  # of the generator, which has a target to learn from as well as an adversary


class CompletionGAN(GAN):
    """The generator gets a damaged image and its mask, and paints what was there, or could have been there.

    It minimises L1 in the hole plus ``adversarial_weight`` times the loss of the game, in which the discriminator
    judges whole images: completed ones, with known pixels in place, against real ones. ``discriminator="none"`` leaves
    only the reconstruction.
    """

    name = "completion"
    label = "Completion"
    options = ("adversarial_weight",)
    conditional = True
    task = "inpaint"  # the damage that it undoes
    keeps_known = True  # only holes are painted

    def build_generator(self):
        """Image and mask → the image with its hole painted."""
        return build_context_encoder(self.image_shape, keep_known=self.keeps_known)

    def build_discriminator(self):
        """One of the trunks, or None."""
        return None if self.config.discriminator == "none" else super().build_discriminator()

    def prepare_optimizer(self, model):
        """As in every GAN, except for the generator's learning rate."""
        optimizer = super().prepare_optimizer(model)
        if model is self.generator:
            optimizer.learning_rate = LEARNING_RATE
        return optimizer

    def sample_codes(self, rng, count):
        """Masks float32 [count, height, width, 1], 1 where a pixel is known."""
        return {"mask": training_masks(rng, count, self.image_shape[:2])}

    def draw_codes(self, rng, count, images):
        """Masks, and the numbers of the images that they damage, int64 [count]."""
        return {"number": rng.integers(0, images, count)} | self.sample_codes(rng, count)

    def condition(self, codes, images):
        """Masks, damaged images and the true ones."""
        truth = self.take_images(images, codes["number"])
        return {"truth": truth, "image": self.damage(truth, codes), "mask": ops.convert_to_tensor(codes["mask"])}

    def damage(self, images, codes):
        """Nothing yet: the generator itself hides what the mask hides."""
        return images

    def generator_loss(self, codes):
        """Reconstruction plus the weighted game: (loss, the completed images)."""
        completed = self.generate(codes, training=True)
        kept = codes["mask"] if self.keeps_known else ops.zeros_like(codes["mask"])
        loss = reconstruction_loss(completed, codes["truth"], kept)
        if self.discriminator:
            logits = self.discriminator(completed, training=True)
            loss = loss + self.config.adversarial_weight * logistic_loss(logits, 1.0)
        return loss, completed


def reconstruction_loss(completed, images, masks):
    """Mean absolute difference in the hole, averaged over a batch: a float32 scalar, images in [-1, 1].

    Each image counts alike. If each pixel did, a small hole would hardly be learned beside a large one.
    """
    missing, pixels = 1.0 - masks, (1, 2, 3)
    difference = ops.sum(ops.abs(completed - images) * missing, pixels) / images.shape[-1]
    return ops.mean(difference / ops.maximum(ops.sum(missing, pixels), 1.0))
