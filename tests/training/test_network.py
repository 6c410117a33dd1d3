"""Training: the same steps as Keras' own fit, the order of rows, the chosen epoch, and what a step holds."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_models import KERAS_CELLS, keras_model
from tolerances import assert_close

from gatewright.data.batches import Examples, batches, order
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.results.measure import Measure, better
from gatewright.tasks.adding.task import Adding
from gatewright.tasks.base.labels import OneLabel
from gatewright.tasks.classify.task import Classify
from gatewright.training import network as fitting
from gatewright.training.fit import fit
from gatewright.training.network import Network, against
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # trains networks

TASK = Adding(length=12, train_rows=70, validation_rows=20, test_rows=30)


@pytest.fixture
def parts():
    return TASK.read()


@functools.cache
def network(cell="gru", units=5, batch=8):
    parts = TASK.read()
    return Network(TASK, TASK.blocks(cell, units), parts.train, Recipe(1, batch, 0.01))


@given(st.integers(1, 40), st.integers(1, 12))
def test_batches_hold_every_row_once(rows, size):
    made = list(batches(np.arange(rows)[::-1], size))
    assert {len(batch.rows) for batch in made} == {size}
    counted = np.concatenate([batch.rows[batch.weights == 1] for batch in made])
    np.testing.assert_array_equal(counted, np.arange(rows)[::-1])


def test_order_is_a_function_of_seed_and_epoch():
    np.testing.assert_array_equal(order(50, 3, 1), order(50, 3, 1))
    assert np.any(order(50, 3, 1) != order(50, 3, 2))
    assert np.any(order(50, 3, 1) != order(50, 4, 1))
    np.testing.assert_array_equal(np.sort(order(50, 3, 1)), np.arange(50))


@pytest.mark.parametrize("cell", KERAS_CELLS)
def test_an_epoch_is_that_of_keras_fit(parts, cell):
    """The same weights, rows in the same order, and Adam: the same weights after, the last short batch included."""
    import keras

    ours = network(cell)
    model = keras_model(ours.blocks, ours.start([3, 0]).weights, features=2)
    # Keras adds epsilon before it corrects v, optax after it, as the paper does; a small one makes them alike.
    model.compile(keras.optimizers.Adam(0.01, epsilon=1e-10), "mse")
    rows = order(70, 5, 1)
    model.fit(parts.train.inputs[rows], parts.train.targets[rows], batch_size=8, shuffle=False, verbose=0)
    fitted = fit(ours, Recipe(1, 8, 0.01), parts.train, parts.validation, seed=5, start=[3, 0])
    names = ("kernel", "recurrent_kernel", "bias")  # Keras' order; JAX sorts the keys
    mine = [block[name] for block in fitted.weights for name in names if name in block]
    for own, keras_own in zip(mine, model.trainable_variables, strict=True):
        assert_close(own, keras_own.value, "training", np.float32)


def test_the_chosen_epoch_is_best_on_validation_and_keeps_its_weights(parts):
    fitted = fit(network(), Recipe(6, 8, 0.3), parts.train, parts.validation, seed=1, start=[1, 0])
    figures = [epoch.validation["mse"] for epoch in fitted.epochs]
    assert fitted.chosen == 1 + int(np.argmin(figures))
    again = network().outputs(fitted.weights, parts.validation)
    assert TASK.measure(again, parts.validation.targets)["mse"] == figures[fitted.chosen - 1]


def test_test_rows_play_no_part(parts):
    shown = fit(network(), Recipe(2, 8, 0.01), parts.train, parts.validation, seed=1, start=[1, 0])
    again = fit(network(), Recipe(2, 8, 0.01), parts.train, parts.validation, seed=1, start=[1, 0])
    assert [epoch.validation for epoch in shown.epochs] == [epoch.validation for epoch in again.epochs]
    other = fit(network(), Recipe(2, 8, 0.01), parts.train, parts.validation, seed=2, start=[1, 0])
    assert shown.epochs[0].loss != other.epochs[0].loss


def test_loss_is_the_mean_over_rows(parts):
    """With a learning rate of nearly nothing the loss of an epoch is that of the initial weights."""
    ours = network()
    start = ours.outputs(ours.start([1, 0]).weights, parts.train)
    fitted = fit(ours, Recipe(1, 8, 1e-30), parts.train, parts.validation, seed=1, start=[1, 0])
    assert_close(fitted.epochs[0].loss, TASK.measure(start, parts.train.targets)["mse"], "gradient", np.float32)


def test_outputs_do_not_depend_on_how_rows_are_batched(parts, monkeypatch):
    ours = network()
    weights = ours.start([1, 0]).weights
    whole = ours.outputs(weights, parts.train)
    assert whole.shape == (70, 1)
    monkeypatch.setattr(fitting, "_ROWS_AT_ONCE", 9)
    other = Network(TASK, TASK.blocks("gru", 5), parts.train, Recipe(1, 8, 0.1))
    assert_close(other.outputs(weights, parts.train), whole, "same_order", np.float32)


def test_ticks_and_epochs_are_told(parts):
    ticks, told = [], []
    fit(
        network(),
        Recipe(2, 8, 0.01),
        parts.train,
        parts.validation,
        seed=1,
        start=[1, 0],
        tick=lambda *at: ticks.append(at),
        told=lambda number, epoch: told.append(number),
    )
    assert ticks[:2] == [(1, 8, 70), (1, 16, 70)]
    assert ticks[-1] == (2, 70, 70)
    assert told == [1, 2]


def test_peak_memory_counts_weights_optimizer_batch_and_scratch(parts):
    def bytes_of(units, batch):
        return network("lstm", units, batch).peak_memory(parts.train)

    parameters = 4 * 64 * (2 + 64 + 1) + 65
    assert bytes_of(64, 8) > 3 * 4 * parameters  # weights and Adam's two moments
    assert bytes_of(64, 32) > bytes_of(64, 8)
    # The values that a step back needs: five a unit and step of the LSTM.
    assert bytes_of(64, 32) - bytes_of(64, 8) > 24 * 12 * 64 * 5 * 4


def test_not_a_number_is_worse_than_any():
    lower, higher = Measure("a", "a", "lower"), Measure("a", "a", "higher")
    nan = float("nan")
    assert better(lower, 1, 2)
    assert better(higher, 2, 1)
    assert not better(higher, 1, 1)
    assert better(lower, 5, nan)
    assert not better(lower, nan, 5)
    assert not better(lower, nan, nan)


def test_examples_take():
    rows = Examples(np.arange(6).reshape(3, 2), np.arange(3)).take(np.array([2, 0]))
    assert rows.inputs.tolist() == [[4, 5], [0, 1]]
    assert rows.targets.tolist() == [2, 0]


class TestAdversarial:
    """Against Miyato et al. 2017, with finite differences for the gradient in the embedded words."""

    INPUTS = np.array([[0, 3, 4, 5], [0, 0, 9, 3], [0, 0, 0, 0]], np.int32)
    TARGETS = np.array([1, 0, 1], np.int32)

    def made(self, adversarial):
        task = Classify("nothing")
        blocks = [Embedding(11, 4), Recurrent("gru", 5, steps=True), Pool("mean"), Dense(1)]
        like = Examples(self.INPUTS, self.TARGETS)
        object.__setattr__(task, "_labels", OneLabel(("bad", "good")))
        return Network(task, blocks, like, Recipe(1, 3, 0.01, adversarial=adversarial))

    def losses(self, ours, weights, shift):
        outputs, _ = ours.forward(weights, self.INPUTS, self.TARGETS, shift=np.asarray(shift, np.float32))
        return np.asarray(ours.task.losses(outputs, self.TARGETS), np.float64)

    def gradient(self, ours, weights):
        """Of the mean loss in the embedded words."""
        g = np.zeros((*self.INPUTS.shape, 4))
        for place in np.ndindex(*g.shape):
            step = np.zeros_like(g)
            step[place] = 0.01
            both = [self.losses(ours, weights, sign * step).mean() for sign in (1, -1)]
            g[place] = (both[0] - both[1]) / 0.02
        return g

    def test_texts_move_uphill_as_far_as_it_says(self):
        ours = self.made(0.3)
        weights = ours.start([3]).weights
        table = np.asarray(weights[0]["table"])
        g = self.gradient(ours, weights)
        r = np.asarray(against(g.astype(np.float32), table, self.INPUTS))
        live = table[self.INPUTS[self.INPUTS > 0]]
        length = np.sqrt((live**2).sum(axis=1).mean())
        np.testing.assert_allclose(np.sqrt((r**2).sum(axis=(1, 2)))[:2], length, rtol=1e-5)
        assert not r[self.INPUTS == 0].any()
        still, moved = (self.losses(ours, weights, shift) for shift in (0 * r, 0.3 * r))
        assert np.all(moved[:2] > still[:2])
        assert moved[2] == still[2]

    def test_a_step_learns_from_the_texts_and_the_moved_ones_alike(self):
        ours, plain = self.made(0.3), self.made(0.0)
        weights = ours.start([3]).weights
        g = self.gradient(plain, weights).astype(np.float32)
        r = 0.3 * np.asarray(against(g, np.asarray(weights[0]["table"]), self.INPUTS))
        (_, gradients) = ours._gradients_of_both(
            lambda w, shift: (
                ours.task.losses(ours.forward(w, self.INPUTS, self.TARGETS, shift=shift)[0], self.TARGETS).mean(),
                (),
            ),
            weights,
            self.INPUTS,
        )
        kernel = np.asarray(weights[-1]["kernel"])
        for place in np.ndindex(*kernel.shape):
            both = []
            for sign in (1, -1):
                step = np.zeros_like(kernel)
                step[place] = sign * 0.01
                other = [*weights[:-1], {**weights[-1], "kernel": kernel + step}]
                both.append(np.mean([self.losses(ours, other, shift).mean() for shift in (0 * r, r)]))
            expected = (both[0] - both[1]) / 0.02
            assert float(gradients[-1]["kernel"][place]) == pytest.approx(expected, rel=1e-2, abs=1e-5)

    def test_a_batch_whose_rows_count_nothing_stays(self):
        zeros = np.zeros((*self.INPUTS.shape, 4), np.float32)
        assert not np.asarray(against(zeros, np.ones((11, 4), np.float32), self.INPUTS)).any()
