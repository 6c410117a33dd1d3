"""Pooling over streams of millions of steps."""

import numpy as np
import pytest

from gatewright.nn import model as models
from gatewright.nn.layers import Pool

MILLIONS = 2**25


@pytest.mark.parametrize("method", ["mean", "attention"])
def test_the_mean_of_a_long_stream_still_changes_with_each_step(method):
    """The states after a step, times a large number, are those after so many equal steps."""
    layer = Pool(method)
    (weights,) = models.initial_weights([layer], 3, [0])
    _, step = layer.stepper(weights)
    ones, zeros = np.ones((1, 3), np.float32), np.zeros((1, 3), np.float32)
    _, states = step(ones, ())
    states = states[:-2] + tuple(state * MILLIONS for state in states[-2:])
    for _ in range(1000):
        mean, states = step(zeros, states)
    # Each step of zeros weighs as much as a step of ones, or exp(score of zeros - score of ones) with attention.
    weight = 1.0
    if method == "attention":
        score = [
            float(np.tanh(x @ weights["kernel"] + weights["bias"]) @ weights["context"]) for x in (zeros[0], ones[0])
        ]
        weight = np.exp(score[0] - score[1])
    expected = MILLIONS / (MILLIONS + 1000 * weight)
    assert expected < 1 - 1e-5
    np.testing.assert_allclose(mean, np.full((1, 3), expected), rtol=1e-6)
    assert mean.dtype == np.float32
