"""Compute in float64 if a program asks Keras for it, and multiply in bfloat16 if Gatewright is asked for it.

Without its 64-bit mode, JAX makes float32 arrays where float64 is asked for, and stock Keras on JAX trains in float32.
"""

import functools
import os
from typing import Any

from gatewright.keras import lazy_parts
from gatewright.ops.recurrence import PRECISIONS
from gatewright.support.errors import require_one_of

PRODUCTS = "GATEWRIGHT_PRECISION"
"""The environment variable with the precision of products in training, so that child processes use the same."""

_products_before: list[str | None] = []
_wide_before: list[bool] = []  # JAX's 64-bit mode before `begin`


def begin() -> None:
    """Turn on JAX's 64-bit mode if Keras already computes in float64."""
    import jax
    import keras

    _wide_before[:] = [jax.dtypes.canonicalize_dtype("float64") == "float64"]
    if keras.config.floatx() == "float64":
        jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]


def end() -> None:
    """Put JAX's 64-bit mode back to its state before `begin`."""
    import jax

    jax.config.update("jax_enable_x64", _wide_before.pop())  # type: ignore[no-untyped-call]


def set_products(precision: str) -> None:
    """Set the precision of the products of recurrent layers in training; see `gatewright.ops.recurrence.Recurrence`.

    Raises:
        ValueError: There is no such precision.
    """
    require_one_of("precision", precision, PRECISIONS)
    if not _products_before:
        _products_before.append(os.environ.get(PRODUCTS))
    os.environ[PRODUCTS] = precision


def reset_products() -> None:
    """Undo the effects of `set_products`."""
    if not _products_before:
        return
    before = _products_before.pop()
    if before is None:
        os.environ.pop(PRODUCTS, None)
    else:
        os.environ[PRODUCTS] = before


def of_products(training: bool) -> str:
    """Return the precision of products. Outside of training it is always float32."""
    return os.environ.get(PRODUCTS) or "float32" if training else "float32"


def modules_with_set_floatx() -> list[Any]:
    """Return the modules of Keras that have the function `set_floatx`."""
    return [module for module in lazy_parts.loaded_modules() if callable(vars(module).get("set_floatx"))]


def with_64_bits(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `set_floatx`, that also turns JAX's 64-bit mode on for float64."""
    import jax

    @functools.wraps(stock)
    def set_floatx(value: str) -> None:
        stock(value)
        jax.config.update("jax_enable_x64", value == "float64" or _wide_before[0])  # type: ignore[no-untyped-call]

    return set_floatx
