"""Read series from a table in any layout."""

from gatewright.data.tables import Table
from gatewright.tasks.classify_series.layout import find_layout
from gatewright.tasks.classify_series.long_tables import read_long
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.recordings import read_recordings
from gatewright.tasks.classify_series.series import FoundSeries
from gatewright.tasks.classify_series.wide_tables import read_wide


def read_series_table(table: Table, options: SeriesOptions) -> FoundSeries:
    """Return the series of a table that has a series or a step in each row, or that is one series.

    Raises:
        InputError: The layout is not clear, or the table cannot be used.
    """
    options.refuse(("channels",), table.path, "is not an array")
    layout = find_layout(table, options)
    if layout == "file":
        return read_recordings([table.path], options)
    return read_wide(table, options) if layout == "wide" else read_long(table, options)
