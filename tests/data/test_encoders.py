"""Encoders encode any text, decode ids, and refuse damaged model files."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.encoders import BytePairs, Characters, Words, decode, encoder_from_json
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, UNKNOWN

LINES = "The cat sat; the dog didn't.\nThe cat (a cat) ran!\n"
BYTES = BytePairs.fit([LINES * 3, "Käse 中文 😀"], 300)
ENCODERS = {
    **{split: Words.fit([LINES], 100, split) for split in ("keras", "spaces", "punctuation")},
    "characters": Characters.fit([LINES], 100),
    "bytes": BYTES,
}
ANY = st.text(st.characters(exclude_categories=()), max_size=40)  # half surrogate pairs included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("name", ENCODERS)
@given(text=ANY)
def test_any_text_can_be_encoded(name, text):
    encoder = ENCODERS[name]
    numbers = encoder.encode(text)
    assert all(UNKNOWN <= number < encoder.ids and number != 3 for number in numbers)
    assert (UNKNOWN in numbers) == bool(encoder.unknown(text))
    for number in numbers:
        assert isinstance(encoder.token(number), str)


@pytest.mark.parametrize("name", ENCODERS)
def test_long_and_odd_texts(name):
    encoder = ENCODERS[name]
    assert encoder.encode("") == []
    assert len(encoder.encode("cat " * 100_000)) >= 100_000
    for text in ("\0", "中文", "😀", "\ud800", "\udfff\ud800"):
        encoder.encode(text)


@given(text=st.text())
def test_byte_pairs_decode_to_the_same_text(text):
    assert decode(BYTES, BYTES.encode(text)) == text


@given(text=st.text(alphabet=sorted(set(LINES))))
def test_characters_decode_to_the_same_text(text):
    assert decode(ENCODERS["characters"], ENCODERS["characters"].encode(text)) == text


def test_an_unpaired_surrogate_becomes_the_replacement_character():
    assert BYTES.encode("a\ud800b") == BYTES.encode("a\ufffdb")
    assert BYTES.encode("\ud83d\ude00") == BYTES.encode("😀")
    assert Words.fit(["a\udc00b"], 9).tokens == ("a\ufffdb",)


def test_each_split_has_its_own_words():
    def words(split):
        return [ENCODERS[split].token(number) for number in ENCODERS[split].encode(LINES)]

    assert words("keras") == ["the", "cat", "sat", "the", "dog", "didn't", "the", "cat", "a", "cat", "ran"]
    assert words("spaces")[:7] == ["The", "cat", "sat;", "the", "dog", "didn't.", "\n"]
    assert words("punctuation")[:9] == ["The", "cat", "sat", ";", "the", "dog", "didn't", ".", "\n"]


def test_words_are_joined_as_they_are_written():
    for split in ("spaces", "punctuation"):
        assert decode(ENCODERS[split], ENCODERS[split].encode(LINES)) == LINES
    assert decode(ENCODERS["keras"], [FIRST, UNKNOWN, 1, 0, FIRST + 1]) == "the <unk> cat"


def test_penn_treebank_lines_end_in_one_token():
    encoder = Words.fit([" a <unk> b \n c N \n"], 50, "spaces")
    assert [encoder.token(number) for number in encoder.encode(" a <unk> b \n")] == ["a", "<unk>", "b", "\n"]
    assert UNKNOWN not in encoder.encode("<unk>")


def test_rare_tokens_have_no_ids():
    assert Words.fit(["a a b"], 9, min_count=2).tokens == ("a",)
    assert Characters.fit(["aab"], 9, min_count=2).tokens == ("a",)


def test_byte_pairs_are_reproducible_and_shorten_texts():
    again = BytePairs.fit([LINES * 3, "Käse 中文 😀"], 300)
    assert again == BYTES
    assert BYTES.ids <= 300
    assert len(BYTES.encode(LINES)) < len(BytePairs.fit([LINES], 262).encode(LINES)) < len(LINES) + 1
    with pytest.raises(InputError, match="at least 260 ids, not 259"):
        BytePairs.fit([LINES], 259)


@given(text=st.text(max_size=10))
def test_a_stream_returns_whole_characters(text):
    add = BYTES.stream()
    parts = [add(number) for number in BYTES.encode(text)]
    assert "".join(parts) == text
    assert text.isascii() or all("\ufffd" not in part for part in parts) or "\ufffd" in text


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_survives_json(name):
    again = encoder_from_json(ENCODERS[name].to_json())
    assert again == ENCODERS[name]
    assert again.encode(LINES + "new 中") == ENCODERS[name].encode(LINES + "new 中")


@given(kept=JSON)
def test_any_other_json_is_refused(kept):
    with pytest.raises(InputError):
        encoder_from_json(kept)


@pytest.mark.parametrize("name", ["keras", "characters", "bytes"])
@given(data=st.data())
def test_a_changed_field_is_refused(name, data):
    kept = ENCODERS[name].to_json()
    part = data.draw(st.sampled_from(sorted(kept)))
    other = data.draw(JSON | st.just([["a", "b"]]) | st.just(["a", "a"]) | st.just([["Ġ", "never"]]))
    if part in ("tokens", "merges"):  # some other lists are encoders too
        with contextlib.suppress(InputError):
            encoder_from_json({**kept, part: other})
    else:
        with pytest.raises(InputError):
            encoder_from_json({**kept, part: other})
