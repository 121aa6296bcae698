"""The named profiles: at which scale the whole course runs."""

import os
from dataclasses import dataclass, field

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
    faces: "Profile | None" = field(default=None, repr=False)  # for images of 64×64 pixels in colour: five times the work

    def config(self, gan: str, discriminator: str, seed: int = 0, **changes) -> RunConfig:
        """The run of one network at this scale, or at that of faces if such is the dataset.

        ``changes`` replace single fields of it.
        """
        if self.faces and changes.get("dataset", self.dataset) not in DIGITS:
            return self.faces.config(gan, discriminator, seed, **changes)
        steps = self.wgan_steps if gan in GANS and GANS[gan].is_critic else self.steps
        values = {"steps": steps, "width": self.width, "batch_size": self.batch_size, "dataset": self.dataset}
        values |= {"precision": self.precision} | changes
        kept = [max(1, values["steps"] * part // self.snapshots) for part in range(1, self.snapshots + 1)]
        return RunConfig(gan=gan, discriminator=discriminator, seed=seed, **{"snapshots": kept} | values)

    def grid(
        self, gans=COMPARED_GANS, discriminators=COMPARED_DISCRIMINATORS, seeds=(0,), **changes
    ) -> list[RunConfig]:
        """The runs of chapter 8, seed by seed: the first eight are seed 0 of every network."""
        return [self.config(gan, trunk, seed, **changes) for seed in seeds for gan in gans for trunk in discriminators]


def _profile(name, dataset, *, faces: dict, **scale) -> Profile:
    return Profile(name, dataset, **scale, faces=Profile(name, "cartoon", **scale | faces))


PROFILES = {
    profile.name: profile
    for profile in (
        _profile("smoke", "mnist5k", steps=12, wgan_steps=6, width=1 / 16, batch_size=16, seeds=1, faces={}),
        _profile(
            "quick",
            "mnist5k",
            steps=1500,
            wgan_steps=500,
            width=1 / 4,
            batch_size=32,
            seeds=1,
            faces={"steps": 1200, "wgan_steps": 800, "width": 1 / 8, "batch_size": 16, "precision": "mixed_bfloat16"},
        ),
        _profile(
            "study",
            "mnist",
            steps=2000,
            wgan_steps=700,
            width=1 / 4,
            batch_size=32,
            seeds=10,
            precision="mixed_bfloat16",
            snapshots=5,
            faces={"steps": 10_000, "wgan_steps": 3000, "width": 1 / 8},
        ),
        _profile("colab", "mnist", steps=5000, wgan_steps=5000, width=1.0, batch_size=64, seeds=1, faces={}),
        _profile("paper", "mnist", steps=20_000, wgan_steps=20_000, width=1.0, batch_size=128, seeds=10, faces={}),
    )
}


def get_profile(name: str | None = None) -> Profile:
    """The named profile; without a name ``CAPSGAN_PROFILE``, else ``colab`` on a GPU and ``quick`` on a CPU.

    Raises:
        ValueError: there is no profile of that name.
    """
    name = name or os.environ.get("CAPSGAN_PROFILE") or ("colab" if _gpu_present() else "quick")
    require(name in PROFILES, "profile", name, " | ".join(PROFILES))
    return PROFILES[name]


def _gpu_present() -> bool:
    from .engines import get_engine

    return get_engine().gpu_count() > 0
