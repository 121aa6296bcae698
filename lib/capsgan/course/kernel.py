"""Kernels with settings of their own: what the user has set up for other work changes no notebook's result."""

import json
import sys
from pathlib import Path

IN_NOTEBOOKS = "module://matplotlib_inline.backend_inline"  # figures become outputs of their cells


def kernel_environment(folder: Path) -> dict[str, str]:
    """Make a folder of settings and return the environment variables that a kernel needs to use nothing else.

    The kernel is the running interpreter; IPython, Jupyter and Matplotlib find empty settings of their own.

    Args:
        folder: for the settings; made if it is missing.

    Returns:
        Variables for ``os.environ``.

    Raises:
        OSError: the folder cannot be written.
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
    """How many outputs of a notebook's cells are pictures."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)
