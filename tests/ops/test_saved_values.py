"""Values saved for the backward pass: a training does not write those that it does not read."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close

from gatewright.ops import jax as of_jax
from gatewright.ops import kernels
from gatewright.ops import numpy as of_numpy
from gatewright.ops.recurrence import Recurrence, Tokens

BATCH, TIME, FEATURES, UNITS, ROWS = 12, 40, 24, 40, 6
RECURRENCES = [
    Recurrence("lstm"),
    Recurrence("gru", reverse=True),
    Recurrence("gru", reset_after=False, zero_output_for_mask=True),
    Recurrence("layer_norm_lstm"),
    Recurrence("lstm", reverse=True, zoneout=0.3),
    Recurrence("simple_rnn"),
]


def problem(rec, seed=0):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return (rng.normal(size=shape) / np.sqrt(max(1, shape[0]))).astype(np.float32)

    weights = (normal(FEATURES, rec.gates * UNITS), normal(*rec.recurrent_kernel_shape(UNITS)))
    return rng, rng.normal(size=(ROWS, FEATURES)).astype(np.float32), weights, normal(BATCH, TIME, UNITS)


def padded_on_the_left(rng, rec):
    """Ids whose rows begin alike, in the order of processing; and which rows still follow the others at each step."""
    padding = np.array([0, 3, 3, TIME, 9, TIME, 1, TIME - 1, 0, 25, 25, 30])
    walked = np.arange(TIME)[::-1] if rec.reverse else np.arange(TIME)
    padded = walked < padding[:, None]
    ids = np.where(padded, 2, 3 + rng.integers(0, ROWS - 3, (BATCH, TIME)))
    return ids, padded


def spoil(monkeypatch, unread):
    """Make the saved values at steps that are not to be read NaN before each backward pass."""
    call = of_jax._call

    def spoiled(name, rec, o, extra, shapes, **attributes):
        if name == "backward" and rec.saved_names:
            out, saved, *rest = extra
            extra = (out, jnp.where(unread[:, :, None, None], jnp.nan, saved), *rest)
        else:
            assert name != "forward" or not attributes["saved_everywhere"]
        return call(name, rec, o, extra, shapes, **attributes)

    monkeypatch.setattr(of_jax, "_call", spoiled)


@pytest.mark.parametrize("rec", RECURRENCES)
def test_masked_steps_are_not_read(rec, monkeypatch):
    rng, _, weights, d_sequence = problem(rec)
    x = rng.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)
    mask = rng.random((BATCH, TIME)) < 0.6
    mask[3] = False
    run = of_numpy.forward(rec, x, *weights, mask=mask, keep=True)
    expected = run.backward(d_sequence)
    spoil(monkeypatch, ~mask)
    out, pull = jax.vjp(lambda x, *weights: of_jax.forward(rec, x, *weights, mask=mask)[0], x, *weights)
    np.testing.assert_array_equal(out, run.sequence)
    for found, wanted in zip(pull(d_sequence), expected[:3], strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.parametrize(("forward", "backward"), [(1, 1), (3, 3), (1, 3), (3, 2)])
def test_shared_steps_are_saved_once(rec, forward, backward, monkeypatch):
    """The first of the rows that share a step saves its values, even if the passes divide rows in different ways."""
    rng, table, weights, d_sequence = problem(rec)
    ids, padded = padded_on_the_left(rng, rec)
    kernels.set_num_threads(forward)
    run = of_numpy.forward(rec, table[ids], *weights, keep=True)
    expected = run.backward(d_sequence)
    order = np.argsort(padded.sum(1), kind="stable")
    first = [order[np.argmax(padded[order, t])] for t in range(TIME)]
    spoil(monkeypatch, padded & (np.arange(BATCH)[:, None] != first))
    tokens = jnp.asarray(ids, jnp.int32)
    out, pull = jax.vjp(lambda table, *w: of_jax.forward(rec, Tokens(tokens, table), *w)[0], table, *weights)
    assert_close(out, run.sequence, "forward", np.float32)
    kernels.set_num_threads(backward)
    by_table = np.zeros_like(table)
    np.add.at(by_table, ids, expected.x)
    for found, wanted in zip(pull(jnp.asarray(d_sequence)), (by_table, *expected[1:3]), strict=True):
        assert_close(found, wanted, "gradient", np.float32, terms=BATCH * TIME)


@pytest.mark.parametrize("rec", RECURRENCES[:3])
def test_numpy_shows_the_gates_of_every_step(rec):
    """Gates at masked steps are zero, and those of shared steps are in every row that shares them."""
    rng, table, weights, _ = problem(rec)
    mask = rng.random((BATCH, TIME)) < 0.6
    ids, _ = padded_on_the_left(rng, rec)
    for live in (None, mask):
        shown = of_numpy.forward(rec, Tokens(ids, table), *weights, mask=live, keep=True).gates
        expected = of_numpy.forward(rec, table[ids], *weights, mask=live, keep=True).gates
        for name, values in shown.items():
            assert_close(values, expected[name], "forward", np.float32)
            if live is not None:
                assert not values[~mask].any()


def test_a_check_for_nan_finds_every_value_set():
    rec = Recurrence("gru")
    rng, _, weights, d_sequence = problem(rec)
    x, mask = rng.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32), np.zeros((BATCH, TIME), bool)
    with jax.debug_nans(True):
        _, pull = jax.vjp(lambda x: of_jax.forward(rec, x, *weights, mask=mask)[0], x)
        assert not np.any(pull(jnp.asarray(d_sequence))[0])
