"""Read labelled recordings: the named set `fsdd`, tables, and folders with a subfolder for each label."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewright.data.corpora import named
from gatewright.data.corpora.corpus import Corpus, Found
from gatewright.data.corpora.joining import Evaluated, joined, to_evaluate
from gatewright.data.corpora.labelled import has_labelled_recordings, read_labelled_folder
from gatewright.data.corpora.tables import Columns, has_recordings, read_paths, read_table_of_recordings, refuse_columns
from gatewright.data.tables import is_table
from gatewright.support.errors import InputError, OptionError, as_input_errors, nearest

NAMED = (named.FSDD,)
"""The named sets, read from `$GATEWRIGHT_DATA`."""

_SHOWN = 10


def is_of_recordings(data: str, options: Mapping[str, Any]) -> bool:
    """Return True if the data is recordings, judged by its name, its files or the values of its columns."""
    if data in NAMED or options.get("test_speaker") is not None:
        return True
    path = Path(data)
    if data and path.is_dir():
        return has_labelled_recordings(path)
    return bool(data) and has_recordings(path, options.get("audio"))


@as_input_errors()
def read_keywords(
    data: str, options: Mapping[str, Any], validation: str | None = None, test: str | None = None
) -> Corpus:
    """Read labelled recordings. Their texts are the labels.

    Args:
        data: `fsdd`, a folder or a table.
        options: The columns of tables, `audio`, `label`, `speaker` and `header`; and `test_speaker`, whose recordings
            are the test set. All may be missing.
        validation, test: Data of the same kinds for a split.

    Raises:
        InputError: The data cannot be read or used, or has a split that is also given.
    """
    speaker = options.get("test_speaker")
    if speaker is not None and test is not None:
        raise InputError(f"--test-speaker {speaker} and --test {test} both give the test set. Leave one of them out.")
    found = _by_speaker(data, _find(data, options, "DATA"), speaker)
    corpus = joined(data, found, validation, test, lambda given, flag: _find(given, options, flag), "label")
    return corpus if speaker is None else corpus._replace(held_out_by="")


@as_input_errors()
def read_to_evaluate(data: str, options: Mapping[str, Any]) -> Evaluated:
    """Return the recordings to evaluate a model: the test set of data that has one, and otherwise all recordings.

    Args:
        data, options: See `read_keywords`. If `test_speaker` is given, the test set is the recordings of this speaker.

    Raises:
        InputError: The data cannot be read or used.
    """
    return to_evaluate(data, _by_speaker(data, _find(data, options, "DATA"), options.get("test_speaker")), "label")


@as_input_errors()
def recordings_in(file: str, options: Mapping[str, Any]) -> list[Path]:
    """Return the paths of the recordings to predict: a recording, or those in a table.

    Args:
        file: The path of the recording or the table.
        options: The options of tables, `audio` and `header`.

    Raises:
        InputError: The file does not exist, or the table cannot be read.
    """
    if file == "-":
        raise InputError("Recordings to predict are not read from standard input. Give the paths of files.")
    path = Path(file)
    if not file or not path.is_file():
        problem = "is a folder" if file and path.is_dir() else "does not exist"
        raise InputError(f"--file must be a recording or a table with a column of recordings, but {file!r} {problem}.")
    columns = Columns.of(options, "label")
    for name in ("label", "speaker", "test_speaker"):
        if options.get(name) is not None:
            raise OptionError(f"--{name.replace('_', '-')} does not apply to predictions. Leave it out.", name, False)
    if not is_table(path):
        refuse_columns(file, columns)
        return [path]
    return read_paths(path, columns.audio, columns.header)


def _find(data: str, options: Mapping[str, Any], flag: str) -> Found:
    """Return the recordings of each split of the data that was given with a flag."""
    path, columns = Path(data), Columns.of(options, "label")
    if data and path.is_file():
        return read_table_of_recordings(path, columns)
    if data not in NAMED and not (data and path.is_dir()):
        raise InputError(
            f"{flag} must be {', '.join(NAMED)}, a folder of recordings for each label, or a table of recordings, but "
            f"there is no {data!r}{nearest(data, NAMED)}"
        )
    refuse_columns(data, columns)
    return named.read_fsdd() if data in NAMED else read_labelled_folder(path)


def _by_speaker(data: str, found: Found, speaker: str | None) -> Found:
    """Return the recordings of all other speakers as the training set, and those of the speaker as the test set.

    Raises:
        InputError: There is no such speaker, or no other one.
    """
    if speaker is None:
        return found
    everything = [one for split in found.splits.values() for one in split]
    known = sorted({one.speaker for one in everything} - {""})
    if speaker not in known:
        listed = (
            f"It has {', '.join(known[:_SHOWN])}{', ...' * (len(known) > _SHOWN)}" if known else "It names no speakers"
        )
        raise OptionError(f"{data} has no speaker {speaker!r}. {listed}{nearest(speaker, known)}", "test_speaker")
    others = [one for one in everything if one.speaker != speaker]
    if not others:
        raise InputError(f"All recordings of {data} are of the speaker {speaker!r}. Leave --test-speaker out.")
    return Found({"train": others, "test": [one for one in everything if one.speaker == speaker]}, found.notes)
