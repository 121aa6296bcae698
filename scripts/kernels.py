"""Kernels with their own settings: a user's settings for other work change no notebook's result."""

import json
import os
import sys
from pathlib import Path

from capsgan.paths import ROOT, home

IN_NOTEBOOKS = "module://matplotlib_inline.backend_inline"  # figures become outputs of their cells


def build_directory() -> Path:
    """Where executed notebooks and logs are: ``build/`` of the checkout, unless ``CAPSGAN_HOME`` is set."""
    return (home() if os.environ.get("CAPSGAN_HOME") else ROOT) / "build"


def kernel_environment(folder: Path) -> dict[str, str]:
    """Make a folder of settings and return the environment variables with which a kernel uses nothing else.

    The kernel is the running interpreter; IPython, Jupyter and Matplotlib find empty settings of their own.
    """
    kernel = folder.resolve() / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    (folder / "matplotlibrc").write_text("", encoding="utf-8")
    return {
        "JUPYTER_PATH": str(kernel.parents[1]),
        "JUPYTER_CONFIG_DIR": str(kernel.parents[1]),
        "JUPYTER_CONFIG_PATH": "",
        "IPYTHONDIR": str(folder.resolve() / "ipython"),
        "PYTHONSTARTUP": "",
        "MATPLOTLIBRC": str(folder.resolve() / "matplotlibrc"),
        "MPLBACKEND": IN_NOTEBOOKS,
    }


def picture_count(notebook: dict) -> int:
    """Number of pictures among the outputs of a notebook's cells."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)
