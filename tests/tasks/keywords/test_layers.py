"""The input layer of classifiers of recordings: padding never matters, and augmentation changes what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.data.padding import pad
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations
from gatewright.tasks.keywords.layers import RecordingInput

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=6)


class Random:
    """Random numbers as layers use them."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def uniform(self, shape):
        return self._rng.random(shape, np.float32)


def ramps(lengths, padding=0):
    """Return padded recordings of one feature that is the number of the step, from 1."""
    padded = pad([np.arange(1, length + 1, dtype=np.float32)[:, None] for length in lengths])
    return np.concatenate([np.full((len(lengths), padding, 1), np.nan, np.float32), padded], axis=1)


def run(layer, x, seed=None):
    after, states = layer.forward(NUMPY, {}, Activations(x), None, None if seed is None else Random(seed))
    assert states == ()
    return after


@settings(max_examples=20)
@given(lengths=LENGTHS)
def test_outside_training_only_padding_is_replaced(lengths):
    after = run(RecordingInput(noise=0.5, warp=0.3, shift=0.2, masks=3), ramps(lengths))
    np.testing.assert_array_equal(after.mask.sum(axis=1), lengths)
    np.testing.assert_array_equal(after.x, np.nan_to_num(ramps(lengths), nan=0.0))


@settings(max_examples=20)
@given(lengths=LENGTHS, padding=st.integers(1, 5), seed=st.integers(0, 99))
def test_more_padding_changes_nothing(lengths, padding, seed):
    layer = RecordingInput(shift=0.3, masks=2)
    narrow, wide = (run(layer, ramps(lengths, more), seed) for more in (0, padding))
    np.testing.assert_array_equal(wide.x[:, padding:], narrow.x)
    np.testing.assert_array_equal(wide.mask[:, padding:], narrow.mask)
    assert not wide.mask[:, :padding].any()


@settings(max_examples=20)
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_speed_and_cuts_keep_the_order_and_never_remove_a_recording(lengths, seed):
    after = run(RecordingInput(warp=0.5, shift=0.4), ramps(lengths, 10), seed)
    for x, mask, length in zip(after.x[..., 0], after.mask, lengths, strict=True):
        live = x[mask]
        assert 1 <= len(live) <= min(2 * length, max(lengths) + 10)
        assert (np.diff(mask.astype(int)) >= 0).all()
        assert 1 <= live[0] <= live[-1] <= length
        assert (np.diff(live) >= 0.49).all()
        assert live[-1] > 0.6 * length - 1


@settings(max_examples=20)
@given(seed=st.integers(0, 99))
def test_a_constant_speed_is_a_linear_interpolation(seed):
    layer = RecordingInput(warp=0.4)
    steps = run(layer, ramps([20], 20), seed).x[0, :, 0]
    live = steps[steps > 0]
    assert live[-1] == 20
    np.testing.assert_allclose(np.diff(live), np.diff(live)[0], atol=1e-4)
    assert 0.6 <= np.diff(live)[0] <= 1.4


def test_masks_are_stretches_of_a_fifth_at_most_and_noise_has_the_given_deviation():
    x = np.ones((400, 50, 3), np.float32)
    masked = run(RecordingInput(masks=1), x, 0).x
    zeros = (masked == 0).all(axis=2)
    assert zeros.sum(axis=1).max() == 10
    assert (np.abs(np.diff(zeros.astype(int), axis=1)).sum(axis=1) <= 2).all()
    noisy = run(RecordingInput(noise=0.3), x, 0).x
    assert noisy.std() == pytest.approx(0.3, rel=0.02)


def test_a_level_is_added_to_all_features_of_a_recording():
    louder = run(RecordingInput(level=0.5), np.zeros((300, 4, 3), np.float32), 0).x
    assert (louder == louder[:, :1, :1]).all()
    assert -0.5 <= louder.min() < -0.45
    assert 0.45 < louder.max() <= 0.5


def test_a_microphone_adds_the_same_broken_line_to_all_steps_of_a_recording():
    features = 9  # two from each point of the curve to the next
    heard = run(RecordingInput(curve=0.5), np.zeros((300, 4, features), np.float32), 0).x
    assert (heard == heard[:, :1]).all()
    curves = heard[:, 0]
    np.testing.assert_allclose(curves[:, 1::2], (curves[:, :-2:2] + curves[:, 2::2]) / 2, atol=1e-6)
    points = curves[:, ::2]
    assert -0.5 <= points.min() < -0.45
    assert 0.45 < points.max() <= 0.5
    assert np.abs(np.corrcoef(points.T) - np.eye(5)).max() < 0.25


def test_gradients_of_padding_are_zero():
    x = ramps([2, 3])
    after, pullback = RecordingInput().vjp({}, Activations(x))
    np.testing.assert_array_equal(pullback(np.ones_like(x))[..., 0], after.mask)
