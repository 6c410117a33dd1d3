"""Minibatches: every example once, in an order that seed and epoch determine."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.batches import Batch, concatenate, minibatches, shuffled


@given(st.integers(1, 40), st.integers(1, 12))
def test_minibatches_have_every_example_once(examples, size):
    selections = list(minibatches(np.arange(examples)[::-1], size))
    assert {len(selection.examples) for selection in selections} == {size}
    live = np.concatenate([selection.examples[selection.weights == 1] for selection in selections])
    np.testing.assert_array_equal(live, np.arange(examples)[::-1])


def test_the_order_is_a_function_of_seed_and_epoch():
    np.testing.assert_array_equal(shuffled(50, 3, 1), shuffled(50, 3, 1))
    assert np.any(shuffled(50, 3, 1) != shuffled(50, 3, 2))
    assert np.any(shuffled(50, 3, 1) != shuffled(50, 4, 1))
    np.testing.assert_array_equal(np.sort(shuffled(50, 3, 1)), np.arange(50))


def test_a_batch_takes_examples_from_trees():
    batch = Batch({"ids": np.arange(6).reshape(3, 2), "features": {"x": np.arange(3)}}, np.arange(3))
    taken = batch.take(np.array([2, 0]))
    assert (batch.size, taken.size) == (3, 2)
    assert taken.inputs["ids"].tolist() == [[4, 5], [0, 1]]
    assert taken.inputs["features"]["x"].tolist() == [2, 0]
    assert taken.targets.tolist() == [2, 0]


def test_trees_are_concatenated():
    joined = concatenate([{"a": np.arange(2), "b": np.ones((2, 3))}, {"a": np.arange(1), "b": np.ones((1, 3))}])
    assert joined["a"].tolist() == [0, 1, 0]
    assert joined["b"].shape == (3, 3)
