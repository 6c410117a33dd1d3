"""The input layer of classifiers of series: missing numbers, masks and noise."""

import numpy as np

from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.tasks.classify_series.layers import SeriesInput


def forward(layer, x, rng=None, backend=NUMPY):
    return layer.forward(backend, {}, Activations(backend.xp.asarray(x)), None, rng)


def test_missing_numbers_are_0_and_steps_without_any_number_are_masked():
    x = np.array([[[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [2, 3]]], np.float32)
    for backend in (NUMPY, jax_backend()):
        found, states = forward(SeriesInput(), x, backend=backend)
        np.testing.assert_array_equal(found.x, [[[0, 0], [1, 0], [0, 0], [2, 3]]])
        np.testing.assert_array_equal(found.mask, [[False, True, False, True]])
        assert states == ()


def test_noise_has_its_standard_deviation_and_leaves_missing_numbers_alone():
    class Rng:
        def uniform(self, shape):
            return np.random.default_rng(0).random(shape)

    x = np.where(np.arange(3000).reshape(10, 100, 3) % 7 == 0, np.nan, 1.0)
    layer = SeriesInput(0.5)
    found, _ = forward(layer, x, Rng())
    present = ~np.isnan(x)
    assert abs(found.x[present].mean() - 1) < 0.05
    assert abs(found.x[present].std() - 0.5) < 0.02
    assert not found.x[~present].any()
    np.testing.assert_array_equal(forward(layer, x)[0].x, np.nan_to_num(x))
