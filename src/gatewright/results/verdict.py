"""Test whether recurrent cells and baselines differ, and describe the result in sentences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.bootstrap import paired_bootstrap
from gatewright.results.formatting import format_number
from gatewright.results.measure import Measure, is_better
from gatewright.results.statistics import holm, more_often_better, paired_t, sign_test

LEVEL = 0.05
"""A difference is claimed only if the p value of a test is below this level."""

_CONSTANT = "the constant baseline"
# Enough significant digits to tell all float64 numbers apart.
_MAX_DIGITS = 17


class Competitor(NamedTuple):
    """A recurrent cell with its results for all seeds, or a baseline.

    Attributes:
        name: The name in tables and sentences.
        values: The first metric on the test set, one value per seed. A baseline has one value.
        scores: The score of each test example, [test examples]; higher is better. For a cell, the mean over seeds.
        bootstrap: True if `scores` are instead the first metric on bootstrap samples of the test set, [samples]; see
            `bootstrap.resampled`. The paired bootstrap then takes the place of the sign test.
    """

    name: str
    values: tuple[float, ...]
    scores: NDArray[Any]
    bootstrap: bool = False


@dataclass(frozen=True)
class PairedTest:
    """A comparison of two competitors by two tests: a t test over seeds, and a test over test examples.

    Attributes:
        first, second: Names of the two recurrent cells or baselines.
        difference: First metric of `first` minus that of `second`, mean over seeds.
        t_p: The p value of the paired t test over seeds (one-sample if `second` is a baseline). None with one seed.
        examples_p: The p value of the exact sign test over test examples (McNemar's test if all scores are 0 or 1), or
            that of the paired bootstrap if the first metric is not a mean over examples.
        adjusted_p: The larger of both p values after Holm's correction for the number of tests. None with one seed.
        differs: True if both tests show a difference, so that `adjusted_p` is below 0.05, and if they agree on which
            competitor is better.
        interval: The ends of the 95% interval of the difference over test examples, by the paired bootstrap. Empty if
            the sign test was used.
    """

    first: str
    second: str
    difference: float
    t_p: float | None
    examples_p: float
    adjusted_p: float | None
    differs: bool
    interval: tuple[float, ...] = ()

    @property
    def disagrees(self) -> bool:
        """True if both tests show a difference, but each of them in favor of another competitor."""
        return self.adjusted_p is not None and self.adjusted_p < LEVEL and not self.differs


def judge(
    pairs: Sequence[tuple[Competitor, Competitor]], better: Literal["higher", "lower"] | None = None
) -> list[PairedTest]:
    """Test each pair of competitors, with Holm's correction for the number of pairs. Return the tests in order.

    A difference is claimed only if both tests show it. The t test over seeds asks whether the difference would appear
    again with other initial weights and orders of examples. The sign test, or the paired bootstrap, asks whether it
    would appear again on other test examples.

    Args:
        pairs: Pairs of two recurrent cells with the same seeds in the same order, or of a cell and a baseline.
        better: Whether "higher" or "lower" values of the metric are better. If given, a difference is claimed only if
            the competitor with the better metric also has the better score on more examples. None omits this condition.
            The paired bootstrap compares the metric itself, so there the condition always holds.
    """
    differences = [_differences(first, second) for first, second in pairs]
    t_ps = [paired_t(values) for values in differences]
    found = [over_examples(first, second) for first, second in pairs]
    adjusted_ts = holm([1.0 if p is None else p for p in t_ps])
    adjusted_examples = holm([one.p for one in found])
    tests = []
    for place, (first, second) in enumerate(pairs):
        adjusted = None if t_ps[place] is None else max(adjusted_ts[place], adjusted_examples[place])
        tests.append(
            PairedTest(
                first.name,
                second.name,
                float(np.mean(differences[place])),
                t_ps[place],
                found[place].p,
                adjusted,
                adjusted is not None and adjusted < LEVEL and not _disagree(differences[place], first, second, better),
                found[place].interval,
            )
        )
    return tests


class OverExamples(NamedTuple):
    """The p value and the interval of a test over test examples; see `PairedTest`."""

    p: float
    interval: tuple[float, ...]


def over_examples(first: Competitor, second: Competitor) -> OverExamples:
    """Test whether a difference between two competitors would appear again on other test examples."""
    if first.bootstrap:
        difference = float(np.mean(_differences(first, second)))
        return OverExamples(*paired_bootstrap(first.scores, second.scores, difference))
    return OverExamples(sign_test(first.scores, second.scores), ())


def _disagree(differences: Sequence[float], first: Competitor, second: Competitor, better: str | None) -> bool:
    """Return True if one competitor has the better metric, but the other one has the better score on more examples."""
    if first.bootstrap:
        return False
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
        cells, baseline, constant: The recurrent cells, the baseline and the constant baseline. There may be no cell, if
            training diverged for all of them.
        tests: Paired tests between cells, between each cell and the baseline, and between each cell and the constant
            baseline.
        compared_by: Name of the scores that the sign test compares, if their mean is not the metric. Otherwise empty.
    """
    digits = _digits([*cells, baseline, constant], tests)
    values = [f"{cell.name} {_value(cell, digits)}" for cell in cells]
    shown_baseline, shown_constant = _value(baseline, digits), _value(constant, digits)
    title = measure.title[0].upper() + measure.title[1:]
    baselines = [f"{baseline.name} {shown_baseline}", f"{_CONSTANT} {shown_constant}"]
    if not cells:
        return f"{title} on the test set: {', '.join(baselines)}."
    seeds = len(cells[0].values)
    if seeds < 2:
        values += baselines
        return (
            "With one seed, differences between cells cannot be separated from random variation, so none is claimed. "
            f"{title} on the test set: {', '.join(values)}."
        )
    found = {(test.first, test.second): _sign(test, measure) for test in tests}
    names = [cell.name for cell in cells]
    clauses = [
        *_between(names, found),
        _against(names, baseline.name, shown_baseline, found),
        *_against_constant(names, constant.name, shown_constant, found),
    ]
    clauses += _unclaimed(measure, tests, constant.name)
    first, *more = [f"Over {seeds} seeds, {clauses[0]}", *(clause[0].upper() + clause[1:] for clause in clauses[1:])]
    scores = f" The sign tests compare {compared_by}." if compared_by else ""
    return f"{'. '.join([first, *more])}. {title} on the test set: {', '.join(values)}.{scores}"


def _unclaimed(measure: Measure, tests: Sequence[PairedTest], constant: str) -> list[str]:
    """Return clauses that say why no difference is claimed between some competitors.

    Args:
        measure: The first metric.
        tests: All tests.
        constant: The name of the constant baseline in the tests.
    """
    clauses = []
    seconds = [(test, _CONSTANT if test.second == constant else test.second) for test in tests]
    if pairs := [f"for {test.first} and {second}" for test, second in seconds if test.disagrees]:
        clauses.append(
            f"{_list(pairs)}, the one with the better {measure.title} is worse on more test examples, so no difference "
            "is claimed"
        )
    if not all(test.differs or test.disagrees for test in tests):
        name = "paired bootstrap" if tests[0].interval else "sign test"
        clauses.append(
            f"a difference is claimed only if the t test over seeds and the {name} over test examples both show it "
            f"(p < {LEVEL:g} after Holm's correction)"
        )
    return clauses


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


def _against(names: Sequence[str], baseline: str, value: str, found: dict[tuple[str, str], int]) -> str:
    model = f"the baseline, {baseline} ({value})"
    groups = {sign: [name for name in names if found[name, baseline] == sign] for sign in (1, -1, 0)}
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


def _against_constant(names: Sequence[str], constant: str, value: str, found: dict[tuple[str, str], int]) -> list[str]:
    worse = [name for name in names if found[name, constant] < 0]
    same = [name for name in names if not found[name, constant]]
    model = f"{_CONSTANT} ({value})"
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


def _value(competitor: Competitor, digits: int) -> str:
    return f"{np.mean(competitor.values):.{digits}g}"


def _digits(competitors: Sequence[Competitor], tests: Sequence[PairedTest]) -> int:
    """Return the number of significant digits for values: 3, or as many as show each difference that is claimed."""
    named = {one.name: one for one in competitors}
    pairs = [(named[test.first], named[test.second]) for test in tests if test.differs]
    shown = (all(_value(a, digits) != _value(b, digits) for a, b in pairs) for digits in range(3, _MAX_DIGITS))
    return next((digits for digits, distinct in enumerate(shown, 3) if distinct), _MAX_DIGITS)


def training_verdict(
    measure: Measure,
    test: tuple[Mapping[str, float], Mapping[str, float]],
    scores: tuple[NDArray[Any], NDArray[Any]],
    p: float,
    size: str,
    compared_by: str = "",
    interval: tuple[float, ...] = (),
) -> str:
    """Return a sentence on whether a network beats its baseline.

    It claims a difference only if the test over test examples shows it. With the sign test, the better metric must also
    belong to the model that is better on more examples. Otherwise, it says why no difference is claimed.

    Args:
        measure: The first metric.
        test: Metrics of the network and of the baseline on the test set.
        scores: The scores of the network and of the baseline; see `Competitor`.
        p: The p value of the test that compares the scores.
        size: Size of the test set with its unit, such as "25,000 test rows".
        compared_by: Name of the scores, if their mean is not the metric. Otherwise empty.
        interval: See `PairedTest`. Empty if the test is the sign test.
    """
    network, baseline = test[0][measure.name], test[1][measure.name]
    values = f"{measure.title} {_against_each_other(network, baseline)} on the {size}"
    if math.isnan(network) or math.isnan(baseline):
        which = "network" if math.isnan(network) else "baseline"
        return f"No conclusion is possible: the {measure.title} of the {which} is not a number ({values})."
    if compared_by:
        values += f", {compared_by} {_against_each_other(*(float(np.mean(one)) for one in scores))}"
    shown = _p_text(p)
    if interval:
        low, high = map(format_number, interval)
        values += f", 95% interval of the difference {low} to {high}"
        shown += " of the paired bootstrap"
    by_metric = int(is_better(measure, network, baseline)) - int(is_better(measure, baseline, network))
    if p >= LEVEL:
        return (
            f"No difference is shown between the network and the baseline: {values}, {shown}, which is not below "
            f"{LEVEL:g}."
        )
    # If the scores are not those of the metric, the network can win by one and lose by the other.
    more_often = by_metric if interval else more_often_better(*scores)
    if more_often != by_metric:
        often = "network" if more_often > 0 else "baseline"
        better = {1: "the network is better", -1: "the baseline is better", 0: "they are equal"}[by_metric]
        return (
            f"No difference is claimed between the network and the baseline: by {measure.title}, {better}, but the "
            f"{often} is better on more test examples ({values}, {shown} of the sign test)."
        )
    winner, loser = ("network", "baseline") if more_often > 0 else ("baseline", "network")
    return f"The {winner} beats the {loser}: {values}, {shown}."


def _against_each_other(first: float, second: float) -> str:
    """Return both numbers as text, with so many digits that they look different if they clearly differ."""
    digits = 4
    texts = format_number(first), format_number(second)
    while texts[0] == texts[1] and not math.isclose(first, second):
        digits += 1
        texts = f"{first:.{digits}g}", f"{second:.{digits}g}"
    return f"{texts[0]} against {texts[1]}"


def _p_text(p: float) -> str:
    """Return the p value as text, with so many digits that one can see on which side of the level it is."""
    # The smallest float64 is about 1e-308, so a p value of 0 only means a tiny one.
    if not p:
        return "p < 1e-300"
    digits = 2
    while (float(f"{p:.{digits}g}") < LEVEL) != (p < LEVEL):
        digits += 1
    return f"p = {p:.{digits}g}"
