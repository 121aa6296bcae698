"""Where a result comes from: versions, machine, and a hash of the source that decides results."""

import ast
import contextlib
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import keras

from .. import gans
from ..config import RunConfig
from ..data.datasets import Dataset
from ..gans import gan_class
from ..paths import PACKAGE, ROOT, THREADS

FIRST_GANS = ("__init__", "base", "vanilla", "dcgan", "wgan", "wgan_gp", "acgan", "infogan", "completion")
DECIDING = ("data/*.py", "networks/*.py", *(f"gans/{name}.py" for name in FIRST_GANS))
NOT_DECIDING = ("networks/inspection.py",)
SAME_RESULTS = (  # hashes of sources that gave the same results bit for bit, the present one last
    "ecb0f5b3ec418061dd723ad412451d18c04c9be8d578be721f99472f093ef6a1",  # of the files' bytes, at c608049
    "4af2392f6ad49623ce5ce4d41125278a8d4a29cf898526aeaf8aa47930dcbd9b",  # of the syntax tree
    "f8100b72f2d994d847d5497a7d6ce298f1ee531027b9b661a59938e8005c637c",
    "830cc33401d22f3bcfbabc95f7ea959b9d37fb71ca4568e1a9180482b14e18e7",  # WGAN-GP: d_loss is logged halved
    "6be649cb175179e03de3fe53f5cbabd46c2c2bc77edfcf5eeba94e5ef671627c",
    "9bb8388b7ddc84332694975df0153281d0c288057a4cee72673c16323381e8af",
    "7a96df5243583f8543bb090627f4cb714fdcddb933d0fcf3b8b0002603920702",
    "1625fc0411b18bd933a33af04659adc6d2de5ad581780b2f309215681aa74609",  # luma and enlarge are in pixels
    "2245450f3893b814ccdab1541f09125a56d8b61c13f31fcd160def8512fe842f",  # average pools have strides
    "aa888f9b0d2a9298e0b30862b18eb72b330d72c76eed26e8f2b687ede2cf5e15",
    "9dcf2b0c71e723202852c3e675242a2dc4a7db0e074ef3e07eb8c4c283ec1b77",  # convolutions ask the engine for their form
)


def source_sha256(gan: str = "dcgan") -> str:
    """Hash of the code that decides a result: data, networks and GANs (tests hold all engines to the same results).

    Comments, docstrings, imports and the place of a definition do not count; a constant does. The files of a GAN that
    is not among the first ones, such as one of your own, and of the classes that it extends count for its runs only.
    """
    paths = {path for pattern in DECIDING for path in PACKAGE.glob(pattern)} - {PACKAGE / name for name in NOT_DECIDING}
    modules = [one.__module__ for one in gan_class(gan).__mro__ if one.__module__.startswith(gans.__name__)]
    paths |= {PACKAGE / "gans" / f"{module.rpartition('.')[2]}.py" for module in modules}
    statements = [statement for path in paths for statement in _statements(path)]
    return hashlib.sha256("\n".join(sorted(statements)).encode()).hexdigest()


def gives_the_same_results(sha256: str | None, gan: str) -> bool:
    """Whether a run of a GAN made by source with this hash would have the same result today."""
    today = source_sha256(gan)
    return sha256 == today or (sha256 in SAME_RESULTS and today in SAME_RESULTS)


def _statements(path: Path) -> list[str]:
    """A module's statements as syntax trees, without docstrings and imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            del node.body[0]
    return [_dump(statement) for statement in tree.body if not isinstance(statement, ast.Import | ast.ImportFrom)]


def _dump(node) -> str:
    """A syntax tree as text, the same on every Python; ``ast.dump`` shows empty fields, which versions differ in."""
    if isinstance(node, ast.AST):
        parts = [f"{name}={_dump(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({', '.join(parts)})"
    return f"[{', '.join(map(_dump, node))}]" if isinstance(node, list) else repr(node)


def describe(config: RunConfig, dataset: Dataset, device: str) -> dict:
    """What a reader needs to judge or repeat a run, as plain JSON values."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        "device": device,
        "precision": config.precision,
        "cpus": os.cpu_count(),
        "threads": {name: os.environ.get(name) for name in THREADS},  # None: as many as the library likes
        "cpu": cpu_model(),
        "gpu": gpu_model() if device.startswith("gpu") else None,
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "numpy", backend)},
        "commit": source_commit(),
        "source_sha256": source_sha256(config.gan),
        "dataset_sha256": dataset.sha256,
        "image_shape": list(dataset.image_shape),
        "classes": dataset.classes,
    }


def cpu_model() -> str:
    """The processor's name, family and model: ``AMD EPYC (family 25, model 1)``."""
    with contextlib.suppress(OSError, KeyError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
        facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']})"
    return platform.processor() or "unknown"


def gpu_model() -> str | None:
    """Name and driver of the first NVIDIA GPU, e.g. ``NVIDIA H100 80GB HBM3, driver 580.159.04``; None without one."""
    answer = _ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    return ", driver ".join(answer.splitlines()[0].split(", ")) if answer else None


def reset_peak_memory():
    """Restart :func:`peak_memory_mb` where the system allows it (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_memory_mb() -> float | None:
    """Peak resident memory of this process in MB (10⁶ bytes); None if the system does not report it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def source_commit() -> str | None:
    """The checkout's commit, with ``-dirty`` if files differ from it; None outside a checkout.

    A copy inside another project's repository has none: that repository's commit says nothing about it.
    """
    top = _ask("git", "-C", str(ROOT), "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != ROOT.resolve():
        return None
    return _ask("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*")


def _ask(*command: str) -> str | None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # as in a hook
    with contextlib.suppress(OSError, subprocess.CalledProcessError, UnicodeError):
        return subprocess.run(command, env=ours, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    return None
