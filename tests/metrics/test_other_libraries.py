"""FID, KID, precision, recall, density and coverage are those of torch-fidelity and of prdc, to 1e-6.

They are needed for these tests only: ``pip install --no-deps torch-fidelity==0.4.0 prdc==0.2``, and PyTorch.
"""

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest

from capsgan.metrics.distances import frechet_distance, squared_mmd
from capsgan.metrics.neighbours import density_coverage, precision_recall

PRECISE = {"rel": 1e-6}


@pytest.fixture
def torch_fidelity(monkeypatch):
    """Its modules by name. It imports torchvision for data sets and image networks; its formulas do without."""
    pytest.importorskip("torch", reason="pip install torch")
    if importlib.util.find_spec("torch_fidelity") is None:
        pytest.skip("pip install --no-deps torch-fidelity==0.4.0")
    placeholders = {name: ModuleType(name) for name in ("torchvision", "torchvision.datasets")}
    for name in ("transforms", "transforms.functional"):
        placeholders[f"torchvision.{name}"] = ModuleType(name)
    for name in ("CIFAR10", "CIFAR100", "STL10"):
        setattr(placeholders["torchvision.datasets"], name, type(name, (), {}))
    placeholders["torchvision.transforms"].functional = placeholders["torchvision.transforms.functional"]
    for name, module in placeholders.items():
        monkeypatch.setitem(sys.modules, name, module)
    return lambda name: importlib.import_module(f"torch_fidelity.{name}")


@pytest.fixture
def features():
    """Like those of a network: correlated, skew, of unequal numbers; neither the same nor far apart."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((16, 16))
    real, generated = rng.standard_normal((900, 16)), rng.standard_normal((700, 16))
    return np.maximum(real @ mixing, -1), np.maximum(1.1 * generated @ mixing + 0.3, -1)


def tensors(*arrays):
    import torch

    return [torch.tensor(array) for array in arrays]


def test_frechet_distance_is_that_of_torch_fidelity(features, torch_fidelity):
    fid = torch_fidelity("metric_fid")
    statistics = [fid.fid_features_to_statistics(tensor) for tensor in tensors(*features)]
    expected = fid.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(*features) == pytest.approx(expected, **PRECISE)


def test_kernel_distance_is_that_of_torch_fidelity(features, torch_fidelity):
    real, generated = features[0][:700], features[1]
    expected = torch_fidelity("metric_kid").kid_features_to_metric(
        *tensors(real, generated), kid_subsets=1, kid_subset_size=700, verbose=False
    )
    assert squared_mmd(real, generated) == pytest.approx(expected["kernel_inception_distance_mean"], **PRECISE)


def test_precision_and_recall_are_those_of_torch_fidelity(features, torch_fidelity):
    real, generated = features
    expected = torch_fidelity("metric_prc").prc_features_to_metric(*tensors(generated, real), verbose=False)
    ours = precision_recall(real, generated)
    assert ours == pytest.approx((expected["precision"], expected["recall"]), **PRECISE)
    assert all(0.1 < value < 0.99 for value in ours)  # a case that tells something


@pytest.mark.parametrize("neighbours", [3, 5])
def test_all_four_are_those_of_prdc(features, neighbours):
    prdc = pytest.importorskip("prdc", reason="pip install --no-deps prdc==0.2")
    expected = prdc.compute_prdc(*features, neighbours)
    ours = precision_recall(*features, neighbours=neighbours) + density_coverage(*features, neighbours=neighbours)
    names = ("precision", "recall", "density", "coverage")
    assert ours == pytest.approx(tuple(expected[name] for name in names), **PRECISE)
    assert all(0.1 < value < 0.99 for value in ours)
