"""PyTorch's own normalization and dropout are Keras's in fewer operations."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from capsgan.engines.torch import batch_normalize, dropout  # noqa: E402

X = torch.tensor(np.random.default_rng(0).normal(1, 3, (8, 5, 5, 4)).astype("float32"))


def test_a_batch_is_normalized_over_all_axes_but_the_last():
    gamma, beta = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.0, 1.0, 2.0, 3.0])
    outputs, mean, variance = batch_normalize(X, gamma, beta, 1e-3)
    wanted = X.numpy().mean(axis=(0, 1, 2)), X.numpy().var(axis=(0, 1, 2))
    np.testing.assert_allclose(mean, wanted[0], rtol=1e-4)
    np.testing.assert_allclose(variance, wanted[1], rtol=1e-4)
    expected = gamma.numpy() * (X.numpy() - wanted[0]) / np.sqrt(wanted[1] + 1e-3) + beta.numpy()
    np.testing.assert_allclose(outputs, expected, rtol=1e-3, atol=1e-4)


def test_dropout_zeroes_its_share_scales_the_rest_and_repeats_by_seed():
    ones, seed = torch.ones(200, 100), torch.tensor([3, 4])
    first, again, other = dropout(ones, 0.25, seed), dropout(ones, 0.25, seed), dropout(ones, 0.25, seed + 1)
    assert first.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (first == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_dropout_takes_odd_sizes_and_any_layout():
    x = torch.ones(7, 3, 501).movedim(1, -1)
    found = dropout(x, 0.95, torch.tensor([1, 2]))
    assert found.shape == x.shape and (found == 0).float().mean().item() == pytest.approx(0.95, abs=0.01)
