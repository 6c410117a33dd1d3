"""Measures, against what is known of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from gatewright.results.formatting import format_number
from gatewright.results.serialize import to_json_value
from gatewright.tasks.base.measures import (
    class_metrics,
    confusion,
    label_confusion,
    multi_label_metrics,
    predicted_labels,
    to_label_probabilities,
    to_probabilities,
)


def test_probabilities():
    np.testing.assert_allclose(to_probabilities(np.array([[0.0], [math.log(3)]])), [[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(to_probabilities(np.array([[1e4, -1e4, 0.0]])), [[1, 0, 0]])
    np.testing.assert_allclose(to_probabilities(np.log([[1.0, 2, 5]])), [[0.125, 0.25, 0.625]])


def test_two_classes():
    shares = np.array([0.1, 0.4, 0.35, 0.8])  # the example of scikit-learn's guide: AUROC 0.75
    figures = class_metrics(np.stack([1 - shares, shares], axis=1), np.array([0, 0, 1, 1]))
    assert figures["auroc"] == pytest.approx(0.75)
    assert figures["accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 * 2 / (2 * 2 + 1) + 2 / 3) / 2)
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())
    # Confidences 0.9 and 0.8 are alone in their intervals; 0.6 (right) and 0.65 (wrong) share one.
    assert figures["calibration_error"] == pytest.approx((0.1 + 0.2 + abs((1 - 0.6) + (0 - 0.65))) / 4)


def test_rows_of_like_confidence_are_taken_together():
    shares = np.full(4, 0.75)
    figures = class_metrics(np.stack([1 - shares, shares], axis=1), np.array([1, 1, 1, 0]))
    assert figures["calibration_error"] == pytest.approx(0)


def test_what_can_not_be_measured_is_not_a_number():
    figures = class_metrics(np.array([[0.9, 0.1]]), np.array([0]))
    assert math.isnan(figures["auroc"])
    assert to_json_value({"a": (figures["auroc"], 1.5)}) == {"a": [None, 1.5]}


def test_more_classes_that_are_told_apart():
    figures = class_metrics(np.eye(3)[[0, 1, 2, 2]] * 0.7 + 0.1, np.array([0, 1, 2, 2]))
    assert figures["accuracy"] == figures["auroc"] == figures["macro_f1"] == 1


def test_confusion():
    assert confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 3) == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_shares():
    found = to_label_probabilities(np.array([[0.0, math.log(3), -800.0, 800.0]]))
    np.testing.assert_allclose(found, [[0.5, 0.75, 0, 1]], rtol=1e-15)
    assert to_label_probabilities(np.array([[-600.0]]))[0, 0] > 0
    assert predicted_labels(np.array([[0.5, 0.4999]])).tolist() == [[True, False]]


@settings(deadline=None)  # scikit-learn is imported in it
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 2**32), st.floats(0, 1))
def test_of_labels_are_those_of_scikit_learn(rows, labels, seed, share):
    rng = np.random.default_rng(seed)
    targets = (rng.random((rows, labels)) < share).astype(np.int32)
    probabilities = rng.random((rows, labels)).round(2)
    answers = probabilities >= 0.5
    found = multi_label_metrics(probabilities, targets)
    assert list(found) == [*("macro_f1", "micro_f1", "accuracy", "auroc", "log_loss", "calibration_error")]
    each = [metrics.f1_score(targets[:, label], answers[:, label], zero_division=0) for label in range(labels)]
    assert found["macro_f1"] == pytest.approx(np.mean(each), abs=1e-12)
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(targets.ravel(), answers.ravel(), zero_division=0))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(targets, answers))
    if labels > 1:  # of a single column scikit-learn takes yes and no for two classes
        assert found["macro_f1"] == pytest.approx(metrics.f1_score(targets, answers, average="macro", zero_division=0))
    losses = [metrics.log_loss(targets[:, label], probabilities[:, label], labels=[0, 1]) for label in range(labels)]
    assert found["log_loss"] == pytest.approx(np.mean(losses))
    told_apart = [label for label in range(labels) if 0 < targets[:, label].sum() < rows]
    if told_apart:
        expected = metrics.roc_auc_score(targets[:, told_apart], probabilities[:, told_apart], average="macro")
        assert found["auroc"] == pytest.approx(expected)
    else:
        assert math.isnan(found["auroc"])
    expected = [metrics.confusion_matrix(targets[:, n], answers[:, n], labels=[0, 1]).tolist() for n in range(labels)]
    assert label_confusion(answers, targets) == expected


def test_calibration_of_labels():
    # Of two of 0.8 one is right, which is off by 0.3; the other two are alone in their intervals.
    found = multi_label_metrics(np.array([[0.8, 0.2], [0.9, 0.4]]), np.array([[1, 1], [1, 0]]))
    assert found["calibration_error"] == pytest.approx((2 * 0.3 + 0.1 + 0.4) / 4)


def test_a_label_that_is_nowhere_has_no_f1():
    found = multi_label_metrics(np.array([[0.8, 0.3], [0.3, 0.3]]), np.array([[1, 0], [0, 0]]))
    assert (found["macro_f1"], found["micro_f1"], found["accuracy"], found["auroc"]) == (0.5, 1, 1, 1)


def test_certain_and_wrong_is_a_finite_loss():
    found = multi_label_metrics(np.array([[0.0, 1.0]]), np.array([[1, 0]]))
    assert found["log_loss"] == pytest.approx(-math.log(np.finfo(float).eps))


def test_figures_of_a_network_that_diverged_stay_short():
    assert [format_number(value) for value in (0.12345, 999_999.0, 1.5e304, float("nan"))] == [
        "0.1235",
        "999999.0000",
        "1.5e+304",
        "-",
    ]
