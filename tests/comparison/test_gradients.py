"""The gradient through time: against finite differences, against the reference, and what is known of it."""

import numpy as np
import pytest
from tolerances import assert_close, kinds

from gatewright.comparison.gradients import GradientThroughTime
from gatewright.data.batches import Examples
from gatewright.nn.layers import Dense, Embedding, Recurrent
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.tasks.adding.task import Adding
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # compiles gradients

TIME, UNITS = 6, 3
ONE = Recipe(1, 1, 0.1)


def loss_after(rec, weights, states, x):
    """Squared error against 0 of a linear map of the last state, from given states over the rest of a row."""
    kernel, recurrent, bias, head, constant = weights
    last = cells.forward(rec, x[None], kernel, recurrent, bias, [s[None] for s in states]).states[0][0]
    return ((last @ head + constant) ** 2).sum()


def by_differences(rec, weights, x, time, name):
    """|dL/ds| at the end of step `time` by central differences in float64; where c moves, h moves with it."""
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
            if name == "c" and not rec.zoneout:  # h_t is not made of the c_t that is kept there
                o = saved[rec.saved_names.index("o")]
                moved[0] = rec.definition.output(rec, o, moved[1], bias, np)
            values.append(loss_after(rec, weights, moved, x[time + 1 :]))
        gradient[unit] = (values[0] - values[1]) / 2e-5
    return np.linalg.norm(gradient)


@pytest.mark.parametrize("zoneout", [0.0, 0.1])
@pytest.mark.parametrize("cell", CELLS)
def test_against_finite_differences(cell, zoneout):
    task = Adding(length=TIME, zoneout=zoneout)
    x = np.random.default_rng(0).normal(size=(1, TIME, 2)).astype(np.float32)
    rows = Examples(x, np.zeros((1, 1), np.float32))
    network = Network(task, task.blocks(cell, UNITS), rows, ONE)
    start = network.start([1, 0]).weights
    norms = GradientThroughTime(network)(start, rows).states
    rec = Recurrence(cell, zoneout=task.zoneout)
    assert list(norms) == list(rec.state_names)
    operands = (*network.blocks[0].operands(start[0]), *start[1].values())
    weights = [np.asarray(array, np.float64) for array in operands]
    for name, found in norms.items():
        expected = [by_differences(rec, weights, x[0].astype(np.float64), t, name) for t in range(TIME)]
        assert_close(found, expected[::-1], kinds(rec, 2, UNITS).gradient, np.float32)


def test_padding_is_left_out():
    """A row in a padded batch has the gradients that it has alone; steps that no row has do not appear."""
    task = Adding()
    blocks = [Embedding(9, 4), Recurrent("gru", UNITS), Dense(1)]
    short = np.array([[3, 4, 5]], np.int32)
    padded = np.concatenate([np.zeros((1, 4), np.int32), short], axis=1)
    norms = []
    for ids in (short, padded):
        rows = Examples(ids, np.ones((1, 1), np.float32))
        network = Network(task, blocks, rows, ONE)
        norms.append(GradientThroughTime(network)(network.start([1, 0]).weights, rows).states["h"])
    assert len(norms[1]) == 3
    assert_close(norms[1], norms[0], "gradient", np.float32)


def test_rows_are_averaged_at_the_steps_that_they_have():
    task = Adding()
    ids = np.array([[3, 4, 5], [0, 6, 7]], np.int32)
    rows = Examples(ids, np.ones((2, 1), np.float32))
    network = Network(task, [Embedding(9, 4), Recurrent("gru", UNITS), Dense(1)], rows, Recipe(1, 2, 0.1))
    gradient, state = GradientThroughTime(network), network.start([1, 0]).weights
    both = gradient(state, rows).states["h"]
    first, second = (gradient(state, rows.take(np.array([row, row]))).states["h"] for row in (0, 1))
    expected = [(first[0] + second[0]) / 2, (first[1] + second[1]) / 2, first[2]]
    assert_close(both, expected, "gradient", np.float32)
