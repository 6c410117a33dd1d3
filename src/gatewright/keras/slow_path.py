"""Which recurrent layers the kernels support, and the warning about the others."""

from collections.abc import Sequence
from typing import Any

from gatewright.keras.older.activations import hard_sigmoid
from gatewright.support.user_warnings import frames, warn_user

ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")
_MOST_LAYERS = 8  # that one warning describes

_issued: set[tuple[str, str]] = set()  # class names of layers with reasons


class SlowPathWarning(UserWarning):
    """A warning that a recurrent layer runs on the slower loop of stock Keras. The message gives the reason."""


def warn_once(layer: Any, reason: str) -> None:
    """Warn that a layer runs on the stock loop, once for each class of layers and reason.

    If the layer belongs to a model that is being built or called, the warning describes all of its slow layers.
    """
    import keras

    if (type(layer).__name__, reason) in _issued:
        return
    slow = {id(layer): (layer, reason)}
    models = [self for frame in frames() if isinstance(self := frame.f_locals.get("self"), keras.Model)]
    for other in models[-1]._flatten_layers() if models else ():
        if isinstance(other, keras.layers.RNN) and (why := reason_of_layer(other)) is not None:
            slow.setdefault(id(other), (other, why))
    _issued.update((type(other).__name__, why) for other, why in slow.values())
    warn_user(_message(list(slow.values())), SlowPathWarning)


def clear() -> None:
    """Forget which warnings were issued."""
    _issued.clear()


def _message(slow: Sequence[tuple[Any, str]]) -> str:
    names = [f"{type(layer).__name__} layer {layer.name!r}" for layer, _ in slow]
    if len(slow) == 1:
        return f"{names[0]} runs on the slower loop of stock Keras: {slow[0][1]}."
    listed = [f"{name} ({reason})" for name, (_, reason) in zip(names, slow, strict=True)][:_MOST_LAYERS]
    rest = f" and {len(slow) - len(listed)} more" if len(slow) > len(listed) else ""
    return f"{len(slow)} layers run on the slower loop of stock Keras: {', '.join(listed)}{rest}."


def reason_of_layer(layer: Any) -> str | None:
    """Return the reason why the kernels do not support any call of a layer, or None if they support it."""
    import keras

    for cell in cells_of(layer):
        if type(cell) not in cell_names():
            return f"its cell is {type(cell).__name__}, not the stock SimpleRNNCell, LSTMCell or GRUCell"
        for name, function in activations_of(cell).items():
            if activation_name(function) is None and not (name == "recurrent_activation" and is_old(function)):
                found = getattr(function, "__name__", type(function).__name__)
                return f"its {name} is {found}, and the kernels compute {', '.join(ACTIVATIONS)}"
        dtype = actual_dtype(cell.compute_dtype)
        if dtype != actual_dtype(cell.variable_dtype) or dtype not in ("float32", "float64"):
            return f"it computes in {dtype}, and the kernels compute in float32 and float64"
        if 1.0 in (cell.dropout, cell.recurrent_dropout):
            return "a dropout rate of 1 drops everything"
    if isinstance(layer, keras.layers.LSTM | keras.layers.GRU) and layer.use_cudnn is True:
        return "use_cudnn=True asks for cuDNN"
    return None


def reason_of_call(layer: Any, sequences: Any, states: Sequence[Any], mask: Any) -> str | None:
    """Return the reason why the kernels do not support this call of a supported layer, or None if they support it."""
    import keras

    dtype = keras.backend.standardize_dtype(sequences.dtype)
    if dtype != actual_dtype(layer.cell.compute_dtype):
        return f"its input is {dtype}, but it computes in {layer.cell.compute_dtype}"
    if len(sequences.shape) != 3:
        return f"its input has {len(sequences.shape)} dimensions, not [batch, time, features]"
    if mask is not None and len(mask.shape) != 2:
        return f"its mask has {len(mask.shape)} dimensions, not [batch, time]"
    if layer.unroll and mask is not None:
        return "stock Keras treats masks differently in unrolled loops"
    if len(states) != len(cells_of(layer)):
        return f"its initial state does not have one list for each of its {len(cells_of(layer))} cells"
    return None


def cells_of(layer: Any) -> list[Any]:
    """Return the cells of a recurrent layer: one, or those of `StackedRNNCells`."""
    from keras import layers

    return list(layer.cell.cells) if type(layer.cell) is layers.StackedRNNCells else [layer.cell]


def cell_names() -> dict[type, str]:
    """Return the names that the kernels use for recurrent cells, with the stock Keras cell classes as keys."""
    from keras import layers

    return {layers.SimpleRNNCell: "simple_rnn", layers.LSTMCell: "lstm", layers.GRUCell: "gru"}


def activations_of(cell: Any) -> dict[str, Any]:
    """Return the activation functions of a Keras cell, with their attribute names as keys."""
    activations = {"activation": cell.activation}
    if cell_names()[type(cell)] != "simple_rnn":
        activations["recurrent_activation"] = cell.recurrent_activation
    return activations


def activation_name(function: Any) -> str | None:
    """Return the name that the kernels use for a Keras activation function, or None if they do not support it."""
    from keras import activations

    if function is None:
        return "linear"
    return next((name for name in ACTIVATIONS if function is activations.get(name)), None)


def is_old(function: Any) -> bool:
    """Return True for the `hard_sigmoid` of Keras 1 and 2. It runs on the kernels with scaled weights."""
    return function is hard_sigmoid


def actual_dtype(dtype: str) -> str:
    """Return the dtype of the arrays that JAX makes for a dtype. Without its 64-bit mode, float64 becomes float32."""
    import jax

    return str(jax.dtypes.canonicalize_dtype(dtype))
