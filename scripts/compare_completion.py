"""Fill holes of held-out images by completion networks and by baselines; write data/results/completion_NAME.csv.

.venv/bin/python scripts/compare_completion.py folder:/data/utkface64 faces-completion-caps+RUN+RUN faces-completion-cnn

Trainings of one network that differ in the seed alone are joined by "+": their rows are means over faces and trainings,
with intervals over both. Every method is pasted; those that also model the known pixels are blended too. Networks and
interpolators meet the known pixels by themselves: blending would change nothing. PCA's components are chosen on images
of the training split that it was not fitted to. The rows "shuffled truth" score each method's images against other
images. On drawings a classifier says whether skin, hair colour and glasses are those of the face. ``--by-person``: the
folder has one folder per person, and the mean over a person's images counts as one observation.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
from compare_regeneration import write_scores
from scipy import stats

import capsgan
from capsgan.data.cartoon import CHOICES, draw_faces
from capsgan.data.holes import make_masks
from capsgan.regeneration.baselines import BASELINES, fit_pca, pca_mean
from capsgan.regeneration.blending import blend
from capsgan.regeneration.masks import hide
from capsgan.regeneration.quality import PEAK, shuffle_truth, similarity
from capsgan.regeneration.reconstruction import complete
from capsgan.runs.provenance import cpu_model

MASKS = ("centre", "half-left", "strokes", "pixels")
COMPONENTS = (50, 100, 200)
WHOLE = ("mean image", "nearest image", "pca")  # baselines that model the known pixels
METRICS = ("psnr_hole", "ssim_hole", "mae_hole")
FACTORS = {"skin": len(CHOICES["skin"]), "hair_colour": len(CHOICES["hair_colour"]), "glasses": 2}  # of a drawing


def main() -> int:
    """Fill, score, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", help="cartoon | folder:PATH")
    parser.add_argument("networks", nargs="*", help="pretrained networks, or beginnings of runs' ids; see above")
    parser.add_argument("--images", type=int, default=100, help="held-out images (default: 100)")
    parser.add_argument("--by-person", action="store_true", help="intervals over the folders of the dataset")
    parser.add_argument("--training", type=int, default=4000, help="training images of the baselines (default: 4000)")
    options = parser.parse_args()

    training, tested = (capsgan.load_dataset(options.dataset, split) for split in ("train", "test"))
    training, held_out = training.images, tested.images
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(held_out))[: options.images])
    people = tested.labels[chosen] if options.by_person else np.arange(len(chosen))
    truth = held_out[chosen]
    fitted, validation = np.split(training[rng.permutation(len(training))[: options.training + 60]], [-60])
    known = {network.name: network for network in capsgan.list_pretrained()}
    networks = {
        names.split("+")[0]: [known.get(name) or capsgan.load_run(name) for name in names.split("+")]
        for names in options.networks
    }
    counts = {len(runs) for runs in networks.values()} - {1}
    if len(counts) > 1:
        parser.error(f"networks: {sorted(counts)} trainings; expected one number for all, or one training")
    classify = factor_classifier() if options.dataset == "cartoon" else None

    models = {n: fit_pca(fitted, n) for n in COMPONENTS if n < len(fitted)}
    rows = []
    for kind in MASKS:
        masks = make_masks(kind, len(truth), truth.shape[1:3], seed=1)
        damaged, model = hide(truth, masks), choose_model(models, validation, kind)
        filled, seconds = {}, {}  # filled: by method, one array per training
        for name in (*networks, *BASELINES):
            begin = time.perf_counter()
            if name in networks:
                filled[name] = [complete(run.gan, damaged, masks).images for run in networks[name]]
            else:
                filled[name] = [baseline(name, damaged, masks, fitted, model)]
            seconds[name] = (time.perf_counter() - begin) / len(filled[name]) / len(truth)
            if name in WHOLE:
                whole = baseline(name, damaged, masks, fitted, model, whole=True)
                filled[f"{name}, blended"] = [blend(damaged, whole, masks)]
        scores = {name: np.stack([score(truth, i, masks) for i in images]) for name, images in filled.items()}
        for name, images in filled.items():
            shuffled = np.stack([score(shuffle_truth(truth), i, masks) for i in images])
            for against, values in {"right": scores[name], "shuffled": shuffled}.items():
                for number, metric in enumerate(METRICS):
                    rows.append(
                        (kind, name, against, metric, *describe(values[..., number], people), seconds.get(name))
                    )
            if classify:
                for factor, answers in zip(FACTORS, zip(*map(classify, images), strict=True), strict=True):
                    right = np.stack(answers) == draw_faces("test")[2][factor][chosen]
                    rows.append((kind, name, "right", factor, *describe(right.astype(float), people), None))
        best = {}
        for number, metric in enumerate(METRICS[:2]):
            best[metric] = max(filled.keys() - networks.keys(), key=lambda n, k=number: scores[n][..., k].mean())
        first = next(iter(networks), None)
        pairs = [(name, metric, other) for name in networks for metric, other in best.items()]
        pairs += [(name, metric, first) for name in networks if name != first for metric in METRICS[:2]]
        for name, metric, other in pairs:
            number = METRICS.index(metric)
            gain = scores[name][..., number] - scores[other][..., number]  # the k-th trainings have the same seed
            row = (kind, name, f"minus {other}", metric, *describe(gain, people), None)
            rows.append(row)
            print(*row[:4], "{:.3f} [{:.3f}, {:.3f}]".format(*row[4:7]), flush=True)
    columns = ["mask", "method", "truth", "metric", "mean", "low", "high", "seconds"]
    trainings = {name: len(runs) for name, runs in networks.items()}
    table = pd.DataFrame(rows, columns=columns).assign(images=len(truth), people=len(np.unique(people)))
    table = table.assign(trainings=table.method.map(trainings), training=len(fitted), cpu=cpu_model())
    write_scores(table, "completion", options.dataset)
    shown = table[table.truth == "right"].pivot(index="method", columns=["mask", "metric"], values="mean")
    print(shown.to_string(float_format="{:.2f}".format))
    return 0


