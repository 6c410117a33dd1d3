"""Figures of merit of a tagger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.measure import Measure
from gatewright.tasks.tag.blocks import Answers, Truths

SPANS = Measure("span_f1", "span F1", "higher")
TOKENS = Measure("accuracy", "accuracy", "higher")
UNKNOWN_WORDS = Measure("unknown_word_accuracy", "accuracy on unknown words", "higher")
LABELS = Measure("intent_accuracy", "intent accuracy", "higher")

MEASURES = (SPANS, TOKENS, UNKNOWN_WORDS, LABELS)
"""All measures; which of them a tagger has depends on its tags and labels."""

_OF_SPANS = re.compile(r"O|[BIESLU](-.+)?", re.DOTALL)
# BILOU's last and unit-length tags are BIOES' end and single.
_AS_BIOES = {"L": "E", "U": "S"}


class Span(NamedTuple):
    """Words of a sentence from `first` up to and with `last`."""

    kind: str
    first: int
    last: int


def are_spans(tags: Sequence[str]) -> bool:
    """Whether tags tell spans: all are O or begin with B, I, E or S (or L, U) and a dash, or are such a letter."""
    return all(_OF_SPANS.fullmatch(tag) for tag in tags) and any(tag != "O" for tag in tags)


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of a sentence, as conlleval and, by default, seqeval read them: IOB1, IOB2, IOE and BIOES alike.

    A span begins at B and S, at I and E after O, E or S, and wherever the kind changes; it ends after E and S, before
    B, S and O, and wherever the kind changes. Tjong Kim Sang & Buchholz 2000, "Introduction to the CoNLL-2000 Shared
    Task: Chunking"; Nakayama 2018, seqeval.
    """
    found, begun = [], 0
    before, kind_before = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, kind = _AS_BIOES.get(tag[0], tag[0]), tag[2:]
        other = kind != kind_before
        if before != "O" and (before in "ES" or letter in "BSO" or other):
            found.append(Span(kind_before, begun, place - 1))
        if letter in "BS" or (letter in "IE" and before in "OES") or (letter != "O" and other):
            begun = place
        before, kind_before = letter, kind
    return found


def span_f1(answers: Sequence[Sequence[str]], truths: Sequence[Sequence[str]]) -> float:
    """F1 of the spans of all sentences together: a span is right with its kind, first and last word. 0 without any."""
    right = given = there = 0
    for answer, truth in zip(answers, truths, strict=True):
        one, other = set(spans(answer)), set(spans(truth))
        right, given, there = right + len(one & other), given + len(one), there + len(other)
    return 2 * right / max(given + there, 1)


def of_tags(answers: Answers, truths: Truths, names: Sequence[str], with_spans: bool) -> dict[str, float]:
    """The figures by name, the deciding one first; one of which there is nothing to count is NaN.

    Args:
        answers, truths: of the same rows; NumPy's.
        names: of the tags; a truth may have more of them than scores do, which are wrong whatever is answered.
        with_spans: whether the tags tell spans.

    span_f1: see `span_f1`. accuracy: the share of words with the right tag. unknown_word_accuracy: of the words without
    an id. intent_accuracy: the share of sentences with the right label, of those that have one.
    """
    given, live = answers.scores.argmax(axis=2) + 1, truths.tags > 0
    right = given == truths.tags
    figures = {}
    if with_spans:
        said, was = _named(given, live, names), _named(truths.tags, live, names)
        figures[SPANS.name] = span_f1(said, was)
    figures[TOKENS.name] = _share(right[live])
    figures[UNKNOWN_WORDS.name] = _share(right[live & truths.unknown])
    if answers.labels.shape[1]:
        told = truths.labels > 0
        figures[LABELS.name] = _share((answers.labels.argmax(axis=1) + 1 == truths.labels)[told])
    return figures


def shares_right(answers: Answers, truths: Truths) -> NDArray[np.float64]:
    """The share of words with the right tag, of each row, [rows]."""
    live = truths.tags > 0
    right = live & (answers.scores.argmax(axis=2) + 1 == truths.tags)
    shares: NDArray[np.float64] = right.sum(axis=1) / live.sum(axis=1).clip(1)
    return shares


def _named(numbers: NDArray[Any], live: NDArray[np.bool_], names: Sequence[str]) -> list[list[str]]:
    return [[names[number - 1] for number in row[there]] for row, there in zip(numbers, live, strict=True)]


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if right.size else float("nan")
