"""Calls of the kernels on made-up operands, for the suites that time the operations alone. Loads the kernels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.ops import _kernels
from gatewright.ops.kernels import spec
from gatewright.ops.numpy import forward
from gatewright.ops.recurrence import Recurrence


class Shape(NamedTuple):
    """The sizes of a call."""

    batch: int
    time: int
    features: int
    units: int


def recurrence(cell: str) -> Recurrence:
    """Return the recurrence of a cell with its default options; "zoneout_lstm" is an LSTM with a zoneout of 0.1."""
    name = cell.removeprefix("zoneout_")
    return Recurrence(name, zoneout=0.0 if name == cell else 0.1)


def operands(rec: Recurrence, shape: Shape) -> tuple[Any, ...]:
    """x, kernel, recurrent kernel and bias, float32; weights of a size that neither dies out nor grows through time."""
    rng = np.random.default_rng(1)
    kernel, recurrent_kernel = (shape.features, rec.gates * shape.units), rec.recurrent_kernel_shape(shape.units)
    shapes = (shape[:3], kernel, recurrent_kernel, rec.bias_shape(shape.units))
    scales = (1.0, shape.features**-0.5, shape.units**-0.5, 0.1)
    return tuple(
        np.float32(scale) * rng.standard_normal(size, np.float32) for size, scale in zip(shapes, scales, strict=True)
    )


def gflop(cell: str, shape: Shape) -> float:
    """Of the products forward and back, a multiply-add as two: back has twice as many as forward."""
    steps, rec = shape.batch * shape.time, recurrence(cell)
    return 3 * 2e-9 * steps * shape.units * (rec.gates * shape.features + rec.recurrent_gates * shape.units)


class Call:
    """Forward, with everything kept, and back, into memory that is there already: no page is touched first.

    The NumPy door itself hands out fresh arrays; this goes to the functions behind it.
    """

    def __init__(self, cell: str, shape: Shape, lengths: Sequence[int] | None = None) -> None:
        rec = recurrence(cell)
        run = forward(rec, *operands(rec, shape), lengths=lengths, zoneout_mask=_zoned(rec, shape), keep=True)
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
        """Forward alone."""
        _kernels.forward(self._spec, self._operands, self._outputs)

    def backward(self) -> None:
        """Back alone."""
        _kernels.backward(self._spec, self._operands, self._backward_inputs, self._gradients)

    def __call__(self) -> None:
        self.forward()
        self.backward()


def _zoned(rec: Recurrence, shape: Shape) -> NDArray[np.bool_] | None:
    """Return a zoneout mask as training draws it, or None without zoneout."""
    if not rec.zoneout:
        return None
    drawn = np.random.default_rng(2).random((shape.batch, shape.time, len(rec.state_names), shape.units), np.float32)
    zoned: NDArray[np.bool_] = drawn < rec.zoneout
    return zoned


def seconds(call: Callable[[], Any], calls: int = 1) -> float:
    """Of one call, when so many are made in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def calls_for(least: float, one: float) -> int:
    """How many calls of `one` seconds make up at least so many."""
    return max(1, math.ceil(least / one))
