"""The one table of tolerances, and the one way to compare two arrays of numbers.

A difference is held against k * eps(dtype) * scale, where scale = max(1, largest magnitude expected, root of the
number of terms). Rounding errors arise where terms of order 1 are added (pre-activations, and gradients of order 1
summed over steps and rows), so an error is in proportion to those terms and not to a result that happens to cancel
to nearly 0: n terms of either sign add up to some root of n on the way. Tests keep their operands of order 1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gatewright.ops.recurrence import Recurrence

Kind = Literal["same_order", "forward", "gradient", "normalised", "training", "bfloat16", "finite_difference"]

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
    # As gradient, behind a division by the root of a variance that is near 0 (by EPSILON^(1/2) = 1 / 316), or
    # multiplied step by step in a network that does not forget.
    "normalised": 2.0**15,
    # A few steps of an optimizer on top. Adam divides each gradient by its own size, so a step is as long for a
    # gradient that is nearly all rounding as for any: 3e-5 in float32 at a learning rate of 0.01.
    "training": 256,
    # A number between two of bfloat16, which are 2^16 eps of float32 apart, was rounded to the other one.
    "bfloat16": 2.0**17,
    # Differences with a step of eps^(1/3) are wrong by eps^(2/3) = 2^17 eps in float64, times what rounding and the
    # higher derivatives along a direction as long as the root of the number of elements make of it: up to 2^11 here. A
    # wrong formula is off by 2^48 eps.
    "finite_difference": 2.0**28,
}


def tolerance(expected: npt.ArrayLike, kind: Kind, dtype: npt.DTypeLike, terms: int = 1) -> float:
    """The largest difference from the expected values, sums of so many terms, that this comparison allows."""
    expected = np.asarray(expected, dtype=np.float64)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)), terms**0.5)
    return _ROUNDINGS[kind] * float(np.finfo(dtype).eps) * scale


class Kinds(NamedTuple):
    """The kinds of comparison for what a recurrence gives, and for its gradients."""

    outward: Kind
    gradient: Kind


def kinds(rec: Recurrence, features: int, units: int, *, small_gains: bool = True) -> Kinds:
    """How a recurrence of such sizes is held against the specification on the same numbers."""
    # Of sums of a few terms some have hardly any variance, and their normalisation multiplies what they are off by.
    # Where gains are 1, no weights are so small that a normalised network forgets.
    if rec.definition.gain_rows.stop and (min(features, units) < 17 or not small_gains):
        return Kinds("normalised", "normalised")
    # A sum of a hundred terms, one after another, is off by more than one of ten.
    return Kinds("forward" if max(features, units) <= 100 else "gradient", "gradient")


def assert_close(
    actual: npt.ArrayLike, expected: npt.ArrayLike, kind: Kind, dtype: npt.DTypeLike, terms: int = 1
) -> None:
    """Assert equal shapes, and values that differ by no more than `tolerance`.

    Args:
        actual: what is tested.
        expected: what it must equal, of the same shape.
        kind: why the two may differ at all.
        dtype: the less precise of the dtypes that the two were computed in.
        terms: how many terms of order 1 each of the values is the sum of, where there may be hundreds.
    """
    actual, expected = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance(expected, kind, dtype, terms))


def assert_nearly_all_close(
    actual: npt.ArrayLike, expected: npt.ArrayLike, kind: Kind, dtype: npt.DTypeLike, terms: int = 1
) -> None:
    """Assert equal shapes, and that three quarters of the values are close in the sense of `assert_close`.

    Where both sides round numbers to bfloat16 on the way, a number between two of bfloat16 can be rounded to one of
    them on one side and to the other on the other. The few values that depend on it then differ by as much as
    bfloat16 is exact. Without these roundings, nearly all values would.
    """
    actual, expected = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    if not actual.size:
        return
    differences = np.abs(actual - expected)
    allowed = tolerance(expected, kind, dtype, terms)
    assert np.quantile(differences, 0.75) <= allowed, f"many values differ by more than {allowed}"
    coarse = _ROUNDINGS["bfloat16"] / _ROUNDINGS[kind] * allowed
    assert differences.max() <= coarse, f"a value differs by {differences.max()}, more than {coarse}"
