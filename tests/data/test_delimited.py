"""Tables of text: delimiters, quotation marks, headers and what surrounds a table."""

import pytest

from gatewright.data.tables import read_table
from gatewright.support.errors import InputError

pytest.importorskip("pyarrow")


def read(tmp_path, content, name="a.csv", header=None):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, header)


def rows(table):
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns.columns), strict=True)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path, delimiter, end):
    lines = [["label", "text"], ["a", "one"], ["b", "two words"]]
    table = read(tmp_path, end.join(map(delimiter.join, lines)) + end)
    assert table.names == lines[0]
    assert rows(table) == lines[1:]
    assert list(table.lines) == [2, 3]
    assert table.notes == ()


def test_a_row_of_another_width_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.csv, line 4: the row has 3 fields, but the header has 2\. Fix the row"):
        read(tmp_path, 'text,label\n"a\nb",x\na, b,x\n')
