"""Tables of all formats as one type."""

import json

import pytest

from gatewright.data.tables import read_table
from gatewright.support.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RECORDS = [{"text": "one", "label": 1}, {"text": "two", "label": 2}]


def make(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def rows(table):
    return [[table.column(name)[row].as_py() for name in table.names] for row in range(table.rows)]


JSON = {
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "array": json.dumps(RECORDS),
    "indented array": json.dumps(RECORDS, indent=2),
    "list in an object": json.dumps({"version": 1, "data": RECORDS, "tags": ["x"]}),
    "indented list in an object": json.dumps({"data": RECORDS}, indent=1),
    "a list for each column": json.dumps({"text": ["one", "two"], "label": [1, 2]}),
    "an object for each column": json.dumps({"text": {"0": "one", "1": "two"}, "label": {"0": 1, "1": 2}}),
    "split": json.dumps({"columns": ["text", "label"], "index": [0, 1], "data": [["one", 1], ["two", 2]]}),
}


@pytest.mark.parametrize("layout", JSON)
@pytest.mark.parametrize("suffix", ["json", "jsonl", "NDJSON"])
def test_json_layouts(tmp_path, layout, suffix):
    table = read_table(make(tmp_path, f"a.{suffix}", JSON[layout]))
    assert table.names == ["text", "label"]
    assert rows(table) == [["one", 1], ["two", 2]]
    assert bool(table.notes) == ("object" in layout or "column" in layout or layout == "split")


def test_one_json_object_is_one_row(tmp_path):
    assert rows(read_table(make(tmp_path, "a.json", RECORDS[0]))) == [["one", 1]]
    assert rows(read_table(make(tmp_path, "b.json", {"text": "a", "label": ["x", "y"]}))) == [["a", ["x", "y"]]]


def test_several_lists_of_records_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"several lists of rows: 'a', 'b'\. Save one list"):
        read_table(make(tmp_path, "a.json", {"a": RECORDS, "b": RECORDS}))


def test_texts_and_numbers_in_one_json_column_become_texts(tmp_path):
    values = ["a", 1, None, 2.5, True, float("nan"), 2**70]
    table = read_table(make(tmp_path, "a.json", [{"x": value} for value in values]))
    assert table.column("x").to_pylist() == ["a", "1", None, "2.5", "true", None, str(2**70)]


def test_only_a_column_that_is_used_must_have_one_type(tmp_path):
    table = read_table(make(tmp_path, "a.json", [{"x": 1, "y": {"z": 1}}, {"x": 2, "y": [1]}, {"x": 3, "y": [1]}]))
    assert table.column("x").to_pylist() == [1, 2, 3]
    with pytest.raises(InputError, match=r"a\.json, row 1: 'y' is an object, but other rows have a list\. Give all"):
        table.column("y")


def test_json_that_ends_early_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.json: this is not JSON \(.* on line 3\)\. The file must have one JSON"):
        read_table(make(tmp_path, "a.json", '[{"a": 1},\n {"a": 2},\n'))


def test_parquet(tmp_path):
    columns = [pyarrow.array(["a", None]), pyarrow.array(["x", "y"]).dictionary_encode(), pyarrow.array([1, 2])]
    parquet.write_table(pyarrow.table(columns, names=["text", "label", "text"]), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    assert table.names == ["text", "label", "text"]
    assert rows(table) == [["a", "x", "a"], [None, "y", None]]
    assert table.where(1).endswith("a.parquet, row 2")
    with pytest.raises(InputError, match="has 2 columns 'text'"):
        table.require_unique(["text"])
