"""Prepare the numbers of an explanation for display: effects, memory, the steps that are shown, and the top steps."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gatewright.results.explanation import PADDED, Alignment, Attribution, Explanation, Floats, LayerTrace
from gatewright.results.naming import main

# Of more steps than this, only the strongest are shown, with this many neighbours on both sides.
_MAX_STEPS = 300
_STRONGEST = 10
_NEIGHBOURS = 10
# Runs of hidden steps that are shorter than this are shown, because a line about them would be as long.
_SHORTEST_GAP = 4
_TOP = 8
_TOP_OF_OTHERS = 3
# Of more channels than this, the first ones are shown.
_MAX_CHANNELS = 8
# The most numbers of an alignment, so that pages stay small.
_MAX_CELLS = 10_000
# Borders of the strengths that are coloured differently, as fractions of the largest effect.
_LEVELS = (0.1, 0.3, 0.6)

MEMORY = ("written", "kept at the end", "overwritten here")
"""The names of the rows of `Memory` for people."""


class Memory(NamedTuple):
    """The changes of the top layer's state at each step, summed over units and directions, each [steps].

    With state_t = k_t * state_{t-1} + w_t:

    Attributes:
        written: The sum of |w_t|.
        kept: The part of `written` that is still there after the last step.
        overwritten: The sum of |1 - k_t| * |state_{t-1}|, which is removed from the earlier state.
    """

    written: Floats
    kept: Floats
    overwritten: Floats

    @property
    def scale(self) -> float:
        """The largest number of the three rows, or 1 if all are 0."""
        return _largest(np.concatenate(self)) or 1.0


class Gap(NamedTuple):
    """A run of steps that are not shown, from `first` to before `end`."""

    first: int
    end: int
    padding: bool


@dataclass(frozen=True)
class TopStep:
    """A row of the table of the strongest steps.

    Attributes:
        index: Index of the step.
        effects: Its effect by each method.
        kept: Fraction of what it wrote that is left after the last step. NaN for a cell without a ledger.
        half_gone: Index of the step after which less than half of it is left; -1 if more is left at the end. None
            without a ledger or with several directions, of which each has its own.
    """

    index: int
    effects: tuple[float, ...]
    kept: float
    half_gone: int | None


def shown_pieces(found: Alignment) -> range:
    """Return the places of the pieces of a translation that are shown with their attention.

    They are all of them, or of a long translation as many around the explained piece as have `_MAX_CELLS` numbers.
    """
    pieces, columns = found.weights.shape
    count = min(pieces, max(1, _MAX_CELLS // max(1, columns)))
    first = min(max(0, found.chosen - count // 2), pieces - count)
    return range(first, first + count)


def main_attribution(explanation: Explanation) -> Attribution | None:
    """Return the attribution that colours the steps; see `results.naming.main`."""
    return main(explanation.attributions, explanation.steps)


def strengths(values: Floats) -> Floats:
    """Return the values divided by the largest magnitude, so that they lie from -1 to 1. NaN stays NaN."""
    largest = _largest(values)
    return values / largest if largest > 0 else np.where(np.isfinite(values), 0.0, np.nan)


def level(strength: float) -> int:
    """Return from -3 to 3 how strongly a step is coloured. 0 is not coloured."""
    if not np.isfinite(strength):
        return 0
    return int(np.sign(strength)) * sum(abs(strength) >= border for border in _LEVELS)


def memory(explanation: Explanation) -> Memory | None:
    """Return what the top layer wrote, kept and overwrote. None if its cell has no ledger or there are no steps."""
    traces = [explanation.layers[place] for place in explanation.top_layers]
    found = [one for one in map(_memory, traces) if one is not None]
    if not explanation.steps or not found or len(found) < len(traces):
        return None
    return Memory(*(np.sum(rows, axis=0) for rows in zip(*found, strict=True)))


def _memory(trace: LayerTrace) -> Memory | None:
    if trace.keep is None or trace.written is None or trace.kept_at_end is None:
        return None
    state = trace.states[trace.ledger_state]
    previous = np.zeros_like(state)
    if trace.backward:
        previous[:-1] = state[1:]
    else:
        previous[1:] = state[:-1]
    written = np.abs(trace.written).sum(axis=1)
    kept = written * np.nan_to_num(trace.kept_at_end)  # NaN where nothing was written
    return Memory(written, kept, (np.abs(1 - trace.keep) * np.abs(previous)).sum(axis=1))


def has_numbers(explanation: Explanation) -> bool:
    """Return True if the network reads numbers, and not tokens."""
    return any(step.numbers for step in explanation.steps)


def channels(explanation: Explanation) -> list[tuple[str, Floats]]:
    """Return the name of each channel that is shown and its numbers, [steps], NaN where a step has none."""
    names = list(_channel_names(explanation))[:_MAX_CHANNELS]
    return [
        (
            f"channel {name}" if name.isdigit() else name,
            np.array([step.numbers.get(name, np.nan) for step in explanation.steps], np.float64),
        )
        for name in names
    ]


def count_of_channels(explanation: Explanation) -> int:
    """Return the number of channels, also of those that are not shown."""
    return len(_channel_names(explanation))


def _channel_names(explanation: Explanation) -> dict[str, None]:
    return dict.fromkeys(name for step in explanation.steps for name in step.numbers)


def from_lowest(values: Floats) -> Floats:
    """Return where each value lies between the lowest, 0, and the highest, 1. Equal values are in the middle."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() == finite.max():
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray((values - finite.min()) / (finite.max() - finite.min()))


