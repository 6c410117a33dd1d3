"""Cut tables with a label at each step into windows.

The label of a window is the most frequent one of its steps, as is usual in activity recognition (Bulling et al. 2014,
"A tutorial on human activity recognition using body-worn inertial sensors").
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.series import FoundSeries, Span, label_text

# A time difference of more than this many typical ones is a gap.
_GAP = 1.5


class Steps(NamedTuple):
    """The rows of a long table.

    Attributes:
        values: The numbers, [rows, channels].
        series: The number of the series of each row, [rows].
        times: The time of each row, [rows]. None if the rows are in the order of time.
        labels: The label of each row, as in the file. None if labels are not read.
        groups: The group of each row. Empty if there are none.
    """

    values: NDArray[np.float64]
    series: NDArray[np.intp]
    times: NDArray[Any] | None
    labels: list[Any] | None
    groups: list[str]


class _Windows(NamedTuple):
    """The windows of all streams.

    Attributes:
        order: The rows in the order of their streams, [rows].
        spans: The stream of each window, and its first step in `order`.
        streams: Number of streams.
        gaps: Number of streams that begin after a gap, or where the time goes back.
        unused: Number of steps that are in no window.
    """

    order: NDArray[np.intp]
    spans: list[Span]
    streams: int
    gaps: int
    unused: int


def cut_windows(
    path: Path, steps: Steps, channels: tuple[str, ...], options: SeriesOptions, notes: list[str]
) -> FoundSeries:
    """Return the windows of a table. A stream is a stretch of one series (and group) without gaps in time.

    Raises:
        InputError: All streams are shorter than a window.
    """
    length = options.window or 1
    stride = options.stride or length
    found = _find_windows(steps, length, stride)
    if not found.spans:
        raise InputError(
            f"{path} has no {length:,} consecutive steps, the length of a window. Choose shorter windows with --window."
        )
    values = steps.values[found.order]
    windows = [values[span.start : span.start + length] for span in found.spans]
    labels, label_notes = _window_labels(path, steps, found, length)
    filled = [bool((~np.isnan(window)).any()) for window in windows]
    needed = not options.labelled or labels is None
    kept = [place for place, full in enumerate(filled) if full and (needed or (labels or [])[place] is not None)]
    if not kept:
        raise InputError(f"{path} has no window with numbers and a label. Check its columns.")
    lost = len(windows) - len(kept)
    notes = [
        *notes,
        f"{path.name} was cut into {len(kept):,} windows of {length:,} steps, one every {stride:,} steps (--stride), "
        f"from {_counted(found.streams, 'stream')}.",
        *(_stream_notes(path, steps, found)),
        *(label_notes if options.labelled else []),
    ]
    if lost:
        were = "was" if lost == 1 else "were"
        notes.append(f"{_counted(lost, 'window')} of {path.name} without numbers or without a label {were} left out.")
    groups = tuple(steps.groups[found.order[found.spans[place].start]] for place in kept) if steps.groups else ()
    return FoundSeries(
        [windows[place] for place in kept],
        None if labels is None else [labels[place] for place in kept],
        options,
        channels,
        tuple(notes),
        groups,
        tuple(found.spans[place] for place in kept),
    )


def _find_windows(steps: Steps, length: int, stride: int) -> _Windows:
    rows = len(steps.series)
    order = np.argsort(steps.series, kind="stable")
    begins = np.diff(steps.series[order]) != 0
    gaps = np.zeros(rows - 1, np.bool_)
    if steps.times is not None:
        by_time = np.lexsort((steps.times, steps.series))
        same = np.diff(steps.series[by_time]) == 0
        # Times that occur twice, as when each recording begins at 0, are in the order of the rows.
        if not (same & (np.diff(steps.times[by_time]) == 0)).any():
            order = by_time
        differences = np.diff(steps.times[order])
        positive = differences[~begins & (differences > 0)]
        typical = np.median(positive) if len(positive) else np.inf
        gaps = ~begins & ((differences <= 0) | (differences > _GAP * typical))
    if steps.groups:
        groups = np.unique(np.array(steps.groups), return_inverse=True)[1][order]
        begins |= np.diff(groups) != 0
    edges = [0, *(np.flatnonzero(begins | gaps) + 1).tolist(), rows]
    spans, unused = [], 0
    for stream, (first, end) in enumerate(pairwise(edges)):
        starts = range(first, end - length + 1, stride)
        spans += [Span(stream, start) for start in starts]
        unused += end - first if not starts else max(0, end - (starts[-1] + length))
    return _Windows(order, spans, len(edges) - 1, int((gaps & ~begins).sum()), unused)


def _window_labels(path: Path, steps: Steps, found: _Windows, length: int) -> tuple[list[str | None] | None, list[str]]:
    """Return the most frequent label of each window, the later one of two that are equally frequent, and notes."""
    if steps.labels is None:
        return None, []
    names = [label_text(label) for label in steps.labels]
    labels = [names[row] for row in found.order.tolist()]
    chosen: list[str | None] = []
    mixed = 0
    for span in found.spans:
        counts = Counter(reversed(labels[span.start : span.start + length]))
        chosen.append(counts.most_common(1)[0][0])
        mixed += len(counts) > 1
    if not mixed:
        return chosen, []
    have = "has" if mixed == 1 else "have"
    return chosen, [
        f"{mixed:,} of the {len(chosen):,} windows of {path.name} {have} steps with different labels. The label of a "
        "window is the most frequent one."
    ]


def _stream_notes(path: Path, steps: Steps, found: _Windows) -> Sequence[str]:
    notes = []
    if steps.times is None:
        notes.append(
            f"The rows of {path.name} were read as equally spaced steps, because it has no column of times (--time)."
        )
    if found.gaps:
        begin = "begins" if found.gaps == 1 else "begin"
        notes.append(
            f"{_counted(found.gaps, 'stream')} of {path.name} {begin} where the time jumps by more than {_GAP:g} times "
            "the typical step, stands still or goes back."
        )
    if found.unused:
        were = "was" if found.unused == 1 else "were"
        notes.append(f"{_counted(found.unused, 'step')} at the ends of streams {were} left out, too few for a window.")
    return notes


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
