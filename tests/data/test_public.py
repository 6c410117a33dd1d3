"""Named data sets, and keras.datasets.imdb read from them."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from gatewright.data import public
from gatewright.support.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

PROGRAMS = Path(__file__).parents[1] / "keras" / "programs"
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


def test_the_folder_must_be_set(monkeypatch):
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="GATEWRIGHT_DATA is not set"):
        public.imdb_for_keras()


def test_a_missing_folder(data):
    with pytest.raises(FileNotFoundError, match="has no folder ptb/"):
        public.folder("ptb")


def test_a_missing_split(data):
    (data / "imdb" / "test.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"test\.parquet does not exist"):
        public.imdb_for_keras()


@pytest.mark.parametrize("wrong", ["no parquet", "other columns", "gaps", "no numbers"])
def test_wrong_file(data, wrong):
    path = data / "imdb" / "train.parquet"
    if wrong == "no parquet":
        path.write_text("hello")
    else:
        columns = {
            "other columns": {"review": ["a"]},
            "gaps": {"text": [None], "label": [1]},
            "no numbers": {"text": ["a"], "label": ["good"]},
        }
        parquet.write_table(pyarrow.table(columns[wrong]), path)
    with pytest.raises(ValueError, match="columns text and label"):
        public.imdb("train")


def test_without_pyarrow(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'gatewright\[train\]'"):
        public.imdb("train")


def test_cache_that_cannot_be_written(data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="Set XDG_CACHE_HOME"):
        public.imdb_for_keras()


def write_tree(folder):
    """Write a small aclImdb whose texts name their class and split."""
    for part in ("train", "test"):
        for name in ("neg", "pos"):
            (folder / part / name).mkdir(parents=True)
            (folder / part / name / "0_1.txt").write_text(f"{name} {part} \xe9", encoding="utf-8")
        (folder / part / "labeledBow.feat").write_text("9 0:9")
    (folder / "train" / "unsup").mkdir()
    (folder / "train" / "unsup" / "0_0.txt").write_text("without a label")
    (folder / "README").write_text("Large Movie Review Dataset v1.0")
    return folder


def write_archive(path, folder):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "aclImdb")
    return path


def read():
    return {part: (public.imdb(part).texts, public.imdb(part).labels.tolist()) for part in ("train", "test")}


REVIEWS = {part: ([f"neg {part} \xe9", f"pos {part} \xe9"], [0, 1]) for part in ("train", "test")}


class TestReviews:
    """The sources of the reviews."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path, monkeypatch):
        """Start without any source; the site refuses connections."""
        public._print_source.cache_clear()
        (tmp_path / "work").mkdir()
        monkeypatch.chdir(tmp_path / "work")
        monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(public, "_IMDB_URL", "http://127.0.0.1:9/aclImdb_v1.tar.gz")

    @pytest.fixture
    def tree(self, tmp_path):
        return write_tree(tmp_path / "made")

    @pytest.fixture
    def site(self, tmp_path, tree, monkeypatch):
        """Serve the folder `site` with the expected archive."""
        archive = write_archive(tmp_path / "site" / "aclImdb_v1.tar.gz", tree)
        monkeypatch.setattr(public, "_IMDB_BYTES", archive.stat().st_size)
        monkeypatch.setattr(public, "_IMDB_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *given):
                super().__init__(*given, directory=archive.parent)

            def log_message(self, *given):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            monkeypatch.setattr(public, "_IMDB_URL", f"http://127.0.0.1:{server.server_port}/{archive.name}")
            yield archive
            server.shutdown()
            thread.join()

    def cached(self, tmp_path):
        return sorted(str(path.relative_to(tmp_path / "cache")) for path in (tmp_path / "cache").rglob("*"))

    def test_parquet_files_come_first_without_a_message(self, tmp_path, tree, capsys):
        write(tmp_path / "data")
        write_archive(tmp_path / "data" / "imdb" / "aclImdb_v1.tar.gz", tree)
        tree.rename(tmp_path / "data" / "imdb" / "aclImdb")
        assert read() == {"train": (TRAIN, [1, 0]), "test": (TEST, [1, 0])}
        assert capsys.readouterr().err == ""

    def test_one_of_two_parquet_files(self, tmp_path, tree):
        write(tmp_path / "data")
        (tmp_path / "data" / "imdb" / "test.parquet").unlink()
        tree.rename(tmp_path / "data" / "imdb" / "aclImdb")
        with pytest.raises(FileNotFoundError, match=r"test\.parquet does not exist"):
            public.imdb("test")

    @pytest.mark.parametrize("place", ["data/imdb", "data", "work"])
    def test_folder(self, tmp_path, tree, place, capsys):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        tree.rename(tmp_path / place / "aclImdb")
        assert read() == REVIEWS
        assert capsys.readouterr().err.count("imdb is read from ") == 1

    @pytest.mark.parametrize("place", ["data/imdb", "data", "work"])
    def test_archive_is_converted_once(self, tmp_path, tree, place, monkeypatch, capsys):
        write_archive(tmp_path / place / "aclImdb_v1.tar.gz", tree)
        assert read() == REVIEWS
        monkeypatch.setattr(public, "_convert", None)
        assert read() == REVIEWS
        assert capsys.readouterr().err.count("aclImdb_v1.tar.gz") == 1

    def test_another_archive_does_not_replace_the_published_one(self, tmp_path, tree):
        archive = write_archive(tmp_path / "data" / "aclImdb_v1.tar.gz", tree)
        read()
        archive.unlink()
        with pytest.raises(InputError, match="cannot be downloaded"):
            read()

    def test_damaged_archive(self, tmp_path, tree):
        archive = write_archive(tmp_path / "data" / "aclImdb_v1.tar.gz", tree)
        archive.write_bytes(archive.read_bytes()[:-20])
        with pytest.raises(InputError, match=r"cannot be read as a \.tar\.gz archive .* download it again"):
            public.imdb("train")
        assert not (tmp_path / "cache" / "gatewright").exists() or self.cached(tmp_path) == ["gatewright"]

    def test_another_folder_is_refused(self, tmp_path, tree):
        (tree / "test" / "neg").rename(tree / "test" / "bad")
        (tmp_path / "data").mkdir()
        tree.rename(tmp_path / "data" / "aclImdb")
        with pytest.raises(InputError, match=r"is not the data set imdb\. .* neg/ and pos/"):
            public.imdb("test")

    def test_download(self, tmp_path, site, capsys):
        assert read() == REVIEWS
        site.unlink()
        assert read() == REVIEWS
        said = capsys.readouterr().err.splitlines()
        assert [line.split(" from ")[0] for line in said] == [
            "gatewright: imdb is downloaded",
            "gatewright: imdb is read",
        ]
        files = ["gatewright/imdb/test.parquet", "gatewright/imdb/train.parquet"]
        assert self.cached(tmp_path) == ["gatewright", "gatewright/imdb", *files]

    def refused(self, tmp_path, why):
        with pytest.raises(
            InputError, match=rf"^http.*cannot be downloaded .{why}.\. Put .* set GATEWRIGHT_DATA to that"
        ):
            public.imdb("train")
        assert self.cached(tmp_path) == ["gatewright"]

    def test_wrong_checksum(self, tmp_path, site):
        site.write_bytes(site.read_bytes()[:-1] + b"?")
        self.refused(tmp_path, "its checksum is wrong")

    def test_incomplete_download(self, tmp_path, site):
        site.write_bytes(site.read_bytes()[:-9])
        self.refused(tmp_path, "it ended after .* bytes")

    def test_oversized_download(self, tmp_path, site):
        site.write_bytes(site.read_bytes() + b"?")
        self.refused(tmp_path, "it is longer than the expected .* bytes")

    def test_missing_on_the_site(self, tmp_path, site):
        site.unlink()
        self.refused(tmp_path, "HTTP status 404")

    def test_no_network(self, tmp_path):
        self.refused(tmp_path, "Connection refused")

    def test_interrupted(self, tmp_path, site, monkeypatch):
        def interrupt(*given):
            raise KeyboardInterrupt

        monkeypatch.setattr(public, "_convert", interrupt)
        with pytest.raises(KeyboardInterrupt):
            public.imdb("train")
        assert self.cached(tmp_path) == ["gatewright"]

    def test_no_download_without_pyarrow(self, site, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ImportError, match=r"pip install 'gatewright\[train\]'"):
            public.imdb("train")
        assert "downloaded" not in capsys.readouterr().err

    def test_keras_datasets_starts_no_download(self, site):
        with pytest.raises(FileNotFoundError):
            public.imdb_for_keras()

    def test_progress(self, site, monkeypatch, capsys):
        monkeypatch.setattr("gatewright.support.progress._TICK_SECONDS", 0.0)
        read()
        said = capsys.readouterr().err
        assert "0 of 0 MB downloaded." in said
        assert "aclImdb_v1.tar.gz read." in said


@pytest.mark.slow
def test_keras_loads_it(data, tmp_path):
    offline = {
        "https_proxy": "http://127.0.0.1:9",
        "HOME": str(tmp_path),
        "KERAS_HOME": str(tmp_path / "keras"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "gatewright.commands.main", "run", str(PROGRAMS / "reviews.py")],
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
