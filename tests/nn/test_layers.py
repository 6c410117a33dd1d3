"""Layers: one forward pass, equal to Keras' layers, in NumPy and in JAX, whole, in stretches and step by step."""

import keras
import numpy as np
import pytest
from keras_models import KERAS_CELLS, keras_model
from tolerances import assert_close, kinds

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import EMBEDDING_SHIFT, Activations
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.nn.stepping import Stepper
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError

pytestmark = pytest.mark.slow  # compiles Keras models

IDS = np.array([[0, 0, 4, 9, 2, 10, 1], [5, 5, 5, 1, 2, 3, 4], [0, 0, 0, 0, 0, 0, 7]], np.int32)


def text_network(cell="gru", units=7, pooling="last", bidirectional=False, layers=1, outputs=2, zoneout=0.0):
    """Return the layers of a text classifier with every kind of dropout that the cell has."""
    pooled = [] if pooling == "last" else [Pool(pooling)]
    rate = 0.5 if Recurrence(cell).recurrent_gates else 0.0
    below = [
        Recurrent(cell, units, bidirectional, return_sequences=True, recurrent_dropout=rate, zoneout=zoneout)
        for _ in range(layers - 1)
    ]
    top = Recurrent(cell, units, bidirectional, return_sequences=bool(pooled), zoneout=zoneout)
    return [Embedding(11, 5, 0.5, 0.5), *below, top, *pooled, Dropout(0.5), Dense(outputs)]


def outputs_of(network, weights, ids, backend=NUMPY, rng=None, context=None):
    inputs = Activations(ids, context=context or {})
    return np.asarray(models.forward(network, backend, weights, inputs, None, rng)[0].x)


@pytest.mark.parametrize("cell", KERAS_CELLS)
@pytest.mark.parametrize("units", [1, 7, 8, 9, 17, 129])
def test_the_forward_pass_equals_keras(cell, units):
    network = text_network(cell, units)
    weights = models.initial_weights(network, 1, [1])
    expected = keras_model(network, weights)(IDS)
    assert_close(outputs_of(network, weights, IDS), expected, "forward", np.float32)
    assert_close(outputs_of(network, weights, IDS, jax_backend()), expected, "forward", np.float32)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("units", [1, 7, 8, 9, 17, 129])
def test_the_forward_pass_equals_the_reference(cell, units):
    layer = Recurrent(cell, units, bidirectional=True, return_sequences=True, zoneout=0.3)
    weights = layer.initial_weights(5, np.random.default_rng(0))
    assert {name: array.shape for name, array in weights.items()} == layer.shapes(5)
    x = np.random.default_rng(1).normal(size=(3, 7, 5)).astype(np.float32)
    states, sequences = [], []
    for prefix, reverse in (("", False), ("backward_", True)):
        rec = Recurrence(cell, reverse=reverse, zoneout=0.3)
        W, U, b = (array.astype(np.float64) for array in layer.operands(weights, prefix))
        run = cells.forward(rec, x.astype(np.float64), W, U, b, [np.zeros((3, units))] * len(rec.state_names), IDS != 0)
        sequences.append(run.sequence)
        states += run.states
    kind = kinds(rec, 5, units, small_gains=False).outward
    for backend in (NUMPY, jax_backend()):
        out, after = layer.forward(backend, weights, Activations(x, IDS != 0), None, None)
        assert_close(out.x, np.concatenate(sequences, axis=-1), kind, np.float32)
        assert out.states == (after,)
        for found, expected in zip(after, states, strict=True):
            assert_close(found, expected, kind, np.float32)


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm"])
def test_cells_without_a_recurrent_kernel_have_no_dropout_of_it(cell):
    assert set(Recurrent(cell, 4).shapes(3)) == {"kernel", "bias"}
    for name in ("recurrent_dropout", "weight_dropout"):
        with pytest.raises(
            InputError, match=rf"^{name} must be 0 for min\w+, which has no recurrent kernel, not 0\.5\.$"
        ):
            Recurrent(cell, 4, **{name: 0.5})


