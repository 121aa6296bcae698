"""Train the thesis's own networks at full width on a GPU, as many as fit into a limit of time, and pack the results.

python scripts/gpu_study.py --mnist mnist.npz --seconds 600 --out results        # docs/gpu.md explains it
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import traceback
import zipfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from capsgan.cli.options import OneLineParser, positive
from capsgan.config import RunConfig
from capsgan.data.datasets import load_dataset
from capsgan.names import PRECISIONS
from capsgan.paths import ROOT

# In the order of their value: first one seed of every network, then the other seeds of the same.
NETWORKS = (
    ("dcgan", "caps"),
    ("dcgan", "cnn"),
    ("dcgan", "cnn-matched"),
    ("acgan", "caps"),
    ("acgan", "cnn"),
    ("infogan", "caps"),
    ("infogan", "cnn"),
    ("wgan", "caps"),
    ("wgan", "cnn"),
)
TIMED = 50  # steps
KEPT = 3  # last snapshots that are packed: a score is their mean
PART_BYTES = 16 * 2**20
GPU_SHARE = 0.9  # of its memory, for all processes together
RESERVE = 20  # seconds for the last checkpoints and for packing
LEAST = 60  # seconds of a call: networks have to be compiled first
START_UP = 30  # seconds: a run with less than that to go says little about how much runs slow each other down


def main() -> int:
    """Time, choose, train, pack; 0 if at least one run is finished or nothing is left to do."""
    options = parse_arguments()
    configs = planned(options)
    if options.dry_run:
        print(f"{len(configs)} runs of {options.steps:,} steps, batch {options.batch_size}, width {options.width:g}:")
        for number, config in enumerate(configs, 1):
            print(f"{number:3}  {config.label:20} seed {config.seed}  {config.run_id}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends the call as Ctrl-C does
    study = Study(options, configs, time.time() + options.seconds - RESERVE)
    try:
        study.prepare()
    except (ValueError, RuntimeError, OSError) as error:
        print(f"gpu_study.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    study.pack()  # what an earlier call finished but did not pack
    with contextlib.suppress(KeyboardInterrupt):
        seconds = study.time_networks()
        study.print_estimate(seconds)
        if seconds or study.left < 0:
            study.train(seconds)
        else:
            print("No network could be timed, so nothing is trained", flush=True)
    study.pack()
    finished = sum(study.stored(config).exists() for config in configs)
    rest = "" if finished == len(configs) else "; run the same command again to continue"
    print(f"{finished} of {len(configs)} runs are finished; results of this call in {options.out}{rest}", flush=True)
    return 0 if finished else 1


def parse_arguments() -> argparse.Namespace:
    """The options, each checked before anything starts."""
    parser = OneLineParser(prog="gpu_study.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--seconds", type=positive, default=600, help=f"limit of the whole call, {LEAST} or more (default: 600)"
    )
    parser.add_argument("--processes", type=int, default=4, help="runs that share the GPU (default: 4)")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from seed 0 on (default: 3)")
    names = " ".join("-".join(network) for network in NETWORKS)
    parser.add_argument("--networks", nargs="+", metavar="NAME", help=f"some of: {names} (default: all)")
    parser.add_argument(
        "--home", type=Path, default=ROOT / "build" / "gpu", help="for runs, logs and the compile cache"
    )
    parser.add_argument("--out", type=Path, help="for the packed results (default: HOME/packed)")
    parser.add_argument("--parts", type=int, default=8, help="the most files of 16 MiB that are packed (default: 8)")
    parser.add_argument("--mnist", type=Path, help="an mnist.npz to be used (default: the one in HOME, or a download)")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels to install for this call, without network")
    parser.add_argument("--steps", type=int, default=20_000, help="of each run (default: 20000)")
    parser.add_argument("--batch-size", type=int, default=32, help="default: 32")
    parser.add_argument("--width", type=float, default=1.0, help="of the Caps trunk (default: 1, the thesis's)")
    parser.add_argument(
        "--precision", default="mixed_bfloat16", help=f"{' | '.join(PRECISIONS)} (default: mixed_bfloat16)"
    )
    parser.add_argument("--device", default="gpu", help="gpu | cpu (default: gpu)")
    parser.add_argument("--dry-run", action="store_true", help="print what would run")
    options = parser.parse_args()
    options.out = (options.out or options.home / "packed").resolve()
    options.home = options.home.resolve()
    known = {"-".join(network): network for network in NETWORKS}
    for name in options.networks or ():
        if name not in known:
            parser.error(f"invalid --networks {name!r}; expected some of: {names}")
    options.networks = [known[name] for name in dict.fromkeys(options.networks or known)]
    if options.seconds < LEAST:
        parser.error(f"invalid --seconds {options.seconds}; expected {LEAST} or more")
    for name in ("processes", "seeds", "parts"):
        if getattr(options, name) < 1:
            parser.error(f"invalid --{name} {getattr(options, name)}; expected 1 or more")
    if options.device not in ("gpu", "cpu"):
        parser.error(f"invalid --device {options.device!r}; expected gpu or cpu")
    for name in ("mnist", "wheels"):
        path = getattr(options, name)
        if path and not path.exists():
            parser.error(f"--{name} {path} does not exist")
    if options.wheels and not any(options.wheels.glob("*.whl")):
        parser.error(f"--wheels {options.wheels} has no .whl file")
    for name in ("home", "out"):
        if getattr(options, name).is_file():
            parser.error(f"--{name} {getattr(options, name)} is a file; expected a folder")
    try:
        planned(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def planned(options: argparse.Namespace) -> list[RunConfig]:
    """All runs, in the order of their value."""
    scale = {"steps": options.steps, "batch_size": options.batch_size, "width": options.width, "dataset": "mnist"}
    kept = sorted({max(1, options.steps * part // 20) for part in (1, 2, 5, 10, 15, 18, 19, 20)})
    return [
        RunConfig(gan, trunk, seed=seed, precision=options.precision, snapshots=kept, **scale)
        for seed in range(options.seeds)
        for gan, trunk in options.networks
    ]


@dataclass
class Study:
    """Runs that are trained in processes of their own, within a limit of time.

    Attributes:
        options: of the command line.
        configs: the runs, in the order of their value.
        deadline: in seconds of ``time.time``; what is not finished then has a checkpoint.
    """

    options: argparse.Namespace
    configs: list[RunConfig]
    deadline: float

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.time()

    def prepare(self):
        """Folders, MNIST, wheels, and what the processes find in their environment."""
        home = self.options.home
        for folder in (home / "logs", home / "stored", self.options.out):
            folder.mkdir(parents=True, exist_ok=True)
        if self.options.mnist:
            shutil.copyfile(self.options.mnist, home / "mnist.npz.partial")
            (home / "mnist.npz.partial").replace(home / "mnist.npz")
        if self.options.wheels:
            sys.path.insert(0, str(self._install_wheels()))  # the processes inherit it
        for name in ("jax", "keras"):
            if importlib.util.find_spec(name) is None:
                raise ValueError(f"{name} is not installed; pip install {name}, or name a folder of --wheels")
        os.environ |= {
            "CAPSGAN_HOME": str(home),
            "KERAS_BACKEND": "jax",
            "JAX_COMPILATION_CACHE_DIR": str(home / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        if self.options.device == "cpu":
            os.environ["JAX_PLATFORMS"] = "cpu"
        load_dataset("mnist")  # downloads it, if need be, before many processes would; its checksums are checked

    def _install_wheels(self) -> Path:
        site = self.options.home / "site"
        if not site.exists():
            wheels = sorted(map(str, self.options.wheels.glob("*.whl")))
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
            fresh = site.with_name("site.partial")
            shutil.rmtree(fresh, ignore_errors=True)
            subprocess.run([*pip, "--target", str(fresh), *wheels], check=True)
            fresh.rename(site)
        return site

    def time_networks(self) -> dict[str, float]:
        """Seconds of a step by kind of network, while others are timed beside it; compiles all programs."""
        path = self.options.home / "seconds.json"
        seconds = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        missing = list({kind(config): config for config in self.configs if kind(config) not in seconds}.values())
        if missing:
            print(f"Compiling {len(missing)} networks and timing {TIMED} steps of each", flush=True)
            together = min(len(missing), os.cpu_count() or 1)
            self._run_all(
                [(f"time-{kind(c)}", time_one, (c, self.options.device, str(self.options.home))) for c in missing],
                together,
            )
            for config in missing:
                timed = self.options.home / f"seconds-{kind(config)}.json"
                if timed.exists():
                    seconds[kind(config)] = json.loads(timed.read_text(encoding="utf-8"))
                    timed.unlink()
            path.write_text(json.dumps(seconds, indent=2), encoding="utf-8")
        return seconds

    def print_estimate(self, seconds: dict[str, float]):
        """A row a run: what it would take alone, and where the list is cut if runs do not overlap at all."""
        total = 0.0
        for config in self.configs:
            expected = self._expected(config, seconds)
            total += expected
            state = f"{expected:5.0f} s, {'fits' if total <= self.left else 'if time is left'}"
            if kind(config) in seconds:
                state = f"{1000 * seconds[kind(config)]:7.2f} ms per step  {state}"
            else:
                state = "could not be timed"
            state = "finished" if self.stored(config).exists() else state
            print(f"  {config.label:20} seed {config.seed}  {state}", flush=True)

    def train(self, seconds: dict[str, float]):
        """Train what fits, in the order of value, ``processes`` at a time."""
        waiting = [config for config in self.configs if not self.stored(config).exists()]
        running: dict = {}
        slowdowns = [1.0]  # of runs among others, as those that have ended say
        try:
            while (waiting or running) and self.left > 0:
                while waiting and len(running) < self.options.processes:
                    slowdown = statistics.median(slowdowns[1:] or slowdowns)
                    fits = (c for c in waiting if self._expected(c, seconds) * slowdown < self.left)
                    config = next(fits, None if running else waiting[0])  # rather a part of a run than an idle GPU
                    if config is None:
                        break
                    waiting.remove(config)
                    arguments = (config, self.deadline, self.options.device, str(self.options.home))
                    process = self._start(config.run_id, train_one, arguments, self.options.processes)
                    running[process] = (config, time.monotonic(), self._expected(config, seconds))
                    print(f"{self._clock()} started {config.label} seed {config.seed}", flush=True)
                for process in [process for process in running if not process.is_alive()]:
                    config, begin, expected = running.pop(process)
                    took = time.monotonic() - begin
                    good = self.stored(config).exists()
                    if good and expected > START_UP:
                        slowdowns.append(took / expected)
                    self.pack()
                    how = "finished" if good else f"is not finished ({self._last_line(config.run_id)})"
                    print(f"{self._clock()} {config.label} seed {config.seed} {how} after {took:.0f} s", flush=True)
                time.sleep(0.2)
        finally:
            self._stop(list(running))

    def stored(self, config: RunConfig) -> Path:
        """Where the results of a run lie once it is finished."""
        return self.options.home / "stored" / config.run_id

    def pack(self):
        """Put the files of stored runs that are in no part yet into zip files, each as soon as it is there."""
        record = self.options.home / "packed.json"
        packed = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        for path in sorted((self.options.home / "stored").rglob("*.*")):
            name = str(path.relative_to(self.options.home / "stored"))
            if path.is_file() and name not in packed:
                part = self._part_with_room(path.stat().st_size)
                if part is None:
                    print(f"{name} does not fit into {self.options.parts} parts; it stays in {path}", flush=True)
                    return
                temporary = part.with_suffix(".tmp")
                temporary.unlink(missing_ok=True)  # of a call that was killed
                if part.exists():
                    shutil.copyfile(part, temporary)
                with zipfile.ZipFile(temporary, "a", zipfile.ZIP_DEFLATED) as archive:
                    archive.write(path, name)
                temporary.replace(part)
                packed[name] = part.name
                record.write_text(json.dumps(packed, indent=2), encoding="utf-8")

    def _part_with_room(self, size: int) -> Path | None:
        parts = [self.options.out / f"part{number}.zip" for number in range(self.options.parts)]
        room = (p for p in parts if not p.exists() or p.stat().st_size + size + 2000 <= PART_BYTES)
        return next(room, None)

    def _expected(self, config: RunConfig, seconds: dict[str, float]) -> float:
        """Seconds that the rest of a run takes alone; 0 where its network could not be timed."""
        saved = (self.options.home / "runs" / config.run_id / "checkpoints").glob("step_*.npz")
        done = max((int(path.stem.removeprefix("step_")) for path in saved), default=0)
        return (config.steps - done) * seconds.get(kind(config), 0.0)

    def _start(self, name: str, target, arguments: tuple, together: int) -> multiprocessing.Process:
        os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{GPU_SHARE / together:.3f}"
        spawn = multiprocessing.get_context("spawn")  # a fresh interpreter: JAX does not survive a fork
        process = spawn.Process(target=in_log, args=(str(self._log(name)), target, arguments), daemon=True)
        process.start()
        return process

    def _run_all(self, tasks: list[tuple], together: int):
        """Each (name, function, arguments) in a process; says which failed."""
        waiting, running = list(tasks), {}
        try:
            while (waiting or running) and self.left > 0:
                while waiting and len(running) < together:
                    name, target, arguments = waiting.pop(0)
                    running[self._start(name, target, arguments, together)] = name
                for process in [process for process in running if not process.is_alive()]:
                    name = running.pop(process)
                    if process.exitcode:
                        print(f"{name} failed: {self._last_line(name)}", flush=True)
                time.sleep(0.1)
        finally:
            self._stop(list(running))

    def _stop(self, processes: list):
        """Have processes save a checkpoint and end; those that do not within the reserve are killed."""
        for process in processes:
            process.terminate()
        end = time.monotonic() + RESERVE - 5
        for process in processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _log(self, name: str) -> Path:
        return self.options.home / "logs" / f"{name}.log"

    def _last_line(self, name: str) -> str:
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return f"{lines[-1] if lines else 'it printed nothing'}; log: {self._log(name)}"

    def _clock(self) -> str:
        return f"[{self.options.seconds - RESERVE - self.left:5.0f} s]"


def kind(config: RunConfig) -> str:
    """What runs that differ in their seed only have in common."""
    return f"{config.gan}-{config.discriminator}-{config.width:g}-{config.batch_size}-{config.precision}"


# What the processes do ------------------------------------------------------------------------------------------------


def in_log(path: str, function, arguments: tuple):
    """Call a function with all that it prints in a file; end it with a checkpoint if the parent process is gone.

    In a session of its own: Ctrl-C in a terminal reaches the parent alone, which then sends one signal.
    """
    os.setsid()
    with Path(path).open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    parent = multiprocessing.parent_process()

    def watch():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    try:
        function(*arguments)
    except KeyboardInterrupt as stopped:
        print(stopped, flush=True)
        os._exit(130)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def time_one(config: RunConfig, device: str, home: str):
    """Write the seconds of a step."""
    seconds = seconds_per_step(config, steps=min(TIMED, config.steps), device=device)
    Path(home, f"seconds-{kind(config)}.json").write_text(json.dumps(seconds), encoding="utf-8")


def seconds_per_step(config: RunConfig, *, steps: int = 50, device: str = "auto") -> float:
    """Mean seconds of ``steps`` training steps of a fresh network, without compiling. Nothing is saved.

    It compiles the program that ``capsgan.train`` uses, so that a compile cache has it for later.
    """
    import keras

    from capsgan.data.datasets import load_dataset
    from capsgan.engines import check_device, get_engine
    from capsgan.gans import build_gan
    from capsgan.training.step import compile_step

    device = check_device(device)
    with keras.device(device):
        dataset = load_dataset(config.dataset, **config.data_options)
        gan = build_gan(config, dataset.image_shape, dataset.classes)
        most = get_engine().STEPS_PER_CALL[device[:3]]
        play = compile_step(gan, dataset.images, dataset.labels, most)
        batches = [gan.draw_batch(step, len(dataset)) for step in range(1, steps + 1)]
        calls = [batches[start : start + most] for start in range(0, steps, most)]
        play(calls[0])
        begin = time.perf_counter()
        for call in calls:
            play(call)
        return (time.perf_counter() - begin) / steps


def train_one(config: RunConfig, deadline: float, device: str, home: str):
    """Train a run, or go on with it, and store what is packed of it; a run that diverged is stored as failed."""
    from store_reference import save_reference

    from capsgan.runs.run import run_for
    from capsgan.runs.table import row
    from capsgan.training.loop import TrainingDiverged, train

    partial, stored = Path(home, "partial"), Path(home, "stored")
    options = {"device": device, "stop_after": max(0.0, deadline - time.time()), "progress": False}
    try:
        run = train(config, checkpoint_every=max(1, config.steps // 4), **options)
        directory = save_reference(run, row(run), partial)
        (directory / "generator.npz").unlink(missing_ok=True)  # the last snapshot has the same weights
        (directory / "snapshots").mkdir()
        for path in sorted((run.directory / "snapshots").glob("step_*.npz"))[-KEPT:]:
            shutil.copyfile(path, directory / "snapshots" / path.name)
    except TrainingDiverged as error:
        print(error, flush=True)
        directory = partial / config.run_id
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for name in ("config.json", "provenance.json"):
            shutil.copyfile(run_for(config).directory / name, directory / name)
    directory.rename(stored / directory.name)


if __name__ == "__main__":
    sys.exit(main())
