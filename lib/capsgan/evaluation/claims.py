"""The thesis's claims as statements that runs can support or contradict: what :mod:`.verdicts` judges."""

from __future__ import annotations

from functools import partial

import numpy as np

from .effects import (
    LEAST,
    against_best,
    area_between,
    difference,
    fid_from_less_data,
    growth_of_fid,
    least_spread,
    mean_over_gans,
    numbers,
    ratio,
    wavering_trend,
    work_to_fid,
)
from .verdicts import Claim

OURS = "ours"  # the section of a check of our own, which is no claim of the thesis
LEAST_TRAINED = 2000  # steps; before that images are no digits yet, least of all WGAN's
THESIS_STEPS = 20_000
MARGIN = np.log(1.25)  # of a ratio of FIDs, as in study/analysis_plan.yaml; a test holds the two together


def _fid_claims():
    for gan, name in {"acgan": "ACGAN", "dcgan": "DCGAN", "infogan": "InfoGAN", "wgan": "WGAN"}.items():
        effects = partial(ratio, gan=gan, metric="fid_infinity")
        yield Claim(
            f"{name}: comparable, if not better",
            "abstract, 9",
            "Networks with a capsule discriminator perform comparably, in certain cases better.",
            f"FID∞ of Caps{name} is below 1.25 times that of {name} (non-inferiority)",
            effects,
            "below",
            (MARGIN, MARGIN),
            gan=gan,
            least_steps=LEAST_TRAINED,
        )
        yield Claim(
            f"{name}: remarkably similar",
            "9",
            "They provide remarkably similar results.",
            f"FID∞ of Caps{name} is 0.8 to 1.25 times that of {name} (equivalence, two one-sided tests)",
            effects,
            "within",
            (-MARGIN, MARGIN),
            gan=gan,
            least_steps=LEAST_TRAINED,
        )


def _shift_claims():
    for gan, name in {"dcgan": "DCGAN", "infogan": "InfoGAN"}.items():
        code = ", the loss of its code included," if gan == "infogan" else ""
        yield Claim(
            f"{name}: the generator's loss shifts",
            "9",
            "The generator's loss is remarkably shifted, though only the discriminator was changed.",
            f"the generator's loss{code} of Caps{name} and {name}, over the last tenth, differs by more than 0.1 nats",
            partial(difference, gan=gan, metric="g_loss", features="training"),
            "outside",
            (-0.1, 0.1),
            "nats",
            gan=gan,
        )
        yield Claim(
            f"{name}: the images show no such shift",
            OURS,
            "(The thesis asks why. If the images were the cause, any other judge would see a shift too.)",
            "judged by one fresh critic, -log D of the images of both generators differs by less than 0.1 nats",
            partial(difference, gan=gan, metric="g_loss", features="fresh_critic"),
            "within",
            (-0.1, 0.1),
            "nats",
            gan=gan,
        )
        yield Claim(
            f"{name}: the discriminator's loss follows closely",
            "9",
            "The discriminator's loss follows its classical counterpart closely.",
            f"the discriminator's loss{code} of Caps{name} and {name}, over the last tenth, differs by less than 0.1 "
            "nats",
            partial(difference, gan=gan, metric="d_loss", features="training"),
            "within",
            (-0.1, 0.1),
            "nats",
            gan=gan,
        )
    for gan, name in {"acgan": "ACGAN", "dcgan": "DCGAN", "infogan": "InfoGAN"}.items():
        yield Claim(
            f"{name}: accuracy follows closely",
            "9",
            "The accuracy meets, or closely follows, its classical counterpart.",
            f"the accuracy of Caps{name} and {name}, over the last tenth, differs by less than 0.05",
            partial(difference, gan=gan, metric="accuracy", features="training"),
            "within",
            (-0.05, 0.05),
            "share",
            gan=gan,
        )


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


