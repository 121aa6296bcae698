"""What the thesis claims of the discriminator: what it sees, and what it costs."""

from functools import partial

from ...names import COMPARED_GANS, GANS
from ..effects import against_best, difference, ratio, work_to_fid
from ..verdicts import Claim

STEP_TIME = "ms_of_quickest_step"
LESS_OVERHEAD = "The CapsNet reduced the training overhead considerably."
OVERHEADS = {  # name → what the thesis says, what is tested, the effects, options
    "overhead, time a step": (
        LESS_OVERHEAD,
        "a step of Caps{gan} takes less than 0.9 times as long as one of {gan}, at the width of these runs",
        partial(ratio, metric=STEP_TIME, features="cost"),
        {},
    ),
    "overhead, memory": (
        LESS_OVERHEAD,
        "training Caps{gan} needs less than 0.9 times the peak memory of training {gan}, at the width of these runs",
        partial(ratio, metric="peak_memory_mb", features="cost"),
        {},
    ),
    "overhead, time to a FID": (
        LESS_OVERHEAD,
        "Caps{gan} takes less than 0.9 times as long as {gan} to reach the FID that both reach (the final FID of the "
        "worse one), at the width of these runs",
        work_to_fid,
        {"least_steps": None},
    ),
    "power consumption": (
        "Lower data requirements bring lower power consumption.",
        "Caps{gan} takes less than 0.9 times the multiply-adds of {gan}, of both players, to reach the FID that both "
        "reach, at the width of these runs (arithmetic as a proxy: power was not measured)",
        partial(work_to_fid, cost="multiply_adds_of_step"),
        {"least_steps": None},
    ),
}


def _overhead_claims(gan: str):
    label = GANS[gan].label
    for name, (says, tested, effects, options) in OVERHEADS.items():
        effects, tested = partial(effects, gan=gan), tested.format(gan=label)
        yield Claim(f"{label}: {name}", "9", says, tested, effects, bounds="saving", gans=(gan,), **options)


def _view_claim(change: str, words: str) -> Claim:
    return Claim(
        f"orientation: not thrown by {change} digits",
        "1.4, 2.6",
        "CNNs do badly on views they have not seen; capsules do better.",
        f"trained on upright digits, CapsDCGAN's discriminator is less certain than DCGAN's that digits {words} are "
        "not real",
        partial(difference, gan="dcgan", metric=f"{change}_order", features="discriminator"),
        "below",
        unit="probability",
    )


CLAIMS = (
    _view_claim("turned", "turned by 90°"),
    _view_claim("shifted", "shifted by a seventh of their width"),
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
    *(claim for gan in COMPARED_GANS for claim in _overhead_claims(gan)),
    Claim(
        "ACGAN is the fastest",
        "9",
        "ACGAN was the fastest to train.",
        "a step of CapsACGAN takes less time than a step of the fastest of the other three Caps GANs",
        partial(against_best, gan="acgan", metric=STEP_TIME, others=("dcgan", "infogan", "wgan"), features="cost"),
        gans=COMPARED_GANS,
        discriminators=("caps",),
    ),
)
