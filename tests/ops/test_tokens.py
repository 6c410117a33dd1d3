"""Ids and a table as the input of a recurrence: the same outputs and gradients as the rows that they name."""

from __future__ import annotations

import functools
import gc
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close

import gatewright
from gatewright.keras import embeddings, loops
from gatewright.ops import jax as of_jax
from gatewright.ops import kernels
from gatewright.ops import numpy as of_numpy
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.ids import as_int32
from gatewright.ops.numpy import Tokens
from gatewright.ops.recurrence import Recurrence

RECURRENCES = [
    Recurrence("simple_rnn"),
    Recurrence("lstm"),
    Recurrence("gru"),
    Recurrence("gru", reset_after=False),
    Recurrence("lstm", reverse=True),
    Recurrence("gru", zero_output_for_mask=True),
    Recurrence("min_gru"),
    Recurrence("min_lstm", reverse=True),
    Recurrence("layer_norm_lstm"),
    Recurrence("layer_norm_gru", reverse=True),
    *(Recurrence(name, reverse=name == "gru", zoneout=0.4) for name in CELLS),
]
# batch, time, features, units, rows of the table
SIZES = [(1, 1, 1, 1, 1), (3, 7, 8, 9, 5), (9, 17, 7, 8, 400), (33, 9, 17, 129, 3), (0, 5, 3, 4, 6), (4, 0, 3, 4, 6)]


