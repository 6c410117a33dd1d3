"""Write a page of the results on series, tags and piano rolls, next to baselines and published figures.

    python examples/sequences.py

Reads the records in docs/results and writes docs/results/sequences.md and docs/results/sequences.png.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ett import PUBLISHED
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatewright.results.statistics import mean_interval
from gatewright.support import plot_style as style
from gatewright.support.files import atomically

_RESULTS = Path(__file__).parents[1] / "docs" / "results"


class Row(NamedTuple):
    """One metric of a record that `make result-NAME` writes, and the published figure."""

    name: str
    title: str
    metric: str
    metric_title: str
    published: str


_ROWS = (
    Row("japanese-vowels", "Japanese vowels, speakers", "accuracy", "accuracy", "0.98 to 1.00; LSTM-FCN 0.99"),
    Row("digits", "digits as eight steps", "accuracy", "accuracy", ""),
    Row("atis", "ATIS, slots", "span_f1", "span F1", "0.9420 to 0.9489 (BiLSTM, 2014 to 2015)"),
    Row("atis", "ATIS, intents", "intent_accuracy", "accuracy", ""),
    Row("ewt", "English Web Treebank, parts of speech", "accuracy", "accuracy", "0.88 (BiLSTM, an older release)"),
    Row("jsb", "JSB chorales", "nll", "nats per step", "8.54 (GRU, Chung 2014); 8.43 (Bai 2018)"),
    Row("nottingham", "Nottingham", "nll", "nats per step", "3.23 (GRU, Chung 2014)"),
)
# Chung et al. 2014, "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling", table 2.
_CHUNG = {
    "jsb": {"GRU": 8.54, "LSTM": 8.67, "SimpleRNN": 9.10},
    "nottingham": {"GRU": 3.23, "LSTM": 3.20, "SimpleRNN": 3.13},
}


def main() -> None:
    with atomically(_RESULTS / "sequences.md") as path:
        path.write_text(page(), encoding="utf-8")
    with style.plot_style(), atomically(_RESULTS / "sequences.png") as path:
        picture().savefig(path, dpi=130, format="png")


def page() -> str:
    """Return the page as Markdown."""
    processor = _machine(_runs("atis"))["processor"]
    return f"""# Series, tags and piano rolls

Figures are means over seeds on the test set, with 95% intervals.
The test set was not used to choose anything.
Each baseline was fitted to the same data as the network.
The command in a row repeats its record, seed by seed, and can be interrupted.
The records list the settings, every epoch, and the trials that came before.
Minutes are those of one seed, on one thread of a shared {processor} that also did other work.
`make docs` writes this page.

![Squared error on ETTh1 by horizon, and nats per step of two sets of piano rolls by cell](sequences.png)

{_table(_COLUMNS, map(_row, _ROWS))}

Fewer nats per step are better.
Chung's GRU has 46 units; the last table below has networks of that size.

## ETTh1, all seven variables, squared error

`make result-ett-h1` repeats all rows.
SegRNN as published (Lin et al. 2023) has one GRU with 512 units; the networks here have fewer.
Settings were chosen on the validation set.
The test errors were known between rounds of trials, all of which [the record](ett-h1.md) lists.

{_table(_ETT_COLUMNS, map(_ett_row, PUBLISHED))}

The linear map is the exact least-squares map of the window relative to its last value.
Its penalty is chosen on the validation set.
Windows overlap, so the test uses only windows that share no step.
It shows no difference between SegRNN and the linear map at any horizon.

## Piano rolls: the table of Chung et al. 2014

Three cells with as many parameters as a GRU with 46 units are trained with Adam at one learning rate.
There is no dropout; on Nottingham there is a weight decay of 0.1.
The best epoch is chosen on the validation set.
The published networks were trained with RMSProp and weight noise.

