"""Named data sets, and keras.datasets.imdb from them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gatewright import keras_datasets
from gatewright.data import public

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

PROGRAMS = Path(__file__).parent / "programs"
TRAIN = ["The cat, the CAT! sat", "\xc4 cat's (mat) -- sat.the\tcat"]
TEST = ["a cat sat", "mat; MAT\nthe \xe4"]
# the 3, cat 3, sat 2, then in the order of first sight; "a" is not a training word.
WORDS = {"the": 1, "cat": 2, "sat": 3, "\xe4": 4, "cat's": 5, "mat": 6}


def write(folder, train=TRAIN, test=TEST):
    (folder / "imdb").mkdir(parents=True, exist_ok=True)
    for part, texts in (("train", train), ("test", test)):
        table = pyarrow.table({"text": texts, "label": pyarrow.array([1, 0], pyarrow.int8())})
        parquet.write_table(table, folder / "imdb" / f"{part}.parquet")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path / "data")
    return tmp_path / "data"


def load(files):
    with np.load(files.arrays, allow_pickle=True) as arrays:
        return {name: arrays[name].tolist() for name in arrays}


def test_encoding(data):
    files = public.imdb_for_keras()
    assert json.loads(files.word_index.read_text()) == WORDS
    assert load(files) == {
        "x_train": [[1, 2, 1, 2, 3], [4, 5, 6, 3, 1, 2]],
        "y_train": [1, 0],
        "x_test": [[2, 3], [6, 6, 1, 4]],
        "y_test": [1, 0],
    }


def test_rows_of_one_length(data):
    write(data, train=["a b", "b c"], test=["a b", "c c"])
    assert load(public.imdb_for_keras())["x_train"] == [[2, 1], [1, 3]]


def test_cache_is_used_and_follows_the_reviews(data):
    files = public.imdb_for_keras()
    made = files.arrays.stat().st_mtime_ns
    assert public.imdb_for_keras() == files
    assert files.arrays.stat().st_mtime_ns == made
    write(data, test=["other", "words"])
    assert public.imdb_for_keras() != files
    assert not [path for path in files.arrays.parent.iterdir() if path.name.startswith(".")]


def test_unset(monkeypatch):
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="GATEWRIGHT_DATA is not set"):
        public.imdb("train")


def test_no_such_set(data):
    with pytest.raises(FileNotFoundError, match="holds no ptb/"):
        public.folder("ptb")


def test_no_such_part(data):
    (data / "imdb" / "test.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"test\.parquet is not there"):
        public.imdb_for_keras()


@pytest.mark.parametrize("wrong", ["no parquet", "other columns"])
def test_wrong_file(data, wrong):
    path = data / "imdb" / "train.parquet"
    if wrong == "no parquet":
        path.write_text("hello")
    else:
        parquet.write_table(pyarrow.table({"review": ["a"]}), path)
    with pytest.raises(ValueError, match="columns text and label"):
        public.imdb("train")


def test_without_pyarrow(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'gatewright\[train\]'"):
        public.imdb("train")


def test_cache_that_cannot_be_written(data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set XDG_CACHE_HOME"):
        public.imdb_for_keras()


class TestSource:
    """Which source serves keras.datasets.imdb, with a stand-in for Keras' own get_file."""

    ORIGIN = "http://127.0.0.1:9/"

    @pytest.fixture(autouse=True)
    def at_home(self, data, tmp_path, monkeypatch):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        monkeypatch.setattr(keras_datasets, "_keras_folders", lambda: [tmp_path / "keras" / "datasets"])
        monkeypatch.setattr(keras_datasets, "_source", None)
        monkeypatch.setattr(keras_datasets, "_keras_get_file", lambda fname, origin: f"keras/{fname}")
        (tmp_path / "keras" / "datasets").mkdir(parents=True)

    def get(self, fname):
        return keras_datasets._get_file(fname, self.ORIGIN + fname)

    def test_own_file(self, tmp_path, capsys):
        (tmp_path / "keras" / "datasets" / "imdb.npz").write_text("")
        assert self.get("imdb.npz") == self.get("imdb.npz") == "keras/imdb.npz"
        assert capsys.readouterr().err.count("Keras' own file") == 1
        with pytest.raises(FileNotFoundError, match=r"imdb_word_index\.json, which goes with it"):
            self.get("imdb_word_index.json")

    def test_download(self, monkeypatch):
        monkeypatch.setattr(keras_datasets, "_answers", lambda origin: True)
        assert self.get("imdb_word_index.json") == "keras/imdb_word_index.json"

    def test_named_set(self, capsys, monkeypatch):
        assert self.get("imdb.npz") == str(public.imdb_for_keras().arrays)
        monkeypatch.setattr(keras_datasets, "_answers", lambda origin: True)  # the first choice holds
        assert self.get("imdb_word_index.json") == str(public.imdb_for_keras().word_index)
        assert capsys.readouterr().err.count("the data set imdb") == 1

    def test_broken_download(self, monkeypatch):
        def get_file(fname, origin):
            raise ValueError("Incomplete or corrupted file detected.")

        monkeypatch.setattr(keras_datasets, "_answers", lambda origin: True)
        monkeypatch.setattr(keras_datasets, "_keras_get_file", get_file)
        assert self.get("imdb.npz") == str(public.imdb_for_keras().arrays)

    def test_neither(self, monkeypatch):
        monkeypatch.delenv("GATEWRIGHT_DATA")
        with pytest.raises(FileNotFoundError, match="GATEWRIGHT_DATA is not set: connect once, or set"):
            self.get("imdb.npz")


@pytest.mark.slow
def test_keras_loads_it(data, tmp_path):
    offline = {
        "https_proxy": "http://127.0.0.1:9",
        "HOME": str(tmp_path),
        "KERAS_HOME": str(tmp_path / "keras"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "gatewright.cli", "run", str(PROGRAMS / "reviews.py")],
        capture_output=True,
        text=True,
        env={**os.environ, **offline},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    x_train, y_train, x_test, y_test, words = json.loads(done.stdout)
    # Start 1, then ranks from 3 up; those that reach num_words=6 are 2.
    rows = {1: [1, 4, 5, 4, 5, 2], 0: [1, 2, 2, 2, 2, 4, 5]}
    assert x_train == [rows[label] for label in y_train]
    assert sorted(y_train) == sorted(y_test) == [0, 1]
    assert x_test == [{1: [1, 5, 2], 0: [1, 2, 2, 4, 2]}[label] for label in y_test]
    assert words == WORDS


@pytest.mark.slow
def test_real_reviews(tmp_path, monkeypatch):
    try:
        public.folder("imdb")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = json.loads(public.imdb_for_keras().word_index.read_text())
    assert len(words) == 88582  # as many as Keras' Tokenizer finds in the training reviews
    assert list(words)[:5] == ["the", "and", "a", "of", "to"]
