"""What the thesis claims of the images: how good they are, on how much data, and whether capsules are the cause."""

from __future__ import annotations

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
from ..verdicts import LEAST_TRAINED, MARGIN, Claim

FID = {"least_steps": LEAST_TRAINED, "two_spaces": True}


def _data_claims():
    for share, words in {0.01: "1 %", 0.1: "10 %"}.items():
        yield Claim(
            f"needs less data: {words} against all",
            "abstract",
            "A comparable model needs very little data.",
            f"CapsDCGAN trained on {words} of MNIST has a FID below 1.25 times that of DCGAN trained on all of it",
            partial(fid_from_less_data, fraction=share),
            "below",
            (MARGIN, MARGIN),
            premise=partial(fid_from_less_data, fraction=share, one="cnn"),
            premise_words=f"no lack of data to see after so few steps: DCGAN's own FID on {words} over that on all",
            fractions=(share, 1.0),
            **FID,
        )
    premise = {
        "premise": partial(fid_from_less_data, fraction=0.01, one="cnn"),
        "premise_words": "no lack of data to see after so few steps: DCGAN's own FID on 1 % over that on all",
        "fractions": FRACTIONS,
    }
    yield Claim(
        "needs less data: area",
        "9",
        "Capsules lower the data requirements.",
        "over training sets of 1, 10 and 100 % of MNIST, CapsDCGAN's FID is lower than DCGAN's in the mean",
        area_between,
        **premise,
        **FID,
    )
    yield Claim(
        "needs less data: growth",
        "9",
        "Capsules lower the data requirements.",
        "from all to 1 % of the data, CapsDCGAN's FID grows by a smaller factor than DCGAN's",
        growth_of_fid,
        primary="B − A DCGAN, 1 % against all: Caps / classical",
        **premise | {"fractions": (FRACTIONS[0], 1.0)},
        **FID,
    )


def _fid_claims():
    for gan, name in ((gan, GANS[gan].label) for gan in COMPARED_GANS):
        effects = partial(ratio, gan=gan, metric=SCORE)
        yield Claim(
            f"{name}: comparable, if not better",
            "abstract, 9",
            "Networks with a capsule discriminator perform comparably, in certain cases better.",
            f"FID of Caps{name} is below 1.25 times that of {name} (non-inferiority)",
            effects,
            "below",
            (MARGIN, MARGIN),
            gans=(gan,),
            **FID,
        )
        yield Claim(
            f"{name}: remarkably similar",
            "9",
            "They provide remarkably similar results.",
            f"FID of Caps{name} is 0.8 to 1.25 times that of {name} (equivalence, two one-sided tests)",
            effects,
            "within",
            (-MARGIN, MARGIN),
            gans=(gan,),
            **FID,
        )


CLAIMS = (
    *_fid_claims(),
    Claim(
        "improves GANs drastically",
        "1.6",
        "Capsules could improve these networks quite drastically.",
        "in the geometric mean over the four GANs, FID with a Caps discriminator is below 0.8 times the classical one",
        partial(mean_over_gans, gans=COMPARED_GANS),
        "below",
        (-MARGIN, -MARGIN),
        gans=COMPARED_GANS,
        **FID,
    ),
    Claim(
        "WGAN is the best",
        "9",
        "WGAN is the best of the four.",
        "CapsWGAN's FID is below that of the best of the other three Caps GANs, after the steps of each",
        partial(against_best, gan="wgan", metric=SCORE, others=("acgan", "dcgan", "infogan")),
        gans=COMPARED_GANS,
        discriminators=("caps",),
        **FID,
    ),
    *_data_claims(),
    Claim(
        "capsules are the cause: against a CNN as large",
        "1.6",
        "It is the capsules that improve the GAN.",
        "CapsDCGAN's FID is below that of a DCGAN whose discriminator has the same layers without the capsules",
        partial(ratio, gan="dcgan", metric=SCORE, other="cnn-matched"),
        discriminators=("caps", "cnn-matched"),
        primary="A DCGAN: Caps / CNN as large",
        **FID,
    ),
    Claim(
        "capsules are the cause: the gates",
        "1.4, 1.6",
        "The routing between capsules makes the difference.",
        "CapsDCGAN's FID is below that of the same network without its gates",
        partial(ratio, gan="dcgan", metric=SCORE, other="caps-ungated"),
        discriminators=("caps", "caps-ungated"),
        **FID,
    ),
    Claim(
        "capsules are the cause: true routing",
        "1.4, 2.6",
        "Dynamic routing is what a capsule network does better.",
        "FID of a DCGAN with true routing by agreement is below that of one with a CNN as large",
        partial(ratio, gan="dcgan", metric=SCORE, one="caps-routing", other="cnn-matched"),
        discriminators=("caps-routing", "cnn-matched"),
        **FID,
    ),
    Claim(
        "squashing makes blur",
        "listing 7.3",
        "Squashing the outputs of the capsule layer makes severely blurred images.",
        "images of a DCGAN whose gates are squashed are less sharp (variance of the Laplacian) than CapsDCGAN's",
        partial(ratio, gan="dcgan", metric="sharpness", features="pixels", one="caps-squashed", other="caps"),
        discriminators=("caps", "caps-squashed"),
        least_steps=LEAST_TRAINED,
    ),
    Claim(
        "squashing harms",
        "listing 7.3",
        "Squashing the outputs of the capsule layer makes severely blurred images.",
        "FID of a DCGAN whose gates are squashed is above CapsDCGAN's",
        partial(ratio, gan="dcgan", metric=SCORE, one="caps-squashed", other="caps"),
        "above",
        discriminators=("caps", "caps-squashed"),
        **FID,
    ),
    Claim(
        "a capsule generator is not feasible",
        "6",
        "A capsule generator is not feasible: back-propagation in the discriminator cannot be replicated in it.",
        "none: the reason given is no obstacle, since every generator here learns by that very gradient",
        reason="no generator of capsules was built: the thesis does not say what one would be, so that it could fail",
    ),
)
