"""Vocabularies encode both languages, decode translations to the same text, and are restored from model files."""

import gzip
import os
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.encoders import Characters, Words
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN
from gatewright.tasks.translate.vocabulary import Vocabulary

PAIRS = SimpleNamespace(
    source=("A dog runs.", "The big dog sees a man.", "A man runs.") * 3,
    target=("Ein Hund rennt.", "Der große Hund sieht einen Mann.", "Ein Mann rennt.") * 3,
)
BYTES = Vocabulary.fit(PAIRS, "bytes", 320, joint=True, lower_case=False)
SEPARATE = Vocabulary.fit(PAIRS, "bytes", 300, joint=False, lower_case=False)
WORDS = Vocabulary.fit(PAIRS, "words", 40, joint=True, lower_case=False)
LOWER = Vocabulary.fit(PAIRS, "words", 40, joint=False, lower_case=True)
ALL = {"bytes": BYTES, "separate": SEPARATE, "words": WORDS, "lower": LOWER}


@pytest.mark.parametrize("vocabulary", [BYTES, SEPARATE], ids=["joint", "separate"])
@given(text=st.text() | st.text(" aA.\n\u2028\0\xa0") | st.sampled_from(PAIRS.target))
def test_byte_pairs_decode_to_the_same_text(vocabulary, text):
    assert vocabulary.decode_target(vocabulary.encode_target(text)) == text
    padded = [*vocabulary.encode_target(text), START, PADDING, PADDING]
    assert vocabulary.decode_target(padded) == text


def test_an_empty_sentence_has_no_ids():
    for vocabulary in ALL.values():
        assert vocabulary.encode_source("") == vocabulary.encode_target("") == []
        assert vocabulary.decode_target([]) == ""


def test_a_word_has_the_same_ids_at_the_beginning_of_a_sentence_and_inside_it():
    alone = BYTES.encode_target("Hund")
    assert BYTES.encode_target("Ein Hund") == [*BYTES.encode_target("Ein"), *alone]
    assert len(alone) == 1  # the word with its space was learned as one token


def test_a_joint_vocabulary_is_learned_from_both_languages():
    assert BYTES.joint
    assert not SEPARATE.joint
    assert BYTES.encode_source("Der Hund") == BYTES.encode_target("Der Hund")
    assert len(SEPARATE.encode_source("Hund")) > len(SEPARATE.encode_target("Hund"))
    assert UNKNOWN in LOWER.encode_source("Hund")
    assert UNKNOWN not in [*WORDS.encode_source("Hund"), *WORDS.encode_target("dog"), *LOWER.encode_target("Hund")]
    assert SEPARATE.source.ids <= 300
    assert BYTES.source.ids <= 320


def test_lower_case_applies_to_both_languages():
    assert LOWER.encode_source("THE DOG") == LOWER.encode_source("the dog")
    assert LOWER.encode_target("DER Hund") == LOWER.encode_target("der hund")
    assert LOWER.decode_target(LOWER.encode_target("DER Große")) == "der große"
    assert WORDS.encode_target("Der") != WORDS.encode_target("der")
    bytes_lower = Vocabulary.fit(PAIRS, "bytes", 300, joint=True, lower_case=True)
    assert bytes_lower.decode_target(bytes_lower.encode_target("  ÄH Ein")) == "  äh ein"


def test_words_decode_to_readable_sentences():
    for text in (*PAIRS.source, *PAIRS.target):
        assert WORDS.decode_target(WORDS.encode_target(text)) == text
    assert WORDS.decode_target(WORDS.encode_target("A zebra runs.")) == "A <unk> runs."
    hyphens = Vocabulary.fit(SimpleNamespace(source=["a  T-shirt"], target=[""]), "words", 9, True, False)
    assert hyphens.decode_target(hyphens.encode_target("a  T-shirt")) == "a T - shirt"


