"""Are regenerated images good? Measures of likeness to the truth, with paired intervals."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from skimage.metrics import structural_similarity

from ..checks import check_images, require
from ..metrics.features import load_features, spaces_for
from ..study.statistics import mean_interval
from .masks import check_masks

PEAK = 255  # the pixels' range
WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}  # their section 3.B


def measure(truth: np.ndarray, restored: np.ndarray, masks: np.ndarray) -> pd.DataFrame:
    """How similar each image is to the truth, both uint8 [n, height, width, channels].

    One row per image. ``psnr`` is in decibels, infinite where nothing differs. ``ssim`` (Wang et al. 2004,
    doi:10.1109/TIP.2003.819861, with their Gaussian window) is at most 1. ``psnr_hole`` and ``ssim_hole`` are of the
    missing pixels, where ``masks``, bool [n, height, width], are False: of SSIM the mean of its map, so that known
    pixels count only through the windows of eleven pixels; NaN without a hole. ``features`` is the Euclidean distance
    of the whole images in a feature space: ``digits`` for 28×28×1, else ``random``.
    """
    check_images("truth", truth)
    check_images("restored", restored, truth.shape[1:])
    if len(restored) != len(truth):
        raise ValueError(f"restored: {len(restored)} images for {len(truth)} true ones; expected as many")
    masks = check_masks(masks, truth, holes=False)
    network = load_features(spaces_for(truth.shape[1:])[0], truth.shape[1:])
    distances = np.linalg.norm(network.features(truth) - network.features(restored), axis=1)
    rows = []
    for true, image, known, distance in zip(truth, restored, masks, distances, strict=True):
        squares = (true.astype("float64") - image) ** 2
        ssim, ssim_map = similarity(true, image)
        psnr_hole, ssim_hole = (np.nan, np.nan) if known.all() else (_psnr(squares[~known]), ssim_map[~known].mean())
        rows.append((_psnr(squares), psnr_hole, ssim, ssim_hole, distance))
    return pd.DataFrame(rows, columns=["psnr", "psnr_hole", "ssim", "ssim_hole", "features"])


def similarity(true: np.ndarray, image: np.ndarray) -> tuple[float, np.ndarray]:
    """SSIM of two images, uint8 [height, width, channels]: its mean, and its map of the same shape."""
    return structural_similarity(true, image, data_range=PEAK, channel_axis=-1, full=True, **WANG)


def compare_methods(truth: np.ndarray, masks: np.ndarray, restored: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Rows of ``image`` (number), ``method``, ``metric`` and ``value``: :func:`measure` of each method's images."""
    frames = {
        method: measure(truth, images, masks).melt(var_name="metric", ignore_index=False)
        for method, images in restored.items()
    }
    return pd.concat(frames, names=["method", "image"]).reset_index()[["image", "method", "metric", "value"]]


def shuffle_truth(truth: np.ndarray) -> np.ndarray:
    """Each image in another's place: no method may score well against it, or the score cannot fail."""
    return np.roll(truth, 1, axis=0)


def paired_intervals(scores: pd.DataFrame, against: str, alpha: float = 0.05) -> pd.DataFrame:
    """Mean differences from one method over the same images, with their t intervals at level 1 - ``alpha``.

    ``scores`` are of :func:`compare_methods`; ``against`` is the method that is subtracted. Rows of ``method``,
    ``metric``, ``images`` (pairs of finite values), ``difference``, ``low``, ``high``; NaN with fewer than two pairs.
    """
    methods = list(scores.method.unique())
    require(against in methods, "against", against, " | ".join(methods))
    methods.remove(against)
    wide = scores.pivot(index="image", columns=["metric", "method"], values="value")
    rows = []
    for metric in scores.metric.unique():
        for method in methods:
            pairs = wide[metric][[method, against]].to_numpy("float64")
            effects = np.subtract(*pairs[np.isfinite(pairs).all(axis=1)].T)
            low, high = mean_interval(effects, alpha) if len(effects) > 1 else (np.nan, np.nan)
            mean = effects.mean() if len(effects) else np.nan
            rows.append((method, metric, len(effects), mean, float(low), float(high)))
    return pd.DataFrame(rows, columns=["method", "metric", "images", "difference", "low", "high"])


def scores_table(scores: pd.DataFrame, against: str, metrics=("psnr_hole", "ssim_hole", "features")) -> pd.DataFrame:
    """Means of every method and differences from one, with 95 % t intervals over the images; text, best on top."""
    means = scores.groupby(["method", "metric"]).value.mean().unstack()
    gaps = paired_intervals(scores, against).set_index(["method", "metric"])
    order = means[metrics[0]].sort_values(ascending=metrics[0] == "features").index
    table = pd.DataFrame(index=list(order))
    for metric in metrics:
        table[metric] = [f"{means.loc[method, metric]:.2f}" for method in order]
        more = ["—" if method == against else describe_gap(gaps.loc[method, metric]) for method in order]
        table[f"{metric} more than {against}"] = more
    return table


def describe_gap(gap) -> str:
    """A row of :func:`paired_intervals` as text: the difference and its interval."""
    return f"{gap.difference:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]"


def _psnr(squares) -> float:
    error = squares.mean()
    return float(10 * np.log10(PEAK**2 / error)) if error else float("inf")
