"""The reports: they show the comparison's own figures, in order, and hold together whatever is in it."""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest

from gatewright.report import html, plots, tables, terminal
from gatewright.results.measure import Measure
from gatewright.results.records import BaselineResult, CellResult, Comparison, Epoch, Evaluated, GradientNorms, Run
from gatewright.results.statistics import Interval, mean_interval
from gatewright.results.verdict import PairedTest

pytestmark = pytest.mark.slow  # trains networks to report on

ACCURACY = Measure("accuracy", "accuracy", "higher")
MSE = Measure("mse", "mean squared error", "lower")
NAMES = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def norms(cell, steps, decay, scale=0.02):
    """Gradients that shrink by `decay` a step."""
    h = tuple(scale * decay**step for step in range(steps))
    return GradientNorms({"h": h, "c": tuple(0.6 * value for value in h)} if cell == "lstm" else {"h": h})


def cell_result(cell, test, curve, *, name=None, decay=0.97, steps=200, measure="accuracy", seconds=12.0, rate=0.001):
    """A cell with one run for each value of `test`; `curve`: the validation measure by epoch."""
    better = max if measure == "accuracy" else min
    runs = []
    for seed, value in enumerate(test):
        factor = 1 + 0.01 * (seed - 1)
        validation = [point * factor for point in curve]
        epochs = tuple(Epoch(0.69 / (1 + number), {measure: point}, seconds) for number, point in enumerate(validation))
        chosen = validation.index(better(validation)) + 1
        before = norms(cell, steps, decay * 0.96 * factor)
        runs.append(Run(seed, rate, epochs, chosen, {measure: value}, before, norms(cell, steps, decay)))
    return CellResult(
        name or NAMES[cell], cell, 64, 1_313_409, rate, 47_100_000, mean_interval([seconds] * len(test)),
        {measure: mean_interval(test)}, tuple(runs),
    )  # fmt: skip


def comparison(cells, measure=ACCURACY, **changes):
    """A comparison of the cells, with tests between neighbours and against both baselines."""
    classify = measure is ACCURACY
    baseline = BaselineResult(
        "logistic regression", "counts of words, L2", {measure.name: 0.909 if classify else 0.16655}, 3.21
    )
    constant = BaselineResult(
        "constant", "always the most frequent class", {measure.name: 0.5 if classify else 0.16671}, 0.0
    )
    one = len(cells[0].runs) == 1
    tests = [
        PairedTest(
            first.name, second, 0.0052, None if one else 0.21, 0.0004, None if one else 0.42,
            second == "constant" and not one,
        )
        for first, second in [
            *((a, b.name) for a, b in zip(cells[1:], cells, strict=False)),
            *((cell, baseline.name) for cell in cells),
            *((cell, "constant") for cell in cells),
        ]
    ]  # fmt: skip
    return dataclasses.replace(
        Comparison(
            task="classify" if classify else "adding",
            data="imdb" if classify else "adding, 100 steps",
            settings={"epochs": 5, "learning_rates": [0.001], "dropout": None, "cells": ["gru", "lstm"]},
            unit="rows",
            sizes={"train": 20_000, "validation": 5_000, "test": 25_000},
            notes=("123 texts occur both among the training and the test texts.",),
            measures=(measure,),
            score_label="an answer nearer than 0.04 <to> the sum",
            cells=tuple(cells),
            baseline=baseline,
            constant=constant,
            tests=tuple(tests),
            verdict="No difference is shown between GRU and LSTM on these test texts.",
            machine={"processor": "AMD EPYC", "threads": "2"},
            seconds=1234.5,
        ),
        **changes,
    )


def imdb(seeds=3):
    return comparison(
        [
            cell_result("simple_rnn", [0.7712, 0.7588, 0.7801][:seeds], [0.62, 0.71, 0.76, 0.772, 0.768], decay=0.80),
            cell_result("lstm", [0.8601, 0.8630, 0.8577][:seeds], [0.79, 0.855, 0.862, 0.858, 0.85], decay=0.985),
            cell_result("gru", [0.8654, 0.8691, 0.8609][:seeds], [0.77, 0.86, 0.867, 0.866, 0.861], decay=0.975),
        ]
    )


