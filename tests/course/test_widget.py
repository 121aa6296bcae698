"""The notebook's tool: its sliders place the hole, its button fills it, and what is no picture is refused in words."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import cv2
import ipywidgets
import numpy as np
import pytest
import regeneration_worker as worker

from capsgan.course.widget import RegenerationTool, preview, uploaded
from capsgan.data.pixels import encode_png

OPTIONS = {"restarts": 2, "steps": 2, "prior": 0}


@pytest.fixture
def photo():
    rows, columns = np.mgrid[:60, :90]
    return np.stack([2 * rows + 20, 2 * columns, rows + columns], axis=-1).astype("uint8")


@pytest.fixture
def tool(photo):
    return RegenerationTool({"waves": SimpleNamespace(gan=worker.linear_gan())}, photo, **OPTIONS)


def parts(box):
    controls, before, after = box.children
    upload, *sliders, method, button, message = controls.children
    return SimpleNamespace(
        upload=upload, sliders=sliders, method=method, button=button, message=message, before=before, after=after
    )


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_COLOR)[..., ::-1]


def upload(name, data):
    now = datetime.now(UTC)
    return ({"name": name, "type": "", "size": len(data), "content": memoryview(data), "last_modified": now},)


def test_the_hole_lies_in_the_middle_square_and_is_cut_at_its_edge(tool):
    known = tool.known()
    assert (~known).sum() == 30 * 30 and not known[15:45, 30:60].any()
    tool.place |= {"left": 90, "width": 50}
    assert not tool.known()[15:45, 69:75].any() and (~tool.known()).sum() == 30 * 6


@pytest.mark.filterwarnings("ignore:picture 1 is in colour")
@pytest.mark.parametrize("method", ["waves", "TELEA", "Navier-Stokes"])
def test_every_method_fills_the_hole_and_keeps_the_rest(tool, method):
    tool.method = method
    filled, known = tool.fill(), tool.known()
    assert filled.shape == tool.photo.shape and (filled[known] == tool.photo[known]).all()
    assert (filled[~known] != tool.photo[~known]).any()
    assert len(tool.figure().axes) == 3


def test_the_widgets_do_what_they_say(tool, photo):
    shown = parts(tool.widgets(ipywidgets))
    first = shown.before.value
    shown.sliders[0].value = 10
    assert tool.place["left"] == 10 and shown.before.value != first
    shown.method.value = "TELEA"
    shown.button.click()
    assert (decoded(shown.after.value) == decoded(preview(tool.fill()))).all() and shown.message.value == ""
    shown.sliders[2].value = 0
    shown.button.click()
    assert "no pixel missing" in shown.message.value and not shown.button.disabled
    shown.upload.value = upload("<b>.png", b"text")
    assert "&lt;b&gt;.png is not a readable image" in shown.message.value and tool.photo is photo
    good = encode_png(np.full((20, 30, 3), 7, "uint8"))
    shown.upload.value = upload("a.png", good)
    assert tool.photo.shape == (20, 30, 3) and shown.message.value == "" and shown.after.value == b""


def test_uploads_are_read_as_ipywidgets_7_and_8_hold_them():
    assert uploaded({"a.png": {"content": b"x", "metadata": {}}}) == (b"x", "a.png")
    assert uploaded(({"name": "a.png", "content": memoryview(b"x")},)) == (b"x", "a.png")


def test_previews_keep_the_pictures_proportions(photo):
    assert decoded(preview(photo)).shape == (171, 256, 3)
    assert decoded(preview(np.zeros((2000, 1000, 1), "uint8"))).shape == (256, 128, 3)


def test_without_widgets_one_line_says_so(tool, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    tool.show()
    assert "ipywidgets" in capsys.readouterr().out
