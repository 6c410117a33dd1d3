"""What the labels of a text are: one of several, or any number, and what outputs say of them."""

import jax.numpy as jnp
import numpy as np
import pytest

from gatewright.results.figures import printable
from gatewright.tasks.base.labels import OneLabel, SeveralLabels

THREE = SeveralLabels(("a", "b", "c"))


def test_targets_and_back():
    rows = [("c", "a"), (), ("b",)]
    targets = THREE.targets(rows)
    assert targets.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert THREE.decode(targets.astype(float)) == [("a", "c"), (), ("b",)]
    assert THREE.targets([]).shape == (0, 3)


@pytest.mark.parametrize(("rows", "labels"), [(1, 1), (9, 2), (50, 6)])
def test_losses_are_the_mean_cross_entropy_of_yes_and_no(rows, labels):
    rng = np.random.default_rng(0)
    kind = SeveralLabels(tuple(map(str, range(labels))))
    outputs = (3 * rng.normal(size=(rows, labels))).astype(np.float32)
    targets = rng.integers(0, 2, (rows, labels)).astype(np.int32)
    p = 1 / (1 + np.exp(-outputs.astype(np.float64)))
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(axis=1)
    losses = kind.losses(jnp.array(outputs), jnp.array(targets))
    assert losses.shape == (rows,)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert kind.measure(kind.probabilities(outputs), targets)["log_loss"] == pytest.approx(expected.mean())


def test_extreme_logits_stay_finite():
    outputs, targets = np.array([[1e4, -1e4, 0]], np.float32), np.array([[0, 1, 1]])
    assert np.isfinite(THREE.losses(jnp.array(outputs), jnp.array(targets))).all()
    assert np.isfinite(THREE.measure(THREE.probabilities(outputs), targets)["log_loss"])


def test_merits_are_rows_with_every_label_right():
    outputs, targets = np.array([[1.0, -1, 0], [1, -1, 1], [-1, -1, -1]]), np.array([[1, 0, 1], [1, 1, 1], [0, 0, 0]])
    probabilities = THREE.probabilities(outputs)
    merits = THREE.merits(probabilities, targets)
    assert merits.tolist() == [True, False, True]
    assert THREE.measure(probabilities, targets)["accuracy"] == merits.mean()
    assert list(THREE.measure(probabilities, targets)) == [measure.name for measure in THREE.measures]
    assert THREE.confusion(probabilities, targets)[1] == [[2, 0], [1, 0]]


def test_chance_is_finite_and_best():
    targets = np.array([[1, 1, 0]] * 3 + [[0, 1, 0]])
    logits, said = THREE.constant(targets)
    assert "each label by its share of the training rows" in said
    np.testing.assert_allclose(THREE.probabilities(logits[None])[0], [0.75, 0.875, 0.125])
    loss = THREE.losses(jnp.array(np.tile(logits[:1], (4, 1))), jnp.array(targets[:, :1])).mean()
    for other in (-0.1, 0.1):
        assert THREE.losses(jnp.array(np.tile(logits[:1] + other, (4, 1))), jnp.array(targets[:, :1])).mean() > loss


def test_one_label_is_given():
    two = OneLabel(("a", "b"))
    assert two.outputs == 1
    assert two.given(two.probabilities(np.array([[1.0], [-1.0]]))) == [("b",), ("a",)]
    assert SeveralLabels(("a", "b")).outputs == 2


def test_what_is_printed_stays_in_its_line():
    assert printable("a, é \U0001f600 中") == "a, é \U0001f600 中"
    assert printable("\0\x1b[1m\n\u2028") == "\\x00\\x1b[1m\\n\\u2028"
