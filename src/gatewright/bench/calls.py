"""Calls of the kernels with random operands, and functions to time them. Importing this module loads the kernels."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.bench.shape import Shape
from gatewright.ops import _kernels
from gatewright.ops.kernels import spec
from gatewright.ops.numpy import forward
from gatewright.ops.recurrence import Recurrence


def recurrence(cell: str) -> Recurrence:
    """Return the recurrence of the recurrent cell named `cell`, such as "lstm", with default options.

    The prefix "zoneout_", as in "zoneout_lstm", adds zoneout with the probability 0.1.
    """
    name = cell.removeprefix("zoneout_")
    return Recurrence(name, zoneout=0.0 if name == cell else 0.1)


def operands(rec: Recurrence, shape: Shape) -> tuple[Any, ...]:
    """Return random float32 arrays: input x [batch, time, features], kernel, recurrent kernel and bias, in this order.

    The weights are scaled so that the states neither vanish nor explode over time.
    """
    rng = np.random.default_rng(1)
    kernel, recurrent_kernel = (shape.features, rec.gates * shape.units), rec.recurrent_kernel_shape(shape.units)
    shapes = (shape[:3], kernel, recurrent_kernel, rec.bias_shape(shape.units))
    scales = (1.0, shape.features**-0.5, shape.units**-0.5, 0.1)
    return tuple(
        np.float32(scale) * rng.standard_normal(size, np.float32) for size, scale in zip(shapes, scales, strict=True)
    )


def gflop(cell: str, shape: Shape) -> float:
    """Return the total number of floating-point operations in one forward and one backward pass, divided by 10^9.

    Only matrix products are counted. A multiply-add counts as two operations. The backward pass has twice as
    many operations as the forward pass.
    """
    steps, rec = shape.batch * shape.time, recurrence(cell)
    return 3 * 2e-9 * steps * shape.units * (rec.gates * shape.features + rec.recurrent_gates * shape.units)


class KernelCall:
    """A callable that runs the forward pass and the backward pass of one recurrent layer on random inputs.

    The forward pass also saves the values that the backward pass needs. Each call writes its results to the same
    arrays. The class calls the functions of the C++ extension directly. The NumPy backend would return new arrays, and
    the first access to new memory takes time.

    Args:
        cell: The name of the recurrent cell; see `recurrence`.
        shape: The sizes of the input and of the layer.
        lengths: The number of time steps of each sequence that are not padding, or None for sequences without padding.
    """

    def __init__(self, cell: str, shape: Shape, lengths: Sequence[int] | None = None) -> None:
        rec = recurrence(cell)
        run = forward(rec, *operands(rec, shape), lengths=lengths, zoneout_mask=_zoneout_mask(rec, shape), keep=True)
        d_sequence = np.ones_like(run.sequence)
        gradients = run.backward(d_sequence)
        arrays = {**run._operands, "sequence": run.sequence, "saved": run._saved, "d_sequence": d_sequence}
        results = {**gradients._asdict(), **dict(zip(("h0", "c0"), gradients.states, strict=False))}
        outputs = arrays | dict(zip(rec.state_names, run.states, strict=True))
        self._spec = spec(rec)
        self._operands = [arrays.get(name) for name in _kernels.operands]
        self._outputs = [outputs.get(name) for name in _kernels.outputs]
        self._backward_inputs = [arrays.get(name) for name in _kernels.backward_inputs]
        self._gradients = [results.get(name) for name in _kernels.gradients]

    def forward(self) -> None:
        """Run the forward pass."""
        _kernels.forward(self._spec, self._operands, self._outputs)

    def backward(self) -> None:
        """Run the backward pass."""
        _kernels.backward(self._spec, self._operands, self._backward_inputs, self._gradients)

    def __call__(self) -> None:
        self.forward()
        self.backward()


def _zoneout_mask(rec: Recurrence, shape: Shape) -> NDArray[np.bool_] | None:
    """Return a random zoneout mask as in training, [batch, time, states, units], or None if `rec` has no zoneout."""
    if not rec.zoneout:
        return None
    drawn = np.random.default_rng(2).random((shape.batch, shape.time, len(rec.state_names), shape.units), np.float32)
    return drawn < rec.zoneout


def seconds(call: Callable[[], Any], calls: int = 1) -> float:
    """Call a function `calls` times and return the mean number of seconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def calls_for(min_seconds: float, seconds_per_call: float) -> int:
    """Return how often to call a function so that the calls together take at least `min_seconds`."""
    return max(1, math.ceil(min_seconds / seconds_per_call))
