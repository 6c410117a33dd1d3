"""The child process in which libraries read files of formats that have made them crash.

    python -m gatewright.data.child MEMORY MAX_BYTES SECONDS READER PATH [ARGUMENT ...]

The output is plain data: a .npz archive or an Arrow stream. The exit code says why there is none; see `foreign`.
"""

import contextlib
import resource
import sys
from collections.abc import Sequence
from typing import IO, Any

from gatewright.data.foreign import DAMAGED, TOO_LARGE


def read_cells(output: IO[bytes], max_bytes: int, path: str, *names: str) -> None:
    """Write the matrices in cell arrays of a MATLAB file as a .npz archive, with names such as "traindata 0".

    A cell that is not a matrix of numbers or text is written as an empty text.
    """
    import numpy as np
    from scipy.io import loadmat

    found: dict[str, Any] = {}
    size = 0
    for name, cells in loadmat(path, variable_names=list(names)).items():
        if name in names:
            pieces = [np.asarray(piece) for piece in np.asarray(cells).ravel()]
            found |= {f"{name} {place}": piece for place, piece in enumerate(pieces)}
            found[f"{name} count"] = np.array(len(pieces))
            size += sum(piece.nbytes for piece in pieces)
    if size > max_bytes:
        raise MemoryError
    plain: dict[str, Any] = {
        name: array if array.dtype.kind in "biufU" else np.array("") for name, array in found.items()
    }
    np.savez(output, **plain)


def read_parquet(output: IO[bytes], max_bytes: int, path: str) -> None:
    """Write the columns of a Parquet file as an Arrow stream. Dictionaries are replaced by their values."""
    import pyarrow
    import pyarrow.parquet

    size = 0
    with pyarrow.parquet.ParquetFile(path) as file:
        schema = pyarrow.schema([field.with_type(_plain_type(field.type)) for field in file.schema_arrow])
        with pyarrow.ipc.new_stream(output, schema) as stream:
            for batch in file.iter_batches():
                batch.validate(full=True)
                arrays = [
                    column.cast(field.type) if pyarrow.types.is_dictionary(column.type) else column
                    for column, field in zip(batch.columns, schema, strict=True)
                ]
                plain = pyarrow.record_batch(arrays, schema=schema)
                size += plain.nbytes
                if size > max_bytes:
                    raise MemoryError
                stream.write_batch(plain)


def _plain_type(found: Any) -> Any:
    import pyarrow

    return found.value_type if pyarrow.types.is_dictionary(found) else found


def parquet_names(output: IO[bytes], max_bytes: int, path: str) -> None:
    """Write the names of the columns of a Parquet file as the schema of an Arrow stream without rows."""
    import pyarrow
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
    schema = pyarrow.schema([pyarrow.field(name, pyarrow.null()) for name in names])
    with pyarrow.ipc.new_stream(output, schema):
        pass


def read_keras(output: IO[bytes], max_bytes: int, path: str) -> None:
    """Write the configuration and the weights of a Keras model file; see `keras_archive`."""
    from gatewright.data import keras_archive

    keras_archive.read_keras(output, max_bytes, path)


_READERS = {reader.__name__: reader for reader in (read_cells, read_parquet, parquet_names, read_keras)}


def main(arguments: Sequence[str]) -> int:
    """Read a file with limited memory and time, and return the exit code."""
    memory, max_bytes, seconds = map(int, arguments[:3])
    reader, path, *others = arguments[3:]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS does not limit memory
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        _READERS[reader](sys.stdout.buffer, max_bytes, path, *others)
        sys.stdout.flush()
    except MemoryError:
        return TOO_LARGE
    except Exception:
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
