"""Read the series for which an imported model makes predictions."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gatewright.data.archives import read_array
from gatewright.data.numbers import read_numbers
from gatewright.data.tables import is_table, read_table
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.progress import print_status


@as_input_errors()
def read_series_file(file: str, features: int) -> list[NDArray[Any]]:
    """Return the series of a file: several of a .npy file with an array [series, time, features], otherwise one.

    A table, such as a .csv file, has a row for each time step and a column for each feature.

    Raises:
        InputError: The file cannot be read, or has another number of features.
    """
    path = Path(file)
    if path.suffix.lower() == ".npy":
        array = read_array(path)
        return list(array) if array.ndim == 3 else [array]
    if not is_table(path):
        raise InputError(
            f"--file {file} must be a .npy file with an array [series, time, {features}] or [time, {features}], or a "
            f"table with {features} columns and a row for each time step."
        )
    table = read_table(path)
    if len(table.names) != features:
        raise InputError(f"{file} has {len(table.names)} columns, but the model reads {features} features: give these.")
    values, notes = read_numbers(table, table.names, "correct it")
    for note in (*table.notes, *notes):
        print_status(note)
    return [values]
