"""Images in memory: datasets by name, drawings, folders; files decoded, pixels converted."""

from ..exports import exported

_HOMES = dict.fromkeys(("read_png", "tile", "to_float", "to_uint8"), "pixels")
__all__ = sorted(_HOMES)
__getattr__ = exported(__name__, _HOMES)  # pixels.py needs Keras, the names of datasets do not
