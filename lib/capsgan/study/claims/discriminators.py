"""What the thesis claims of the discriminator: what it sees, and what it costs."""

from __future__ import annotations

from functools import partial

from ...names import COMPARED_GANS, GANS
from ..effects import against_best, difference, ratio, work_to_fid
from ..verdicts import LEAST_TRAINED, SAVING, Claim

SAVED = {"bounds": (SAVING, SAVING)}


def _view_claims():
    for change, words in {"turned": "turned by 90°", "shifted": "shifted by a seventh of their side"}.items():
        yield Claim(
            f"orientation: not thrown by {change} digits",
            "1.4, 2.6",
            "CNNs do badly on views that they have not seen; capsules do better.",
            f"trained on upright digits, CapsDCGAN's discriminator is less sure than DCGAN's that digits {words} are "
            "not real",
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
            f"a step of Caps{name}, at the width of these runs, takes less than 0.9 times the time of one of {name}",
            partial(ratio, gan=gan, metric="ms_of_quickest_step", features="cost"),
            gans=(gan,),
            **SAVED,
        )
        yield Claim(
            f"{name}: overhead, memory",
            "9",
            "The CapsNet reduced the training overhead considerably.",
            f"the process that trains Caps{name}, at the width of these runs, takes less than 0.9 times the memory, "
            f"at its peak, of that of {name}",
            partial(ratio, gan=gan, metric="peak_memory_mb", features="cost"),
            gans=(gan,),
            **SAVED,
        )
        yield Claim(
            f"{name}: overhead, time to a FID",
            "9",
            "The CapsNet reduced the training overhead considerably.",
            f"Caps{name}, at the width of these runs, takes less than 0.9 times the time of {name} to the FID that "
            "both reach (the last one of the worse)",
            partial(work_to_fid, gan=gan),
            gans=(gan,),
            **SAVED,
            least_steps=LEAST_TRAINED,
        )
        yield Claim(
            f"{name}: power consumption",
            "9",
            "Lower data requirements bring lower power consumption.",
            f"Caps{name}, at the width of these runs, takes less than 0.9 times the multiply-adds of {name}, of both "
            "players, to the FID that both reach (arithmetic as a proxy: no power was measured)",
            partial(work_to_fid, gan=gan, cost="multiply_adds_of_step"),
            gans=(gan,),
            **SAVED,
            least_steps=LEAST_TRAINED,
        )


CLAIMS = (
    *_view_claims(),
    Claim(
        "understands spatial relations",
        "1.4, 1.6",
        "Capsules hold parts and their relative positions, not just their presence.",
        "CapsDCGAN's discriminator tells digits with exchanged quarters from whole ones more surely than DCGAN's",
        partial(difference, gan="dcgan", metric="scrambled_order", features="discriminator"),
        "above",
        unit="probability",
    ),
    Claim(
        "poses hold the angle",
        "2.6",
        "A capsule's direction holds how its entity lies.",
        "a linear function misses the angle of a turned digit by less when it reads CapsDCGAN's primary capsules than "
        "when it reads DCGAN's last feature maps",
        partial(ratio, gan="dcgan", metric="angle_error", features="discriminator"),
    ),
    Claim(
        "features tell digits apart",
        "2.6",
        "Capsule networks recognise digits better (said of networks trained to do so; here, of a GAN's).",
        "a linear probe reads the digit more often rightly from CapsDCGAN's frozen trunk than from DCGAN's",
        partial(difference, gan="dcgan", metric="class_accuracy", features="discriminator"),
        "above",
        unit="share",
    ),
    *_overhead_claims(),
    Claim(
        "ACGAN is the fastest",
        "9",
        "ACGAN was the fastest to train.",
        "a step of CapsACGAN takes less time than one of the quickest of the other three Caps GANs",
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
