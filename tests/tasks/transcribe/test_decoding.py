"""Decoders equal the exhaustive search over all transcripts, and do not depend on how steps are divided."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_symbols import Letters, Pieces, all_transcripts, random_log_probs

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.decoding import Decoding, decoded, decoder
from gatewright.tasks.transcribe.ngrams import BOUNDARY, START, Ngrams

SEEDS = st.integers(0, 2**32 - 1)
LETTERS = Letters(" ab")
ONE_WORD = Letters("ab")
WORD_PIECES = Pieces("", (" a", "b", " "))
TEXTS = ["a ab", "ab b", "a ab b", "b", "ba"]
NGRAMS = Ngrams.fit(TEXTS)
ALL = 1000


def score(symbols, ids, log_probability, decoding, ngrams, is_open):
    """Return the score of a transcript by its definition."""
    words = symbols.decode(ids).split()
    total = log_probability + decoding.word_bonus * len(words)
    context = START
    for number in [*map(ngrams.number, words), BOUNDARY]:
        total += decoding.lm_weight * ngrams.log_probability(number, context, is_open)
        context = context[1], number
    return total


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 6))
def test_prefix_beam_search_finds_the_most_probable_transcript(seed, steps):
    log_probs = random_log_probs(np.random.default_rng(seed), steps, 4)
    transcripts = all_transcripts(log_probs)
    found = decoded(decoder(LETTERS, Decoding("beam", ALL)), log_probs)
    assert found.ids == max(transcripts, key=transcripts.get)
    assert math.isclose(found.log_probability, transcripts[found.ids], rel_tol=1e-6)
    assert found.score == found.log_probability


def plain_search(log_probs, beam):
    """Return the best transcript of prefix beam search and its log probability, with all extensions of each step."""
    live = {(): (1.0, 0.0)}
    for row in np.exp(log_probs.astype(np.float64)).tolist():
        after = defaultdict(lambda: [0.0, 0.0])
        for ids, (blank, other) in live.items():
            after[ids][0] += (blank + other) * row[0]
            after[ids][1] += other * row[ids[-1]] if ids else 0
            for symbol in range(1, len(row)):
                after[*ids, symbol][1] += (blank if ids[-1:] == (symbol,) else blank + other) * row[symbol]
        live = dict(sorted(after.items(), key=lambda one: -sum(one[1]))[:beam])
    ids = max(live, key=lambda ids: sum(live[ids]))
    return ids, math.log(sum(live[ids]))


@settings(max_examples=15)
@given(SEEDS, st.sampled_from([1, 2, 5, 16]))
def test_a_narrow_beam_keeps_the_best_of_all_extensions(seed, beam):
    log_probs = random_log_probs(np.random.default_rng(seed), 25, 6)
    ids, log_probability = plain_search(log_probs, beam)
    found = decoded(decoder(Letters("abcde"), Decoding("beam", beam)), log_probs)
    assert found.ids == ids
    assert math.isclose(found.log_probability, log_probability, rel_tol=1e-5)


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([LETTERS, WORD_PIECES]), st.floats(0, 2), st.floats(-2, 2))
def test_the_language_model_scores_words_and_the_end(seed, symbols, weight, bonus):
    log_probs = random_log_probs(np.random.default_rng(seed), 5, 4)
    decoding = Decoding("beam", ALL, weight, bonus)
    transcripts = all_transcripts(log_probs)
    scores = {ids: score(symbols, ids, p, decoding, NGRAMS, True) for ids, p in transcripts.items()}
    found = decoded(decoder(symbols, decoding, NGRAMS), log_probs)
    assert math.isclose(found.score, max(scores.values()), rel_tol=1e-6)
    assert math.isclose(found.score, scores[found.ids], rel_tol=1e-6)
    assert math.isclose(found.log_probability, transcripts[found.ids], rel_tol=1e-6)


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([LETTERS, WORD_PIECES, ONE_WORD]), st.floats(0, 2), st.floats(-2, 2))
def test_a_lexicon_allows_its_words_alone(seed, symbols, weight, bonus):
    log_probs = random_log_probs(np.random.default_rng(seed), 6, len(symbols.pieces))
    decoding = Decoding("lexicon", ALL, weight, bonus)
    allowed = {()}  # all sequences of words that are spelled as in the lexicon, with one space between characters
    spelled = [own for word in NGRAMS.words if (own := symbols.spell(word))]
    between = () if isinstance(symbols, Pieces) else (1,)
    for _ in range(1 if symbols is ONE_WORD else 4):
        allowed |= {(*ids, *(between if ids else ()), *own) for ids in allowed for own in spelled}
    transcripts = {ids: p for ids, p in all_transcripts(log_probs).items() if ids in allowed}
    scores = {ids: score(symbols, ids, p, decoding, NGRAMS, False) for ids, p in transcripts.items()}
    found = decoded(decoder(symbols, decoding, NGRAMS), log_probs)
    assert math.isclose(found.score, max(scores.values()), rel_tol=1e-6)
    assert math.isclose(found.score, scores[found.ids], rel_tol=1e-6)
    assert math.isclose(found.log_probability, transcripts[found.ids], rel_tol=1e-6)


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["greedy", "beam", "lexicon"]), st.lists(st.integers(0, 40), max_size=8))
def test_the_division_into_chunks_changes_no_bit(seed, method, cuts):
    log_probs = random_log_probs(np.random.default_rng(seed), 40, 4)
    one = decoder(LETTERS, Decoding(method, 4, 0.0 if method == "greedy" else 0.7, 0.3), NGRAMS)
    state = one.start()
    certain: list[int] = []
    for chunk in np.split(log_probs, sorted(cuts)):
        one.advance(state, chunk)
        assert one.certain(state)[: len(certain)] == certain  # what is certain does not change
        certain = list(one.certain(state))
        assert one.best(state, final=False).ids == (*certain, *one.uncertain(state))
    found = one.best(state)
    assert found == decoded(one, log_probs)
    assert list(found.ids[: len(certain)]) == certain


def test_greedy_search_removes_repetitions_and_then_blanks():
    path = [0, 1, 1, 0, 1, 2, 2, 0, 0, 3]
    log_probs = np.log(np.full((10, 4), 0.1) + 0.6 * np.eye(4)[path])
    found = decoded(decoder(LETTERS, Decoding()), log_probs)
    assert found.ids == (1, 1, 2, 3)
    assert math.isclose(found.log_probability, 10 * math.log(0.7))


@settings(max_examples=20)
@given(SEEDS)
def test_one_beam_is_greedy_search_where_the_network_is_sure(seed):
    rng = np.random.default_rng(seed)
    path = rng.integers(0, 4, 50)
    log_probs = np.log(np.full((50, 4), 0.001) + 0.996 * np.eye(4)[path])
    greedy = tuple(one for one, _ in groupby(path.tolist()) if one)
    assert decoded(decoder(LETTERS, Decoding("beam", 1)), log_probs).ids == greedy
    assert decoded(decoder(LETTERS, Decoding("beam", 16)), log_probs).ids == greedy


@settings(max_examples=10)
@given(SEEDS)
def test_more_beams_rarely_find_less(seed):
    rng = np.random.default_rng(seed)
    chosen = [random_log_probs(rng, 30, 5) for _ in range(5)]
    few, more = (decoder(Letters("abcd"), Decoding("beam", beam)) for beam in (2, 64))
    for log_probs in chosen:
        assert decoded(more, log_probs).score > decoded(few, log_probs).score - 0.5


def test_a_transcript_that_ends_within_a_word_leaves_this_word_out():
    symbols, ngrams = Letters(" abc"), Ngrams.fit(["ab abc", "cc"])
    path = [2, 3, 1, 4, 0, 0]
    log_probs = np.log(np.full((6, 5), 1e-30) + np.eye(5)[path])  # "ab c"
    found = decoded(decoder(symbols, Decoding("lexicon", 1), ngrams), log_probs)
    assert symbols.decode(found.ids) == "ab"


def test_an_empty_recording_has_an_empty_transcript():
    for decoding in (Decoding(), Decoding("beam"), Decoding("lexicon")):
        found = decoded(decoder(LETTERS, decoding, NGRAMS), np.zeros((0, 4), np.float32))
        assert found.ids == ()
        assert found.log_probability == 0


def test_memory_does_not_grow_with_the_steps_that_are_certain():
    one = decoder(LETTERS, Decoding("beam", 8))
    state = one.start()
    log_probs = random_log_probs(np.random.default_rng(0), 400, 4, 9.0)
    one.advance(state, log_probs)

    def size(prefix):
        return 1 + sum(map(size, prefix.children.values()))

    assert size(state.root) < 100
    assert len(one.certain(state)) > 100


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "viterbi"}, "The decoding must be one of 'greedy', 'beam', 'lexicon', not 'viterbi'"),
        ({"beam": 0}, "beams must be from 1 to 1,000, not 0"),
        ({"lm_weight": -1.0}, "weight of the language model must be from 0 to 10, not -1"),
        ({"word_bonus": float("nan")}, "bonus of a word must be from -10 to 10, not nan"),
    ],
)
def test_settings_outside_their_range_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        Decoding(**given)


def test_a_language_model_that_is_missing_is_named():
    for decoding in (Decoding("lexicon"), Decoding("beam", lm_weight=1.0)):
        with pytest.raises(InputError, match="has no lexicon and no language model"):
            decoder(LETTERS, decoding)
    with pytest.raises(InputError, match="no word that the symbols of the model can write"):
        decoder(LETTERS, Decoding("lexicon"), Ngrams.fit(["xyz"]))
