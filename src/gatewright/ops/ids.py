"""Ids of rows of a table as JAX arrays: their form, the rows themselves, and a check while a compiled program runs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gatewright.ops.recurrence import Tokens

Array = Any  # a jax.Array, or a tracer of one


def on_cpu_only() -> bool:
    return jax.default_backend() == "cpu"


def table_and_ids(tokens: Tokens, gathered: bool) -> tuple[Array, Array | None]:
    """Return the table, and the ids as int32 [batch, time]. If `gathered`, return the vector of each id, and None."""
    ids, table = tokens.ids, jnp.asarray(tokens.table)
    if not hasattr(ids, "dtype"):
        ids = np.asarray(ids)
    if ids.ndim != 2 or not jnp.issubdtype(ids.dtype, jnp.integer):
        raise ValueError(f"ids must be integers of shape [batch, time], not {ids.dtype} of shape {list(ids.shape)}.")
    if table.ndim != 2:
        raise ValueError(f"table must have shape [rows, features], not {list(table.shape)}.")
    ids = as_int32(ids)
    return (rows_of(table, ids), None) if gathered else (table, ids)


def as_int32(ids: Array) -> Array:
    """Return integers as int32. Values that do not fit become the nearest that does, so that none becomes a valid id.

    Args:
        ids: A NumPy or JAX array of integers.
    """
    if not np.can_cast(ids.dtype, np.int32):
        limits = np.iinfo(np.int32)
        low = limits.min if np.issubdtype(ids.dtype, np.signedinteger) else 0
        ids = (np if isinstance(ids, np.ndarray) else jnp).clip(ids, low, limits.max)
    return jnp.asarray(ids, jnp.int32)


def check_ids(ids: Array, rows: int, tag: int) -> Array:
    """Return the ids. When the compiled program runs, record the first id outside the table.

    `_kernels.take_outside_ids` returns the recorded ids.

    Args:
        ids: int32, of any shape.
        rows: Number of rows of the table.
        tag: A number with which the id is recorded.
    """
    result = jax.ShapeDtypeStruct(ids.shape, jnp.int32)  # type: ignore[no-untyped-call]
    handler = jax.ffi.ffi_call("gatewright_check_ids", result, vmap_method="broadcast_all")

    def checked(ids: Array) -> Array:
        return handler(ids, rows=np.int64(rows), tag=np.int64(tag))

    if on_cpu_only():
        return checked(ids)
    return lax.platform_dependent(ids, cpu=checked, default=lambda ids: ids)


def rows_of(table: Array, ids: Array) -> Array:
    """Return the rows of a table, [batch, time, features]. Ids outside the table give NaN."""
    if not table.shape[0]:
        return jnp.full((*ids.shape, table.shape[1]), jnp.nan, table.dtype)
    return jnp.take(table, ids, axis=0, mode="fill", fill_value=jnp.nan)
