"""Metrics of taggers: spans as seqeval finds them, and fractions that are counted by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.tasks.tag.measures import Span, are_spans, fractions_right, of_tags, span_f1, spans

GOLDENS = json.loads((Path(__file__).parents[2] / "goldens" / "seqeval.json").read_text())


def test_spans_equal_those_of_seqeval():
    assert len(GOLDENS) == 120
    for case in GOLDENS:
        for tags, places, kinds in zip(case["truths"], case["spans"], case["kinds"], strict=True):
            # seqeval calls a span without a kind _.
            wanted = [Span("" if kind == "_" else kind, *place) for kind, place in zip(kinds, places, strict=True)]
            assert spans(tags) == wanted


def test_f1_equals_that_of_seqeval():
    for case in GOLDENS:
        assert span_f1(case["answers"], case["truths"]) == pytest.approx(case["f1"], abs=1e-12)
    assert len({case["f1"] for case in GOLDENS}) > 30


def test_bilou_is_read_as_bioes():
    assert spans(["B-a", "I-a", "L-a", "U-b", "O"]) == spans(["B-a", "I-a", "E-a", "S-b", "O"])
    assert spans(["B-a", "I-a", "L-a", "U-b", "O"]) == [Span("a", 0, 2), Span("b", 3, 3)]


@given(st.lists(st.tuples(st.sampled_from(["a", "b.c", "d-e"]), st.integers(1, 4), st.integers(0, 2)), max_size=6))
def test_spans_that_are_written_are_read(parts):
    """In IOB2 and in BIOES, for any order of spans, including adjacent ones of one kind."""
    wanted: list[Span] = []
    two: list[str] = []
    bioes: list[str] = []
    for kind, size, gap in parts:
        wanted.append(Span(kind, len(two), len(two) + size - 1))
        two += [f"B-{kind}", *[f"I-{kind}"] * (size - 1), *["O"] * gap]
        bioes += [f"S-{kind}"] if size == 1 else [f"B-{kind}", *[f"I-{kind}"] * (size - 2), f"E-{kind}"]
        bioes += ["O"] * gap
    assert spans(two) == spans(bioes) == wanted


def test_there_may_be_no_spans():
    assert spans([]) == spans(["O", "O"]) == []
    assert span_f1([["O"]], [["O"]]) == 0


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["O", "B-a", "I-a"], True),
        (["O", "I-a"], True),
        (["B-a.b-c", "S-x"], True),
        (["O", "B", "I"], True),
        (["O"], False),
        (["NOUN", "VERB"], False),
        (["O", "B-a", "X"], False),
        (["Ba", "O"], False),
    ],
)
def test_tags_are_recognized_as_spans(tags, said):
    assert are_spans(tags) is said


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
    figures = of_tags(predicted, targets, names, with_spans=True)
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
    assert next(iter(of_tags(predicted, targets, names, with_spans=False))) == "accuracy"
    np.testing.assert_array_equal(fractions_right(predicted, targets), [1, 1 / 2, 1])


def test_the_accuracy_on_unknown_words_is_nan_if_there_are_none():
    targets = {"tags": np.array([[1, 2]]), "unknown": np.zeros((1, 2), bool), "labels": np.zeros(1, int)}
    figures = of_tags(outputs([[0, 1]], 2, np.zeros((1, 0))), targets, ["A", "B"], with_spans=False)
    assert figures["accuracy"] == 1
    assert math.isnan(figures["unknown_word_accuracy"])
    assert "intent_accuracy" not in figures
