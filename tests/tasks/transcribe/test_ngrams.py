"""The trigram model: its probabilities, and how it is stored."""

from __future__ import annotations

import json
import math
import pickle
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.ngrams import BOUNDARY, START, Ngrams

TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=6).map(" ".join), max_size=12)


def perplexity(ngrams, lines):
    """Return the perplexity of texts per word, counting their ends."""
    total = count = 0
    for line in lines:
        context = START
        for number in [*map(ngrams.number, line.split()), BOUNDARY]:
            total += ngrams.log_probability(number, context, True)
            count += 1
            context = context[1], number
    return math.exp(-total / count)


@settings(max_examples=25)
@given(TEXTS)
def test_the_probabilities_of_all_words_sum_to_1(texts):
    ngrams = Ngrams.fit(texts, ["a", "e"])
    known = [BOUNDARY, *range(1, 1 + len(ngrams.words))]
    for context in product([*known, ngrams.unknown], repeat=2):
        for is_open, numbers in ((False, known), (True, [*known, ngrams.unknown])):
            total = sum(math.exp(ngrams.log_probability(one, context, is_open)) for one in numbers)
            assert math.isclose(total, 1)


@settings(max_examples=25)
@given(TEXTS.filter(lambda texts: any(texts)))
def test_probabilities_are_those_of_the_formula(texts):
    ngrams = Ngrams.fit(texts)
    names = {word: number for number, word in enumerate(ngrams.words, 1)}
    c = Counter()
    for text in filter(None, texts):
        ids = [0, 0, *(names[word] for word in text.split()), 0]
        c.update(zip(ids, ids[1:], ids[2:], strict=False))
    n2, n1 = Counter((v, w) for _, v, w in c), Counter()
    n1.update(w for _, w in n2)

    def discount(counts):
        once, twice = (list(counts.values()).count(number) for number in (1, 2))
        return once / (once + 2 * twice) if once and twice else 0.5

    def share(counts, before, w, lower):
        own = {key: count for key, count in counts.items() if key[:-1] == before}
        if not own:
            return lower
        total, d = sum(own.values()), discount(counts)
        return max(own.get((*before, w), 0) - d, 0) / total + d * len(own) / total * lower

    for u, v, w in product(range(1 + len(names)), repeat=3):
        p1 = share({(key,): count for key, count in n1.items()}, (), w, 1 / (1 + len(names)))
        expected = share(c, (u, v), w, share(n2, (v,), w, p1))
        assert math.isclose(math.exp(ngrams.log_probability(w, (u, v), False)), expected)


def test_a_model_of_the_texts_is_less_perplexed_than_words_alone():
    rng = np.random.default_rng(0)
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    lines = [" ".join(words[(first + at) % 7] for at in range(5)) for first in rng.integers(0, 7, 60)]
    shuffled = [" ".join(rng.permutation(line.split())) for line in lines]
    fitted, other = Ngrams.fit(lines), Ngrams.fit(shuffled)
    assert perplexity(fitted, lines) < 2.1 < perplexity(other, lines) < 9
    assert perplexity(fitted, ["eight nine"]) > 8


@settings(max_examples=20)
@given(TEXTS)
def test_a_stored_model_is_the_same_model(texts):
    ngrams = Ngrams.fit(texts, ["e"])
    read = Ngrams.from_json(json.loads(json.dumps(ngrams.to_json())))
    again = pickle.loads(pickle.dumps(read))
    for context in ((0, 0), (1, 1), (0, 1)):
        assert ngrams.log_probability(1, context, True) == again.log_probability(1, context, True)
    assert again.words == ngrams.words


def test_texts_of_many_blocks_are_counted_together(monkeypatch):
    texts = ["a b c", "a b", "c a b", "b b b"] * 5
    whole = Ngrams.fit(texts)
    monkeypatch.setattr("gatewright.tasks.transcribe.ngrams._LINES", 3)
    assert Ngrams.fit(texts).to_json() == whole.to_json()


def test_only_the_most_frequent_trigrams_of_a_large_text_are_kept(monkeypatch):
    monkeypatch.setattr("gatewright.tasks.transcribe.ngrams._MAX_TRIGRAMS", 3)
    ngrams = Ngrams.fit(["a b", "a b", "c d e f"])
    assert ngrams.counts.tolist() == [2, 2, 2]
    assert len(ngrams.words) == 6


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"words": ["a", "a"], "trigrams": []}, "its language model.words has the same value twice"),
        ({"words": [""], "trigrams": []}, "its language model.words"),
        ({"words": ["a"], "trigrams": [0, 0, 1]}, "four whole numbers for each trigram, not a list of 3 values"),
        ({"words": ["a"], "trigrams": [0, 0, 1, 1.5]}, "four whole numbers for each trigram"),
        ({"words": ["a"], "trigrams": [0, 0, 1, 0]}, "a trigram that cannot occur"),
        ({"words": ["a"], "trigrams": [0, 0, 2, 1]}, "has 1 words, but word 2 occurs"),
        ({"words": ["a"], "trigrams": [0, 0, 1, 1, 0, 0, 1, 1]}, "not in rising order"),
    ],
)
def test_damaged_models_are_refused(stored, message):
    with pytest.raises(InputError, match=message):
        Ngrams.from_json(stored)
