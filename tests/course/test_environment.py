"""A notebook says in one line when the versions it runs with are not supported, and nothing when they are."""

import pytest

from capsgan.course import environment


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
