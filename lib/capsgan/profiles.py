"""The named profiles: at which scale the whole course runs."""

import os
from dataclasses import dataclass, field, replace

from .checks import require
from .config import RunConfig
from .names import COMPARED_DISCRIMINATORS, COMPARED_GANS, DIGITS, GANS


@dataclass(frozen=True)
class Profile:
    """A scale at which the whole course runs: from CI's minutes to the thesis's 20,000 steps."""

    name: str
    dataset: str
    steps: int
    wgan_steps: int  # a step of WGAN has five critic updates
    width: float
    batch_size: int
    seeds: int
    precision: str = "float32"
    snapshots: int = 0  # generators kept on the way, at equal distances, the last at the end
    faces: "Profile | None" = field(default=None, repr=False)  # 64×64 in colour: five times the work

    def config(self, gan: str, discriminator: str, seed: int = 0, **changes) -> RunConfig:
        """The run of one network at this scale (of faces: at theirs); ``changes`` replace single fields."""
        if self.faces and changes.get("dataset", self.dataset) not in DIGITS:
            return self.faces.config(gan, discriminator, seed, **changes)
        steps = self.wgan_steps if gan in GANS and GANS[gan].is_critic else self.steps
        values = {"steps": steps, "width": self.width, "batch_size": self.batch_size, "dataset": self.dataset}
        values |= {"precision": self.precision} | changes
        kept = [max(1, values["steps"] * part // self.snapshots) for part in range(1, self.snapshots + 1)]
        return RunConfig(gan=gan, discriminator=discriminator, seed=seed, **{"snapshots": kept} | values)

    def grid(self, gans=COMPARED_GANS, discriminators=COMPARED_DISCRIMINATORS, seeds=(0,), **changes):
        """The runs of chapter 8, seed by seed: the first eight are seed 0 of every network."""
        return [self.config(gan, trunk, seed, **changes) for seed in seeds for gan in gans for trunk in discriminators]


def _profile(name: str, *scale, faces: dict | None = None, **more) -> Profile:
    digits = Profile(name, *scale, **more)
    return replace(digits, faces=replace(digits, dataset="cartoon", **faces or {}))


_PROFILES = (  # name, data set, steps, steps of WGAN, width, batch size, seeds; what differs for faces
    _profile("smoke", "mnist5k", 12, 6, 1 / 16, 16, 1),
    _profile(
        *("quick", "mnist5k", 1500, 500, 1 / 4, 32, 1),
        faces={"steps": 1200, "wgan_steps": 800, "width": 1 / 8, "batch_size": 16, "precision": "mixed_bfloat16"},
    ),
    _profile(
        *("study", "mnist", 2000, 700, 1 / 4, 32, 10, "mixed_bfloat16"),
        snapshots=5,
        faces={"steps": 10_000, "wgan_steps": 3000, "width": 1 / 8},
    ),
    _profile("colab", "mnist", 5000, 5000, 1.0, 64, 1),
    _profile("paper", "mnist", 20_000, 20_000, 1.0, 128, 10),
)
PROFILES = {profile.name: profile for profile in _PROFILES}


def get_profile(name: str | None = None) -> Profile:
    """The named profile; without a name ``CAPSGAN_PROFILE``, else ``colab`` on a GPU and ``quick`` on a CPU."""
    name = name or os.environ.get("CAPSGAN_PROFILE") or ("colab" if _gpu_present() else "quick")
    require(name in PROFILES, "profile", name, " | ".join(PROFILES))
    return PROFILES[name]


def _gpu_present() -> bool:
    from .engines import get_engine

    return get_engine().gpu_count() > 0
