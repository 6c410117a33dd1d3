"""The gradient through time: against finite differences, and with padding."""

import jax
import numpy as np
import pytest
from adding_problem import PREPARED
from tolerances import assert_close, kinds

from gatewright.explanation.recording import record
from gatewright.explanation.through_time import state_gradients
from gatewright.nn import model as models
from gatewright.nn.backend import jax_backend
from gatewright.nn.gradients import GradientThroughTime
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError

pytestmark = pytest.mark.slow  # compiles gradients

TIME, UNITS = 6, 3
TEXT_LAYERS = (Embedding(9, 4), Recurrent("gru", UNITS), Dense(1))


def gradient_of(layers):
    return GradientThroughTime(layers, jax_backend(), PREPARED.losses, stateful=False)


def loss_after(rec, weights, states, x):
    """Return the squared error, for a target of 0, of a linear map of the last state after the rest of a sequence."""
    kernel, recurrent, bias, head, constant = weights
    last = cells.forward(rec, x[None], kernel, recurrent, bias, [s[None] for s in states]).states[0][0]
    return ((last @ head + constant) ** 2).sum()


def by_differences(rec, weights, x, time, name):
    """Return |dL/ds| after step `time` by central differences in float64; if c moves, h moves with it."""
    kernel, recurrent, bias, *_ = weights
    zero = np.zeros((1, UNITS))
    before = cells.forward(rec, x[None, : time + 1], kernel, recurrent, bias, [zero] * len(rec.state_names))
    states, saved = [state[0] for state in before.states], before.saved[0, -1]
    gradient = np.zeros(UNITS)
    for unit in range(UNITS):
        values = []
        for sign in (1, -1):
            moved = [state.copy() for state in states]
            moved[rec.state_names.index(name)][unit] += sign * 1e-5
            if name == "c" and not rec.zoneout:  # with zoneout, h_t is not computed from the c_t that is kept
                o = saved[rec.saved_names.index("o")]
                moved[0] = rec.definition.output(rec, o, moved[1], bias, np)
            values.append(loss_after(rec, weights, moved, x[time + 1 :]))
        gradient[unit] = (values[0] - values[1]) / 2e-5
    return np.linalg.norm(gradient)


@pytest.mark.parametrize("zoneout", [0.0, 0.2])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_equal_finite_differences(cell, zoneout):
    x = np.random.default_rng(0).normal(size=(1, TIME, 2)).astype(np.float32)
    layers = [Recurrent(cell, UNITS, zoneout=zoneout), Dense(1)]
    start = models.initial_weights(layers, 2, [1, 0])
    norms = gradient_of(layers)(start, x, np.zeros((1, 1), np.float32))
    rec = Recurrence(cell, zoneout=zoneout)
    assert list(norms) == list(rec.state_names)
    weights = [np.asarray(array, np.float64) for array in (*layers[0].operands(start[0]), *start[1].values())]
    for name, found in norms.items():
        expected = [by_differences(rec, weights, x[0].astype(np.float64), t, name) for t in range(TIME)]
        assert_close(found, expected[::-1], kinds(rec, 2, UNITS).gradient, np.float32)


def test_padding_is_left_out():
    """A padded example has the gradients of the same example alone; steps that no example has are left out."""
    short = np.array([[3, 4, 5]], np.int32)
    padded = np.concatenate([np.zeros((1, 4), np.int32), short], axis=1)
    weights = models.initial_weights(TEXT_LAYERS, 1, [1, 0])
    gradient, target = gradient_of(TEXT_LAYERS), np.ones((1, 1), np.float32)
    alone, with_padding = (gradient(weights, ids, target)["h"] for ids in (short, padded))
    assert len(with_padding) == 3
    assert_close(with_padding, alone, "gradient", np.float32)


def test_examples_are_averaged_over_the_steps_that_they_have():
    ids, targets = np.array([[3, 4, 5], [0, 6, 7]], np.int32), np.ones((2, 1), np.float32)
    weights, gradient = models.initial_weights(TEXT_LAYERS, 1, [1, 0]), gradient_of(TEXT_LAYERS)
    both = gradient(weights, ids, targets)["h"]
    first, second = (gradient(weights, ids[[row, row]], targets)["h"] for row in (0, 1))
    expected = [(first[0] + second[0]) / 2, (first[1] + second[1]) / 2, first[2]]
    assert_close(both, expected, "gradient", np.float32)


def test_a_network_without_a_recurrent_layer_is_refused():
    with pytest.raises(InputError, match="has no recurrent layer"):
        gradient_of([Dense(1)])


def test_the_gradient_of_a_pooled_network_is_that_of_its_forward_direction():
    layers = (Embedding(9, 4), Recurrent("lstm", UNITS, True, return_sequences=True), Pool("mean"), Dense(1))
    weights, ids = models.initial_weights(layers, 1, [1, 0]), np.array([[0, 0, 3, 4, 5]], np.int32)
    norms = gradient_of(layers)(weights, ids, np.zeros((1, 1), np.float32))
    recording = record(layers, weights, ids)
    gradient = jax.grad(lambda y: PREPARED.losses(y, np.zeros((1, 1), np.float32)).sum())(recording.outputs)
    forward, _ = state_gradients(recording, np.asarray(gradient))
    for name, found in norms.items():
        expected = np.linalg.norm(forward[name][0], axis=-1)[:1:-1]
        assert_close(found, expected, "gradient", np.float32)
