"""How pictures are damaged: known operators y = A(x), which a search of the latent can look through.

Missing pixels are no operator of their own: every degradation can have a mask beside it, over what was observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from keras import ops

from ..data.pixels import to_float, to_uint8
from .blending import blend

SCALES = (2, 4)
TASKS = ("inpaint", "superres", "restore")
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as OpenCV's COLOR_RGB2GRAY


@dataclass(frozen=True)
class Degradation:
    """How images are damaged, beside missing pixels. The base class leaves them as they are.

    Attributes:
        needs_mask: without a mask there is nothing to do.
        enlarges: what is observed has fewer pixels than the image.
    """

    needs_mask: ClassVar[bool] = False
    enlarges: ClassVar[bool] = False

    def measure(self, images):
        """Float [B, height, width, channels] in [-1, 1] → the same, in ``keras.ops``."""
        return images

    def damage(self, images: np.ndarray) -> np.ndarray:
        """Uint8 true images → uint8 as they would be observed, but for the mask."""
        return to_uint8(ops.convert_to_numpy(self.measure(to_float(images))))

    def observed_shape(self, image_shape) -> tuple[int, int, int]:
        """(height, width, channels) of what is observed of images of that shape."""
        return tuple(image_shape)

    def restore(self, observed: np.ndarray, generated: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """What was observed, with the generated images' holes blended in.

        Args:
            observed: uint8 [n, ...] of :meth:`observed_shape`.
            generated: uint8 [n, height, width, channels].
            masks: bool [n, height, width] of the observed images, True where a pixel is known.

        Returns:
            Uint8 [n, height, width, channels].
        """
        return blend(observed, generated, masks)


@dataclass(frozen=True)
class Inpainting(Degradation):
    """Nothing but missing pixels."""

    needs_mask: ClassVar[bool] = True


@dataclass(frozen=True)
class Downscaling(Degradation):
    """Each pixel the mean of ``scale`` × ``scale``: what a camera's coarser sensor would have seen.

    Raises:
        ValueError: another scale than 2 or 4.
    """

    enlarges: ClassVar[bool] = True
    scale: int = 4

    def __post_init__(self):
        if self.scale not in SCALES:
            raise ValueError(f"invalid scale={self.scale!r}; expected {' | '.join(map(str, SCALES))}")

    def measure(self, images):
        """Float [B, height, width, channels] → [B, height / scale, width / scale, channels]."""
        return ops.average_pool(images, self.scale, strides=self.scale, padding="valid")

    def observed_shape(self, image_shape):
        """A ``scale``-th of height and width."""
        height, width, channels = image_shape
        return height // self.scale, width // self.scale, channels

    def restore(self, observed, generated, masks):
        """The generated images, each block shifted to the mean that was observed: a step of back-projection.

        Irani & Peleg 1991 (doi:10.1016/1049-9652(91)90045-L). Of all images that would be observed so it is the one
        nearest to the generated one, until values are clipped.
        """
        coarse = ops.convert_to_numpy(self.measure(generated.astype("float32")))
        missing = np.where(masks[..., None], observed - coarse, 0)
        fine = generated + missing.repeat(self.scale, axis=1).repeat(self.scale, axis=2)
        return np.clip(np.rint(fine), 0, 255).astype("uint8")


@dataclass(frozen=True)
class Fading(Degradation):
    """An old photograph: less contrast, another brightness, perhaps no colour; scratches come as a mask.

    Attributes:
        contrast: that is left, in (0, 1]: distances from mid-grey are multiplied by it.
        brightness: added, as a share of the range from black to white, in [-0.5, 0.5].
        grey: True: only luma is left, one channel.

    Raises:
        ValueError: a value out of these ranges.
    """

    contrast: float = 1.0
    brightness: float = 0.0
    grey: bool = False

    def __post_init__(self):
        if not 0 < self.contrast <= 1:
            raise ValueError(f"invalid contrast={self.contrast!r}; expected a number in (0, 1]")
        if not -0.5 <= self.brightness <= 0.5:
            raise ValueError(f"invalid brightness={self.brightness!r}; expected a number in [-0.5, 0.5]")

    def measure(self, images):
        """Float [B, height, width, channels] → [B, height, width, channels, or 1 where ``grey``]."""
        if self.grey:
            images = luma(images)
        return ops.clip(self.contrast * images + 2 * self.brightness, -1, 1)

    def observed_shape(self, image_shape):
        """As it is; one channel where ``grey``."""
        return *image_shape[:2], 1 if self.grey else image_shape[2]

    def restore(self, observed, generated, masks):
        """Known pixels get their contrast and brightness back; the holes, and all colour, are the generated images'."""
        known = (to_float(observed.astype("float32")) - 2 * self.brightness) / self.contrast
        known = ops.convert_to_numpy(known)
        if self.grey and generated.shape[-1] == 3:
            whole = ops.convert_to_numpy(to_float(generated))
            known = whole + known - ops.convert_to_numpy(luma(whole))  # the colour that is nearest to the generated
        return blend(to_uint8(known), generated, masks)


def luma(images):
    """Lightness as television has it: float [..., 3] → [..., 1]; one channel stays as it is."""
    if images.shape[-1] == 1:
        return images
    return ops.sum(images * ops.convert_to_tensor(np.array(LUMA, "float32")), axis=-1, keepdims=True)


def make_degradation(task: str | Degradation, **values) -> Degradation:
    """A degradation by the name of the task it sets.

    Args:
        task: ``inpaint``, ``superres`` or ``restore``; or a degradation, which comes back as it is.
        values: of its attributes: ``scale`` of superres; ``contrast``, ``brightness``, ``grey`` of restore.

    Raises:
        ValueError: no such task, or a value that the task does not have or cannot take.
    """
    if isinstance(task, Degradation):
        return task
    kinds = dict(zip(TASKS, (Inpainting, Downscaling, Fading), strict=True))
    if task not in kinds:
        raise ValueError(f"invalid task={task!r}; expected {' | '.join(TASKS)}")
    strange = sorted(values.keys() - kinds[task].__dataclass_fields__.keys())
    if strange:
        raise ValueError(f"invalid {strange[0]}={values[strange[0]]!r} with task={task!r}")
    return kinds[task](**values)


def to_grey(images: np.ndarray) -> np.ndarray:
    """Uint8 [..., height, width, 1 or 3] → uint8 [..., height, width, 1], their luma."""
    if images.shape[-1] == 1:
        return images
    flat = images.reshape(-1, images.shape[-2], 3)
    return cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY).reshape(*images.shape[:-1], 1)
