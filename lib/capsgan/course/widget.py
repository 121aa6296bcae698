"""A tool for notebooks: upload a picture, place a hole by sliders, choose a method to fill it."""

import html
from collections.abc import Callable, Mapping
from functools import partial

import cv2
import matplotlib.pyplot as plt
import numpy as np

from ..data.image_files import decode_image
from ..data.pixels import encode_png
from ..figures.regeneration import draw_tile
from ..regeneration.baselines import navier_stokes, telea
from ..regeneration.cropping import regenerate_photos
from ..regeneration.masks import check_masks, hide

PREVIEW = 256  # pixels a side that a picture is shown with


class RegenerationTool:
    """The widgets and what they do. Without widgets :meth:`figure` shows the same picture, filled.

    ``runs`` maps names to finished runs or pretrained networks; ``photo`` is uint8 [height, width, 1 or 3], the first
    picture; ``options`` are those of :func:`~capsgan.regeneration.reconstruction.regenerate`, e.g. ``restarts``.
    """

    def __init__(self, runs: Mapping[str, object], photo: np.ndarray, **options):
        self.methods: dict[str, Callable] = {name: partial(_by_run, run, options) for name, run in runs.items()}
        self.methods |= {"TELEA": telea, "Navier-Stokes": navier_stokes}
        self.photo = photo
        self.method = next(iter(self.methods))
        self.place = {"left": 25, "top": 25, "width": 50, "height": 50}  # of the hole, in percent of the smaller side

    def known(self) -> np.ndarray:
        """Bool [height, width] of the photo, False in the hole, which is cut at the picture's edge."""
        side = min(self.photo.shape[:2])
        top, left = ((length - side) // 2 for length in self.photo.shape[:2])
        x, y, width, height = (round(share * side / 100) for share in self.place.values())
        known = np.ones(self.photo.shape[:2], bool)
        known[top + y : top + min(y + height, side), left + x : left + min(x + width, side)] = False
        return known

    def fill(self) -> np.ndarray:
        """The photo with its hole filled by the chosen method: uint8 [height, width, channels]."""
        photos = self.photo[None]
        return self.methods[self.method](photos, check_masks(self.known(), photos))[0]

    def figure(self) -> plt.Figure:
        """The photo, with its hole, and filled."""
        shown = {"picture": self.photo, "with a hole": hide(self.photo[None], self.known()[None])[0]}
        shown[f"filled: {self.method}"] = self.fill()
        figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
        for axis, (name, image) in zip(axes, shown.items(), strict=True):
            draw_tile(axis, image, self.known())
            axis.set_title(name, fontsize=10)
        return figure

    def show(self):
        """Show the widgets in Jupyter and Colab; elsewhere print one line that says what is missing."""
        try:
            import ipywidgets
            from IPython.display import display
        except ImportError as error:
            print(f"No sliders here: {error.name} is not installed (pip install ipywidgets)")
            return
        display(self.widgets(ipywidgets))

    def widgets(self, ipywidgets):
        """The connected widgets: a box whose ``children`` are upload, sliders, method, button, message and pictures."""
        upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="Picture")
        percent = partial(ipywidgets.IntSlider, min=0, max=100, continuous_update=False)
        sliders = [percent(share, description=f"{name} %") for name, share in self.place.items()]
        method = ipywidgets.Dropdown(options=list(self.methods), value=self.method, description="Method")
        button = ipywidgets.Button(description="Fill the hole", button_style="primary")
        message, before, after = ipywidgets.HTML(), *(ipywidgets.Image(format="png") for _ in range(2))

        def draw():
            before.value = preview(hide(self.photo[None], self.known()[None])[0])

        def place(change):
            self.place[change.owner.description.removesuffix(" %")] = change.new
            draw()

        def read(change):
            if not change.new:
                return
            try:
                data, name = uploaded(change.new)
                self.photo = decode_image(data)
            except ValueError as error:
                message.value = html.escape(f"{name} is not a readable image: {error}")
                return
            message.value, after.value = "", b""
            draw()

        def fill(_):
            button.disabled, message.value = True, "Searching …"
            try:
                after.value, message.value = preview(self.fill()), ""
            except (ValueError, OSError, RuntimeError, MemoryError) as error:
                message.value = html.escape(str(error) or type(error).__name__)
            finally:
                button.disabled = False

        for slider in sliders:
            slider.observe(place, "value")
        method.observe(lambda change: setattr(self, "method", change.new), "value")
        upload.observe(read, "value")
        button.on_click(fill)
        draw()
        layout = {"min_width": "330px"}  # the pictures leave the sliders whole
        controls = ipywidgets.VBox([upload, *sliders, method, button, message], layout=layout)
        return ipywidgets.HBox([controls, before, after])


def uploaded(value) -> tuple[bytes, str]:
    """(content, name) from FileUpload's value: a tuple of files in ipywidgets 8, a dictionary in 7."""
    if isinstance(value, Mapping):
        name, file = next(iter(value.items()))
        return bytes(file["content"]), name
    return bytes(value[0]["content"]), value[0]["name"]


def preview(image: np.ndarray) -> bytes:
    """Uint8 [height, width, 1 or 3] → a PNG file with 256 pixels on the longer side, small images in crisp pixels."""
    scale = PREVIEW / max(image.shape[:2])
    size = [max(1, round(scale * length)) for length in image.shape[1::-1]]
    how = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
    return encode_png(cv2.resize(image, size, interpolation=how).reshape(size[1], size[0], -1))


def _by_run(run, options, photos, known):
    return regenerate_photos(run, [*photos], [*known], **{"progress": False} | options)
