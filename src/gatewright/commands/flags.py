"""The parser of the command line, and flags that several commands share."""

import argparse
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from gatewright.data.limits import DEFAULT_GIGABYTES
from gatewright.support.escapes import one_line
from gatewright.tasks.base.settings import GROUPS, SettingField, SettingsTable, setting_fields
from gatewright.tasks.base.spec import Option

MAX_INPUT_HELP = (
    f"Maximum size of an input file or archive after decompression, in GB (default: {DEFAULT_GIGABYTES:g})."
)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter of help texts with wide columns, so that most options fit on one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=min(shutil.get_terminal_size().columns, 120) - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)  # flags and names stay whole


class Parser(argparse.ArgumentParser):
    """An argument parser whose error messages have the same form as all others: one sentence on what is wrong."""

    def __init__(self, **about: Any) -> None:
        super().__init__(formatter_class=_HelpFormatter, **about)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gatewright: {one_line(f'{message} (see {self.prog} --help)')}\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if sys.stdout is not None:  # so that `main` can report that the help cannot be written
            sys.stdout.flush()
        super().exit(status, message)


def add_json(parser: Any) -> None:
    """Add the flag `--json`, which prints the result as JSON."""
    parser.add_argument("--json", action="store_true", help="Print the result as one JSON object.")


def add_no_cache(parser: Any) -> None:
    """Add the flag `--no-cache`, which keeps no compiled programs for later commands and uses none."""
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="Compile everything again: neither use nor keep compiled programs in the user's cache.",
    )


def add_splits(parser: Any) -> None:
    """Add the flags `--validation`, `--test`, `--limit` and `--max-input`."""
    default = "default: the one in DATA, or examples set aside from DATA"
    parser.add_argument("--validation", metavar="DATA", help=f"Data for the validation set ({default}).")
    parser.add_argument("--test", metavar="DATA", help=f"Data for the test set ({default}).")
    parser.add_argument(
        "--limit",
        metavar="N",
        type=whole_number,
        help="Use at most N training examples and at most N test examples, for a quick trial.",
    )
    add_max_input(parser)


def add_max_input(parser: Any) -> None:
    """Add the flag `--max-input`."""
    parser.add_argument("--max-input", metavar="GB", type=number, help=MAX_INPUT_HELP)


def add_options(parser: Any, options: Iterable[Option]) -> None:
    """Add a flag for each option that describes the data, such as the name of a column."""
    for option in options:
        kind = whole_number if option.is_number else str
        text = option.help.replace("%", "%%")
        parser.add_argument(option.flag, dest=option.name, metavar=option.metavar, type=kind, help=text)


def add_settings(
    parser: Any,
    tables: Mapping[str, type[SettingsTable]],
    compare: bool = False,
    groups: Mapping[str, Any] | None = None,
) -> None:
    """Add a flag for each setting, in groups.

    Unless `compare` is True, settings that the first class in `tables` does not have get a separate group.

    Args:
        parser: The parser.
        tables: The settings class for each kind of examples, such as "texts". The most general class is first.
        compare: Add only the settings that a comparison has, and show their defaults in a comparison.
        groups: Argument groups that `parser` already has, by title. Flags are added to them.
    """
    fields: dict[str, list[tuple[str, SettingField]]] = {}
    for examples, table in tables.items():
        for field in setting_fields(table):
            if field.comparable or not compare:
                fields.setdefault(field.name, []).append((examples, field))
    general, *others = tables
    found: dict[str, Any] = dict(groups or {})
    for title in (*GROUPS, *others):
        for owners in fields.values():
            examples, field = owners[0]
            own = field.about.group if examples == general or compare else examples
            if own == title:
                if title not in found:
                    found[title] = parser.add_argument_group(title if title in GROUPS else f"only for {title}")
                _add_setting(found[title], field, _default_text(owners, compare))


def _default_text(owners: Sequence[tuple[str, SettingField]], compare: bool) -> str:
    """Return the text for the default of a setting. If it depends on the kind of examples, list all defaults."""
    texts = [(examples, shown_default(field, compare)) for examples, field in owners]
    if len({text for _, text in texts}) == 1:
        return texts[0][1]
    return "; ".join([texts[0][1], *(f"{examples}: {text}" for examples, text in texts[1:] if text != texts[0][1])])


def shown_default(field: SettingField, compare: bool = False) -> str:
    """Return the text for the default of a setting in training, or in a comparison if `compare` is True."""
    default = field.compare_default if compare else field.default
    if default is None:
        return field.about.default_text or "depends on the data"
    if field.kind == "floats":
        return ",".join(map(str, default))
    return str(default).lower() if field.kind == "bool" else str(default)


def _add_setting(group: Any, field: SettingField, default: str) -> None:
    text = field.about.help.rstrip(".")
    if not all(choice in text for choice in field.about.choices):
        text += f": {', '.join(field.about.choices)}"
    text = f"{text} (default: {default})."
    about: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text.replace("%", "%%")}
    if field.kind == "bool":
        group.add_argument(field.flag, action=argparse.BooleanOptionalAction, **about)
        return
    kinds: dict[str, tuple[str, Callable[[str], Any]]] = {
        "int": ("N", whole_number),
        "float": ("X", number),
        "str": ("NAME", str),
        "floats": ("X,Y,...", numbers),
    }
    metavar, convert = kinds[field.kind]
    group.add_argument(field.flag, metavar=metavar, type=convert, **about)


def names(text: str) -> list[str]:
    """Return the names in a text that are separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def numbers(text: str) -> list[float]:
    """Return the numbers in a text that are separated by commas."""
    try:
        return [float(name) for name in names(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers separated by commas, not {text!r}") from None
