"""What the thesis claims of the images: how good they are, on how much data, and whether capsules are the cause."""

from functools import partial

from ...names import COMPARED_GANS, GANS
from ..effects import (
    FRACTIONS,
    SCORE,
    against_best,
    area_between,
    fid_from_less_data,
    growth_of_fid,
    mean_over_gans,
    ratio,
)
from ..verdicts import Claim

FID = {"least_steps": None, "two_spaces": True}


TOO_SHORT = "training too short for data scarcity to matter: DCGAN's own FID, {share} ÷ all of the data"


def _scarcity(fraction: float, share: str) -> dict:
    """The premise of claims about less data: DCGAN itself gets worse with it."""
    premise = partial(fid_from_less_data, fraction=fraction, one="cnn")
    return {"premise": premise, "premise_words": TOO_SHORT.format(share=share), "fractions": (fraction, 1.0)} | FID


def _less_data_claim(fraction: float, share: str) -> Claim:
    return Claim(
        f"needs less data: {share} against all",
        "abstract",
        "A comparable model needs very little data.",
        f"FID ratio, CapsDCGAN trained on {share} of MNIST ÷ DCGAN trained on all of it, is below 1.25",
        partial(fid_from_less_data, fraction=fraction),
        "below",
        "margin's upper end",
        **_scarcity(fraction, share),
    )


def _fid_claims(gan: str):
    name = GANS[gan].label
    effects = partial(ratio, gan=gan, metric=SCORE)
    yield Claim(
        f"{name}: comparable, if not better",
        "abstract, 9",
        "Networks with a capsule discriminator perform comparably, in certain cases better.",
        f"FID ratio, Caps{name} ÷ {name}, is below 1.25 (non-inferiority)",
        effects,
        "below",
        "margin's upper end",
        gans=(gan,),
        **FID,
    )
    yield Claim(
        f"{name}: remarkably similar",
        "9",
        "They provide remarkably similar results.",
        f"FID ratio, Caps{name} ÷ {name}, is between 0.8 and 1.25 (equivalence, two one-sided tests)",
        effects,
        "within",
        "margin",
        gans=(gan,),
        **FID,
    )


CLAIMS = (
    *(claim for gan in COMPARED_GANS for claim in _fid_claims(gan)),
    Claim(
        "improves GANs drastically",
        "1.6",
        "Capsules could improve these networks quite drastically.",
        "the geometric mean over the four GANs of the FID ratio, Caps ÷ classical, is below 0.8",
        partial(mean_over_gans, gans=COMPARED_GANS),
        "below",
        "margin's lower end",
        gans=COMPARED_GANS,
        **FID,
    ),
    Claim(
        "WGAN is the best",
        "9",
        "WGAN is the best of the four.",
        "CapsWGAN has a lower FID than the best of the other three Caps GANs, each after its own number of steps",
        partial(against_best, gan="wgan", metric=SCORE, others=("acgan", "dcgan", "infogan")),
        gans=COMPARED_GANS,
        discriminators=("caps",),
        **FID,
    ),
    _less_data_claim(0.01, "1 %"),
    _less_data_claim(0.1, "10 %"),
    Claim(
        "needs less data: area",
        "9",
        "Capsules lower the data requirements.",
        "averaged over training sets of 1, 10 and 100 % of MNIST, CapsDCGAN has a lower FID than DCGAN",
        area_between,
        **_scarcity(0.01, "1 %") | {"fractions": FRACTIONS},
    ),
    Claim(
        "needs less data: growth",
        "9",
        "Capsules lower the data requirements.",
        "from all to 1 % of the data, CapsDCGAN's FID grows by a smaller factor than DCGAN's",
        growth_of_fid,
        primary="B − A DCGAN, 1 % against all: Caps / classical",
        **_scarcity(0.01, "1 %"),
    ),
    Claim(
        "capsules are the cause: against a CNN as large",
        "1.6",
        "It is the capsules that improve the GAN.",
        "CapsDCGAN has a lower FID than a DCGAN whose discriminator has the same layers without the capsules",
        partial(ratio, gan="dcgan", metric=SCORE, other="cnn-matched"),
        discriminators=("caps", "cnn-matched"),
        primary="A DCGAN: Caps / CNN as large",
        **FID,
    ),
    Claim(
        "capsules are the cause: the gates",
        "1.4, 1.6",
        "The routing between capsules makes the difference.",
        "CapsDCGAN has a lower FID than the same network without its gates",
        partial(ratio, gan="dcgan", metric=SCORE, other="caps-ungated"),
        discriminators=("caps", "caps-ungated"),
        **FID,
    ),
    Claim(
        "capsules are the cause: true routing",
        "1.4, 2.6",
        "Dynamic routing is the advantage of a capsule network.",
        "a DCGAN with true routing by agreement has a lower FID than one with a CNN of the same size",
        partial(ratio, gan="dcgan", metric=SCORE, one="caps-routing", other="cnn-matched"),
        discriminators=("caps-routing", "cnn-matched"),
        **FID,
    ),
    Claim(
        "squashing makes blur",
        "listing 7.3",
        "Squashing the outputs of the capsule layer creates severely blurred images.",
        "images of CapsDCGAN are less sharp (variance of the Laplacian) if its gates are squashed",
        partial(ratio, gan="dcgan", metric="sharpness", features="pixels", one="caps-squashed", other="caps"),
        discriminators=("caps", "caps-squashed"),
        least_steps=None,
    ),
    Claim(
        "squashing harms",
        "listing 7.3",
        "Squashing the outputs of the capsule layer creates severely blurred images.",
        "CapsDCGAN has a higher FID if its gates are squashed",
        partial(ratio, gan="dcgan", metric=SCORE, one="caps-squashed", other="caps"),
        "above",
        discriminators=("caps", "caps-squashed"),
        **FID,
    ),
    Claim(
        "a capsule generator is not feasible",
        "6",
        "A capsule generator is not feasible: back-propagation in the discriminator cannot be replicated in it.",
        "nothing: the stated reason is no obstacle, since every generator here learns from that very gradient",
        reason="no capsule generator was built: the thesis does not define one, so there is nothing that could fail",
    ),
)
