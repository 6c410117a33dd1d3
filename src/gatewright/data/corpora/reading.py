"""Read corpora of transcribed speech, by name and from folders and tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewright.data.corpora import named
from gatewright.data.corpora.corpus import Corpus, Found
from gatewright.data.corpora.folders import read_folder
from gatewright.data.corpora.joining import Evaluated, joined, to_evaluate
from gatewright.data.corpora.tables import Columns, read_table_of_recordings, refuse_columns
from gatewright.support.errors import InputError, as_input_errors, nearest

NAMED = (named.AN4,)
"""The named corpora, read from `$GATEWRIGHT_DATA`."""


@as_input_errors()
def read_corpus(
    data: str, options: Mapping[str, Any], validation: str | None = None, test: str | None = None
) -> Corpus:
    """Read a corpus of transcribed speech.

    Args:
        data: The name of a corpus, a folder or a table.
        options: The columns of tables: `audio`, `text`, `speaker` and `header`, which may be missing; see
            `tables.Columns`.
        validation, test: Data of the same kinds for a split.

    Raises:
        InputError: The data cannot be read or used, or has a split that is also given.
    """
    found = _find(data, options, "DATA")
    return joined(data, found, validation, test, lambda given, flag: _find(given, options, flag))


@as_input_errors()
def read_utterances(data: str, options: Mapping[str, Any]) -> Evaluated:
    """Return the utterances to evaluate a model: the test set of data that has one, and otherwise all utterances.

    Args:
        data, options: See `read_corpus`.

    Raises:
        InputError: The data cannot be read or used.
    """
    return to_evaluate(data, _find(data, options, "DATA"))


def _find(data: str, options: Mapping[str, Any], flag: str) -> Found:
    """Return the utterances of each split of the data that was given with a flag."""
    path, columns = Path(data), Columns.of(options, "text")
    if data in NAMED:
        refuse_columns(data, columns)
        return named.read_an4()
    if data and path.is_dir():
        return read_folder(path, columns)
    if data and path.is_file():
        return read_table_of_recordings(path, columns)
    raise InputError(
        f"{flag} must be {', '.join(NAMED)}, a folder or a table of recordings with transcripts, but there is no "
        f"{data!r}{nearest(data, NAMED)}"
    )
