"""Execute the notebooks with papermill, one after the other, and say what happens. Called by run_all.sh."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import logging
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from capsgan.cli.options import OneLineParser, add_grid_options, read_grid_options
from capsgan.course.kernel import kernel_environment, picture_count
from capsgan.paths import ROOT, build_directory, figures_directory

NOTEBOOKS = ROOT / "notebooks"
BUILD = build_directory()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> int:
    """Train the part of the grid that was asked for, execute the notebooks, print each one's time."""
    options = parse_arguments()
    names, trained = options.notebooks, False
    if options.part or len(options.seeds) > 1 or options.stop_after:
        if status := train_grid(options):
            return status
        if not grid_is_finished(options):
            return 0  # time was up: the same command goes on
        trained = True
        if names is None:
            names = [name for name in default_notebooks() if not options.part or name in options.part]
    names = default_notebooks() if names is None else names
    times = {}
    for number, name in enumerate(names, 1):
        print(f"Notebook {number} of {len(names)}: {name} ({options.profile.name} profile)", flush=True)
        begin = time.perf_counter()
        reads_others = name.startswith("06") and number > 1  # what the notebooks before it trained
        force = options.force and not (reads_others or trained)
        if status := execute(name, options, force):
            return status
        times[name] = time.perf_counter() - begin
        print(f"  done in {times[name]:.0f} s", flush=True)
    if times:
        report(times, options.profile.name)
    return 0


def parse_arguments() -> argparse.Namespace:
    """The options of run_all.sh, each checked before anything starts."""
    parser = OneLineParser(
        prog="run_all.sh",
        description="Set up .venv, execute the notebooks headlessly and redraw every figure. Finished runs are reused, "
        "interrupted ones continue. With --gan, --discriminator, several --seeds or --stop-after the "
        "networks are trained first, then the notebooks that show them are executed.",
    )
    add_grid_options(parser)
    parser.add_argument("--notebooks", metavar="NUMBERS", help="e.g. 02,06 (default: all)")
    options = parser.parse_args()
    options.part = None  # of the notebooks: those of the GANs that were asked for
    if options.discriminator:
        options.part = []
    elif options.gan:
        options.part = [name for name in all_notebooks() if name[3:] in options.gan.split(",")]
    try:
        with standard_error_to(Path(os.devnull)):  # TensorFlow greets there while the profile asks it for GPUs
            read_grid_options(options)
        if options.notebooks is not None:
            options.notebooks = [find_notebook(part) for part in options.notebooks.split(",")]
    except ValueError as error:
        parser.error(str(error))
    return options


def default_notebooks() -> list[str]:
    """All notebooks whose packages are installed; says which are skipped."""
    names = all_notebooks()
    if importlib.util.find_spec("torch") is None:
        names = [name for name in names if not name.endswith("_pytorch")]
        print("09_pytorch is skipped: PyTorch is not installed (.venv/bin/pip install torch)", flush=True)
    return names


def all_notebooks() -> list[str]:
    """Names of all notebooks, in their order."""
    return sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def find_notebook(part: str) -> str:
    """``02`` or ``02_dcgan`` → ``02_dcgan``."""
    found = [name for name in all_notebooks() if part and name.startswith(part.strip().zfill(2))]
    if len(found) != 1:
        raise ValueError(f"notebooks={part!r} is not one of them; expected {' | '.join(all_notebooks())}")
    return found[0]


def train_grid(options) -> int:
    """Train the networks that were asked for in a process of its own; its progress goes to this terminal."""
    command = [sys.executable, "-m", "capsgan", "grid", "--profile", options.profile.name]
    command += ["--gan", ",".join(options.gan), "--discriminator", ",".join(options.discriminator)]
    command += ["--seeds", ",".join(map(str, options.seeds))]
    command += ["--stop-after", str(options.stop_after)] if options.stop_after else []
    return subprocess.run(command + ["--force"] * options.force, cwd=ROOT, check=False).returncode


def grid_is_finished(options) -> bool:
    """Whether all networks that were asked for are trained."""
    with standard_error_to(Path(os.devnull)):
        from capsgan.runs.run import run_for
    configs = options.profile.grid(options.gan, options.discriminator, options.seeds)
    return all(run_for(config).finished for config in configs)


