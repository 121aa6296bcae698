"""``python -m capsgan``: the library's calls from a shell."""

import argparse
import contextlib
import os
import sys
import warnings
from pathlib import Path

from .. import __version__
from ..checks import require
from ..config import RunConfig, use_backend
from ..names import BACKENDS, DISCRIMINATORS, GANS
from ..profiles import PROFILES, get_profile
from .options import (
    OneLineParser,
    add_common_options,
    add_config_options,
    add_grid_options,
    add_regenerate_options,
    positive,
    read_config_options,
    read_grid_options,
    read_numbers,
    read_regenerate_options,
)
from .streams import sturdy_streams


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 failed, 2 refused, 130 interrupted)."""
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
                hint = "use a smaller --batch-size, --samples or --restarts; a training goes on from its checkpoint"
                return _complain(f"there is not enough memory ({what}); {hint}", 1)
            if not isinstance(error, ValueError | ArithmeticError | RuntimeError | OSError):
                raise  # a mistake of the program's own
            return _complain(error, 2 if isinstance(error, ValueError) else 1)
        return 0


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python, NumPy or a backend could not get memory; each says so in its own way."""
    named = type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
    return isinstance(error, MemoryError) or named or "RESOURCE_EXHAUSTED" in str(error)


def build_parser() -> argparse.ArgumentParser:
    """The command line: train, grid, list, show, generate, evaluate, study, regenerate."""
    parser = OneLineParser(prog="capsgan", description="Train GANs with classical and capsule discriminators.")
    parser.add_argument("--version", action="version", version=f"capsgan {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train one network, or go on with it", description=_train.__doc__)
    train.set_defaults(command=_train)
    train.add_argument("--profile", metavar="NAME", help=f"start from a profile's values: {' | '.join(PROFILES)}")
    train.add_argument("--gan", metavar="NAME", default="dcgan", help=" | ".join(GANS))
    train.add_argument("--discriminator", metavar="NAME", default="cnn", help=" | ".join(DISCRIMINATORS))
    train.add_argument("--seed", type=int, metavar="INT", help="0 or more")
    add_config_options(train)
    train.add_argument(
        "--checkpoint-every", type=positive, metavar="STEPS", help="default: a tenth of the run, at most 500"
    )
    train.add_argument("--tensorboard", metavar="DIR", help="also write losses and samples for TensorBoard")
    add_common_options(train)

    grid = commands.add_parser("grid", help="train many networks of a profile", description=_grid.__doc__)
    grid.set_defaults(command=_grid)
    add_grid_options(grid)
    grid.add_argument(
        "--jobs", type=positive, metavar="INT", help="at once, a thread each; 1: all cores (default: cores)"
    )
    grid.add_argument("--json", action="store_true", help="print the runs, one JSON object per line; train nothing")
    add_config_options(grid)

    runs = commands.add_parser("list", help="list the runs", description=_list.__doc__)
    runs.set_defaults(command=_list)
    runs.add_argument("--pretrained", action="store_true", help="the networks that come with the project")
    runs.add_argument("--json", action="store_true", help="one JSON object per line")

    show = commands.add_parser("show", help="print a run's config, provenance and last step", description=_show.__doc__)
    show.set_defaults(command=_show)
    show.add_argument("run", metavar="RUN", help="the beginning of its id")

    generate = commands.add_parser("generate", help="write images as PNG files", description=_generate.__doc__)
    generate.set_defaults(command=_generate)
    generate.add_argument("run", metavar="RUN", help="the beginning of its id, of a run or a reference")
    generate.add_argument("--count", type=positive, metavar="INT", default=25, help="number of images (default: 25)")
    generate.add_argument("--out", metavar="DIR", required=True, help="folder for the files; made if it is missing")
    generate.add_argument("--labels", metavar="LABELS", help="acgan: classes in turn, e.g. 3,7")
    generate.add_argument("--grid", action="store_true", help="one picture of all images, grid.png")
    generate.add_argument("--seed", type=int, metavar="INT", default=0, help="of the latents")
    generate.add_argument("--backend", metavar="NAME", help=f"{' | '.join(BACKENDS)} (default: $KERAS_BACKEND)")

    evaluate = commands.add_parser("evaluate", help="score the images of finished runs", description=_evaluate.__doc__)
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument(
        "runs",
        metavar="RUN",
        nargs="*",
        help="the beginning of its id, of a run or a reference; without any: all that have no current score",
    )
    evaluate.add_argument(
        "--samples",
        type=positive,
        metavar="INT",
        help="images of each of the last snapshots, 256 or more (default: 10000; not more than the floor has)",
    )
    evaluate.add_argument("--seed", type=int, metavar="INT", default=0, help="of the latents")
    evaluate.add_argument("--force", action="store_true", help="score again what this measure has scored already")
    evaluate.add_argument("--backend", metavar="NAME", help=f"{' | '.join(BACKENDS)} (default: $KERAS_BACKEND)")

    study = commands.add_parser("study", help="results of the plan's runs, and the tables of the documentation")
    tasks = study.add_subparsers(required=True, metavar="TASK")
    for name, command in {"collect": _collect, "report": _report}.items():
        tasks.add_parser(name, help=command.__doc__, description=command.__doc__).set_defaults(command=command)

    regenerate = commands.add_parser("regenerate", help="make damaged images whole", description=_regenerate.__doc__)
    regenerate.set_defaults(command=_regenerate)
    add_regenerate_options(regenerate)
    return parser