def adding(epochs=40):
    def fall(start, end):
        return [start * (end / start) ** (epoch / max(1, epochs - 1)) for epoch in range(epochs)]

    kind = {"measure": "mse", "steps": 100}
    return comparison(
        [
            cell_result("simple_rnn", [0.1672, 0.1669, 0.1675], fall(0.171, 0.167), decay=0.6, **kind),
            cell_result("lstm", [0.00103, 0.00121, 0.00088], fall(0.17, 0.001), decay=0.97, **kind),
            cell_result("gru", [0.00042, 0.00021, 0.00029], fall(0.168, 0.0003), decay=0.99, **kind),
        ],
        MSE,
    )


def hostile():
    """Names, notes and settings that would break a page which trusts them, and a plot which reads $ as mathematics."""
    evil = '<script>alert("1")</script> & $x_$'
    cell = cell_result("gru", [0.8, 0.81], [0.7, 0.8], name=evil)
    return comparison(
        [cell],
        data=evil,
        notes=(evil,),
        settings={evil: evil},
        machine={evil: evil},
        verdict=evil,
        baseline=BaselineResult(evil + "2", evil, {"accuracy": 0.9}, 1.0),
        measures=(Measure("accuracy", evil, "higher"),),
    )


def broken_gradients():
    """Zeros, NaN, infinities, and a cell that has nothing else; a validation curve that is nowhere finite."""
    first, second = cell_result("gru", [0.5, 0.5], [0.5, 0.5]), cell_result("lstm", [0.5, 0.5], [math.nan, math.nan])

    def with_norms(cell, values):
        after = GradientNorms(dict.fromkeys(cell.runs[0].gradient_after.states, values))
        runs = tuple(dataclasses.replace(run, gradient_before=after, gradient_after=after) for run in cell.runs)
        return dataclasses.replace(cell, runs=runs)

    return comparison([with_norms(first, (1.0, 1e-30, 0.0, math.nan, math.inf)), with_norms(second, (0.0,) * 5)])


def nothing_reaches():
    found = broken_gradients()
    return dataclasses.replace(found, cells=found.cells[1:])


def twice():
    return comparison([cell_result("gru", [0.8, 0.82, 0.81], [0.7, 0.8], name=name) for name in ("GRU (1)", "GRU (2)")])


def many_cells():
    return comparison([cell_result("gru", [0.8, 0.9], [0.7, 0.8], name=f"GRU ({n})") for n in range(1, 9)])


def one_epoch():
    return comparison([cell_result("lstm", [0.8, 0.82, 0.81], [0.7])])


def uneven_epochs():
    found = comparison([cell_result("lstm", [0.8, 0.82, 0.81], [0.7, 0.8, 0.9, 0.8])])
    (cell,) = found.cells
    shorter = dataclasses.replace(cell.runs[0], epochs=cell.runs[0].epochs[:3])
    return dataclasses.replace(found, cells=(dataclasses.replace(cell, runs=(shorter, *cell.runs[1:])),))


EVERY = [
    imdb,
    adding,
    pytest.param(lambda: imdb(seeds=1), id="one_seed"),
    pytest.param(lambda: adding(epochs=1), id="adding_one_epoch"),
    pytest.param(lambda: adding(epochs=300), id="many_epochs"),
    one_epoch,
    uneven_epochs,
    twice,
    many_cells,
    hostile,
    broken_gradients,
    nothing_reaches,
]
every = pytest.mark.parametrize("make", EVERY)