@pytest.mark.parametrize("cell", CELLS)
def test_zoneout_keeps_some_units_of_each_state_at_each_training_step(cell):
    """The mask has a value for each example, step, state and unit; the result equals the reference with this mask."""
    layer, drawn = Recurrent(cell, 9, return_sequences=True, zoneout=0.3), []

    class Rng:
        def keep(self, rate, shape):
            drawn.append((rate, np.random.default_rng(2).random(shape) >= rate))
            return drawn[-1][1]

    x = np.random.default_rng(1).normal(size=(40, 7, 5)).astype(np.float32)
    weights = layer.initial_weights(5, np.random.default_rng(0))
    rec = Recurrence(cell, zoneout=0.3)
    zeros = [np.zeros((40, 9))] * len(rec.state_names)
    operands = [array.astype(np.float64) for array in layer.operands(weights)]
    for backend in (NUMPY, jax_backend()):
        out, _ = layer.forward(backend, weights, Activations(x), None, Rng())
        rate, kept = drawn.pop()
        assert rate == 0.3
        assert kept.shape == (40, 7, len(rec.state_names), 9)
        run = cells.forward(rec, x.astype(np.float64), *operands, zeros, zoneout_mask=~kept)
        assert_close(out.x, run.sequence, kinds(rec, 5, 9, small_gains=False).outward, np.float32)
        before = np.concatenate([np.zeros((40, 1, 9)), run.sequence[:, :-1]], axis=1)
        np.testing.assert_array_equal(run.sequence[~kept[:, :, 0]], before[~kept[:, :, 0]])
    assert not drawn


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_pooling_equals_keras(pooling, bidirectional, layers):
    network = text_network("lstm", 6, pooling, bidirectional, layers)
    weights = models.initial_weights(network, 1, [2])
    expected = keras_model(network, weights)(IDS)
    assert_close(outputs_of(network, weights, IDS), expected, "forward", np.float32)
    assert_close(outputs_of(network, weights, IDS, jax_backend()), expected, "forward", np.float32)


@pytest.mark.parametrize("cell", KERAS_CELLS)
@pytest.mark.parametrize("units", [1, 7, 17])
def test_the_number_of_parameters_equals_keras(cell, units):
    text = [Embedding(11, 5), Recurrent(cell, units), Dense(3)]
    assert models.count_parameters(text, 1) == keras_model(text, models.initial_weights(text, 1, [0])).count_params()
    numbers = [Recurrent(cell, units, bidirectional=True), Dense(1)]
    made = keras_model(numbers, models.initial_weights(numbers, 2, [0]), features=2)
    assert models.count_parameters(numbers, 2) == made.count_params()


@pytest.mark.parametrize(
    "ours", [Recurrent("lstm", 40), Recurrent("gru", 30), Dense(50), Embedding(50, 20)], ids=lambda layer: layer.kind
)
def test_initial_weights_are_distributed_as_in_keras(ours):
    layers = keras.layers
    kind = {"embedding": lambda: layers.Embedding(50, 20), "dense": lambda: layers.Dense(50)}
    make = kind.get(ours.kind) or (lambda: getattr(layers, CELLS[ours.cell].title)(ours.units))
    theirs = make()
    theirs.build((None, None, 25) if ours.kind != "embedding" else (None, None))
    drawn = ours.initial_weights(25, np.random.default_rng(0))
    for own, variable in zip(drawn.values(), theirs.weights, strict=True):
        expected = np.asarray(variable.value)
        assert own.shape == expected.shape
        assert own.mean() == pytest.approx(expected.mean(), abs=0.02)
        assert own.std() == pytest.approx(expected.std(), rel=0.08, abs=1e-6)
        assert abs(own).max() == pytest.approx(abs(expected).max(), rel=0.4)
    if ours.kind == "recurrent":
        U = drawn["recurrent_kernel"].astype(np.float64)
        assert_close(U @ U.T, np.eye(len(U)), "forward", np.float32)


