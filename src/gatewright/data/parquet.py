"""Read Parquet files in a child process, since the library has crashed on damaged files."""

import tempfile
from pathlib import Path
from typing import Any

from gatewright.data import files
from gatewright.data.foreign import one_error, read_in_child


def read_parquet(path: Path) -> Any:
    """Return the columns of a Parquet file as a pyarrow.Table, with the values of dictionaries in their place.

    Raises:
        InputError: The file is damaged or too large.
        OSError: The file cannot be read.
    """
    return _read("read_parquet", path)


def parquet_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file.

    Raises:
        InputError: The file is damaged or too large.
        OSError: The file cannot be read.
    """
    return list(_read("parquet_names", path).column_names)


def _read(reader: str, path: Path) -> Any:
    """Return the Arrow table that a reader of `gatewright.data.child` writes for a file, which may be compressed."""
    import pyarrow

    damaged = f"{path} is not a complete Parquet file. Write or download it again."
    if files.is_compressed(path) or not path.is_file():
        content = files.read_bytes(path)
        with tempfile.NamedTemporaryFile(suffix=".parquet") as unpacked:
            unpacked.write(content)
            unpacked.flush()
            found = read_in_child(reader, Path(unpacked.name), damaged=damaged)
    else:
        found = read_in_child(reader, path, damaged=damaged)
    with one_error(damaged), pyarrow.ipc.open_stream(pyarrow.py_buffer(found)) as stream:
        return stream.read_all()
