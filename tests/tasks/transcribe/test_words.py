"""The times and the confidence of words."""

from __future__ import annotations

import math
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_symbols import Letters, Pieces, random_log_probs

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.alphabet import Alphabet
from gatewright.tasks.transcribe.decoding import Decoding, decoded, decoder
from gatewright.tasks.transcribe.ngrams import Ngrams
from gatewright.tasks.transcribe.words import align, words_of

SEEDS = st.integers(0, 2**32 - 1)


def spans_of(alignment):
    """Return the first and the last step of each symbol in an alignment."""
    at, found = 0, []
    for symbol, same in groupby(alignment):
        steps = len(list(same))
        if symbol:
            found.append([at, at + steps - 1])
        at += steps
    return found


@settings(max_examples=20)
@given(SEEDS, st.lists(st.integers(1, 2), max_size=4))
def test_the_alignment_is_the_most_probable_one(seed, ids):
    steps = 7
    log_probs = random_log_probs(np.random.default_rng(seed), steps, 3)
    fitting = [
        one for one in product(range(3), repeat=steps) if [symbol for symbol, _ in groupby(one) if symbol] == ids
    ]
    best = max(fitting, key=lambda one: sum(log_probs[range(steps), one]))
    assert align(log_probs, ids).tolist() == spans_of(best)


@settings(max_examples=15)
@given(SEEDS)
def test_a_long_transcript_is_aligned_in_parts_of_the_states(seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, 4, 60).tolist()
    path = [symbol for one in ids for symbol in (one, 0)[: rng.integers(1, 3)]]
    path = [symbol for at, symbol in enumerate(path) for _ in range(rng.integers(1, 4))]
    written = [symbol for symbol, _ in groupby(path) if symbol]
    log_probs = random_log_probs(rng, len(path), 4) + 6 * np.eye(4)[path]
    whole = align(log_probs, written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewright.tasks.transcribe.words._STATES", 24)
        assert align(log_probs, written).tolist() == whole.tolist()
        far = align(random_log_probs(rng, len(path), 4, 9.0), written)  # still an alignment
    assert (far[:, 0] <= far[:, 1]).all()
    assert (far[1:, 0] > far[:-1, 1]).all()


def test_a_transcript_that_just_fits_has_one_alignment():
    log_probs = random_log_probs(np.random.default_rng(0), 4, 3)
    assert align(log_probs, [1, 1, 2]).tolist() == [[0, 0], [2, 2], [3, 3]]
    assert align(log_probs, []).shape == (0, 2)
    with pytest.raises(InputError, match="needs 6 steps does not fit into 4"):
        align(log_probs, [1, 1, 2, 2])


def test_words_have_the_times_of_their_symbols_and_the_product_of_their_probabilities():
    symbols = Letters(" ab")
    path = [0, 2, 2, 3, 0, 1, 0, 0, 3, 0]  # "ab b"
    p = np.full((10, 4), 0.1) + 0.6 * np.eye(4)[path]
    p[1, 2] = 0.5
    words = words_of([2, 3, 1, 3], np.log(p), symbols, 0.03)
    assert [(word.text, word.start, word.end) for word in words] == [("ab", 0.03, 0.12), ("b", 0.24, 0.27)]
    assert math.isclose(words[0].confidence, 0.7**2)  # the larger probability of two steps counts
    assert math.isclose(words[1].confidence, 0.7)
    assert words_of([], np.log(p), symbols, 0.03) == ()
    assert words_of([1, 1], np.log(p), symbols, 0.03) == ()  # only spaces


def test_words_of_pieces_begin_with_a_space():
    symbols = Pieces("", (" a", "b", " "))
    log_probs = np.log(np.full((8, 4), 0.1) + 0.6 * np.eye(4)[[1, 2, 1, 0, 3, 2, 0, 0]])
    words = words_of([1, 2, 1, 3, 2], log_probs, symbols, 1.0)
    assert [(word.text, word.start, word.end) for word in words] == [("ab", 0, 2), ("a", 2, 3), ("b", 5, 6)]


@pytest.mark.parametrize("tokens", ["characters", "words", "bytes"])
@pytest.mark.parametrize("method", ["greedy", "beam", "lexicon"])
def test_words_of_any_symbols_are_decoded_and_found_at_their_steps(tokens, method):
    texts = ["zwei \u00e4hren", "\u00e4hren acht"]
    alphabet = Alphabet.fit(texts, tokens, None, False)
    ids = alphabet.encode("acht zwei \u00e4hren")
    path = [symbol for one in ids for symbol in (one, one, 0)]
    log_probs = np.log(np.full((len(path), 1 + alphabet.symbols), 1e-4) + 0.9 * np.eye(1 + alphabet.symbols)[path])
    found = decoded(decoder(alphabet, Decoding(method, 8, 0.5, 0.5), Ngrams.fit(texts)), log_probs)
    assert found.ids == tuple(ids)
    words = words_of(found.ids, log_probs, alphabet, 1.0)
    assert [word.text for word in words] == ["acht", "zwei", "\u00e4hren"]
    for word in words:
        spoken = alphabet.decode(path[int(word.start) : int(word.end) : 3])
        assert spoken == word.text
    assert words[-1].end == len(path) - 1