CLAIMS = (
    Claim(
        "needs less data: 1 % against all",
        "abstract",
        "A comparable model needs very little data.",
        "CapsDCGAN trained on 1 % of MNIST has a FID∞ below 1.25 times that of DCGAN trained on all of it",
        partial(fid_from_less_data, fraction=0.01),
        "below",
        (MARGIN, MARGIN),
    ),
    Claim(
        "needs less data: 10 % against all",
        "abstract",
        "A comparable model needs very little data.",
        "CapsDCGAN trained on 10 % of MNIST has a FID∞ below 1.25 times that of DCGAN trained on all of it",
        partial(fid_from_less_data, fraction=0.1),
        "below",
        (MARGIN, MARGIN),
    ),
    Claim(
        "needs less data: area",
        "9",
        "Capsules lower the data requirements.",
        "over training sets of 1, 10 and 100 % of MNIST, CapsDCGAN's FID∞ is lower than DCGAN's in the mean",
        area_between,
    ),
    Claim(
        "needs less data: growth",
        "9",
        "Capsules lower the data requirements.",
        "from all to 1 % of the data, CapsDCGAN's FID∞ grows by a smaller factor than DCGAN's",
        growth_of_fid,
    ),
    *_view_claims(),
    Claim(
        "orientation: notices a turn",
        "1.4, 1.6",
        "CNNs cannot understand orientation; capsules hold how a part lies.",
        "trained on upright digits, CapsDCGAN's discriminator is surer than DCGAN's that digits turned by 90° are not "
        "real (the mirror image of the claim above: understanding may be either)",
        partial(difference, gan="dcgan", metric="turned_order", features="discriminator"),
        "above",
        unit="probability",
    ),
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
    Claim(
        "overhead: time a step",
        "9",
        "The CapsNet reduced the training overhead considerably.",
        "a step of CapsDCGAN, at the width of these runs, takes less time than one of DCGAN",
        partial(ratio, gan="dcgan", metric="ms_per_step", features="cost"),
    ),
    Claim(
        "overhead: memory",
        "9",
        "The CapsNet reduced the training overhead considerably.",
        "CapsDCGAN's discriminator, at the width of these runs, keeps fewer megabytes for an update than DCGAN's "
        "(counted, not measured: parameters with gradients and moments, and every layer's output)",
        partial(ratio, gan="dcgan", metric="discriminator_megabytes", features="cost"),
    ),
    Claim(
        "overhead: time to a FID",
        "9",
        "The CapsNet reduced the training overhead considerably.",
        "CapsDCGAN, at the width of these runs, takes less time than DCGAN to the FID∞ that both reach",
        work_to_fid,
    ),
    Claim(
        "power consumption",
        "9",
        "Lower data requirements bring lower power consumption.",
        "CapsDCGAN's discriminator, at the width of these runs, takes fewer multiply-adds than DCGAN's to the FID∞ "
        "that both reach (arithmetic as a proxy: no power was measured)",
        partial(work_to_fid, cost="discriminator_multiply_adds"),
    ),
    *_fid_claims(),
    Claim(
        "improves GANs drastically",
        "1.6",
        "Capsules could improve these networks quite drastically.",
        "in the geometric mean over the four GANs, FID∞ with a Caps discriminator is below 0.8 times the classical one",
        mean_over_gans,
        "below",
        (-MARGIN, -MARGIN),
        gan="wgan",  # the slowest of the four
        least_steps=LEAST_TRAINED,
    ),
    Claim(
        "ACGAN: variance is high at first",
        "9",
        "CapsACGAN starts with a very high variance of both losses.",
        "in the first tenth, the losses of CapsACGAN waver more than those of ACGAN",
        lambda results: (
            sum(ratio(results, "acgan", f"{m}_wavering_early", "training") for m in ("g_loss", "d_loss")) / 2
        ),
        "above",
        gan="acgan",
        least_steps=THESIS_STEPS,
    ),
    Claim(
        "ACGAN: variance falls",
        "9",
        "The variance of CapsACGAN's losses gradually falls.",
        "CapsACGAN's losses waver less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="acgan", metrics=("g_loss", "d_loss")),
        gan="acgan",
        discriminators=("caps",),
        least_steps=THESIS_STEPS,
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
        gan="acgan",
        discriminators=("caps",),
        least_steps=THESIS_STEPS,
    ),
    *_shift_claims(),
    Claim(
        "WGAN: an early burst",
        "9",
        "An initial burst of high variance quickly settles.",
        "CapsWGAN's losses waver less in the last tenth of the steps than in the first",
        partial(wavering_trend, gan="wgan", metrics=("g_loss", "d_loss")),
        gan="wgan",
        discriminators=("caps",),
        least_steps=THESIS_STEPS,
    ),
    Claim(
        "WGAN: curves match closely",
        "9",
        "CapsWGAN's curves closely match the classical ones.",
        "the critic's loss of CapsWGAN, over the last tenth, is 0.8 to 1.25 times that of WGAN (equivalence; kernels "
        "and biases are clipped here, not BatchNormalization's weights)",
        lambda results: (
            np.log(numbers(results, "wgan", "caps", "d_loss", "training").abs().clip(LEAST))
            - np.log(numbers(results, "wgan", "cnn", "d_loss", "training").abs().clip(LEAST))
        ),
        "within",
        (-MARGIN, MARGIN),
        gan="wgan",
    ),
    Claim(
        "WGAN: both critics are alive",
        OURS,
        "(Curves of two critics that clipping has killed would match too.)",
        "each critic holds the mean scores of real and generated images further apart than 0.001",
        least_spread,
        "above",
        (-3.0, -3.0),
        "log₁₀ of the critic's loss",
        gan="wgan",
    ),
    Claim(
        "WGAN is the best",
        "9",
        "WGAN is the best of the four.",
        "CapsWGAN's FID∞ is below that of the best of the other three Caps GANs, after as many steps",
        partial(
            against_best, gan="wgan", metric="fid_infinity", features="digits", others=("acgan", "dcgan", "infogan")
        ),
        gan="wgan",
        discriminators=("caps",),
        least_steps=THESIS_STEPS,
    ),
    Claim(
        "ACGAN is the fastest",
        "9",
        "ACGAN was the fastest to train.",
        "a step of CapsACGAN takes less time than one of the quickest of the other three Caps GANs",
        partial(against_best, gan="acgan", metric="ms_per_step", features="cost", others=("dcgan", "infogan", "wgan")),
        gan="acgan",
        discriminators=("caps",),
    ),
    Claim(
        "squashing makes blur",
        "listing 7.3",
        "Squashing the outputs of the capsule layer makes severely blurred images.",
        "images of a DCGAN whose gates are squashed are less sharp (variance of the Laplacian) than CapsDCGAN's",
        partial(ratio, gan="dcgan", metric="sharpness", features="pixels", one="caps-squashed", other="caps"),
        discriminators=("caps", "caps-squashed"),
    ),
    Claim(
        "squashing harms",
        "listing 7.3",
        "Squashing the outputs of the capsule layer makes severely blurred images.",
        "FID∞ of a DCGAN whose gates are squashed is above CapsDCGAN's",
        partial(ratio, gan="dcgan", metric="fid_infinity", one="caps-squashed", other="caps"),
        "above",
        discriminators=("caps", "caps-squashed"),
    ),
    Claim(
        "capsules are the cause: against a CNN as large",
        "1.6",
        "It is the capsules that improve the GAN.",
        "CapsDCGAN's FID∞ is below that of a DCGAN whose discriminator has the same layers without the capsules",
        partial(ratio, gan="dcgan", metric="fid_infinity", other="cnn-matched"),
        discriminators=("caps", "cnn-matched"),
    ),
    Claim(
        "capsules are the cause: the gates",
        "1.4, 1.6",
        "The routing between capsules makes the difference.",
        "CapsDCGAN's FID∞ is below that of the same network without its gates",
        partial(ratio, gan="dcgan", metric="fid_infinity", other="caps-ungated"),
        discriminators=("caps", "caps-ungated"),
    ),
    Claim(
        "capsules are the cause: true routing",
        "1.4, 2.6",
        "Dynamic routing is what a capsule network does better.",
        "FID∞ of a DCGAN with true routing by agreement is below that of one with a CNN as large",
        partial(ratio, gan="dcgan", metric="fid_infinity", one="caps-routing", other="cnn-matched"),
        discriminators=("caps-routing", "cnn-matched"),
    ),
    Claim(
        "a capsule generator is not feasible",
        "6",
        "A capsule generator is not feasible: back-propagation in the discriminator cannot be replicated in it.",
        "none: the reason given is no obstacle, since every generator here learns by that very gradient",
        reason="no generator of capsules was built: nobody has said what one would be, so that it could fail",
    ),
)
