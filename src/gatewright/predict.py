"""`gatewright predict`: what a model file says of texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatewright import runtime
from gatewright.errors import InputError
from gatewright.language import LanguageModel
from gatewright.runtime import Prediction
from gatewright.tagger import TaggedSentence


def predict(
    model: str | Path, texts: str | Sequence[str] | None = None, *, file: str | None = None, text: str | None = None
) -> list[Prediction] | list[TaggedSentence]:
    """What a model says of each text: a classifier its label or labels, a tagger a tag for each word.

    Args:
        model: a model file.
        texts: one text or several.
        file: in their place a text file with one text a line, "-" for standard input, or a table.
        text: the column of a table; "text" where not given.

    Raises:
        InputError: the model or the texts can't be used.
    """
    if texts is None and file is None:
        raise InputError("predict needs texts: give some, - for standard input, or a file of texts with --file.")
    if texts is not None and file is not None:
        raise InputError(f"predict takes texts or --file {file}, not both: leave one of the two out.")
    loaded = runtime.load(model)
    if isinstance(loaded, LanguageModel):
        raise InputError(f"{model} is a language model, and says nothing of texts: use `gatewright generate`.")
    if file is not None:
        from gatewright.data.corpora import read_texts

        texts = read_texts(file, text)
    assert texts is not None
    return loaded.predict([texts] if isinstance(texts, str) else texts)