def problem(rec, batch, time, features, units, rows, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return (rng.normal(size=shape) / np.sqrt(max(1, shape[0]))).astype(dtype)

    table = rng.normal(size=(rows, features)).astype(dtype)
    ids = rng.integers(0, rows, (batch, time))
    kernel, recurrent = normal(features, rec.gates * units), normal(*rec.recurrent_kernel_shape(units))
    bias = rng.normal(size=rec.bias_shape(units)).astype(dtype)
    mask = rng.random((batch, time)) < 0.7
    d_sequence = normal(batch, time, units) if batch * time else np.zeros((batch, time, units), dtype)
    return Tokens(ids, table), kernel, recurrent, bias, mask, d_sequence


def table_gradient(ids, d_x, rows):
    total = np.zeros((rows, d_x.shape[-1]), d_x.dtype)
    np.add.at(total, ids, d_x)
    return total


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.parametrize("sizes", SIZES)
def test_numpy_against_rows(rec, sizes):
    tokens, kernel, recurrent, bias, mask, d_sequence = problem(rec, *sizes)
    run = of_numpy.forward(rec, tokens, kernel, recurrent, bias, mask=mask, keep=True)
    rows = of_numpy.forward(rec, tokens.table[tokens.ids], kernel, recurrent, bias, mask=mask, keep=True)
    assert_close(run.sequence, rows.sequence, "forward", np.float64)
    for one, other in zip(run.states, rows.states, strict=True):
        assert_close(one, other, "forward", np.float64)
    found, expected = run.backward(d_sequence), rows.backward(d_sequence)
    assert_close(found.x, table_gradient(tokens.ids, expected.x, sizes[-1]), "gradient", np.float64)
    for one, other in zip(found[1:4], expected[1:4], strict=True):
        assert_close(one, other, "gradient", np.float64)


@pytest.mark.parametrize("rec", RECURRENCES)
def test_against_the_reference(rec):
    tokens, kernel, recurrent, bias, mask, _ = problem(rec, 9, 17, 7, 8, 20)
    zero = [np.zeros((9, 8))] * len(rec.state_names)
    x = tokens.table[tokens.ids]
    expected = cells.forward(rec, x, kernel, recurrent, bias, zero, mask)
    run = of_numpy.forward(rec, tokens, kernel, recurrent, bias, mask=mask, keep=True)
    assert_close(run.sequence, expected.sequence, "forward", np.float64)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", kernels.instruction_sets())
def test_threads_and_instruction_sets(threads, name):
    rec = Recurrence("gru")
    tokens, kernel, recurrent, bias, mask, d_sequence = problem(rec, 32, 40, 24, 40, 60, dtype=np.float32)
    expected = of_numpy.forward(rec, tokens.table[tokens.ids], kernel, recurrent, bias, mask=mask, keep=True)
    gradients = expected.backward(d_sequence)
    kernels.set_num_threads(threads)
    kernels.choose_instruction_set(name)
    run = of_numpy.forward(rec, tokens, kernel, recurrent, bias, mask=mask, keep=True)
    assert_close(run.sequence, expected.sequence, "forward", np.float32)
    found = run.backward(d_sequence)
    assert_close(found.kernel, gradients.kernel, "gradient", np.float32)
    assert_close(found.x, table_gradient(tokens.ids, gradients.x, 60), "gradient", np.float32)


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.parametrize("implementation", ["kernel", "scan"])
@pytest.mark.slow
def test_jax_against_rows(rec, implementation):
    tokens, kernel, recurrent, bias, mask, d_sequence = problem(rec, 9, 17, 7, 8, 20, dtype=np.float32)

    def loss(table, kernel, recurrent, bias, how):
        x = of_jax.Tokens(tokens.ids, table) if how == "tokens" else jnp.take(table, tokens.ids, axis=0)
        implemented = implementation if how == "tokens" else "scan"
        out, states = of_jax.forward(rec, x, kernel, recurrent, bias, mask=mask, implementation=implemented)
        return (out * d_sequence).sum() + sum(state.sum() for state in states)

    operands = (tokens.table, kernel, recurrent, bias)
    run = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)), static_argnums=4)
    value, found = run(*operands, "tokens")
    expected_value, expected = run(*operands, "rows")
    assert_close(value, expected_value, "gradient", np.float32)
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, "gradient", np.float32)


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.slow
def test_ids_have_the_same_gradients_at_every_number_of_threads(rec):
    """With padding on the left, which rows share unless the gradient of a state is wanted."""
    tokens, kernel, recurrent, bias, _, d_sequence = problem(rec, 37, 24, 33, 65, 90, dtype=np.float32)
    padding = np.random.default_rng(1).choice([0, 1, 5, 8, 23, 24], 37)
    walked = np.arange(24)[::-1] if rec.reverse else np.arange(24)
    tokens = Tokens(jnp.asarray(np.where(walked < padding[:, None], 2, tokens.ids)), jnp.asarray(tokens.table))
    zeros = [jnp.zeros((37, 65), jnp.float32) for _ in rec.state_names]

    def loss(table, states, *weights, given):
        x = Tokens(tokens.ids, table)
        sequence, last = of_jax.forward(rec, x, *weights, initial_state=states if given else None)
        return jnp.sum(sequence * d_sequence) + sum(jnp.sum(jnp.sin(s)) for s in last)

    for given in (False, True):
        gradients = jax.jit(jax.grad(functools.partial(loss, given=given), argnums=(0, 1, 2, 3, 4)))
        by_threads = []
        for threads in (1, 2, 3, 8, 24):
            kernels.set_num_threads(threads)
            by_threads.append(jax.tree.leaves(gradients(tokens.table, zeros, kernel, recurrent, bias)))
        for other in by_threads[1:]:
            for one, expected in zip(other, by_threads[0], strict=True):
                np.testing.assert_array_equal(one, expected)


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.slow
def test_padding_on_the_left_is_shared_where_no_state_is_given(rec):
    """Rows that begin alike share steps; a state that is given has a gradient of its own in each row."""
    tokens, *weights, _, d_sequence = problem(rec, 9, 17, 7, 8, 5, dtype=np.float32)
    padding = np.array([0, 3, 3, 17, 9, 17, 1, 16, 0])
    walked = np.arange(17)[::-1] if rec.reverse else np.arange(17)
    ids = np.where(walked < padding[:, None], 2, tokens.ids)
    zeros = [jnp.zeros((9, 8), jnp.float32) for _ in rec.state_names]

    def loss(given, states, table, *weights):
        state = states if given else None
        sequence, last = of_jax.forward(rec, Tokens(jnp.asarray(ids), table), *weights, initial_state=state)
        return jnp.sum(sequence * d_sequence) + sum(jnp.sum(jnp.sin(s)) for s in last)

    both = [
        jax.value_and_grad(loss, argnums=(1, 2, 3, 4, 5))(given, zeros, jnp.asarray(tokens.table), *weights)
        for given in (False, True)
    ]
    (shared, (_, *by_shared)), (apart, (_, *by_apart)) = both
    assert_close(shared, apart, "forward", np.float32)
    for one, other in zip(by_shared, by_apart, strict=True):
        assert_close(one, other, "gradient", np.float32)

    def by_states(implementation):
        def of_last(states):
            x = Tokens(jnp.asarray(ids), jnp.asarray(tokens.table))
            _, last = of_jax.forward(rec, x, *weights, initial_state=states, implementation=implementation)
            return sum(jnp.sum(jnp.sin(s)) for s in last)

        return jax.grad(of_last)(zeros)

    for one, other in zip(by_states("kernel"), by_states("scan"), strict=True):
        assert_close(one, other, "gradient", np.float32)