{_table(_CHUNG_COLUMNS, map(_chung_row, _CHUNG))}
"""


_COLUMNS = "data | metric | network | seeds | baseline | published | minutes per seed | commit | command"
_ETT_COLUMNS = (
    "look-back | horizon | seeds | SegRNN here | SegRNN as published | linear map | plain GRU from 96 | "
    "seasonal naive | minutes per seed | commit"
)
_CHUNG_COLUMNS = "data | GRU | LSTM | SimpleRNN (tanh) | logistic regression on the last frames | commit | command"


def _table(columns: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {columns} |", f"|{'---|' * len(columns.split(' | '))}", *rows])


def _runs(name: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads((_RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return runs


def _machine(runs: list[dict[str, Any]]) -> dict[str, Any]:
    machine: dict[str, Any] = runs[-1]["machine"]
    return machine


def _mean(figures: Iterable[float], digits: int = 3) -> str:
    mean = mean_interval(list(figures))
    return f"{mean.mean:.{digits}f}" + ("" if mean.high is None else f" ± {mean.high - mean.mean:.{digits}f}")


def _row(row: Row) -> str:
    runs = _runs(row.name)
    cells = [
        f"[{row.title}]({row.name}.md)",
        row.metric_title,
        f"**{_mean((run['test'][row.metric] for run in runs), 4)}**",
        str(len(runs)),
        f"{runs[-1]['baseline'][row.metric]:.4f}",
        row.published,
        f"{max(run['seconds'] for run in runs) / 60:.1f}",
        _machine(runs)["commit"],
        f"`make result-{row.name}`",
    ]
    return f"| {' | '.join(cells)} |"


def _ett(look_back: int, horizon: int, decoding: str) -> list[dict[str, Any]]:
    wanted = {"look_back": look_back, "horizon": horizon, "decoding": decoding}
    return [run for run in _runs("ett-h1") if wanted.items() <= run["settings"].items()]


def _baselines(run: dict[str, Any]) -> tuple[float, float]:
    """Return the squared error of the linear map, and of the seasonal naive forecast."""
    known = {run["baseline_name"].split(":")[0]: run["baseline"], **run["other_baselines"]}
    linear = known.pop("a linear map")["mse"]
    (naive,) = known.values()
    return linear, naive["mse"]


def _ett_row(place: tuple[int, int]) -> str:
    look_back, horizon = place
    runs, plain = _ett(look_back, horizon, "segments"), _ett(96, horizon, "direct")
    linear, naive = _baselines(runs[-1])
    cells = [
        str(look_back),
        str(horizon),
        str(len(runs)),
        f"**{_mean(run['test']['mse'] for run in runs)}**",
        f"{PUBLISHED[place][0]:.3f}",
        f"{linear:.3f}",
        _mean(run["test"]["mse"] for run in plain),
        f"{naive:.3f}",
        f"{max(run['seconds'] for run in runs) / 60:.0f}",
        _machine(runs)["commit"],
    ]
    return f"| {' | '.join(cells)} |"


def _compared(name: str) -> dict[str, Any]:
    comparison: dict[str, Any] = json.loads((_RESULTS / f"compare-{name}.json").read_text(encoding="utf-8"))
    return comparison


def _by_cell(name: str) -> dict[str, list[float]]:
    return {cell["name"]: [run["test"]["nll"] for run in cell["runs"]] for cell in _compared(name)["cells"]}


def _chung_row(name: str) -> str:
    found, comparison = _by_cell(name), _compared(name)
    cells = [f"{_mean(figures, 2)} (published {_CHUNG[name][cell]:.2f})" for cell, figures in found.items()]
    command = f"[in the record](compare-{name}.md)"
    baseline = f"{comparison['baseline']['test']['nll']:.2f}"
    return f"| {name} | {' | '.join(cells)} | {baseline} | {comparison['machine']['commit']} | {command} |"


def picture() -> Figure:
    """Draw ETTh1 by horizon from either look-back, and piano rolls by cell."""
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    places: list[Axes] = list(figure.subplots(1, 4, width_ratios=(3, 3, 2, 2)))
    for axes, look_back in zip(places, (720, 96), strict=False):
        _draw_horizons(axes, look_back)
    low = min(axes.get_ylim()[0] for axes in places[:2])
    high = max(axes.get_ylim()[1] for axes in places[:2])
    for axes in places[:2]:
        axes.set_ylim(low, high)
    for axes, name in zip(places[2:], _CHUNG, strict=True):
        _draw_cells(axes, name)
    figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, frameon=False)
    figure.legend(*places[2].get_legend_handles_labels(), loc="outside lower right", ncols=3, frameon=False)
    return figure


def _draw_horizons(axes: Axes, look_back: int) -> None:
    horizons = [horizon for before, horizon in PUBLISHED if before == look_back]
    x = range(len(horizons))
    runs = [_ett(look_back, horizon, "segments") for horizon in horizons]
    means = [mean_interval([run["test"]["mse"] for run in group]) for group in runs]
    reach = [0.0 if mean.high is None else mean.high - mean.mean for mean in means]
    lines = (
        ("seasonal naive", [_baselines(group[-1])[1] for group in runs], style.GREY, ":"),
        ("linear map", [_baselines(group[-1])[0] for group in runs], style.PALETTE[2], "-"),
        ("SegRNN as published", [PUBLISHED[look_back, horizon][0] for horizon in horizons], style.PALETTE[1], "--"),
    )
    for name, figures, colour, drawn in lines:
        axes.plot(x, figures, drawn, color=colour, label=name)
    here = [mean.mean for mean in means]
    axes.errorbar(x, here, reach, fmt="o-", color=style.PALETTE[0], label="SegRNN here", capsize=3)
    axes.set_xticks(x, [str(horizon) for horizon in horizons])
    axes.set_xlabel("hours ahead")
    axes.set_title(f"ETTh1 from {look_back} hours:\nsquared error", loc="left")


def _draw_cells(axes: Axes, name: str) -> None:
    found = _by_cell(name)
    x = range(len(found))
    means = [mean_interval(figures) for figures in found.values()]
    reach = [0.0 if mean.high is None else mean.high - mean.mean for mean in means]
    here = [mean.mean for mean in means]
    axes.errorbar(x, here, reach, fmt="o", color=style.PALETTE[0], label="here, three seeds", capsize=3)
    axes.plot(
        x, [_CHUNG[name][cell] for cell in found], "D", color=style.PALETTE[1], label="Chung et al. 2014", mfc="none"
    )
    axes.axhline(_compared(name)["baseline"]["test"]["nll"], color=style.PALETTE[2], label="logistic regression")
    axes.set_xticks(x, ["tanh" if cell == "SimpleRNN" else cell for cell in found])
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.set_title({"jsb": "JSB chorales", "nottingham": "Nottingham"}[name] + ":\nnats per step", loc="left")


if __name__ == "__main__":
    main()
