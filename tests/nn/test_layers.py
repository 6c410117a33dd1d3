"""Blocks: one forward, equal to Keras' layers, in NumPy and in JAX, whole, by stretches and step by step."""

import keras
import numpy as np
import pytest
from keras_models import KERAS_CELLS, keras_model
from tolerances import assert_close, kinds

from gatewright.nn import model as models
from gatewright.nn.block import Noise, Steps
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.nn.library import NUMPY, jax_library
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError

pytestmark = pytest.mark.slow  # compiles Keras models

IDS = np.array([[0, 0, 4, 9, 2, 10, 1], [5, 5, 5, 1, 2, 3, 4], [0, 0, 0, 0, 0, 0, 7]], np.int32)


def text_model(cell="gru", units=7, by="last", both=False, layers=1, outputs=2):
    pooled = [] if by == "last" else [Pool(by)]
    dropout = 0.5 if Recurrence(cell).recurrent_gates else 0.0
    below = [
        Recurrent(cell, units, both, steps=True, recurrent_dropout=dropout, zoneout=0.3) for _ in range(layers - 1)
    ]
    top = Recurrent(cell, units, both, steps=bool(pooled), zoneout=0.3)
    return [Embedding(11, 5, 0.5, 0.5), *below, top, *pooled, Dropout(0.5), Dense(outputs)]


def answers(model, weights, ids, lib=NUMPY, noise=None):
    return np.asarray(models.forward(model, lib, weights, Steps(ids), None, noise)[0].x)


@pytest.mark.parametrize("cell", KERAS_CELLS)
@pytest.mark.parametrize("units", [1, 7, 8, 9, 17, 129])
def test_forward_is_keras(cell, units):
    model = text_model(cell, units)
    weights = models.start(model, 1, [1])
    expected = keras_model(model, weights)(IDS)
    assert_close(answers(model, weights, IDS), expected, "forward", np.float32)
    assert_close(answers(model, weights, IDS, jax_library()), expected, "forward", np.float32)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("units", [1, 7, 8, 9, 17, 129])
def test_forward_is_the_specification(cell, units):
    block = Recurrent(cell, units, both=True, steps=True, zoneout=0.3)
    weights = block.start(5, np.random.default_rng(0))
    assert {name: array.shape for name, array in weights.items()} == block.shapes(5)
    x = np.random.default_rng(1).normal(size=(3, 7, 5)).astype(np.float32)
    states, sequences = [], []
    for prefix, reverse in (("", False), ("backward_", True)):
        rec = Recurrence(cell, reverse=reverse, zoneout=0.3)
        W, U, b = (array.astype(np.float64) for array in block.operands(weights, prefix))
        run = cells.forward(rec, x.astype(np.float64), W, U, b, [np.zeros((3, units))] * len(rec.state_names), IDS != 0)
        sequences.append(run.sequence)
        states += run.states
    kind = kinds(rec, 5, units, small_gains=False).outward
    for lib in (NUMPY, jax_library()):
        out, after = block.forward(lib, weights, Steps(x, IDS != 0), None, None)
        assert_close(out.x, np.concatenate(sequences, axis=-1), kind, np.float32)
        for found, expected in zip(after, states, strict=True):
            assert_close(found, expected, kind, np.float32)


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm"])
def test_cells_without_a_recurrent_kernel(cell):
    assert set(Recurrent(cell, 4).shapes(3)) == {"kernel", "bias"}
    for name in ("recurrent_dropout", "weight_dropout"):
        with pytest.raises(
            InputError, match=rf"^{name} must be 0 for min\w+, which has no recurrent kernel; it is 0.5"
        ):
            Recurrent(cell, 4, **{name: 0.5})