def test_initial_weights_are_a_function_of_the_seed():
    network = text_network("gru", 4)
    one, again, other = (models.initial_weights(network, 1, seed) for seed in ([1, 0], [1, 0], [1, 1]))
    for a, b in zip(one, again, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    assert np.any(one[0]["table"] != other[0]["table"])


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_never_changes_the_outputs(cell, pooling):
    network = text_network(cell, 6, pooling, bidirectional=True)
    weights = models.initial_weights(network, 1, [0])
    ids = np.array([[1, 4, 9, 2, 10]], np.int32)
    padded = np.concatenate([np.zeros((1, 12), np.int32), ids], axis=1)
    assert_close(outputs_of(network, weights, padded), outputs_of(network, weights, ids), "same_order", np.float32)


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_an_example_of_padding_alone_pools_to_zero(pooling):
    network = [Embedding(11, 5), Recurrent("gru", 4, return_sequences=True), Pool(pooling)]
    weights = models.initial_weights(network, 1, [0])
    np.testing.assert_array_equal(outputs_of(network, weights, np.zeros((2, 3), np.int32)), np.zeros((2, 4)))


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("units", [1, 8, 17])
def test_stretches_and_single_steps_equal_the_whole_sequence(cell, pooling, units):
    network = text_network(cell, units, pooling, layers=2)
    weights = models.initial_weights(network, 1, [3])
    ids = IDS[1:2]
    whole = outputs_of(network, weights, ids)
    states, found = None, None
    for stretch in (ids[:, :3], ids[:, 3:4], ids[:, 4:]):
        found, states = models.forward(network, NUMPY, weights, Activations(stretch), states)
    assert_close(found.x, whole, "same_order", np.float32)
    stepper = Stepper(network, weights)
    states = stepper.start()
    for token in ids[0]:
        x, states = stepper(token, states)
    assert_close(x, whole, "forward", np.float32)


def test_a_bidirectional_layer_cannot_run_step_by_step():
    layer = Recurrent("gru", 3, bidirectional=True)
    with pytest.raises(InputError, match="needs the whole sequence at once"):
        layer.stepper(layer.initial_weights(2, np.random.default_rng(0)))


def test_an_unknown_pooling_method_is_refused():
    with pytest.raises(InputError, match="The pooling method must be one of mean, max, attention, not 'sum'"):
        Pool("sum")


@pytest.mark.parametrize("backend", [NUMPY, jax_backend()], ids=["numpy", "jax"])
def test_a_shift_is_added_to_the_embedded_inputs(backend):
    network = text_network("gru", 4)
    weights = models.initial_weights(network, 1, [0])
    shift = np.random.default_rng(0).normal(size=(*IDS.shape, 5)).astype(np.float32)
    x = weights[0]["table"][IDS] + shift
    inputs = Activations(x, mask=IDS != 0)
    expected = models.forward(network[1:], NUMPY, weights[1:], inputs)[0].x
    found = outputs_of(network, weights, IDS, backend, context={EMBEDDING_SHIFT: shift})
    assert_close(found, expected, "forward", np.float32)


def test_a_tied_softmax_uses_the_table_of_the_embedding():
    network = [Embedding(11, 5), Recurrent("gru", 5, return_sequences=True), Softmax(11, tied=True)]
    weights = models.initial_weights(network, 1, [0])
    assert set(weights[-1]) == {"bias"}
    h = models.forward(network[:-1], NUMPY, weights[:-1], Activations(IDS))[0].x
    found = outputs_of(network, models.bind(network, weights), IDS)
    assert_close(found, h @ weights[0]["table"].T + weights[-1]["bias"], "forward", np.float32)


class Coins:
    """Predictable random numbers: every other number is dropped."""

    def keep(self, rate, shape):
        return (np.arange(int(np.prod(shape))) % 2 == 0).reshape(shape)


class TestDropout:
    """Each kind of dropout equals a network with changed weights or inputs, for a known mask."""

    def test_dropout_of_the_embedding_drops_whole_vectors(self):
        network = [Embedding(11, 5, dropout=0.5), Recurrent("gru", 4)]
        weights = models.initial_weights(network, 1, [0])
        table = np.where(np.arange(11)[:, None] % 2 == 0, 2 * weights[0]["table"], 0)
        expected = outputs_of(network, [{"table": table}, weights[1]], IDS)
        assert_close(outputs_of(network, weights, IDS, rng=Coins()), expected, "same_order", np.float32)
        assert np.any(outputs_of(network, weights, IDS) != expected)

    def test_dropout_of_inputs_is_the_same_at_every_step_of_an_example(self):
        """Equal ids of two examples have different vectors: the masks are those of Keras' `dropout`."""
        network = [Embedding(11, 5), Dropout(0.5), Recurrent("gru", 4)]
        weights = models.initial_weights(network, 1, [0])
        mask = 2.0 * (np.arange(IDS.shape[0] * 5).reshape(-1, 1, 5) % 2 == 0)
        x = (weights[0]["table"][IDS] * mask).astype(np.float32)
        expected, _ = network[2].forward(NUMPY, weights[2], Activations(x, mask=IDS != 0), None, None)
        assert np.any(mask[0] != mask[1])
        assert_close(outputs_of(network, weights, IDS, rng=Coins()), expected.x, "same_order", np.float32)
        assert np.any(outputs_of(network, weights, IDS) != expected.x)

    def test_word_dropout_makes_words_unknown_but_neither_padding_nor_start(self):
        network = [Embedding(11, 5, word_dropout=0.5), Recurrent("gru", 4)]
        weights = models.initial_weights(network, 1, [0])
        dropped = np.where((np.arange(IDS.size).reshape(IDS.shape) % 2 == 0) | (IDS <= 1), IDS, 2)
        expected = outputs_of(network, weights, dropped)
        assert_close(outputs_of(network, weights, IDS, rng=Coins()), expected, "same_order", np.float32)

    def test_weight_dropout_acts_on_the_recurrent_kernel(self):
        network = [Embedding(11, 5), Recurrent("lstm", 4, weight_dropout=0.5)]
        weights = models.initial_weights(network, 1, [0])
        U = weights[1]["recurrent_kernel"]
        other = np.where(np.arange(U.size).reshape(U.shape) % 2 == 0, 2 * U, 0)
        expected = outputs_of(network, [weights[0], {**weights[1], "recurrent_kernel": other}], IDS)
        assert_close(outputs_of(network, weights, IDS, rng=Coins()), expected, "same_order", np.float32)

    def test_recurrent_dropout_is_that_of_keras(self):
        """The mask on h is the same at every step: the rows of U that belong to dropped units have no effect."""
        network = [Embedding(11, 5), Recurrent("lstm", 4, recurrent_dropout=0.5)]
        weights = models.initial_weights(network, 1, [0])
        U = np.where(np.arange(4)[:, None] % 2 == 0, 2 * weights[1]["recurrent_kernel"], 0)
        expected = outputs_of(network, [weights[0], {**weights[1], "recurrent_kernel": U}], IDS)
        assert_close(outputs_of(network, weights, IDS, rng=Coins()), expected, "forward", np.float32)

    def test_dropout_of_sequences_is_the_same_at_every_step(self):
        x = np.ones((2, 3, 4), np.float32)
        out, _ = Dropout(0.5).forward(NUMPY, {}, Activations(x), None, Coins())
        np.testing.assert_array_equal(out.x, np.broadcast_to([2, 0, 2, 0], (2, 3, 4)))
