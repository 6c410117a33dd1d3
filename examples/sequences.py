"""One page of what was reached on series, tags and piano rolls, beside baselines and published figures.

    python examples/sequences.py

Reads the records in docs/results, each of which names the command that makes it, and writes docs/sequences.md and
docs/results/sequences.png.
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
from gatewright.support import pictures as style
from gatewright.support.files import atomically

_DOCS = Path(__file__).parents[1] / "docs"
_RESULTS = _DOCS / "results"


class Row(NamedTuple):
    """A record of `make result-NAME`, one of its measures, and what is published of it."""

    name: str
    what: str
    measure: str
    title: str
    published: str


_ROWS = (
    Row("japanese-vowels", "Japanese vowels, speakers", "accuracy", "accuracy", "0.98 to 1.00; LSTM-FCN 0.99"),
    Row("digits", "digits as eight steps", "accuracy", "accuracy", ""),
    Row("atis", "ATIS, slots", "span_f1", "span F1", "0.9420 to 0.9489 (BiLSTM, 2014 to 2015)"),
    Row("atis", "ATIS, intents", "intent_accuracy", "accuracy", ""),
    Row("ewt", "English Web Treebank, parts of speech", "accuracy", "accuracy", "0.88 (BiLSTM, an older release)"),
    Row("jsb", "JSB chorales", "nll", "nats a step", "8.54 (GRU, Chung 2014); 8.43 (Bai 2018)"),
    Row("nottingham", "Nottingham", "nll", "nats a step", "3.23 (GRU, Chung 2014)"),
)
# Chung et al. 2014, "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling", table 2.
_CHUNG = {
    "jsb": {"GRU": 8.54, "LSTM": 8.67, "SimpleRNN": 9.10},
    "nottingham": {"GRU": 3.23, "LSTM": 3.20, "SimpleRNN": 3.13},
}


def main() -> None:
    with atomically(_DOCS / "sequences.md") as path:
        path.write_text(page(), encoding="utf-8")
    with style.styled(), atomically(_RESULTS / "sequences.png") as path:
        picture().savefig(path, dpi=130, format="png")


def page() -> str:
    """The page as Markdown."""
    lines = [
        "# Series, tags and piano rolls: what was reached",
        "",
        "Means over seeds with their 95% intervals, on test parts that chose nothing; each network beside a simple "
        "baseline on the same rows. A row's command makes its record again, seed by seed, and can be interrupted; the "
        "records tell settings, every epoch and what was tried before. Minutes are of one seed on one thread of a "
        f"shared {_made(_runs('atis'))['processor']} that did other work too. `python examples/sequences.py` makes "
        "this page.",
        "",
        "![ETTh1 by horizon, and two sets of piano rolls by cell](results/sequences.png)",
        "",
        "| data | measure | network | seeds | simple baseline | published | minutes a seed | commit | command |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(_row, _ROWS),
        "",
        "Nats a step are better where they are less. Chung's GRU has 46 units: networks of that size stand below.",
        "",
        "## ETTh1, all seven variables, squared error",
        "",
        "`make result-ett-h1` makes all rows again. SegRNN as published (Lin et al. 2023) has "
        "one GRU of 512 units; here it has fewer. The validation part chose; test errors were known between rounds of "
        "trials, all of which [the record](results/ett-h1.md) tells.",
        "",
        "| look-back | horizon | seeds | SegRNN here | published | a linear map | plain GRU from 96 | a season before "
        "| minutes a seed | commit |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *map(_ett_row, PUBLISHED),
        "",
        "The linear map is the exact least squares on the window relative to its last value, its penalty chosen on the "
        "validation part. Windows overlap: by windows that share no step, no difference between network and linear map "
        "is shown at any horizon.",
        "",
        "## Piano rolls: the table of Chung et al. 2014 again",
        "",
        "Three cells of as many parameters (a GRU of 46 units), Adam at one rate, no dropout (on Nottingham weight "
        "decay 0.1), the best epoch on the validation part. Theirs were trained otherwise (RMSProp, weight noise).",
        "",
        "| data | GRU | LSTM | SimpleRNN (tanh) | logistic regression on the last frames | commit | command |",
        "|---|---|---|---|---|---|---|",
        *map(_chung_row, _CHUNG),
        "",
    ]
    return "\n".join(lines)


def _runs(name: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads((_RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return runs


def _made(runs: list[dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = runs[-1]["made"]
    return made


def _mean(figures: Iterable[float], digits: int = 3) -> str:
    mean = mean_interval(list(figures))
    return f"{mean.mean:.{digits}f}" + ("" if mean.high is None else f" ± {mean.high - mean.mean:.{digits}f}")


def _row(row: Row) -> str:
    runs = _runs(row.name)
    cells = [
        f"[{row.what}](results/{row.name}.md)",
        row.title,
        f"**{_mean((run['test'][row.measure] for run in runs), 4)}**",
        str(len(runs)),
        f"{runs[-1]['baseline'][row.measure]:.4f}",
        row.published,
        f"{max(run['seconds'] for run in runs) / 60:.1f}",
        _made(runs)["commit"],
        f"`make result-{row.name}`",
    ]
    return f"| {' | '.join(cells)} |"


def _ett(look_back: int, horizon: int, decoding: str) -> list[dict[str, Any]]:
    wanted = {"look_back": look_back, "horizon": horizon, "decoding": decoding}
    return [run for run in _runs("ett-h1") if wanted.items() <= run["settings"].items()]


def _simple(run: dict[str, Any]) -> tuple[float, float]:
    """Squared error of the linear map, and of the seasonal naive forecast."""
    known = {run["baseline_name"].split(":")[0]: run["baseline"], **run["others"]}
    linear = known.pop("a linear map")["mse"]
    (naive,) = known.values()
    return linear, naive["mse"]


def _ett_row(place: tuple[int, int]) -> str:
    look_back, horizon = place
    runs, plain = _ett(look_back, horizon, "segments"), _ett(96, horizon, "direct")
    linear, naive = _simple(runs[-1])
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
        _made(runs)["commit"],
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
    command = f"[in the record](results/compare-{name}.md)"
    baseline = f"{comparison['baseline']['test']['nll']:.2f}"
    return f"| {name} | {' | '.join(cells)} | {baseline} | {comparison['machine']['commit']} | {command} |"


def picture() -> Figure:
    """ETTh1 by horizon from either look-back, and piano rolls by cell."""
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
        ("a season before", [_simple(group[-1])[1] for group in runs], style.GREY, ":"),
        ("a linear map", [_simple(group[-1])[0] for group in runs], style.PALETTE[2], "-"),
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
    axes.set_title({"jsb": "JSB chorales", "nottingham": "Nottingham"}[name] + ":\nnats a step", loc="left")


if __name__ == "__main__":
    main()
