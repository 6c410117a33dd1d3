"""Blocks: what Keras builds has as many parameters as they say, and starts from the seed alone."""

import numpy as np
import pytest
from tolerances import assert_close

import gatewright
from gatewright import blocks
from gatewright.blocks import Dense, Embedding, Recurrent

pytestmark = pytest.mark.slow  # compiles Keras models


@pytest.fixture(autouse=True)
def _keras():
    with gatewright.accelerate():
        yield


def weights(model):
    return [np.asarray(variable.value) for variable in model.trainable_variables]


@pytest.mark.parametrize("cell", blocks.CELLS)
@pytest.mark.parametrize("units", [1, 7, 17])
def test_parameters_are_keras(cell, units):
    text = [Embedding(11, 5), Recurrent(cell, units), Dense(3)]
    assert blocks.parameters(text, 1) == blocks.build(text, (9,), "int32", [0]).count_params()
    numbers = [Recurrent(cell, units), Dense(1)]
    assert blocks.parameters(numbers, 2) == blocks.build(numbers, (9, 2), "float32", [0]).count_params()


def test_weights_are_a_function_of_the_seed():
    model = [Embedding(11, 5), Recurrent("gru", 4), Dense(2)]
    one, again, other = (weights(blocks.build(model, (9,), "int32", seed)) for seed in ([1, 0], [1, 0], [1, 1]))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.any(a != b) for a, b in zip(one, other, strict=True))
    assert np.any(one[1][:4, :4] != one[2][:4, :4])  # layers do not share their draws


def test_weights_do_not_depend_on_kerass_own_seed():
    import keras

    model = [Recurrent("lstm", 4), Dense(1)]
    keras.utils.set_random_seed(1)
    one = weights(blocks.build(model, (3, 2), "float32", [5]))
    keras.utils.set_random_seed(2)
    for a, b in zip(one, weights(blocks.build(model, (3, 2), "float32", [5])), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", blocks.CELLS)
def test_padding_never_changes_an_answer(cell):
    model = blocks.build([Embedding(11, 5), Recurrent(cell, 6), Dense(2)], (None,), "int32", [0])
    row = np.array([[1, 4, 9, 2, 10]], np.int32)
    padded = np.concatenate([np.zeros((1, 12), np.int32), row], axis=1)
    assert_close(model(padded), model(row), "same_order", np.float32)
