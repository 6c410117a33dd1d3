"""Ids on their way from an Embedding to the kernels, and a warning about ids outside the table."""

import functools
from typing import Any

import numpy as np

from gatewright.keras.tensor_notes import Notes
from gatewright.ops.recurrence import Tokens
from gatewright.support.user_warnings import warn_user

embedded = Notes()  # output of an Embedding -> the Tokens that it was made from
_tags = Notes()  # Embedding layer -> its number, which compiled programs record with an id
_tables: list[tuple[str, int]] = []  # by number: the description and the rows of the layer's table
_warned: set[int] = set()  # numbers of layers


class UnknownIdWarning(UserWarning):
    """A warning that an Embedding layer was given an id outside its table. Its output for such an id is NaN."""


def noting_tokens(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `Embedding.call`.

    The replacement also stores a note for its result, with the ids and the table of embeddings, and checks the ids.
    """

    @functools.wraps(stock)
    def call(self: Any, inputs: Any) -> Any:
        if not _is_tensor(inputs):
            return stock(self, inputs)
        ids = _checked(self, inputs)
        output = stock(self, ids)
        if self.lora_enabled or self.quantization_mode or not _is_tensor(output) or len(output.shape) != 3:
            return output
        table = self.embeddings.value
        if output.dtype == table.dtype:  # not mixed precision
            embedded.set(output, Tokens(ids, table))
        return output

    return call


def report_unknown_ids() -> None:
    """Warn about ids outside a table that compiled programs have met since the last call, once for each layer."""
    from gatewright.ops import _kernels

    for tag, wrong in _kernels.take_outside_ids().items():
        _warn(tag, wrong)


def clear() -> None:
    """Forget all notes and warnings."""
    embedded.clear()
    _warned.clear()


def _is_tensor(value: Any) -> bool:
    import jax

    return isinstance(value, jax.Array)


def _checked(layer: Any, inputs: Any) -> Any:
    """Return the ids as int32. An id outside the table is reported now, or when the compiled program has run."""
    import jax
    from jax import numpy as jnp

    from gatewright.ops.ids import as_int32, check_ids

    ids = as_int32(inputs) if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype(jnp.int32)
    rows, tag = layer.input_dim, _tag(layer)
    if isinstance(ids, jax.core.Tracer):
        return check_ids(ids, rows, tag)
    values = np.asarray(ids)
    outside = (values >= rows) | (values < -rows)
    if outside.any():
        _warn(tag, int(values[outside][0]))
    return ids


def _tag(layer: Any) -> int:
    tag: int | None = _tags.get(layer)
    if tag is None:
        tag = len(_tables)
        _tables.append((f"{type(layer).__name__} layer {layer.name!r}", layer.input_dim))
        _tags.set(layer, tag)
    return tag


def _warn(tag: int, wrong: int) -> None:
    if tag in _warned:
        return
    _warned.add(tag)
    layer, rows = _tables[tag]
    wanted = f"Use input_dim={wrong + 1} or more" if rows <= wrong < 2**31 - 1 else "Use ids from 0"
    warn_user(
        f"{layer} has a table of {rows} rows, for the ids 0 to {rows - 1}, but was given the id {wrong}. Its output "
        f"for this id is NaN, and so is everything computed from it. {wanted}, or replace ids outside the table.",
        UnknownIdWarning,
    )
