"""Word ids of texts, compared with Keras' own loader."""

import numpy as np
import pytest

from gatewright.data import public
from gatewright.data.encoders import Words, encode_all
from gatewright.data.widths import last_steps
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN

TEXTS = ["The cat, the CAT! sat", "\xc4 cat's (mat) -- sat.the\tcat", "sat", "", " ?! ", "a\nb c d e f g h the"]


def test_words_are_ranked_by_frequency():
    vocabulary = Words.fit(TEXTS, 9)
    # the 4, cat 3, sat 3, then in the order of first sight.
    assert vocabulary.tokens == ("the", "cat", "sat", "\xe4", "cat's")
    assert vocabulary.ids == 9
    assert Words.fit(["a b a"], 100).ids == 6


def test_texts_are_padded_on_the_left_and_cut():
    vocabulary = Words.fit(TEXTS, 7)
    texts = ["the cat sat", "mat the new", "", "?", "the the the the cat", "cat sat the cat"]
    assert encode_all(vocabulary, texts, 4).tolist() == [
        [START, 4, 5, 6],
        [START, UNKNOWN, 4, UNKNOWN],
        [PADDING, PADDING, PADDING, START],
        [PADDING, PADDING, PADDING, START],
        [4, 4, 4, 5],
        [5, 6, 4, 5],
    ]
    assert encode_all(vocabulary, texts, 4).dtype == np.int32
    assert encode_all(vocabulary, [], 4).shape == (0, 1)
    assert encode_all(vocabulary, ["the cat", ""], 1).tolist() == [[5], [START]]


@pytest.mark.parametrize("size", [5, 8, 100])
@pytest.mark.parametrize("length", [1, 4, 9, 20])
def test_ids_are_those_of_keras(tmp_path, monkeypatch, size, length):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    imdb = pytest.importorskip("keras.src.datasets.imdb")
    utils = pytest.importorskip("keras.utils")
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "imdb").mkdir()
    for part in ("train", "test"):
        table = pyarrow.table({"text": TEXTS, "label": list(range(len(TEXTS)))})
        parquet.write_table(table, tmp_path / "imdb" / f"{part}.parquet")
    arrays = str(public.imdb_for_keras().arrays)
    monkeypatch.setattr(imdb, "get_file", lambda *given, **named: arrays)
    (rows, labels), _ = imdb.load_data(num_words=size)
    expected = utils.pad_sequences(rows, maxlen=length)
    own = last_steps(encode_all(Words.fit(TEXTS, size), TEXTS, length), length)
    assert own[labels].tolist() == expected.tolist()


def test_words_may_have_other_letters():
    assert Words.fit(["\u00c9t\u00e9 \u4e2d\u6587"], 9).tokens == ("\u00e9t\u00e9", "\u4e2d\u6587")


def test_a_vocabulary_without_words_is_refused():
    with pytest.raises(InputError, match="must have more than 4 ids, not 4"):
        Words.fit(["a"], 4)


def test_a_length_of_0_is_refused():
    with pytest.raises(InputError, match="length of texts must be 1 or more, not 0"):
        encode_all(Words.fit(["a"], 5), ["a"], 0)


def test_progress_is_printed(monkeypatch, capsys):
    monkeypatch.setattr("gatewright.support.progress._TICK_SECONDS", 0.0)
    Words.fit(["a", "b"], 9)
    assert "gatewright: 2 of 2 texts split into words." in capsys.readouterr().err
