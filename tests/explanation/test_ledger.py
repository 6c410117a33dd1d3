"""The ledger: it adds up to the answer, and each entry is what a step wrote times what was kept of it since."""

import numpy as np
import pytest
from explained import drawn_weights

from gatewright.explanation.ledger import BIAS, ledger, pooling
from gatewright.explanation.recording import record
from gatewright.explanation.target import inputs_at_target, target_gradient, up_to_target
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Dense, Dropout, Embedding, Flatten, Masking, Pool, Recurrent, Softmax
from gatewright.ops import reference
from gatewright.ops.cells import CELLS
from gatewright.tasks.base.explainable import Output

WITH_LEDGER = [name for name in CELLS if name not in ("simple_rnn", "layer_norm_lstm")]
POOLS = ("last", "mean", "max", "attention")
OUTPUT = Output("good", 2, "bad", 0)
IDS = [3, 9, 2, 10, 2, 5, 5, 7, 4]


def classifier(cell, pool="last", layers=1, units=5, **options):
    """Return a text classifier with three outputs."""
    sequences = pool != "last"
    stack = [Recurrent(cell, units, return_sequences=n < layers - 1 or sequences, **options) for n in range(layers)]
    return [Embedding(11, 4), Dropout(0.5), *stack, *([Pool(pool)] if sequences else []), Dense(3)]


def explained(layers, weights, inputs, output=OUTPUT):
    """Return the attribution and the notes of one example."""
    recording = record(*up_to_target(layers, weights, output), inputs_at_target(inputs, output))
    return ledger(recording, target_gradient(output, recording.outputs))


def reference_logit(layers, weights, ids):
    """Return the logit by the reference implementation, in the dtype of the weights."""

    def recur(rec, x, operands, states, mask, *rest):
        table, width = x.table if hasattr(x, "table") else None, operands[1].shape[0]
        x = x if table is None else table[x.ids]
        zeros = [np.zeros((len(x), width), x.dtype) for _ in rec.state_names]
        run = reference.forward(rec, x, *operands, zeros, mask)
        return run.sequence, run.states

    outputs = models.forward(layers, NUMPY._replace(recur=recur), weights, Activations(ids))[0].x
    return float(outputs[0, OUTPUT.index] - outputs[0, OUTPUT.against_index])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("cell", WITH_LEDGER)
def test_effects_and_bias_add_up_to_the_logit(cell, pool, bidirectional, layers):
    for dtype, most in ((np.float64, 1e-10), (np.float32, 1e-4)):
        for zoneout in (0.0, 0.3):
            network = classifier(cell, pool, layers, bidirectional=bidirectional, zoneout=zoneout)
            weights = drawn_weights(network, dtype=dtype)
            for steps in (1, 7, 8, 9):
                ids = np.array([[0, *IDS[:steps]]], np.int32)
                found, _ = explained(network, weights, ids)
                logit = reference_logit(network, weights, ids)
                total = found.values.sum() + found.others[BIAS]
                assert list(found.others) == [BIAS]
                assert abs(total - logit) <= most * (1 + abs(logit))
                assert abs(found.difference) <= most * (1 + abs(logit))
                assert found.values[0] == 0  # padding


