"""Read files with a word and its tags on each line, and a blank line between sentences.

Such files have many layouts (Tjong Kim Sang & De Meulder 2003 describe the plainest). Columns are separated by tabs or
spaces. A column before the words may count them, as in CoNLL-X (Buchholz & Marsi 2006) and CoNLL-2009 (Hajic et al.
2009), or in CoNLL-2012 (Pradhan et al. 2012) the third one. Lines with # may be comments, and the first line may have
the names of the columns.
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gatewright.support.errors import InputError, OptionError
from gatewright.tasks.tag import column_names
from gatewright.tasks.tag.conllu import RANGE_OR_EMPTY_NODE
from gatewright.tasks.tag.schemes import recognize
from gatewright.tasks.tag.sentences import DOCUMENT_START, WITHOUT_WORD, ColumnChoice, SentenceBuilder, Split

_COMMENT = re.compile(r"#(\s|$)")
_ADDRESS_OR_TEXT = re.compile(r"://|\s")
# Lines such as <s> and </s> in corpora for TreeTagger. <g/> only joins two words.
_MARKUP = re.compile(r"</?(?!g\b)[A-Za-z][^<>\t]*>\s*")
_GLUE = re.compile(r"<g\s*/>\s*")
_DOCUMENT = re.compile(r"#(begin|end) document\b")  # of CoNLL-2012
_COLUMN_NAMES = re.compile(r"#\s*global\.columns\s*=\s*(.+)")  # of CoNLL-U Plus
# Other white space, such as a no-break space, may be a word or a part of one.
_SPACES = " \t\r\f\v"
_GAP = re.compile(r"[ \t]+")
# The last columns of CoNLL-2009 and CoNLL-2012 have one more field for each predicate of the sentence.
_MIN_VARYING = 12
_COUNTED_COLUMNS = 3
_COUNTS = 0.95
_MAX_DIGITS = 9
# In fewer rows, numbers after a first word are not enough to tell that the first row has the names of the columns.
_MAX_HEADED = 4
_MIN_COMPARED = 20
_FRACTION = re.compile(r"-?\d*[.,]\d+(e-?\d+)?", re.IGNORECASE)
_UNKNOWN = "_"


class _Format(NamedTuple):
    """A format in which a column counts the words.

    Attributes:
        counting: The position of the column that counts.
        widths: The possible numbers of columns.
        head: The position of the column of heads, which are numbers, or None if there is no such column.
        names: The positions of the columns that have a name.
        tags: The positions of the columns with parts of speech. The first that has values is the default.
    """

    counting: int
    widths: range
    head: int | None
    names: Mapping[str, int]
    tags: tuple[int, ...]


_CONLL_X = {"form": 1, "lemma": 2, "cpostag": 3, "upos": 3, "postag": 4, "xpos": 4, "feats": 5, "deprel": 7}
_CONLL_2009 = {"form": 1, "lemma": 2, "pos": 4, "ppos": 5, "feat": 6, "deprel": 10}
_FORMATS = (
    _Format(0, range(8, 11), 6, _CONLL_X, (3, 4)),
    _Format(0, range(_MIN_VARYING, 10_000), 8, _CONLL_2009, (4, 5)),
    _Format(2, range(11, 10_000), None, {"form": 3, "pos": 4}, (4,)),
)


class _Row(NamedTuple):
    line: int
    text: str
    fields: list[str]


class _Rows(NamedTuple):
    """The rows of each sentence, the number of fields of a row, and the positions of columns that have a name."""

    sentences: list[list[_Row]]
    width: int
    names: Mapping[str, int]

    def column(self, place: int) -> list[list[str]]:
        """Return the fields of a column, in sentences. A row that is too short has an empty field."""
        return [[(row.fields[place : place + 1] or [""])[0] for row in rows] for rows in self.sentences]


class _Layout(NamedTuple):
    """The positions of the words, of the tags and of the column that counts the words (None if no column does).

    `note` says why the words or the tags are not where they usually are. It is empty if they are.
    """

    words: int
    tags: int
    counting: int | None
    note: str


def read_columns(path: Path, lines: Sequence[str], columns: ColumnChoice, delimiter: str = "") -> Split:
    """Return the sentences of a column file.

    Args:
        path: The file, for messages.
        lines: The lines of the file.
        columns: The columns of the words, the tags and the sentences.
        delimiter: The character between fields, which may be quoted as in CSV files. If empty, tabs or spaces.

    Raises:
        InputError: The lines have different numbers of columns, or it is not clear which columns to read.
    """
    rows, left_out = _read_rows(path, lines, columns, delimiter)
    if not rows.sentences:
        return Split(SentenceBuilder().sentences())
    rows = _regroup(path, rows, columns)
    layout = _find_layout(path, rows, columns)
    builder = SentenceBuilder()
    for sentence in rows.sentences:
        for row in sentence:
            _add(path, row, layout, builder, columns.tagged)
        builder.end_sentence()
    if left_out:
        builder.counted[WITHOUT_WORD] += left_out
    return Split(builder.sentences(), (layout.note,) if layout.note else (), builder.counted)


def _add(path: Path, row: _Row, layout: _Layout, builder: SentenceBuilder, tagged: bool) -> None:
    """Add a row's word and its tag."""
    if layout.counting is not None and RANGE_OR_EMPTY_NODE.fullmatch(row.fields[layout.counting]):
        return
    if max(layout.words, layout.tags if tagged else 0) >= len(row.fields):
        raise _wrong_width(path, row, f"{max(layout.words, layout.tags) + 1} or more")
    word, tag = row.fields[layout.words], row.fields[layout.tags].strip() if tagged else ""
    if tagged and not tag:
        raise InputError(f"{path}, line {row.line} has an empty column. Give each word a tag.")
    builder.add(word, tag)


