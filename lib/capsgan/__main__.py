"""``python -m capsgan``: the library's calls from a shell."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from dataclasses import replace

from .config import (
    BACKENDS,
    COMPARED_DISCRIMINATORS,
    COMPARED_GANS,
    DATASETS,
    DISCRIMINATORS,
    GANS,
    PRECISIONS,
    PROFILES,
    RunConfig,
    get_profile,
    use_backend,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 failed, 2 refused, 130 interrupted)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = build_parser().parse_args(arguments)
    try:
        use_backend(getattr(options, "backend", None))
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
    """The command line: train, grid, list, show, evaluate."""
    parser = OneLineParser(prog="capsgan", description="Train GANs with classical and capsule discriminators.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train one network, or go on with it", description=_train.__doc__)
    train.set_defaults(command=_train)
    train.add_argument("--profile", metavar="NAME", help=f"start from a profile's values: {' | '.join(PROFILES)}")
    train.add_argument("--gan", metavar="NAME", default="dcgan", help=" | ".join(GANS))
    train.add_argument("--discriminator", metavar="NAME", default="cnn", help=" | ".join(DISCRIMINATORS))
    train.add_argument("--seed", type=int, metavar="INT", help="0 or more")
    _add_config_options(train)
    train.add_argument(
        "--checkpoint-every", type=_positive, metavar="STEPS", help="default: a tenth of the run, at most 500"
    )
    _add_common_options(train)

    grid = commands.add_parser("grid", help="train many networks of a profile", description=_grid.__doc__)
    grid.set_defaults(command=_grid)
    add_grid_options(grid)
    _add_config_options(grid)

    runs = commands.add_parser("list", help="list the runs", description=_list.__doc__)
    runs.set_defaults(command=_list)

    show = commands.add_parser("show", help="print a run's config, provenance and last step", description=_show.__doc__)
    show.set_defaults(command=_show)
    show.add_argument("run", metavar="RUN", help="the beginning of its id")

    evaluate = commands.add_parser("evaluate", help="score the images of finished runs", description=_evaluate.__doc__)
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument("runs", metavar="RUN", nargs="+", help="the beginning of its id")
    evaluate.add_argument("--samples", type=_positive, metavar="INT", default=10_000, help="images (default: 10000)")
    evaluate.add_argument("--seed", type=int, metavar="INT", default=0, help="of the latents")
    evaluate.add_argument("--backend", metavar="NAME", help=f"{' | '.join(BACKENDS)} (default: $KERAS_BACKEND)")
    return parser


def add_grid_options(parser: argparse.ArgumentParser):
    """Which networks of a profile: also the options of run_all.sh."""
    names = f"{' | '.join(PROFILES)} (default: quick, on a GPU colab)"
    parser.add_argument("--profile", metavar="NAME", help=names)
    parser.add_argument("--gan", metavar="NAMES", help=f"some of {','.join(GANS)} (default: {','.join(COMPARED_GANS)})")
    trunks = f"some of {','.join(DISCRIMINATORS)} (default: {','.join(COMPARED_DISCRIMINATORS)})"
    parser.add_argument("--discriminator", metavar="NAMES", help=trunks)
    parser.add_argument("--seeds", metavar="SEEDS", help="e.g. 0-2 or 0,3 (default: as the profile)")
    _add_common_options(parser)


def read_grid_options(options: argparse.Namespace):
    """Turn the text of :func:`add_grid_options` into a profile and lists; ``ValueError`` where that is not possible."""
    use_backend(options.backend)
    options.profile = get_profile(options.profile)
    options.gan = _choose("gan", options.gan, GANS, COMPARED_GANS)
    options.discriminator = _choose("discriminator", options.discriminator, DISCRIMINATORS, COMPARED_DISCRIMINATORS)
    options.seeds = _read_seeds(options.seeds or f"0-{options.profile.seeds - 1}")


def _add_config_options(parser: argparse.ArgumentParser):
    parser.add_argument("--dataset", metavar="NAME", help=" | ".join(DATASETS))
    for name, kind, text in (
        ("fraction", float, "share of the training set, in (0, 1]"),
        ("image-size", int, "pixels a side"),
        ("steps", int, "generator updates"),
        ("batch-size", int, "latents a generator update"),
        ("width", float, "scales the Caps trunk's convolutions; 1 is the thesis"),
        ("dropout", float, "of the classical trunk"),
        ("routing-iterations", int, "of caps-routing; 1: uniform couplings"),
        ("label-smoothing", float, "target of real images is 1 - this"),
        ("discriminator-warmup", int, "steps of the discriminator alone"),
    ):
        parser.add_argument(f"--{name}", type=kind, metavar=kind.__name__.upper(), help=text)
    parser.add_argument("--discriminator-updates", metavar="HOW", help="separate | joint")
    parser.add_argument("--weight-clipping", metavar="WHAT", help="wgan: kernels | all")
    parser.add_argument("--precision", metavar="NAME", help=" | ".join(PRECISIONS))
    parser.add_argument("--snapshots", metavar="STEPS", help="steps at which the generator is kept, e.g. 100,500")
    parser.add_argument("--device", metavar="NAME", default="auto", help="auto | cpu | gpu")


def _read_config_options(options: argparse.Namespace) -> dict:
    names = RunConfig.__dataclass_fields__.keys() - {"gan", "discriminator", "seed", "snapshots"}
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.snapshots is not None:
        given["snapshots"] = _numbers("snapshots", options.snapshots)
    return given


def _add_common_options(parser: argparse.ArgumentParser):
    parser.add_argument("--backend", metavar="NAME", help=f"{' | '.join(BACKENDS)} (default: $KERAS_BACKEND)")
    parser.add_argument("--stop-after", type=_positive, metavar="SECONDS", help="go on with the same command later")
    parser.add_argument("--force", action="store_true", help="train again what is finished")


def _train(options: argparse.Namespace):
    """Train one network; a finished run is loaded, an unfinished one goes on from its last checkpoint."""
    given = _read_config_options(options)
    if options.profile:
        config = get_profile(options.profile).config(options.gan, options.discriminator, options.seed or 0, **given)
    else:
        given |= {} if options.seed is None else {"seed": options.seed}
        config = replace(RunConfig(options.gan), discriminator=options.discriminator, **given)
    with _standard_error_to_null():  # TensorFlow greets there, whatever its log level
        from .training import train
    run = train(
        config,
        force=options.force,
        device=options.device,
        checkpoint_every=options.checkpoint_every,
        stop_after=options.stop_after,
    )
    print(f"{run.config.label}: {run.config.steps:,} steps done, run in {run.directory}")


def _grid(options: argparse.Namespace):
    """Train networks of a profile, seed by seed: all of seed 0 first. The same command goes on where it stopped."""
    read_grid_options(options)
    changes = _read_config_options(options)
    configs = options.profile.grid(options.gan, options.discriminator, options.seeds, **changes)
    with _standard_error_to_null():
        from .grid import train_grid
    train_grid(configs, stop_after=options.stop_after, force=options.force, device=options.device)


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
            print(f"{run.directory.name:{width}}  damaged      {' '.join(str(error).split())}")
            continue
        done = 0 if history.empty else int(history.step.iloc[-1])
        minutes = history.seconds.sum() / 60
        print(f"{run.directory.name:{width}}  {status:11}  {done:6,} of {run.config.steps:,} steps  {minutes:6.1f} min")
    print(f"runs: {len(runs)} in {home() / 'runs'}")


def _show(options: argparse.Namespace):
    """Print a run's config, provenance and last step as JSON."""
    import json

    with _standard_error_to_null():
        from .runs import load_run

    run = load_run(options.run)
    last = run.history.tail(1).to_dict("records")
    print(json.dumps({"config": run.config.to_dict(), "provenance": run.provenance, "last_step": last}, indent=2))


