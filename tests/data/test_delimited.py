"""Tables of text: delimiters, quotation marks, headers and what surrounds a table."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatewright.data.tables import read_table
from gatewright.support.errors import InputError

pytest.importorskip("pyarrow")


def read(tmp_path, content, name="a.csv", header=None):
    path = Path(tmp_path) / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, header)


def rows(table):
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns.columns), strict=True)]


TEXTS = [["label", "text"], ["a", "one"], ["b", "two words"], ["a", "three"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path, delimiter, end):
    table = read(tmp_path, end.join(map(delimiter.join, TEXTS)) + end)
    assert [table.names, *rows(table)] == TEXTS
    assert list(table.lines) == [2, 3, 4]
    assert table.notes == ()


def test_the_line_for_excel_that_names_the_delimiter_is_no_row(tmp_path):
    table = read(tmp_path, "sep=;\r\nlabel;text\r\na;one, two\r\n")
    assert (table.names, rows(table), list(table.lines)) == (["label", "text"], [["a", "one, two"]], [3])
    assert read(tmp_path, "sep=,x\na,b\n").names == ["sep=", "x"]


CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
FIELDS = st.text(st.one_of(CHARACTERS, st.sampled_from('",;|\t\n\r #\\')), max_size=12)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width), min_size=1, max_size=8)
)


def is_readable(fields):
    """Return False for rows that are left out because they are empty."""
    return len(fields) == 1 or any(field.strip() for field in fields)


@settings(deadline=None, max_examples=400)
@given(
    TABLES,
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
)
@example([["#a", "b"]], ",", csv.QUOTE_MINIMAL, "\n")
@example([["a", '"'], ["b", '"']], "\t", csv.QUOTE_MINIMAL, "\n")
@example([["a", "b, c"], ["a", ' "b"'], [" c", "d"]], ",", csv.QUOTE_MINIMAL, "\n")
def test_any_table_that_python_writes_is_read_back(table, delimiter, quoting, end):
    if end == "\n":  # Python writes a carriage return without quotation marks then
        table = [[field.replace("\r", " ") for field in fields] for fields in table]
    if delimiter == "\t":  # a quoted field with a whole row in it is taken for an open quotation mark
        table = [[field.replace("\n", " ") for field in fields] for fields in table]
    table = [fields for fields in table if is_readable(fields)]
    header = ["text", "label", "id", "date"][: len(table[0])] if table else ["text"]
    delimiter = delimiter if len(header) > 1 else ","  # nothing shows the delimiter of one column
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([header, *table])
    with tempfile.TemporaryDirectory() as folder:
        read_back = read(folder, written.getvalue())
    assert read_back.names == header
    assert rows(read_back) == table


@settings(deadline=None, max_examples=100)
@given(TABLES, st.booleans(), st.sampled_from(",;|"))
def test_any_table_that_pandas_writes_is_read_back(table, index, delimiter):
    pandas = pytest.importorskip("pandas")
    table = [[field.replace("\r", " ") for field in fields] for fields in table if is_readable(fields) or index]
    header = ["text", "label", "id", "date"][: len(table[0])] if table else ["text"]
    delimiter = delimiter if len(header) > 1 or index else ","
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        pandas.DataFrame(table, columns=header).to_csv(path, index=index, sep=delimiter)
        read_back = read_table(path)
    assert read_back.names == (["", *header] if index else header)
    assert rows(read_back) == [[*[str(place)] * index, *fields] for place, fields in enumerate(table)]


LAYOUTS = {
    "header with another delimiter": ("Review (good, bad);stars\none;1\ntwo;2\n", ["Review (good, bad)", "stars"], 0),
    "empty lines": ("\n\nlabel,text\n\na,one\n\n\nb,two\n\n", ["label", "text"], 0),
    "a row of empty fields": ("label,text\na,one\n,\nb,two\n", ["label", "text"], 1),
    "a line of spaces": ("label,text\na,one\n   \nb,two\n", ["label", "text"], 0),
    "comments": ("# made by us\n# in, three, lines\n#\nlabel,text\na,one\n# so far\nb,two\n", ["label", "text"], 2),
    "a comment with as many fields": ("# this, that\nlabel,text\na,one\nb,two\n", ["label", "text"], 1),
    "a commented header": ("#label,text\na,one\nb,two\n", ["label", "text"], 0),
    "a title and an empty line": ("Our reviews\n\nlabel,text\na,one\nb,two\n", ["label", "text"], 1),
    "a title": ("Our reviews\nlabel,text\na,one\nb,two\n", ["label", "text"], 1),
    "a title with as many fields": ("Film, 2020\nSource: us\nlabel,x\na,1\nb,2\n", ["label", "x"], 1),
    "a delimiter at the end of all lines": ("label,text,\na,one,\nb,two,\n", ["label", "text"], 0),
    "a delimiter at the end of the rows": ("label,text\na,one,\nb,two,\n", ["label", "text"], 0),
    "a delimiter at the end of a row": ("label,text\na,one,,\nb,two\n", ["label", "text"], 0),
    "a footer": ("label,text\na,one\nb,two\nSource: us\n", ["label", "text"], 1),
    "R": ('"label" "text"\n"1" "a" "one"\n"2" "b" "two"\n'.replace(" ", ","), ["", "label", "text"], 1),
    "pandas": (",label,text\n0,a,one\n1,b,two\n", ["", "label", "text"], 0),
    "pandas without names": ("0,1\na,one\nb,two\n", ["0", "1"], 0),
    "spaces before quotation marks": ('label, text\na, "one, and"\nb, "two"\n', ["label", "text"], 1),
    "backslashes before quotation marks": ('label,text\na,"one \\"x\\", and"\nb,"two"\n', ["label", "text"], 1),
    "spaces around names": ("label , text\na,one\nb,two\n", ["label", "text"], 0),
    "a table with bars": ("| label | text |\n|---|:--|\n| a | one |\n| b | two |\n", ["label", "text"], 1),
    "a table of psql": (" label | text \n-------+------\n a     | one\n b     | two\n(2 rows)\n", ["label", "text"], 2),
    "numbers with decimal commas": ("x;y\n1,5;2,5\n3,5;4,5\n", ["x", "y"], 0),
    "one column": ("text\none\ntwo\n", ["text"], 0),
    "one column with quoted delimiters": ('text\n"one, and; two"\n"three, and; four"\n', ["text"], 0),
    "one column with delimiters": ("text\none, and; two\nthree\n", ["text"], 1),
    "rows that lack fields without a name": ("label,text,,\na,one\nb,two,,\n", ["label", "text"], 0),
    "a quotation mark inside": ('label,text\na,5" disk\nb,say "hi"\n', ["label", "text"], 0),
    "two columns of one name": ("label,text,text\na,x,one\nb,y,two\n", ["label", "text", "text"], 0),
    "an empty line below the header": ("label,text\n\na,one\nb,two\n", ["label", "text"], 0),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_surrounds_the_fields(tmp_path, name):
    content, names, notes = LAYOUTS[name]
    table = read(tmp_path, content)
    assert table.names == names
    assert table.rows == 2
    assert len(table.notes) == notes, table.notes
    if "label" in names:
        assert table.column("label").to_pylist() == ["a", "b"]
    for row, line in zip(rows(table), table.lines, strict=True):
        assert row[-1][:3] in content.split("\n")[line - 1]


class TestQuotationMarks:
    ROWS = "".join(f"{'pos' if number % 2 else 'neg'}\tgood film {number}\n" for number in range(8))

    @pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
    @pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
    def test_an_open_one_does_not_swallow_rows(self, tmp_path, name, delimiter):
        content = "label\ttext\n" + self.ROWS + 'pos\t"open\n' + self.ROWS + 'neg\t"open too\n' + self.ROWS
        table = read(tmp_path, content.replace("\t", delimiter), name)
        assert table.rows == 26
        assert table.column("text")[8].as_py() == '"open'
        assert "Quotation marks in" in table.notes[0]

    def test_an_open_one_far_from_the_start(self, tmp_path):
        table = read(tmp_path, "label\ttext\n" + self.ROWS * 200 + 'pos\t"open\n' + self.ROWS, "a.tsv")
        assert table.rows == 1609

    def test_a_pair_in_different_rows_of_a_file_with_tabs(self, tmp_path):
        table = read(tmp_path, "label\ttext\n" + self.ROWS + 'pos\t"open\n' + self.ROWS + 'pos\tclosed"\n', "a.tsv")
        assert table.rows == 18

    def test_a_file_with_tabs_that_is_quoted(self, tmp_path):
        table = read(tmp_path, '"label"\t"text"\n"a"\t"one ""two""\nthree\t"\n', "a.tsv")
        assert rows(table) == [["a", 'one "two"\nthree\t']]
        assert table.notes == ()

    def test_an_open_one_next_to_quoted_fields_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"a\.csv, line 3: .*Close every quoted field"):
            read(tmp_path, 'text,label\n"a",x\n"b,y\nc,z\n')


class TestHeader:
    @pytest.mark.parametrize(
        "content",
        [
            "neg,a poor film\npos,a good film\nneg,a dull film\npos,a fine film\n",
            "1,a poor film\n0,a good film\n",
            "rare,It was a very long day and we were all tired of it.\n"
            "pos,We liked it very much and will surely come again.\nneg,No, we did not like it at all, and left.\n",
            "#happy days,pos\nsad days,neg\ngrey days,neg\n#blue days,pos\n",
        ],
    )
    def test_none(self, tmp_path, content):
        content = content.replace(", ", " ")
        table = read(tmp_path, content)
        assert table.names == ["column 1", "column 2"]
        assert [",".join(row) for row in rows(table)] == content.splitlines()
        assert table.notes[-1].endswith(
            "does not look like names of columns. The columns are called 'column 1' to 'column 2'."
        )

    def test_what_the_user_says_counts(self, tmp_path):
        content = "neg,a\npos,b\nneg,c\npos,d\n"
        assert read(tmp_path, content, header=True).names == ["neg", "a"]
        table = read(tmp_path, "text,label\na,b\n", header=False)
        assert table.names == ["column 1", "column 2"]
        assert table.rows == 2
        assert table.notes == ()

    def test_unusual_names_are_noted(self, tmp_path):
        table = read(tmp_path, "v1,v2\nham,so it is\nspam,win now\nham,yes\n")
        assert table.names == ["v1", "v2"]
        assert table.notes[0].endswith("a.csv was read as the names of the columns: 'v1', 'v2'.")

    def test_alone(self, tmp_path):
        assert read(tmp_path, "label,text\n").rows == 0

    def test_one_row(self, tmp_path):
        assert rows(read(tmp_path, "label,text\na,one\n")) == [["a", "one"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('text,label\n"a\nb",x\na, b,x\n', "line 4: the row has 3 fields, but the header has 2. Fix the row"),
        ("text,label\na\n", "line 2: the row has 1 field, but the header has 2"),
        ("text\na, b\nc, d\n", "line 2: the row has 2 fields, but the header has 1"),
        ("text,label\na,b\nend\nc,d\n", "line 3: the row has 1 field"),
        ("text,label\na,b\nthe\nend\nhere\n", "line 3: the row has 1 field"),
        ('"a" "b\n', "line 1: ',' expected after '\"'. Close every quoted field"),
        ("\n<!DOCTYPE html>\n<html>\n", "is a web page, not a table"),
        ("  \n\n", "has no rows: it is empty"),
    ],
)
def test_refused(tmp_path, content, message):
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)


def test_a_huge_field(tmp_path):
    text = "word\n" * 200_000
    assert read(tmp_path, f'text,label\n"{text}",a\n').column("text")[0].as_py() == text


def test_many_columns_are_read(tmp_path):
    names = [f"c{number}" for number in range(30_000)]
    table = read(tmp_path, ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert [table.column(name)[0].as_py() for name in names[::3]] == ["1"] * 10_000
