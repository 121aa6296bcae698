"""Under pytest everything runs at the smoke profile in a home of its own, so that no cached run hides a failure."""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lib"))
sys.path.insert(1, str(Path(__file__).parent / "scripts"))
from kernels import kernel_environment

HOME = tempfile.TemporaryDirectory(prefix="capsgan-tests-")
os.environ["CAPSGAN_HOME"] = HOME.name
os.environ["CAPSGAN_PROFILE"] = "smoke"
os.environ |= kernel_environment(Path(HOME.name) / "settings")
del os.environ["MPLBACKEND"]  # a kernel draws inline by itself, and tests need no notebook
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before TensorFlow is imported; kernels inherit it
if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: they would fight for the cores with more threads
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


def pytest_configure(config):
    """Keep nbval from comparing what differs from machine to machine: TensorFlow's first line, HTML, pictures."""
    if config.pluginmanager.hasplugin("nbval"):
        from nbval.plugin import IPyNbFile

        own = ("stderr", "text/html", "image/png", "image/gif")
        before = IPyNbFile.__init__

        def init(self, *args, **kwargs):
            before(self, *args, **kwargs)
            self.skip_compare = (*self.skip_compare, *own)

        IPyNbFile.__init__ = init


def pytest_collection_modifyitems(items):
    """Skip the PyTorch notebook where there is no PyTorch."""
    if importlib.util.find_spec("torch") is None:
        for item in items:
            if item.path.name == "09_pytorch.ipynb":
                item.add_marker(pytest.mark.skip(reason="torch is not installed: pip install torch"))
