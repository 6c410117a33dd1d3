"""Labelled series of numbers from where a user has them: named sets, .ts files, NumPy archives, long tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.number_tables import columns_of, read_archive
from gatewright.data.tables import as_name
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.channels import trimmed
from gatewright.tasks.classify_series.long_tables import LONG_TABLES, read_long
from gatewright.tasks.classify_series.ts import read_ts

SETS = ("japanese-vowels", "digits")
"""The named sets."""

_TRAIN, _TEST = "_TRAIN.ts", "_TEST.ts"
_FILES = ".ts, .npz, .csv, .tsv or .parquet"
# Of scikit-learn's 1,797 digits, the first; the others are the test part.
_DIGITS_TRAIN = 1_200


@dataclass(frozen=True)
class Series:
    """Rows of numbers.

    Attributes:
        values: of each row, [time, channels], one step or more; NaN is missing.
        labels: of each row; empty where none were asked for.
        channels: their names.
    """

    values: list[NDArray[np.float64]]
    labels: list[str]
    channels: tuple[str, ...]

    def take(self, places: NDArray[np.intp]) -> Series:
        """The rows at these places."""
        return Series([self.values[place] for place in places], [self.labels[place] for place in places], self.channels)

    def __repr__(self) -> str:
        """Another where any row is: NumPy's own leaves numbers out."""
        digest = hashlib.sha256(repr((self.labels, self.channels)).encode())
        for row in self.values:
            digest.update(str(row.shape).encode() + np.ascontiguousarray(row).tobytes())
        return f"Series({len(self.values)} rows, {digest.hexdigest()})"


class SeriesSource(NamedTuple):
    """A data set.

    Attributes:
        name: for a reader.
        train, test: rows; `test` is None where there is no test part.
        neighbours: what rows that stand beside one another in `train` have in common; empty where that is nothing.
    """

    name: str
    train: Series
    test: Series | None
    neighbours: str = ""


class Wanted(NamedTuple):
    """What is asked of a table: columns, and whether labels are read."""

    id: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] | None = None
    labelled: bool = True


def is_series(data: str, options: Mapping[str, Any]) -> bool:
    """Whether data is series of numbers, by its name; of a table by its columns or the options that name them."""
    if any(options.get(name) is not None for name in ("id", "time")):
        return True
    path = Path(data)
    suffix = path.suffix.lower()
    if data in SETS or suffix in (".ts", ".npz"):
        return True
    if path.is_dir():
        return any(path.glob(f"*{_TRAIN}"))
    if suffix not in LONG_TABLES or options.get("text") is not None:
        return False
    names = columns_of(path)
    return {"id", "time"} <= set(names) and "text" not in names


def read_series(data: str, wanted: Wanted = Wanted(), test: str | None = None) -> SeriesSource:  # noqa: B008
    """The rows of `data`, in an order that is always the same.

    Args:
        data: "japanese-vowels" or "digits"; a .ts file, with the test part beside it if the two are named X_TRAIN.ts
            and X_TEST.ts, or the folder of two such; a .npz archive of arrays X, y, and where there is a test part
            X_test and y_test; a long table .csv, .tsv or .parquet: see `long_tables.read_long`.
        wanted: columns of a table.
        test: a file of test rows, for data without a test part.

    Of an archive X is [rows, time, channels], or [rows, time] of one channel, and y [rows]; `lengths` (`lengths_test`),
    [rows], says how many steps of each row there are, the first. In all forms steps without a number are left out at
    both ends of a row, which is how rows of several lengths stand in one array.

    Raises:
        InputError: the data can't be read or used.
    """
    try:
        if data in SETS:
            _refuse_columns(data, wanted)
            source = {"japanese-vowels": _japanese_vowels, "digits": _digits}[data]()
        else:
            source = _from_path(data, wanted)
        if test is None:
            return source
        if source.test is not None:
            raise InputError(f"{data} has a test part of its own: leave --test {test} out.")
        return source._replace(test=read_rows(test, wanted._replace(channels=source.train.channels), "--test"))
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None


def read_rows(given: str, wanted: Wanted, option: str) -> Series:
    """The rows of one file, whatever stands beside it; of an archive the arrays X and y.

    Args:
        given: the file.
        wanted: columns, and whether labels are needed.
        option: what the user knows `given` by.

    Raises:
        InputError: it can't be read or used, or has not the channels that are wanted.
    """
    path = Path(given)
    if not path.is_file() or path.suffix.lower() not in (".ts", ".npz", *LONG_TABLES):
        fault = "can't be read as one" if path.exists() else "is not there"
        raise InputError(f"{option} must be a file of series, {_FILES}; {given!r} {fault}.")
    try:
        rows = _read_file(path, wanted)[0]
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
    if wanted.channels is not None and len(rows.channels) != len(wanted.channels):
        raise InputError(
            f"{given} has {len(rows.channels)} channels, and {len(wanted.channels)} are needed: give rows of as many."
        )
    return rows


def _from_path(data: str, wanted: Wanted) -> SeriesSource:
    path = Path(data)
    name = os.path.basename(os.path.abspath(path))
    if path.is_dir():
        files = sorted(path.glob(f"*{_TRAIN}"))
        if len(files) != 1:
            raise InputError(f"{data} has {len(files)} files *{_TRAIN}: name the one that is meant.")
        path = files[0]
    if path.suffix.lower() not in LONG_TABLES:
        _refuse_columns(data, wanted)
    if path.name.endswith(_TRAIN) and (beside := path.with_name(path.name.removesuffix(_TRAIN) + _TEST)).is_file():
        train = read_rows(str(path), wanted, "DATA")
        return SeriesSource(name, train, read_rows(str(beside), wanted._replace(channels=train.channels), "DATA"))
    if not path.is_file() or path.suffix.lower() not in (".ts", ".npz", *LONG_TABLES):
        fault = "can't be read as one" if path.exists() else "is not there"
        raise InputError(f"DATA must be {', '.join(SETS)} or a file of series, {_FILES}; {data!r} {fault}.")
    return SeriesSource(name, *_read_file(path, wanted))


