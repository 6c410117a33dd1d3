"""Gradients with respect to the states after each step: against finite differences of the rest of the sequence."""

import numpy as np
import pytest
from tolerances import assert_close, kinds

from gatewright.ops import numpy as ops
from gatewright.ops import reference
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence

BATCH, TIME, FEATURES, UNITS = 2, 5, 3, 4
MASK = np.array([[True, True, False, True, True], [False, True, True, True, False]])


def problem(rec, seed=0):
    rng = np.random.default_rng(seed)
    shapes = ((FEATURES, rec.gates * UNITS), rec.recurrent_kernel_shape(UNITS), rec.bias_shape(UNITS))
    weights = [0.7 * rng.normal(size=shape) for shape in shapes]
    d_states = [rng.normal(size=(BATCH, UNITS)) for _ in rec.state_names]
    return rng.normal(size=(BATCH, TIME, FEATURES)), weights, rng.normal(size=(BATCH, TIME, UNITS)), d_states


def loss(rec, x, weights, d_sequence, d_states, at, moves):
    """Return the loss if `moves` are added to the states after step `at`, by a plain loop; c moves h with it."""
    states = tuple(np.zeros((BATCH, UNITS)) for _ in rec.state_names)
    total = 0.0
    for t in range(TIME)[:: -1 if rec.reverse else 1]:
        new, saved = reference.step(rec, x[:, t], states, *weights, None, None, np)
        if t == at:
            moved = [state + move for state, move in zip(new, moves, strict=True)]
            if "c" in rec.state_names and moves[1].any() and not rec.zoneout:
                o = saved[rec.saved_names.index("o")]
                moved[0] = rec.definition.output(rec, o, moved[1], weights[2], np)
            new = tuple(moved)
        states = tuple(np.where(MASK[:, t, None], one, old) for one, old in zip(new, states, strict=True))
        shown = states[0] if not rec.zero_output_for_mask else np.where(MASK[:, t, None], states[0], 0)
        total += (shown * d_sequence[:, t]).sum()
    return total + sum((state * d).sum() for state, d in zip(states, d_states, strict=True))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("zoneout", [0.0, 0.2])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_equal_finite_differences(cell, zoneout, reverse):
    rec = Recurrence(cell, zoneout=zoneout, reverse=reverse, zero_output_for_mask=reverse)
    x, weights, d_sequence, d_states = problem(rec)
    run = ops.forward(rec, x, *weights, mask=MASK, keep=True)
    found = run.state_gradients(d_sequence, d_states)
    zeros = np.zeros((BATCH, UNITS))
    for k, gradient in enumerate(found):
        expected = np.zeros_like(gradient)
        for t in range(TIME):
            for unit in range(UNITS):
                for row in range(BATCH):
                    move = np.zeros((BATCH, UNITS))
                    move[row, unit] = 1e-6
                    moves = [move if n == k else zeros for n in range(len(found))]
                    ahead = loss(rec, x, weights, d_sequence, d_states, t, moves)
                    behind = loss(rec, x, weights, d_sequence, d_states, t, [-one for one in moves])
                    expected[row, t, unit] = (ahead - behind) / 2e-6
        assert not gradient[~MASK].any()
        assert_close(gradient, expected, "finite_difference", np.float64)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_float32_and_lengths_give_the_same_gradients(cell):
    rec = Recurrence(cell)
    x, weights, d_sequence, _ = problem(rec)
    expected = ops.forward(rec, x[:, :3], *weights, keep=True).state_gradients(d_sequence[:, :3])
    x, d_sequence, *weights = (one.astype(np.float32) for one in (x, d_sequence, *weights))
    d_sequence[:, 3:] = 0
    found = ops.forward(rec, x, *weights, lengths=[3, 3], keep=True).state_gradients(d_sequence)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        assert_close(one[:, :3], other, kinds(rec, FEATURES, UNITS).gradient, np.float32)


def test_a_run_that_saved_nothing_has_no_gradients():
    rec = Recurrence("gru")
    x, weights, d_sequence, d_states = problem(rec)
    with pytest.raises(ValueError, match="keep=True"):
        ops.forward(rec, x, *weights).state_gradients(d_sequence)
    with pytest.raises(ValueError, match="d_states must contain 1 arrays, not 2"):
        ops.forward(rec, x, *weights, keep=True).state_gradients(d_sequence, [*d_states, *d_states])
