"""What is trained: a YAML file of blocks, each GANs × discriminators × seeds × … with a purpose."""

from dataclasses import fields
from fractions import Fraction
from itertools import product
from pathlib import Path

from ..checks import require
from ..config import RunConfig
from ..profiles import get_profile
from .plan import read_plan, read_yaml

LEAST_STEPS = 6  # of a run whose steps are a share of the profile's


def read_blocks(path: Path, profile: str | None = None, seed: int | None = None) -> dict[str, list[RunConfig]]:
    """The runs of each block of a file like ``study/study.yaml``.

    ``profile``: the scale of a file that names none; ``seed``: for all blocks but the plan's. Errors name the block.
    """
    values = read_yaml("study", path, "study.yaml")
    good = isinstance(values, dict) and values and values.keys() <= {"profile", "plan", "blocks"}
    require(good, "study", str(path), "the keys profile | plan | blocks")
    found = {}
    if "plan" in values:
        for (block, _, _), config in read_plan(Path(path).parent / values["plan"]).configs().items():
            found.setdefault(block, []).append(config)
    scale = get_profile(values.get("profile") or profile)
    for name, block in (values.get("blocks") or {}).items():
        require(name not in found, f"{path}: block", name, "a name that the plan does not have")
        found[name] = _configs(f"{path}: {name}", dict(block or {}), scale, seed)
    return found


def _configs(where: str, block: dict, profile, seed: int | None) -> list[RunConfig]:
    """All combinations of the block's lists, the last one varying fastest: ``gans: [dcgan]``, ``steps: 1/6``."""
    require(bool(str(block.pop("purpose", "") or "")), f"{where}: purpose", None, "what the block is for")
    names, lists = {f.name for f in fields(RunConfig)}, {"seed": [0]}
    for key, value in block.items():
        name = key if key in names else key.removesuffix("s")
        require(name in names, f"{where}: key", key, f"purpose | {' | '.join(sorted(names))}, or such in the plural")
        lists[name] = value if isinstance(value, list) and name != "snapshots" else [value]
    lists |= {} if seed is None else {"seed": [seed]}
    configs = []
    for values in product(*lists.values()):
        values = dict(zip(lists, values, strict=True))
        try:
            if isinstance(values.get("steps"), str):
                own = profile.config(**{k: v for k, v in values.items() if k not in ("steps", "snapshots")}).steps
                values["steps"] = max(LEAST_STEPS, int(own * Fraction(values["steps"])))
            configs.append(profile.config(**values))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where}: {error}") from error
    return configs
