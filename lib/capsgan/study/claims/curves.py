"""What the thesis reads from its curves of losses and accuracy, and checks of ours that say what they can tell."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..effects import LEAST, difference, least_spread, numbers, ratio, wavering_trend
from ..verdicts import OURS, Claim

END = {"least_steps": None}
COURSE = {"least_steps": 20_000}  # the thesis's: what is said of the whole of it is not tested by its first tenth


def _shift_claims():
    for gan, name in {"dcgan": "DCGAN", "infogan": "InfoGAN"}.items():
        code = ", including the loss of its code," if gan == "infogan" else ""
        yield Claim(
            f"{name}: the generator's loss shifts",
            "9",
            "The generator's loss is remarkably shifted, although only the discriminator was changed.",
            f"over the last tenth of the steps, the generator's loss{code} of Caps{name} and {name} differs by more "
            "than 0.1 nats",
            partial(difference, gan=gan, metric="g_loss", features="training"),
            "outside",
            (-0.1, 0.1),
            "nats",
            gans=(gan,),
            **END,
        )
        yield Claim(
            f"{name}: the images show no such shift",
            OURS,
            "(The thesis asks why. If the images were the cause, any other judge would see a shift too.)",
            "judged by one freshly trained critic, -log D of the two generators' images differs by less than 0.1 nats",
            partial(difference, gan=gan, metric="g_loss", features="fresh_critic"),
            "within",
            (-0.1, 0.1),
            "nats",
            gans=(gan,),
            **END,
        )
        yield Claim(
            f"{name}: the discriminator's loss follows closely",
            "9",
            "The discriminator's loss follows its classical counterpart closely.",
            f"over the last tenth of the steps, the discriminator's loss{code} of Caps{name} and {name} differs by "
            "less than 0.1 nats",
            partial(difference, gan=gan, metric="d_loss", features="training"),
            "within",
            (-0.1, 0.1),
            "nats",
            gans=(gan,),
            **END,
        )
    for gan, name in {"acgan": "ACGAN", "dcgan": "DCGAN", "infogan": "InfoGAN"}.items():
        yield Claim(
            f"{name}: accuracy follows closely",
            "9",
            "The accuracy meets, or closely follows, its classical counterpart.",
            f"over the last tenth of the steps, the accuracy of Caps{name} and {name} differs by less than 0.05",
            partial(difference, gan=gan, metric="accuracy", features="training"),
            "within",
            (-0.05, 0.05),
            "share",
            gans=(gan,),
            **END,
        )


CLAIMS = (
    Claim(
        "ACGAN: variance is high at first",
        "9",
        "CapsACGAN starts with a very high variance of both losses.",
        "in the first tenth of the steps, the losses of CapsACGAN fluctuate more than those of ACGAN",
        lambda results: (
            sum(ratio(results, "acgan", f"{m}_wavering_early", "training") for m in ("g_loss", "d_loss")) / 2
        ),
        "above",
        gans=("acgan",),
        **COURSE,
    ),
    Claim(
        "ACGAN: variance falls",
        "9",
        "The variance of CapsACGAN's losses gradually falls.",
        "CapsACGAN's losses fluctuate less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="acgan", metrics=("g_loss", "d_loss")),
        gans=("acgan",),
        discriminators=("caps",),
        **COURSE,
    ),
    Claim(
        "ACGAN: accuracy settles quickly",
        "9",
        "CapsACGAN's accuracy quickly settles.",
        "after a tenth of the steps, the running mean of CapsACGAN's accuracy stays within 0.1 of its final value",
        partial(numbers, gan="acgan", discriminator="caps", metric="accuracy_settled", features="training"),
        "below",
        (0.1, 0.1),
        "share of the steps",
        gans=("acgan",),
        discriminators=("caps",),
        **COURSE,
    ),
    *_shift_claims(),
    Claim(
        "WGAN: an early burst",
        "9",
        "An initial burst of high variance quickly settles.",
        "CapsWGAN's losses fluctuate less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="wgan", metrics=("g_loss", "d_loss")),
        gans=("wgan",),
        discriminators=("caps",),
        **COURSE,
    ),
    Claim(
        "WGAN: curves match closely",
        "9",
        "CapsWGAN's curves closely match the classical ones.",
        "over the last tenth of the steps, the ratio of the critics' losses, CapsWGAN ÷ WGAN, is between 0.8 and 1.25 "
        "(equivalence; kernels and biases are clipped here, not BatchNormalization's weights)",
        lambda results: (
            np.log(numbers(results, "wgan", "caps", "d_loss", "training").abs().clip(LEAST))
            - np.log(numbers(results, "wgan", "cnn", "d_loss", "training").abs().clip(LEAST))
        ),
        "within",
        "margin",
        gans=("wgan",),
        **END,
    ),
    Claim(
        "WGAN: both critics are alive",
        OURS,
        "(The curves of two critics killed by clipping would also match.)",
        "each critic's mean scores of real and generated images are more than 0.001 apart",
        least_spread,
        "above",
        (-3.0, -3.0),
        "log₁₀ of the critic's loss",
        gans=("wgan",),
        **END,
    ),
)
