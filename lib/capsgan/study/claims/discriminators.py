"""What the thesis claims of the discriminator: what it sees, and what it costs."""

from __future__ import annotations

from functools import partial

from ...names import COMPARED_GANS, GANS
from ..effects import against_best, difference, ratio, work_to_fid
from ..verdicts import Claim

SAVED = {"bounds": "saving"}


def _view_claims():
    for change, words in {"turned": "turned by 90°", "shifted": "shifted by a seventh of their width"}.items():
        yield Claim(
            f"orientation: not thrown by {change} digits",
            "1.4, 2.6",
            "CNNs do badly on views they have not seen; capsules do better.",
            f"trained on upright digits, CapsDCGAN's discriminator is less certain than DCGAN's that digits {words} "
            "are not real",
            partial(difference, gan="dcgan", metric=f"{change}_order", features="discriminator"),
            "below",
            unit="probability",
        )


def _overhead_claims():
    for gan, name in ((gan, GANS[gan].label) for gan in COMPARED_GANS):
        yield Claim(
            f"{name}: overhead, time a step",
            "9",
            "The CapsNet reduced the training overhead considerably.",
            f"a step of Caps{name} takes less than 0.9 times as long as one of {name}, at the width of these runs",
            partial(ratio, gan=gan, metric="ms_of_quickest_step", features="cost"),
            gans=(gan,),
            **SAVED,
        )
        yield Claim(
            f"{name}: overhead, memory",
            "9",
            "The CapsNet reduced the training overhead considerably.",
            f"training Caps{name} needs less than 0.9 times the peak memory of training {name}, at the width of these "
            "runs",
            partial(ratio, gan=gan, metric="peak_memory_mb", features="cost"),
            gans=(gan,),
            **SAVED,
        )
        yield Claim(
            f"{name}: overhead, time to a FID",
            "9",
            "The CapsNet reduced the training overhead considerably.",
            f"Caps{name} takes less than 0.9 times as long as {name} to reach the FID that both reach (the final FID "
            "of the worse one), at the width of these runs",
            partial(work_to_fid, gan=gan),
            gans=(gan,),
            **SAVED,
            least_steps=None,
        )
        yield Claim(
            f"{name}: power consumption",
            "9",
            "Lower data requirements bring lower power consumption.",
            f"Caps{name} takes less than 0.9 times the multiply-adds of {name}, of both players, to reach the FID that "
            "both reach, at the width of these runs (arithmetic as a proxy: power was not measured)",
            partial(work_to_fid, gan=gan, cost="multiply_adds_of_step"),
            gans=(gan,),
            **SAVED,
            least_steps=None,
        )


CLAIMS = (
    *_view_claims(),
    Claim(
        "understands spatial relations",
        "1.4, 1.6",
        "Capsules hold parts and their relative positions, not just their presence.",
        "CapsDCGAN's discriminator separates digits with swapped quarters from whole ones better than DCGAN's",
        partial(difference, gan="dcgan", metric="scrambled_order", features="discriminator"),
        "above",
        unit="probability",
    ),
    Claim(
        "poses hold the angle",
        "2.6",
        "A capsule's direction describes how its entity is placed.",
        "a linear function predicts the angle of a turned digit with a smaller error from CapsDCGAN's primary capsules "
        "than from DCGAN's last feature maps",
        partial(ratio, gan="dcgan", metric="angle_error", features="discriminator"),
    ),
    Claim(
        "features tell digits apart",
        "2.6",
        "Capsule networks recognise digits better (said of networks trained to do so; here, of a GAN's).",
        "a linear classifier of digits is more accurate on CapsDCGAN's frozen trunk than on DCGAN's",
        partial(difference, gan="dcgan", metric="class_accuracy", features="discriminator"),
        "above",
        unit="share",
    ),
    *_overhead_claims(),
    Claim(
        "ACGAN is the fastest",
        "9",
        "ACGAN was the fastest to train.",
        "a step of CapsACGAN takes less time than a step of the fastest of the other three Caps GANs",
        partial(
            against_best,
            gan="acgan",
            metric="ms_of_quickest_step",
            others=("dcgan", "infogan", "wgan"),
            features="cost",
        ),
        gans=COMPARED_GANS,
        discriminators=("caps",),
    ),
)
