"""``python -m capsgan``: the library's calls from a shell."""

import argparse
import os
import sys

from .. import __version__
from ..config import use_backend
from . import images, runs
from .options import OneLineParser
from .streams import sturdy_streams


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 refused, 130 interrupted."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with sturdy_streams():
        options = build_parser().parse_args(arguments)
        try:
            use_backend(getattr(options, "backend", None))
            options.command(options)
        except KeyboardInterrupt as error:
            return _complain(str(error) or "interrupted", 130)
        except Exception as error:
            if is_out_of_memory(error):
                what = " ".join(str(error).split())[:200]
                hint = "use a smaller --batch-size, --samples or --restarts; training resumes from its checkpoint"
                return _complain(f"there is not enough memory ({what}); {hint}", 1)
            if not isinstance(error, ValueError | ArithmeticError | RuntimeError | OSError):
                raise  # a bug of the program
            return _complain(error, 2 if isinstance(error, ValueError) else 1)
        return 0


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python, NumPy or a backend could not get memory; each says so in its own way."""
    named = type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
    return isinstance(error, MemoryError) or named or "RESOURCE_EXHAUSTED" in str(error)


def build_parser() -> argparse.ArgumentParser:
    """The command line: train, grid, list, show, evaluate, study, generate, regenerate."""
    parser = OneLineParser(prog="capsgan", description="Train GANs with classical and capsule discriminators.")
    parser.add_argument("--version", action="version", version=f"capsgan {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    runs.add_commands(commands)
    images.add_commands(commands)
    return parser


def _complain(error, status: int) -> int:
    print(f"capsgan: {' '.join(str(error).split())}", file=sys.stderr)
    return status
