"""Run the recurrent layers of Keras on the compiled kernels. "Stock" means as in unmodified Keras.

`accelerate()` replaces the loop over time steps in `keras.layers.SimpleRNN`, `LSTM` and `GRU`, and in `RNN` with one of
their stock cells. Constructors, weights, summaries and saved files do not change. Results are the same up to rounding,
even with dropout, because the Keras cell still generates the dropout masks. `restore()` puts the stock loops back. A
model that was compiled before one of these calls keeps the loop that it was compiled with.

Two computations are avoided. If the input of a recurrent layer comes directly from an Embedding, the embedding of each
distinct word in a batch is multiplied by the layer's kernel only once. This is not possible with dropout on the inputs
or with another layer in between. If texts are padded on the left without a mask, the padding is computed only once for
the whole batch. This is not possible with an initial state that is given to the layer.

A layer that the kernels do not support runs on the stock loop. A `SlowPathWarning` gives the reason, once for each
reason and layer class.
"""

import functools
import os
import sys
import warnings
import weakref
from importlib import import_module
from typing import Any, Self

from gatewright.keras import usage
from gatewright.ops.recurrence import Recurrence, Tokens

_ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")

_patches: list[tuple[Any, str, Any]] = []  # class, attribute and its stock value; empty after restore()
_issued_warnings: set[tuple[str, str]] = set()


class _TensorNotes:
    """A mapping from tensors to additional information about them, called notes.

    Tensors are identified by `id`, because they cannot be hashed and JAX tracers accept no attributes. The
    note of a tensor is removed when the tensor is deleted.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def set(self, tensor: Any, note: Any) -> None:
        key = id(tensor)
        self._entries[key] = weakref.ref(tensor, lambda _: self._entries.pop(key, None)), note

    def get(self, tensor: Any) -> Any:
        """Return the note about this tensor object, or None if it has no note."""
        reference, note = self._entries.get(id(tensor), (None, None))
        return note if reference is not None and reference() is tensor else None

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        self._entries.clear()


_embedded = _TensorNotes()  # output of an Embedding -> the Tokens that it was made from
_zero_states = _TensorNotes()  # initial state of zeros that a layer made for itself -> True


class SlowPathWarning(UserWarning):
    """A warning that a recurrent layer runs on the slower loop of stock Keras. The message gives the reason."""


class _Acceleration:
    """The context manager that `accelerate` returns. It calls `restore()` on exit."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        restore()


def accelerate() -> _Acceleration:
    """Run the recurrent layers of Keras in this process on Gatewright's kernels until `restore()` is called.

    If Keras is not imported yet, the JAX backend is selected. The result can be used as a context manager that calls
    `restore()` on exit. After the first call, the process keeps up to 1 GB of freed memory for later training
    steps instead of returning the memory to the system (glibc's `mallopt`). `restore()` does not undo this.

    Raises:
        RuntimeError: Keras uses a backend other than JAX, or `KERAS_BACKEND` selects one.
        ImportError: Keras or JAX is not installed.
    """
    keras = _import_keras_on_jax()  # it may itself call this function, by way of `enable()`
    if not _patches:
        kernels: Any = import_module("gatewright.ops._kernels")
        kernels.keep_freed_memory()
        for layer in (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU):  # SimpleRNN inherits the loop of RNN
            _patch(layer, "inner_loop", _with_kernels)
        _patch(keras.layers.Embedding, "call", _noting_tokens)
        _patch(keras.layers.RNN, "get_initial_state", _noting_zero_states)
    return _Acceleration()


def restore() -> None:
    """Put the stock loops of Keras back. Do nothing if `accelerate()` is not in effect."""
    for owner, name, stock in _patches:
        setattr(owner, name, stock)
    _patches.clear()
    _issued_warnings.clear()
    _embedded.clear()
    _zero_states.clear()


def _patch(owner: Any, name: str, wrap: Any) -> None:
    stock = vars(owner)[name]
    _patches.append((owner, name, stock))
    setattr(owner, name, wrap(stock))


