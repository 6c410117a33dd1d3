"""Texts to predict: in files, on standard input and as Python objects."""

import io
import json

import numpy as np
import pytest

from gatewright.data.texts import list_of_texts, read_texts, texts_to_predict
from gatewright.support.errors import InputError

pytest.importorskip("pyarrow")

TABLE = 'label,text\na,"one, and"\nb,two\n'
TEXTS = ["one, and", "two"]


@pytest.fixture
def stdin(monkeypatch):
    def give(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    return give


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        "text\none, and\ntwo\n",
        'text\n"one, and"\ntwo\n',
        "id\tReview\n1\tone, and\n2\ttwo\n",
        '{"text": "one, and"}\n{"text": "two"}\n',
        '[{"text": "one, and"},\n {"text": "two"}]\n',
    ],
)
def test_a_table_on_standard_input_is_recognized(stdin, capsys, content):
    stdin(content)
    assert read_texts("-") == TEXTS
    assert "Standard input was read as a table" in capsys.readouterr().err


@pytest.mark.parametrize(
    "lines",
    [
        ["Hello, world", "Good, bad"],
        ["one, two, three"],
        ["I like this text, really", "and this review, too"],
        ["a\tb", "c"],
        ['{"text": }', "x"],
        ["[1]", "[2]"],
        ["text"],
    ],
)
def test_lines_on_standard_input_stay_lines(stdin, capsys, lines):
    stdin("\n".join(lines) + "\n")
    assert read_texts("-") == lines
    assert capsys.readouterr().err == ""


def test_lines_with_tabs_are_noted_since_they_may_be_a_table(stdin, tmp_path, capsys):
    text = "Bewertung\tNote\nein Film\t5\n"
    (tmp_path / "a.txt").write_text(text)
    for name, given in (("Standard input", "-"), (tmp_path / "a.txt", str(tmp_path / "a.txt"))):
        stdin(text)
        assert read_texts(given) == text.splitlines()
        assert f"{name} has tabs in each line, and each line was read as a text" in capsys.readouterr().err
        stdin(text)
        assert read_texts(given, "Bewertung", format="tsv") == ["ein Film"]
        stdin(text)
        read_texts(given, format="lines")
        assert capsys.readouterr().err == ""


def test_a_table_on_standard_input_by_its_column(stdin):
    stdin("what,n\none;1,1\ntwo,2\n")
    assert read_texts("-", "what") == ["one;1", "two"]
    stdin("what,n\none,1\ntwo,2\n")
    with pytest.raises(InputError, match=r"--text 'wht' is not a column of Standard input, .*; did you mean 'what'"):
        read_texts("-", "wht")


def test_the_format_decides(stdin, tmp_path):
    stdin(TABLE)
    assert read_texts("-", format="lines") == TABLE.removesuffix("\n").split("\n")
    stdin("what\none\n")
    assert read_texts("-", "what", format="csv") == ["one"]
    for name in ("a.txt", "a.csv"):
        (tmp_path / name).write_text(TABLE)
        assert read_texts(str(tmp_path / name), format="csv") == TEXTS
        assert read_texts(str(tmp_path / name), format="lines")[0] == "label,text"
    (tmp_path / "a").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    assert read_texts(str(tmp_path / "a"), format="jsonl") == TEXTS
    with pytest.raises(InputError, match="--format must be one of lines, csv, tsv, jsonl, not 'xml'"):
        read_texts("-", format="xml")
    with pytest.raises(InputError, match=r"--text is for a table, but .*a\.csv is not read as a table"):
        read_texts(str(tmp_path / "a.csv"), "text", format="lines")


def test_a_text_file_that_looks_like_a_table_is_noted(tmp_path, capsys):
    (tmp_path / "a.txt").write_text(TABLE)
    assert len(read_texts(str(tmp_path / "a.txt"))) == 3
    assert "looks like a table, but each of its lines was read as a text. Name it .csv" in capsys.readouterr().err


def test_notes_are_printed(tmp_path, capsys):
    (tmp_path / "a.csv").write_bytes("review,n\ncaf\u00e9,1\n".encode("latin-1"))
    assert read_texts(str(tmp_path / "a.csv")) == ["caf\u00e9"]
    printed = capsys.readouterr().err
    assert "was read as Windows-1252" in printed
    assert "are the column 'review'" in printed


def test_a_table_without_a_header(tmp_path):
    (tmp_path / "a.csv").write_text("one,1\ntwo,2\n")
    assert read_texts(str(tmp_path / "a.csv"), "column 1", "none") == ["one", "two"]


def test_options_without_a_file_are_refused():
    for option in ("text", "header", "format"):
        with pytest.raises(InputError, match=f"--{option} x is for a file"):
            texts_to_predict(["a"], None, **{option: "x"})


class TestListOfTexts:
    @pytest.mark.parametrize(
        "texts",
        [
            ["a", "b"],
            ("a", "b"),
            iter(["a", "b"]),
            (text for text in "ab"),
            np.array(["a", "b"]),
        ],
    )
    def test_any_iterable(self, texts):
        assert list_of_texts(texts) == ["a", "b"]

    def test_a_pandas_series(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"text": ["a", "b"]})
        assert list_of_texts(frame["text"]) == ["a", "b"]
        with pytest.raises(InputError, match="not a DataFrame"):
            list_of_texts(frame)
        with pytest.raises(InputError, match="text 2 is a float"):
            list_of_texts(pandas.Series(["a", float("nan")], dtype=object))

    @pytest.mark.parametrize(
        ("texts", "kind"),
        [
            (None, "None"),
            (5, "an int"),
            (b"a", "a bytes"),
            ({"a": 1}, "a dict"),
            ({"a"}, "a set"),
            (np.array("a"), "a ndarray"),
        ],
    )
    def test_others_are_refused(self, texts, kind):
        with pytest.raises(InputError, match=f"^Texts must be one string or a list of strings, not {kind}"):
            list_of_texts(texts)

    @pytest.mark.parametrize("texts", [[["a"]], ["a", None], ["a", b"b"], [1], np.array([1.5])])
    def test_other_items_are_refused(self, texts):
        with pytest.raises(InputError, match=r"^A text must be a string, but text \d is (None|an? \w+)\. Give a list"):
            list_of_texts(texts)
