"""A notebook says in one line when the versions it runs with are not supported, and nothing when they are."""

import json
import re
import sys

import pytest

from capsgan.course import environment
from capsgan.paths import ROOT


def test_supported_versions_are_not_worth_a_line(capsys):
    environment.check_versions()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("version, named", [("1.26.4", r"numpy 1.26.4 (expected >=2.1)"), (None, "numpy missing")])
def test_a_version_outside_the_range_is_named_with_the_range(monkeypatch, capsys, version, named):
    real = environment._version
    monkeypatch.setattr(environment, "_version", lambda name: version if name == "numpy" else real(name))
    environment.check_versions()
    (line,) = capsys.readouterr().out.splitlines()
    assert named in line and "tensorflow" not in line


def test_either_opencv_will_do(monkeypatch, capsys):
    real = environment._version
    found = {"opencv-python-headless": None, "opencv-python": "5.0.0"}
    monkeypatch.setattr(environment, "_version", lambda name: found[name] if name in found else real(name))
    environment.check_versions()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_colab_is_shown_the_picture_that_opens_a_notebook(path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *pictures: shown.extend(pictures))
    source = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"])
    call = re.search(r"^show_opening\(.*\)$", source, re.MULTILINE).group()
    exec(call, vars(environment))
    assert shown == []  # Jupyter shows attachments itself
    monkeypatch.setitem(sys.modules, "google.colab", None)
    exec(call, vars(environment))
    assert len(shown) == 1 and path.stem in call and shown[0].format in ("png", "gif")
