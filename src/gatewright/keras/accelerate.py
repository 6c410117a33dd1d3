"""Stock Keras layers on Gatewright's operations: the one way in for Keras.

`accelerate()` replaces the inner loop of `keras.layers.SimpleRNN`, `LSTM`, `GRU` and of `RNN` around their stock cells.
Constructors, weights, summaries and saved files stay Keras' own, and so do the numbers, to rounding: the dropout
masks are those that the cell itself draws. `restore()` puts the stock loops back; models that were compiled before
keep what they were traced with.

Where a recurrent layer reads what an Embedding gave, it gets the ids and the table instead, so that equal words are
projected once, and padding on the left without a mask is walked once for all rows. Whatever stands between the two, or
dropout on the inputs, makes it read the rows as usual.

A case that the kernels do not serve runs on the stock loop and says so once, in a `SlowPathWarning` with the reason.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
import weakref
from importlib import import_module
from types import TracebackType
from typing import Any

from gatewright.ops.recurrence import Recurrence, Tokens

__all__ = ["SlowPathWarning", "accelerate", "restore"]

_PATCHED = ("RNN", "LSTM", "GRU")  # the classes with a loop of their own; SimpleRNN inherits RNN's
_CELLS = {"SimpleRNNCell": "simple_rnn", "LSTMCell": "lstm", "GRUCell": "gru"}
_ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")

_stock: dict[str, Any] = {}  # class name -> its own inner_loop; empty when restored
_said: set[tuple[str, str]] = set()


class _Origins:
    """Of what tensors were made, by their identity: they have no hash, and tracers no room for an attribute.

    An entry goes with its tensor.
    """

    def __init__(self) -> None:
        self._of: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def note(self, tensor: Any, origin: Any) -> None:
        key = id(tensor)
        self._of[key] = weakref.ref(tensor, lambda _: self._of.pop(key, None)), origin

    def of(self, tensor: Any) -> Any:
        """What was noted of this very tensor, or None."""
        made, origin = self._of.get(id(tensor), (None, None))
        return origin if made is not None and made() is tensor else None

    def __len__(self) -> int:
        return len(self._of)

    def clear(self) -> None:
        self._of.clear()


_embedded = _Origins()  # what an Embedding gave -> the Tokens that it was made from
_fresh = _Origins()  # a state of zeros that a layer made for itself -> True


class SlowPathWarning(UserWarning):
    """A recurrent layer runs on stock Keras' loop; the message says which and why."""


class _Accelerated:
    """What `accelerate` returns: a context manager whose end is `restore()`."""

    def __enter__(self) -> _Accelerated:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        restore()


def accelerate() -> _Accelerated:
    """Put stock Keras recurrent layers on Gatewright's kernels, for this process, until `restore()`.

    If Keras is not imported yet, this selects its JAX backend. May be used as a context manager. From then on, after
    `restore()` too, the process keeps freed memory for its next training step, up to 1 GB (glibc's `mallopt`).

    Raises:
        RuntimeError: Keras already runs on another backend.
        ImportError: Keras or JAX is not installed.
    """
    if not _stock:
        keras = _keras_on_jax()
        kernels: Any = import_module("gatewright.ops._kernels")
        kernels.keep_freed_memory()
        for name in _PATCHED:
            layer = getattr(keras.layers, name)
            _stock[name] = layer.inner_loop
            layer.inner_loop = _replacement(layer.inner_loop)
        _stock["Embedding"] = keras.layers.Embedding.call
        keras.layers.Embedding.call = _remembering(keras.layers.Embedding.call)
        _stock["states"] = keras.layers.RNN.get_initial_state
        keras.layers.RNN.get_initial_state = _remembering_states(keras.layers.RNN.get_initial_state)
    return _Accelerated()


def is_accelerated() -> bool:
    """Whether Keras' recurrent layers are on the kernels now."""
    return bool(_stock)


def restore() -> None:
    """Put the stock loops back. Does nothing if they are in place."""
    if not _stock:
        return
    import keras

    keras.layers.Embedding.call = _stock.pop("Embedding")
    keras.layers.RNN.get_initial_state = _stock.pop("states")
    for name, own in _stock.items():
        getattr(keras.layers, name).inner_loop = own
    _stock.clear()
    _said.clear()
    _embedded.clear()
    _fresh.clear()


def _keras_on_jax() -> Any:
    if "keras" not in sys.modules:
        wanted = os.environ.setdefault("KERAS_BACKEND", "jax")
        if wanted != "jax":
            raise RuntimeError(
                f"Gatewright runs Keras on JAX, and KERAS_BACKEND is {wanted!r}: set it to 'jax', or unset it."
            )
    try:
        import keras

        if keras.backend.backend() == "jax":
            import_module("gatewright.ops.jax")  # the door registers itself: one that does not load says so now
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"Accelerating Keras needs {missing.name}: pip install 'gatewright[train]'.", name=missing.name
        ) from missing
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            f"Keras already runs on {keras.backend.backend()!r} and Gatewright needs it on JAX: call "
            "gatewright.accelerate() before Keras is imported, or set KERAS_BACKEND=jax."
        )
    return keras


def _replacement(stock: Any) -> Any:
    """An `inner_loop` that runs the kernels, or the stock loop where they do not serve."""
    from keras import tree

    @functools.wraps(stock)
    def inner_loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        reason = _slow_reason(self, sequences, mask)
        if reason is not None:
            _say_once(self, reason)
            return stock(self, sequences, initial_state, mask=mask, training=training)
        live = mask[0] if tree.is_nested(mask) else mask
        states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
        return _fast_loop(self, sequences, states, live, training)

    return inner_loop


