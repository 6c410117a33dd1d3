"""The steps that decide an answer together: a search for a small set without which the answer would be another one."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from gatewright.explanation.faithfulness import top_count
from gatewright.explanation.omission import values_without_each
from gatewright.explanation.target import values_without
from gatewright.nn.layer import Layer, Weights
from gatewright.results.explanation import Decisive
from gatewright.tasks.base.explainable import Explainable

ROUNDS = 3
"""Number of rounds of the search, which choose equal numbers of steps."""
CANDIDATES = 3
"""Number of candidates for each step that is chosen."""


def decisive_steps(layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable) -> Decisive | None:
    """Return steps without which the alternative is more probable than the answer, at most a tenth of the steps.

    Martens & Provost 2014, "Explaining Data-Driven Document Classifications", section 4 (best-first search). See
    `steps_to_leave_out` for the search. It ends after the round in which the explained number falls to 0 or below. Of
    the steps of this round, the last ones are given back as long as the number stays there. The set need not be the
    smallest one. If the number stays above 0, the result is the whole tenth.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.

    Returns:
        None if no step can be left out, the number is not that of an answer against an alternative, or the alternative
        is at least as probable in the whole example.

    Raises:
        InputError: A result is not finite.
    """

    def without(steps: Sequence[int]) -> float:
        return float(values_without(layers, weights, explainable, [tuple(steps)])[0])

    if not explainable.removable or not explainable.output.against or without(()) <= 0:
        return None
    before: tuple[int, ...] = ()
    for steps in steps_to_leave_out(layers, weights, explainable, top_count(len(explainable.removable))):
        left = without(steps)
        if left <= 0:
            # Halve the range of counts: `low` steps leave the number above 0, `high` steps do not.
            low, high = len(before), len(steps)
            while high - low > 1:
                middle = (low + high) // 2
                found = without(steps[:middle])
                low, high, left = (low, middle, found) if found <= 0 else (middle, high, left)
            return Decisive(steps[:high], left)
        before = steps
    return Decisive(before, left)


def steps_to_leave_out(
    layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable, count: int
) -> Iterator[tuple[int, ...]]:
    """Search for steps that lower the explained number most if all of them are left out, and yield those of each round.

    Words that say the same hide each other from leave-one-out: without one of them, the others still stand there. So
    the candidates are the steps that raise the number most if each is read alone, without all other removable steps.
    Every round then leaves out each candidate in turn, together with all steps that were chosen before, and chooses
    those with which the number is lowest. Rounds choose `count` steps in the end, the strongest first.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.
        count: The number of steps to choose, from 1 to the number of removable steps.

    Raises:
        InputError: A result is not finite.
    """
    removable = explainable.removable
    alone = values_without(layers, weights, explainable, [set(removable) - {step} for step in removable])
    candidates = [removable[place] for place in np.argsort(-alone, kind="stable")[: CANDIDATES * count]]
    chosen: list[int] = []
    for total in np.unique(np.ceil(np.arange(1, ROUNDS + 1) * count / ROUNDS).astype(int)).tolist():
        rest = [step for step in candidates if step not in chosen]  # of equal ones, the stronger candidate is chosen
        values = values_without_each(layers, weights, _shortened(explainable, chosen, rest))
        chosen += [rest[place] for place in np.argsort(values[1:], kind="stable")[: total - len(chosen)]]
        yield tuple(chosen)


def _shortened(explainable: Explainable, left_out: Collection[int], removable: Sequence[int]) -> Explainable:
    """Return the example without some of its steps.

    Args:
        explainable: The example.
        left_out: Indices of the steps to leave out.
        removable: Indices of the steps that can still be left out, in the whole example.
    """
    kept = [step for step in range(len(explainable.steps)) if step not in left_out]
    places = {step: place for place, step in enumerate(kept)}
    output = explainable.output
    if output.step is not None:  # without this step, the number is that of the step before
        output = replace(output, step=max(0, sum(step <= output.step for step in kept) - 1))
    return replace(
        explainable,
        inputs=explainable.without([tuple(left_out)]),
        steps=tuple(explainable.steps[step] for step in kept),
        output=output,
        removable=tuple(places[step] for step in removable),
        without=lambda sets: explainable.without([(*left_out, *(kept[place] for place in own)) for own in sets]),
    )
