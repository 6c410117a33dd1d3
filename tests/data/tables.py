"""Tables of text and of typed columns for tests of the readers."""

from pathlib import Path

import pyarrow as pa

from gatewright.data.tables import Table


def text_table(delimiter=",", **columns):
    """Return a table as it is read from a file of text. Lines count from 2, after the header."""
    rows = len(next(iter(columns.values())))
    arrays = {name: pa.array(list(map(str, texts)), pa.string()) for name, texts in columns.items()}
    return Table(Path("t.csv"), pa.table(arrays), range(2, rows + 2), (), delimiter, as_written=True)


def typed_table(**columns):
    """Return a table as it is read from a Parquet file."""
    return Table(Path("t.parquet"), pa.table(columns))
