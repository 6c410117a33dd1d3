"""Read the sentences for which a tagger makes predictions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from gatewright.data import files
from gatewright.data.tables import column_names as names_of_table
from gatewright.data.texts import texts_to_predict
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.progress import print_status
from gatewright.tasks.base.trained_data import TrainedData
from gatewright.tasks.tag.column_names import text_columns, word_columns
from gatewright.tasks.tag.reading import notes_of, read_file
from gatewright.tasks.tag.sentences import ColumnChoice

_NOTHING_KNOWN = TrainedData()
_COLUMN_FILES = (
    *(".conllu", ".conllup", ".conll", ".conllx", ".conll03", ".conll2003", ".iob", ".iob1", ".iob2", ".iobes"),
    *(".bio", ".bioes", ".bilou", ".bmes", ".ner", ".pos", ".tagged"),
)
_MOST = 0.9
_SHOWN = 40


@as_input_errors()
def sentences_to_predict(
    texts: Iterable[str | Iterable[str]] | None,
    file: str | None,
    options: Mapping[str, Any],
    tags: Collection[str],
    trained: TrainedData = _NOTHING_KNOWN,
) -> Iterable[str | Iterable[str]]:
    """Return the sentences that the user gave to the `predict` command: texts, or lists of words.

    Args:
        texts: Texts and lists of words, which are returned as they are, or None if a file is given.
        file: A file of texts; or of words, if its suffix, its columns or the options show that.
        options: May contain `word_column` and `sentence` (see `ColumnChoice`), or `text`, `header` and `format`, which
            show that a file has texts (see `data.texts.read_texts`).
        tags: The tags of the model, by which a file of tagged words is recognized.
        trained: How the data of the training was read. A file of words is read in the same way, if it fits.

    Raises:
        InputError: The file cannot be read, or it is not clear whether its lines are texts or words.
    """
    columns = ColumnChoice.of(options, tagged=False)
    as_texts = {name: options[name] for name in ("text", "header", "format") if options.get(name) is not None}
    for flag, value in columns.given().items():
        if file is None or file == "-":
            raise InputError(f"{flag} {value} names a column of a file. Give a file with --file, or leave {flag} out.")
        for name, other in as_texts.items():
            raise InputError(f"--{name} {other} and {flag} {value} exclude each other. Leave one of them out.")
    if texts is not None and file is None and not as_texts:
        return texts
    if texts is None and file is not None and not as_texts and _has_words(Path(file), columns, trained.options):
        split, notes = trained.read(
            lambda options: read_file(Path(file), ColumnChoice.of({**options, "column": None}, tagged=False)),
            file,
            {name: value for name, value in options.items() if value is not None},
        )
        for note in (*notes_of([split]), *notes):
            print_status(note)
        return split.sentences.words
    given = texts_to_predict(None if texts is None else [], file, **as_texts)  # of texts, all errors
    if file is not None and not as_texts:
        _require_texts(file, given, tags)
    return given


def _has_words(path: Path, columns: ColumnChoice, trained: Mapping[str, str]) -> bool:
    """Return True if a file has a word on each line, or lists of words, and not a text on each line.

    Args:
        path: The file.
        columns: The columns that the user gave.
        trained: The options of the training. A table that has its column of words has words.
    """
    if not path.is_file():
        return False
    if columns.given() or files.inner_name(path).endswith(_COLUMN_FILES):
        return True
    if not files.is_table(path):
        return False
    names = names_of_table(path)
    if trained.get("word_column") in names:
        return True
    if word_columns(names) == text_columns(names):  # a column "sentence" has texts, or there are no names
        return files.inner_name(path).endswith(".tsv") and not text_columns(names)
    return True


def _require_texts(file: str, lines: Sequence[str], tags: Collection[str]) -> None:
    """Raise an error if the lines of a file are words, alone or with their tags, or sentences with tags."""
    fields = [line.split() for line in lines]
    filled = [own for own in fields if own]
    words = [word for own in filled for word in own]
    if words and all(_has_tag(word, tags) for word in words):
        raise InputError(
            f"{'Standard input' if file == '-' else file} seems to have the tag of each word attached to it, as in "
            f"{words[0][:_SHOWN]!r}. Leave the tags out, or read the lines as texts with --format lines."
        )
    tagged = sum(len(own) > 1 and own[-1] in tags for own in filled)
    alone = sum(len(own) == 1 for own in filled)
    ends = sum(bool(own) and not after for own, after in pairwise(fields))
    is_tagged = len(filled) > 1 and tagged >= _MOST * len(filled)
    is_list = ends > 0 and alone >= _MOST * len(filled) and len(filled) > ends + 1
    if is_tagged or is_list:
        what = "a word and its tag" if is_tagged else "a word"
        name = "Standard input" if file == "-" else file
        remedy = "Give it as a file with --file FILE and" if file == "-" else "Read it as words with"
        raise InputError(
            f"{name} seems to have {what} on each line, not a text. {remedy} --word-column 1, or as texts with "
            "--format lines."
        )


def _has_tag(word: str, tags: Collection[str]) -> bool:
    """Return True if a word ends with a tag, as in "Anna/B-PER" or "Anna_NNP"."""
    return any(rest and tag in tags for rest, _, tag in (word.rpartition("/"), word.rpartition("_")))
