"""The symbols of transcripts."""

from __future__ import annotations

import json

import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.alphabet import Alphabet

TEXTS = ["zwei  drei", "Zu\u0308rich ", "\tdrei\n"]


@pytest.mark.parametrize("kind", ["characters", "words", "bytes"])
def test_transcripts_are_normalized_encoded_and_decoded(kind):
    alphabet = Alphabet.fit(TEXTS, kind, None, lower_case=False)
    assert [alphabet.decode(alphabet.encode(text)) for text in TEXTS] == ["zwei drei", "Z\u00fcrich", "drei"]
    assert min(alphabet.encode(TEXTS[0])) >= 1
    assert max(map(max, map(alphabet.encode, TEXTS))) <= alphabet.symbols
    assert Alphabet.from_json(json.loads(json.dumps(alphabet.to_json()))) == alphabet


@pytest.mark.parametrize("kind", ["characters", "words", "bytes"])
def test_the_pieces_of_a_transcript_are_its_text_and_words_are_spelled_as_in_it(kind):
    alphabet = Alphabet.fit(TEXTS, kind, None, lower_case=False)
    symbols = alphabet.encode("zwei drei")
    assert len(alphabet.pieces) == 1 + alphabet.symbols
    assert "".join(alphabet.pieces[symbol] for symbol in symbols).strip() == "zwei drei"
    spelled = [alphabet.spell(word) for word in ("zwei", "drei")]
    space = alphabet.encode("zwei drei")[4:5] if kind == "characters" else []
    assert [*spelled[0], *space, *spelled[1]] == symbols


def test_unknown_characters_are_left_out_and_named():
    alphabet = Alphabet.fit(TEXTS, "characters", None, lower_case=True)
    assert alphabet.decode(alphabet.encode("ZWEI ÄPFEL")) == "zwei e"
    assert alphabet.unknown("ZWEI ÄPFEL") == ["ä", "p", "f", "l"]
    assert alphabet.spell("äpfel") is None
    assert Alphabet.fit(["a"], "bytes", None, lower_case=False).unknown("ä") == []


def test_a_damaged_alphabet_is_refused():
    stored = Alphabet.fit(TEXTS, "words", None, lower_case=False).to_json()
    for broken in (
        {**stored, "lower_case": 1},
        {**stored, "encoder": {**stored["encoder"], "split": "keras"}},
        {**stored, "encoder": {**stored["encoder"], "tokens": []}},
    ):
        with pytest.raises(InputError, match=r"^its "):
            Alphabet.from_json(broken)
