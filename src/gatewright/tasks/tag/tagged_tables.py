"""Read tagged sentences from tables: a row for each word, or a row for each sentence with lists of words and tags."""

import ast
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data import tables
from gatewright.support.errors import InputError
from gatewright.tasks.tag import column_names
from gatewright.tasks.tag.sentences import WITHOUT_WORDS, ColumnChoice, SentenceBuilder, Split

_LIST = re.compile(r"\s*\[.*\]\s*", re.DOTALL)
# NumPy prints arrays without commas, which Python would read as one joined string.
_NUMPY_LIST = re.compile(r"""\s*\[\s*((?:'[^']*'|"[^"]*")(?:\s+(?:'[^']*'|"[^"]*"))*)\s*\]\s*""", re.DOTALL)
_NUMPY_NUMBERS = re.compile(r"\s*\[\s*(-?\d+(?:\s+-?\d+)*)\s*\]\s*")
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_SHOWN = 60
_CUT = re.compile(r"(^|[\s'\"])\.\.\.([\s'\"]|$)")


class _Chosen(NamedTuple):
    """The names of the columns of words, tags and sentences. `tags` is empty if only words are read."""

    words: str
    tags: str
    sentence: str | None


def read_tagged_table(path: Path, columns: ColumnChoice, header: bool | None = None) -> Split:
    """Return the sentences of a table.

    Args:
        path: The file.
        columns: The columns of the words, the tags and the sentences.
        header: See `tables.read_table`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or it is not clear which columns to read.
    """
    table = tables.read_table(path, header)
    if not table.rows:
        raise InputError(f"{path} has no rows. It needs a row for each word or sentence.")
    chosen = _choose(table, columns)
    table.require_unique([name for name in chosen if name])
    words = table.column(chosen.words).to_pylist()
    tags = table.column(chosen.tags).to_pylist() if columns.tagged else None
    if _are_sentences(words if tags is None else tags):
        split = _read_sentences(table, words, tags, _tag_namer(table, chosen.tags))
        chosen = chosen._replace(sentence=None)
    else:
        split = _read_words(table, chosen, words, tags)
    notes = [*table.notes, *split.notes]
    if columns.tagged and not (columns.word and columns.tag and (columns.sentence or chosen.sentence is None)):
        notes.append(_columns_note(chosen))
    if tags is not None and all(tag.isdecimal() for own in split.sentences.tags for tag in own):
        notes.append(
            f"The tags in column {chosen.tags!r} are numbers, so that it is not known whether they mark spans: there "
            "is no span F1, and no CRF without --crf. Write the names of the tags instead of numbers to change this."
        )
    return split._replace(notes=tuple(notes))


def _columns_note(chosen: _Chosen) -> str:
    sentence = "" if chosen.sentence is None else f", the sentences from column {chosen.sentence!r}"
    flags = "--word-column and --column" if chosen.sentence is None else "--word-column, --column and --sentence"
    return (
        f"The words are read from column {chosen.words!r}{sentence} and the tags from column {chosen.tags!r}: choose "
        f"other columns with {flags}."
    )


def _choose(table: tables.Table, columns: ColumnChoice) -> _Chosen:
    """Return the columns that the user chose, or that have the usual names."""
    names = table.names
    words = _name(table, "--word-column", columns.word, "words", column_names.word_columns(names))
    is_list = _is_list(table, words)
    tags = ""
    if columns.tagged:
        # Next to lists of words, a text is the label of a sentence.
        alike = [name if name != words and _is_list(table, name) == is_list else "" for name in names]
        tags = _name(table, "--column", columns.tag, "tags", column_names.tag_columns(alike))
        if tags == words:
            raise InputError(
                f"{table.path}: the words and the tags are both read from column {words!r}. Choose two columns with "
                "--word-column and --column."
            )
    ids = [place for place in column_names.sentence_columns(names) if names[place] not in (words, tags)]
    sentence = None
    if columns.sentence is not None or ids:
        sentence = _name(table, "--sentence", columns.sentence, "numbers of sentences", ids)
    return _Chosen(words, tags, sentence)