def _read_file(path: Path, wanted: Wanted) -> tuple[Series, Series | None]:
    """The rows of a file, and the test rows that stand in it too."""
    if path.suffix.lower() == ".npz":
        return _archive(path, wanted)
    if path.suffix.lower() == ".ts":
        values, labels = read_ts(path)
        return _checked(path, values, labels, wanted), None
    long = read_long(path, wanted.id, wanted.time, wanted.label, wanted.channels, wanted.labelled)
    return _checked(path, long.values, long.labels, wanted, long.channels), None


def _archive(path: Path, wanted: Wanted) -> tuple[Series, Series | None]:
    arrays = read_archive(path)
    if "X" not in arrays:
        listed = ", ".join(arrays) or "nothing"
        raise InputError(f"{path} has no array X, only {listed}: X is [rows, time, channels], y the label of each row.")
    train = _from_arrays(path, arrays, wanted, "")
    test = _from_arrays(path, arrays, wanted._replace(channels=train.channels), "_test") if "X_test" in arrays else None
    if test is not None and len(test.channels) != len(train.channels):
        raise InputError(f"{path}: X has {len(train.channels)} channels, X_test {len(test.channels)}: give as many.")
    return train, test


def _from_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], wanted: Wanted, ending: str) -> Series:
    X, y, lengths = (arrays.get(name + ending) for name in ("X", "y", "lengths"))
    assert X is not None
    if X.ndim not in (2, 3) or X.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: X{ending} must be numbers [rows, time, channels] or [rows, time], not {X.dtype} of shape "
            f"{list(X.shape)}."
        )
    for name, array in (("y", y), ("lengths", lengths)):
        if array is not None and array.shape != X.shape[:1]:
            raise InputError(
                f"{path}: {name}{ending} must be one for each of the {len(X)} rows, not of shape {list(array.shape)}."
            )
    if lengths is not None and (lengths.dtype.kind not in "iu" or ((lengths < 1) | (lengths > X.shape[1])).any()):
        raise InputError(
            f"{path}: lengths{ending} must be whole numbers from 1 to {X.shape[1]}, the steps of X{ending}."
        )
    cube = np.asarray(X, np.float64).reshape(*X.shape[:2], -1) if X.size else np.empty((len(X), 0, 1))
    values = [row if lengths is None else row[: lengths[place]] for place, row in enumerate(cube)]
    named = None if y is None else [as_name(one.decode() if isinstance(one, bytes) else one) for one in y.tolist()]
    if named is not None and None in named:
        raise InputError(f"{path}: y{ending} has no label for row {named.index(None) + 1}: mend it.")
    return _checked(path, values, None if named is None else list(map(str, named)), wanted)


def _checked(
    path: Path,
    values: Sequence[NDArray[np.float64]],
    labels: list[str] | None,
    wanted: Wanted,
    channels: tuple[str, ...] | None = None,
) -> Series:
    """The rows, of which each has a number, and none is infinite."""
    if not values:
        raise InputError(f"{path} has no rows: a row is a series and its label.")
    if wanted.labelled and labels is None:
        raise InputError(f"{path} has no labels of its rows: give them, in a .ts file as classes, in an archive as y.")
    kept = []
    for place, row in enumerate(values):
        if np.isinf(row).any():
            raise InputError(f"{path}: row {place + 1} has an infinite number: mend it, or make it missing (NaN).")
        kept.append(trimmed(row))
        if not len(kept[-1]):
            raise InputError(f"{path}: row {place + 1} has no number: remove it.")
    names = channels or tuple(str(number) for number in range(1, kept[0].shape[1] + 1))
    return Series(kept, labels if wanted.labelled and labels is not None else [], names)


def _refuse_columns(data: str, wanted: Wanted) -> None:
    if any(name is not None for name in (wanted.id, wanted.time, wanted.label)):
        raise InputError(
            f"--id, --time and --label name the columns of a long table, which {data} is not: leave them out."
        )


def _japanese_vowels() -> SeriesSource:
    """Kudo, Toyama & Shimbo 1999: 12 cepstra of nine speakers' vowels, 7 to 29 steps."""
    paths = [root / "japanese_vowels" / f"JapaneseVowels{part}" for root in public.roots() for part in (_TRAIN, _TEST)]
    if not paths or not all(path.is_file() for path in paths):
        why = f"{paths[0].parent} has not both" if paths else "GATEWRIGHT_DATA is not set"
        raise InputError(
            f"japanese-vowels is not downloaded, and {why}: put JapaneseVowels{_TRAIN} and JapaneseVowels{_TEST} of "
            "timeseriesclassification.com into a folder japanese_vowels and set GATEWRIGHT_DATA to the folder that "
            "holds it."
        )
    return _from_path(str(paths[0]), Wanted())._replace(name="japanese-vowels")


def _digits() -> SeriesSource:
    """Scikit-learn's digits, 8 rows of 8 pixels, as 8 steps of 8 channels; one writer's stand beside one another."""
    from sklearn.datasets import load_digits

    images, targets = load_digits(return_X_y=True)
    rows = images.reshape(-1, 8, 8)
    channels = tuple(str(number) for number in range(1, 9))
    whole = Series(list(rows), [str(target) for target in targets], channels)
    places = np.arange(len(rows))
    train, test = whole.take(places[:_DIGITS_TRAIN]), whole.take(places[_DIGITS_TRAIN:])
    return SeriesSource("digits", train, test, neighbours="are of one writer")
