"""Words and their letters as ids, and the pieces of long sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.tasks.tag.spelling import Spelling, pieces


def test_ids_are_ranked_by_frequency():
    spelling = Spelling.fit([["The", "cat"], ["the", "tea"]], 100, 1, 4)
    assert spelling.tokens == ("the", "cat", "tea")
    assert spelling.letters == ("e", "t", "h", "a")  # those that occur twice, with their case
    assert spelling.encode_word("the") == (4, [5, 6, 4, 0])
    assert spelling.encode_word("The") == (4, [2, 6, 4, 0])
    assert spelling.encode_word("teeth") == (2, [5, 4, 5, 6])  # half from each end
    assert spelling.encode_word("t" * 10_000)[1] == [5] * 4


def test_sentences_are_padded_on_the_left():
    spelling = Spelling.fit([["The", "cat"], ["the", "tea"]], 100, 1, 4)
    encoded = spelling.encode([["the"], [], ["cat", "tea"]], 2)
    assert encoded["words"].tolist() == [[0, 4], [0, 0], [5, 6]]
    assert encoded["chars"].shape == (3, 2, 4)
    assert encoded["chars"][0].tolist() == [[0, 0, 0, 0], [5, 6, 4, 0]]


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=30), st.integers(1, 9))
def test_any_word_has_ids(word, max_chars):
    _, chars = Spelling.fit([["a", "b"]], 100, 1, max_chars).encode_word(word)
    assert len(chars) == max_chars
    assert chars[0] != 0


@pytest.mark.parametrize("max_length", [1, 7, 8, 9, 17])
@pytest.mark.parametrize("words", [0, 1, 7, 8, 9, 17, 100])
def test_pieces_have_nearly_equal_lengths(words, max_length):
    cuts = pieces(words, max_length)
    assert [place for cut in cuts for place in range(*cut)] == list(range(words))
    sizes = [last - first for first, last in cuts]
    assert max(sizes) <= max_length
    assert max(sizes) - min(sizes) <= 1
