"""Error rates, with jiwer as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.tasks.transcribe.measures import (
    character_errors,
    errors,
    rate,
    rate_of,
    statistics,
    total,
    word_errors,
)

jiwer = pytest.importorskip("jiwer", reason="needs jiwer")
WORDS = st.lists(st.sampled_from(["a", "b", "ab", "ü"]), min_size=1, max_size=7)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(WORDS, st.lists(st.sampled_from(["a", "b", "ab", "ü"]), max_size=7)), min_size=1, max_size=5))
def test_error_rates_are_those_of_jiwer(pairs):
    references, transcripts = ([" ".join(side) for side in sides] for sides in zip(*pairs, strict=True))
    words, characters = word_errors(references, transcripts), character_errors(references, transcripts)
    assert rate(total(words)) == pytest.approx(100 * jiwer.wer(references, transcripts))
    assert rate(total(characters)) == pytest.approx(100 * jiwer.cer(references, transcripts))
    assert rate_of(statistics(words).sum(axis=0)) == pytest.approx(rate(total(words)))
    expected = jiwer.process_words(references, transcripts)
    assert total(words).errors == expected.substitutions + expected.deletions + expected.insertions
    assert total(words).insertions - total(words).deletions == expected.insertions - expected.deletions


@pytest.mark.parametrize(
    ("reference", "transcript", "expected"),
    [
        ("A B C", "A B C", (0, 0, 0, 3)),
        ("A B C", "A X C", (1, 0, 0, 3)),
        ("A B C", "A C", (0, 1, 0, 3)),
        ("A B C", "A B C D E", (0, 0, 2, 3)),
        ("A B C", "", (0, 3, 0, 3)),
        ("", "A", (0, 0, 1, 0)),
        ("", "", (0, 0, 0, 0)),
        ("A B", "B C", (2, 0, 0, 2)),
    ],
)
def test_substitutions_deletions_and_insertions_are_counted(reference, transcript, expected):
    assert errors(reference.split(), transcript.split()) == expected


def test_the_rate_of_no_words_is_not_a_number():
    assert np.isnan(rate(total([])))