def execute(name: str, options, force: bool) -> int:
    """Execute one notebook into ``build/notebooks/<profile>/``; on failure say where and why.

    Returns:
        The exit status: 0 done, 1 failed, 130 interrupted.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    output = BUILD / "notebooks" / options.profile.name / f"{name}.ipynb"
    log = BUILD / "logs" / options.profile.name / f"{name}.log"
    for path in (output, log):
        path.parent.mkdir(parents=True, exist_ok=True)
    os.environ |= kernel_environment(BUILD / "settings")
    log.unlink(missing_ok=True)
    handlers = [logging.FileHandler(log, mode="a", encoding="utf-8"), TerminalProgress(name)]
    logger = logging.getLogger("papermill")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = handlers
    parameters = {"PROFILE": options.profile.name, "SEED": options.seeds[0], "FORCE": force}
    status = 1
    try:
        with standard_error_to(log):  # of the kernel
            papermill.execute_notebook(
                escape(NOTEBOOKS / f"{name}.ipynb"),
                escape(output),
                parameters,
                kernel_name="python3",
                cwd=str(NOTEBOOKS),
                progress_bar=False,
                log_output=True,
            )
    except papermill.PapermillExecutionError as error:
        print(f"{name}: cell {error.exec_count} failed: {error.ename}: {error.evalue}", file=sys.stderr)
    except (DeadKernelError, CellTimeoutError) as error:
        print(f"{name}: the kernel died: {error} (out of memory?)", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; repeat the command to continue", file=sys.stderr)
        status = 130
    else:
        stored, executed = (json.loads(path.read_text(encoding="utf-8")) for path in (NOTEBOOKS / output.name, output))
        if picture_count(executed) or not picture_count(stored):
            return 0
        print(f"{name}: no cell drew a picture; {picture_count(stored)} were expected", file=sys.stderr)
    finally:
        for handler in handlers:
            handler.close()
    print(f"  the notebook so far: {output}\n  its log: {log}", file=sys.stderr)
    return status


@contextlib.contextmanager
def standard_error_to(path: Path):
    """Append what this process and the processes it starts write to standard error to a file."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


class TerminalProgress(logging.Handler):
    """Shows the last progress line of a notebook's training: at once on a terminal, every 15 s in a log."""

    def __init__(self, name: str):
        super().__init__()
        self.name, self.last = name, 0.0

    def emit(self, record: logging.LogRecord):
        """Print the record's last line if it is one of training's."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", record.getMessage()) if line.strip()]
        if not lines or not re.search(r"\d/\d|to go$", lines[-1]):
            return
        if sys.stdout.isatty():
            print(f"\r\033[K  {lines[-1]}"[:140], end="", flush=True)
        elif time.monotonic() - self.last > 15:
            self.last = time.monotonic()
            print(f"  {lines[-1]}", flush=True)

    def close(self):
        """Leave the terminal at the beginning of a line."""
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)
        super().close()


def escape(path: Path) -> str:
    """Papermill fills in ``{name}`` in paths."""
    return str(path).replace("{", "{{").replace("}", "}}")


def report(times: dict[str, float], profile: str):
    """The time of each notebook, their sum, and where the results are."""
    print("\nSeconds a notebook took:")
    for name, seconds in times.items():
        print(f"  {name:20} {seconds:6.0f}")
    print(f"  {'all':20} {sum(times.values()):6.0f}")
    machine = (
        f"{os.cpu_count()} CPU cores ({platform.system()} {platform.machine()}, Python {platform.python_version()})"
    )
    lines = [f'{name},{seconds:.1f},"{machine}"\n' for name, seconds in times.items()]
    (BUILD / "notebooks" / profile / "seconds.csv").write_text(
        "notebook,seconds,machine\n" + "".join(lines), encoding="utf-8"
    )
    print(f"Executed notebooks: {BUILD / 'notebooks' / profile}\nFigures: {figures_directory(profile)}")


if __name__ == "__main__":
    sys.exit(main())
