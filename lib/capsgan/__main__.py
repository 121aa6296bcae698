"""``python -m capsgan``: the library's calls from a shell."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from dataclasses import replace

from .config import DATASETS, DISCRIMINATORS, GANS, PRECISIONS, PROFILES, RunConfig, get_profile


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 failed, 2 refused, 130 interrupted)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = build_parser().parse_args(arguments)
    try:
        options.command(options)
    except ValueError as error:
        return _complain(error, 2)
    except KeyboardInterrupt as error:
        return _complain(str(error) or "interrupted", 130)
    except (ArithmeticError, RuntimeError, OSError) as error:
        return _complain(error, 1)
    return 0


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line on standard error and status 2."""

    def error(self, message: str):
        """Say what is wrong, without the usage."""
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def build_parser() -> argparse.ArgumentParser:
    """The command line: train, list, show, remove."""
    parser = OneLineParser(prog="capsgan", description="Train GANs with classical and capsule discriminators.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train one network, or go on with it", description=_train.__doc__)
    train.set_defaults(command=_train)
    train.add_argument("--profile", metavar="NAME", help=f"start from a profile's values: {' | '.join(PROFILES)}")
    train.add_argument("--gan", metavar="NAME", default="dcgan", help=" | ".join(GANS))
    train.add_argument("--discriminator", metavar="NAME", default="cnn", help=" | ".join(DISCRIMINATORS))
    train.add_argument("--dataset", metavar="NAME", help=" | ".join(DATASETS))
    for name, kind, text in (
        ("fraction", float, "share of the training set, in (0, 1]"),
        ("image-size", int, "pixels a side"),
        ("steps", int, "generator updates"),
        ("batch-size", int, "latents a generator update"),
        ("seed", int, "0 or more"),
        ("width", float, "scales the Caps trunk's convolutions; 1 is the thesis"),
        ("dropout", float, "of the classical trunk"),
        ("label-smoothing", float, "target of real images is 1 - this"),
        ("discriminator-warmup", int, "steps of the discriminator alone"),
    ):
        train.add_argument(f"--{name}", type=kind, metavar=kind.__name__.upper(), help=text)
    train.add_argument("--discriminator-updates", metavar="HOW", help="separate | joint")
    train.add_argument("--weight-clipping", metavar="WHAT", help="wgan: kernels | all")
    train.add_argument("--precision", metavar="NAME", help=" | ".join(PRECISIONS))
    train.add_argument("--snapshots", metavar="STEPS", help="steps at which the generator is kept, e.g. 100,500")
    train.add_argument("--device", metavar="NAME", default="auto", help="auto | cpu | gpu")
    train.add_argument(
        "--checkpoint-every", type=_positive, metavar="STEPS", help="default: a tenth of the run, at most 500"
    )
    train.add_argument("--force", action="store_true", help="train again even if the run is finished")

    runs = commands.add_parser("list", help="list the runs", description=_list.__doc__)
    runs.set_defaults(command=_list)

    show = commands.add_parser("show", help="print a run's config, provenance and last step", description=_show.__doc__)
    show.set_defaults(command=_show)
    show.add_argument("run", metavar="RUN", help="the beginning of its id")
    return parser


def _train(options: argparse.Namespace):
    """Train one network; a finished run is loaded, an unfinished one goes on from its last checkpoint."""
    names = RunConfig.__dataclass_fields__.keys() - {"gan", "discriminator", "snapshots"}
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.snapshots is not None:
        given["snapshots"] = _numbers("snapshots", options.snapshots)
    if options.profile:
        seed = given.pop("seed", 0)
        config = get_profile(options.profile).config(options.gan, options.discriminator, seed, **given)
    else:
        config = replace(RunConfig(options.gan), discriminator=options.discriminator, **given)
    with _standard_error_to_null():  # TensorFlow greets there, whatever its log level
        from .training import train
    run = train(config, force=options.force, device=options.device, checkpoint_every=options.checkpoint_every)
    print(f"{run.config.label}: {run.config.steps:,} steps done, run in {run.directory}")


def _list(options: argparse.Namespace):
    """List all runs: id, status, steps done, minutes, where they lie."""
    from .config import home

    with _standard_error_to_null():
        from .runs import list_runs

    runs = list_runs()
    width = max((len(run.directory.name) for run in runs), default=0)
    for run in runs:
        try:
            history, status = run.history, run.status
        except ValueError as error:
            print(f"{run.directory.name:{width}}  damaged   {' '.join(str(error).split())}")
            continue
        done = 0 if history.empty else int(history.step.iloc[-1])
        minutes = history.seconds.sum() / 60
        print(f"{run.directory.name:{width}}  {status:8}  {done:6,} of {run.config.steps:,} steps  {minutes:6.1f} min")
    print(f"runs: {len(runs)} in {home() / 'runs'}")


def _show(options: argparse.Namespace):
    """Print a run's config, provenance and last step as JSON."""
    import json

    with _standard_error_to_null():
        from .runs import load_run

    run = load_run(options.run)
    last = run.history.tail(1).to_dict("records")
    print(json.dumps({"config": run.config.to_dict(), "provenance": run.provenance, "last_step": last}, indent=2))


@contextlib.contextmanager
def _standard_error_to_null():
    if sys.stderr is None:  # closed
        yield
        return
    sys.stderr.flush()
    terminal, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(null)


def _numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{name}={text!r} is not possible; allowed: whole numbers with commas between") from error


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: 1 or more")
    return int(text)


def _complain(error, status: int) -> int:
    print(f"capsgan: {' '.join(str(error).split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
