"""Arrange the weights of recurrent layers that Keras 1 and Keras 2 stored as Keras 3 has them, with NumPy alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Arrays = list[Any]

# Keras 1 stored W, U and b of each gate, in an order of its own: i, c, f, o of an LSTM.
_KERAS_1_GATES = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2)}
_GATES = {"LSTM": 4, "GRU": 3}


def arrange_recurrent(kind: str, units: int, values: Sequence[Any]) -> Arrays:
    """Return the kernel, the recurrent kernel and the bias of a layer in the layout of Keras 3.

    Arrays in another layout than those of Keras 1 and of the CuDNN layers of Keras 2 are not changed.

    Args:
        kind: Name of the layer's class in Keras 3, such as "LSTM".
        units: Number of units.
        values: The arrays in the order of the file.
    """
    if kind not in _GATES:
        return list(values)
    gates = _GATES[kind]
    if len(values) == 3 * gates:
        by_gate = [values[3 * gate : 3 * gate + 3] for gate in _KERAS_1_GATES[kind]]
        values = [np.concatenate(arrays, axis=-1) for arrays in zip(*by_gate, strict=True)]
    if not is_cudnn(kind, units, values):
        return list(values)
    kernel, recurrent_kernel, bias = (np.asarray(value) for value in values)
    # The two biases of an LSTM have the same effect, and those of a GRU differ, since it has reset_after=True.
    bias = bias.reshape(2, gates * units)
    return [*_from_cudnn(kernel, recurrent_kernel, gates), bias.sum(axis=0) if kind == "LSTM" else bias]


def is_cudnn(kind: str, units: int, values: Sequence[Any]) -> bool:
    """Return True if these are the weights of a CuDNN layer of Keras 2, which has two biases in one array."""
    return kind in _GATES and len(values) == 3 and np.shape(values[2]) == (2 * _GATES[kind] * units,)


def _from_cudnn(kernel: Any, recurrent_kernel: Any, gates: int) -> Arrays:
    """Return kernel and recurrent kernel of a CuDNN layer, whose matrices are transposed gate by gate."""
    kernels = [part.T.reshape(part.shape, order="F") for part in np.hsplit(kernel, gates)]
    return [np.hstack(kernels), np.hstack([part.T for part in np.hsplit(recurrent_kernel, gates)])]
