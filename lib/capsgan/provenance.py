"""Where a result comes from: versions, machine, and a hash of the source that decides results."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import keras

from .config import ROOT, RunConfig
from .datasets import Dataset

PACKAGE = Path(__file__).parent
DATA = ("cartoon.py", "datasets.py", "folders.py", "image_folder.py", "photographs.py")
DECIDING = (*DATA, "capsules.py", "images.py", "networks.py", "gans/*.py")


def source_sha256() -> str:
    """Hash of the modules that decide a result; the engines are held to the same results by tests."""
    paths = sorted(path for pattern in DECIDING for path in PACKAGE.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def describe(config: RunConfig, dataset: Dataset, device: str) -> dict:
    """Plain JSON values: what a reader needs to judge or repeat a run."""
    backend = keras.backend.backend()
    packages = ["keras", "numpy", {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow"}[backend]]
    return {
        "backend": backend,
        "device": device,
        "precision": config.precision,
        "cpus": os.cpu_count(),
        "cpu": cpu_model(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "commit": source_commit(),
        "source_sha256": source_sha256(),
        "dataset_sha256": dataset.sha256,
        "image_shape": list(dataset.image_shape),
        "classes": dataset.classes,
    }


def cpu_model() -> str:
    """The processor's name: histories are the same, bit for bit, on one model only."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith("model name")).split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def reset_peak_memory():
    """Have :func:`peak_memory_mb` begin anew, where the system allows it (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MB (10⁶ bytes); NaN where the system does not tell."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def source_commit() -> str | None:
    """The commit of the checkout, with ``-dirty`` where files differ from it; None outside of one."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
