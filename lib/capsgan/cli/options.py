"""The options of the command line and of run_all.sh: how they are declared and read."""

import argparse
import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from textwrap import shorten

import yaml

from ..checks import require
from ..config import RunConfig, expected, use_backend
from ..names import BACKENDS, COMPARED_DISCRIMINATORS, COMPARED_GANS, DISCRIMINATORS, GANS
from ..paths import PACKAGE
from ..profiles import PROFILES, get_profile

MOST_SEEDS = 10_000
NETWORKS = ("networks", "backend", "training")  # the options that choose them, also those of run_all.sh
NAMES = {"profiles": PROFILES, "backends": BACKENDS, "gans": GANS, "discriminators": DISCRIMINATORS}
SUMMARIES = "The GANs:\n" + "\n".join(f"  {name:10}  {gan.summary}" for name, gan in GANS.items())
WORDS = {name: " | ".join(values) for name, values in NAMES.items()} | {
    "some_gans": f"some of {','.join(GANS)} (default: {','.join(COMPARED_GANS)})",
    "some_discriminators": f"some of {','.join(DISCRIMINATORS)} (default: {','.join(COMPARED_DISCRIMINATORS)})",
}


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line on standard error and status 2."""

    def error(self, message: str):
        """Say what is wrong, without the usage."""
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def add_command(commands, name: str, run: Callable, summary: str, *groups: str):
    """Declare a command that calls ``run`` with its options; its help begins with the function's docstring."""
    texts = {"help": summary, "description": run.__doc__, "epilog": SUMMARIES if "train" in groups else None}
    parser = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts)
    parser.set_defaults(command=run)
    add_options(parser, *groups)


def add_options(parser: argparse.ArgumentParser, *groups: str):
    """Declare groups of options: those of ``options.yaml``, and ``config``, the fields of a config."""
    for name, values in (option for group in groups for option in _groups()[group].items()):
        kind = {"type": TYPES[values["type"]]} if "type" in values else {}
        parser.add_argument(name, **values | kind | {"help": values["help"].format(**WORDS)})


@cache
def _groups() -> dict[str, dict]:
    own = ("gan", "discriminator", "seed")  # train and grid say it in their own ways
    config = {f"--{f.name.replace('_', '-')}": _of_field(f) for f in fields(RunConfig) if f.name not in own}
    return yaml.safe_load((PACKAGE / "cli" / "options.yaml").read_text(encoding="utf-8")) | {"config": config}


def _of_field(each) -> dict:
    kind = each.metadata.get("type", str).__name__
    allowed = f" ({expected(each)})" if {"choices", "bounds"} & each.metadata.keys() else ""
    metavar = "STEPS" if each.name == "snapshots" else {"str": "NAME"}.get(kind, kind.upper())
    return {"type": kind, "metavar": metavar, "help": (each.metadata["help"] + allowed).replace("%", "%%")}


def read_grid_options(options: argparse.Namespace):
    """Turn the text of the options ``NETWORKS`` into a profile and lists; an invalid text raises ``ValueError``."""
    use_backend(options.backend)
    if options.study and (options.gan or options.discriminator or options.seeds):
        raise ValueError(f"study={options.study!r} names its runs; expected no --gan, --discriminator or --seeds")
    if options.study:
        return
    options.profile = get_profile(options.profile)
    options.gan = _choose("gan", options.gan, GANS, COMPARED_GANS)
    options.discriminator = _choose("discriminator", options.discriminator, DISCRIMINATORS, COMPARED_DISCRIMINATORS)
    options.seeds = _read_seeds(options.seeds or f"0-{options.profile.seeds - 1}")


def read_config_options(options: argparse.Namespace) -> dict:
    """The fields of a config that were given; the others are None."""
    names = RunConfig.__dataclass_fields__.keys() - {"gan", "discriminator", "seed", "snapshots"}
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.snapshots is not None:
        given["snapshots"] = read_numbers("snapshots", options.snapshots)
    return given


def _choose(name: str, text: str | None, allowed, default) -> list[str]:
    chosen = text.split(",") if text else list(default)
    for value in chosen:
        require(value in allowed, name, value, " | ".join(allowed))
    return chosen


def _read_seeds(text: str) -> list[int]:
    good = re.fullmatch(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", text)
    require(good, "seeds", text, "numbers and ranges such as 0-2,5")
    parts = [part.split("-") for part in text.split(",")]
    longest = max(len(number) for part in parts for number in part)
    require(longest <= 19, "seeds", shorten(text, 40), "numbers below 2**63")
    ranges = [range(int(first), int((last or [first])[0]) + 1) for first, *last in parts]
    if not any(ranges):
        raise ValueError(f"seeds={text!r} names no seed; expected ranges that rise, such as 0-2")
    if (count := sum(map(len, ranges))) > MOST_SEEDS:
        raise ValueError(f"seeds={text!r} names {count:,} seeds; expected {MOST_SEEDS:,} at most")
    return [seed for seeds in ranges for seed in seeds]


def read_numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas; other texts raise ``ValueError``."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"invalid {name}={text!r}; expected whole numbers separated by commas") from error


def positive(text: str) -> int:
    """The type of options that are whole numbers from 1."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError(f"invalid {shorten(text, 40)!r}; expected 1 or more, below 10**9")
    return int(text)


TYPES = {"int": int, "float": float, "str": str, "positive": positive}  # by their names in options.yaml
