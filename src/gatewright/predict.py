"""`gatewright predict`: what a model file says of texts or series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatewright import runtime
from gatewright.errors import InputError
from gatewright.prediction import Prediction
from gatewright.series_model import SeriesClassifier


def predict(
    model: str | Path,
    texts: str | Sequence[str] | None = None,
    *,
    file: str | None = None,
    text: str | None = None,
    id: str | None = None,
    time: str | None = None,
) -> list[Prediction]:
    """What a model says of each text, or of each row of a file of series.

    Args:
        model: a model file.
        texts: one text or several.
        file: in their place a text file with one text a line, "-" for standard input, or a table; of a classifier of
            series a file of rows, with labels or without: see `data.series.read_rows`.
        text: the column of a table; "text" where not given.
        id, time: columns of a long table of series; "id" and "time" where not given.

    Raises:
        InputError: the model or the texts can't be used.
    """
    if texts is None and file is None:
        raise InputError("predict needs texts: give some, - for standard input, or a file of texts with --file.")
    if texts is not None and file is not None:
        raise InputError(f"predict takes texts or --file {file}, not both: leave one of the two out.")
    loaded = runtime.classifier(model)
    if isinstance(loaded, SeriesClassifier):
        if file is None or text is not None:
            raise InputError(
                f"{model} answers series of numbers, not texts: give a file of rows with --file, no texts."
            )
        from gatewright.data.series import Wanted, read_rows

        return loaded.predict(read_rows(file, Wanted(id, time, None, loaded.channels.names, False), "--file").values)
    if id is not None or time is not None:
        raise InputError(f"--id and --time are for series of numbers, and {model} answers texts: leave them out.")
    if file is not None:
        from gatewright.data.corpora import read_texts

        texts = read_texts(file, text)
    assert texts is not None
    return loaded.predict([texts] if isinstance(texts, str) else texts)