@pytest.mark.parametrize("cell", CELLS)
def test_zoneout_while_learning_keeps_some_of_each_state_at_each_step(cell):
    """A mask for each row, step, state and unit, of the given rate; the walk is the specification's with it."""
    block, drawn = Recurrent(cell, 9, steps=True, zoneout=0.3), []

    class Some(Noise):
        def keep(self, rate, shape):
            drawn.append((rate, np.random.default_rng(2).random(shape) >= rate))
            return drawn[-1][1]

    x = np.random.default_rng(1).normal(size=(40, 7, 5)).astype(np.float32)
    weights = block.start(5, np.random.default_rng(0))
    rec = Recurrence(cell, zoneout=0.3)
    zeros = [np.zeros((40, 9))] * len(rec.state_names)
    operands = [array.astype(np.float64) for array in block.operands(weights)]
    for lib in (NUMPY, jax_library()):
        out, _ = block.forward(lib, weights, Steps(x), None, Some())
        rate, kept = drawn.pop()
        assert rate == 0.3
        assert kept.shape == (40, 7, len(rec.state_names), 9)
        run = cells.forward(rec, x.astype(np.float64), *operands, zeros, zoneout_mask=~kept)
        assert_close(out.x, run.sequence, "forward", np.float32)
        before = np.concatenate([np.zeros((40, 1, 9)), run.sequence[:, :-1]], axis=1)
        np.testing.assert_array_equal(run.sequence[~kept[:, :, 0]], before[~kept[:, :, 0]])
    assert not drawn
    with pytest.raises(InputError, match=r"^zoneout must be a number from 0 to below 1, not 1.5"):
        Recurrent(cell, 4, zoneout=1.5)


@pytest.mark.parametrize("by", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_forward_is_keras_with_every_pooling(by, both, layers):
    model = text_model("lstm", 6, by, both, layers)
    weights = models.start(model, 1, [2])
    expected = keras_model(model, weights)(IDS)
    assert_close(answers(model, weights, IDS), expected, "forward", np.float32)
    assert_close(answers(model, weights, IDS, jax_library()), expected, "forward", np.float32)


@pytest.mark.parametrize("cell", KERAS_CELLS)
@pytest.mark.parametrize("units", [1, 7, 17])
def test_parameters_are_keras(cell, units):
    text = [Embedding(11, 5), Recurrent(cell, units), Dense(3)]
    assert models.parameters(text, 1) == keras_model(text, models.start(text, 1, [0])).count_params()
    numbers = [Recurrent(cell, units, both=True), Dense(1)]
    made = keras_model(numbers, models.start(numbers, 2, [0]), features=2)
    assert models.parameters(numbers, 2) == made.count_params()


@pytest.mark.parametrize(
    "block", [Recurrent("lstm", 40), Recurrent("gru", 30), Dense(50), Embedding(50, 20)], ids=lambda block: block.kind
)
def test_initial_weights_are_distributed_as_keras(block):
    layers = keras.layers
    kind = {"embedding": lambda: layers.Embedding(50, 20), "dense": lambda: layers.Dense(50)}
    make = kind.get(block.kind) or (lambda: getattr(layers, CELLS[block.cell].title)(block.units))
    layer = make()
    layer.build((None, None, 25) if block.kind != "embedding" else (None, None))
    values = [np.asarray(variable.value) for variable in layer.weights]
    for ours, theirs in zip(block.start(25, np.random.default_rng(0)).values(), values, strict=True):
        assert ours.shape == theirs.shape
        assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.08, abs=1e-6)
        assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=0.4)
    if block.kind == "recurrent":
        U = block.start(25, np.random.default_rng(0))["recurrent_kernel"].astype(np.float64)
        assert_close(U @ U.T, np.eye(len(U)), "forward", np.float32)