def read_train_config(options: argparse.Namespace) -> RunConfig:
    """The run that the options of ``train`` name."""
    given = read_config_options(options)
    if options.profile:
        return get_profile(options.profile).config(options.gan, options.discriminator, options.seed or 0, **given)
    given |= {} if options.seed is None else {"seed": options.seed}
    return RunConfig(options.gan, options.discriminator, **given)


def _train(options: argparse.Namespace):
    """Train one network; a finished run is loaded, an unfinished one goes on from its last checkpoint."""
    config = read_train_config(options)
    with _standard_error_to_null():  # TensorFlow greets there, whatever its log level
        from ..training.callbacks import TensorBoard
        from ..training.loop import train
    callbacks = [TensorBoard(options.tensorboard)] if options.tensorboard else []
    run = train(
        config,
        force=options.force,
        device=options.device,
        checkpoint_every=options.checkpoint_every,
        stop_after=options.stop_after,
        callbacks=callbacks,
    )
    print(f"{run.config.label}: {run.config.steps:,} steps done, run in {run.directory}")


def _grid(options: argparse.Namespace):
    """Train networks of a profile, seed by seed: all of seed 0 first. The same command goes on where it stopped."""
    import json

    read_grid_options(options)
    if options.study:
        from ..study.blocks import read_blocks

        blocks = read_blocks(options.study, options.profile)
    else:
        changes = read_config_options(options)
        blocks = {"": options.profile.grid(options.gan, options.discriminator, options.seeds, **changes)}
    if options.json:  # needs no Keras
        for block, config in ((name, config) for name, members in blocks.items() for config in members):
            run = {"id": config.run_id, "block": block, "title": config.title, "config": config.to_dict()}
            print(json.dumps(run | {"arguments": config.arguments}))
        return
    configs = list({config.run_id: config for block in blocks.values() for config in block}.values())
    with _standard_error_to_null():
        from ..engines import check_device, get_engine
        from ..runs.run import run_for
        from ..training.grid import train_grid
    if options.dry_run:
        for config in configs:
            print(f"{run_for(config).status:11}  {config.run_id}  {config.title}")
        return
    on_gpu = check_device(options.device).startswith("gpu") or get_engine().gpu_count() > 0
    jobs = options.jobs or (1 if on_gpu else None)
    failed = train_grid(configs, jobs, stop_after=options.stop_after, force=options.force, device=options.device)
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(configs)} runs failed: {'; '.join(job.name for job in failed)}")


def _list(options: argparse.Namespace):
    """List all runs: id, status, steps done, minutes, and the folder they are in."""
    import json

    from ..paths import home

    with _standard_error_to_null():
        from ..runs.pretrained import list_pretrained
        from ..runs.run import list_runs

    if options.pretrained:
        for network in list_pretrained():
            card = network.card
            line = f"{network.name}: {card['knows']}; {card['licence']}"
            print(json.dumps({"name": network.name} | card) if options.json else line)
        return
    runs = list_runs()
    if options.json:
        for run in runs:
            facts = {"id": run.directory.name, "directory": str(run.directory), "config": run.config.to_dict()}
            facts["provenance"] = {} if run.status == "damaged" else run.provenance
            print(json.dumps(facts | {"status": run.status}))
        return
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
        from ..runs.run import load_run

    run = load_run(options.run)
    last = run.history.tail(1).to_dict("records")
    print(json.dumps({"config": run.config.to_dict(), "provenance": run.provenance, "last_step": last}, indent=2))


