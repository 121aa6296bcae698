"""How pictures are damaged: known operators y = A(x) of images [n, height, width, channels], masks apart."""

from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from keras import ops

from ..checks import require
from ..data.pixels import SCALES, enlarge, fade, luma, shrink, to_float, to_uint8
from .blending import blend


@dataclass(frozen=True)
class Degradation:
    """How images are damaged, apart from missing pixels. The base class leaves them as they are."""

    needs_mask: ClassVar[bool] = False  # without a mask there is nothing to do
    enlarges: ClassVar[bool] = False  # the observed image has fewer pixels than the true one

    def measure(self, images):
        """True images, float in [-1, 1] → observed ones, in ``keras.ops``."""
        return images

    def damage(self, images: np.ndarray) -> np.ndarray:
        """Uint8 true images → uint8 observed ones, without the mask."""
        return to_uint8(ops.convert_to_numpy(self.measure(to_float(images))))

    def observed_shape(self, image_shape) -> tuple[int, int, int]:
        """(height, width, channels) of the observed images."""
        return tuple(image_shape)

    def prepare(self, observed: np.ndarray):
        """Uint8 observed images → float in [-1, 1] of the true images' size: what a network is shown of them."""
        return to_float(observed)

    def fit(self, observed: np.ndarray, generated: np.ndarray, known: np.ndarray) -> "Degradation":
        """With what was not known about the damage, read off one image and what a network made of it."""
        return self

    def restore(self, observed: np.ndarray, generated: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Observed images repaired with generated ones, uint8; masks, bool [n, height, width], are False in holes."""
        return blend(observed, generated, masks)


@dataclass(frozen=True)
class Inpainting(Degradation):
    """Nothing but missing pixels."""

    needs_mask: ClassVar[bool] = True


@dataclass(frozen=True)
class Downscaling(Degradation):
    """Each pixel is the mean of ``scale`` × ``scale``, 2 or 4, as a camera with a coarser sensor would see it."""

    enlarges: ClassVar[bool] = True
    scale: int = 4

    def __post_init__(self):
        require(self.scale in SCALES, "scale", self.scale, " | ".join(map(str, SCALES)))

    def measure(self, images):
        """Float [B, height, width, channels] → [B, height / scale, width / scale, channels]."""
        return shrink(images, self.scale)

    def observed_shape(self, image_shape):
        """A ``scale``-th of height and width."""
        height, width, channels = image_shape
        return height // self.scale, width // self.scale, channels

    def prepare(self, observed):
        """Enlarged bilinearly."""
        return enlarge(to_float(observed), self.scale)

    def restore(self, observed, generated, masks):
        """The generated images, each block shifted to the mean that was observed: a step of back-projection.

        Irani & Peleg 1991 (doi:10.1016/1049-9652(91)90045-L): but for clipping, the nearest image that is observed so.
        """
        coarse = ops.convert_to_numpy(self.measure(generated.astype("float32")))
        missing = np.where(masks[..., None], observed - coarse, 0)
        fine = generated + missing.repeat(self.scale, axis=1).repeat(self.scale, axis=2)
        return np.clip(np.rint(fine), 0, 255).astype("uint8")


@dataclass(frozen=True)
class Fading(Degradation):
    """An old photograph: less contrast, a different brightness, perhaps no colour; scratches come as a mask."""

    contrast: float | None = None  # that is left, in (0, 1]: distances from mid-grey are multiplied by it
    brightness: float | None = None  # added, as a share of the range from black to white, in [-0.5, 0.5]
    grey: bool = False  # only luma is left, one channel

    def __post_init__(self):
        require(self.contrast is None or 0 < self.contrast <= 1, "contrast", self.contrast, "a number in (0, 1]")
        dark_or_light = self.brightness is None or -0.5 <= self.brightness <= 0.5
        require(dark_or_light, "brightness", self.brightness, "a number in [-0.5, 0.5]")

    def measure(self, images):
        """Float [B, height, width, channels] → [B, height, width, channels, or 1 where ``grey``]."""
        return fade(luma(images) if self.grey else images, *self._values())

    def _values(self):
        return 1.0 if self.contrast is None else self.contrast, self.brightness or 0.0

    def observed_shape(self, image_shape):
        """Unchanged, but one channel where ``grey``."""
        return *image_shape[:2], 1 if self.grey else image_shape[2]

    def prepare(self, observed):
        """Grey images with three equal channels."""
        return to_float(observed.repeat(3, axis=-1) if self.grey else observed)

    def fit(self, observed, generated, known):
        """Contrast and brightness, unless given, that change the generated mean and deviation to those observed."""
        pairs = (observed, to_grey(generated) if self.grey else generated)
        seen, true = (ops.convert_to_numpy(to_float(each[known])) for each in pairs)
        contrast, brightness = self.contrast, self.brightness
        if contrast is None:
            contrast = float(np.clip(seen.std() / max(true.std(), 1e-3), 0.05, 1.0))
        if brightness is None:
            brightness = float(np.clip((seen.mean() - contrast * true.mean()) / 2, -0.5, 0.5))
        return replace(self, contrast=contrast, brightness=brightness)

    def restore(self, observed, generated, masks):
        """Known pixels get their contrast and brightness back; the holes, and all colour, are the generated images'."""
        contrast, brightness = self._values()
        known = ops.convert_to_numpy((to_float(observed.astype("float32")) - 2 * brightness) / contrast)
        if self.grey and generated.shape[-1] == 3:
            whole = ops.convert_to_numpy(to_float(generated))
            known = whole + known - ops.convert_to_numpy(luma(whole))  # the colour that is nearest to the generated
        return blend(to_uint8(known), generated, masks)


TASKS = {"inpaint": Inpainting, "superres": Downscaling, "restore": Fading}


def make_degradation(task: str | Degradation, **values) -> Degradation:
    """A degradation by task: ``inpaint``, ``superres`` (``scale``), ``restore`` (fields of ``Fading``); or itself."""
    if isinstance(task, Degradation):
        return task
    require(task in TASKS, "task", task, " | ".join(TASKS))
    strange = sorted(values.keys() - TASKS[task].__dataclass_fields__.keys())
    if strange:
        raise ValueError(f"invalid {strange[0]}={values[strange[0]]!r} with task={task!r}")
    return TASKS[task](**values)


def to_grey(images: np.ndarray) -> np.ndarray:
    """Uint8 [..., height, width, 1 or 3] → uint8 [..., height, width, 1], their luma."""
    if images.shape[-1] == 1:
        return images
    flat = images.reshape(-1, images.shape[-2], 3)
    return cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY).reshape(*images.shape[:-1], 1)