def _import_keras_on_jax() -> Any:
    if "keras" not in sys.modules:
        backend = os.environ.setdefault("KERAS_BACKEND", "jax")
        if backend != "jax":
            raise RuntimeError(
                f"Gatewright needs Keras on JAX, but KERAS_BACKEND is {backend!r}. Set it to 'jax', or unset it."
            )
    try:
        import keras

        if keras.backend.backend() == "jax":
            import_module("gatewright.ops.jax")  # fails now, rather than in the first layer, if XLA rejects the kernels
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"Accelerating Keras needs {missing.name}: pip install 'gatewright[train]'.", name=missing.name
        ) from missing
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            f"Gatewright needs Keras on JAX, but Keras already uses {keras.backend.backend()!r}. Call "
            "gatewright.accelerate() before importing Keras, or set KERAS_BACKEND=jax."
        )
    return keras


def _with_kernels(stock: Any) -> Any:
    """Return a replacement for `stock`, the method `inner_loop` of a recurrent layer.

    The replacement runs the kernels, or `stock` for layers that the kernels do not support.
    """
    from keras import tree

    @functools.wraps(stock)
    def inner_loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        mask_of_steps = mask[0] if tree.is_nested(mask) else mask
        reason = _slow_reason(self, sequences, mask_of_steps)
        usage.record_layer(self, on_kernels=reason is None, reason=reason or "")
        if reason is not None:
            _warn_once(self, reason)
            return stock(self, sequences, initial_state, mask=mask, training=training)
        states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
        return _run_kernels(self, sequences, states, mask_of_steps, training)

    return inner_loop


