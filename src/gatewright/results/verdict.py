"""What the tests allow to be said: paired tests between competitors, and the one sentence drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.figures import told
from gatewright.results.measure import Measure, better
from gatewright.results.statistics import holm, more_often_better, paired_t, sign_test

_LEVEL = 0.05


class Competitor(NamedTuple):
    """A cell over its seeds, or a simple model.

    Attributes:
        name: in tables and sentences.
        figures: the deciding measure on the test rows, one a seed; a simple model has one.
        merits: [test rows], how good the answer (for a cell: averaged over its seeds) was, see `Task.merits`.
    """

    name: str
    figures: tuple[float, ...]
    merits: NDArray[Any]


def judge(
    pairs: Sequence[tuple[Competitor, Competitor]], better: Literal["higher", "lower"] | None = None
) -> list[PairedTest]:
    """Test each pair, and correct for how many there are.

    Both tests must agree before a difference is claimed: the t test over seeds asks whether it would come again with
    other initial weights and orders of rows, the sign test whether it would with other test rows. Each is corrected by
    Holm within the family.

    Args:
        pairs: cells with the same seeds in the same order, or a cell and a simple model.
        better: which way the figures are; where it is given, a difference is claimed only if who has the better figures
            is the better one on more rows too, which need not be so where these count something else.
    """
    differences = [_differences(first, second) for first, second in pairs]
    t_ps = [paired_t(values) for values in differences]
    sign_ps = [sign_test(first.merits, second.merits) for first, second in pairs]
    adjusted_ts = holm([1.0 if p is None else p for p in t_ps])
    adjusted_signs = holm(sign_ps)
    tests = []
    for place, (first, second) in enumerate(pairs):
        adjusted = None if t_ps[place] is None else max(adjusted_ts[place], adjusted_signs[place])
        tests.append(
            PairedTest(
                first.name,
                second.name,
                float(np.mean(differences[place])),
                t_ps[place],
                sign_ps[place],
                adjusted,
                adjusted is not None and adjusted < _LEVEL and not _disagree(differences[place], first, second, better),
            )
        )
    return tests


def _disagree(differences: Sequence[float], first: Competitor, second: Competitor, better: str | None) -> bool:
    """Whether one has the better figures, and the other is the better one on more rows."""
    towards = {"higher": 1, "lower": -1, None: 0}[better] * np.mean(differences)
    return bool(towards * more_often_better(first.merits, second.merits) < 0)


def _differences(first: Competitor, second: Competitor) -> list[float]:
    others = second.figures if len(second.figures) > 1 else second.figures * len(first.figures)
    return [a - b for a, b in zip(first.figures, others, strict=True)]


def verdict(
    measure: Measure,
    cells: Sequence[Competitor],
    baseline: Competitor,
    chance: Competitor,
    tests: Sequence[PairedTest],
    counted: str = "",
) -> str:
    """One sentence that claims a difference only where the tests do.

    Args:
        measure: the deciding one.
        cells, baseline, chance: the competitors.
        tests: of cells against one another, against the baseline and against chance.
        counted: what the sign tests compare, to be named beside the measure, see `Task.counted`.
    """
    seeds = len(cells[0].figures)
    figures = [f"{cell.name} {_figure(cell)}" for cell in cells]
    if seeds < 2:
        return (
            f"One seed cannot tell a cell from its luck, so no difference is claimed: {measure.title} on the test rows "
            f"was {_list(figures)}, with {baseline.name} at {_figure(baseline)} and chance at {_figure(chance)}."
        )
    found = {(test.first, test.second): _better(test, measure) for test in tests}
    names = [cell.name for cell in cells]
    clauses = [
        *_between(names, found),
        _against(names, baseline, found),
        *_chance(names, chance, found),
    ]
    by = f"{measure.title} on the test rows ({', '.join(figures)}){f' and by {counted}' if counted else ''}"
    return f"Over {seeds} seeds, by {by}, {'; '.join(clauses)}."


def _better(test: PairedTest, measure: Measure) -> int:
    """1 where the first is better, -1 where the second is, 0 where nothing may be said."""
    if not test.differs:
        return 0
    higher = test.difference > 0
    return 1 if higher == (measure.better == "higher") else -1


def _between(names: Sequence[str], found: dict[tuple[str, str], int]) -> list[str]:
    """Who beats whom, winners with the same losers together; then the pairs that are left undecided."""
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    beaten: dict[str, list[str]] = {name: [] for name in names}
    for first, second in pairs:
        if found[first, second] > 0:
            beaten[first].append(second)
        elif found[first, second] < 0:
            beaten[second].append(first)
    if not any(beaten.values()):
        return [f"no difference between {_list(names)} is shown"] if pairs else []
    clauses = []
    for losers in sorted({tuple(sorted(loser)) for loser in beaten.values() if loser}, key=len, reverse=True):
        winners = [name for name in names if tuple(sorted(beaten[name])) == losers]
        clauses.append(f"{_says(winners, [], 'beat')} {_list(losers)}")
    undecided = [f"{first} and {second}" for first, second in pairs if not found[first, second]]
    if undecided:
        clauses.append(f"no difference is shown between {_list(undecided, 'nor between')}")
    return clauses


def _against(names: Sequence[str], baseline: Competitor, found: dict[tuple[str, str], int]) -> str:
    model = f"{baseline.name} ({_figure(baseline)})"
    groups = {sign: [name for name in names if found[name, baseline.name] == sign] for sign in (1, -1, 0)}
    clauses = []
    if groups[1]:
        clauses.append(f"{_says(groups[1], names, 'beat')} the baseline, {model}")
    if groups[-1]:
        clauses.append(f"{_says(groups[-1], names, 'fall')} short of the baseline, {model}")
    if groups[0]:
        clauses.append(f"{_no(groups[0], names)} shown to differ from the baseline, {model}")
    if len(clauses) > 1:  # the baseline is named in full once
        clauses = [clauses[0], *(clause.replace(f"the baseline, {model}", "it") for clause in clauses[1:])]
    return ", and ".join(clauses)


def _chance(names: Sequence[str], chance: Competitor, found: dict[tuple[str, str], int]) -> list[str]:
    worse = [name for name in names if found[name, chance.name] < 0]
    same = [name for name in names if not found[name, chance.name]]
    level = f"chance ({_figure(chance)})"
    clauses = []
    if same:
        clauses.append(f"{_no(same, names)} shown to differ from {level}")
    if worse:
        clauses.append(f"{_says(worse, names, 'do')} worse than {level}")
    return clauses


def _says(some: Sequence[str], names: Sequence[str], verb: str) -> str:
    """Subject and verb: "every cell falls" where these are all of several, "A falls", "A and B fall"."""
    singular = {"beat": "beats", "fall": "falls", "do": "does"}[verb]
    if len(some) == len(names) > 1:
        return f"every cell {singular}"
    return f"{_list(some)} {singular if len(some) == 1 else verb}"


def _no(some: Sequence[str], names: Sequence[str]) -> str:
    if len(some) == len(names) > 1:
        return "no cell is"
    return f"{_list(some)} {'is' if len(some) == 1 else 'are'} not"


def _list(names: Sequence[str], last: str = "and") -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def _figure(competitor: Competitor) -> str:
    return f"{np.mean(competitor.figures):.3g}"


@dataclass(frozen=True)
class PairedTest:
    """Two competitors on the deciding measure.

    Attributes:
        first, second: names of cells, of the baseline, or "chance".
        difference: first minus second, mean over seeds.
        t_p: paired t test over seeds (one-sample where `second` has no seeds); None with fewer than two seeds.
        sign_p: the exact sign test over test rows (of right and wrong: McNemar's), each competitor's answers averaged
            over its seeds.
        adjusted_p: the larger of the two, after Holm's correction within its family of tests; None as t_p.
        differs: both tests say so: adjusted_p is below 0.05.
    """

    first: str
    second: str
    difference: float
    t_p: float | None
    sign_p: float
    adjusted_p: float | None
    differs: bool


_SIGNIFICANT = 0.05


def _verdict(
    task: Any,
    mine: Mapping[str, float],
    its: Mapping[str, float],
    merits: tuple[NDArray[Any], NDArray[Any]],
    p: float,
    size: int,
) -> str:
    """What may be said of the network beside the baseline.

    Args:
        task: whose measures these are.
        mine, its: measures of the network and the baseline on the test rows.
        merits: of the network and the baseline, [test rows], see `Task.merits`.
        p: of the sign test of these.
        size: of the test part.
    """
    measure = task.measures[0]
    one, other = mine[measure.name], its[measure.name]
    figures = f"{measure.title} {told(one)} against {told(other)} on the {size:,} test {task.unit}"
    if task.counted:
        figures += f", {task.counted} {np.mean(merits[0]):.4f} against {np.mean(merits[1]):.4f}"
    # What float64 can't tell from 0 is not 0.
    figures += f", p = {p:.2g}" if p else ", p < 1e-300"
    rows = more_often_better(*merits)
    # Where rows are compared by something else than the measure, the better one in one may be the worse in the other.
    if p < _SIGNIFICANT and rows > 0 and better(measure, one, other):
        return f"The network beats the simple baseline: {figures}."
    if p < _SIGNIFICANT and rows < 0 and better(measure, other, one):
        return f"The network did not beat the simple baseline, which is better: {figures}."
    return f"No difference is shown between the network and the simple baseline: {figures}."
