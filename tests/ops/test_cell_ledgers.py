"""What the cells say of themselves: what a step keeps and writes, and what their gates mean."""

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.ops import reference
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence

BATCH, TIME, FEATURES, UNITS = 2, 6, 3, 5


def run(rec):
    """Return the states before each step, those after it, and the saved values, in float64."""
    rng = np.random.default_rng(0)
    shapes = ((FEATURES, rec.gates * UNITS), rec.recurrent_kernel_shape(UNITS), rec.bias_shape(UNITS))
    weights = [rng.normal(size=shape) for shape in shapes]
    x, start = rng.normal(size=(BATCH, TIME, FEATURES)), [rng.normal(size=(BATCH, UNITS)) for _ in rec.state_names]
    found = reference.forward(rec, x, *weights, start)
    saved = dict(zip(rec.saved_names, np.moveaxis(found.saved, 2, 0), strict=True))
    after = {"h": found.sequence, "c": saved["c"]} if "c" in rec.state_names else {"h": found.sequence}
    before = {
        name: np.concatenate([one[:, None], after[name][:, :-1]], axis=1)
        for name, one in zip(rec.state_names, start, strict=True)
    }
    return before, after, saved


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("cell", [name for name in CELLS if name != "simple_rnn"])
def test_a_state_is_what_a_step_keeps_and_what_it_writes(cell, activation):
    rec = Recurrence(cell, activation)
    before, after, saved = run(rec)
    state = rec.definition.ledger_state
    k, w = rec.definition.ledger(rec, saved)
    assert_close(k * before[state] + w, after[state], "same_order", np.float64)
    ratio = rec.definition.output_ratio(rec, saved, after[state])
    if cell != "layer_norm_lstm":
        assert_close(ratio * after[state], after["h"], "same_order", np.float64)


def test_cells_without_such_a_form_have_no_ledger():
    rec = Recurrence("simple_rnn", zoneout=0.2)
    assert rec.definition.ledger(rec, run(rec)[2]) is None
    for cell, activation in (("layer_norm_lstm", "tanh"), ("lstm", "sigmoid"), ("lstm", "hard_sigmoid")):
        rec = Recurrence(cell, activation)
        _, after, saved = run(rec)
        assert rec.definition.output_ratio(rec, saved, after["c"]) is None


@pytest.mark.parametrize(("activation", "slope"), [("tanh", 1), ("linear", 1), ("relu", 0)])
def test_the_ratio_of_an_empty_cell_is_its_limit(activation, slope):
    rec = Recurrence("lstm", activation)
    state, o = np.array([0.0, 1e-200, -1e-9, 1e-9]), np.full(4, 0.5)
    ratio = rec.definition.output_ratio(rec, {"o": o}, state)
    np.testing.assert_allclose(ratio[0], 0.5 * slope)
    assert np.isfinite(ratio).all()
    np.testing.assert_allclose(ratio * state, 0.5 * np.where(activation == "relu", np.maximum(state, 0), state))


@pytest.mark.parametrize("cell", CELLS)
def test_the_meaning_of_a_gate_is_that_of_the_equations(cell):
    """A gate of which 1 keeps the state has k = 1 there, and one of which 1 replaces it has k = 0."""
    rec = Recurrence(cell)
    definition, before_after = rec.definition, run(rec)[2]
    assert set(definition.conventions) <= set(rec.saved_names)
    assert all(phrase.startswith(f"{letter} = ") for letter, phrase in definition.conventions.items())
    checked = 0
    for letter, phrase in definition.conventions.items():
        keeps = phrase.startswith((f"{letter} = 1 keeps the state;", f"{letter} = 1 keeps the cell state;"))
        if keeps or phrase.startswith(f"{letter} = 1 replaces the state"):
            one = {**before_after, letter: np.ones_like(before_after[letter])}
            zero = {**before_after, letter: np.zeros_like(before_after[letter])}
            assert (definition.ledger(rec, one)[0] == keeps).all()
            assert (definition.ledger(rec, zero)[0] == (not keeps)).all()
            checked += 1
    assert checked == (cell != "simple_rnn")