@pytest.mark.parametrize("name", kernels.instruction_sets())
@pytest.mark.parametrize("rec", [Recurrence("gru"), Recurrence("gru", reset_after=False), Recurrence("lstm")])
def test_the_bits_do_not_depend_on_the_batch_or_the_direction(rec, name):
    """An example alone, and the reversed example of a reversed recurrence, have the same bits as in the batch."""
    tokens, kernel, recurrent, bias, _, _ = problem(rec, 13, 9, 17, 136, 30, dtype=np.float32)
    tokens.ids[:, :2] = 4  # shared by all examples
    kernels.choose_instruction_set(name)
    whole = of_numpy.forward(rec, tokens, kernel, recurrent, bias).sequence
    for row in (0, 12):
        alone = Tokens(tokens.ids[row : row + 1], tokens.table)
        np.testing.assert_array_equal(of_numpy.forward(rec, alone, kernel, recurrent, bias).sequence[0], whole[row])
    flipped = Tokens(np.ascontiguousarray(tokens.ids[:, ::-1]), tokens.table)
    backwards = replace(rec, reverse=True)
    np.testing.assert_array_equal(
        of_numpy.forward(backwards, flipped, kernel, recurrent, bias).sequence[:, ::-1], whole
    )


def test_a_dropout_mask_on_the_inputs_gathers_the_rows():
    rec = Recurrence("gru")
    tokens, kernel, recurrent, bias, _, _ = problem(rec, 3, 5, 4, 6, 7, dtype=np.float32)
    drop = np.random.default_rng(1).integers(0, 2, (3, 3, 4)).astype(np.float32)
    for door in (of_numpy, of_jax):
        out = [
            door.forward(rec, x, kernel, recurrent, bias, dropout_mask=drop) for x in (tokens, tokens.table[tokens.ids])
        ]
        one, other = (run.sequence if door is of_numpy else run[0] for run in out)
        assert_close(one, other, "same_order", np.float32)


def test_ids_of_masked_steps_are_not_read():
    rec = Recurrence("lstm")
    tokens, kernel, recurrent, bias, mask, _ = problem(rec, 3, 5, 4, 6, 7)
    wild = np.where(mask, tokens.ids, 10**6)
    run = of_numpy.forward(rec, Tokens(wild, tokens.table), kernel, recurrent, bias, mask=mask)
    same = of_numpy.forward(rec, tokens, kernel, recurrent, bias, mask=mask)
    np.testing.assert_array_equal(run.sequence, same.sequence)


DROPS = (None, np.ones((1, 3, 4), np.float32))


@pytest.mark.parametrize("drop", DROPS, ids=["rows", "dropout_mask"])
@pytest.mark.parametrize("wrong", [-8, 7, 2**32 + 3])
def test_an_id_outside_the_table_is_an_error_in_numpy(wrong, drop):
    rec = Recurrence("gru")
    tokens, kernel, recurrent, bias, mask, _ = problem(rec, 3, 5, 4, 6, 7, dtype=np.float32)
    right = tokens.ids[1, 2]
    tokens.ids[1, 2] = wrong
    sentence = (
        f"ids must lie between -7 and 6, because the table has 7 rows, but the id of example 1 at step 2 is {wrong}"
    )
    with pytest.raises(ValueError, match=sentence):
        of_numpy.forward(rec, tokens, kernel, recurrent, bias, dropout_mask=drop)
    mask[1] = [True, True, False, False, False]  # ids of steps that are not live have no effect
    for live in ({"mask": mask}, {"lengths": [5, 2, 0]}):
        run = of_numpy.forward(rec, tokens, kernel, recurrent, bias, dropout_mask=drop, **live)
        assert np.isfinite(run.sequence).all()
    # The call after is as if nothing had been.
    tokens.ids[1, 2] = right
    of_numpy.forward(rec, tokens, kernel, recurrent, bias, dropout_mask=drop)


