"""Metrics of taggers: spans as seqeval finds them, and fractions that are counted by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gatewright.tasks.tag.measures import fractions_right, of_tags, span_f1
from gatewright.tasks.tag.schemes import NO_SPANS, PREFIX, spans

GOLDENS = json.loads((Path(__file__).parents[2] / "goldens" / "seqeval.json").read_text())


def test_f1_equals_that_of_seqeval():
    for case in GOLDENS:
        assert span_f1(case["answers"], case["truths"]) == pytest.approx(case["f1"], abs=1e-12)
    assert len({case["f1"] for case in GOLDENS}) > 30


def test_there_may_be_no_spans():
    assert spans([]) == spans(["O", "O"]) == []
    assert span_f1([["O"]], [["O"]]) == 0


def outputs(predicted, tags, labels):
    return {"scores": np.eye(tags)[predicted], "labels": np.array(labels), "losses": np.arange(len(predicted))}


def test_metrics_equal_those_counted_by_hand():
    # The tags are O, B-a and I-a; the one of number 4 is unseen.
    names = ["O", "B-a", "I-a", "B-z"]
    predicted = outputs([[0, 1, 2], [0, 0, 1], [0, 0, 0]], 3, [[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    targets = {
        "tags": np.array([[1, 2, 3], [0, 1, 4], [0, 0, 1]]),
        "unknown": np.array([[False, True, False], [False, False, True], [False, False, False]]),
        "labels": np.array([1, 3, 0]),
    }
    figures = of_tags(predicted, targets, names, notation=PREFIX)
    assert figures == {
        # Right: the span of the first sentence. That of the second has another kind; none is missed.
        "span_f1": 2 * 1 / (2 + 2),
        "accuracy": 5 / 6,
        "unknown_word_accuracy": 1 / 2,
        # The third is a piece without a label; the second has an unseen label.
        "intent_accuracy": 1 / 2,
        # Six words; of the labels, only that of the first sentence is known.
        "loss": pytest.approx((0 + 1 + 2) / 6 + np.log(1 + np.exp(-1))),
    }
    assert next(iter(of_tags(predicted, targets, names, notation=NO_SPANS))) == "accuracy"
    np.testing.assert_array_equal(fractions_right(predicted, targets), [1, 1 / 2, 1])


def test_the_accuracy_on_unknown_words_is_nan_if_there_are_none():
    targets = {"tags": np.array([[1, 2]]), "unknown": np.zeros((1, 2), bool), "labels": np.zeros(1, int)}
    figures = of_tags(outputs([[0, 1]], 2, np.zeros((1, 0))), targets, ["A", "B"], notation=NO_SPANS)
    assert figures["accuracy"] == 1
    assert math.isnan(figures["unknown_word_accuracy"])
    assert "intent_accuracy" not in figures
