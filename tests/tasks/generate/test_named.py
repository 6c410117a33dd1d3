"""Named corpora: their files, their splits, and the errors for missing files."""

import hashlib
import lzma
import re
import sys

import pytest

from gatewright.data import public
from gatewright.support.errors import InputError
from gatewright.tasks.generate import named
from gatewright.tasks.generate.named import Corpus, corpus
from gatewright.tasks.generate.reading import read_corpus

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

PLAY = "To be, or\nnot to be\n"
PARTS = {"train": " no it was \n", "valid": " n't <unk> \n", "test": " black N \n monday \n"}
PTB = Corpus("ptb", *([text] for text in PARTS.values()))
REVIEWS = {
    "train": ["good", "seen before", "Seen before"],
    "unsup": ["seen before", "new", "good", "a test", "a test"],
    "test": ["seen before", "a test"],
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("shakespeare", "ptb", "imdb"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return tmp_path / "data"


def refused(sentence, read, *given, **options):
    with pytest.raises(InputError) as caught:
        read(*given, **options)
    assert re.search(sentence, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_corpus_is_refused():
    refused(r"^A named corpus must be one of 'shakespeare', .* not 'ptd'; did you mean 'ptb'\?$", corpus, "ptd")


class TestShakespeare:
    NOTE = (
        "shakespeare has no test set. Unless you give one, the results are those of its validation set, the last "
        "10 characters."
    )
    PLAY = Corpus("shakespeare", [PLAY[:10]], [PLAY[10:]], None, (NOTE,))

    @pytest.fixture(autouse=True)
    def site(self, data, tmp_path, monkeypatch):
        """Make the download this file."""
        site = tmp_path / "site.txt"
        site.write_bytes(PLAY.encode())
        monkeypatch.setattr(named, "_SHAKESPEARE_URL", site.as_uri())
        monkeypatch.setattr(named, "_SHAKESPEARE_BYTES", len(PLAY))
        monkeypatch.setattr(named, "_SHAKESPEARE_SHA256", hashlib.sha256(PLAY.encode()).hexdigest())
        monkeypatch.setattr(named, "_SHAKESPEARE_SPLITS", (10, len(PLAY) - 10))
        return site

    def test_file(self, data, capsys):
        (data / "shakespeare" / "input.txt").write_bytes(PLAY.replace("\n", "\r\n").encode())
        assert corpus("shakespeare") == self.PLAY
        assert not capsys.readouterr().err
        assert not (data.parent / "cache").exists()

    def test_another_file_is_refused(self, data):
        (data / "shakespeare" / "input.txt").write_text("To be")
        refused(r"input\.txt must have the 20 characters of shakespeare, not 5\. Remove it", corpus, "shakespeare")

    @pytest.mark.parametrize("is_set", [False, True])
    def test_download(self, site, capsys, monkeypatch, is_set):
        if not is_set:
            monkeypatch.delenv("GATEWRIGHT_DATA")
        assert corpus("shakespeare") == self.PLAY
        site.unlink()
        assert corpus("shakespeare") == self.PLAY
        assert capsys.readouterr().err.count("gatewright: shakespeare is downloaded from file:") == 1

    def test_wrong_download(self, data, site):
        site.write_bytes(PLAY.upper().encode())
        sentence = (
            r"cannot be downloaded \(its checksum .*\). Put input\.txt into a folder shakespeare .* that contains it\.$"
        )
        refused(sentence, corpus, "shakespeare")
        assert not list((data.parent / "cache" / "gatewright" / "shakespeare").iterdir())
        site.unlink()
        refused("cannot be downloaded .No such file", read_corpus, "shakespeare")

    def test_cache_that_cannot_be_written(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        refused("Set XDG_CACHE_HOME to a folder that you can write to", read_corpus, "shakespeare")

    def test_other_splits(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("one")
        assert read_corpus("shakespeare", test=str(path)) == self.PLAY._replace(test=["one"])
        refused(
            "^shakespeare has its own validation set. Leave --validation x out",
            read_corpus,
            "shakespeare",
            validation="x",
        )
        refused("^--text is for a table, but shakespeare is not read as a table", read_corpus, "shakespeare", "text")


class TestPtb:
    def test_files(self, data):
        for part, text in PARTS.items():
            (data / "ptb" / f"ptb.{part}.txt.xz").write_bytes(lzma.compress(text.encode()))
        assert corpus("ptb") == read_corpus("ptb") == PTB
        (data / "ptb" / "ptb.test.txt").write_text("plain")
        assert corpus("ptb").test == ["plain"]

    def test_missing_files_are_named(self, data, monkeypatch):
        remedy = (
            r"Put ptb\.train\.txt, ptb\.valid\.txt and ptb\.test\.txt \(or each as \.xz\) into a folder ptb and set "
            r"GATEWRIGHT_DATA to the folder that contains it\.$"
        )
        (data / "ptb" / "ptb.train.txt").write_text("a")
        refused(
            rf"^ptb cannot be downloaded automatically, and .*ptb\.valid\.txt does not exist\. {remedy}", corpus, "ptb"
        )
        monkeypatch.delenv("GATEWRIGHT_DATA")
        refused(rf"^ptb cannot be downloaded automatically, and GATEWRIGHT_DATA is not set\. {remedy}", corpus, "ptb")


class TestImdbUnlabelled:
    @pytest.fixture(autouse=True)
    def files(self, data):
        for part, texts in REVIEWS.items():
            parquet.write_table(pyarrow.table({"text": texts}), data / "imdb" / f"{part}.parquet")

    def test_texts_of_the_test_set_are_left_out(self):
        note = "1 training and 3 unlabelled texts of imdb occur, letter for letter, in its test set and were left out."
        expected = Corpus("imdb-unlabelled", ["good", "Seen before", "new", "good"], None, None, (note,))
        assert corpus("imdb-unlabelled") == expected

    def test_refused(self, data, monkeypatch):
        parquet.write_table(pyarrow.table({"review": ["a"]}), data / "imdb" / "unsup.parquet")
        refused(r"unsup\.parquet must be a Parquet file with the column text", corpus, "imdb-unlabelled")
        (data / "imdb" / "unsup.parquet").unlink()
        refused(
            r"^imdb-unlabelled cannot be downloaded automatically, and .*unsup\.parquet does not exist\. "
            r"Put train\.parquet, unsup\.parquet and test\.parquet into a folder imdb and",
            corpus,
            "imdb-unlabelled",
        )

    def test_without_pyarrow(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        refused(r"needs pyarrow: pip install", read_corpus, "imdb-unlabelled")


def real(name):
    try:
        public.folder(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))


def test_real_shakespeare():
    real("shakespeare")
    found = corpus("shakespeare")
    assert [len(found.train[0]), len(found.validation[0])] == [1_003_854, 111_540]
    content = "".join(found.train + found.validation).encode()
    assert len(content) == named._SHAKESPEARE_BYTES
    assert hashlib.sha256(content).hexdigest() == named._SHAKESPEARE_SHA256


def test_real_ptb():
    real("ptb")
    found = corpus("ptb")
    words = [part[0].replace("\n", " <eos> ").split() for part in (found.train, found.validation, found.test)]
    assert [len(part) for part in words] == [929_589, 73_760, 82_430]
    assert len(set(words[0])) == 10_000


def test_real_imdb_unlabelled():
    real("imdb")
    found = corpus("imdb-unlabelled")
    assert found.notes[0].startswith("123 training and 270 unlabelled texts of imdb")
    assert len(found.train) == 75_000 - 123 - 270
