"""A comparison as a page of its own, and as a part of a notebook."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from gatewright.report import plots, tables
from gatewright.report.tables import Column
from gatewright.results.records import CellResult, Comparison, Run
from gatewright.support.files import atomically

# Columns of figures that a page has room for.
_COLUMNS_SIDE_BY_SIDE = 8

# Everything hangs on one class, so that a notebook's own elements keep their looks.
_STYLE = """
.gatewright {
  --ink: #1f2933; --soft: #5b6673; --rule: #dfe3e8; --paper: #ffffff; --shade: #f6f7f9; --yes: #0b7a4b;
  color: var(--ink); background: var(--paper); line-height: 1.55; font-size: 1rem;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
.gatewright h1 { margin: 0; font-size: 1rem; font-weight: 600; color: var(--soft); }
.gatewright h2 { margin: 3rem 0 .75rem; font-size: 1.15rem; font-weight: 600; line-height: 1.3; }
.gatewright h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; font-weight: 600; }
.gatewright p, .gatewright li, .gatewright dd { max-width: 44rem; }
.gatewright p { margin: .5rem 0; }
.gatewright ul { margin: .5rem 0; padding-left: 1.2rem; }
.gatewright .verdict { margin: .6rem 0 1rem; font-size: 1.6rem; font-weight: 500; line-height: 1.35; max-width: 46rem; }
.gatewright .soft, .gatewright figcaption { color: var(--soft); font-size: .9rem; }
.gatewright .wide { overflow-x: auto; margin: 1rem 0 .5rem; }
.gatewright table { border-collapse: collapse; margin: 0; font-size: .95rem; color: inherit; }
.gatewright th, .gatewright td {
  padding: .42rem 1.25rem .42rem 0; text-align: left; vertical-align: baseline; background: none;
}
.gatewright th:last-child, .gatewright td:last-child { padding-right: 0; }
.gatewright thead th {
  border-bottom: 1px solid var(--ink); font-weight: 500; font-size: .85rem; color: var(--soft); vertical-align: bottom;
}
.gatewright tbody th { font-weight: 600; min-width: 8rem; }
.gatewright tbody th, .gatewright tbody td { border-bottom: 1px solid var(--rule); }
.gatewright th.right, .gatewright td.right { text-align: right; }
.gatewright td { white-space: nowrap; }
.gatewright tr.simple th, .gatewright tr.simple td { color: var(--soft); font-weight: 400; }
.gatewright tr.family th { padding-top: 1.1rem; font-weight: 500; font-size: .85rem; color: var(--soft); }
.gatewright tr.chosen td { font-weight: 600; background: var(--shade); }
.gatewright td.yes { color: var(--yes); font-weight: 600; }
.gatewright td.no { color: var(--soft); }
.gatewright .key { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .55em; }
.gatewright figure { margin: 1.25rem 0 2.25rem; }
.gatewright .card {
  overflow-x: auto; background: #ffffff; border: 1px solid var(--rule); border-radius: 8px; padding: 1rem;
}
.gatewright .card svg {
  display: block; width: 100%; min-width: 32rem; max-width: 54rem; height: auto; margin: 0 auto;
}
.gatewright figcaption { margin-top: .6rem; max-width: 46rem; }
.gatewright details { border-top: 1px solid var(--rule); padding: .6rem 0; }
.gatewright details details { margin-left: 1rem; }
.gatewright summary { cursor: pointer; font-weight: 500; }
.gatewright dl {
  display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .3rem 1.5rem; margin: .75rem 0;
}
.gatewright dt { color: var(--soft); }
.gatewright dd { margin: 0; overflow-wrap: anywhere; }
"""

_PAGE_STYLE = """
body { margin: 0; background: #ffffff; }
.gatewright.page { max-width: 60rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
@media (max-width: 40rem) {
  .gatewright.page { padding-top: 1.5rem; }
  .gatewright .verdict { font-size: 1.3rem; }
  .gatewright dl { grid-template-columns: 1fr; gap: 0; }
  .gatewright dd { margin-bottom: .5rem; }
}
@media (prefers-color-scheme: dark) {
  body { background: #15191e; }
  .gatewright.page {
    --ink: #e6e9ed; --soft: #a3adb8; --rule: #333b44; --paper: #15191e; --shade: #20262d; --yes: #4cc38a;
  }
}
@media print {
  body { background: #ffffff; }
  .gatewright.page {
    --ink: #000000; --soft: #444444; --rule: #cccccc; --paper: #ffffff; --shade: #f2f2f2; --yes: #0b7a4b;
    max-width: none; padding: 0; font-size: 10pt;
  }
  .gatewright figure, .gatewright tr { break-inside: avoid; }
  .gatewright h2 { break-after: avoid; }
  .gatewright .wide, .gatewright .card { overflow: visible; }
  .gatewright .card svg { min-width: 0; }
}
"""


def page(comparison: Comparison) -> str:
    """The report as an HTML page that needs no other file and no network."""
    title = tables.title(comparison)
    body = [
        *_opening(comparison),
        *_main_table(comparison),
        *_pictures(comparison),
        *_paired_tests(comparison),
        *_reading(comparison),
        *_data(comparison),
        *_details(comparison),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}{_PAGE_STYLE}</style>",
            "</head>",
            "<body>",
            '<main class="gatewright page">',
            *body,
            "</main>",
            "</body>",
            "</html>\n",
        ]
    )


def fragment(comparison: Comparison) -> str:
    """Verdict, main table and pictures, for a notebook; its styles reach nothing else there."""
    return "\n".join(
        [
            f"<style>{_STYLE}</style>",
            '<div class="gatewright" style="padding: 1rem">',
            *_opening(comparison),
            *_main_table(comparison),
            *_pictures(comparison),
            "</div>\n",
        ]
    )


def write(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write the page to `path`, whole or not at all.

    Raises:
        OSError: where `path` can't be written.
    """
    with atomically(path) as temporary:
        temporary.write_text(page(comparison), encoding="utf-8")


def _opening(comparison: Comparison) -> list[str]:
    return [
        f"<h1>{escape(tables.title(comparison))}</h1>",
        f'<p class="verdict">{escape(comparison.verdict)}</p>',
        f'<p class="soft">{escape(tables.heading(comparison))}</p>',
    ]


def _main_table(comparison: Comparison) -> list[str]:
    """What came out, and what it cost; in two tables where one would be too wide."""
    names, costs, outcomes = tables.results(comparison)
    right = [(column, "right") for column in costs]
    left = [(column, "left") for column in outcomes]
    parts = [[*right, *left]] if len(right) + len(left) <= _COLUMNS_SIDE_BY_SIDE else [left, right]
    models = (comparison.baseline, comparison.chance)
    return [
        *(line for part in parts for line in _figures(comparison, names, part)),
        f'<p class="soft">{escape(tables.legend(comparison))}</p>',
        *(f'<p class="soft">{_labelled(model.name, model.description)}</p>' for model in models),
    ]


def _figures(comparison: Comparison, names: Column, columns: Sequence[tuple[Column, str]]) -> list[str]:
    rows = []
    for row, name in enumerate(names.cells):
        trained = row < len(comparison.cells)
        key = f'<span class="key" style="background: {plots.colour(row)}"></span>' if trained else ""
        figures = "".join(_cell(column.cells[row], side) for column, side in columns)
        kind = "cell" if trained else "simple"
        rows.append(f'<tr class="{kind}"><th scope="row">{key}{escape(name)}</th>{figures}</tr>')
    headings = "".join(_heading(column, side) for column, side in [(names, "left"), *columns])
    return _table(headings, rows)


def _pictures(comparison: Comparison) -> list[str]:
    measure = comparison.measures[0]
    count = tables.seeds(comparison)
    of_seeds = (
        f"A line is the mean over {count} seeds and its band runs from the lowest seed to the highest; a dot is the "
        "epoch that was chosen for a seed, with whose weights it was tested."
        if count > 1
        else "One seed; the dot is the chosen epoch, with whose weights it was tested."
    )
    learning = (
        f"How well each cell does on the validation rows after each epoch, by {measure.title}; {measure.better} is "
        f"better. {of_seeds} The thin lines across are the baseline and chance on the test rows, for orientation: "
        "they were measured on other rows than the curves."
    )
    through_time = (
        "How strongly the state at each earlier step still moves the loss at the end, from the past on the left to "
        "the last step on the right; the scale is logarithmic, and what is below 10⁻¹² of the largest lies on the "
        "bottom edge. Where a curve "
        "falls towards nothing, an error at the end no longer reaches, and the cell can't learn from what stood "
        "there: the vanishing gradient (Hochreiter 1991; Bengio, Simard and Frasconi 1994). Gates were made to keep "
        "the curve up. Dashed is before training, solid is after; a thin line is the same for an LSTM's cell state c; "
        "bands run from the lowest seed to the highest."
    )
    return [
        *_section("Learning"),
        *_picture(plots.svg(plots.learning_curves(comparison)), learning),
        *_section("How far back an error reaches"),
        *_picture(plots.svg(plots.gradients(comparison)), through_time),
    ]


def _picture(drawing: str, caption: str) -> list[str]:
    return [
        "<figure>",
        f'<div class="card">{drawing}</div>',
        f"<figcaption>{escape(caption)}</figcaption>",
        "</figure>",
    ]


def _paired_tests(comparison: Comparison) -> list[str]:
    groups = tables.paired_tests(comparison)
    if not groups:
        return []
    columns = ("difference", "t test, p", "sign test, p", "adjusted p")
    headings = "".join(_heading(Column(words, ()), "right") for words in columns)
    rows = []
    for group in groups:
        rows.append(f'<tr class="family"><th colspan="6" scope="colgroup">{escape(group.title)}</th></tr>')
        for row in group.rows:
            figures = (row.difference, row.t_p, row.sign_p, row.adjusted_p)
            conclusion = f'<td class="{"yes" if row.differs else "no"}">{escape(row.conclusion)}</td>'
            cells = "".join(_cell(figure, "right") for figure in figures)
            rows.append(f'<tr><th scope="row">{escape(row.pair)}</th>{cells}{conclusion}</tr>')
    return [
        *_section("Which differences hold"),
        f'<p class="soft">{escape(tables.differences(comparison))}</p>',
        *_table(f"<th></th>{headings}<th></th>", rows),
        "<p>The <b>t test over seeds</b> asks whether the difference would come again with other initial weights and "
        "another order of rows. The <b>sign test</b> asks whether it would come again on other test rows: it counts "
        f"the rows on which one of the two is better, which means: {escape(comparison.right)}.</p>",
        f"<p>{escape(tables.CLAIM)}</p>",
    ]


def _reading(comparison: Comparison) -> list[str]:
    count = tables.seeds(comparison)
    if count == 1:
        sentences = (
            "Each cell was trained once. Another seed would give another figure, and one run can't say how "
            "different: there are no intervals here, and no difference is claimed. Use at least three seeds."
        )
    else:
        sentences = (
            f"The figure before ± is the mean over {count} seeds, the one after it is half of the 95% interval by "
            "Student's t. It says how surely these seeds tell the mean over all seeds, with these training rows and "
            "on these test rows. It doesn't say how well another sample of rows would do. Don't judge by whether "
            "two intervals overlap: the seeds and rows are shared, and the paired tests use that."
        )
    return [*_section("How to read the intervals"), f"<p>{sentences}</p>"]


def _data(comparison: Comparison) -> list[str]:
    if not comparison.notes:
        return []
    notes = "".join(f"<li>{escape(note)}</li>" for note in comparison.notes)
    return [*_section("Notes on the data"), f"<ul>{notes}</ul>"]


def _details(comparison: Comparison) -> list[str]:
    runs = [part for cell in comparison.cells for part in _runs_of(cell, comparison)]
    machine = {**comparison.machine, "seconds of all runs together": tables.significant(comparison.seconds)}
    return [
        *_section("All that was run"),
        *_folded("Settings", _definitions(comparison.settings)),
        *_folded("Runs", runs),
        *_folded("Machine", _definitions(machine)),
    ]


def _runs_of(cell: CellResult, comparison: Comparison) -> list[str]:
    parts = [f"<h3>{escape(cell.name)}</h3>"]
    for run in cell.runs:
        tested = ", ".join(
            f"{measure.title} {tables.figures(comparison, measure).number(run.test[measure.name])}"
            for measure in comparison.measures
        )
        summary = (
            f"seed {run.seed}, learning rate {run.learning_rate:g}, chosen epoch {run.chosen_epoch}; "
            f"on the test rows: {tested}"
        )
        parts += _folded(summary, _epochs(run, comparison))
    return parts


def _epochs(run: Run, comparison: Comparison) -> list[str]:
    headings = [
        "epoch",
        "training loss",
        *(f"validation {measure.title}" for measure in comparison.measures),
        "seconds",
    ]
    writers = [(measure.name, tables.figures(comparison, measure)) for measure in comparison.measures]
    rows = []
    for number, epoch in enumerate(run.epochs, 1):
        figures = [
            str(number),
            tables.significant(epoch.loss, 4),
            *(write.number(epoch.validation[name]) for name, write in writers),
            tables.significant(epoch.seconds),
        ]
        kind = ' class="chosen"' if number == run.chosen_epoch else ""
        rows.append(f"<tr{kind}>{''.join(_cell(figure, 'right') for figure in figures)}</tr>")
    return _table("".join(_heading(Column(words, ()), "right") for words in headings), rows)


def _section(words: str) -> list[str]:
    return [f"<h2>{escape(words)}</h2>"]


def _folded(summary: str, inside: Sequence[str]) -> list[str]:
    return [f"<details><summary>{escape(summary)}</summary>", *inside, "</details>"]


def _definitions(facts: dict[str, Any]) -> list[str]:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_plain(value))}</dd>" for name, value in facts.items())
    return [f"<dl>{items}</dl>"]


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def _table(headings: str, rows: Iterable[str]) -> list[str]:
    # The focus lets a keyboard scroll what does not fit on a narrow screen.
    return [
        '<div class="wide" tabindex="0"><table>',
        f"<thead><tr>{headings}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody>",
        "</table></div>",
    ]


def _heading(column: Column, side: str) -> str:
    return f'<th scope="col" class="{side}">{escape(column.heading)}</th>'


def _cell(figure: str, side: str) -> str:
    return f'<td class="{side}">{escape(figure)}</td>'


def _labelled(name: str, description: str) -> str:
    return f"{escape(name)}: {escape(description)}"