def _evaluate(options: argparse.Namespace):
    """Score a run's images; print every metric beside its floor, what real images get; write metrics.json beside it."""
    with _standard_error_to_null():
        from .evaluation.scoring import evaluate, metrics_frame
        from .runs import load_run

    for run in [load_run(prefix) for prefix in options.runs]:  # a wrong name is told before anything is scored
        evaluation = evaluate(run, options.samples, seed=options.seed)
        columns = ["features", "metric", "value", "floor"]
        print(f"{run.directory.name}: {evaluation['samples']:,} images, {evaluation['held_out']:,} held-out real ones")
        print(metrics_frame([evaluation])[columns].to_string(index=False, float_format="{:.4g}".format))
        for name, reason in evaluation["skipped"].items():
            print(f"{name} is left out: {reason}")
        print(f"written: {run.directory / 'metrics.json'}")


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


def _choose(name: str, text: str | None, allowed, default) -> list[str]:
    chosen = text.split(",") if text else list(default)
    for value in chosen:
        if value not in allowed:
            raise ValueError(f"{name}={value!r} is not possible; allowed: {' | '.join(allowed)}")
    return chosen


def _read_seeds(text: str) -> list[int]:
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise ValueError(f"seeds={text!r} is not possible; allowed: numbers and ranges such as 0-2,5")
    ranges = [part.split("-") for part in text.split(",")]
    seeds = [seed for first, *last in ranges for seed in range(int(first), int((last or [first])[0]) + 1)]
    if not seeds:
        raise ValueError(f"seeds={text!r} names no seed; allowed: ranges that rise, such as 0-2")
    return seeds


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
