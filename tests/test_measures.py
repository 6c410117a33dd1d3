"""Measures, against what is known of them."""

import math

import numpy as np
import pytest

from gatewright.measures import confusion, of_classes, plain, to_probabilities


def test_probabilities():
    np.testing.assert_allclose(to_probabilities(np.array([[0.0], [math.log(3)]])), [[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(to_probabilities(np.array([[1e4, -1e4, 0.0]])), [[1, 0, 0]])
    np.testing.assert_allclose(to_probabilities(np.log([[1.0, 2, 5]])), [[0.125, 0.25, 0.625]])


def test_two_classes():
    shares = np.array([0.1, 0.4, 0.35, 0.8])  # the example of scikit-learn's guide: AUROC 0.75
    figures = of_classes(np.stack([1 - shares, shares], axis=1), np.array([0, 0, 1, 1]))
    assert figures["auroc"] == pytest.approx(0.75)
    assert figures["accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 * 2 / (2 * 2 + 1) + 2 / 3) / 2)
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())
    # Confidences 0.9 and 0.8 are alone in their intervals; 0.6 (right) and 0.65 (wrong) share one.
    assert figures["calibration_error"] == pytest.approx((0.1 + 0.2 + abs((1 - 0.6) + (0 - 0.65))) / 4)


def test_rows_of_like_confidence_are_taken_together():
    shares = np.full(4, 0.75)
    figures = of_classes(np.stack([1 - shares, shares], axis=1), np.array([1, 1, 1, 0]))
    assert figures["calibration_error"] == pytest.approx(0)


def test_what_can_not_be_measured_is_not_a_number():
    figures = of_classes(np.array([[0.9, 0.1]]), np.array([0]))
    assert math.isnan(figures["auroc"])
    assert plain({"a": (figures["auroc"], 1.5)}) == {"a": [None, 1.5]}


def test_more_classes_that_are_told_apart():
    figures = of_classes(np.eye(3)[[0, 1, 2, 2]] * 0.7 + 0.1, np.array([0, 1, 2, 2]))
    assert figures["accuracy"] == figures["auroc"] == figures["macro_f1"] == 1


def test_confusion():
    assert confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 3) == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
