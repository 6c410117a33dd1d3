"""The one table of tolerances, and the one way to compare two arrays of numbers.

A difference is held against k * eps(dtype) * scale, where scale = max(1, largest magnitude expected).
Rounding errors arise where terms of order 1 are added (pre-activations, and gradients of order 1 summed over
steps), so an error is in proportion to those terms and not to a result that happens to cancel to nearly 0.
Tests keep their operands of order 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["same_order", "forward", "gradient", "training", "finite_difference"]

# k for each kind of comparison. The dtype is that of the less precise of the two sides.
_ROUNDINGS: dict[Kind, float] = {
    # The same operations in the same order, up to the blocking of a product by the number of its rows.
    "same_order": 8,
    # Sums over features and units in another order, and other tanh and exp (about 2 units in the last place
    # each): some 2e-6 in float32. A recurrence that forgets does not add these up over time.
    "forward": 16,
    # As forward, then summed over every step and row, through products of up to four gate values: 1.5e-5 in
    # float32.
    "gradient": 128,
    # A few steps of an optimizer on top. Adam divides each gradient by its own size, so a step is as long for a
    # gradient that is nearly all rounding as for any: 3e-5 in float32 at a learning rate of 0.01.
    "training": 256,
    # Central differences with a step of eps^(1/3) are wrong by eps^(2/3) = 2^17 eps in float64, times a third
    # derivative along a direction as long as the root of the number of elements: up to 2^11 here. A wrong
    # formula is off by 2^48 eps.
    "finite_difference": 2.0**28,
}


def tolerance(expected: npt.ArrayLike, kind: Kind, dtype: npt.DTypeLike) -> float:
    """The largest difference from the expected values that this kind of comparison allows in this dtype."""
    expected = np.asarray(expected, dtype=np.float64)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    return _ROUNDINGS[kind] * float(np.finfo(dtype).eps) * scale


def assert_close(actual: npt.ArrayLike, expected: npt.ArrayLike, kind: Kind, dtype: npt.DTypeLike) -> None:
    """Assert equal shapes, and values that differ by no more than `tolerance`.

    Args:
        actual: what is tested.
        expected: what it must equal, of the same shape.
        kind: why the two may differ at all.
        dtype: the less precise of the dtypes that the two were computed in.
    """
    actual, expected = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance(expected, kind, dtype))