def test_pieces_show_spaces_and_whole_characters():
    assert "".join(BYTES.source_pieces("A dog runs.")) == "▁A▁dog▁runs."
    assert BYTES.source_pieces("中") == ["▁", "中", "中", "中"]
    assert BYTES.target_pieces([*BYTES.encode_target("Ein 中 Hund."), START]) == [
        *BYTES.source_pieces("Ein 中 Hund."),
        "",
    ]
    assert WORDS.source_pieces("A zebra runs.") == ["A", "zebra", "runs", "."]
    assert WORDS.target_pieces(WORDS.encode_target("A zebra runs.")) == ["A", "<unk>", "runs", "."]


@given(text=st.text())
def test_each_id_has_a_piece(text):
    for vocabulary in ALL.values():
        assert len(vocabulary.source_pieces(text)) == len(vocabulary.encode_source(text))
        ids = vocabulary.encode_target(text)
        assert len(vocabulary.target_pieces(ids)) == len(ids)


@given(ids=st.lists(st.integers(0, BYTES.target.ids - 1)))
def test_any_ids_can_be_decoded(ids):
    pieces = BYTES.target_pieces(ids)
    assert len(pieces) == len(ids)
    for text in (BYTES.decode_target(ids), *pieces):
        text.encode()  # fails if a surrogate is left


@pytest.mark.parametrize("name", ALL)
def test_a_vocabulary_survives_json(name):
    again = Vocabulary.from_json(ALL[name].to_json())
    assert again == ALL[name]
    assert again.joint == ALL[name].joint


CHARACTERS = Characters.fit(["ab"], 9).to_json()
KERAS_WORDS = Words.fit(["a b"], 9).to_json()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": CHARACTERS}, "^its vocabulary has neither byte pairs nor words"),
        ({"target": KERAS_WORDS}, "^its vocabulary has neither byte pairs nor words"),
        ({"source": WORDS.source.to_json()}, "^its source sentences are words, but its target sentences bytes"),
        ({"source": None}, "^its encoder has an unknown kind or unexpected fields"),
        ({"source": {**SEPARATE.source.to_json(), "merges": [["a"]]}}, "^a merge of its encoder is not a pair"),
        ({"lower_case": 1}, "^its vocabulary.lower_case must be true or false, not 1"),
        ({"other": 1}, "^its vocabulary has an unknown entry 'other'"),
    ],
)
def test_damaged_vocabularies_are_refused_with_one_sentence(change, message):
    with pytest.raises(InputError, match=message) as refused:
        Vocabulary.from_json({**SEPARATE.to_json(), **change})
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_other_values_than_vocabularies_are_refused():
    stored = BYTES.to_json()
    for value in (
        None,
        [],
        "bytes",
        {},
        *({**stored, part: wrong} for part, wrong in product(stored, (0, "", [], {}))),
    ):
        with pytest.raises(InputError):
            Vocabulary.from_json(value)


def test_sizes_that_are_too_small_are_refused():
    with pytest.raises(InputError, match="at least 260 ids, not 259"):
        Vocabulary.fit(PAIRS, "bytes", 259, joint=True, lower_case=False)
    with pytest.raises(InputError, match=f"more than {FIRST} ids, not {FIRST}"):
        Vocabulary.fit(PAIRS, "words", FIRST, joint=False, lower_case=False)


def test_captions_decode_to_the_same_text():
    folder = Path(os.environ.get("GATEWRIGHT_DATA", "")) / "multi30k"
    if not (folder / "val.de.gz").exists():
        pytest.skip("GATEWRIGHT_DATA has no folder multi30k")
    texts = [gzip.decompress((folder / f"val.{side}.gz").read_bytes()).decode() for side in ("en", "de")]
    source, target = (text.strip("\n").split("\n") for text in texts)
    vocabulary = Vocabulary.fit(
        SimpleNamespace(source=source, target=target), "bytes", 4000, joint=True, lower_case=False
    )
    assert [vocabulary.decode_target(vocabulary.encode_target(text)) for text in target] == target
    assert sum(map(len, map(vocabulary.encode_target, target))) < 20 * len(target)
