"""Leave-one-out for networks with one recurrent layer, without reading again what the shortened examples share.

Without step k, the states before step k are those of the whole example. So the forward direction of a shortened example
begins after step k, with the states that the whole example has after step k - 1; the backward direction begins before
step k, with the states that the whole example has at step k + 1. On average this halves the work.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.target import POSITIONS, AtStep, inputs_at_target, run, target_values, up_to_target
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Layer, Weights, as_array
from gatewright.nn.layers import Dropout, Pool, Recurrent
from gatewright.ops import numpy as ops
from gatewright.ops.recurrence import Recurrence, Tokens
from gatewright.tasks.base.explainable import Explainable

Floats = NDArray[np.float64]


def read_without_each(layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable) -> Floats | None:
    """Return the explained number for the whole example and without each removable step, [1 + removable].

    None is returned if the shortened examples are not read in this way: the network has several recurrent layers, or
    pools by attention; or a shortened example has steps that the whole one does not have, such as padding up to a fixed
    length, or words before those that a limit leaves.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.

    Raises:
        InputError: A result is not finite.
    """
    network, own = up_to_target(layers, weights, explainable.output)
    parts = _parts(network, explainable)
    if parts is None or not _only_deletes(explainable):
        return None
    example = inputs_at_target(explainable.inputs, explainable.output)
    read, _ = models.forward(network[: parts.place], NUMPY, own[: parts.place], example)
    if read.mask is not None and not read.mask.all():
        return None
    x, top = as_array(read.x)[0], parts.layer
    outputs = []
    for prefix, rec in top.directions():
        step = 0 if rec.reverse else len(x) - 1
        end = step if parts.step is None else parts.step
        direction = _Direction(rec, top.operands(own[parts.place], prefix), x, explainable.removable, end)
        outputs.append(direction.last() if parts.pool is None else direction.pooled(parts.pool))
    merged = top.merged(np, outputs) if parts.pool is None else np.concatenate(outputs, axis=-1)
    return target_values(explainable.output, run(network[parts.above :], own[parts.above :], Activations(merged)))


class _Parts(NamedTuple):
    """The parts of a network with one recurrent layer.

    Attributes:
        place: Index of the recurrent layer.
        layer: The recurrent layer.
        pool: "mean" or "max" if its outputs are pooled.
        step: Index of the step whose output is read. None for the last step of each direction.
        above: Index of the first layer of the read-out, which reads one vector of each example.
    """

    place: int
    layer: Recurrent
    pool: str | None
    step: int | None
    above: int


def _parts(network: Sequence[Layer], explainable: Explainable) -> _Parts | None:
    """Return the parts of a network of `up_to_target`, or None if it is none of these networks."""
    place = next((index for index, layer in enumerate(network) if layer.cells()), len(network))
    below, others = network[:place], network[place + 1 :]
    if place == len(network) or not all(layer.stepwise for layer in below) or any(layer.cells() for layer in others):
        return None
    layer = network[place]
    if not isinstance(layer, Recurrent):
        return None
    if not layer.return_sequences:
        return _Parts(place, layer, None, None, place + 1)
    above = place + 1
    while isinstance(network[above], Dropout):
        above += 1
    reader, step = network[above], explainable.output.step
    if isinstance(reader, AtStep):
        # Without the explained step itself, the output of the step before is read: the backward direction ends there.
        readable = not layer.go_backwards and not (layer.bidirectional and step in explainable.removable)
        return _Parts(place, layer, None, step, above + 1) if readable else None
    if isinstance(reader, Pool) and reader.method != "attention" and not layer.zero_output_for_mask:
        separate = not layer.bidirectional or layer.merge == "concat"
        return _Parts(place, layer, reader.method, None, above + 1) if separate else None
    return None


def _only_deletes(explainable: Explainable) -> bool:
    """Return whether the inputs without a step are those of the whole example, without that step and nothing else."""
    inputs = explainable.inputs
    if not isinstance(inputs, np.ndarray) or len(explainable.removable) == 0 or inputs.shape[1] < 2:
        return False
    shortened = explainable.without([(step,) for step in explainable.removable])
    left_out = np.array(explainable.removable)[:, None]
    kept = np.arange(inputs.shape[1] - 1) + (np.arange(inputs.shape[1] - 1) >= left_out)
    return np.array_equal(shortened, inputs[0][kept], equal_nan=inputs.dtype.kind == "f")


class _Reading(NamedTuple):
    """A direction's reading of some of the shortened examples, from the first step that they do not share.

    Attributes:
        rows: Which of the shortened examples.
        initial: The outputs before the first step that is read, [rows, units].
        sequence: The outputs at the steps that are read, [rows, time, units]; None if they were not asked for. In rows
            with fewer steps, the others are repetitions: of `last`, or of `initial` in the backward direction.
        last: The outputs after the last step, [rows, units].
    """

    rows: slice
    initial: Array
    sequence: Array
    last: Array


class _Direction:
    """One direction of the recurrent layer, reading the whole example, and the example without each removable step.

    Args:
        rec, operands: The recurrence and its weights.
        x: The vectors of the whole example, [time, features].
        removable: Index k of the step to leave out, one for each shortened example.
        end: Index of the last step to read, in the order of the direction.
    """

    def __init__(
        self,
        rec: Recurrence,
        operands: tuple[Array, Array, Array],
        x: NDArray[np.floating[Any]],
        removable: Sequence[int],
        end: int,
    ) -> None:
        self._rec, self._operands, self._x, self._end = rec, operands, x, end
        whole = ops.forward(rec, x[None], *operands, keep=True)
        self._outputs = whole.sequence[0]
        # The state after each step; a state c is one of the saved values. The last row is the state before all steps.
        states = [self._outputs, *(whole.gates[name][0] for name in rec.state_names[1:])]
        self._states = [np.concatenate([state, np.zeros_like(state[:1])]) for state in states]
        k = np.array(removable, np.intp)
        # The steps first, first + 1, ..., first + count - 1 are read, from the states after the step `before`.
        if rec.reverse:
            self._first, self._count = np.full_like(k, end), np.maximum(k - end, 0)
            self._before = np.where(k < end, end, k + 1)  # the index after the last step is the row of zeros
            self._shared = len(x) - 1 - k  # number of steps before step k, in the order of the direction
        else:
            self._first, self._count = k + 1, np.maximum(end - k, 0)
            self._before = np.where(k > end, end, k - 1)  # so is index -1
            self._shared = k

    def last(self) -> Array:
        """Return the output after the last step of the whole and of each shortened example, [1 + removable, units]."""
        rows = [reading.last for reading in self._readings(sequences=False)]
        return np.concatenate([self._outputs[self._end][None], *rows])

    def pooled(self, method: str) -> Array:
        """Return the mean or maximum over time of the whole and of each shortened example, [1 + removable, units]."""
        outputs = self._outputs[::-1] if self._rec.reverse else self._outputs
        pool = self._means if method == "mean" else self._maxima
        return np.concatenate(list(pool(outputs))).astype(outputs.dtype)

    def _means(self, outputs: Array) -> Iterator[Array]:
        sums = np.cumsum(outputs, axis=0, dtype=np.float64)
        yield sums[-1:] / len(outputs)
        sums = np.concatenate([np.zeros_like(sums[:1]), sums])
        for rows, initial, sequence, last in self._readings(sequences=True):
            repeated = initial if self._rec.reverse else last
            repetitions = (sequence.shape[1] - self._count[rows])[:, None]
            read = sequence.sum(axis=1, dtype=np.float64) - repetitions * repeated.astype(np.float64)
            yield (sums[self._shared[rows]] + read) / (len(outputs) - 1)

    def _maxima(self, outputs: Array) -> Iterator[Array]:
        tops = np.maximum.accumulate(outputs)
        yield tops[-1:]
        for rows, _, sequence, _ in self._readings(sequences=True):
            shared = self._shared[rows]
            # Repetitions are outputs of the example, too: without a shared step, all others are read.
            found = sequence.max(axis=1)
            yield np.where(shared[:, None] > 0, np.maximum(tops[shared - 1], found), found)

    def _readings(self, sequences: bool) -> Iterator[_Reading]:
        """Yield the readings of the shortened examples, some at a time so that memory is bounded.

        Args:
            sequences: Whether the outputs at all steps are needed.
        """
        size = max(1, POSITIONS // len(self._x))
        for start in range(0, len(self._count), size):
            rows = slice(start, start + size)
            time = np.arange(max(1, self._count[rows].max()))
            # Equal vectors are projected once.
            places = np.minimum(self._first[rows, None] + time, len(self._x) - 1)
            initial = tuple(state[self._before[rows]] for state in self._states)
            sequence, states = NUMPY.recur(
                self._rec,
                Tokens(places, self._x),
                self._operands,
                initial,
                time < self._count[rows, None],
                None,
                None,
                sequences,
            )
            yield _Reading(rows, initial[0], sequence, states[0])