@pytest.mark.parametrize("drop", DROPS, ids=["rows", "dropout_mask"])
def test_negative_ids_count_from_the_end(drop):
    rec = Recurrence("lstm")
    tokens, kernel, recurrent, bias, _, d_sequence = problem(rec, 3, 5, 4, 6, 7, dtype=np.float32)
    below = Tokens(tokens.ids - 7, tokens.table)
    runs = [of_numpy.forward(rec, x, kernel, recurrent, bias, dropout_mask=drop, keep=True) for x in (tokens, below)]
    np.testing.assert_array_equal(runs[0].sequence, runs[1].sequence)
    np.testing.assert_array_equal(*(run.backward(d_sequence).kernel for run in runs))
    for implementation in ("kernel", "scan"):
        out, _ = of_jax.forward(rec, below, kernel, recurrent, bias, dropout_mask=drop, implementation=implementation)
        assert_close(out, runs[0].sequence, "forward", np.float32)


@pytest.mark.parametrize("implementation", ["kernel", "scan"])
@pytest.mark.parametrize("drop", DROPS, ids=["rows", "dropout_mask"])
def test_an_id_outside_the_table_gives_nan_in_jax(implementation, drop):
    """The kernels do not fail inside a compiled program. The example with the id is NaN from there on, and no other."""
    rec = Recurrence("gru", reverse=True)
    tokens, kernel, recurrent, bias, _, _ = problem(rec, 3, 5, 4, 6, 7, dtype=np.float32)
    ids = tokens.ids.copy()
    ids[1, 2], ids[2, 4] = 7, 2**32 + 3  # the second would become the valid id 3 if its upper half were dropped

    def loss(table, ids):
        x = Tokens(ids, table)
        sequence, _ = of_jax.forward(rec, x, kernel, recurrent, bias, dropout_mask=drop, implementation=implementation)
        return jnp.where(jnp.isnan(sequence), 0, sequence).sum(), sequence

    run = jax.value_and_grad(loss, has_aux=True)
    (_, sequence), by_table = run(tokens.table, ids)
    expected = np.zeros((3, 5), bool)
    expected[1, :3] = expected[2] = True
    np.testing.assert_array_equal(np.isnan(sequence).any(2), expected)
    assert by_table.shape == (7, 4)
    (_, compiled), _ = jax.jit(run)(tokens.table, as_int32(ids))
    assert_close(compiled, sequence, "forward", np.float32)


@pytest.mark.parametrize("door", [of_numpy, of_jax])
def test_shapes_are_checked(door):
    rec = Recurrence("gru")
    tokens, kernel, recurrent, bias, _, _ = problem(rec, 3, 5, 4, 6, 7, dtype=np.float32)
    for ids, table, sentence in (
        (tokens.ids[0], tokens.table, r"ids must be integers of shape \[batch, time\]"),
        (tokens.ids * 1.0, tokens.table, r"ids must be integers of shape \[batch, time\]"),
        (tokens.ids, tokens.table[0], r"table must have shape \[rows, features\]"),
        (tokens.ids, tokens.table[:, 1:], "kernel must have shape"),
    ):
        with pytest.raises(ValueError, match=sentence):
            door.forward(rec, door.Tokens(ids, table), kernel, recurrent, bias)