def test_weights_are_a_function_of_the_seed():
    model = text_model("gru", 4)
    one, again, other = (models.start(model, 1, seed) for seed in ([1, 0], [1, 0], [1, 1]))
    for a, b in zip(one, again, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    assert np.any(one[0]["table"] != other[0]["table"])


@pytest.mark.parametrize("by", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_never_changes_an_answer(cell, by):
    model = text_model(cell, 6, by, both=True)
    weights = models.start(model, 1, [0])
    row = np.array([[1, 4, 9, 2, 10]], np.int32)
    padded = np.concatenate([np.zeros((1, 12), np.int32), row], axis=1)
    assert_close(answers(model, weights, padded), answers(model, weights, row), "same_order", np.float32)


@pytest.mark.parametrize("by", ["mean", "max", "attention"])
def test_a_row_of_padding_alone_pools_to_zero(by):
    model = [Embedding(11, 5), Recurrent("gru", 4, steps=True), Pool(by)]
    weights = models.start(model, 1, [0])
    np.testing.assert_array_equal(answers(model, weights, np.zeros((2, 3), np.int32)), np.zeros((2, 4)))


@pytest.mark.parametrize("by", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("units", [1, 8, 17])
def test_stretches_and_steps_are_the_whole(cell, by, units):
    model = text_model(cell, units, by, layers=2)
    weights = models.start(model, 1, [3])
    row = IDS[1:2]
    whole = answers(model, weights, row)
    states, found = None, None
    for stretch in (row[:, :3], row[:, 3:4], row[:, 4:]):
        found, states = models.forward(model, NUMPY, weights, Steps(stretch), states)
    assert_close(found.x, whole, "same_order", np.float32)
    steppers = [block.stepper(w) for block, w in zip(model, weights, strict=True)]
    states = [start for start, _ in steppers]
    for token in row[0]:
        x = token
        for place, (_, step) in enumerate(steppers):
            x, states[place] = step(x, states[place])
    assert_close(x, whole, "forward", np.float32)


def test_both_directions_can_not_be_stepped():
    block = Recurrent("gru", 3, both=True)
    with pytest.raises(ValueError, match="both directions"):
        block.stepper(block.start(2, np.random.default_rng(0)))


class Coins(Noise):
    """Draws that a test can predict: every other number is dropped."""

    def keep(self, rate, shape):
        return (np.arange(int(np.prod(shape))) % 2 == 0).reshape(shape)


class TestDropout:
    """Each kind against what it says, with draws that are known."""

    def run(self, model, weights, noise):
        return answers(model, weights, IDS, noise=noise)

    def test_of_the_embedding_is_of_whole_vectors(self):
        model = [Embedding(11, 5, dropout=0.5), Recurrent("gru", 4)]
        weights = models.start(model, 1, [0])
        table = np.where(np.arange(11)[:, None] % 2 == 0, 2 * weights[0]["table"], 0)
        expected = answers(model, [{"table": table}, weights[1]], IDS)
        assert_close(self.run(model, weights, Coins()), expected, "same_order", np.float32)
        assert np.any(self.run(model, weights, None) != expected)

    def test_of_inputs_is_the_same_at_every_step_of_a_row(self):
        """Equal ids of two rows have different vectors: the masks of Keras' `dropout`."""
        model = [Embedding(11, 5), Dropout(0.5), Recurrent("gru", 4)]
        weights = models.start(model, 1, [0])
        mask = 2.0 * (np.arange(IDS.shape[0] * 5).reshape(-1, 1, 5) % 2 == 0)
        x = (weights[0]["table"][IDS] * mask).astype(np.float32)
        steps = Steps(x, live=IDS != 0)
        expected, _ = model[2].forward(NUMPY, weights[2], steps, None, None)
        assert np.any(mask[0] != mask[1])
        assert_close(self.run(model, weights, Coins()), expected.x, "same_order", np.float32)
        assert np.any(self.run(model, weights, None) != expected.x)

    def test_of_words_makes_them_unknown_but_neither_padding_nor_start(self):
        model = [Embedding(11, 5, word_dropout=0.5), Recurrent("gru", 4)]
        weights = models.start(model, 1, [0])
        dropped = np.where((np.arange(IDS.size).reshape(IDS.shape) % 2 == 0) | (IDS <= 1), IDS, 2)
        expected = answers(model, weights, dropped)
        assert_close(self.run(model, weights, Coins()), expected, "same_order", np.float32)

    def test_of_weights_is_of_the_recurrent_kernel(self):
        model = [Embedding(11, 5), Recurrent("lstm", 4, weight_dropout=0.5)]
        weights = models.start(model, 1, [0])
        U = weights[1]["recurrent_kernel"]
        other = np.where(np.arange(U.size).reshape(U.shape) % 2 == 0, 2 * U, 0)
        expected = answers(model, [weights[0], {**weights[1], "recurrent_kernel": other}], IDS)
        assert_close(self.run(model, weights, Coins()), expected, "same_order", np.float32)

    def test_recurrent_is_keras(self):
        """The same mask on h at every step: the rows of U that belong to dropped units count nothing."""
        model = [Embedding(11, 5), Recurrent("lstm", 4, recurrent_dropout=0.5)]
        weights = models.start(model, 1, [0])
        U = np.where(np.arange(4)[:, None] % 2 == 0, 2 * weights[1]["recurrent_kernel"], 0)
        expected = answers(model, [weights[0], {**weights[1], "recurrent_kernel": U}], IDS)
        assert_close(self.run(model, weights, Coins()), expected, "forward", np.float32)

    def test_of_steps_is_the_same_at_every_step(self):
        x = np.ones((2, 3, 4), np.float32)
        out, _ = Dropout(0.5).forward(NUMPY, {}, Steps(x), None, Coins())
        np.testing.assert_array_equal(out.x, np.broadcast_to([2, 0, 2, 0], (2, 3, 4)))
