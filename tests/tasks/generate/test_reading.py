"""Texts from text files, standard input, folders and tables, and the errors for bad ones."""

import gzip
import io
import lzma
import os
import re
import sys

import pytest

from gatewright.data.limits import limited_input
from gatewright.data.texts import read_texts
from gatewright.support.errors import InputError
from gatewright.tasks.generate.named import Corpus
from gatewright.tasks.generate.reading import read_corpus

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(name, content):
    """Write a file of text, bytes or Parquet (a dictionary)."""
    if isinstance(content, dict):
        parquet.write_table(pyarrow.table(content), name)
    else:
        with open(name, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    return name


def corpus_texts(*given):
    corpus = read_corpus(*given)
    assert corpus._replace(found={}) == Corpus(given[0], corpus.train, None, None, ())
    return corpus.train


def refused(sentence, read, *given, **named):
    with pytest.raises(InputError) as caught:
        read(*given, **named)
    assert re.search(sentence, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


TABLES = {
    "a.csv": "n,text\n1,one\n2,\n",
    "a.tsv": "text\tn\none\t1\n\t2\n",
    "a.jsonl": '{"text": "one", "n": 1}\n\n{"n": 2, "text": ""}',
    "a.NDJSON": '{"text": "one"}\n{"text": ""}\n',
    "a.parquet": {"n": [1, 2], "text": ["one", ""]},
}


@pytest.mark.parametrize("read", [read_texts, corpus_texts])
class TestTables:
    @pytest.mark.parametrize("name", TABLES)
    def test_each_row_is_a_text(self, read, name):
        assert read(make(name, TABLES[name])) == ["one", ""]

    def test_columns(self, read):
        name = make("a.csv", "title,n\none,1\ntwo,2\n")
        assert read(name, "title") == ["one", "two"]
        assert read(name, "n,title") == ["1\none", "2\ntwo"]

    def test_refused(self, read, monkeypatch):
        refused(r"^a\.csv has no column 'text', only 'n'\. Give --text COLUMN\.$", read, make("a.csv", "n\n1\n"))
        refused(r"^a\.csv has no rows\. It needs a row for each text\.$", read, make("a.csv", "text\n"))
        refused(r"^a\.jsonl has no rows\. It needs a row for each text\.$", read, make("a.jsonl", ""))
        refused(r"^a\.jsonl, line 1: 'n' is a number, not a text", read, make("a.jsonl", '{"n": 1}'), "n")
        name = make("a.parquet", {"n": [1], "text": [None]})
        refused(r"^a\.parquet, row 1: 'n' is a number, not a text", read, name, "n")
        refused(r"^a\.parquet has a row without a text: row 1\. Remove it\.$", read, name)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        refused(r"^Reading a\.parquet needs pyarrow", read, name)


class TestTexts:
    @pytest.mark.parametrize("name", ["a.txt", "a.MD", "lines", "a.log"])
    def test_each_line_is_a_text(self, name):
        assert read_texts(make(name, "one\n\ntwo \u00e9\x0c.\u2028,\n")) == ["one", "", "two \u00e9\x0c.\u2028,"]

    @pytest.mark.parametrize("content", ["one\r\ntwo\r\n", "one\r\ntwo", b"\xef\xbb\xbfone\ntwo\n"])
    def test_line_breaks_and_mark(self, content):
        assert read_texts(make("a.txt", content)) == ["one", "two"]

    def test_an_empty_line_is_a_text(self):
        assert read_texts(make("a.txt", "\n")) == [""]
        assert read_texts(make("a.txt", "one\n\n")) == ["one", ""]

    def stdin(self, monkeypatch, content):
        # Another encoding, since the bytes are what counts.
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="latin-1"))

    def test_standard_input(self, monkeypatch):
        self.stdin(monkeypatch, "one\r\n\u00e9\n".encode())
        assert read_texts("-") == ["one", "\u00e9"]
        self.stdin(monkeypatch, b"")
        refused(r"^Standard input has no texts: it is empty\.$", read_texts, "-")
        self.stdin(monkeypatch, b"\xe9")
        assert read_texts("-") == ["\u00e9"]
        self.stdin(monkeypatch, b"\0")
        refused("^Standard input has bytes that are not text", read_texts, "-")

    def test_refused(self, work):
        sentence = r"^--file must be a text file with a text on each line, - for .* or a .* table, but '{}' {}\.$"
        refused(sentence.format(r"b\.txt", "does not exist"), read_texts, "b.txt")
        refused(sentence.format("", "does not exist"), read_texts, "")
        (work / "a.csv").mkdir()
        refused(sentence.format(r"a\.csv", "is a folder"), read_texts, "a.csv")
        refused(r"^a\.txt has no texts: it is empty\.$", read_texts, make("a.txt", ""))
        refused(
            r"^--text is for a table, but a\.txt is not read as a table\. Leave --text out",
            read_texts,
            "a.txt",
            "title",
        )