def _remembering(stock: Any) -> Any:
    """An `Embedding.call` that remembers of what its result was made."""

    @functools.wraps(stock)
    def call(self: Any, inputs: Any) -> Any:
        rows = stock(self, inputs)
        plain = not (self.lora_enabled or self.quantization_mode)
        if plain and _is_tensor(rows) and len(rows.shape) == 3:
            _remember(rows, inputs, self.embeddings.value)
        return rows

    return call


def _is_tensor(value: Any) -> bool:
    import jax

    return isinstance(value, jax.Array)


def _remember(rows: Any, ids: Any, table: Any) -> None:
    from keras import ops

    if rows.dtype != table.dtype:  # mixed precision
        return
    _embedded.note(rows, Tokens(ops.cast(ids, "int32"), table))


def _remembering_states(stock: Any) -> Any:
    """A `get_initial_state` that remembers what it gave, where stock cells give zeros."""

    @functools.wraps(stock)
    def get_initial_state(self: Any, batch_size: Any) -> Any:
        import keras

        states = stock(self, batch_size)
        if any(type(self.cell) is getattr(keras.layers, name) for name in _CELLS):
            for state in filter(_is_tensor, keras.tree.flatten(states)):
                _fresh.note(state, True)
        return states

    return get_initial_state


def _say_once(layer: Any, reason: str) -> None:
    key = (type(layer).__name__, reason)
    if key not in _said:
        _said.add(key)
        message = f"{type(layer).__name__} layer {layer.name!r} runs on stock Keras' loop, at its speed: {reason}."
        warnings.warn(message, SlowPathWarning, stacklevel=2)


def _slow_reason(layer: Any, sequences: Any, mask: Any) -> str | None:
    """Why the kernels do not serve this call, or None if they do."""
    import keras

    cell = layer.cell
    mask = mask[0] if keras.tree.is_nested(mask) else mask
    if not any(type(cell) is getattr(keras.layers, name) for name in _CELLS):
        return f"its cell is {type(cell).__name__}, not the stock SimpleRNNCell, LSTMCell or GRUCell"
    for attribute in ("activation", "recurrent_activation"):
        if _activation(getattr(cell, attribute, None)) is None:
            return f"its {attribute} is none of {', '.join(_ACTIVATIONS)}"
    dtype = keras.backend.standardize_dtype(sequences.dtype)
    if not dtype == cell.compute_dtype == cell.variable_dtype or dtype not in ("float32", "float64"):
        return f"it computes in {cell.compute_dtype} on {dtype}, and the kernels in float32 and float64"
    if len(sequences.shape) != 3:
        return f"its input has {len(sequences.shape)} dimensions, not [batch, time, features]"
    if mask is not None and len(mask.shape) != 2:
        return f"its mask has {len(mask.shape)} dimensions, not [batch, time]"
    if 1.0 in (cell.dropout, cell.recurrent_dropout):
        return "a dropout rate of 1 leaves nothing to compute"
    if layer.unroll and mask is not None:
        return "unrolled loops have a meaning of their own for masks"
    if getattr(layer, "use_cudnn", None) is True:
        return "use_cudnn=True asks for cuDNN"
    return None


def _activation(function: Any) -> str | None:
    """The kernels' name of one of Keras' own activation functions; None for any other function."""
    import keras

    if function is None:
        return "linear"
    return next((name for name in _ACTIVATIONS if function is getattr(keras.activations, name)), None)


def _fast_loop(layer: Any, sequences: Any, states: list[Any], mask: Any, training: bool) -> Any:
    from keras import ops

    from gatewright.ops import jax as gw

    cell = layer.cell
    mask = None if mask is None else ops.cast(mask, "bool")
    rec = Recurrence(
        _CELLS[type(cell).__name__],
        activation=str(_activation(cell.activation)),
        recurrent_activation=str(_activation(getattr(cell, "recurrent_activation", None))),
        reset_after=getattr(cell, "reset_after", True),
        reverse=bool(layer.go_backwards),
        zero_output_for_mask=bool(layer.zero_output_for_mask),
    )
    dropout_mask = _drawn(cell.dropout, cell.get_dropout_mask, sequences[:, 0, :]) if training else None
    tokens = _embedded.of(sequences) if dropout_mask is None else None
    sequence, new_states = gw.forward(
        rec,
        sequences if tokens is None else tokens,
        ops.convert_to_tensor(cell.kernel),
        ops.convert_to_tensor(cell.recurrent_kernel),
        None if cell.bias is None else ops.convert_to_tensor(cell.bias),
        initial_state=None if all(map(_fresh.of, states)) else states,  # nobody can ask for gradients of its own zeros
        mask=mask,
        dropout_mask=dropout_mask,
        recurrent_dropout_mask=(
            _drawn(cell.recurrent_dropout, cell.get_recurrent_dropout_mask, states[0]) if training else None
        ),
        return_sequence=bool(layer.return_sequences),
    )
    last = new_states[0]
    if mask is not None and rec.zero_output_for_mask:
        last = ops.where(mask[:, :1] if rec.reverse else mask[:, -1:], last, 0)
    if sequence is None:
        sequence = ops.expand_dims(last, 1)  # as Keras' own fused loops give it; the layer uses `last`
    elif rec.reverse:
        sequence = ops.flip(sequence, axis=1)  # Keras gives outputs in the order of the walk
    return last, sequence, list(new_states)


def _drawn(rate: float, draw: Any, like: Any) -> Any:
    """The masks that the cell draws (or has drawn) for this call, [1 or gates, batch, width]; None without dropout."""
    from keras import ops

    if rate == 0.0:
        return None
    masks = draw(like)
    return ops.stack(masks) if isinstance(masks, list) else ops.expand_dims(masks, 0)
