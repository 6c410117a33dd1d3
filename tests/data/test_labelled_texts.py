"""Labelled texts from tables, folders, archives and named sets, and the errors for bad ones."""

import bz2
import datetime
import gzip
import json
import lzma
import math
import os
import re
import sys
import tarfile

import pytest

from gatewright.data import public
from gatewright.data.labelled_texts import Labelled, SeveralLabelled, Source, distinct_labels, read_labelled
from gatewright.support.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

GOOD = Labelled(["one", "two, \u00e9"], ["a", "b"])


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(name, content):
    """Write a file of text, bytes, JSON Lines (a list) or Parquet (a dictionary)."""
    if isinstance(content, dict):
        parquet.write_table(pyarrow.table(content), name)
    elif isinstance(content, list):
        with open(name, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in content)
    else:
        with open(name, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    return name


def tree(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def pack(path, root, top):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(root, top)
    return path


def refused(sentence, *given, **named):
    with pytest.raises(InputError) as caught:
        read_labelled(*given, **named)
    assert re.search(sentence, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


TABLES = {
    "rows.csv": 'text,label\none,a\n"two, \u00e9",b\n',
    "semicolon.CSV": "id;label;text\n1;a;one\n2;b;two, \u00e9\n",
    "bar.csv": "label|text\r\na|one\r\n\r\nb|two, \u00e9\r\n",
    "tab.csv": "label\ttext\na\tone\nb\ttwo, \u00e9\n",
    "mark.csv": b'\xef\xbb\xbftext,label\none,a\n"two, \xc3\xa9",b',
    "rows.tsv": "text\tlabel,\tlabel\none\t1\ta\ntwo, \u00e9\t2\tb\n",
    "rows.jsonl": [{"text": "one", "label": "a"}, {"n": 1, "label": "b", "text": "two, \u00e9"}],
    "rows.NDJSON": b'\xef\xbb\xbf{"text": "one", "label": "a"}\n\n{"text": "two, \\u00e9", "label": "b"}',
    "rows.parquet": {"n": [1, 2], "text": GOOD.texts, "label": GOOD.labels},
    "category.parquet": {
        "text": pyarrow.array(GOOD.texts).dictionary_encode(),
        "label": pyarrow.array(GOOD.labels, pyarrow.large_string()).dictionary_encode(),
    },
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name):
    found = {"text": "text", "label": "label"}
    assert read_labelled(make(name, TABLES[name])) == Source(name, GOOD, None, found=found)


def test_columns_and_a_test_set(work):
    make("a.csv", "review,stars,stars\none,5,1\n".replace("stars,stars", "stars,other"))
    make("b.jsonl", [{"stars": 5, "review": "two"}])
    source = read_labelled(str(work / "a.csv"), "review", "stars", test="b.jsonl")
    assert source == Source("a.csv", Labelled(["one"], ["5"]), Labelled(["two"], ["5"]))


def test_long_fields_and_line_breaks():
    long = "word\n" * 100_000
    assert read_labelled(make("a.csv", f'text,label\n"{long}",a\n')).train.texts == [long]


LABELS = {
    "integers": ([1, 0, -2], ["1", "0", "-2"]),
    "floats": ([1.0, 0.5, -2.0], ["1", "0.5", "-2"]),
    "truths": ([True, False, True], ["true", "false", "true"]),
    "strings": (["x", "y y", "\u00e9"], ["x", "y y", "\u00e9"]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_the_same_strings_from_every_table(kind):
    labels, expected = LABELS[kind]
    rows = [{"text": "t", "label": label} for label in labels]
    names = [
        make("a.parquet", {"text": ["t"] * 3, "label": labels}),
        make("a.jsonl", rows),
        make("a.csv", "text,label\n" + "".join(f"t,{label}\n" for label in labels)),
    ]
    for name in names:
        assert read_labelled(name).train.labels == expected


def test_empty_texts_are_allowed():
    texts = ["", "  "]
    assert read_labelled(make("a.csv", "label,text\na,\nb,  \n")).train.texts == texts
    assert read_labelled(make("a.jsonl", [{"text": one, "label": 1} for one in texts])).train.texts == texts
    assert read_labelled(make("a.parquet", {"text": texts, "label": [1, 2]})).train.texts == texts


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
def test_encodings(encoding):
    for name in ("rows.csv", "rows.tsv"):
        assert read_labelled(make(name, TABLES[name].encode(encoding))).train == GOOD
    rows = '{"text": "one", "label": "a"}\n{"text": "two, \u00e9", "label": "b"}\n'
    assert read_labelled(make("rows.jsonl", rows.encode(encoding))).train == GOOD


class TestTableRefused:
    def test_unknown_source(self):
        sentence = r"^DATA must be adding, imdb, a \.csv, .* 'imbd' does not exist; did you mean 'imdb'\?$"
        refused(sentence, "imbd")
        refused(r"^DATA must .* '' does not exist\.$", "")
        refused(r"^DATA must .* 'nothing\.csv' does not exist\.$", "nothing.csv")
        refused(r"^DATA must .* 'a\.xlsx' has another format\.$", make("a.xlsx", "x"))

    def test_set_without_texts(self):
        refused("'adding' has no texts", "adding")

    def test_unknown_test(self):
        name = make("a.csv", TABLES["rows.csv"])
        refused(r"^--test must be a \.csv, .* 'imdb' does not exist\.$", name, test="imdb")

    def test_errors_in_the_test_set_name_its_file(self):
        name = make("a.csv", TABLES["rows.csv"])
        refused(r"^b\.csv has no rows", name, test=make("b.csv", "text,label\n"))

    def test_no_such_column(self):
        name = make("a.csv", "what,Labels!,n\na,b,c\n")
        refused(r"^a\.csv has no column 'text' or 'label', only 'what', 'Labels!', 'n'. Give --text C.* and --l", name)
        refused(r"^a\.csv has no column 'label', only .*\. Give --label COLUMN\.$", name, "what")
        refused(r"^--label 'Labels' is not a column of a\.csv, .*; did you mean 'Labels!'\?$", name, "what", "Labels")
        refused(r"^--text 'xyz' is not a column of a\.csv, .*\.$", name, "xyz", "Labels!")

    def test_many_columns_are_not_all_shown(self):
        name = make("a.csv", ",".join(f"c{number}" for number in range(100)) + "\n")
        refused(r"'c19', \.\.\.\. Give", name)

    def test_one_column_can_not_be_text_and_label(self):
        refused("'text' cannot be both --text and --label", make("a.csv", TABLES["rows.csv"]), label="text")

    @pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
    def test_columns_of_one_name(self, name):
        if name == "a.csv":
            make(name, "text,label,text,,\na,b,c,,\n")
        else:
            arrays = [pyarrow.array(["a"])] * 3
            parquet.write_table(pyarrow.Table.from_arrays(arrays, names=["text", "label", "text"]), name)
        refused(r"has 2 columns 'text'\. Give each", name)

    @pytest.mark.parametrize(
        "content",
        ["", "\n\n", "text,label\n", [], {"text": pyarrow.array([], "str"), "label": pyarrow.array([], "str")}],
    )
    def test_no_rows(self, content):
        suffix = {str: "csv", list: "jsonl", dict: "parquet"}[type(content)]
        refused(rf"^a\.{suffix} has no rows[.:] ", make(f"a.{suffix}", content))

    def test_missing_label(self):
        refused(
            r"^a\.csv has 2 rows without a label: the first is row 2, line 5\. Remove them\.$",
            make("a.csv", 'text,label\n"a\nb",x\n\nb,\nc,nan\n'),
        )
        rows = [{"text": "a", "label": 1}, {"text": "b"}]
        refused(r"^a\.jsonl has a row without a label: row 2, line 2\. Remove it\.$", make("a.jsonl", rows))
        for missing in (math.nan, None):
            make("a.parquet", {"text": ["a", "b"], "label": [1.0, missing]})
            refused(r"^a\.parquet has a row without a label: row 2\. Remove it\.$", "a.parquet")
        refused("has 2 rows without a label", make("a.parquet", {"text": ["a", "b"], "label": ["", " "]}))

    @pytest.mark.parametrize("missing", [None, math.nan])
    def test_missing_text(self, missing):
        rows = [{"text": "a", "label": 1}, {"text": missing, "label": 2}]
        refused(r"has a row without a text: row 2, line 2\. Remove it", make("a.jsonl", rows))

    def test_missing_text_in_parquet(self):
        refused(r"has a row without a text: row 1\.", make("a.parquet", {"text": [None, "a"], "label": [1, 2]}))
        refused("has 2 rows without a text", make("a.parquet", {"text": [None, None], "label": [1, 2]}))

    def test_numbers_as_texts_are_refused(self):
        sentence = r"^a\.{}: 'text' is a number, not a text\. Choose another column with --text\.$"
        refused(sentence.format("parquet, row 1"), make("a.parquet", {"text": [1], "label": [1]}))
        rows = [{"text": None, "label": 1}, {"text": 1, "label": 1}]
        refused(sentence.format("jsonl, line 2"), make("a.jsonl", rows))

    @pytest.mark.parametrize("label", [[["x"]], {"x": 1}, b"x", datetime.date(2020, 1, 1)])
    def test_other_types_of_labels_are_refused(self, label):
        make("a.parquet", {"text": ["a"], "label": pyarrow.array([label])})
        sentence = r"^a\.parquet, row 1: 'label' is (a list of lists|an object|of the type .*), not a label\. Choose an"
        refused(sentence, "a.parquet")

    def test_objects_as_labels_are_refused(self):
        refused("line 1: 'label' is an object, not a label", make("a.jsonl", [{"text": "a", "label": {"x": 1}}]))

    def test_rows_with_other_numbers_of_fields_are_refused(self):
        make("a.csv", 'text,label\n"a\nb",x\na, b,x\n')
        refused(r"^a\.csv, line 4: the row has 3 fields, but the header has 2\. Fix the row", "a.csv")
        refused("line 2: the row has 1 field, but", make("a.csv", "text,label\na\n"))

    def test_an_unclosed_quote_is_refused(self):
        refused(r"^a\.csv, line 3: .* Close every quoted field", make("a.csv", 'text,label\n"a",x\n"b,y\nc,z\n'))

    @pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
    def test_bytes_that_are_not_text_are_refused(self, name):
        refused(rf"^{name} is not text in UTF-8 or UTF-16\. Save it as UTF-8\.$", make(name, b"text,label\n\xe9\0,a\n"))
        refused(rf"^{name} has bytes that are not text", make(name, b"text,label\na\0,a\n"))

    def test_a_folder_with_a_files_name_has_no_classes(self, work):
        (work / "a.csv").mkdir()
        refused(r"a\.csv has no texts by class", "a.csv")

    def test_file_that_cannot_be_read(self, monkeypatch):
        def refuse(*given, **named):
            raise PermissionError(13, "Permission denied")

        make("a.csv", TABLES["rows.csv"])
        monkeypatch.setattr("pathlib.Path.open", refuse)
        refused(r"^a\.csv cannot be read \(Permission denied\)", "a.csv")

    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            ("{", r"^a\.jsonl, line 2: this is not JSON \(.*\)\. Every line must be one JSON object\.$"),
            ("[" * 100_000, r"line 2: this is not JSON .too long or too deep.\. Every"),
            ("[1]", r"line 2: this is a list\. Every line"),
            ("null", r"line 2: this is null\. Every line"),
            ('{"text": "a", "label": 1, "text": "b"}', "line 2: the name 'text' occurs twice"),
            ('{"text": "\\ud800", "label": 1}', "line 2: 'text' has a text with an unpaired "),
        ],
    )
    def test_broken_json(self, line, sentence):
        refused(sentence, make("a.jsonl", '{"text": "a", "label": 1}\n' + line))

    @pytest.mark.parametrize("damage", ["no parquet", "cut short"])
    def test_broken_parquet(self, damage):
        make("a.parquet", TABLES["rows.parquet"])
        with open("a.parquet", "rb") as file:
            content = file.read()
        make("a.parquet", content[:-30] if damage == "cut short" else b"hello")
        refused(r"^a\.parquet is not a complete Parquet file", "a.parquet")

    def test_without_pyarrow(self, monkeypatch):
        make("a.parquet", TABLES["rows.parquet"])
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        refused(r"Reading a\.parquet needs pyarrow: pip install 'gatewright\[train\]'", "a.parquet")


CLASSES = {"good/b.txt": "b\u00e9", "good/a": "a", "bad/x.txt": "x", "bad/.hidden": "h", ".git/y": "y", "README": "r"}
CLASS_ROWS = Labelled(["x", "a", "b\u00e9"], ["bad", "good", "good"])
DIVIDED = {
    "train/pos/1_9.txt": "fine",
    "train/neg/0_1.txt": "poor",
    "train/unsup/0_0.txt": "unknown",
    "train/labeledBow.feat": "9",
    "train/urls_pos.txt": "http",
    "test/pos/0_9.txt": "well",
    "test/neg/0_1.txt": "dull",
    "test/labeledBow.feat": "9",
    "imdb.vocab": "the",
}
DIVIDED_ROWS = (Labelled(["poor", "fine"], ["neg", "pos"]), Labelled(["dull", "well"], ["neg", "pos"]))


class TestFolder:
    def test_classes(self, work):
        tree(work / "texts", CLASSES)
        assert read_labelled("texts") == Source("texts", CLASS_ROWS, None)
        assert read_labelled("./texts/").name == "texts"

    def test_parts(self, work):
        tree(work / "texts", DIVIDED)
        assert read_labelled("texts") == Source("texts", *DIVIDED_ROWS)
        assert read_labelled("texts/train", test="texts/test") == Source("train", *DIVIDED_ROWS)

    @pytest.mark.parametrize("top", ["", "texts", "./texts", "a/b"])
    @pytest.mark.parametrize("suffix", [".tar.gz", ".TGZ"])
    def test_archive(self, work, top, suffix):
        pack("a" + suffix, tree(work / "texts", CLASSES), top)
        assert read_labelled("a" + suffix) == Source("a" + suffix, CLASS_ROWS, None)
        pack("b" + suffix, tree(work / "parts", DIVIDED), top)
        assert read_labelled("b" + suffix) == Source("b" + suffix, *DIVIDED_ROWS)

    def test_archive_of_one_class(self, work):
        pack("a.tgz", tree(work / "texts", {"good/1": "a", "good/2": "b"}), "")
        assert read_labelled("a.tgz").train == Labelled(["a", "b"], ["good", "good"])

    def test_byte_order_mark(self, work):
        assert read_labelled(str(tree(work / "t", {"a/1": b"\xef\xbb\xbfx"}))).train.texts == ["x"]

    def test_linked_class(self, work):
        tree(work / "texts", CLASSES)
        (work / "other").mkdir()
        (work / "other" / "good").symlink_to(work / "texts" / "good")
        (work / "other" / "good" / "round").symlink_to(work / "other")
        refused(r"good/ in other contains the folder round", "other")

    def test_progress(self, work, monkeypatch, capsys):
        monkeypatch.setattr("gatewright.support.progress._TICK_SECONDS", 0.0)
        tree(work / "texts", CLASSES)
        read_labelled("texts")
        read_labelled(pack("a.tgz", work / "texts", ""))
        said = capsys.readouterr().err
        assert "gatewright: 3 of 3 texts of texts read." in said
        assert "gatewright: 3 of 3 texts of a.tgz read." in said
        assert re.search(r"gatewright: \d texts of a\.tgz read\.", said)

    @pytest.mark.parametrize("files", [{}, {"a.txt": "a"}, {".a/x": "a"}, {"train/x": "a", "test/y": "b"}])
    def test_no_classes(self, work, files):
        (work / "texts").mkdir()
        tree(work / "texts", files)
        refused(r"^texts has no texts by class\. It must contain a folder of text files for each class", "texts")
        refused(r"^a\.tgz has no texts by class", pack("a.tgz", work / "texts", ""))

    @pytest.mark.parametrize(("part", "other"), [("train", "test"), ("test", "train")])
    def test_half(self, work, part, other):
        tree(work / "texts", {name: text for name, text in DIVIDED.items() if name.startswith(part)})
        refused(rf"^texts has {part}/ but no {other}/ with texts by class\. Add {other}/", "texts")
        refused(f"has {part}/ but no {other}/", pack("a.tgz", work / "texts", "t"))

    def test_folders_in_classes(self, work):
        tree(work / "texts", {**CLASSES, "good/2020/x": "x"})
        refused(r"^good/ in texts contains the folder 2020\. Put the texts of a class directly into", "texts")
        tree(work / "parts", {**DIVIDED, "train/pos/2020/x": "x"})
        refused("^train/pos/ in parts contains the folder 2020", "parts")

    def test_other_encodings_are_noted(self, work):
        tree(work / "texts", {**CLASSES, "good/b.txt": "b\u00e9".encode("latin-1")})
        for data in ("texts", pack("a.tgz", work / "texts", "t")):
            source = read_labelled(data)
            assert source.train == CLASS_ROWS
            sentence = f"1 of 3 files of {data} was read as Windows-1252 or UTF-16, such as good/b.txt."
            assert source.notes == (sentence,)

    def test_files_that_are_not_text_are_refused(self, work):
        tree(work / "texts", {**CLASSES, "good/b.png": b"\x89PNG\0\0"})
        refused(r"^good/b\.png in texts is not text in UTF-8 or UTF-16", "texts")

    @pytest.mark.parametrize("row", ["0,0.5,-1e3", "2024-01-02;1,5;", "1 2 3", "7"])
    def test_tables_of_numbers_are_refused(self, work, row):
        content = f"t,x,y\n{row}\n{row}\n"
        tree(
            work / "texts", {"walk/1.csv": content, "walk/2.csv": content, "run/1.csv": content, "run/notes": "a text"}
        )
        refused(r"^texts contains tables of numbers, such as run/1\.csv, not texts\. Give a folder of text", "texts")

    def test_special_files_are_skipped(self, work):
        tree(work / "texts", {**CLASSES, "good/Thumbs.db": b"\0", "bad/desktop.ini": "x"})
        os.mkfifo(work / "texts" / "good" / "pipe")
        source = read_labelled("texts")
        assert source.train == CLASS_ROWS
        assert source.notes == ("1 of the files in texts was skipped, as it is not a regular file: good/pipe.",)

    def test_class_without_a_printable_name(self, work):
        refused(
            r"has a class folder with the unprintable name 'a\\nb'\. Rename", str(tree(work / "texts", {"a\nb/1": "x"}))
        )

    def test_columns(self, work):
        tree(work / "texts", CLASSES)
        refused(r"^--text and --label name the columns of a table, but texts is not a table\. Leave", "texts", "text")
        refused("name the columns of a table, but imdb is not a table", "imdb", label="label")

    def test_a_second_test_set_is_refused(self, work):
        tree(work / "texts", DIVIDED)
        tree(work / "more", CLASSES)
        refused(r"^texts has its own test set\. Leave --test more out", "texts", test="more")
        refused(r"^--test texts has a training and a test set\. Give the folder", "more", test="texts")

    def test_unreadable(self, work, monkeypatch):
        def refuse(*given, **named):
            raise PermissionError(13, "Permission denied")

        tree(work / "texts", CLASSES)
        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.open", refuse)
            refused(r"^bad/x\.txt in texts cannot be read \(Permission denied\)", "texts")
        monkeypatch.setattr("os.scandir", refuse)
        refused(r"^texts cannot be read \(Permission denied\)", "texts")

    @pytest.mark.parametrize("damage", ["text", "gzip of text", "cut short", "wrong checksum", "no bytes"])
    def test_broken_archive(self, work, damage):
        pack("a.tgz", tree(work / "texts", CLASSES), "t")
        content = (work / "a.tgz").read_bytes()
        wrong = {
            "text": b"hello",
            "gzip of text": gzip.compress(b"hello" * 200),
            "cut short": content[:-12],
            "wrong checksum": content[:-8] + b"0000" + content[-4:],
            "no bytes": b"",
        }
        make("a.tgz", wrong[damage])
        refused(r"^a\.tgz cannot be read as a \.tar\.gz archive \(.+\)\. It may be incomplete", "a.tgz")


class TestNamedSet:
    @pytest.fixture
    def data(self, work, monkeypatch):
        monkeypatch.setenv("GATEWRIGHT_DATA", str(work / "data"))
        (work / "data" / "imdb").mkdir(parents=True)
        for part in ("train", "test"):
            make(str(work / "data" / "imdb" / f"{part}.parquet"), {"text": [f"{part} 1", "b"], "label": [1, 0]})
        return work / "data" / "imdb"

    def test_imdb(self, work, data):
        tree(work / "imdb", CLASSES)  # the set goes before a folder of its name
        labels = ["positive", "negative"]
        assert read_labelled("imdb") == Source(
            "imdb", Labelled(["train 1", "b"], labels), Labelled(["test 1", "b"], labels), "are of one film"
        )
        assert read_labelled("./imdb").train == CLASS_ROWS

    def test_test_rows(self, data):
        refused(r"^imdb has its own test set\. Leave --test x\.csv out", "imdb", test="x.csv")

    def test_half(self, data):
        (data / "test.parquet").unlink()
        refused(r"test\.parquet does not exist\. The data set imdb needs", "imdb")

    def test_other_labels(self, data):
        make(str(data / "test.parquet"), {"text": ["a"], "label": [-1]})
        refused("^The labels of imdb must be 0 and 1, but its test set has the label -1", "imdb")

    def test_without_pyarrow(self, data, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        refused(r"needs pyarrow: pip install", "imdb")

    def test_cache_that_cannot_be_written(self, work, monkeypatch):
        make("file", "")
        monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(work / "file"))
        monkeypatch.setattr(public, "_IMDB_URL", "http://127.0.0.1:9/")
        refused("Set XDG_CACHE_HOME to a folder that you can write to", "imdb")


class TestSeveralColumns:
    """The texts of a row are joined by line breaks, without missing ones."""

    def test_csv(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text('title,body,label,"title,body"\nA,b c,x,one\n,d,y,two\n')
        assert read_labelled(str(path), "title, body").train.texts == ["A\nb c", "\nd"]
        assert read_labelled(str(path), "body,title").train.texts == ["b c\nA", "d\n"]
        assert read_labelled(str(path), "title,body").train.texts == ["one", "two"]
        with pytest.raises(InputError, match=r"--text 'bdy' is not a column of .*; did you mean 'body'\?"):
            read_labelled(str(path), "title,bdy")
        with pytest.raises(InputError, match="The column 'label' cannot be both --text and --label"):
            read_labelled(str(path), "title,label")

    def test_json_lines(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_text('{"t": "A", "b": "c", "label": 1}\n{"t": null, "b": "d", "label": 2}\n')
        assert read_labelled(str(path), "t,b").train.texts == ["A\nc", "d"]
        path.write_text('{"t": "A", "b": 3, "label": 1}\n')
        with pytest.raises(InputError, match="'b' is a number, not a text"):
            read_labelled(str(path), "t,b")
        path.write_text('{"t": null, "b": null, "label": 1}\n')
        with pytest.raises(InputError, match="a row without a text"):
            read_labelled(str(path), "t,b")

    def test_parquet(self, tmp_path):
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "a.parquet"
        parquet.write_table(pyarrow.table({"t": ["A", None], "b": ["c", "d"], "label": [1, 2], "n": [1, 2]}), path)
        assert read_labelled(str(path), "t,b").train.texts == ["A\nc", "d"]
        with pytest.raises(InputError, match=r"row 1: 'n' is a number, not a text"):
            read_labelled(str(path), "t,n")


class TestSeveralLabels:
    """Several labels for a text: a column each, lists, or a separator."""

    COLUMNS = SeveralLabelled(["one", "two", "three"], [("toxic",), (), ("toxic", "a b")], ("toxic", "a b"))

    def test_a_column_each(self):
        rows = 'text,toxic,a b,"x,y"\none,1,0,k\ntwo,false,0.0,l\nthree,TRUE,1,m\n'
        assert read_labelled(make("a.csv", rows), label="toxic, a b").train == self.COLUMNS
        assert read_labelled("a.csv", label="x,y").train.labels == ["k", "l", "m"]
        truths = {"text": self.COLUMNS.texts, "toxic": [True, False, True], "a b": [0.0, 0.0, 1.0]}
        assert read_labelled(make("a.parquet", truths), label="toxic,a b").train == self.COLUMNS
        records = [dict(zip(truths, row, strict=True)) for row in zip(*truths.values(), strict=True)]
        assert read_labelled(make("a.jsonl", records), label="toxic,a b").train == self.COLUMNS
        source = read_labelled("a.csv", label="toxic,a b", test="a.jsonl")
        assert source.test == source.train

    @pytest.mark.parametrize("missing", ["", "2", "yes", "-1", "0.5", "nan", "x" * 99])
    def test_label_columns_without_truth_values_are_refused(self, missing):
        name = make("a.csv", f"text,p,q\none,1,1\n\ntwo,0,{missing}\n")
        refused(r"^a\.csv, line 4: 'q' is .{2,50}, but several label columns must contain 0 or 1,", name, label="p,q")

    def test_label_columns_of_typed_files_without_truth_values_are_refused(self):
        make("a.parquet", {"text": ["a", "b"], "p": [0, 1], "q": [None, 1]})
        refused(r"^a\.parquet, row 1: 'q' is None, but several", "a.parquet", label="p,q")
        make("a.jsonl", [{"text": "a", "p": 1, "q": 1}, {"text": "a", "p": 1}])
        refused(r"^a\.jsonl, line 2: 'q' is None, but several", "a.jsonl", label="p,q")
        make("a.jsonl", [{"text": "a", "p": [1], "q": 1}])
        refused(r"^a\.jsonl, line 1: 'p' is a list, not a label", "a.jsonl", label="p,q")
        make("a.parquet", {"text": ["a"], "p": [1], "q": [["x"]]})
        refused(r"^a\.parquet, row 1: 'q' is a list, not a label", "a.parquet", label="p,q")

    def test_missing_label_columns_are_refused(self):
        name = make("a.csv", "text,toxic,threat\na,1,0\n")
        refused(r"^--label 'treat' is not a column of .*; did you mean 'threat'\?$", name, label="toxic,treat")
        refused(r"^--label '' is not a column of .*\.$", name, label="toxic,")
        refused("'text' cannot be both --text and --label", name, label="toxic,text")

    LISTS = (("b", "a"), (), ("\U0001f600, \0", "a"))

    @pytest.mark.parametrize("kind", ["jsonl", "list", "large_list", "fixed"])
    def test_lists(self, kind):
        texts, lists = ["one", "two", "three"], [list(labels) for labels in self.LISTS]
        if kind == "jsonl":
            name = make("a.jsonl", [{"text": t, "label": labels} for t, labels in zip(texts, lists, strict=True)])
        else:
            string = pyarrow.string()
            types = {"list": pyarrow.list_(string), "large_list": pyarrow.large_list(pyarrow.large_string())}
            lists = lists if kind in types else [["b", "a"], ["c", "c"], ["a", "b"]]
            column = pyarrow.array(lists, types.get(kind, pyarrow.list_(string, 2)))
            name = make("a.parquet", {"text": texts, "label": column})
        rows = read_labelled(name).train
        labels = list(self.LISTS) if kind != "fixed" else [("b", "a"), ("c",), ("a", "b")]
        assert rows == SeveralLabelled(texts, labels, ())
        assert distinct_labels(rows) == {label for row in labels for label in row}

    @pytest.mark.parametrize(
        ("field", "sentence"),
        [
            ("x", r"^a\.jsonl, line 2: 'label' is a string, but other rows have a list\. Give all rows the same type"),
            (1, "'label' is a number, but other rows have a list"),
            (["x", None], "'label' is a list that contains null"),
            (
                ["x", ["y"]],
                "'label' and other rows have lists that contain a list and a string. Give all the same type",
            ),
            ([["y"]], "'label' is a list of lists, not a label"),
            ([" "], "'label' is a list that contains an empty string"),
            ({"x": 1}, "line 2: 'label' is an object, but other rows have a list"),
            (None, r"has a row without a label: row 2, line 2\. Remove it\.$"),
            (["\ud800"], r"line 2: 'label' has a text with an unpaired "),
        ],
    )
    def test_lists_of_other_values_are_refused(self, field, sentence):
        refused(sentence, make("a.jsonl", [{"text": "a", "label": []}, {"text": "b", "label": field}]))

    def test_lists_of_numbers_are_labels(self):
        rows = [{"text": "a", "label": [3, 1]}, {"text": "b", "label": [1]}, {"text": "c", "label": ["x"]}]
        assert read_labelled(make("a.jsonl", rows)).train.labels == [("3", "1"), ("1",), ("x",)]
        name = make("a.parquet", {"text": ["a", "b"], "label": [[27], [1, 27]]})
        assert read_labelled(name).train.labels == [("27",), ("1", "27")]

    def test_a_parquet_list_with_a_missing_label(self):
        make("a.parquet", {"text": ["a", "b"], "label": [["x"], ["y", None]]})
        refused(r"^a\.parquet, row 2: 'label' is a list that contains null", "a.parquet")
        make("a.parquet", {"text": ["a", "b"], "label": [["x"], None]})
        refused("has a row without a label: row 2", "a.parquet")

    def test_a_separator(self):
        make("a.csv", "text,label\na,sport | politics\nb,\nc,|x||x \nd,1.0\ne,nan\n")
        rows = read_labelled("a.csv", label_separator="|").train
        assert rows.labels == [("sport", "politics"), (), ("x",), ("1.0",), ("nan",)]
        assert rows.columns == ()
        make("a.jsonl", [{"text": "a", "label": "x; y"}, {"text": "b", "label": 3}, {"text": "c", "label": ""}])
        assert read_labelled("a.jsonl", label_separator=";").train.labels == [("x", "y"), ("3",), ()]
        make("a.parquet", {"text": ["a", "b"], "label": ["x and y", "z"]})
        assert read_labelled("a.parquet", label_separator=" and ").train.labels == [("x", "y"), ("z",)]

    def test_a_note_where_some_fields_seem_to_be_several_labels(self):
        labels = ["1", "2", "1,2", "2,3", "1,3", "3", "1,2,3", *"123123123123"]
        make("a.csv", "text\tlabel\n" + "".join(f"text {place}\t{label}\n" for place, label in enumerate(labels)))
        (note,) = read_labelled("a.csv").notes
        assert note.startswith("4 of the 19 labels of a.csv contain ',', such as '1,2,3'. If each is several labels,")
        make("b.csv", "text\tlabel\n" + "".join(f"text {place}\tRome, {place}\n" for place in range(20)))
        assert read_labelled("b.csv").notes == ()

    def test_bad_separators_are_refused(self, work):
        make("a.csv", "text,p,q\na,0,1\n")
        refused(r"^--label-separator is for one label column, but --label names 2", "a.csv", None, "p,q", None, "|")
        refused(r"^--label-separator must be a text of one character or more, not ''\.$", "a.csv", label_separator="")
        refused("must be a text of one character or more, not 3", "a.csv", label_separator=3)
        make("a.jsonl", [{"text": "a", "label": ["x"]}])
        refused(
            r"^a\.jsonl, line 1: 'label' is a list, which needs no --label-separator", "a.jsonl", label_separator="|"
        )
        make("b.jsonl", [{"text": "a", "label": None}])
        refused("has a row without a label", "b.jsonl", label_separator="|")
        tree(work / "texts", CLASSES)
        refused("^--label-separator is for a column of a table, but texts is not a table", "texts", label_separator="|")
        refused("^--label-separator is for a column of a table, but imdb is not a table", "imdb", label_separator="|")

    def test_single_labels_and_lists_do_not_mix(self):
        one, lists = make("a.jsonl", [{"text": "a", "label": "x"}]), make("b.jsonl", [{"text": "a", "label": ["x"]}])
        for data, test in ((one, lists), (lists, one)):
            sentence = r"^b\.jsonl has lists of labels, but a\.jsonl has one label for each text\. Use one of"
            refused(sentence, data, test=test)


def read(content, name="a.csv", **given):
    return read_labelled(make(name, content), **given)


class TestColumnsThatAreNotGiven:
    """Columns with other names than text and label."""

    ROWS = "".join(
        f"a film that is {word},{number % 2}\n" for number, word in enumerate(["one", "two", "three", "four"])
    )

    @pytest.mark.parametrize(
        ("header", "note"),
        [
            (
                "review,stars",
                "In a.csv, the texts are the column 'review' and the labels are the column 'stars'.",
            ),
            ("Sentence,Polarity", "In a.csv, the texts are the column 'Sentence' and the labels"),
            ("v2,v1", "In a.csv, the texts are the column 'v2' and the labels are the column 'v1'."),
            ("text,sentiment", "In a.csv, the labels are the column 'sentiment'."),
            ("said,label", "In a.csv, the texts are the column 'said'."),
        ],
    )
    def test_are_found(self, header, note):
        source = read(f"{header}\n{self.ROWS}")
        assert source.train.labels == ["0", "1"] * 2
        assert source.train.texts[0] == "a film that is one"
        assert source.notes[-1].startswith(note)

    def test_are_found_without_a_header(self):
        source = read("".join(f"{'neg' if n % 2 else 'pos'},a film like this {n}\n" for n in range(20)))
        assert len(source.train.texts) == 20
        assert set(source.train.labels) == {"neg", "pos"}
        assert "The columns are called 'column 1' to 'column 2'" in source.notes[0]
        assert "In a.csv, the texts are the column 'column 2'" in source.notes[1]

    @pytest.mark.parametrize(
        "content",
        [
            "review,comment,stars\n" + "".join(f"good {n},bad {n},{n % 2}\n" for n in range(8)),
            "review,a,b\n" + "".join(f"a film like {n},{n % 2},{n % 3}\n" for n in range(8)),
            "a,b\n" + "".join(f"a film like {n},and another {n}\n" for n in range(8)),
            "a,b\n" + "".join(f"{n % 2},{n % 2}\n" for n in range(8)),
            "review,n\n" + "".join(f"a film like {n},{n}\n" for n in range(8)),
        ],
    )
    def test_are_refused_if_several_could_be_meant(self, content):
        refused(r"^a\.csv has no column .*\. Give --(text|label) COLUMN", make("a.csv", content))

    @pytest.mark.parametrize("header", ["none", "first"])
    def test_header(self, header):
        source = read(
            "neg,one\npos,two\nneg,three\n",
            text="column 2" if header == "none" else "one",
            label="column 1" if header == "none" else "neg",
            header=header,
        )
        assert len(source.train.texts) == (3 if header == "none" else 2)

    def test_other_headers_are_refused(self):
        refused("^--header must be first or none, not 'yes'", make("a.csv", "text,label\na,b\n"), header="yes")


class TestLabels:
    def test_white_space_is_removed(self):
        source = read("text,label\none, neg\ntwo,neg\nthree,\u00a0pos \nfour, 1.0\n")
        assert source.train.labels == ["neg", "neg", "pos", "1"]
        assert source.notes == ("Spaces before or after 2 labels of a.csv were left out.",)
        assert read([{"text": "a", "label": " x"}], "a.jsonl").train.labels == ["x"]

    def test_similar_ones_are_noted(self):
        source = read("text,label\none,Neg\ntwo,neg\nthree,neg.\nfour,pos\n")
        assert source.train.labels == ["Neg", "neg", "neg.", "pos"]
        sentence = "The labels 'Neg' and 'neg' and 'neg.' of a.csv differ only in case or a period. They are different"
        assert source.notes[0].startswith(sentence)

    @pytest.mark.parametrize("field", ["['a', 'c']", '["a", "c"]', "[ 'a' , 'c', 'a' ]"])
    def test_lists_that_are_written_as_text(self, field):
        quoted = '"{}"'.format(field.replace('"', '""'))
        source = read(f"text,label\none,{quoted}\ntwo,[]\nthree,[1]\nfour,['b']\nfive,[]\nsix,\n")
        assert source.train == SeveralLabelled(
            ["one", "two", "three", "four", "five"], [("a", "c"), (), ("1",), ("b",), ()], ()
        )
        assert any("were read as lists of labels" in note for note in source.notes)
        assert any("has no label and was left out" in note for note in source.notes)

    def test_other_brackets_are_labels(self):
        assert read("text,label\none,[a]\ntwo,[b\n").train.labels == ["[a]", "[b"]

    @pytest.mark.parametrize("separator", [";", "|", ","])
    def test_a_separator_is_suggested(self, separator):
        rows = [("a", "b"), ("b", "c"), ("a", "c"), ("c",), ("a", "b", "c"), ("b", "a")]
        content = "text,label\n" + "".join(f't{n},"{separator.join(row)}"\n' for n, row in enumerate(rows))
        notes = read(content).notes
        assert f"give --label-separator '{separator}'" in notes[0]
        assert not read(content, label_separator=separator).notes

    def test_no_separator_is_suggested_for_names_that_contain_one(self):
        rows = ["sport, outdoors", "food, drink"] * 5
        assert read("text,label\n" + "".join(f't{n},"{row}"\n' for n, row in enumerate(rows))).notes == ()

    @pytest.mark.parametrize("missing", ["", " ", "nan"])
    def test_a_few_rows_without_one_are_left_out(self, missing):
        rows = [f"t{n},{'ab'[n % 2]}\n" for n in range(20)]
        source = read("text,label\n" + "".join([*rows[:5], f"t,{missing}\n", *rows[5:], f"t,{missing}\n"]))
        assert len(source.train.texts) == len(source.train.labels) == 20
        sentence = "2 of 22 rows of a.csv have no label and were left out. The first is in line 7."
        assert source.notes == (sentence,)
        refused("has 6 rows without a label", make("a.csv", "text,label\n" + "".join(rows) + f"t,{missing}\n" * 6))

    def test_a_few_rows_without_a_text_are_left_out(self):
        rows = [{"text": f"t{n}", "label": n % 2} for n in range(10)]
        source = read([*rows[:3], {"text": None, "label": 1}, *rows[3:]], "a.jsonl")
        assert len(source.train.texts) == 10
        assert source.notes == ("1 of 11 rows of a.jsonl has no text and was left out. It is in line 4.",)
        source = read({"text": ["a", None, *"bcde"], "label": [["x"], ["y"], None, ["x"], ["x"], ["z"]]}, "a.parquet")
        assert source.train == SeveralLabelled(["a", "c", "d", "e"], [("x",), ("x",), ("x",), ("z",)], ())
        assert "It is row 2." in source.notes[0]


@pytest.mark.parametrize(
    "name", ["a.json", "a.csv.gz", "a.tsv.xz", "a.csv.bz2", "a.txt", "a.jsonl.gz", "a.data", "rows"]
)
def test_other_files(name):
    compress = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}.get(name.split(".")[-1], bytes)
    rows = [{"text": "one", "label": "a"}, {"text": "two, \u00e9", "label": "b"}]
    content = {"json": json.dumps({"rows": rows}), "jsonl": "\n".join(map(json.dumps, rows))}
    delimited = TABLES["rows.csv"] if name.startswith("a.csv") else "text\tlabel\none\ta\ntwo, \u00e9\tb\n"
    make(name, compress(content.get(name.split(".")[1:][0] if "." in name else "", delimited).encode()))
    assert read_labelled(name).train == GOOD
    assert read_labelled(name, test=name).test == GOOD


def test_labels_like_missing_values_are_noted():
    make("a.csv", "text,label\none,NULL\ntwo,x\nthree,NULL\n")
    source = read_labelled("a.csv")
    assert source.train.labels == ["NULL", "x", "NULL"]
    assert any("'NULL' in a.csv was read as a label, not as a missing value" in note for note in source.notes)


def test_a_single_column_is_refused_with_what_it_lacks():
    make("a.txt", "__label__x one two\n__label__y three four\n")
    refused(r"^a\.txt has only one column, .* Separate them by a tab or another delimiter\.$", "a.txt")
