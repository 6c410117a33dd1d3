"""The byte-pair encoder encodes every text as the Tokenizers library does, which learns its vocabulary."""

import gzip
import os
import random
import sys
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from gatewright.data.byte_pairs import split_words
from gatewright.data.encoders import BytePairs, encoder_from_json
from gatewright.data.unicode_ranges import LETTERS, NUMBERS, SPACES, code_points
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST

TEXTS = [
    "The cat's hat; the dog didn't. They'll see 1234 CATS!\n" * 3,
    "Käse für 12 Gäste 中文中文 😀😀 ﬁn e\u0301 e\u0301 ½ ½",
] * 3
ENCODER = BytePairs.fit(TEXTS, 340)
OVERLAPPING = BytePairs.fit(["ab aab abb aabb abab " * 9, "aaaa bb bbb aba aabab"], 290)
# Characters that decide how texts are split, among others.
DECISIVE = st.text(
    st.sampled_from("aàZs 'tve1½ \t\n\r\x1c\x85\xa0\u200b\u2028\u3000.-_é\u0301中😀\ufffd\0\u07fd\U0001e6c0")
)
ANY = DECISIVE | st.text() | st.lists(st.sampled_from([*TEXTS[0].split(), " ", "  ", "'ll", "'S"])).map("".join)


def library(encoder: BytePairs) -> Tokenizer:
    vocabulary = {piece: place for place, piece in enumerate(encoder.pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, list(encoder.merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def expect_the_same(encoder: BytePairs, tokenizer: Tokenizer, text: str) -> None:
    expected = tokenizer.encode(text)
    assert encoder.encode(text) == [FIRST + number for number in expected.ids]
    assert encoder.pieces_of(text) == [text[first:last] for first, last in expected.offsets]


def words_of_the_library(text: str) -> list[str]:
    found = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    return [text[first:last] for _, (first, last) in found]


LIBRARY = library(ENCODER)


@given(text=ANY)
def test_any_text_is_encoded_as_by_the_library(text):
    assert split_words(text) == words_of_the_library(text)
    expect_the_same(ENCODER, LIBRARY, text)


@given(text=st.text("aab", max_size=40), seed=st.integers(0, 20))
def test_merges_in_any_order_are_applied_as_by_the_library(text, seed):
    merges = [list(pair) for pair in OVERLAPPING.merges]
    random.Random(seed).shuffle(merges)
    stored = {**ENCODER.to_json(), "merges": merges, "pieces": sorted({*ENCODER.pieces, *map("".join, merges)})}
    encoder = encoder_from_json(stored)
    expect_the_same(encoder, library(encoder), text)


def test_letters_numbers_and_spaces_are_those_of_the_library():
    written = (LETTERS, NUMBERS, SPACES)
    edges = [
        [found.start - 1, found.start, found.stop - 1, found.stop] for one in written for found in code_points(one)
    ]
    numbers = sorted({*range(0x20000), *chain(*edges)} - {*range(0xD800, 0xE000)})
    for start in range(0, len(numbers), 4096):
        text = "".join(f"a{one}1{one}." for one in map(chr, numbers[start : start + 4096]))
        assert split_words(text) == words_of_the_library(text)


@pytest.mark.parametrize("word", ["ab" * 100_000, "a" * 200_001, "中" * 50_000, " " * 100_000, "didn't" * 20_000])
def test_a_huge_word_is_encoded_as_by_the_library(word):
    expected = LIBRARY.encode(word).ids
    assert ENCODER.encode(word) == [FIRST + number for number in expected]


def test_more_words_than_are_remembered_are_encoded():
    words = [f"{number:x}" for number in range(70_000)]
    text = " ".join(["the", *words, "the"])
    numbers = ENCODER.encode(text)
    assert numbers == [FIRST + number for number in LIBRARY.encode(text).ids]
    assert ENCODER.encode(text) == numbers


def test_ids_of_parts_of_characters_are_written_as_whole_characters():
    two, one = ENCODER.encode("½"), ENCODER.encode("e")
    numbers = [1, *ENCODER.encode("日"), *one, 0]
    assert ENCODER.written(numbers) == ["", "日", "日", "日", "e", ""]
    assert ENCODER.written([numbers[1], *one, *two]) == ["\ufffd", "e", *["½"] * len(two)]


def test_only_learning_needs_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    encoder = encoder_from_json(ENCODER.to_json())
    assert encoder.encode(TEXTS[0]) == ENCODER.encode(TEXTS[0])
    with pytest.raises(
        ImportError, match=r"^Learning a byte-pair vocabulary needs tokenizers: pip install 'gatewright"
    ):
        BytePairs.fit(TEXTS, 340)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("merges", lambda merges: [*merges, merges[0]], "a merge of its encoder occurs twice"),
        ("merges", lambda merges: [*merges, ["ĠĠ", "never"]], "a merge of its encoder uses a token that is missing"),
        ("pieces", lambda pieces: pieces[1:], "lacks a byte"),
        ("pieces", lambda pieces: [*pieces, "a b"], "a token that is not made of bytes"),
        ("pieces", lambda pieces: [*pieces, pieces[-1]], "a token of its encoder occurs twice"),
    ],
)
def test_damaged_vocabularies_are_refused(part, change, message):
    stored = ENCODER.to_json()
    with pytest.raises(InputError, match=message):
        encoder_from_json({**stored, part: change(stored[part])})


def test_real_texts_are_encoded_as_by_the_library():
    folder = Path(os.environ.get("GATEWRIGHT_DATA", "")) / "multi30k"
    if not (folder / "val.de.gz").exists():
        pytest.skip("GATEWRIGHT_DATA has no folder multi30k")
    texts = [gzip.decompress((folder / f"val.{side}.gz").read_bytes()).decode() for side in ("en", "de")]
    lines = "".join(texts).split("\n")
    encoder = BytePairs.fit(lines, 4000)
    tokenizer = library(encoder)
    for line in lines:
        expect_the_same(encoder, tokenizer, line)