class Page(HTMLParser):
    """The page's text, tables and attributes; fails where tags do not nest."""

    VOID = ("meta", "br", "hr", "link", "img", "input")

    def __init__(self, source):
        super().__init__()
        self.open, self.words, self.tables, self.attributes, self.tags = [], [], [], [], []
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if {"th", "td"} & set(self.open) and self.tables:
            self.tables[-1][-1][-1] += data

    @property
    def text(self):
        return "".join(self.words)


def drawings(source):
    return re.findall(r"<svg.*?</svg>", source, re.DOTALL)


def first_words(text):
    """The first word of each line of the main table."""
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("─")) + 1
    return [line.split()[0] for line in lines[start : lines.index("", start)]]


# Figures


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.00042, "0.000420"),
        (0.1667, "0.167"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (0, "0"),
        (-0.0123, "-0.0123"),
        (2.34e-7, "2.34e-07"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_significant(value, written):
    assert tables.significant(value) == written


@pytest.mark.parametrize(
    ("p", "written"),
    [
        (None, "–"),
        (0.0, "<0.001"),
        (0.00099, "<0.001"),
        (0.013, "0.013"),
        (1.0, "1.000"),
        (0.0499, "0.0499"),
        (0.05, "0.050"),
    ],
)
def test_p_value(p, written):
    assert tables.p_value(p) == written


def test_a_small_error_is_not_shown_as_zero():
    column = tables.results(adding()).outcomes[0].cells
    assert column[0].startswith("0.167 ± ")
    assert column[1].startswith("0.00104 ± 0.000")
    assert column[2].startswith("0.000307 ± 0.000")
    assert column[3:] == ("0.167", "0.167")
    assert tables.Format(None).interval(Interval(2e-7, 1e-7, 3e-7, ())) == "2.00e-07 ± 1.0e-07"
    assert tables.Format(None).interval(Interval(0.1667, 0.1664, 0.1670, ())) == "0.1667 ± 0.0003"
    assert tables.Format(None).interval(Interval(math.nan, math.nan, math.nan, ())) == "nan"
    assert tables.Format(None).interval(Interval(0.0, 0.0, 0.0, ())) == "0.000 ± 0.000"


def test_a_fourth_decimal_where_three_hide_something():
    def shown(*tests):
        cells = [cell_result("gru", test, [0.8], name=f"GRU ({number})") for number, test in enumerate(tests)]
        return tables.results(comparison(cells)).outcomes[0].cells

    assert shown([0.8], [0.9]) == ("0.800", "0.900", "0.909", "0.500")
    assert shown([0.8001], [0.8004]) == ("0.8001", "0.8004", "0.9090", "0.5000")
    assert shown([0.8, 0.80004])[0] == "0.8000 ± 0.0003"


def test_differences_have_signs_and_are_not_shown_as_zero():
    figures = tables.Format(3)
    assert [figures.difference(value) for value in (0.0124, -0.0124, 0.0, -0.00004)] == [
        "+0.012",
        "-0.012",
        "0.000",
        "-0.00004",
    ]
    assert tables.Format(None).difference(0.000421) == "+0.000421"
    assert tables.Format(None).difference(-0.166) == "-0.166"


# Tables


def test_the_main_table_holds_the_comparison():
    found = imdb()
    names, costs, outcomes = tables.results(found)
    assert names.cells == ("SimpleRNN", "LSTM", "GRU", "baseline: logistic regression", "constant baseline")
    assert [column.heading for column in costs] == ["units", "parameters", "seconds\nper epoch", "peak\nMB"]
    assert [column.cells[2] for column in costs] == ["64", "1,313,409", "12.0", "47.1"]
    assert [column.cells[3] for column in costs] == ["", "", "3.21", ""]
    gru = found.cells[2].test["accuracy"]
    assert outcomes[0].cells[2] == f"{gru.mean:.3f} ± {gru.high - gru.mean:.3f}"
    assert outcomes[0].cells[3:] == ("0.909", "0.500")
    assert outcomes[1].cells == ("4", "3", "3", "", "")


def test_chosen_epochs():
    def chosen(*epochs):
        cell = cell_result("gru", [0.5] * len(epochs), [0.5] * 9)
        runs = tuple(dataclasses.replace(run, chosen_epoch=n) for run, n in zip(cell.runs, epochs, strict=True))
        return tables.results(comparison([dataclasses.replace(cell, runs=runs)])).outcomes[-1].cells[0]

    assert chosen(4, 4, 4, 4) == "4"
    assert chosen(4, 2, 9) == "4, 2, 9"
    assert chosen(4, 2, 9, 3) == "2 to 9"


def test_the_learning_rate_is_shown_where_it_matters():
    def headings(found):
        return [column.heading for column in tables.results(found).costs]

    cells = [cell_result("gru", [0.5], [0.5]), cell_result("lstm", [0.5], [0.5], rate=0.003)]
    assert "learning\nrate" not in headings(imdb())
    assert "learning\nrate" in headings(comparison(cells))
    assert "learning\nrate" in headings(dataclasses.replace(imdb(), settings={"learning_rates": (0.001, 0.003)}))
    column = next(column for column in tables.results(comparison(cells)).costs if column.heading == "learning\nrate")
    assert column.cells == ("0.001", "0.003", "", "")


def test_paired_tests_stand_in_their_families():
    groups = tables.paired_tests(imdb())
    assert {group.title: [row.pair for row in group.rows] for group in groups} == {
        "Between cells": ["LSTM - SimpleRNN", "GRU - LSTM"],
        "Against baseline": ["SimpleRNN - baseline", "LSTM - baseline", "GRU - baseline"],
        "Against constant baseline": ["SimpleRNN - constant", "LSTM - constant", "GRU - constant"],
    }
    assert groups[0].rows[0][1:] == ("+0.005", "0.210", "<0.001", "0.420", "undecided", False)
    assert groups[2].rows[0].conclusion == "differs"
    assert [group.title for group in tables.paired_tests(one_epoch())] == [
        "Against baseline",
        "Against constant baseline",
    ]


def test_one_seed_has_no_interval_and_no_claim():
    found = imdb(seeds=1)
    (row, *_), *_ = (group.rows for group in tables.paired_tests(found))
    assert (row.t_p, row.adjusted_p, row.conclusion) == ("–", "–", "no claim")
    assert "±" not in terminal.text(found)
    words = Page(html.page(found)).text
    assert "±" not in words
    assert "no intervals" in words


# Text


@every
def test_text_fits_and_has_no_colour(make, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = terminal.text(make())
    assert max(map(len, text.split("\n"))) <= 100
    assert "\x1b" not in text
    assert not any(line != line.rstrip() for line in text.split("\n"))
    assert text == terminal.text(make())


def test_text_says_everything_in_order():
    found = imdb()
    text = terminal.text(found)
    assert text.startswith("classify, imdb: 20,000 training, 5,000 validation and 25,000 test rows\n")
    assert first_words(text) == ["SimpleRNN", "LSTM", "GRU", "baseline:", "constant"]
    for column in (*tables.results(found).costs, *tables.results(found).outcomes):
        assert all(cell in text for cell in column.cells)
    assert "mean over 3 seeds ± half of its 95% interval" in " ".join(text.split())
    parts = [
        text.index(part)
        for part in ("Between cells", "Against baseline", "Against constant baseline", "Note: 123 texts")
    ]
    assert parts == sorted(parts)
    assert text.split("\n\n")[-1] == found.verdict
    assert str(found) == text


def shown(found, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    terminal.show(found, stream)
    return stream.getvalue()


@every
def test_show_is_readable_at_80_columns(make, monkeypatch):
    found = make()
    output = shown(found, 80, monkeypatch)
    assert max(map(len, output.split("\n"))) <= 80
    for column in (*tables.results(found).costs, *tables.results(found).outcomes):
        assert all(cell in output for cell in column.cells), "a figure is broken over lines or cut"


def test_show_splits_a_table_that_is_too_wide(monkeypatch):
    found = imdb()
    output = shown(with_measures(found, 3), 80, monkeypatch)
    assert output.count("SimpleRNN  ") == shown(found, 80, monkeypatch).count("SimpleRNN  ") + 1
    assert output.index("measure 2") < output.index("parameters")


def with_measures(found, count):
    more = tuple(Measure(f"m{number}", f"measure {number}", "higher") for number in range(count))
    names = [measure.name for measure in more]

    def widened(test):
        return {**test, **dict.fromkeys(names, test["accuracy"])}

    cells = tuple(
        dataclasses.replace(
            cell,
            test=widened(cell.test),
            runs=tuple(
                dataclasses.replace(
                    run,
                    test=widened(run.test),
                    epochs=tuple(
                        dataclasses.replace(epoch, validation=widened(epoch.validation)) for epoch in run.epochs
                    ),
                )
                for run in cell.runs
            ),
        )
        for cell in found.cells
    )
    baseline, constant = (
        dataclasses.replace(model, test=widened(model.test)) for model in (found.baseline, found.constant)
    )
    measures = (ACCURACY, *more)
    return dataclasses.replace(found, cells=cells, baseline=baseline, constant=constant, measures=measures)


@pytest.mark.parametrize("width", [80, 100])
def test_show_cuts_no_figure_and_no_name_of_many_measures(width, monkeypatch):
    output = shown(with_measures(imdb(), 9), width, monkeypatch)
    assert "…" not in output
    assert all(f"measure {number}" in output for number in range(9))
    assert max(map(len, output.split("\n"))) <= width


def test_the_page_has_costs_in_a_table_of_their_own_where_measures_are_many():
    few, many = (html.page(with_measures(imdb(), count)) for count in (2, 9))
    tables_of = [page.split("<h2")[0].count("<table") for page in (few, many)]
    assert tables_of == [1, 2]


def test_show_is_coloured_in_a_terminal_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    terminal.show(imdb(), stream)
    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in shown(imdb(), 300, monkeypatch)
    assert max(map(len, shown(imdb(), 300, monkeypatch).split("\n"))) <= 100


# Page


@pytest.mark.parametrize("write", [html.page, html.fragment])
def test_html_is_the_same_each_time(write):
    assert write(imdb()) == write(imdb())


def test_fragment_is_whole_and_by_itself():
    check_whole_and_by_itself(html.fragment(hostile()))


@every
def test_page_is_whole_and_by_itself(make):
    check_whole_and_by_itself(html.page(make()))


def check_whole_and_by_itself(source):
    page = Page(source)
    assert "script" not in page.tags
    assert not {"src", "srcset", "data", "action"} & {name for name, _ in page.attributes}
    references = [value for name, value in page.attributes if name.endswith("href")]
    assert all(value.startswith("#") for value in references)
    assert "@import" not in source
    assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?([^)]*)\)", source))
    assert not any(name.startswith("on") for name, _ in page.attributes)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in references} <= set(ids)
    assert len(drawings(source)) == 2
    for drawing in drawings(source):
        assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"


def test_page_shows_the_figures_in_order():
    found = imdb()
    page = Page(html.page(found))
    main, tests, *epochs = page.tables
    names, costs, outcomes = tables.results(found)
    columns = [names, *costs, *outcomes]
    assert main[0] == [column.heading for column in columns]
    assert main[1:] == [[column.cells[row] for column in columns] for row in range(5)]
    expected = [line for group in tables.paired_tests(found) for line in ([group.title], *map(list, group.rows))]
    assert tests[1:] == [line[:6] for line in expected]
    assert len(epochs) == sum(len(cell.runs) for cell in found.cells)
    run = found.cells[0].runs[0]
    assert [row[0] for row in epochs[0][1:]] == ["1", "2", "3", "4", "5"]
    assert [row[2] for row in epochs[0][1:]] == [f"{epoch.validation['accuracy']:.3f}" for epoch in run.epochs]
    parts = [
        page.text.index(part) for part in (found.verdict, "parameters", "Hochreiter 1991", "sign test", "Settings")
    ]
    assert parts == sorted(parts)


def test_page_tells_all_settings_runs_and_the_machine():
    found = imdb()
    text = Page(html.page(found)).text
    for name in (*found.settings, *found.machine):
        assert name in text
    for value in ("gru, lstm", "none", "AMD EPYC", "counts of words, L2", "always the most frequent class"):
        assert value in text
    assert found.notes[0] in text
    for cell in found.cells:
        for run in cell.runs:
            words = f"seed {run.seed}, learning rate 0.001, chosen epoch {run.chosen_epoch}; test set: accuracy "
            assert f"{words}{run.test['accuracy']:.3f}" in text


def test_names_are_shown_as_they_are():
    found = hostile()
    source = html.page(found)
    assert "<script" not in source
    text = Page(source).text
    assert text.count(found.verdict) > 8
    assert found.verdict in Page(plots.svg(plots.gradients(found))).text


def test_fragment_styles_nothing_but_itself():
    (style,) = re.findall(r"<style[^>]*>(.*?)</style>", html.fragment(imdb()), re.DOTALL)
    selectors = [part.strip() for rule in re.findall(r"([^{}]+)\{", style) for part in rule.split(",")]
    assert all(selector.startswith(".gatewright") for selector in selectors)
    assert imdb()._repr_html_() == html.fragment(imdb())


def test_write(tmp_path):
    path = tmp_path / "report.html"
    html.write(imdb(), path)
    assert path.read_text(encoding="utf-8") == html.page(imdb())
    assert list(tmp_path.iterdir()) == [path]


# Pictures


@every
def test_pictures_can_be_drawn(make):
    plots.overview(make()).savefig(io.BytesIO(), format="png", dpi=30)


def lines(axes, cell_position):
    return [line for line in axes.get_lines() if line.get_color() == plots.colour(cell_position)]


def test_learning_curves_are_the_means():
    found = imdb()
    (axes,) = plots.learning_curves(found).axes
    for position, cell in enumerate(found.cells):
        mean, dots = lines(axes, position)
        values = [[epoch.validation["accuracy"] for epoch in run.epochs] for run in cell.runs]
        assert mean.get_xdata().tolist() == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(mean.get_ydata(), np.mean(values, axis=0))
        assert list(dots.get_xdata()) == [run.chosen_epoch for run in cell.runs]
        low, high = axes.collections[position].get_datalim(axes.transData).get_points()[:, 1]
        np.testing.assert_allclose((low, high), (np.min(values), np.max(values)))
    words = {text.get_text().replace("\n", " ") for text in axes.texts}
    assert words == {
        "SimpleRNN",
        "LSTM",
        "GRU",
        "logistic regression: 0.909 (test)",
        "constant baseline: 0.500 (test)",
    }


def test_the_axis_of_a_wide_error_is_logarithmic():
    assert plots.learning_curves(adding()).axes[0].get_yscale() == "log"
    assert plots.learning_curves(adding(epochs=1)).axes[0].get_yscale() == "linear"
    assert plots.learning_curves(imdb()).axes[0].get_yscale() == "linear"


@every
def test_labels_of_curves_stand_apart(make):
    figure = plots.learning_curves(make())
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    # Two pixels of a hundred an inch are the space between lines, not letters.
    assert all(above.y0 > below.y1 - 2 for below, above in itertools.pairwise(boxes))


def test_gradients_run_from_the_past_to_the_last_step():
    found = imdb()
    panels = plots.gradients(found).axes
    assert [panel.get_title() for panel in panels] == ["SimpleRNN", "LSTM", "GRU"]
    for panel in panels:
        assert panel.get_xlim() == (199, 0)
        assert panel.get_yscale() == "log"
    assert [len(lines(panel, position)) for position, panel in enumerate(panels)] == [2, 4, 2]
    before, after = lines(panels[2], 2)
    assert before.get_linestyle() == "--"
    np.testing.assert_allclose(after.get_ydata(), found.cells[2].runs[0].gradient_after.states["h"])
    assert after.get_xdata()[0] == 0


def test_vanished_gradients_lie_on_the_bottom_edge():
    panel = plots.gradients(broken_gradients()).axes[0]
    drawn = lines(panel, 0)[-1].get_ydata()
    assert drawn[:3].tolist() == [1.0, 1e-12, 1e-12]
    assert np.isnan(drawn[3:]).all()
    assert panel.get_ylim()[0] == 1e-12


def test_overview_holds_both():
    found = imdb()
    assert len(plots.overview(found).axes) == 1 + len(found.cells)
    assert len(found.plot().axes) == 1 + len(found.cells)
    assert plots.overview(found)._repr_svg_().startswith("<svg")


def test_svg_is_text_without_a_header_or_a_date():
    drawing = plots.svg(plots.learning_curves(imdb()))
    assert drawing.startswith("<svg")
    assert drawing.endswith("</svg>")
    assert "metadata" not in drawing
    assert "sans-serif" in drawing
    assert ">epoch</text>" in drawing


def test_the_callers_matplotlib_stays_as_it_was():
    program = """
import sys, matplotlib, test_report
from gatewright.report import plots
matplotlib.rcParams["axes.facecolor"] = "black"
before = dict(matplotlib.rcParams.copy())
backend = matplotlib.get_backend(auto_select=False)
drawing = plots.svg(plots.overview(test_report.imdb()))
assert "#000000" not in drawing
assert dict(matplotlib.rcParams.copy()) == before
assert matplotlib.get_backend(auto_select=False) == backend
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=__file__.rpartition("/")[0])


MEASURES = (Measure("macro_f1", "macro F1", "higher"), Measure("micro_f1", "micro F1", "higher"), ACCURACY)
SHARES = dict.fromkeys(("macro_f1", "micro_f1", "accuracy"), 0.5)


def multi_label(labels, confusion):
    return Evaluated("m", "d", "classify", "rows", 10, MEASURES, SHARES, SHARES, labels, confusion, multi_label=True)


def test_several_labels_have_a_row_each():
    found = str(multi_label(("sport", "never"), (((4, 1), (2, 3)), ((10, 0), (0, 0)))))
    assert found.index("macro F1") < found.index("micro F1") < found.index("accuracy")
    rows = [line.split() for line in found.split("\n")]
    assert ["label", "support", "precision", "recall", "F1"] in rows
    assert ["sport", "5", "0.7500", "0.6000", "0.6667"] in rows
    assert ["never", "0", "-", "-", "0.0000"] in rows
    assert max(map(len, found.split("\n"))) <= 80


@pytest.mark.parametrize("label", ["[/b]", "\0\x1b[31m\r\n", "\U0001f600, é", "a" * 500, "[red]x"])
def test_labels_may_be_anything(label):
    table = ((4, 1), (2, 3))
    one = Evaluated(
        "m", "d", "classify", "rows", 10, (ACCURACY,), {"accuracy": 0.5}, {"accuracy": 0.5}, (label, "b"), table
    )
    for found in map(str, (multi_label((label, "b"), (table, table)), one)):
        assert max(map(len, found.split("\n"))) <= 100
        assert "\x1b" not in found
        assert label[:3] in found or "\\x00" in found


def test_of_very_many_labels_there_is_no_table():
    labels = tuple(f"label{place}" for place in range(200))
    assert "label1" not in str(multi_label(labels, (((4, 1), (2, 3)),) * 200))


def test_figures_of_a_network_that_diverged_stay_short():
    figures = {"perplexity": 1.5e304}, {"perplexity": 999_999.0}
    measures = (Measure("perplexity", "perplexity", "lower"),)
    found = str(Evaluated("m", "d", "generate", "tokens", 10, measures, *figures, (), ()))
    assert "1.5e+304" in found
    assert "999999.0000" in found
