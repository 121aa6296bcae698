"""Commands on runs: train them, list and show them, score them, draw conclusions from many."""

import argparse
import json

from ..checks import require
from ..config import RunConfig
from ..paths import home
from ..profiles import get_profile
from .options import NETWORKS, add_command, read_config_options, read_grid_options
from .streams import load_keras


def add_commands(commands):
    """Declare train, grid, list, show, evaluate and study."""
    of_train = ("train", "config", "device", "checkpoints", "backend", "training")
    add_command(commands, "train", _train, "train one network, or resume its training", *of_train)
    of_grid = (*NETWORKS, "grid", "config", "device")
    add_command(commands, "grid", _grid, "train many networks of a profile", *of_grid)
    add_command(commands, "list", _list, "list the runs", "list")
    add_command(commands, "show", _show, "print a run's config, provenance and last step", "show")
    add_command(commands, "evaluate", _evaluate, "score the images of finished runs", "evaluate", "backend")
    study = commands.add_parser("study", help="results of the plan's runs")
    tasks = study.add_subparsers(required=True, metavar="TASK")
    add_command(tasks, "collect", _collect, _collect.__doc__)


def read_train_config(options: argparse.Namespace) -> RunConfig:
    """The run that the options of ``train`` name."""
    make = get_profile(options.profile).config if options.profile else RunConfig
    return make(options.gan, options.discriminator, seed=options.seed or 0, **read_config_options(options))


def find_run(prefix: str):
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


def _train(options: argparse.Namespace):
    """Train one network; a finished run is loaded, an unfinished one resumes from its last checkpoint."""
    config = read_train_config(options)
    load_keras()
    from ..training.callbacks import TensorBoard
    from ..training.loop import train

    how = {name: getattr(options, name) for name in ("force", "device", "checkpoint_every", "stop_after")}
    run = train(config, **how, callbacks=[TensorBoard(options.tensorboard)] if options.tensorboard else [])
    print(f"{run.config.label}: {run.config.steps:,} steps done, run in {run.directory}")


def _grid(options: argparse.Namespace):
    """Train networks of a profile, seed by seed: all of seed 0 first. The same command resumes where it stopped."""
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
    load_keras()
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
    load_keras()
    from ..runs.run import list_runs

    if options.pretrained:
        return _list_pretrained(options.json)
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


def _list_pretrained(as_json: bool):
    from ..gans import gan_class
    from ..runs.pretrained import DEFAULTS, list_pretrained

    row = "{:23}  {:18}  {:8}  {:>5}  {:13}  {:>3}  {}".format
    if not as_json:
        print(row("id", "task", "data", "steps", "discriminator", "MB", "licence"))
    for network in list_pretrained():
        name, card, config = network.name, network.card, network.config
        task = getattr(gan_class(config.gan), "task", "any, by search")
        task += " (default)" if name in DEFAULTS.values() else ""
        learned = card["data"].split()[0], f"{config.steps:,}", config.discriminator
        megabytes, licence = f"{network.path.stat().st_size / 1e6:.1f}", card["licence"].split()[0]
        print(json.dumps({"name": name} | card) if as_json else row(name, task, *learned, megabytes, licence))


def _show(options: argparse.Namespace):
    """Print a run's config, provenance and last step as JSON."""
    load_keras()
    from ..runs.run import load_run

    run = load_run(options.run)
    last = run.history.tail(1).to_dict("records")
    print(json.dumps({"config": run.config.to_dict(), "provenance": run.provenance, "last_step": last}, indent=2))


def _evaluate(options: argparse.Namespace):
    """Score runs by their images; print each metric beside what real images get; write metrics.json beside the run."""
    load_keras()
    from ..metrics.image_scores import LEAST
    from ..metrics.run_scores import evaluate, is_scored
    from ..runs.reference import list_references
    from ..runs.run import list_runs

    require(not options.samples or options.samples >= LEAST, "samples", options.samples, f"{LEAST} or more")
    runs = [find_run(prefix) for prefix in options.runs]
    stored = [run for run in list_references() if run.snapshot_steps]
    every = [run for run in (*list_runs(), *stored) if run.finished]
    if not (runs or every):
        print(f"no finished runs in {home() / 'runs'}")
    for run in runs or every:
        name = run.directory.name
        try:
            if not options.force and is_scored(run, options.samples, seed=options.seed):
                print(f"{name}: scored already; --force scores it again")
                continue
            evaluation = evaluate(run, options.samples, seed=options.seed)
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            if runs:
                raise
            print(f"{name}: skipped ({error})")
            continue
        _print_scores(name, evaluation)
        print(f"written: {run.directory / 'metrics.json'}")


def _print_scores(name: str, evaluation: dict):
    from ..study.results import NUMBERS, metrics_frame

    generated, real = f"{evaluation['samples']:,} images", f"{evaluation['reference']:,} real ones"
    print(f"{name}: {generated} at each of the steps {evaluation['averaged']}, against {real}")
    frame = metrics_frame([evaluation])
    shown = frame[frame.metric.str.startswith("fid_at_") | ~frame.metric.str.contains(r"_at_\d+$")]
    print(shown[list(NUMBERS)].to_string(index=False, float_format="{:.4g}".format, na_rep="–"))
    for metric, reason in evaluation["skipped"].items():
        print(f"{metric} skipped: {reason}")


def _collect(options: argparse.Namespace):
    """Score the plan's finished runs where that is missing, judge the claims, and write data/results/*_study.csv."""
    load_keras()
    from ..study.plan import read_plan
    from ..study.results import collect

    results = collect(read_plan())
    print(f"written: {results.run.nunique()} runs, {len(results):,} numbers")
