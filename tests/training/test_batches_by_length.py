"""Batches of similar length: every example once in an epoch, in an order of its own, and with little padding."""

from types import SimpleNamespace

import numpy as np

from gatewright.data.batches import Batch, minibatches, shuffled
from gatewright.training.by_width import training_batches


def prepared(lengths, by_length=True):
    return SimpleNamespace(batches_by_length=by_length, lengths=lambda batch: lengths)


def batch(examples):
    return Batch(np.zeros((examples, 1), np.int32), np.zeros(examples, np.int32))


def test_each_example_is_in_one_batch_of_an_epoch():
    lengths = np.random.default_rng(0).integers(1, 40, 1000)
    for examples in (1, 7, 8, 9, 1000):
        found = training_batches(prepared(lengths[:examples]), batch(examples), 8, 0, 1)
        live = np.concatenate([one.examples[one.weights > 0] for one in found])
        assert sorted(live.tolist()) == list(range(examples))
        assert all(len(one.examples) == 8 for one in found)


def test_batches_have_examples_of_similar_length_in_random_order():
    lengths = np.random.default_rng(0).integers(1, 40, 1000)
    found = training_batches(prepared(lengths), batch(1000), 8, 0, 1)
    padded = sum(8 * lengths[one.examples].max() for one in found)
    mixed = sum(8 * lengths[one.examples].max() for one in minibatches(shuffled(1000, 0, 1), 8))
    assert padded < 1.1 * lengths.sum() < mixed
    longest = [lengths[one.examples].max() for one in found]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def test_batches_depend_on_the_seed_and_the_epoch_alone():
    lengths = np.random.default_rng(0).integers(1, 40, 100)

    def orders(seed, epoch):
        return np.concatenate([one.examples for one in training_batches(prepared(lengths), batch(100), 8, seed, epoch)])

    np.testing.assert_array_equal(orders(3, 2), orders(3, 2))
    assert (orders(3, 2) != orders(3, 3)).any()
    assert (orders(3, 2) != orders(4, 2)).any()


def test_other_tasks_keep_their_order():
    lengths = np.random.default_rng(0).integers(1, 40, 100)
    found = training_batches(prepared(lengths, by_length=False), batch(100), 8, 0, 1)
    for one, other in zip(found, minibatches(shuffled(100, 0, 1), 8), strict=True):
        np.testing.assert_array_equal(one.examples, other.examples)
