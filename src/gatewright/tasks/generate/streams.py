"""Turn texts into the examples of a language model: ids as inputs, and the ids that follow them as targets."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.support.ids import PADDING, START


def stream(texts: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return texts, each a sequence of ids, joined into one array, [steps], with START before each text."""
    return np.fromiter(chain.from_iterable((START, *text) for text in texts), np.int32)


def in_streams(ids: NDArray[np.int32], streams: int, length: int) -> Batch:
    """Cut a stream, [steps], into `streams` parallel streams that are read `length` steps at a time.

    Example i of one batch of `streams` examples continues in example i of the next batch: Mikolov et al. 2010,
    "Recurrent Neural Network Based Language Model"; Zaremba, Sutskever & Vinyals 2014, "Recurrent Neural Network
    Regularization", section 3. Every id except the first of `ids` is a target once.

    Returns:
        Inputs and targets, int32 [batches * streams, length], with 0 after the end of a stream.
    """
    return Batch(side_by_side(ids[:-1], streams, length), side_by_side(ids[1:], streams, length))


def side_by_side(values: NDArray[Any], streams: int, length: int) -> NDArray[Any]:
    """Cut an array, [steps], into parallel streams, [batches * streams, length]; see `in_streams`."""
    stream_length = -(-len(values) // streams)
    batches = -(-stream_length // length)
    rows = np.zeros((streams, batches * length), values.dtype)
    for place, row in enumerate(rows):
        piece = values[place * stream_length : (place + 1) * stream_length]
        row[: len(piece)] = piece
    return rows.reshape(streams, batches, length).swapaxes(0, 1).reshape(batches * streams, length)


def lines(texts: Sequence[Sequence[int]], time: int) -> Batch:
    """Return each text as an example that begins with START and whose last target is START, which ends the text.

    Only the first `time` targets of a longer text are kept.

    Returns:
        Inputs and targets, int32 [texts, time], padded with 0 on the right.
    """
    inputs, targets = (np.full((len(texts), time), PADDING, np.int32) for _ in range(2))
    for row, text in enumerate(texts):
        whole = [START, *text[:time], START]
        length = min(len(text) + 1, time)
        inputs[row, :length], targets[row, :length] = whole[:length], whole[1 : length + 1]
    return Batch(inputs, targets)


def in_rows(values: NDArray[Any], lengths: Sequence[int], time: int) -> NDArray[Any]:
    """Cut an array into consecutive rows of these lengths, [rows, time], padded with 0 and cut on the right."""
    rows, first = np.zeros((len(lengths), time), values.dtype), 0
    for row, length in zip(rows, lengths, strict=True):
        kept = min(length, time)
        row[:kept] = values[first : first + kept]
        first += length
    return rows


def prefixes(lines: Sequence[Sequence[int]], length: int) -> Batch:
    """Return every prefix of every line as an example whose target is the id after the prefix.

    A prefix begins with START. Only the last `length` ids of a prefix are kept.

    Returns:
        Inputs, int32 [examples, length], padded with 0 on the left, and targets, int32 [examples].
    """
    count = sum(map(len, lines))
    inputs, targets = np.full((count, length), PADDING, np.int32), np.empty(count, np.int32)
    row = 0
    for line in lines:
        started = [START, *line]
        for end in range(1, len(started)):
            prefix = started[max(0, end - length) : end]
            inputs[row, length - len(prefix) :] = prefix
            targets[row] = started[end]
            row += 1
    return Batch(inputs, targets)


def first(texts: Sequence[list[int]], limit: int | None) -> list[list[int]]:
    """Return the first `limit` ids of all texts together (None for all ids), as a list of ids for each text."""
    if limit is None:
        return list(texts)
    kept = []
    for text in texts:
        kept.append(text[:limit])
        limit -= len(kept[-1])
        if not limit:
            break
    return kept
