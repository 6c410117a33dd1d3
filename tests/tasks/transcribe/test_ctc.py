"""The CTC loss, with a sum over all alignments and optax as oracles."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import assert_close

from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.tasks.transcribe import ctc


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def collapsed(path):
    return [symbol for symbol, _ in itertools.groupby(path) if symbol]


def loss_over_alignments(log_probs, symbols):
    """Return the loss of one utterance as the definition says, or infinity."""
    steps, outputs = log_probs.shape
    paths = [path for path in itertools.product(range(outputs), repeat=steps) if collapsed(path) == list(symbols)]
    return -np.logaddexp.reduce([sum(log_probs[t, s] for t, s in enumerate(path)) for path in paths], initial=-np.inf)


def padded(transcripts, width):
    return np.array([[*symbols, *[0] * (width - len(symbols))] for symbols in transcripts], np.int32)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(1, 5), st.lists(st.integers(1, 2), max_size=4)), min_size=1),
)
def test_the_loss_is_a_sum_over_all_alignments(seed, utterances):
    utterances = utterances[:3]
    log_probs = log_softmax(np.random.default_rng(seed).normal(size=(len(utterances), 5, 3)))
    lengths = np.array([steps for steps, _ in utterances])
    ids = padded([symbols for _, symbols in utterances], 4)
    found = ctc.losses(NUMPY, log_probs, np.arange(5) < lengths[:, None], ids)
    for loss, own, (steps, symbols) in zip(found, log_probs, utterances, strict=True):
        expected = loss_over_alignments(own[:steps], symbols)
        fits = bool(ctc.needed_steps(padded([symbols], 4))[0] <= steps)
        assert fits == np.isfinite(expected)
        assert_close(loss, expected if fits else 0, "same_order", np.float64)


def test_gradients_are_those_of_the_sum_over_all_alignments():
    rng = np.random.default_rng(0)
    logits, symbols = rng.normal(size=(1, 4, 3)), [1, 1, 2]
    with jax.enable_x64():
        found = jax.grad(
            lambda x: ctc.losses(
                jax_backend(), jax.nn.log_softmax(x), jnp.ones((1, 4), bool), jnp.array([symbols])
            ).sum()
        )(jnp.array(logits))
    expected = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        shift = np.zeros_like(logits)
        shift[place] = 1e-6
        ends = [loss_over_alignments(log_softmax(logits + sign * shift)[0], symbols) for sign in (1, -1)]
        expected[place] = (ends[0] - ends[1]) / 2e-6
    assert_close(found, expected, "finite_difference", np.float64)


def test_jax_numpy_and_optax_agree_on_padded_batches():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6, 40, 9)).astype(np.float32)
    lengths, counts = np.array([40, 39, 25, 20, 12, 40]), np.array([12, 0, 5, 9, 3, 1])
    live = np.arange(40) < lengths[:, None]
    ids = np.where(np.arange(12) < counts[:, None], rng.integers(1, 9, (6, 12)), 0).astype(np.int32)

    def own(logits):
        return ctc.losses(jax_backend(), jax.nn.log_softmax(logits), live, ids)

    def theirs(logits):
        return optax.ctc_loss(logits, 1.0 - live, ids, 1.0 * (ids == 0))

    expected = np.asarray(theirs(logits))
    assert_close(own(logits), expected, "gradient", np.float32)
    assert_close(ctc.losses(NUMPY, np.asarray(jax.nn.log_softmax(logits)), live, ids), expected, "gradient", np.float32)
    gradients = [jax.grad(lambda x, f=f: f(x).sum())(jnp.asarray(logits)) for f in (own, theirs)]
    assert_close(*gradients, "gradient", np.float32)
    assert not np.asarray(gradients[0])[~live].any()


def test_a_transcript_that_cannot_fit_has_no_loss_and_no_gradient():
    ids, live = np.array([[1, 1, 1], [1, 2, 1]], np.int32), np.ones((2, 3), bool)
    np.testing.assert_array_equal(ctc.needed_steps(ids), [5, 3])

    def loss(logits):
        return ctc.losses(jax_backend(), jax.nn.log_softmax(logits), live, ids)

    logits = jnp.zeros((2, 3, 3))
    assert loss(logits)[0] == 0
    assert loss(logits)[1] == pytest.approx(3 * np.log(3))
    gradient = jax.grad(lambda x: loss(x).sum())(logits)
    assert np.isfinite(gradient).all()
    assert not gradient[0].any()
