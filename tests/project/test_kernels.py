"""Notebooks come out the same whatever the user has set up for IPython, Jupyter and Matplotlib."""

import json
import os
import subprocess
import sys

import pytest
from kernels import kernel_environment, picture_count

EXECUTE = """
import nbclient, nbformat, sys
from nbformat.v4 import new_code_cell, new_notebook
drawing = "import matplotlib.pyplot as plt; plt.title('$x$'); plt.plot([1, 2]); plt.show()"
cells = [drawing, "print(1 + 1, 'x' in dir())"]
notebook = new_notebook(cells=[new_code_cell(text) for text in cells])
nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
print(nbformat.writes(notebook))
"""


@pytest.fixture
def hostile(tmp_path):
    """What a machine may have: each of these changed or broke a notebook."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": [str(tmp_path / "gone" / "python")], "display_name": "theirs", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("x = 1; print = lambda *_: None", encoding="utf-8")
    (tmp_path / "startup.py").write_text("x = 1", encoding="utf-8")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    return {
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONSTARTUP": str(tmp_path / "startup.py"),
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "MPLBACKEND": "Agg",
    }


@pytest.mark.slow
def test_a_kernel_draws_and_answers_as_if_nothing_were_set_up(hostile, tmp_path):
    ours = kernel_environment(tmp_path / "settings")
    assert ours.keys() >= hostile.keys()
    environment = os.environ | hostile | ours
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE], env=environment, capture_output=True, text=True, encoding="utf-8", check=True
    )
    notebook = json.loads(done.stdout)
    assert picture_count(notebook) == 1
    assert "".join(notebook["cells"][1]["outputs"][0]["text"]) == "2 False\n"


def test_pictures_are_counted_and_text_is_not():
    outputs = [{"data": {"image/png": "", "text/plain": ""}}, {"name": "stdout", "text": "image/png"}, {"data": {}}]
    assert picture_count({"cells": [{"outputs": outputs}, {"source": ""}, {"outputs": outputs[:1]}]}) == 2