def _is_list(table: tables.Table, name: str) -> bool:
    return str(table.columns.schema.field(table.names.index(name)).type).startswith(
        ("list", "large_list", "fixed_size")
    )


def _name(table: tables.Table, flag: str, given: str | None, what: str, found: Sequence[int]) -> str:
    """Return the name of the column that the user gave by name or number, or of the only one that was found."""
    names = table.names
    if given is not None:
        if given in names:
            return given
        if given.isdecimal() and len(given) < 10 and 0 < int(given) <= len(names):
            return names[int(given) - 1]
        tables.require_column(table.path, flag.removeprefix("--"), given, names)
    if len(found) == 1:
        return names[found[0]]
    if not found:
        raise InputError(
            f"{table.path} has no column with a usual name for the {what}, only {tables.quoted(names)}. Choose a "
            f"column with {flag}."
        )
    listed = " and ".join(repr(names[place]) for place in found)
    raise InputError(f"{table.path} has the columns {listed}, which may all be the {what}. Choose one with {flag}.")


def _are_sentences(cells: Sequence[Any]) -> bool:
    """Return True if at least half of the cells have several items: lists, lists as text, or text with spaces."""
    filled = [cell for cell in cells if cell is not None and cell != ""]
    several = [
        not isinstance(cell, str) or _LIST.fullmatch(cell) is not None or len(cell.split()) > 1
        for cell in filled
        if isinstance(cell, str | list)
    ]
    return bool(filled) and sum(several) >= len(filled) / 2


def _read_sentences(
    table: tables.Table, words: Sequence[Any], tags: Sequence[Any] | None, namer: Callable[[Any], str]
) -> Split:
    """Return the sentences of a table with a row for each."""
    builder = SentenceBuilder()
    for row, cell in enumerate(words):
        own = _items(table, row, cell)
        own_tags = [""] * len(own) if tags is None else [namer(tag) for tag in _tags(table, row, tags[row])]
        if len(own) != len(own_tags):
            raise InputError(
                f"{table.where(row)} has {len(own):,} words but {len(own_tags):,} tags. Give each word a tag, or "
                "choose other columns with --word-column and --column."
            )
        if not own:
            builder.counted[WITHOUT_WORDS] += 1
        for word, tag in zip(own, own_tags, strict=True):
            if not isinstance(word, str) or (tags is not None and not tag):
                problem = "a word that is not text" if not isinstance(word, str) else f"no tag for {word!r}"
                raise InputError(f"{table.where(row)} has {problem}. Fix the row, or remove it.")
            builder.add(word, tag)
        builder.end_sentence()
    return Split(builder.sentences(), counted=builder.counted)


def _items(table: tables.Table, row: int, cell: Any) -> list[Any]:
    """Return the items of a cell: a list, a list as text, or a text with spaces between the items."""
    if isinstance(cell, list):
        return cell
    text = "" if cell is None else str(cell)
    if not _LIST.fullmatch(text):
        return text.split()
    if found := _NUMPY_NUMBERS.fullmatch(text):
        return found[1].split()
    if found := _NUMPY_LIST.fullmatch(text):
        return [one or other for one, other in _QUOTED.findall(found[1])]
    for parse in (json.loads, ast.literal_eval):
        try:
            items = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(items, list):
            return items
    if _CUT.search(text):
        raise InputError(f"{table.where(row)} has a list that was cut (...). Write the table again with whole lists.")
    return text.split()  # a sentence in brackets


def _tags(table: tables.Table, row: int, cell: Any) -> list[Any]:
    """Return the tags of a cell. Unlike words, tags may be separated by commas, and are not in brackets."""
    items = _items(table, row, cell)
    if isinstance(cell, str) and len(items) > 1 and _have_commas(items):
        return [item.rstrip(",") for item in items]
    if isinstance(cell, str) and _LIST.fullmatch(cell) and items == cell.split():
        raise InputError(f"{table.where(row)} has tags that look like a list but are none: {cell[:_SHOWN]!r}. Fix it.")
    return items


