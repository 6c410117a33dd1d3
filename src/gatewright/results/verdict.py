"""Test whether recurrent cells and baselines differ, and describe the result in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.formatting import format_number
from gatewright.results.measure import Measure, is_better
from gatewright.results.statistics import holm, more_often_better, paired_t, sign_test

_LEVEL = 0.05
_CONSTANT = "the constant baseline"


class Competitor(NamedTuple):
    """A recurrent cell with its results for all seeds, or a baseline.

    Attributes:
        name: The name in tables and sentences.
        values: The first metric on the test set, one value per seed. A baseline has one value.
        scores: The score of each test example, [test examples]; higher is better. For a cell, the mean over seeds.
    """

    name: str
    values: tuple[float, ...]
    scores: NDArray[Any]


@dataclass(frozen=True)
class PairedTest:
    """A comparison of two competitors by two tests: a t test on the first metric and a sign test.

    Attributes:
        first, second: Names of the two recurrent cells or baselines.
        difference: First metric of `first` minus that of `second`, mean over seeds.
        t_p: The p value of the paired t test over seeds (one-sample if `second` is a baseline). None with one seed.
        sign_p: The p value of the exact sign test over test examples (McNemar's test if all scores are 0 or 1).
        adjusted_p: The larger of both p values after Holm's correction for the number of tests. None with one seed.
        differs: True if both tests show a difference, so that `adjusted_p` is below 0.05.
    """

    first: str
    second: str
    difference: float
    t_p: float | None
    sign_p: float
    adjusted_p: float | None
    differs: bool


def judge(
    pairs: Sequence[tuple[Competitor, Competitor]], better: Literal["higher", "lower"] | None = None
) -> list[PairedTest]:
    """Test each pair of competitors, with Holm's correction for the number of pairs. Return the tests in order.

    A difference is claimed only if both tests show it. The t test over seeds asks whether the difference would appear
    again with other initial weights and orders of examples. The sign test asks whether it would appear again on other
    test examples.

    Args:
        pairs: Pairs of two recurrent cells with the same seeds in the same order, or of a cell and a baseline.
        better: Whether "higher" or "lower" values of the metric are better. If given, a difference is claimed only if
            the competitor with the better metric also has the better score on more examples. None omits this condition.
    """
    differences = [_differences(first, second) for first, second in pairs]
    t_ps = [paired_t(values) for values in differences]
    sign_ps = [sign_test(first.scores, second.scores) for first, second in pairs]
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
    """Return True if one competitor has the better metric, but the other one has the better score on more examples."""
    sign = {"higher": 1, "lower": -1, None: 0}[better]
    return bool(sign * np.mean(differences) * more_often_better(first.scores, second.scores) < 0)


def _differences(first: Competitor, second: Competitor) -> list[float]:
    values = second.values if len(second.values) > 1 else second.values * len(first.values)
    return [a - b for a, b in zip(first.values, values, strict=True)]


def comparison_verdict(
    measure: Measure,
    cells: Sequence[Competitor],
    baseline: Competitor,
    constant: Competitor,
    tests: Sequence[PairedTest],
    compared_by: str = "",
) -> str:
    """Return sentences that describe the result of a comparison. They claim only differences that the tests show.

    Args:
        measure: The first metric.
        cells, baseline, constant: The recurrent cells, the baseline and the constant baseline.
        tests: Paired tests between cells, between each cell and the baseline, and between each cell and the constant
            baseline.
        compared_by: Name of the scores that the sign test compares, if their mean is not the metric. Otherwise empty.
    """
    seeds = len(cells[0].values)
    values = [f"{cell.name} {_value(cell)}" for cell in cells]
    title = measure.title[0].upper() + measure.title[1:]
    if seeds < 2:
        values += [f"{baseline.name} {_value(baseline)}", f"{_CONSTANT} {_value(constant)}"]
        return (
            "With one seed, differences between cells cannot be separated from random variation, so none is claimed. "
            f"{title} on the test set: {', '.join(values)}."
        )
    found = {(test.first, test.second): _sign(test, measure) for test in tests}
    names = [cell.name for cell in cells]
    clauses = [*_between(names, found), _against(names, baseline, found), *_against_constant(names, constant, found)]
    first, *more = [f"Over {seeds} seeds, {clauses[0]}", *(clause[0].upper() + clause[1:] for clause in clauses[1:])]
    scores = f" The sign tests compare {compared_by}." if compared_by else ""
    return f"{'. '.join([first, *more])}. {title} on the test set: {', '.join(values)}.{scores}"


def _sign(test: PairedTest, measure: Measure) -> int:
    """Return 1 if the first competitor is better, -1 if the second is, and 0 if no difference is shown."""
    if not test.differs:
        return 0
    return 1 if (test.difference > 0) == (measure.better == "higher") else -1


def _between(names: Sequence[str], found: dict[tuple[str, str], int]) -> list[str]:
    """Return clauses that say which cells beat which other cells, and between which cells no difference is shown."""
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    beaten: dict[str, list[str]] = {name: [] for name in names}
    for first, second in pairs:
        if found[first, second] > 0:
            beaten[first].append(second)
        elif found[first, second] < 0:
            beaten[second].append(first)
    if not any(beaten.values()):
        return [f"no difference is shown between {_list(names)}"] if pairs else []
    clauses = []
    for losers in sorted({tuple(sorted(loser)) for loser in beaten.values() if loser}, key=len, reverse=True):
        winners = [name for name in names if tuple(sorted(beaten[name])) == losers]
        clauses.append(f"{_clause(winners, [], 'beats', 'beat')} {_list(losers)}")
    undecided = [f"{first} and {second}" for first, second in pairs if not found[first, second]]
    if undecided:
        clauses.append(f"no difference is shown between {_list(undecided, 'or between')}")
    return clauses


def _against(names: Sequence[str], baseline: Competitor, found: dict[tuple[str, str], int]) -> str:
    model = f"the baseline, {baseline.name} ({_value(baseline)})"
    groups = {sign: [name for name in names if found[name, baseline.name] == sign] for sign in (1, -1, 0)}
    clauses = []
    if groups[1]:
        clauses.append(f"{_clause(groups[1], names, 'beats', 'beat')} {model}")
    if groups[-1]:
        clauses.append(f"{_clause(groups[-1], names, 'is', 'are')} worse than {model}")
    if groups[0]:
        clauses.append(f"{_undecided(groups[0], names)} shown to differ from {model}")
    if len(clauses) > 1:  # name the baseline in full only once
        clauses = [clauses[0], *(clause.replace(model, "it") for clause in clauses[1:])]
    return ", and ".join(clauses)


def _against_constant(names: Sequence[str], constant: Competitor, found: dict[tuple[str, str], int]) -> list[str]:
    worse = [name for name in names if found[name, constant.name] < 0]
    same = [name for name in names if not found[name, constant.name]]
    model = f"{_CONSTANT} ({_value(constant)})"
    clauses = []
    if same:
        clauses.append(f"{_undecided(same, names)} shown to differ from {model}")
    if worse:
        clauses.append(f"{_clause(worse, names, 'is', 'are')} worse than {model}")
    return clauses


def _clause(some: Sequence[str], names: Sequence[str], singular: str, plural: str) -> str:
    """Return subject and verb: "every cell beats" if `some` are all of `names`, else "A beats" or "A and B beat"."""
    if len(some) == len(names) > 1:
        return f"every cell {singular}"
    return f"{_list(some)} {singular if len(some) == 1 else plural}"


def _undecided(some: Sequence[str], names: Sequence[str]) -> str:
    if len(some) == len(names) > 1:
        return "no cell is"
    return f"{_list(some)} {'is' if len(some) == 1 else 'are'} not"


def _list(names: Sequence[str], last: str = "and") -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def _value(competitor: Competitor) -> str:
    return f"{np.mean(competitor.values):.3g}"


def training_verdict(
    measure: Measure,
    test: tuple[Mapping[str, float], Mapping[str, float]],
    scores: tuple[NDArray[Any], NDArray[Any]],
    p: float,
    size: str,
    compared_by: str = "",
) -> str:
    """Return a sentence on whether a network beats its baseline. It claims a difference only if the sign test shows it.

    Args:
        measure: The first metric.
        test: Metrics of the network and of the baseline on the test set.
        scores: The scores of the network and of the baseline, [test examples] each; higher is better.
        p: The p value of the sign test that compares the scores.
        size: Size of the test set with its unit, such as "25,000 test rows".
        compared_by: Name of the scores, if their mean is not the metric. Otherwise empty.
    """
    network, baseline = test[0][measure.name], test[1][measure.name]
    values = f"{measure.title} {format_number(network)} against {format_number(baseline)} on the {size}"
    if compared_by:
        values += f", {compared_by} {np.mean(scores[0]):.4f} against {np.mean(scores[1]):.4f}"
    # The smallest float64 is about 1e-308, so a p value of 0 only means a tiny one.
    values += f", p = {p:.2g}" if p else ", p < 1e-300"
    more_often = more_often_better(*scores)
    # If the scores are not those of the metric, the network can win by one and lose by the other.
    if p < _LEVEL and more_often > 0 and is_better(measure, network, baseline):
        return f"The network beats the baseline: {values}."
    if p < _LEVEL and more_often < 0 and is_better(measure, baseline, network):
        return f"The baseline beats the network: {values}."
    return f"No difference is shown between the network and the baseline: {values}."
