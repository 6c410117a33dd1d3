"""Traces: what recurrent layers computed, in the order of the input, and gradients back through time."""

import numpy as np
import pytest
from explained import drawn_weights

from gatewright.explanation.recording import record
from gatewright.explanation.through_time import state_gradients
from gatewright.explanation.traces import top_layers, traces
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.ops import reference

IDS = np.array([[3, 9, 0, 10, 5, 7]], np.int32)
D = np.array([[-1.0, 0, 1]])


def traced(layers, weights, ids=IDS):
    recording = record(layers, weights, ids)
    return traces(recording, state_gradients(recording, D))


@pytest.mark.parametrize("cell", ["gru", "lstm", "layer_norm_lstm", "layer_norm_gru", "mgu", "min_lstm"])
def test_states_follow_from_what_the_trace_says_of_each_step(cell):
    layers = [Embedding(11, 4), Recurrent(cell, 5, True, return_sequences=True, zoneout=0.2), Pool("mean"), Dense(3)]
    weights = drawn_weights(layers, dtype=np.float64)
    found = traced(layers, weights)
    assert [(one.backward, one.layer, one.cell) for one in found] == [(False, 1, cell), (True, 1, cell)]
    for one in found:
        state, after = np.zeros(5), one.states[one.ledger_state]
        for t in range(6)[:: -1 if one.backward else 1]:
            state = one.keep[t] * state + one.written[t]
            np.testing.assert_allclose(after[t], state, atol=1e-12)
        assert not one.written[2].any()  # padding
        assert (one.keep[2] == 1).all()
        assert np.isnan(one.kept_at_end[2])
        assert one.kept_at_end[0 if one.backward else -1] == 1
        assert set(one.conventions) < set(one.gates)
        assert all(values.shape == (6, 5) for values in (*one.gates.values(), *one.states.values()))


def test_a_layer_without_a_ledger_has_its_states_and_gradients():
    layers = [Embedding(11, 4), Recurrent("simple_rnn", 5), Dense(3)]
    (one,) = traced(layers, drawn_weights(layers))
    assert (one.title, one.gates, one.keep, one.written, one.half_life) == ("SimpleRNN 1", {}, None, None, None)
    assert (one.kept_at_end, one.overwritten_at) == (None, None)
    assert one.gradients["h"].shape == (6,)
    assert one.gradients["h"][-1] > 0


def test_traces_above_a_layer_that_reverses_its_outputs_have_the_order_of_the_input():
    ids = IDS[:, IDS[0] != 0]
    lower = Recurrent("gru", 4, return_sequences=True, go_backwards=True)
    layers = [Embedding(11, 4), lower, Recurrent("lstm", 5), Dense(3)]
    weights = drawn_weights(layers, dtype=np.float64)
    first, second = traced(layers, weights, ids)
    assert (first.title, second.title) == ("GRU 1, backward", "LSTM 2, backward")
    x = weights[0]["table"][ids[:, ::-1]]
    rec = lower.directions()[0][1]
    h = reference.forward(rec, x[:, ::-1], *lower.operands(weights[1]), [np.zeros((1, 4))]).sequence
    np.testing.assert_allclose(first.states["h"], h[0])
    upper = layers[2].directions()[0][1]
    zeros = [np.zeros((1, 5))] * 2
    expected = reference.forward(upper, h[:, ::-1], *layers[2].operands(weights[2]), zeros).sequence
    np.testing.assert_allclose(second.states["h"], expected[0, ::-1])
    assert top_layers(record(layers, weights, ids)) == (1,)


@pytest.mark.parametrize("pool", ["last", "max", "attention"])
@pytest.mark.parametrize("cell", ["gru", "lstm", "min_gru"])
def test_gradients_of_every_layer_and_direction_equal_finite_differences(cell, pool):
    sequences = pool != "last"
    layers = [
        Embedding(11, 4),
        Recurrent(cell, 3, True, return_sequences=True),
        Recurrent(cell, 3, True, return_sequences=sequences),
        *([Pool(pool)] if sequences else []),
        Dense(3),
    ]
    weights = drawn_weights(layers, dtype=np.float64)
    recording = record(layers, weights, IDS)
    found = state_gradients(recording, D)
    assert len(found) == 4
    for call, by_name in enumerate(found):
        for k, gradient in enumerate(by_name.values()):
            for t in (0, 2, 3, 5):
                expected = [
                    (logit(layers, weights, call, t, k, unit, 1e-6) - logit(layers, weights, call, t, k, unit, -1e-6))
                    / 2e-6
                    for unit in range(3)
                ]
                np.testing.assert_allclose(gradient[0, t], expected, atol=1e-8)


def logit(layers, weights, call, at, k, unit, move):
    """Return the logit if one number of one state after one step of one direction moves; c moves h with it."""
    calls = iter(range(9))

    def recur(rec, x, operands, states, mask, *rest):
        own = next(calls) == call
        x = x.table[x.ids] if hasattr(x, "table") else x
        states = tuple(np.zeros((1, 3)) for _ in rec.state_names)
        outputs = np.zeros((1, x.shape[1], 3))
        for t in range(x.shape[1])[:: -1 if rec.reverse else 1]:
            if mask[0, t]:
                states, saved = reference.step(rec, x[:, t], states, *operands, None, None, np)
                if own and t == at:
                    states = tuple(one.copy() for one in states)
                    states[k][0, unit] += move
                    if k == 1:
                        o = saved[rec.saved_names.index("o")]
                        states = (rec.definition.output(rec, o, states[1], operands[2], np), states[1])
            outputs[:, t] = states[0]
        return outputs, states

    return float((models.forward(layers, NUMPY._replace(recur=recur), weights, Activations(IDS))[0].x * D).sum())
