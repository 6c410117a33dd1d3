"""The source of `keras.datasets.imdb`, with a replacement for Keras' own `get_file`."""

import pytest

from gatewright.data import public
from gatewright.keras import datasets

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ORIGIN = "http://127.0.0.1:9/"  # no server listens there


def download(fname, origin):
    return f"keras/{fname}"


def fail_to_download(fname, origin):
    raise ValueError("Incomplete or corrupted file detected.")


@pytest.fixture(autouse=True)
def keras_folder(tmp_path, monkeypatch):
    """Return an empty folder for Keras' downloads, and put a few reviews into `$GATEWRIGHT_DATA`."""
    (tmp_path / "data" / "imdb").mkdir(parents=True)
    for split in ("train", "test"):
        table = pyarrow.table({"text": ["a good film", "a bad film"], "label": [1, 0]})
        parquet.write_table(table, tmp_path / "data" / "imdb" / f"{split}.parquet")
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    monkeypatch.setattr(public, "keras_folders", lambda: [folder])
    return folder


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(datasets, "is_reachable", lambda url: True)


def get(files, fname):
    return files(fname, ORIGIN + fname)


def test_the_file_of_keras_is_preferred(keras_folder, capsys):
    (keras_folder / "imdb.npz").write_text("")
    files = datasets.ImdbFiles(download)
    assert get(files, "imdb.npz") == get(files, "imdb.npz") == "keras/imdb.npz"
    assert capsys.readouterr().err.count("Keras' own file") == 1
    with pytest.raises(FileNotFoundError, match=r"Put imdb_word_index\.json into"):
        get(files, "imdb_word_index.json")


def test_keras_downloads_its_file_if_it_can(online):
    assert get(datasets.ImdbFiles(download), "imdb_word_index.json") == "keras/imdb_word_index.json"


def test_gatewright_data_is_read_if_keras_can_not_download(capsys):
    assert get(datasets.ImdbFiles(download), "imdb.npz") == str(public.imdb_for_keras().arrays)
    assert capsys.readouterr().err.count("GATEWRIGHT_DATA=") == 1


def test_both_files_come_from_the_same_source(capsys, monkeypatch):
    files = datasets.ImdbFiles(download)
    get(files, "imdb.npz")
    monkeypatch.setattr(datasets, "is_reachable", lambda url: True)
    assert get(files, "imdb_word_index.json") == str(public.imdb_for_keras().word_index)
    assert capsys.readouterr().err.count("GATEWRIGHT_DATA=") == 1


def test_gatewright_data_is_read_if_a_download_breaks(online):
    assert get(datasets.ImdbFiles(fail_to_download), "imdb.npz") == str(public.imdb_for_keras().arrays)


def test_no_source_is_an_error(monkeypatch):
    monkeypatch.delenv("GATEWRIGHT_DATA")
    with pytest.raises(FileNotFoundError, match=r"GATEWRIGHT_DATA is not set\. Connect to the internet once, or set"):
        get(datasets.ImdbFiles(download), "imdb.npz")
