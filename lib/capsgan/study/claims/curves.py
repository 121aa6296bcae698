"""What the thesis reads from its curves of losses and accuracy, and our own checks of what they can tell."""

from functools import partial

import numpy as np

from ...names import GANS
from ..effects import LEAST, difference, least_spread, numbers, ratio, wavering_trend
from ..verdicts import OURS, Claim

END = {"least_steps": None}
COURSE = {"least_steps": 20_000}  # the thesis's: what it says of the whole course is not tested by its first tenth
CAPS_ACGAN = {"gans": ("acgan",), "discriminators": ("caps",)}
LOSSES = ("g_loss", "d_loss")


def _loss_claims(gan: str):
    name = GANS[gan].label
    code = ", including the loss of its code," if gan == "infogan" else ""
    nats = {"bounds": (-0.1, 0.1), "unit": "nats", "gans": (gan,)} | END
    yield Claim(
        f"{name}: the generator's loss shifts",
        "9",
        "The generator's loss is remarkably shifted, although only the discriminator was changed.",
        f"over the last tenth of the steps, the generator's loss{code} of Caps{name} and {name} differs by more than "
        "0.1 nats",
        partial(difference, gan=gan, metric="g_loss", features="training"),
        "outside",
        **nats,
    )
    yield Claim(
        f"{name}: the images show no such shift",
        OURS,
        "(The thesis asks why. If the images were the cause, any other judge would see a shift too.)",
        "judged by one freshly trained critic, -log D of the two generators' images differs by less than 0.1 nats",
        partial(difference, gan=gan, metric="g_loss", features="fresh_critic"),
        "within",
        **nats,
    )
    yield Claim(
        f"{name}: the discriminator's loss follows closely",
        "9",
        "The discriminator's loss follows its classical counterpart closely.",
        f"over the last tenth of the steps, the discriminator's loss{code} of Caps{name} and {name} differs by less "
        "than 0.1 nats",
        partial(difference, gan=gan, metric="d_loss", features="training"),
        "within",
        **nats,
    )


def _accuracy_claim(gan: str) -> Claim:
    name = GANS[gan].label
    return Claim(
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


def _early_wavering(results):
    return sum(ratio(results, "acgan", f"{loss}_wavering_early", "training") for loss in LOSSES) / 2


def _critic_losses(results):
    caps, cnn = (numbers(results, "wgan", side, "d_loss", "training").abs() for side in ("caps", "cnn"))
    return np.log(caps.clip(LEAST)) - np.log(cnn.clip(LEAST))


CLAIMS = (
    Claim(
        "ACGAN: variance is high at first",
        "9",
        "CapsACGAN starts with a very high variance of both losses.",
        "in the first tenth of the steps, the losses of CapsACGAN fluctuate more than those of ACGAN",
        _early_wavering,
        "above",
        gans=("acgan",),
        **COURSE,
    ),
    Claim(
        "ACGAN: variance falls",
        "9",
        "The variance of CapsACGAN's losses gradually falls.",
        "CapsACGAN's losses fluctuate less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="acgan", metrics=LOSSES),
        **CAPS_ACGAN,
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
        **CAPS_ACGAN,
        **COURSE,
    ),
    *_loss_claims("dcgan"),
    *_loss_claims("infogan"),
    *map(_accuracy_claim, ("acgan", "dcgan", "infogan")),
    Claim(
        "WGAN: an early burst",
        "9",
        "An initial burst of high variance quickly settles.",
        "CapsWGAN's losses fluctuate less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="wgan", metrics=LOSSES),
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
        _critic_losses,
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
