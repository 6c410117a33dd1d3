"""The layers of a transcriber."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import assert_close

from gatewright.nn import model
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Recurrent
from gatewright.nn.stepping import Stepper
from gatewright.tasks.transcribe import ctc
from gatewright.tasks.transcribe.ctc import needed_steps
from gatewright.tasks.transcribe.layers import CtcOutput, SpeechInput, log_softmax, stacked

WIDTH = 3


class Rng:
    def __init__(self, seed=0):
        self._rng = np.random.default_rng(seed)

    def keep(self, rate, shape):
        return self._rng.random(shape) >= rate

    def uniform(self, shape):
        return self._rng.random(shape)


def batch(lengths, frames, seed=0):
    """Return the same utterances whatever the padding."""
    x = np.full((len(lengths), frames, WIDTH), np.nan, np.float32)
    for row, length in zip(x, lengths, strict=True):
        row[:length] = np.random.default_rng([seed, length]).normal(size=(length, WIDTH))
    return x


def forward(layers, weights, x, ids=None, backend=NUMPY, rng=None):
    targets = None if ids is None else {"ids": ids}
    bound = model.bind(layers, weights)
    return model.forward(layers, backend, bound, Activations(x, targets=targets), None, rng)[0]


def network(bidirectional=True):
    layers = [
        SpeechInput(stack=3),
        Recurrent("gru", 5, bidirectional, return_sequences=True),
        CtcOutput(4),
    ]
    return layers, model.initial_weights(layers, WIDTH, [1])


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(6, 20), min_size=1, max_size=4), st.integers(20, 31))
def test_padding_and_other_utterances_change_neither_outputs_nor_losses(lengths, frames):
    layers, weights = network()
    ids = np.array([[1, 2, 0]] * len(lengths), np.int32)
    found = forward(layers, weights, batch(lengths, frames)).x
    losses = ctc.losses(NUMPY, found["log_probs"], found["log_probs"].min(axis=2) < 0, ids)
    for place, length in enumerate(lengths):
        alone = forward(layers, weights, batch([length], length)).x
        assert_close(losses[place], ctc.losses_of(alone["log_probs"], ids[:1, :2])[0], "forward", np.float32)
        steps = alone["log_probs"].shape[1]
        assert steps == -(-length // 3)
        assert_close(found["log_probs"][place, :steps], alone["log_probs"][0], "same_order", np.float32)
        assert not found["log_probs"][place, steps:].any()


def test_numpy_and_jax_agree():
    layers, weights = network()
    x = batch([7, 20, 12], 20)
    expected = forward(layers, weights, x).x["log_probs"]
    assert_close(forward(layers, weights, x, None, jax_backend()).x["log_probs"], expected, "forward", np.float32)


def test_steps_one_at_a_time_are_those_of_the_whole_utterance():
    layers, weights = network(bidirectional=False)
    frames = batch([16], 16)[0]
    stepper = Stepper(layers, model.bind(layers, weights))
    states, found = stepper.start(), []
    for row in stacked(frames, 3):
        outputs, states = stepper(row[None], states)
        found.append(outputs[0])
    assert_close(found, forward(layers, weights, frames[None]).x["log_probs"][0], "forward", np.float32)


def test_frames_are_stacked_from_the_start_and_the_last_step_is_filled_with_zeros():
    x = batch([5, 6], 8)
    found = forward([SpeechInput(stack=3)], [{}], x)
    np.testing.assert_array_equal(found.mask, [[True, True, False]] * 2)
    for row, frames, length in zip(found.x, x, (5, 6), strict=True):
        np.testing.assert_array_equal(row[:2], stacked(frames[:length], 3))
        assert not row[2].any()
    assert not found.x[0, 1, 2 * WIDTH :].any()


def changed(x, ids=None, seed=0, **how):
    return forward([SpeechInput(**how)], [{}], x, np.array([[1]] * len(x)) if ids is None else ids, rng=Rng(seed))


def test_a_warp_stretches_utterances_in_time_without_moving_their_ends():
    line = np.full((50, 80, 1), np.nan, np.float32)
    line[:, :61, 0] = np.arange(61)
    found = changed(line, warp=0.2)
    lengths = found.mask.sum(axis=1)
    assert set(lengths) <= set(range(48, 75))
    assert len(set(lengths)) > 10
    for row, length in zip(found.x[:, :, 0], lengths, strict=True):
        np.testing.assert_allclose(
            row[2 : length - 2], ((np.arange(length) + 0.5) * 61 / length - 0.5)[2:-2], atol=1e-4
        )
        assert row[0] < 1
        assert row[length - 1] > 59
        assert not row[length:].any()


def test_a_transcript_fits_its_utterance_after_every_warp():
    lengths = [12, 13, 14, 15]
    ids = np.array([[1, 1, 2, 0], [1, 1, 2, 0], [1, 2, 1, 2], [1, 1, 1, 0]], np.int32)
    for seed in range(20):
        steps = changed(batch(lengths, 15), ids, seed, stack=3, warp=0.5).mask.sum(axis=1)
        assert (steps >= needed_steps(ids)).all()


def test_masks_hide_the_given_fractions_in_spans():
    ones = np.ones((200, 100, 40), np.float32)
    hidden = changed(ones, time_mask=0.2).x == 0
    assert hidden.mean() == pytest.approx(0.2, abs=0.02)
    assert (hidden.all(axis=2) == hidden.any(axis=2)).all()
    hidden = changed(ones, band_mask=0.1).x == 0
    assert hidden.mean() == pytest.approx(0.1, abs=0.02)
    assert (hidden.all(axis=1) == hidden.any(axis=1)).all()
    noisy = changed(0 * ones, noise=0.3).x
    assert noisy.std() == pytest.approx(0.3, abs=0.01)


def test_nothing_changes_outside_training():
    x = batch([9, 4], 10)
    plain = forward([SpeechInput(stack=2)], [{}], x)
    full = forward([SpeechInput(stack=2, warp=0.2, noise=0.3, time_mask=0.2, band_mask=0.2)], [{}], x)
    np.testing.assert_array_equal(plain.x, full.x)


def test_the_softmax_of_huge_logits_is_finite():
    found = log_softmax(NUMPY, np.array([[1e30, 0, -1e30]], np.float32))
    assert np.isfinite(found).all()