def baseline(name, damaged, masks, training, model, **whole) -> np.ndarray:
    """One baseline's images, uint8 [n, height, width, channels]."""
    if name == "pca":
        return pca_mean(damaged, masks, training, model=model, **whole)
    return BASELINES[name](damaged, masks, training, **whole)


def factor_classifier():
    """A function: drawings, uint8 [n, 64, 64, 3] → the values of ``FACTORS`` that a small CNN sees in them.

    It is trained on the training drawings, and must be right on at least 97 % of the held-out ones.
    """
    keras.utils.set_random_seed(0)
    image = keras.Input((64, 64, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    for filters in (16, 32, 64):
        x = keras.layers.MaxPooling2D()(keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(x))
    network = keras.Model(image, {name: keras.layers.Dense(n, name=name)(x) for name, n in FACTORS.items()})
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, _, factors = draw_faces("train")
    network.fit(images, {name: factors[name] for name in FACTORS}, batch_size=32, epochs=8, verbose=0)

    def classify(drawings):
        answers = network.predict(drawings, verbose=0)
        return [answers[name].argmax(axis=1) for name in FACTORS]

    images, _, factors = draw_faces("test")
    shares = [np.mean(found == factors[name]) for name, found in zip(FACTORS, classify(images), strict=True)]
    print("classifier on held-out drawings:", ", ".join(f"{n} {s:.1%}" for n, s in zip(FACTORS, shares, strict=True)))
    if min(shares) < 0.97:
        raise SystemExit("the classifier of drawings is not good enough to judge others")
    return classify


def choose_model(models, validation, kind):
    """The principal subspace that fills the holes of validation images best."""
    masks = make_masks(kind, len(validation), validation.shape[1:3], seed=2)
    results = {n: pca_mean(hide(validation, masks), masks, None, model=model) for n, model in models.items()}
    return models[max(results, key=lambda n: score(validation, results[n], masks)[:, 0].mean())]


def score(truth, images, masks) -> np.ndarray:
    """PSNR (dB), SSIM and mean absolute difference (of 255) in the hole: float64 [n, 3]."""
    rows = []
    for true, image, known in zip(truth, images, masks, strict=True):
        difference = np.abs(true.astype("float64") - image)[~known]
        _, ssim = similarity(true, image)
        psnr = 10 * np.log10(PEAK**2 / max((difference**2).mean(), 1e-3))
        rows.append((psnr, ssim[~known].mean(), difference.mean()))
    return np.array(rows)


def describe(values, people=None) -> tuple[float, float, float]:
    """Mean and 95 % interval of float [images], or [trainings, images], where trainings and images are random.

    Of several trainings the variances of the means over trainings and over images are added (crossed effects), with
    Satterthwaite's degrees of freedom. ``people``, int [images]: images of one person count as one, by their mean.
    """
    values = np.atleast_2d(values)
    if people is not None:
        values = np.stack([values[:, people == one].mean(axis=1) for one in np.unique(people)], axis=1)
    parts = []  # (variance of a mean, degrees of freedom)
    for axis in (0, 1):
        means = values.mean(axis=axis)
        if len(means) > 1:
            parts.append((means.var(ddof=1) / len(means), len(means) - 1))
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / max(sum(part**2 / n for part, n in parts), 1e-300)
    half = stats.t.ppf(0.975, max(freedom, 1)) * variance**0.5
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


if __name__ == "__main__":
    sys.exit(main())
