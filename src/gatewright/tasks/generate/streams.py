"""Texts as rows for a language model: ids, and the id that comes next at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.support.ids import PADDING, START


def stream(texts: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Texts, one after another, START before each: at the end of a text the next id is START."""
    whole = np.empty(sum(len(text) + 1 for text in texts), np.int32)
    place = 0
    for text in texts:
        whole[place] = START
        whole[place + 1 : place + 1 + len(text)] = text
        place += len(text) + 1
    return whole


def in_streams(whole: NDArray[np.int32], streams: int, length: int) -> Examples:
    """A stream cut into `streams` that are read side by side, `length` steps at a time.

    Row i of each `streams` rows goes on in row i of the next: Mikolov et al. 2010, "Recurrent Neural Network Based
    Language Model"; Zaremba, Sutskever & Vinyals 2014, section 3. Every id but the first is a target once.

    Returns:
        inputs and targets, int32 [blocks * streams, length]; 0 where a row has come to its end.
    """
    return Examples(side_by_side(whole[:-1], streams, length), side_by_side(whole[1:], streams, length))


def side_by_side(values: NDArray[Any], streams: int, length: int) -> NDArray[Any]:
    """One row of `in_streams`, [steps] to [blocks * streams, length]."""
    each = -(-len(values) // streams)
    blocks = -(-each // length)
    rows = np.zeros((streams, blocks * length), values.dtype)
    for row in range(streams):
        part = values[row * each : (row + 1) * each]
        rows[row, : len(part)] = part
    cut = rows.reshape(streams, blocks, length).swapaxes(0, 1)
    return np.ascontiguousarray(cut.reshape(blocks * streams, length))


def prefixes(lines: Sequence[Sequence[int]], length: int) -> Examples:
    """Every beginning of every line, START and at most `length - 1` ids before it, and the id that follows.

    Returns:
        inputs, int32 [rows, length], with 0 on the left; targets, int32 [rows].
    """
    count = sum(map(len, lines))
    inputs, targets = np.full((count, length), PADDING, np.int32), np.empty(count, np.int32)
    row = 0
    for line in lines:
        started = [START, *line]
        for end in range(1, len(started)):
            shown = started[max(0, end - length) : end]
            inputs[row, length - len(shown) :] = shown
            targets[row] = started[end]
            row += 1
    return Examples(inputs, targets)
