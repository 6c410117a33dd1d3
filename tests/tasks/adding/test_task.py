"""The adding problem: its examples, losses, measures and baselines."""

import jax.numpy as jnp
import numpy as np
import pytest

from gatewright.tasks.adding.settings import AddingSettings
from gatewright.tasks.adding.task import Adding, PreparedSums

PREPARED = PreparedSums()


def task_of(max_length, limit=None):
    return Adding("adding", AddingSettings(max_length=max_length), limit=limit)


@pytest.fixture(scope="module")
def splits():
    return task_of(11, limit=3000).read()


def test_the_target_is_the_sum_of_the_marked_numbers(splits):
    assert [split.size for split in (splits.train, splits.validation, splits.test)] == [3000, 1000, 3000]
    numbers, marks = splits.train.inputs[..., 0], splits.train.inputs[..., 1]
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # One mark in each half; every step is marked in some example.
    np.testing.assert_array_equal(marks[:, :5].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 5:].sum(axis=1), 1)
    assert (marks.sum(axis=0) > 0).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=1), splits.train.targets[:, 0], rtol=1e-6)


def test_no_example_recurs(splits):
    examples = np.concatenate([splits.train.inputs, splits.validation.inputs, splits.test.inputs])
    assert len(np.unique(examples.reshape(len(examples), -1), axis=0)) == len(examples)


def test_the_error_of_the_constant_is_the_variance():
    wide = task_of(4).read()
    outputs, _ = PREPARED.constant(wide.test.targets, wide.train.targets)
    assert len(np.unique(outputs)) == 1
    assert PREPARED.measure(outputs, wide.test.targets)["mse"] == pytest.approx(1 / 6, abs=0.005)


def test_measures():
    outputs, targets = np.array([[1.0], [0.5], [0.7]]), np.array([[1.03], [0.5], [0.6]])
    found = PREPARED.measure(outputs, targets)
    assert found["mse"] == pytest.approx((0.03**2 + 0.1**2) / 3)
    assert found["within_0_04"] == pytest.approx(2 / 3)
    assert PREPARED.scores(outputs, targets).tolist() == [True, True, False]
    assert list(found) == [measure.name for measure in PREPARED.measures]


def test_losses_are_squared_errors():
    outputs, targets = jnp.array([[1.0], [0.5]]), jnp.array([[1.5], [0.5]])
    assert PREPARED.losses(outputs, targets).tolist() == [0.25, 0.0]


def test_the_baseline_cannot_add(splits):
    baseline = task_of(11).baseline(splits, PREPARED)
    assert baseline.outputs.shape == (3000, 1)
    assert PREPARED.measure(baseline.outputs, splits.test.targets)["mse"] > 0.1