def _fields(line: str) -> list[str]:
    """Return the fields of a line. A field that is nothing but white space stays as it is, since it may be a word."""
    if _has_tab(line):
        return [field.strip() or field for field in line.split("\t")]
    return _GAP.split(line.strip(_SPACES))


def _delimited(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line of a CSV file."""
    try:
        return [field.strip() or field for field in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:  # a field of more than 128 kB, which is no word
        return [line]


def _has_tab(line: str) -> bool:
    return "\t" in line.rstrip(_SPACES)


def _filled(row: _Row) -> list[str]:
    """Return the fields that are not empty. Two tabs, or one at the end of the line, make an empty field."""
    return [field for field in row.fields if field] if _has_tab(row.text) else row.fields


def _read_rows(path: Path, lines: Sequence[str], columns: ColumnChoice, delimiter: str) -> tuple[_Rows, int]:
    """Return the rows of a file without comments and header, and how many rows were left out as they have no word."""
    names: Mapping[str, int] = {}
    blocks: list[list[_Row]] = [[]]
    for number, content in enumerate(lines, 1):
        line = content.removeprefix("\ufeff")  # a byte-order mark, which joined files have in the middle
        if found := _COLUMN_NAMES.fullmatch(line):
            names = _positions(found[1].split())
        elif line.startswith(DOCUMENT_START) or not line.replace(delimiter, " ").strip() or _MARKUP.fullmatch(line):
            blocks.append([])
        elif _GLUE.fullmatch(line):
            continue
        else:
            blocks[-1].append(_Row(number, line, _delimited(line, delimiter) if delimiter else _fields(line)))
    every = [row for block in blocks for row in block]
    if not every:
        return _Rows([], 0, names), 0
    words = [row for row in every if not row.text.startswith("#")] or every
    if columns.is_header(words[0].fields):
        header, *words = words
        names = _positions(header.fields)
        blocks = [[row for row in block if row is not header] for block in blocks]
    if not words:
        return _Rows([], 0, names), 0
    fit = _Fit(path, words, columns.tagged)
    fitted = [[row for row in map(fit, _without_comments(block, fit)) if row is not None] for block in blocks]
    left_out = sum(map(len, blocks)) - fit.comments - sum(map(len, fitted))
    return _Rows([block for block in fitted if block], fit.width, names), left_out


def _positions(names: Sequence[str]) -> dict[str, int]:
    return {name.strip().casefold(): place for place, name in enumerate(names)}


class _Fit:
    """Checks that rows have the same number of fields as most rows of the file.

    Attributes:
        width: Number of fields of most rows, or the smallest number if it varies, as in CoNLL-2009.
        comments: Number of comments that were found so far.
    """

    def __init__(self, path: Path, rows: Sequence[_Row], tagged: bool) -> None:
        widths, filled = Counter(len(row.fields) for row in rows), Counter(len(_filled(row)) for row in rows)
        self.width = (filled if len(widths) > len(filled) == 1 else widths).most_common(1)[0][0]
        self.comments = 0
        self._path = path
        self._varies = len(widths) > 1 and min(widths) >= _MIN_VARYING
        if self._varies:
            self.width = min(widths)
        if tagged and self.width < 2:
            first = next(row for row in rows if self.width in (len(row.fields), len(_filled(row))))
            raise _wrong_width(path, first._replace(fields=_filled(first)), "2, a word and its tags")
        self._has_tabs = sum(_has_tab(row.text) for row in rows) > len(rows) / 2
        self._last = {
            row.fields[-1] for row in rows if not row.text.startswith("#") and _has_tab(row.text) >= self._has_tabs
        } - {""}

    def is_comment(self, row: _Row, is_first: bool) -> bool:
        """Return True if a row with # is a comment. `is_first` is True at the beginning of a sentence.

        A row with as many fields as the others is a word, unless it is at the beginning of a sentence and ends with
        what is no tag elsewhere. If there are tabs, it must also have an address or a text, or end with a tab.
        """
        if _DOCUMENT.match(row.text):
            return True
        if not _COMMENT.match(row.text):
            return False
        if not self._has_width(row):
            return True
        if _has_tab(row.text) and row.fields[-1] and not any(map(_ADDRESS_OR_TEXT.search, row.fields[1:])):
            return False
        return is_first and row.fields[-1] not in self._last

    def __call__(self, row: _Row) -> _Row | None:
        """Return a row with the right number of fields, or None if the row has a tag but no word."""
        has_tab = _has_tab(row.text)
        if self._has_tabs and not has_tab and self.width > 1 and row.fields[-1] not in self._last:
            raise InputError(f"{self._path}, line {row.line} has no tab, unlike the other lines. Fix the line.")
        if self._has_width(row):
            return row
        filled = _filled(row)
        if len(filled) == self.width:
            return row._replace(fields=filled)
        if not has_tab and row.text[0].isspace() and len(row.fields) == self.width - 1:
            return None
        raise _wrong_width(self._path, row, f"{self.width} as the other lines")

    def _has_width(self, row: _Row) -> bool:
        return len(row.fields) == self.width or (self._varies and len(row.fields) > self.width)


def _without_comments(block: Sequence[_Row], fit: _Fit) -> list[_Row]:
    kept: list[_Row] = []
    for row in block:
        if fit.is_comment(row, is_first=not kept):
            fit.comments += 1
        else:
            kept.append(row)
    return kept


def _wrong_width(path: Path, row: _Row, wanted: str) -> InputError:
    count = len(row.fields)
    return InputError(
        f"{path}, line {row.line} has {count} column{'' if count == 1 else 's'}, not {wanted}. Fix the line."
    )


def _regroup(path: Path, rows: _Rows, columns: ColumnChoice) -> _Rows:
    """Return the rows with a sentence for each run of rows with the same value in the column of sentences, if any."""
    if columns.sentence is not None:
        place = _position(path, "--sentence", columns.sentence, rows)
    else:
        names = list(rows.names)
        found = column_names.sentence_columns(names)
        if len(found) != 1:
            return rows
        place = rows.names[names[found[0]]]
    sentences: list[list[_Row]] = []
    for block, values in zip(rows.sentences, rows.column(place), strict=True):
        before: str | None = None
        for row, value in zip(block, values, strict=True):
            if before is None or (value.strip() and value != before):
                sentences.append([])
                before = value
            sentences[-1].append(row)
    return rows._replace(sentences=sentences)


def _position(path: Path, flag: str, given: str, rows: _Rows) -> int:
    """Return the position of the column that the user gave by number or name."""
    if given.casefold() in rows.names:
        return rows.names[given.casefold()]
    if _is_number(given) and 0 < int(given) <= rows.width:
        return int(given) - 1
    named = f", or one of {', '.join(rows.names)}" if rows.names else ""
    message = f"{flag} must be the number of a column of {path}, 1 to {rows.width}{named}, not {given!r}."
    raise OptionError(message, flag.removeprefix("--").replace("-", "_"))


def _find_layout(path: Path, rows: _Rows, columns: ColumnChoice) -> _Layout:
    """Return where the words and the tags are: in the columns that the user gave, or where the format has them."""
    counting = _counting_column(rows, columns.tagged)
    form = next((form for form in _FORMATS if _fits(form, counting, rows)), None)
    if form is not None and not rows.names:
        rows = rows._replace(names=form.names)
    words, reason = _find_words(path, rows, columns, counting)
    if not columns.tagged:
        note = f"The words are read from column {words + 1}{reason}: choose another column with --word-column."
        return _Layout(words, words, counting, note if reason and counting is None else "")
    tags = _find_tags(path, rows, columns, words, form, counting)
    if words == tags:
        raise InputError(
            f"{path}: the words and the tags are both read from column {words + 1}. Choose two columns with "
            "--word-column and --column."
        )
    _require_tags(path, rows, tags)
    if (columns.word and columns.tag) or (rows.width == 2 and not reason):
        return _Layout(words, tags, counting, "")
    kind = ", the parts of speech" if form is not None and columns.tag is None else ""
    note = f"The words are read from column {words + 1}{reason}, and the tags from column {tags + 1}{kind}"
    return _Layout(words, tags, counting, f"{note}: choose other columns with --word-column and --column.")


def _find_words(path: Path, rows: _Rows, columns: ColumnChoice, counting: int | None) -> tuple[int, str]:
    """Return the position of the words, and the reason for it, which is empty for the first column."""
    if columns.word is not None:
        return _position(path, "--word-column", columns.word, rows), ""
    if counting is not None:
        return counting + 1, f", since column {counting + 1} counts them"
    names = list(rows.names)
    found = column_names.word_columns(names)
    if len(found) == 1:
        return rows.names[names[found[0]]], " by its name"
    if rows.width == 2 and columns.tag in (None, "1") and (reason := _swapped(rows)):
        return 1, f", since column 1 has {reason}"
    _require_words(path, rows)
    return 0, ""


def _swapped(rows: _Rows) -> str:
    """Return what the first of two columns has if it has the tags, and the second the words, or an empty string."""
    first, second = (recognize(rows.column(place)) for place in (0, 1))
    if first.notation and first.marked > 0 and not second.notation:
        return "the tags of spans"
    one, other = ([field for fields in rows.column(place) for field in fields] for place in (0, 1))
    few = len(one) >= _MIN_COMPARED and 2 * len(set(one)) < len(set(other))
    return "far fewer different values" if few and not second.notation else ""


def _require_words(path: Path, rows: _Rows) -> None:
    """Raise an error if the first column has numbers or the name of a document, not words."""
    sentences = rows.column(0)
    remedy = "Choose the column of the words with --word-column"
    fields = [field for fields in sentences for field in fields]
    if all(map(str.isdecimal, fields[1:] if len(fields) > _MAX_HEADED else fields)):  # the first may be a name
        raise InputError(
            f"{path} has only numbers in column 1, not words. {remedy}, and a column that numbers the sentences with "
            "--sentence."
        )
    repeated = [len(set(fields)) == 1 for fields in sentences]
    if rows.width > 2 and len(sentences) > 1 and all(repeated) and any(len(fields) > 1 for fields in sentences):
        raise InputError(f"{path} has the same value in column 1 for all words of each sentence. {remedy}.")


def _find_tags(
    path: Path, rows: _Rows, columns: ColumnChoice, words: int, form: _Format | None, counting: int | None
) -> int:
    """Return the position of the tags: by default the last column, or the parts of speech of a format with heads."""
    if columns.tag is not None:
        return _position(path, "--column", columns.tag, rows)
    if form is not None:
        return next((place for place in form.tags if _has_values(rows, place)), form.tags[0])
    names = list(rows.names)
    found = [place for place in column_names.tag_columns(names) if rows.names[names[place]] != words]
    if len(found) == 1:
        return rows.names[names[found[0]]]
    last = next((place for place in reversed(range(1, rows.width)) if not _has_fractions(rows, place)), rows.width - 1)
    if words == last:
        return 0
    if counting == 0 and rows.width == 4 and all(recognize(rows.column(place)).marked > 0.5 for place in (2, 3)):
        return 2  # GermEval 2014: the names, and the names within names
    return last


def _has_fractions(rows: _Rows, place: int) -> bool:
    """Return True if all fields of a column are numbers with decimals, such as the confidence of a tag."""
    return all(_FRACTION.fullmatch(field) for fields in rows.column(place) for field in fields)


def _has_values(rows: _Rows, place: int) -> bool:
    return any(field != _UNKNOWN for fields in rows.column(place) for field in fields)


def _require_tags(path: Path, rows: _Rows, tags: int) -> None:
    if _has_values(rows, tags):
        return
    others = [str(place + 1) for place in range(rows.width) if _has_values(rows, place)]
    raise InputError(
        f"{path} has no tags in column {tags + 1}: every field of it is _. Choose another column with --column; those "
        f"with values are {', '.join(others)}."
    )


def _counting_column(rows: _Rows, tagged: bool) -> int | None:
    """Return the position of a column that counts the words of sentences, or all words, or None if there is none.

    The columns before it must have the same value for all words of a sentence, such as the name of a document.
    """
    for place in range(min(_COUNTED_COLUMNS, rows.width - (2 if tagged else 1))):
        counted = pairs = 0
        is_constant = True
        for fields in rows.column(place):
            numbers = [field for field in fields if not RANGE_OR_EMPTY_NODE.fullmatch(field)]
            is_constant &= len(set(numbers)) <= 1
            for one, other in pairwise(numbers):
                pairs += 1
                counted += _is_number(one) and _is_number(other) and int(other) == int(one) + 1
        if pairs and counted >= _COUNTS * pairs:
            return place
        if not is_constant:
            return None
    return None


def _fits(form: _Format, counting: int | None, rows: _Rows) -> bool:
    """Return True if the rows are in a format: the same column counts, and the column of heads has numbers."""
    if form.counting != counting or rows.width not in form.widths:
        return False
    heads = [] if form.head is None else [head for fields in rows.column(form.head) for head in fields]
    return all(_is_number(head) or head == _UNKNOWN for head in heads)


def _is_number(field: str) -> bool:
    return field.isdecimal() and len(field) <= _MAX_DIGITS
