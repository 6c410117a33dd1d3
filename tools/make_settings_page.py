"""Write docs/reference/settings.md, the settings of all commands; --check only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gatewright.commands.flags import shown_default
from gatewright.tasks import registry
from gatewright.tasks.base.settings import GROUPS, SettingField, setting_fields
from gatewright.tasks.base.spec import Option, TaskSpec

_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
_HEAD = """# Settings

`make docs` writes this page from the settings of the tasks.

Every setting is a flag of `gatewright train TASK` (`--word-dropout 0.2`), a keyword of `gatewright.train` and of the
task's own function (`word_dropout=0.2`), and a key of the TOML file that `--config` names (`word_dropout = 0.2`). Flags
and keywords take precedence over the file. Yes-or-no settings have a second flag: `--no-bidirectional`.

`gatewright compare` has the same settings. Its defaults are those of plain networks and differ where the third column
says so; a dash means that it does not have the setting. It takes several values of `cell`, `learning_rate` and `seed`
with `--cells`, `--learning-rates` and `--seeds`.
"""


def page() -> str:
    """Return the text of the page."""
    lines = [_HEAD.rstrip()]
    for command, specs in registry.commands().items():
        for spec in specs:
            lines += _section(f"`gatewright train {command}`, for {spec.examples}", spec)
    for spec in registry.compare_only():
        lines += _section(f"`gatewright compare {spec.example}`", spec)
    for spec in registry.TASKS:
        if spec.decoding is not None:
            lines += ["", f"## `gatewright generate`, for models of {spec.examples}"]
            lines += ["", "| flag | default | |", "|---|---|---|"]
            lines += [
                _row(field.flag, shown_default(field), field.about.help) for field in setting_fields(spec.decoding)
            ]
    return "\n".join(lines) + "\n"


def _section(title: str, spec: TaskSpec) -> Iterator[str]:
    yield from ("", f"## {title}", "", spec.summary)
    if spec.options:
        yield from ("", "### Options of the data", "", "| flag | |", "|---|---|", *_options(spec.options))
    for group in GROUPS:
        fields = [field for field in setting_fields(spec.settings) if field.about.group == group]
        if not fields:
            continue
        columns = ["default", "in comparisons"] if spec.command else ["default"]
        yield from (
            "",
            f"### {group.capitalize()}",
            "",
            f"| flag | {' | '.join(columns)} | |",
            "|---" * len(columns) + "|---|---|",
        )
        for field in fields:
            defaults = [shown_default(field), _in_comparisons(field)] if spec.command else [_in_comparisons(field)]
            yield _row(field.flag, *defaults, field.about.help)


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        yield _row(f"{option.flag} {option.metavar}", option.help)


def _in_comparisons(field: SettingField) -> str:
    if field.comparable:
        return shown_default(field, compare=True)
    if not field.about.swept:
        return "-"
    flag = f"`--{field.about.swept.replace('_', '-')}`"
    return f"{shown_default(field, compare=True)} ({flag})" if field.about.swept == "learning_rates" else flag


def _row(flag: str, *cells: str) -> str:
    return " | ".join([f"| `{flag}`", *(cell.replace("|", r"\|") for cell in cells)]) + " |"


def main() -> int:
    """Write or check the page; return 1 if it is not current."""
    if "--check" in sys.argv[1:]:
        if not _PAGE.exists() or _PAGE.read_text(encoding="utf-8") != page():
            print(f"{_PAGE.name} is not current: run `make docs`.", file=sys.stderr)
            return 1
        return 0
    _PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
