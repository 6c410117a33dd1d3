"""The compiled part of Adam for a large table, of which a step uses few rows; see `gatewright.training.lazy_table`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gatewright.ops import jax as _registered  # noqa: F401  (it registers the handlers)

Array = Any  # a jax.Array, or a tracer of one


class Table(NamedTuple):
    """A table whose rows are not all up to date.

    Attributes:
        weights: [rows, units], float32.
        m: The first moment of each weight.
        last: int32 [rows]. The step after which a row and its moments were last brought up to date.
    """

    weights: Array
    m: Array
    last: Array


class Used(NamedTuple):
    """The rows of a table that a step uses.

    Attributes:
        ids: The ids as numbers of rows in `weights`, int32 [batch, time].
        distinct: The id of each row in `weights`, int32. Only the first `count` elements are used.
        count: int32 [1].
        weights: The rows, up to date. Those after the first `count` rows are 0.
    """

    ids: Array
    distinct: Array
    count: Array
    weights: Array


def use_rows(table: Table, ids: Array, step: Array, missed: Array, reserved: int) -> Used:
    """Return the rows for ids [batch, time], brought up to date after `step` steps. The table itself stays as it is.

    Args:
        table: The table.
        ids: int32. If one is outside the table, the program that runs this ends with an error.
        step: int32, the number of finished steps.
        missed: What happens to a row in 0 to `window` missed steps, float32 [3, window + 1]: the factors (kept, moved,
            faded) of weights = kept * weights - moved * m and m = faded * m.
        reserved: Number of ids that keep their numbers. They begin at 0.
    """
    rows = ids.size + reserved
    shapes = [_like(ids.shape, jnp.int32), _like((rows,), jnp.int32), _like((1,), jnp.int32)]
    shapes.append(_like((rows, table.weights.shape[1]), jnp.float32))
    handler = jax.ffi.ffi_call("gatewright_lazy_rows", shapes)
    return Used(*handler(ids, *table, step, missed, reserved=np.int64(reserved)))


def train(table: Table, used: Used, gradient: Array, step: Array, missed: tuple[Array, Array], scalars: Array) -> Table:
    """Return the table after a step for the rows in `used`: m = b1 m + (1 - b1) gradient, weights -= rate * m.

    A few other rows are brought up to date, so that in `window` steps each row is.

    Args:
        table: The table. Its memory is reused.
        used: The result of `use_rows`.
        gradient: The gradient with respect to `used.weights`.
        step: int32, the number of this step. The first is 1.
        missed: The factors for `use_rows` before and after this step.
        scalars: float32 [3]: b1, the factor of the weights before the move, and the rate.
    """
    handler = jax.ffi.ffi_call("gatewright_lazy_train", _shapes(table), input_output_aliases={0: 0, 1: 1, 2: 2})
    return Table(*handler(*table, used.distinct, used.count, used.weights, gradient, step, *missed, scalars))


def catch_up(table: Table, step: Array, missed: Array) -> Table:
    """Return the table with all rows up to date. The memory of the argument is reused."""
    handler = jax.ffi.ffi_call("gatewright_lazy_catch_up", _shapes(table), input_output_aliases={0: 0, 1: 1, 2: 2})
    return Table(*handler(*table, step, missed))


def _shapes(table: Table) -> list[Any]:
    return [_like(array.shape, array.dtype) for array in table]


def _like(shape: tuple[int, ...], dtype: Any) -> Any:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]