class TestKeras:
    """Stock layers: the ids reach the kernels, and nothing else changes."""

    IDS = np.random.default_rng(0).integers(0, 11, (6, 9))
    IDS[[0, 2], :4] = IDS[1, :8] = IDS[3] = 0  # padding on the left

    @pytest.fixture
    def seen(self, monkeypatch):
        """What the operation was given as x. The layer's own zeros are no state that it is given."""
        given = []
        forward = of_jax.forward

        def watched(rec, x, *rest, **named):
            given.append(type(x).__name__)
            assert named["initial_state"] is None
            return forward(rec, x, *rest, **named)

        monkeypatch.setattr(of_jax, "forward", watched)
        return given

    def trained(self, make, accelerated):
        """Weights after three steps of training, and the loss before them, on stock loops or on the kernels."""
        if not accelerated:
            return self._trained(make)
        with gatewright.accelerate():
            return self._trained(make)

    def _trained(self, make):
        import keras

        keras.utils.set_random_seed(0)
        model = make(keras)
        model.compile(keras.optimizers.SGD(0.5), "mse")
        y = np.linspace(-1, 1, 6)[:, None].astype("float32")
        history = model.fit(self.IDS, y, epochs=3, batch_size=6, shuffle=False, verbose=0)
        return [np.asarray(weight.value) for weight in model.weights], history.history["loss"]

    MODELS = {  # noqa: RUF012
        "gru": lambda k: [k.layers.Embedding(11, 5), k.layers.GRU(4), k.layers.Dense(1)],
        "masked": lambda k: [k.layers.Embedding(11, 5, mask_zero=True), k.layers.LSTM(4), k.layers.Dense(1)],
        "both directions": lambda k: [
            k.layers.Embedding(11, 5, mask_zero=True),
            k.layers.Bidirectional(k.layers.GRU(4)),
            k.layers.Dense(1),
        ],
        "rnn around a cell": lambda k: [
            k.layers.Embedding(11, 5), k.layers.RNN(k.layers.SimpleRNNCell(4)), k.layers.Dense(1)],
        "recurrent dropout": lambda k: [
            k.layers.Embedding(11, 5), k.layers.GRU(4, recurrent_dropout=0.3, seed=1), k.layers.Dense(1)],
    }  # fmt: skip

    @pytest.mark.parametrize("name", MODELS)
    @pytest.mark.slow
    def test_training_is_that_of_stock_keras(self, name, seen):
        def make(keras):
            return keras.Sequential(self.MODELS[name](keras))

        weights, losses = self.trained(make, accelerated=True)
        assert set(seen) == {"Tokens"}
        stock, stock_losses = self.trained(make, accelerated=False)
        assert_close(losses, stock_losses, "training", np.float32)
        for one, other in zip(weights, stock, strict=True):
            assert_close(one, other, "training", np.float32)

    @pytest.mark.parametrize(
        "between",
        [
            lambda k: [k.layers.Activation("relu"), k.layers.GRU(4)],
            lambda k: [k.layers.Dropout(0.5, seed=1), k.layers.GRU(4)],
            lambda k: [k.layers.GRU(4, dropout=0.5, seed=1)],
        ],
    )
    @pytest.mark.slow
    def test_what_stands_between_drops_to_rows(self, between, seen):
        def make(keras):
            return keras.Sequential([keras.layers.Embedding(11, 5), *between(keras), keras.layers.Dense(1)])

        weights, _ = self.trained(make, accelerated=True)
        assert seen[-1] != "Tokens"  # the step of training; Keras' own first look at the shapes has no dropout
        stock, _ = self.trained(make, accelerated=False)
        for one, other in zip(weights, stock, strict=True):
            assert_close(one, other, "training", np.float32)

    @pytest.mark.slow
    def test_two_layers_on_one_embedding(self, seen):
        def make(keras):
            ids = keras.Input((None,), dtype="int32")
            rows = keras.layers.Embedding(11, 5)(ids)
            both = keras.layers.Concatenate()([keras.layers.GRU(3)(rows), keras.layers.LSTM(3)(rows)])
            pooled = keras.layers.GlobalAveragePooling1D()(rows)  # the table is used in another way too
            return keras.Model(ids, keras.layers.Dense(1)(keras.layers.Concatenate()([both, pooled])))

        weights, _ = self.trained(make, accelerated=True)
        assert set(seen) == {"Tokens"}
        stock, _ = self.trained(make, accelerated=False)
        for one, other in zip(weights, stock, strict=True):
            assert_close(one, other, "training", np.float32)

    def test_nothing_is_kept(self):
        def make(keras):
            return keras.Sequential([keras.layers.Embedding(11, 5), keras.layers.GRU(4), keras.layers.Dense(1)])

        with gatewright.accelerate():
            self._trained(make)
            gc.collect()
            assert not len(embeddings.embedded)
            assert not len(loops.zero_states)
