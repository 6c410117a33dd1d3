"""Integrated gradients: exact for linear networks, complete for others, and those of the whole path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explained import drawn_weights, number_example, token_example, value

from gatewright.explanation.integrated_gradients import BASELINE, integrated_gradients
from gatewright.nn import model as models
from gatewright.nn.backend import jax_backend
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.results.explanation import GRADIENTS
from gatewright.support.errors import InputError
from gatewright.tasks.base.explainable import Output
from gatewright.tasks.classify_series.layers import SeriesInput

IDS = [4, 9, 2, 10, 2, 5, 5, 7, 3]


def test_effects_of_a_linear_network_are_exact():
    layers = [Embedding(11, 5), Dropout(0.5), Pool("mean"), Dense(2)]
    weights = drawn_weights(layers)
    found = integrated_gradients(layers, weights, token_example(IDS, Output("good", 1, "bad", 0)))
    kernel, bias = (weights[-1][name].astype(np.float64) for name in ("kernel", "bias"))
    vectors = weights[0]["table"][[1, *IDS]].astype(np.float64)
    np.testing.assert_allclose(found.values, vectors @ (kernel[:, 1] - kernel[:, 0]) / 10, atol=1e-6)
    assert found.method == GRADIENTS
    assert found.others[BASELINE] == pytest.approx(bias[1] - bias[0], abs=1e-6)
    assert found.difference == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "pooling"), [("simple_rnn", "last"), ("gru", "mean"), ("lstm", "attention")])
def test_effects_equal_a_fine_sum_over_the_path_under_jax(cell, pooling):
    below = Recurrent(cell, 6, True, return_sequences=True)
    pool = [] if pooling == "last" else [Pool(pooling)]
    layers = [Embedding(11, 5), below, Recurrent(cell, 7, True, return_sequences=bool(pool)), *pool, Dense(3)]
    weights = drawn_weights(layers)
    output = Output("good", 2, sign=-1)
    example = token_example(IDS, output)
    found = integrated_gradients(layers, weights, example)
    x = weights[0]["table"][example.inputs]

    @jax.jit
    def gradients(points):
        def number(x):
            outputs = models.forward(layers[1:], jax_backend(), weights[1:], Activations(x))[0].x
            return -outputs[:, 2].sum()

        return jax.grad(number)(points[:, None, None] * x)

    points = (np.arange(400, dtype=np.float32) + 0.5) / 400
    expected = (jnp.mean(gradients(points), axis=0) * x[0]).sum(axis=1)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=5e-3)
    assert found.values.sum() + found.others[BASELINE] == pytest.approx(
        value(layers, weights, example.inputs, output) + found.difference, abs=1e-5
    )
    assert abs(found.difference) < 0.01 * np.abs(found.values).sum()


def test_steps_of_numbers_have_effects_and_missing_ones_have_none():
    layers = [SeriesInput(), Recurrent("gru", 6), Dense(1)]
    weights = drawn_weights(layers, 3)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    x[4], x[2, 1] = np.nan, np.nan
    found = integrated_gradients(layers, weights, number_example(x, Output("high", 0)))
    assert found.values[4] == 0
    assert np.isfinite(found.values).all()
    assert abs(found.difference) < 1e-4
    # A network of recurrent layers alone reads the numbers themselves.
    present = np.delete(x, 4, axis=0)
    bare = integrated_gradients(layers[1:], weights[1:], number_example(np.nan_to_num(present), Output("high", 0)))
    np.testing.assert_allclose(bare.values, np.delete(found.values, 4), rtol=0, atol=1e-6)


def test_effects_on_a_word_of_a_language_model_come_from_the_words_before_it():
    layers = [Embedding(11, 6), Recurrent("lstm", 6, return_sequences=True), Softmax(11, tied=True)]
    weights = models.bind(layers, drawn_weights(layers))
    output = Output("a", 3, "b", 4, step=5)
    example = token_example(IDS, output)
    found = integrated_gradients(layers, weights, example)
    np.testing.assert_array_equal(found.values[6:], 0)
    assert np.all(found.values[:6] != 0)
    whole = value(layers, weights, example.inputs, output)
    assert found.values.sum() + found.others[BASELINE] - found.difference == pytest.approx(whole, abs=1e-5)
    assert abs(found.difference) < 1e-3


def changing_network(steps: int):
    """Return a network that changes its answer suddenly on the path, and an example of so many more steps after that.

    The unit holds 1 or -1. A strong number at one step turns it from 1 to -1 if it is scaled by more than 0.37.
    """
    layers = [Recurrent("simple_rnn", 1), Dense(1)]
    cell = {"kernel": [[1.0]], "recurrent_kernel": [[6.0]], "bias": [0.0]}
    weights = [{name: np.array(value, np.float32) for name, value in cell.items()}]
    weights.append({"kernel": np.ones((1, 1), np.float32), "bias": np.zeros(1, np.float32)})
    x = np.array([[1.0], *[[0.0]] * 3, [-6 / 0.37], *[[0.0]] * steps], np.float32)
    return layers, weights, number_example(x, Output("high", 0))


def test_sudden_changes_on_the_path_are_found():
    layers, weights, example = changing_network(2)
    found = integrated_gradients(layers, weights, example)
    assert found.others[BASELINE] == 0
    assert abs(found.difference) < 0.01
    assert found.values[4] == pytest.approx(-2, abs=0.02)
    assert found.values[0] == pytest.approx(1, abs=0.02)


def test_a_change_that_is_too_sudden_leaves_a_gap_that_is_reported():
    layers, weights, example = changing_network(40)
    found = integrated_gradients(layers, weights, example)
    assert found.values.sum() == pytest.approx(0, abs=0.02)
    assert found.difference == pytest.approx(1, abs=0.02)  # the answer is -1, and 0 for the baseline


def test_networks_without_gradients_and_numbers_that_overflow_are_reported():
    class Odd(Layer):
        kind = "spectral"

        def forward(self, backend, w, inputs, states, rng):
            return inputs, ()

    layers = [Embedding(11, 5), Recurrent("gru", 6), Odd(), Dense(2)]
    example = token_example(IDS, Output("good", 1))
    with pytest.raises(InputError, match=r"^A spectral layer has no gradients"):
        integrated_gradients(layers, drawn_weights(layers), example)
    layers = [Embedding(11, 5), Recurrent("gru", 6, activation="linear"), Dense(2)]
    weights = drawn_weights(layers)
    weights[2]["kernel"] *= np.float32(1e38)
    weights[1]["bias"] += 100
    with pytest.raises(InputError, match="not finite"):
        integrated_gradients(layers, weights, example)
