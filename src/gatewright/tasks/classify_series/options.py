"""The options for reading series. A model file keeps those that its training data was read with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from gatewright.data.tables import column_list, quoted
from gatewright.support.errors import InputError, nearest
from gatewright.support.schema import Size, Text, fields_of, read_as

LAYOUTS = ("wide", "long")
SIDES = ("first", "last")
TABLE_OPTIONS = ("id", "time", "label", "group", "window", "stride", "channels", "layout")
"""The options that say how to read a table or an array."""

_COLUMNS = ("id", "time", "label", "group")
_MAX_WINDOW = 2**31


@dataclass(frozen=True)
class SeriesOptions:
    """The options for reading series.

    Attributes:
        id, time, label: The columns of a table with the id of the series (or several columns, separated by commas),
            the time of the step, and the label. None for the default names.
        group: The column whose values stay together when the series are split, such as the subject.
        window, stride: Number of steps of the windows into which a table with a label at each step is cut, and from one
            window to the next. None for whole series, and for a stride of `window`.
        channels: "first" or "last" for arrays [series, channels, time] or [series, time, channels]. None finds out.
        layout: "wide" for a table with a series in each row, "long" for one with a step in each row. None finds out.
            "file", which users cannot give, is a table that is one series.
        columns: Number of columns of a wide table that has no header. Otherwise None.
        names: The names of the channels that other series have, which are the ones to read. None for all.
        labelled: True if labels are needed.
        given: The names of the options that the user gave for these series. Options that were found out for other
            series apply as far as they fit.
    """

    id: str | None = None
    time: str | None = None
    label: str | None = None
    group: str | None = None
    window: int | None = None
    stride: int | None = None
    channels: str | None = None
    layout: str | None = None
    columns: int | None = None
    names: tuple[str, ...] | None = None
    labelled: bool = True
    given: frozenset[str] = frozenset()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the options that the user gave.

        Raises:
            InputError: An option has a value that is not allowed.
        """
        for name, allowed in {"channels": SIDES, "layout": LAYOUTS}.items():
            if given.get(name) not in (None, *allowed):
                raise InputError(
                    f"--{name} must be {' or '.join(allowed)}, not {given[name]!r}{nearest(given[name], allowed)}"
                )
        for name in _COLUMNS:
            if not isinstance(given.get(name), str | None):
                raise InputError(f"--{name} must be the name of a column, not {given[name]!r}.")
        window, stride = (_whole(name, given.get(name)) for name in ("window", "stride"))
        if stride is not None and window is None:
            raise InputError("--stride is the distance between windows. Give their length with --window too.")
        id, time, label, group, channels, layout = (given.get(name) for name in (*_COLUMNS, "channels", "layout"))
        own = frozenset(name for name, value in given.items() if value is not None)
        return cls(id, time, label, group, window, stride, channels, layout, given=own)

    def for_more(self, names: tuple[str, ...], given: Mapping[str, Any] | None = None, labelled: bool = True) -> Self:
        """Return the options for further series with the same channels, such as those to predict.

        Args:
            names: The names of the channels.
            given: The options that the user gave for the further series, which take precedence.
            labelled: True if labels are needed.
        """
        given = {name: value for name, value in (given or {}).items() if value is not None}
        if "stride" in given and "window" not in given and self.window is not None:
            given["window"] = self.window
        own = type(self).of(given)
        changed = {name: getattr(own, name) for name in given}
        if "window" in changed:
            changed["stride"] = own.stride
        return replace(self, names=names, labelled=labelled, given=own.given, **changed)

    def to_json(self) -> dict[str, Any]:
        """Return the options that a model file keeps."""
        return {name: getattr(self, name) for name in fields_of(_Stored) if getattr(self, name) is not None}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the options that `to_json` returned.

        Raises:
            InputError: `stored` is something else. The message begins with "its".
        """
        return cls(**vars(read_as(_Stored, stored, "its options for reading series")))

    def lacking(self, path: Path, names: Sequence[str]) -> list[str]:
        """Return sentences about columns of other series, such as those of the training, that a table does not have.

        Args:
            path: The table.
            names: The names of its columns.
        """
        found = []
        for option in ("id", "time", *(("label",) if self.labelled else ())):
            value = getattr(self, option)
            if value is not None and option not in self.given and not set(column_list(value, names)) <= set(names):
                found.append(
                    f"The model was trained with --{option} {value}, which {path} does not have, so it was left out."
                )
        return found

    def refuse(self, names: Sequence[str], data: object, reason: str) -> None:
        """Raise an error if the user gave one of the named options, which do not apply.

        Raises:
            InputError: An option is given.
        """
        if given := [f"--{name}" for name in names if name in self.given]:
            them = "it" if len(given) == 1 else "them"
            raise InputError(f"{' and '.join(given)} cannot be used, because {data} {reason}. Leave {them} out.")

    def column(self, path: Path, option: str, names: Sequence[str], default: str | None = None) -> str | None:
        """Return the name of the column for an option, or None if it was not given and the default does not exist.

        Raises:
            InputError: The user gave the name of a column that does not exist.
        """
        given = getattr(self, option)
        if given is not None and given not in names:
            if option in self.given:
                raise InputError(
                    f"--{option} {given!r} is not a column of {path}, which has {quoted(names)}{nearest(given, names)}"
                )
            given = None
        return given if given is not None else (default if default in names else None)


@dataclass(frozen=True)
class _Stored:
    """The options that a model file keeps."""

    id: str | None = None
    time: str | None = None
    label: str | None = None
    window: Size | None = None
    stride: Size | None = None
    channels: Annotated[str, Text(choices=SIDES)] | None = None
    layout: Annotated[str, Text(choices=(*LAYOUTS, "file"))] | None = None
    columns: Size | None = None


def _whole(name: str, value: Any) -> int | None:
    """Return the value of an option that is a number of steps."""
    if value is None:
        return None
    if isinstance(value, bool) or not str(value).isdecimal() or not 0 < int(value) < _MAX_WINDOW:
        raise InputError(f"--{name} must be a number of steps of at least 1, not {value!r}.")
    return int(value)