def _generate(options: argparse.Namespace):
    """Generate images with a finished run and write them as PNG files, or as one grid."""
    with _standard_error_to_null():
        from ..runs.export import write_images

    labels = None if options.labels is None else read_numbers("labels", options.labels)
    paths = write_images(
        _find_run(options.run), options.count, options.out, labels=labels, grid=options.grid, seed=options.seed
    )
    print(f"written: {paths[0]}" + (f" to {paths[-1].name}" if len(paths) > 1 else ""))


def _evaluate(options: argparse.Namespace):
    """Score runs by their images; print each metric beside what real images get; write metrics.json beside the run."""
    with _standard_error_to_null():
        from ..metrics.evaluation import evaluate, is_scored
        from ..metrics.measures import LEAST
        from ..paths import home
        from ..runs.reference import list_references
        from ..runs.run import list_runs
        from ..study.results import NUMBERS, metrics_frame

    if options.samples and options.samples < LEAST:
        raise ValueError(f"invalid samples={options.samples}; expected {LEAST} or more")
    runs = [_find_run(prefix) for prefix in options.runs]
    stored = [run for run in list_references() if run.snapshot_steps]
    every = [run for run in (*list_runs(), *stored) if run.finished]
    if not (runs or every):
        print(f"no finished runs in {home() / 'runs'}")
    for run in runs or every:
        try:
            if not options.force and is_scored(run, options.samples, seed=options.seed):
                print(f"{run.directory.name}: scored already; --force scores it again")
                continue
            evaluation = evaluate(run, options.samples, seed=options.seed)
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            if runs:
                raise
            print(f"{run.directory.name}: skipped ({error})")
            continue
        print(
            f"{run.directory.name}: {evaluation['samples']:,} images at each of the steps {evaluation['averaged']}, "
            f"against {evaluation['reference']:,} real ones"
        )
        frame = metrics_frame([evaluation])
        shown = frame[frame.metric.str.startswith("fid_at_") | ~frame.metric.str.contains(r"_at_\d+$")]
        print(shown[list(NUMBERS)].to_string(index=False, float_format="{:.4g}".format, na_rep="–"))
        for name, reason in evaluation["skipped"].items():
            print(f"{name} skipped: {reason}")
        print(f"written: {run.directory / 'metrics.json'}")


def _collect(options: argparse.Namespace):
    """Score the plan's finished runs where that is missing, judge the claims, and write data/results/*_study.csv."""
    with _standard_error_to_null():
        from ..study.plan import read_plan
        from ..study.results import collect
    results = collect(read_plan())
    print(f"written: {results.run.nunique()} runs, {len(results):,} numbers")


def _report(options: argparse.Namespace):
    """Write the measured tables into README.md and docs/*.md, and the measured times into the notebooks."""
    with _standard_error_to_null():
        from ..regeneration.quality import faces_table
        from ..study.report import TABLES, write_report
    for path in write_report(TABLES | {"faces": faces_table}):
        print(f"written: {path}")


def _find_run(prefix: str):
    """The finished run, or else the reference, whose id begins with ``prefix``."""
    from ..runs.reference import list_references
    from ..runs.run import load_run

    stored = [run for run in list_references() if run.directory.name.startswith(prefix)]
    try:
        run = load_run(prefix)
    except ValueError:
        if len(stored) != 1:
            raise
        run = stored[0]
    run.require_finished()
    return run


def _regenerate(options: argparse.Namespace):
    """Fill holes, sharpen or restore images with a finished run's networks; all are read before any is written."""
    values, search = read_regenerate_options(options)
    with _standard_error_to_null():
        from ..regeneration.degradations import make_degradation
        from ..regeneration.files import regenerate_files
        from ..runs.pretrained import DEFAULT, load_pretrained
        from ..runs.run import load_run

    task, masks = make_degradation(options.task, **values), {"invert": options.invert_mask, "region": options.region}
    if options.box:
        masks["box"] = read_numbers("box", options.box)
        require(len(masks["box"]) == 4, "box", options.box, "four whole numbers: x,y,width,height")
    first, *rest = images = options.images
    if options.network or not rest or Path(first).exists():
        run = load_pretrained(options.network or DEFAULT)
        print(f"{run.name} knows {run.card['knows']}; whatever it paints is invented, never evidence")
    else:
        run, images = load_run(first), rest
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: print(f"capsgan: {message}", file=sys.stderr)
        paths = regenerate_files(run, images, options.mask, options.out, task=task, **masks, **search)
    for path in paths:
        print(f"written: {path}")


@contextlib.contextmanager
def _standard_error_to_null():
    sys.stderr.flush()
    terminal, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(null)


def _complain(error, status: int) -> int:
    print(f"capsgan: {' '.join(str(error).split())}", file=sys.stderr)
    return status
