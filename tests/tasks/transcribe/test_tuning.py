"""Tests of the choice of a decoder's weights on the validation set."""

import re

import numpy as np
import pytest

from gatewright.tasks.transcribe.alphabet import Alphabet
from gatewright.tasks.transcribe.decoding import Decoding
from gatewright.tasks.transcribe.ngrams import Ngrams
from gatewright.tasks.transcribe.tuning import _STEPS, _spread, tuned_decoding

# "so so" is frequent, so that a language model prefers "so" to "to".
TEXTS = ["so so so", "so so", "to so", "so"]
ALPHABET = Alphabet.fit(TEXTS, "characters", None, False)
NGRAMS = Ngrams.fit(TEXTS)
START = Decoding("lexicon", 8, 0.5, 1.0)


def heard(text: str, doubt: dict[str, str], level: float) -> np.ndarray:
    """Return log probabilities of a text, one step a character, where some characters sound like others."""
    rows = np.full((len(text), 1 + ALPHABET.symbols), 1e-6)
    wrong = "".join(doubt.get(character, character) for character in text)
    for row, right, other in zip(rows, ALPHABET.encode(text), ALPHABET.encode(wrong), strict=True):
        row[other] = level
        row[right] = 1 - level if other != right else 1
    return np.log(rows / rows.sum(axis=1, keepdims=True))


def test_a_larger_weight_is_chosen_where_only_the_language_model_hears_the_difference():
    """The word "so" sounds like "to", and is taken for it unless the language model weighs enough."""
    utterances = [heard(text, {"s": "t"}, 0.85) for text in ("so so so", "so so")]
    chosen, note = tuned_decoding(ALPHABET, START, NGRAMS, ("lm_weight",), utterances, ["so so so", "so so"])
    assert chosen.lm_weight > START.lm_weight
    assert chosen.word_bonus == START.word_bonus
    errors, before = map(int, re.search(r": (\d) errors in 5 words, against (\d) with 0\.5\.$", note).groups())
    assert errors < before


@pytest.mark.parametrize("names", [("lm_weight", "word_bonus"), ("word_bonus",)])
def test_the_first_weights_are_kept_unless_others_are_better(names):
    chosen, note = tuned_decoding(ALPHABET, START, NGRAMS, names, [heard("to so", {}, 0)], ["to so"])
    assert chosen == START
    assert "0 errors in 2 words." in note


def test_long_validation_sets_are_sampled():
    assert _spread([5, 9, 2]) == [0, 1, 2]
    assert _spread([_STEPS * 2]) == [0]
    places = _spread([100] * 1_000)
    assert sum(100 for _ in places) <= _STEPS
    assert len(places) == _STEPS // 100
    assert places[-1] > 900