class TestCorpus:
    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a"])
    def test_a_file_is_one_text(self, name):
        assert corpus_texts(make(name, "\ufeffone\r\n\r\ntwo\rthree\n\u00e9\n")) == ["one\n\ntwo\nthree\n\u00e9\n"]

    @pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".XZ", lzma.compress)])
    def test_compressed(self, suffix, compress):
        content = "one\r\n\u00e9".encode()
        assert corpus_texts(make("a.txt" + suffix, compress(content[:3]) + compress(content[3:]))) == ["one\n\u00e9"]

    def test_folder(self, work, monkeypatch, capsys):
        monkeypatch.setattr("gatewright.support.progress._TICK_SECONDS", 0.0)
        for name in ("b.txt", "a/z.md", "a/.hidden", ".git/x", "a-b", "B"):
            (work / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
            make(work / "texts" / name, name)
        make(work / "texts" / "c.txt.gz", gzip.compress(b"c"))
        (work / "texts" / "a" / "round").symlink_to(work / "texts")
        assert corpus_texts("texts") == ["B", "a/z.md", "a-b", "b.txt", "c"]
        assert "gatewright: 5 of 5 texts of texts read." in capsys.readouterr().err

    def test_missing_data_is_refused(self):
        sentence = (
            r"^{} must be {}a text file \(also as \.gz .*, a folder of .*, or a .* table, but '{}' does not exist"
        )
        named = "shakespeare, ptb, imdb-unlabelled, "
        refused(sentence.format("DATA", named, r"b\.txt") + r"\.$", read_corpus, "b.txt")
        refused(sentence.format("DATA", named, ""), read_corpus, "")
        refused(sentence.format("DATA", named, "ptp") + r"; did you mean 'ptb'\?$", read_corpus, "ptp")
        name = make("a.txt", "one")
        refused(sentence.format("--validation", "", "ptb") + r"\.$", read_corpus, name, validation="ptb")
        refused(sentence.format("--test", "", r"b\.txt"), read_corpus, name, test="b.txt")

    def test_other_splits(self, work):
        make("a.csv", "title\none\n")
        make("b.jsonl", '{"title": "two"}')
        make("c.parquet", {"title": ["three"]})
        path = str(work / "a.csv")
        expected = Corpus("a.csv", ["one"], ["two"], ["three"])
        assert read_corpus(path, "title", validation="b.jsonl", test="c.parquet") == expected
        make("b.txt", "")
        refused(r"^b\.txt has no text: it is empty or blank\.$", read_corpus, make("a.txt", "one"), test="b.txt")

    @pytest.mark.parametrize("content", ["", " \n\t\n"])
    def test_blank_data_is_refused(self, work, content):
        refused(r"^a\.txt has no text: it is empty or blank\.$", read_corpus, make("a.txt", content))
        (work / "texts").mkdir()
        refused("^texts has no text: ", read_corpus, "texts")
        make("texts/a", content)
        refused("^texts has no text: ", read_corpus, "texts")
        refused(r"^a\.csv has no text: ", read_corpus, make("a.csv", 'text\n" "\n'))

    @pytest.mark.parametrize(("name", "compress"), [("a.csv.gz", gzip.compress), ("a.tsv.xz", lzma.compress)])
    def test_compressed_tables(self, name, compress):
        assert read_corpus(make(name, compress(b"text\none\n"))).train == ["one"]

    @pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.TAR.XZ", "a.zip", "texts/a.csv"])
    def test_tables_and_archives_by_their_names(self, work, name):
        (work / "texts").mkdir()
        make(name, gzip.compress(b"text\none\n"))
        sentence = rf"^{re.escape(name)} must be plain text .* its name is that of a table or an archive\. Unpack"
        refused(sentence, read_corpus, name.split("/")[0])

    @pytest.mark.parametrize("name", ["a.txt", "a.gz", "a.xz", "texts/a"])
    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
    def test_encodings(self, work, name, encoding):
        (work / "texts").mkdir()
        compress = {"a.gz": gzip.compress, "a.xz": lzma.compress}.get(name, bytes)
        make(name, compress("\u00e9\ne".encode(encoding)))
        assert read_corpus(name.split("/")[0]).train == ["\u00e9\ne"]

    def test_bytes_that_are_not_text_are_refused(self):
        refused(r"^a\.txt has bytes that are not text", read_corpus, make("a.txt", b"a\0b"))

    @pytest.mark.parametrize("damage", ["cut short", "other bytes", "wrong checksum"])
    @pytest.mark.parametrize(("name", "compress"), [("a.gz", gzip.compress), ("a.xz", lzma.compress)])
    def test_damaged(self, name, compress, damage):
        content = compress(b"one two three")
        wrong = {"cut short": content[:-9], "other bytes": b"hello", "wrong checksum": content[:-8] + bytes(8)}
        make(name, wrong[damage])
        refused(rf"^{name} cannot be decompressed \(.+\)\. It may be incomplete, so download", read_corpus, name)

    @pytest.mark.parametrize(("name", "compress"), [("a.gz", gzip.compress), ("a.xz", lzma.compress)])
    def test_huge_decompressed_files_are_refused(self, name, compress):
        with limited_input(0.003):
            assert len(read_corpus(make(name, compress(b"a" * 3_000_000))).train[0]) == 3_000_000
            refused(
                rf"^{name} is larger than 0.003 GB .*--max-input", read_corpus, make(name, compress(b"a" * 3_000_001))
            )

    def test_unreadable(self, work, monkeypatch):
        def refuse(*given, **named):
            raise PermissionError(13, "Permission denied")

        make("a.txt", "one")
        (work / "texts").mkdir()
        monkeypatch.setattr("pathlib.Path.open", refuse)
        refused(r"^a\.txt cannot be read \(Permission denied\)\. Make ", read_corpus, "a.txt")
        monkeypatch.setattr("os.scandir", refuse)
        refused(r"^texts cannot be read \(Permission denied\)\. Make ", read_corpus, "texts")

    def test_columns(self, work):
        refused(r"^--text is for a table, but \. is not read as a table\. Leave --text out", read_corpus, ".", "title")
        refused("^--header is for a table, but shakespeare is not read", read_corpus, "shakespeare", header="none")

    def test_notes(self, work):
        (work / "texts").mkdir()
        make("texts/a", "one \u00e9".encode("latin-1"))
        make("texts/b", "two")
        make("a.csv", "review,n\none,1\n")
        assert read_corpus("texts", test="a.csv").notes == (
            "texts/a was read as Windows-1252 (Latin-1), because it is not UTF-8.",
            "In a.csv, the texts are the column 'review'.",
        )

    def test_special_files_are_skipped(self, work, capsys):
        (work / "texts").mkdir()
        make("texts/a", "one")
        make("texts/Thumbs.db", b"\0")
        os.mkfifo(work / "texts" / "pipe")
        assert read_corpus("texts").train == ["one"]
        assert (
            "1 of the files in texts was skipped, as it is not a regular file: texts/pipe." in capsys.readouterr().err
        )