def _have_commas(items: Sequence[Any]) -> bool:
    return all(isinstance(item, str) and len(item) > 1 and item.endswith(",") for item in items[:-1])


def _tag_namer(table: tables.Table, name: str) -> Callable[[Any], str]:
    """Return a function that returns the name of a tag, which may be a number. An empty name is that of no tag."""
    names = _class_names(table.path, name)

    def namer(tag: Any) -> str:
        if isinstance(tag, int) and not isinstance(tag, bool) and 0 <= tag < len(names):
            return names[tag]
        return "" if tag is None else str(tag).strip()

    return namer


def _class_names(path: Path, name: str) -> list[str]:
    """Return the names of tags that are numbers, which Hugging Face Datasets stores in a Parquet file."""
    if not name or not path.name.lower().endswith(".parquet"):
        return []
    import pyarrow.parquet

    stored = (pyarrow.parquet.read_schema(path).metadata or {}).get(b"huggingface")
    try:
        feature = json.loads(stored or b"{}")["info"]["features"][name]
        feature = feature[0] if isinstance(feature, list) else feature["feature"]
        names = feature["names"]
    except (KeyError, TypeError, ValueError, IndexError, RecursionError):
        return []
    return names if isinstance(names, list) and all(isinstance(one, str) and one for one in names) else []


def _read_words(table: tables.Table, chosen: _Chosen, words: Sequence[Any], tags: Sequence[Any] | None) -> Split:
    """Return the sentences of a table with a row for each word."""
    if chosen.sentence is None:
        starts = _starts_after_gaps(table)
        remedy = "Name the column that numbers the sentences with --sentence"
        if not any(starts[1:]):
            raise InputError(f"{table.path} has a word in each row, but nothing shows where a sentence ends. {remedy}.")
        notes = []
    else:
        ids = table.column(chosen.sentence).to_pylist()
        starts, recurring = _starts_of_runs(ids)
        notes = [
            f"{recurring:,} {'value' if recurring == 1 else 'values'} of column {chosen.sentence!r} "
            f"{'occurs' if recurring == 1 else 'occur'} again after others: each run of rows with the "
            "same value was read as a sentence."
        ] * (recurring > 0)
    builder = SentenceBuilder()
    namer = _tag_namer(table, chosen.tags)
    for row, (cell, starts_here) in enumerate(zip(words, starts, strict=True)):
        if starts_here:
            builder.end_sentence()
        word = "" if cell is None else str(cell)
        tag = "" if tags is None else namer(tags[row])
        if tags is not None and not tag:
            if word.strip():
                raise InputError(f"{table.where(row)} has no tag for {word!r}. Give each word a tag.")
            continue
        if word or tag:
            builder.add(word.strip() or word, tag)
    return Split(builder.sentences(), tuple(notes), builder.counted)


def _starts_of_runs(ids: Sequence[Any]) -> tuple[list[bool], int]:
    """Return whether a sentence starts at each row, and how many sentences have the number of an earlier one.

    A row without a number belongs to the sentence of the row before it.
    """
    starts, seen, before, recurring = [], set(), None, 0
    for cell in ids:
        own = "" if cell is None else str(cell).strip()
        starts.append(own not in ("", before))
        if starts[-1]:
            recurring += own in seen
            seen.add(own)
            before = own
    return starts, recurring


def _starts_after_gaps(table: tables.Table) -> list[bool]:
    """Return whether there are empty lines before each row. The line breaks inside fields are no empty lines."""
    if table.lines is None:
        return [False] * table.rows
    breaks = [0] * table.rows
    for column in table.columns.columns:
        for row, cell in enumerate(column.to_pylist()):
            breaks[row] += cell.count("\n") if isinstance(cell, str) else 0
    lines = table.lines
    gaps = [lines[row] - lines[row - 1] - breaks[row - 1] > 1 for row in range(1, table.rows)]
    return [True, *gaps]
