"""Read tables with a recording and its transcript or label in each row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.audio.recording import AUDIO_SUFFIXES
from gatewright.data.corpora.corpus import Found, Utterance
from gatewright.data.files import inner_name, is_compressed, open_file
from gatewright.data.tables import Table, is_table, parse_header, quoted, read_table, require_column
from gatewright.data.text_tables import label_name, label_of_field, require_all
from gatewright.support.errors import InputError, OptionError

AUDIO_NAMES = ("audio", "audio_filepath", "wav_filename", "file_name", "wav", "path")
"""Usual names of the column of the recordings, in lower case."""
TRANSCRIPT_NAMES = ("text", "sentence", "transcript", "transcription", "wrd")
"""Usual names of the column of the transcripts, in lower case."""
LABEL_NAMES = ("label", "class", "keyword", "word", "command", "target", "category")
"""Usual names of the column of the labels, in lower case."""
_SPEAKER_NAMES = ("speaker", "speaker_id", "spk", "spk_id", "client_id", "user_id")

# Common Voice has its recordings in this folder next to its tables.
_CLIPS = "clips"
# So many recordings show whether paths are relative to the folder of the table.
_CHECKED = 10
# The part of a table, in bytes, that shows whether it names recordings.
_BEGINNING = 1 << 16


class Columns(NamedTuple):
    """The names of columns that the user gave, or None.

    Attributes:
        audio: The column of the paths of the recordings.
        text: The column of the transcripts or labels.
        speaker: The column of the speakers.
        header: See `data.tables.parse_header`.
        text_option: The name of the option of the column `text`: "text" for transcripts, "label" for labels.
    """

    audio: str | None = None
    text: str | None = None
    speaker: str | None = None
    header: str | None = None
    text_option: str = "text"

    @classmethod
    def of(cls, options: Mapping[str, Any], text_option: str) -> "Columns":
        """Return the columns in the options of a task."""
        audio, text, speaker, header = (options.get(name) for name in ("audio", text_option, "speaker", "header"))
        return cls(audio, text, speaker, header, text_option)


def has_recordings(path: Path, audio: str | None = None) -> bool:
    """Return True if a file is a table with a column of recordings, judged by the suffixes of their names.

    Args:
        path: The file.
        audio: The name of the column that the user gave. None for the usual names.
    """
    if not (path.is_file() and is_table(path)) or not _mentions_recordings(path):
        return False
    try:
        table = read_table(path)
    except (OSError, ValueError, ImportError):  # the task that reads the table reports them
        return False
    return any(
        isinstance(value, str) and value.lower().endswith(AUDIO_SUFFIXES)
        for name in table.names
        if (name == audio or (audio is None and _is_usual(name, AUDIO_NAMES))) and name not in table.problems
        for value in table.column(name).to_pylist()
    )


def refuse_columns(data: object, columns: Columns) -> None:
    """Raise an error if the user gave options of tables for data that is not a table.

    Raises:
        OptionError: One of them is given.
    """
    given = {
        "audio": columns.audio,
        columns.text_option: columns.text,
        "speaker": columns.speaker,
        "header": columns.header,
    }
    for option, value in given.items():
        if value is not None:
            raise OptionError(
                f"--{option} {value} is an option of tables, but {data} is not one. Leave it out.", option, False
            )


def read_table_of_recordings(path: Path, columns: Columns) -> Found:
    """Return the utterances of a table, all in the split "train". Their names are the paths in the table.

    Args:
        path: The file.
        columns: The columns that the user gave. The others are found by their names.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or a column is missing, not unique or not of texts.
    """
    table = read_table(path, parse_header(columns.header))
    usual = LABEL_NAMES if columns.text_option == "label" else TRANSCRIPT_NAMES
    audio = _column(table, columns.audio, "audio", AUDIO_NAMES)
    text = _column(table, columns.text, columns.text_option, usual)
    speaker = _optional_column(table, columns.speaker, "speaker", _SPEAKER_NAMES)
    if audio == text:
        raise InputError(
            f"--audio and --{columns.text_option} are the same column of {path}, {audio!r}. Give two columns."
        )
    names, texts = _values(table, audio), _values(table, text)
    speakers = _values(table, speaker) if speaker else [""] * table.rows
    folder = _folder_of(path, names)
    utterances = [
        Utterance(name, folder / name, spoken, who)
        for name, spoken, who in zip(names, texts, speakers, strict=True)
        if name or spoken
    ]
    return Found({"train": utterances}, table.notes)


def read_paths(path: Path, audio: str | None, header: str | None) -> list[Path]:
    """Return the paths of the recordings in a table.

    Args:
        path: The file.
        audio, header: See `Columns`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, a path is missing, or the column is missing, not unique or not of texts.
    """
    table = read_table(path, parse_header(header))
    names = _values(table, _column(table, audio, "audio", AUDIO_NAMES))
    require_all(path, "recording", [not name for name in names], table.lines)
    folder = _folder_of(path, names)
    return [folder / name for name in names]


def _folder_of(path: Path, names: Sequence[str]) -> Path:
    """Return the folder to which the paths in a table are relative: its own or, as in Common Voice, `clips` in it."""
    folder = path.absolute().parent
    if not any((folder / name).is_file() for name in names[:_CHECKED]) and (folder / _CLIPS).is_dir():
        return folder / _CLIPS
    return folder


def _mentions_recordings(path: Path) -> bool:
    """Return False if the beginning of a table of text has no name of a recording, so that it need not be parsed."""
    if is_compressed(path) or inner_name(path).endswith(".parquet"):
        return True
    try:
        with open_file(path) as file:
            beginning = file.read(_BEGINNING).replace(b"\0", b"").lower()
    except (OSError, InputError):
        return False
    return any(suffix.encode() in beginning for suffix in AUDIO_SUFFIXES)


def _column(table: Table, given: str | None, option: str, usual: Sequence[str]) -> str:
    found = _optional_column(table, given, option, usual)
    if found is None:
        raise OptionError(
            f"{table.path} has no column {usual[0]!r}. It has {quoted(table.names)}. Choose one with --{option}.",
            option,
        )
    return found


def _optional_column(table: Table, given: str | None, option: str, usual: Sequence[str]) -> str | None:
    """Return the column that the user gave, or the only one with a usual name; None if there is none.

    Raises:
        InputError: There is no such column, or several have a usual name.
    """
    if given is not None:
        require_column(table.path, option, given, table.names)
        found = [given]
    else:
        found = [name for name in dict.fromkeys(table.names) if _is_usual(name, usual)]
    if len(found) > 1:
        raise OptionError(f"{table.path} has the columns {quoted(found)}. Choose one with --{option}.", option)
    table.require_unique(found)
    return found[0] if found else None


def _is_usual(name: str, usual: Sequence[str]) -> bool:
    return name.strip().lower() in usual


def _values(table: Table, column: str) -> list[str]:
    """Return the values of a column as texts without spaces around them. Missing values are empty."""
    values = table.column(column).to_pylist()
    if wrong := next((value for value in values if isinstance(value, dict | list | bytes)), None):
        raise InputError(
            f"The column {column!r} of {table.path} has values of the type {type(wrong).__name__}. Give a table with "
            "the paths of recordings and with texts."
        )
    names = (
        label_of_field(value) if isinstance(value, str) and table.as_written else label_name(value) for value in values
    )
    return [(name or "").strip() for name in names]
