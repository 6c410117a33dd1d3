"""Words and ids of Keras' own preprocessing."""

import json

import pytest
from keras.src.legacy.preprocessing.text import Tokenizer, text_to_word_sequence

from gatewright.data import public
from gatewright.data.keras_words import KerasVocabulary, KerasWords, keras_encoder_from_json
from gatewright.data.word_files import read_words, vocabulary_of
from gatewright.support.errors import InputError

TEXTS = [
    "Hello, WORLD! It's a test.",
    "ÄÖÜ straße É",
    "a\u00a0b\u3000c\x0bd\x1ce\u2003f\u0085g",
    "",
    "  \t\n\r\x0c ",
    "[UNK] x",
    "a-b_c a,b",
    "İstanbul 𝒳 don’t — em",
    "it's `quoted` {x}|y~\u2028line",
    "tab\tx the the the",
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"oov_token": "<OOV>", "num_words": 9},
        {"num_words": 7, "lower": False},
        {"filters": "", "split": "a"},
        {"char_level": True, "oov_token": "?"},
    ],
)
def test_ids_are_those_of_a_tokenizer(options, tmp_path):
    tokenizer = Tokenizer(**options)
    tokenizer.fit_on_texts(TEXTS[:7])
    size = options.get("num_words") or len(tokenizer.word_index) + 1
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_json())
    (tmp_path / "twice.json").write_text(json.dumps(tokenizer.to_json()))
    for name in ("tokenizer.json", "twice.json"):
        encoder, notes = read_words(tmp_path / name, size)
        assert [encoder.encode(text) for text in TEXTS] == tokenizer.texts_to_sequences(TEXTS)
        assert not notes
    again = keras_encoder_from_json(json.loads(json.dumps(encoder.to_json())))
    for text in TEXTS:
        assert again.encode(text) == encoder.encode(text)
        assert len(again.pieces_of(text)) == len(again.encode(text))


# What TextVectorization of TensorFlow 2.21 gives for TEXTS, with the vocabulary ["", "[UNK]", *_VOCABULARY].
_VOCABULARY = ["the", "x", "a", "b", "it", "its", "ÄÖÜ", "É", "straße", "abc", "c", "hello", "Hello", "world"]
_VECTORIZED = {
    "lower_and_strip_punctuation": [
        *([13, 15, 7, 4, 1], [8, 10, 9], [1, 1], [], [], [1, 3], [11, 1], [1, 1, 1, 1, 1], [7, 1, 1], [1, 3, 2, 2, 2]),
    ],
    "strip_punctuation": [
        *([14, 1, 1, 4, 1], [8, 10, 9], [1, 1], [], [], [1, 3], [11, 1], [1, 1, 1, 1, 1], [7, 1, 1], [1, 3, 2, 2, 2]),
    ],
    "lower": [
        *([1, 1, 1, 4, 1], [8, 10, 9], [1, 1], [], [], [1, 3], [1, 1], [1, 1, 1, 1, 1], [1, 1, 1], [1, 3, 2, 2, 2]),
    ],
    "none": [
        *([1, 1, 1, 4, 1], [8, 10, 9], [1, 1], [], [], [1, 3], [1, 1], [1, 1, 1, 1, 1], [1, 1, 1], [1, 3, 2, 2, 2]),
    ],
}


@pytest.mark.parametrize("standardize", _VECTORIZED)
def test_ids_are_those_of_text_vectorization(standardize):
    config = {"vocabulary": ["", "[UNK]", *_VOCABULARY], "standardize": standardize, "split": "whitespace"}
    encoder, _ = vocabulary_of(config, "text", 99)
    assert [encoder.encode(text) for text in TEXTS] == _VECTORIZED[standardize]


def test_a_vocabulary_file_has_a_token_in_each_line(tmp_path):
    for reserved in ("", "[UNK]\n", "\n[UNK]\n"):
        (tmp_path / "vocabulary.txt").write_text(f"{reserved}fine\ndull\n")
        encoder, notes = read_words(tmp_path / "vocabulary.txt", 4)
        assert encoder == KerasVocabulary(("fine", "dull"), 4)
        assert encoder.encode("Dull fine film") == [3, 2, 1]
        assert not notes


def test_words_beyond_the_embedding_are_unknown_and_this_is_said(tmp_path):
    (tmp_path / "vocabulary.txt").write_text("\n[UNK]\nfine\ndull\n")
    encoder, notes = read_words(tmp_path / "vocabulary.txt", 3)
    assert encoder.encode("dull fine") == [1, 2]
    assert notes == ("1 of 2 words have ids that the embedding, with 3 rows, does not have: they are unknown.",)


def test_the_word_index_of_imdb_has_an_offset_and_a_start(tmp_path, monkeypatch):
    (tmp_path / "imdb_word_index.json").write_text(json.dumps({"the": 1, "film": 2, "rare": 90}))
    monkeypatch.setattr(public, "keras_folders", lambda: [tmp_path])
    for source in ("imdb", tmp_path / "imdb_word_index.json"):
        encoder, _ = read_words(source, 10)
        assert encoder.encode("The rare, odd FILM!") == [4, 2, 2, 5]
        assert encoder.start_id == 1
        assert [encoder.token(number) for number in (0, 1, 2, 4)] == ["", "", "<unk>", "the"]


def test_a_plain_word_index_is_read_as_it_is():
    encoder, notes = read_words({"good": 1, "bad": 2}, 5)
    assert encoder.encode("Good, very bad") == [1, 2]
    assert "left out" in notes[0]
    tutorial = {"<PAD>": 0, "<START>": 1, "<UNK>": 2, "<UNUSED>": 3, "good": 4}
    encoder, notes = read_words(tutorial, 5)
    assert encoder.encode("good film") == [4, 2]
    assert (encoder.start_id, encoder.unknown_id) == (1, 2)
    encoder, notes = read_words({"Good": 1, "bad": 2}, 5)
    assert encoder.encode("Good Bad bad") == [1, 2]
    assert "lower case" in notes[0]


def test_a_prompt_is_continued_with_spaces():
    words = KerasWords({"a": 1, "b": 2}, 3)
    add = words.stream()
    assert [add(1), add(2), add(None)] == ["a", " b", ""]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not valid JSON"),
        ("{}", "must have the id of each word"),
        ('{"a": "b"}', "has 'b' as the id of 'a'"),
        ('{"1": "the"}', "write word_index instead of index_word"),
        ('{"a": -1}', "has -1 as the id of 'a'"),
        ('{"class_name": "Tokenizer", "config": {"word_index": 3}}', "must have the id of each word"),
        ('{"class_name": "Tokenizer", "config": {"word_index": "{\\"a\\": 1}", "split": ""}}', "cannot be imported"),
        ('{"class_name": "Tokenizer", "config": {"word_index": "{\\"a\\": 1}", "oov_token": "z"}}', "is damaged"),
        ("a\na\n", "has an empty or repeated token"),
        ("\n[UNK]\n", "has no tokens"),
        (b"\xff\xfe\xff", "is not text in UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_file_of_words_is_refused_in_one_sentence(content, problem, tmp_path):
    path = tmp_path / "words"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as refused:
        read_words(path, 10)
    sentence = str(refused.value)
    assert problem in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300 + len(str(path))


def test_imdb_reviews_are_split_as_keras_splits_texts():
    encoder, _ = read_words(
        {
            word: place
            for place, word in enumerate(sorted({w for text in TEXTS for w in text_to_word_sequence(text)}), 1)
        },
        999,
    )
    for text in TEXTS:
        assert encoder.pieces_of(text) == text_to_word_sequence(text)