@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@pytest.mark.parametrize("cell", WITH_LEDGER)
def test_an_effect_is_what_the_step_wrote_times_what_was_kept_of_it(cell, pool):
    """Unrolled, with products of gates and the weights of the pool by hand."""
    network = classifier(cell, pool)
    weights = drawn_weights(network, dtype=np.float64)
    ids = np.array([IDS], np.int32)
    found, _ = explained(network, weights, ids)
    (direction,) = record(network, weights, ids).directions
    k, w, h = direction.factors.keep[0], direction.factors.written[0], direction.states["h"][0]
    state, share = direction.states[direction.rec.definition.ledger_state][0], np.zeros(w.shape)
    if pool == "last":
        share[-1] = 1
    elif pool == "mean":
        share[:] = 1 / len(IDS)
    else:
        share[h.argmax(axis=0), np.arange(h.shape[1])] = 1
    v = weights[-1]["kernel"][:, 2] - weights[-1]["kernel"][:, 0]
    for t in range(len(IDS)):
        kept = [np.prod(k[t + 1 : s + 1], axis=0) for s in range(t, len(IDS))]
        worth = sum(share[s] * h[s] / state[s] * kept[s - t] for s in range(t, len(IDS)))
        np.testing.assert_allclose(found.values[t], (v * w[t] * worth).sum(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("pool", POOLS)
def test_padding_changes_no_effect(cell, pool):
    network = classifier(cell, pool, 2, bidirectional=True)
    weights = drawn_weights(network, dtype=np.float64)
    alone, _ = explained(network, weights, np.array([IDS], np.int32))
    padded, _ = explained(network, weights, np.array([[0, 0, *IDS[:4], 0, *IDS[4:], 0]], np.int32))
    places = [2, 3, 4, 5, 7, 8, 9, 10, 11]
    np.testing.assert_allclose(padded.values[places], alone.values, rtol=1e-9)
    assert not np.delete(padded.values, places).any()


@pytest.mark.parametrize("pool", ["last", "max"])
@pytest.mark.parametrize("merge", ["sum", "ave", "concat"])
def test_going_backwards_gives_the_effects_of_the_reversed_text(pool, merge):
    ahead = classifier("lstm", pool, bidirectional=True, merge=merge)
    back = classifier("lstm", pool, bidirectional=True, merge=merge, go_backwards=True)
    weights, ids = drawn_weights(ahead, dtype=np.float64), np.array([IDS], np.int32)
    forward, _ = explained(ahead, weights, ids)
    backward, _ = explained(back, weights, ids[:, ::-1])
    np.testing.assert_allclose(backward.values[::-1], forward.values, rtol=1e-9)
    assert abs(backward.difference) < 1e-12


def test_steps_keep_their_places_above_a_layer_that_reverses_them():
    """A layer with go_backwards returns its outputs in the reverse order, as in Keras."""
    top = Recurrent("gru", 4)
    layers = [Embedding(11, 4), Recurrent("gru", 4, return_sequences=True, go_backwards=True), top, Dense(3)]
    weights, ids = drawn_weights(layers, dtype=np.float64), np.array([IDS], np.int32)
    found, _ = explained(layers, weights, ids)
    written = record(layers, weights, ids).directions[1].factors.written[0]
    assert abs(found.difference) < 1e-12
    (direction,) = record(layers, weights, ids).recurrent[1].directions
    worth = np.prod(direction.factors.keep[0, 1:], axis=0) * (weights[-1]["kernel"][:, 2] - weights[-1]["kernel"][:, 0])
    assert found.values[-1] == pytest.approx((written[0] * worth).sum())  # the last word is read first


def test_outputs_of_masked_steps_show_the_state_before_them():
    """Flatten reads the outputs at padded steps too, which repeat the last output, or are 0."""
    ids = np.array([[0, 3, 0, 0, 9, 5, 0]], np.int32)
    for cell in ("gru", "lstm"):
        for zero in (False, True):
            recurrent = Recurrent(cell, 4, True, return_sequences=True, zero_output_for_mask=zero, zoneout=0.2)
            layers = [Embedding(11, 4), recurrent, Flatten(7), Dense(3)]
            weights = drawn_weights(layers, features=1, dtype=np.float64)
            found, _ = explained(layers, weights, ids)
            assert abs(found.difference) < 1e-12
            assert not found.values[[0, 2, 3, 6]].any()


def test_an_example_of_padding_alone_has_the_bias_alone():
    for pool in POOLS:
        network = classifier("lstm", pool, bidirectional=True)
        weights = drawn_weights(network, dtype=np.float64)
        found, _ = explained(network, weights, np.array([[0, 0, 0]], np.int32))
        assert not found.values.any()
        assert found.others[BIAS] == pytest.approx(weights[-1]["bias"][2] - weights[-1]["bias"][0])
        assert abs(found.difference) < 1e-12


def test_cells_that_hold_nothing_have_finite_effects():
    """c is 0 at every step, where the ratio of h to c is that of its limit."""
    network = classifier("lstm", "mean")
    weights = drawn_weights(network, dtype=np.float64)
    weights[2] = {name: 0 * array for name, array in weights[2].items()}
    found, _ = explained(network, weights, np.array([IDS], np.int32))
    assert not found.values.any()
    assert found.difference == 0


def test_a_chain_of_linear_layers_is_a_linear_read_out():
    layers = [Masking(), Recurrent("gru", 4, return_sequences=True), Dense(6), Pool("max"), Dense(5, use_bias=False)]
    layers.append(Dense(3))
    weights = drawn_weights(layers, features=2, dtype=np.float64)
    found, _ = explained(layers, weights, np.random.default_rng(0).normal(size=(1, 9, 2)))
    assert abs(found.difference) < 1e-12


def test_the_next_token_of_a_language_model_has_a_ledger():
    for tied in (False, True):
        layers = [Embedding(11, 4), Recurrent("gru", 4, return_sequences=True), Softmax(11, tied)]
        weights = drawn_weights(layers, dtype=np.float64)
        output = Output("a", 5, "b", 7, step=4)
        found, _ = explained(layers, weights, np.array([IDS], np.int32), output)
        assert abs(found.difference) < 1e-12
        assert found.values[:5].all()
        assert not found.values[5:].any()  # later words


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        (classifier("simple_rnn"), "at each step, SimpleRNN computes its whole state anew"),
        (classifier("layer_norm_lstm", "max"), "outputs of LayerNormLSTM are not in proportion to its cell state"),
        (classifier("lstm", activation="sigmoid"), "outputs of LSTM are not in proportion"),
        (classifier("gru", bidirectional=True, merge="mul"), "multiplies the outputs of its two directions"),
        ([*classifier("gru")[:-1], Dense(4, "relu"), Dense(3)], "the dense layer after the recurrent layers is not"),
        ([Embedding(11, 4), Pool("mean"), Dense(3)], "no recurrent layer"),
    ],
)
def test_networks_without_a_ledger_get_a_sentence_that_says_why(layers, reason):
    found, notes = explained(layers, drawn_weights(layers), np.array([IDS], np.int32))
    assert found is None
    (note,) = notes
    assert note.startswith("The answer has no ledger: ")
    assert reason in note
    assert note.endswith(".")


def test_notes_name_the_rules_of_the_ledger():
    network = classifier("lstm", "attention", 2)
    weights, ids = drawn_weights(network), np.array([IDS], np.int32)
    _, notes = explained(network, weights, ids)
    assert [any(word in note for note in notes) for word in ("cell state", "attention", "top")] == [True] * 3
    assert pooling(record(network, weights, ids)) == "attention"
    assert explained(classifier("gru"), drawn_weights(classifier("gru")), ids)[1] == ()
