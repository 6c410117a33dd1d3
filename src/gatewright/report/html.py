"""Show a comparison as an HTML page or as a fragment for a notebook."""

import os
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from gatewright.report import plots, tables
from gatewright.report.tables import Column
from gatewright.results.bootstrap import RESAMPLES
from gatewright.results.records import CellResult, Comparison, Run
from gatewright.support.escapes import escape_lines
from gatewright.support.files import atomically

# Columns of numbers that fit side by side on a page.
_MAX_COLUMNS = 8

# All rules apply below one class, so that they do not change other elements of a notebook.
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
.gatewright .verdict { margin: .6rem 0 1rem; font-size: 1.3rem; font-weight: 500; line-height: 1.4; max-width: 46rem; }
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
.gatewright tr.baseline th, .gatewright tr.baseline td { color: var(--soft); font-weight: 400; }
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
  .gatewright .verdict { font-size: 1.15rem; }
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
    """Return the report as one HTML page that includes its plots and styles. Control characters are escaped."""
    return _joined(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(tables.title(comparison))}</title>",
            f"<style>{_STYLE}{_PAGE_STYLE}</style>",
            "</head>",
            "<body>",
            '<main class="gatewright page">',
            *_opening(comparison),
            *_main_table(comparison),
            *_plots(comparison),
            *_paired_tests(comparison),
            *_reading(comparison),
            *_data(comparison),
            *_details(comparison),
            "</main>",
            "</body>",
            "</html>\n",
        ]
    )


def _joined(lines: Sequence[str]) -> str:
    return escape_lines("\n".join(lines))


def fragment(comparison: Comparison) -> str:
    """Return the verdict, the main table and the plots as an HTML fragment. Its styles do not affect the notebook."""
    return _joined(
        [
            f"<style>{_STYLE}</style>",
            '<div class="gatewright" style="padding: 1rem">',
            *_opening(comparison),
            *_main_table(comparison),
            *_plots(comparison),
            "</div>\n",
        ]
    )