def _noting_tokens(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `Embedding.call`.

    The replacement also stores a note for its result, with the ids and the table of embeddings.
    """
    from keras import ops

    @functools.wraps(stock)
    def call(self: Any, inputs: Any) -> Any:
        output = stock(self, inputs)
        if self.lora_enabled or self.quantization_mode or not _is_tensor(output) or len(output.shape) != 3:
            return output
        table = self.embeddings.value
        if output.dtype == table.dtype:  # not mixed precision
            _embedded.set(output, Tokens(ops.cast(inputs, "int32"), table))
        return output

    return call


def _is_tensor(value: Any) -> bool:
    import jax

    return isinstance(value, jax.Array)


def _noting_zero_states(stock: Any) -> Any:
    """Return a replacement for `stock`, the method `get_initial_state` of a recurrent layer.

    In layers with stock cells, the replacement also stores notes that the returned states are zeros.
    """
    from keras import tree

    @functools.wraps(stock)
    def get_initial_state(self: Any, batch_size: Any) -> Any:
        states = stock(self, batch_size)
        if type(self.cell) in _cell_names():
            for state in filter(_is_tensor, tree.flatten(states)):
                _zero_states.set(state, True)
        return states

    return get_initial_state


def _warn_once(layer: Any, reason: str) -> None:
    key = (type(layer).__name__, reason)
    if key not in _issued_warnings:
        _issued_warnings.add(key)
        warnings.warn(
            f"{type(layer).__name__} layer {layer.name!r} runs on the slower loop of stock Keras: {reason}.",
            SlowPathWarning,
            stacklevel=2,
        )


def _cell_names() -> dict[type, str]:
    """Return the names that the kernels use for recurrent cells, with the stock Keras cell classes as keys."""
    from keras import layers

    return {layers.SimpleRNNCell: "simple_rnn", layers.LSTMCell: "lstm", layers.GRUCell: "gru"}


def _slow_reason(layer: Any, sequences: Any, mask: Any) -> str | None:
    """Return the reason why the kernels do not support this call of a layer, or None if they support it."""
    import keras

    cell = layer.cell
    if type(cell) not in _cell_names():
        return f"its cell is {type(cell).__name__}, not the stock SimpleRNNCell, LSTMCell or GRUCell"
    for name, function in _activations(cell).items():
        if _activation_name(function) is None:
            return f"its {name} is not one of {', '.join(_ACTIVATIONS)}"
    dtype = keras.backend.standardize_dtype(sequences.dtype)
    if not dtype == cell.compute_dtype == cell.variable_dtype or dtype not in ("float32", "float64"):
        return f"it computes in {cell.compute_dtype} on {dtype}, but the kernels compute in float32 and float64"
    if len(sequences.shape) != 3:
        return f"its input has {len(sequences.shape)} dimensions, not [batch, time, features]"
    if mask is not None and len(mask.shape) != 2:
        return f"its mask has {len(mask.shape)} dimensions, not [batch, time]"
    if 1.0 in (cell.dropout, cell.recurrent_dropout):
        return "a dropout rate of 1 drops everything"
    if layer.unroll and mask is not None:
        return "stock Keras treats masks differently in unrolled loops"
    if isinstance(layer, keras.layers.LSTM | keras.layers.GRU) and layer.use_cudnn is True:
        return "use_cudnn=True asks for cuDNN"
    return None


def _activations(cell: Any) -> dict[str, Any]:
    """Return the activation functions of a Keras cell, with their attribute names as keys."""
    activations = {"activation": cell.activation}
    if _cell_names()[type(cell)] != "simple_rnn":
        activations["recurrent_activation"] = cell.recurrent_activation
    return activations


def _activation_name(function: Any) -> str | None:
    """Return the name that the kernels use for a Keras activation function, or None if they do not support it."""
    from keras import activations

    if function is None:
        return "linear"
    return next((name for name in _ACTIVATIONS if function is activations.get(name)), None)


def _recurrence(layer: Any) -> Recurrence:
    name = _cell_names()[type(layer.cell)]
    activations = _activations(layer.cell)
    return Recurrence(
        name,
        activation=str(_activation_name(activations["activation"])),
        recurrent_activation=str(_activation_name(activations.get("recurrent_activation"))),
        reset_after=name != "gru" or layer.cell.reset_after,
        reverse=bool(layer.go_backwards),
        zero_output_for_mask=bool(layer.zero_output_for_mask),
    )


def _run_kernels(layer: Any, sequences: Any, states: list[Any], mask: Any, training: bool) -> Any:
    from keras import ops

    from gatewright.ops import jax as gw

    cell = layer.cell
    mask = None if mask is None else ops.cast(mask, "bool")
    rec = _recurrence(layer)
    dropout_mask = recurrent_dropout_mask = None
    if training:
        dropout_mask = _draw_mask(cell.dropout, cell.get_dropout_mask, sequences[:, 0, :])
        recurrent_dropout_mask = _draw_mask(cell.recurrent_dropout, cell.get_recurrent_dropout_mask, states[0])
    tokens = _embedded.get(sequences) if dropout_mask is None else None
    sequence, new_states = gw.forward(
        rec,
        sequences if tokens is None else tokens,
        ops.convert_to_tensor(cell.kernel),
        ops.convert_to_tensor(cell.recurrent_kernel),
        None if cell.bias is None else ops.convert_to_tensor(cell.bias),
        # No gradient can be asked for with respect to zeros that the layer made for itself.
        initial_state=None if all(map(_zero_states.get, states)) else states,
        mask=mask,
        dropout_mask=dropout_mask,
        recurrent_dropout_mask=recurrent_dropout_mask,
        return_sequence=bool(layer.return_sequences),
    )
    last = new_states[0]
    if mask is not None and rec.zero_output_for_mask:
        last = ops.where(mask[:, :1] if rec.reverse else mask[:, -1:], last, 0)
    if sequence is None:
        sequence = ops.expand_dims(last, 1)  # as Keras' own fused loops return it; the layer uses `last`
    elif rec.reverse:
        sequence = ops.flip(sequence, axis=1)  # Keras returns outputs in the order in which they are computed
    return last, sequence, list(new_states)


def _draw_mask(rate: float, draw: Any, like: Any) -> Any:
    """Return the dropout masks for one call of a layer, [1 or gates, batch, width], or None if `rate` is 0.

    Args:
        rate: The dropout rate, from 0 to 1.
        draw: The method of the Keras cell that generates the masks.
        like: A tensor with the shape of a mask, [batch, width].
    """
    from keras import ops

    if rate == 0.0:
        return None
    masks = draw(like)
    return ops.stack(masks) if isinstance(masks, list) else ops.expand_dims(masks, 0)
