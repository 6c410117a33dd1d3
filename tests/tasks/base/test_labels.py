"""The labels of an example: one of two or more classes, or any number of labels."""

import jax.numpy as jnp
import numpy as np
import pytest

from gatewright.support.escapes import escape_control
from gatewright.tasks.base.labels import MultiLabel, SingleLabel

THREE = MultiLabel(("a", "b", "c"))


def test_labels_become_targets_and_predictions():
    rows = [("c", "a"), (), ("b",)]
    targets = THREE.targets(rows)
    assert targets.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert THREE.predicted(targets.astype(float)) == [("a", "c"), (), ("b",)]
    assert THREE.targets([]).shape == (0, 3)


@pytest.mark.parametrize(("rows", "labels"), [(1, 1), (9, 2), (50, 6)])
def test_losses_are_the_mean_binary_cross_entropy(rows, labels):
    rng = np.random.default_rng(0)
    kind = MultiLabel(tuple(map(str, range(labels))))
    outputs = (3 * rng.normal(size=(rows, labels))).astype(np.float32)
    targets = rng.integers(0, 2, (rows, labels)).astype(np.int32)
    p = 1 / (1 + np.exp(-outputs.astype(np.float64)))
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(axis=1)
    losses = kind.losses(jnp.array(outputs), jnp.array(targets))
    assert losses.shape == (rows,)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert kind.measure(kind.probabilities(outputs), targets)["log_loss"] == pytest.approx(expected.mean())


def test_extreme_logits_have_finite_losses():
    outputs, targets = np.array([[1e4, -1e4, 0]], np.float32), np.array([[0, 1, 1]])
    assert np.isfinite(THREE.losses(jnp.array(outputs), jnp.array(targets))).all()
    assert np.isfinite(THREE.measure(THREE.probabilities(outputs), targets)["log_loss"])


def test_an_example_scores_if_all_its_labels_are_right():
    outputs, targets = np.array([[1.0, -1, 0], [1, -1, 1], [-1, -1, -1]]), np.array([[1, 0, 1], [1, 1, 1], [0, 0, 0]])
    probabilities = THREE.probabilities(outputs)
    scores = THREE.scores(probabilities, targets)
    assert scores.tolist() == [True, False, True]
    assert THREE.measure(probabilities, targets)["accuracy"] == scores.mean()
    assert list(THREE.measure(probabilities, targets)) == [measure.name for measure in THREE.measures]
    assert THREE.confusion(probabilities, targets)[1] == [[2, 0], [1, 0]]


def test_the_constant_is_finite_and_best():
    targets = np.array([[1, 1, 0]] * 3 + [[0, 1, 0]])
    logits, said = THREE.constant(targets)
    assert said == "the frequency of each label as its probability"
    np.testing.assert_allclose(THREE.probabilities(logits[None])[0], [0.75, 0.875, 0.125])
    loss = THREE.losses(jnp.array(np.tile(logits[:1], (4, 1))), jnp.array(targets[:, :1])).mean()
    for other in (-0.1, 0.1):
        assert THREE.losses(jnp.array(np.tile(logits[:1] + other, (4, 1))), jnp.array(targets[:, :1])).mean() > loss


def test_a_single_label_is_predicted():
    two = SingleLabel(("a", "b"))
    assert two.outputs == 1
    assert two.predicted(two.probabilities(np.array([[1.0], [-1.0]]))) == [("b",), ("a",)]
    assert MultiLabel(("a", "b")).outputs == 2


def test_control_characters_are_escaped():
    assert escape_control("a, é \U0001f600 中") == "a, é \U0001f600 中"
    assert escape_control("\0\x1b[1m\n\u2028") == "\\x00\\x1b[1m\\n\\u2028"


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_the_constant_of_data_with_one_class_has_finite_metrics(names):
    labels = SingleLabel(names)
    targets = np.full(4, 1)
    logits, _ = labels.constant(targets)
    figures = labels.measure(labels.probabilities(np.tile(logits, (4, 1))), targets)
    assert figures["accuracy"] == 1
    assert figures["log_loss"] == 0