def write(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write the report as an HTML page to `path`. If this fails, an existing file is unchanged.

    Raises:
        OSError: `path` cannot be written.
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
    """Return the main table as lines of HTML, split into two tables (metrics and costs) if it would be too wide."""
    names, costs, outcomes = tables.results(comparison)
    right = [(column, "right") for column in costs]
    left = [(column, "left") for column in outcomes]
    groups = [[*right, *left]] if len(right) + len(left) <= _MAX_COLUMNS else [left, right]
    models = {comparison.baseline.name: comparison.baseline, "constant baseline": comparison.constant}
    return [
        *(line for group in groups for line in _numbers(comparison, names, group)),
        f'<p class="soft">{escape(tables.legend(comparison))}</p>',
        *(f'<p class="soft">{escape(f"{name}: {model.description}.")}</p>' for name, model in models.items()),
    ]


def _numbers(comparison: Comparison, names: Column, columns: Sequence[tuple[Column, str]]) -> list[str]:
    rows = []
    for row, name in enumerate(names.cells):
        is_cell = row < len(comparison.cells)
        key = f'<span class="key" style="background: {plots.colour(row)}"></span>' if is_cell else ""
        numbers = "".join(_cell(column.cells[row], side) for column, side in columns)
        kind = "cell" if is_cell else "baseline"
        rows.append(f'<tr class="{kind}"><th scope="row">{key}{escape(name)}</th>{numbers}</tr>')
    headings = "".join(_heading(column, side) for column, side in [(names, "left"), *columns])
    return _table(headings, rows)


def _plots(comparison: Comparison) -> list[str]:
    measure = comparison.measures[0]
    count = tables.seeds(comparison)
    seeds = (
        f"A line is the mean over {count} seeds, and its band runs from the lowest seed to the highest. Each dot is "
        "the chosen epoch of one seed; the weights of that epoch are tested."
        if count > 1
        else "One seed. The dot is the chosen epoch; the weights of that epoch are tested."
    )
    learning = (
        f"Validation {measure.title} of each cell after each epoch; {measure.better} is better. {seeds} The dotted "
        "horizontal lines are the two baselines on the test set. They are only a rough guide, because the curves show "
        "the validation set."
    )
    through_time = (
        "How strongly the state at each earlier time step affects the loss, from the first step on the left to the "
        "last one on the right. The scale is logarithmic; values below 10⁻¹² of the largest one are drawn on the "
        "bottom edge. If a curve falls towards zero, the cell cannot learn from the input at those steps. This is the "
        "vanishing gradient (Hochreiter 1991; Bengio, Simard and Frasconi 1994), which gates were designed to prevent. "
        "Dashed lines are before training, solid lines after it. A thin line is the cell state c of an LSTM. Bands run "
        "from the lowest seed to the highest."
    )
    return [
        *_section("Learning curves"),
        *_figure(plots.svg(plots.learning_curves(comparison)), learning),
        *_section("Gradients through time"),
        *_figure(plots.svg(plots.gradients(comparison)), through_time),
    ]


def _figure(drawing: str, caption: str) -> list[str]:
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
    over_examples = "paired bootstrap" if tables.has_bootstrap(comparison) else "sign test"
    columns = ("difference", "t test, p", f"{over_examples}, p", "adjusted p")
    headings = "".join(_heading(Column(words, ()), "right") for words in columns)
    rows = []
    for group in groups:
        rows.append(f'<tr class="family"><th colspan="6" scope="colgroup">{escape(group.title)}</th></tr>')
        for row in group.rows:
            numbers = (row.difference, row.t_p, row.examples_p, row.adjusted_p)
            conclusion = f'<td class="{"yes" if row.differs else "no"}">{escape(row.conclusion)}</td>'
            cells = "".join(_cell(number, "right") for number in numbers)
            rows.append(f'<tr><th scope="row">{escape(row.pair)}</th>{cells}{conclusion}</tr>')
    return [
        *_section("Paired tests"),
        f'<p class="soft">{escape(tables.differences(comparison))}</p>',
        *_table(f"<th></th>{headings}<th></th>", rows),
        "<p>The <b>t test over seeds</b> asks whether the difference would appear again with other initial weights and "
        f"another order of the training examples. {_over_examples(comparison)}</p>",
        f"<p>{escape(tables.CLAIM)}</p>",
    ]


def _over_examples(comparison: Comparison) -> str:
    """Return sentences that explain the test over test examples."""
    asks = "asks whether it would appear again on other test examples"
    if tables.has_bootstrap(comparison):
        return (
            f"The <b>paired bootstrap</b> (Koehn 2004) {asks}. It computes the {escape(comparison.measures[0].title)} "
            f"of both on the same {RESAMPLES:,} samples of the test set, drawn with replacement. The interval "
            "contains 95% of the differences."
        )
    return (
        f"The <b>sign test</b> {asks}. It counts the examples on which one of the two is better, which means: "
        f"{escape(comparison.score_label)}."
    )


def _reading(comparison: Comparison) -> list[str]:
    count = tables.seeds(comparison)
    sentences = (
        "Each cell was trained once. Another seed would give another result, and one run cannot show how different "
        "it would be. So there are no intervals, and no difference is claimed. Use at least three seeds."
        if count == 1
        else f"The number before ± is the mean over {count} seeds, and the number after it is half of the 95% interval "
        "by Student's t. The interval shows how precisely these seeds estimate the mean over all seeds, for this "
        "training set and this test set. It does not cover other samples of data. Do not judge by whether two "
        "intervals overlap: the cells share seeds and data, and the paired tests make use of that."
    )
    return [*_section("How to read the intervals"), f"<p>{sentences}</p>"]


def _data(comparison: Comparison) -> list[str]:
    if not comparison.notes:
        return []
    notes = "".join(f"<li>{escape(note)}</li>" for note in comparison.notes)
    return [*_section("Notes on the data"), f"<ul>{notes}</ul>"]


def _details(comparison: Comparison) -> list[str]:
    runs = [line for cell in comparison.cells for line in _runs_of(cell, comparison)]
    machine = {**comparison.machine, "seconds of all runs": tables.significant(comparison.seconds)}
    return [
        *_section("Details"),
        *_folded("Settings", _definitions(comparison.settings)),
        *_folded("Runs", runs),
        *_folded("Machine", _definitions(machine)),
    ]


def _runs_of(cell: CellResult, comparison: Comparison) -> list[str]:
    lines = [f"<h3>{escape(cell.name)}</h3>"]
    for run in cell.runs:
        tested = ", ".join(
            f"{measure.title} {tables.format_of(comparison, measure).number(run.test[measure.name])}"
            for measure in comparison.measures
        )
        summary = (
            f"seed {run.seed}, learning rate {run.learning_rate:g}, chosen epoch {run.chosen_epoch}; test set: {tested}"
        )
        lines += _folded(summary, _epochs(run, comparison))
    return lines


def _epochs(run: Run, comparison: Comparison) -> list[str]:
    headings = [
        "epoch",
        "training loss",
        *(f"validation {measure.title}" for measure in comparison.measures),
        "seconds",
    ]
    formats = [(measure.name, tables.format_of(comparison, measure)) for measure in comparison.measures]
    rows = []
    for number, epoch in enumerate(run.epochs, 1):
        numbers = [
            str(number),
            tables.significant(epoch.loss, 4),
            *(number_format.number(epoch.validation[name]) for name, number_format in formats),
            tables.significant(epoch.seconds),
        ]
        kind = ' class="chosen"' if number == run.chosen_epoch else ""
        rows.append(f"<tr{kind}>{''.join(_cell(number, 'right') for number in numbers)}</tr>")
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
    # The tab index lets the keyboard scroll a table that does not fit on a narrow screen.
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


def _cell(text: str, side: str) -> str:
    return f'<td class="{side}">{escape(text)}</td>'