def fold(explanation: Explanation) -> list[int | Gap]:
    """Return the indices of the steps that are shown, in order, with gaps in place of the others.

    Runs of padding are never shown. If there are many steps, only the strongest, the explained one, the first and the
    last are shown, each with its neighbours.
    """
    count = len(explanation.steps)
    padding = np.array([step.kind == PADDED for step in explanation.steps], bool)
    shown = ~padding
    if shown.sum() > _MAX_STEPS:
        shown &= _near(_centres(explanation), count)
    items: list[int | Gap] = []
    first = 0
    while first < count:
        end = first + 1
        while end < count and (shown[end], padding[end]) == (shown[first], padding[first]):
            end += 1
        if shown[first] or end - first < _SHORTEST_GAP:
            items += range(first, end)
        else:
            items.append(Gap(first, end, bool(padding[first])))
        first = end
    return items


def _centres(explanation: Explanation) -> list[int]:
    centres = [0, len(explanation.steps) - 1]
    if explanation.target.step is not None:
        centres.append(explanation.target.step)
    found = main_attribution(explanation)
    if found is not None:
        sizes = np.nan_to_num(np.abs(found.values), nan=-1.0)
        centres += np.argsort(-sizes, kind="stable")[:_STRONGEST].tolist()
    return centres


def _near(centres: list[int], count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    near = np.zeros(count, bool)
    for centre in centres:
        near[max(0, centre - _NEIGHBOURS) : centre + _NEIGHBOURS + 1] = True
    return near


def largest_effect(attribution: Attribution | None, gap: Gap) -> float:
    """Return the largest magnitude of an effect in a gap. NaN if no step in it is judged."""
    if attribution is None:
        return float("nan")
    values = np.abs(attribution.values[gap.first : gap.end])
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def top_steps(explanation: Explanation) -> list[TopStep]:
    """Return the steps with the largest effects: first those of the main method, then those that others add."""
    rows = [found.values for found in explanation.attributions]
    first = main_attribution(explanation)
    chosen: dict[int, None] = {}
    for found in sorted(explanation.attributions, key=lambda found: found is not first):
        sizes = np.where(np.isfinite(found.values), np.abs(found.values), -1.0)
        ranked = np.argsort(-sizes, kind="stable")[: _TOP if found is first else _TOP_OF_OTHERS]
        chosen.update(dict.fromkeys(int(step) for step in ranked if sizes[step] > 0))
    kept = memory(explanation)
    top = [explanation.layers[place] for place in explanation.top_layers]
    gone = top[0].overwritten_at if len(top) == 1 else None
    return [
        TopStep(
            step,
            tuple(float(values[step]) for values in rows),
            float(kept.kept[step] / kept.written[step]) if kept and kept.written[step] > 0 else float("nan"),
            None if gone is None else int(gone[step]),
        )
        for step in chosen
    ]


def decimals(values: Floats, digits: int) -> int:
    """Return the number of decimals with which the largest value has this many significant digits, at most 6."""
    largest = _largest(values)
    if largest <= 0:
        return digits - 1
    return int(np.clip(digits - 1 - np.floor(np.log10(largest)), 0, 6))


def _largest(values: Floats) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if len(finite) else 0.0
