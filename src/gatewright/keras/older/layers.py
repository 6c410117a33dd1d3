"""Layers of Keras 1 and Keras 2 that Keras 3 does not have."""

from collections.abc import Callable
from functools import cache
from typing import Any

from gatewright.keras.older import patches
from gatewright.support.errors import InputError
from gatewright.support.keras_configs import merge_layer

_REFUSED = {
    "MaxoutDense": "Use Dense(pieces * units), Reshape and keras.ops.max instead",
    "LocallyConnected1D": "Use Conv1D, whose kernel all steps share, or a layer of your own with keras.ops",
    "LocallyConnected2D": "Use Conv2D, whose kernel all places share, or a layer of your own with keras.ops",
    "Recurrent": "Derive from keras.layers.RNN or keras.layers.Layer instead",
}


def attribute(name: str) -> Any:
    """Return what `keras.layers` of an earlier release has under this name.

    Raises:
        AttributeError: No earlier release has such a layer, or Keras 3 has it too.
    """
    import keras

    if name in _REFUSED:
        return refused(f"keras.layers.{name} was removed from Keras. {_REFUSED[name]}.")
    if name in ("AtrousConvolution1D", "AtrousConvolution2D"):
        patches.note(name, f"{name} is Conv{name[-2:]} in Keras 3; it was translated")
        return getattr(keras.layers, f"Conv{name[-2:]}")
    if name == "Highway":
        return _highway()
    return {
        "CuDNNLSTM": _cudnn_lstm,
        "CuDNNGRU": _cudnn_gru,
        "TimeDistributedDense": _time_distributed_dense,
        "Merge": _merge_layer,
        "merge": _merge,
    }[name]


NAMES = frozenset(
    {*_REFUSED, "AtrousConvolution1D", "AtrousConvolution2D", "Highway", "CuDNNLSTM", "CuDNNGRU"}
    | {"TimeDistributedDense", "Merge", "merge"}
)


def refused(text: str) -> Callable[..., Any]:
    """Return a function in place of a class or function that has no counterpart. A call raises an error."""

    def function(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        raise InputError(text)

    return function


def _cudnn_lstm(*args: Any, **kwargs: Any) -> Any:
    """Return an `LSTM` layer, which computes the same as `CuDNNLSTM`."""
    __tracebackhide__ = True
    from keras.layers import LSTM

    patches.note("CuDNNLSTM", "CuDNNLSTM is LSTM in Keras 3; it was translated")
    return LSTM(*args, **kwargs)


def _cudnn_gru(*args: Any, **kwargs: Any) -> Any:
    """Return a `GRU` layer with `reset_after`, which computes the same as `CuDNNGRU`."""
    __tracebackhide__ = True
    from keras.layers import GRU

    patches.note("CuDNNGRU", "CuDNNGRU is GRU(reset_after=True) in Keras 3; it was translated")
    return GRU(*args, reset_after=True, **kwargs)


def _time_distributed_dense(*args: Any, **kwargs: Any) -> Any:
    """Return a `Dense` layer, which works on the last axis of its input at every step."""
    __tracebackhide__ = True
    from keras.layers import Dense

    patches.note("TimeDistributedDense", "TimeDistributedDense is Dense in Keras 3; it was translated")
    return Dense(*args, **kwargs)


def _merge_layer(layers: Any = None, mode: Any = "sum", **kwargs: Any) -> Any:
    """Return the layer of Keras 3 that does the same as `Merge`."""
    __tracebackhide__ = True
    import keras

    if layers is not None:
        raise InputError(
            "Merge([model, model]) in a Sequential model has no counterpart in Keras 3. Use "
            "keras.layers.concatenate([a.output, b.output]) and keras.Model([a.input, b.input], output)."
        )
    if callable(mode):
        layer = keras.layers.Lambda(mode, name=kwargs.get("name"))
        patches.note("merge", "Merge(mode=function) is Lambda in Keras 3; it was translated")
        return layer
    given = {name: kwargs[name] for name in ("concat_axis", "dot_axes", "name") if name in kwargs}
    entry = merge_layer(mode, **given)
    patches.note("merge", f"Merge(mode={mode!r}) is {entry['class_name']} in Keras 3; it was translated")
    return getattr(keras.layers, entry["class_name"])(**entry["config"])


def _merge(inputs: Any, mode: Any = "sum", **kwargs: Any) -> Any:
    """Merge tensors as `merge` of Keras 1 does."""
    __tracebackhide__ = True
    return _merge_layer(mode=mode, **kwargs)(inputs)


@cache
def _highway() -> type:
    """Return the layer class `Highway`."""
    import keras
    from keras import ops

    class Highway(keras.layers.Layer):  # type: ignore[misc]
        """A dense layer with a gate that lets its input pass (Srivastava et al., 2015), as in Keras 1 and 2."""

        def __init__(self, activation: Any = None, transform_bias: float = -2.0, **kwargs: Any) -> None:
            known = {"init", "bias", "kernel_initializer", "use_bias", "weights"} & kwargs.keys()
            given = {name: kwargs.pop(name) for name in known - {"weights"}}
            super().__init__(**kwargs)
            self.activation = keras.activations.get(activation)
            self.transform_bias = transform_bias
            self.kernel_initializer = given.get("kernel_initializer", given.get("init", "glorot_uniform"))
            self.use_bias = given.get("use_bias", given.get("bias", True))

        def build(self, input_shape: Any) -> None:
            width = input_shape[-1]
            for name in ("kernel", "kernel_carry"):
                weight = self.add_weight(shape=(width, width), initializer=self.kernel_initializer, name=name)
                setattr(self, name, weight)
            if self.use_bias:
                self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")
                start = keras.initializers.Constant(self.transform_bias)
                self.bias_carry = self.add_weight(shape=(width,), initializer=start, name="bias_carry")

        def call(self, inputs: Any) -> Any:
            bias, bias_carry = (self.bias, self.bias_carry) if self.use_bias else (0.0, 0.0)
            gate = ops.sigmoid(ops.matmul(inputs, self.kernel_carry) + bias_carry)
            return gate * self.activation(ops.matmul(inputs, self.kernel) + bias) + (1 - gate) * inputs

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def get_config(self) -> dict[str, Any]:
            return {
                **super().get_config(),
                "activation": keras.activations.serialize(self.activation),
                "transform_bias": self.transform_bias,
                "kernel_initializer": self.kernel_initializer,
                "use_bias": self.use_bias,
            }

    registered: type = keras.saving.register_keras_serializable("gatewright")(Highway)
    return registered
