"""Arguments of layers and models that Keras 1 and Keras 2 had, translated when a program calls a class of Keras 3."""

import functools
from collections.abc import Callable
from typing import Any

from gatewright.keras.older import patches
from gatewright.support import keras_arguments

_BASE = frozenset({"batch_input_shape", "batch_size", "dynamic", "input_dtype", "input_length", "weights"})


_OLD_ATTRIBUTES = {
    "output_shape": "output.shape",
    "input_shape": "input.shape",
    "get_output_at": "output",
    "get_input_at": "input",
    "get_output_shape_at": "output.shape",
    "get_input_shape_at": "input.shape",
}


def install() -> None:
    """Translate old arguments of layers and models until `patches.undo()` is called."""
    import keras
    from keras.src.models.functional import Functional

    for name in sorted(keras_arguments.RENAMED.keys() | keras_arguments.DROPPED.keys()):
        layer = getattr(keras.layers, name)
        if "__init__" in vars(layer):
            patches.wrap(layer, "__init__", _with_translated_arguments(name))
    patches.wrap(keras.layers.Layer, "__init__", _init_layer)
    patches.wrap(keras.layers.Layer, "add_weight", _add_weight)
    patches.wrap(keras.layers.Layer, "set_weights", _set_weights)
    patches.replace(keras.layers.Layer, "__getattr__", _old_attribute)
    patches.wrap(keras.Sequential, "add", _add)
    patches.wrap(keras.Model, "get_layer", _get_layer)
    patches.wrap(keras.Model, "__init__", _init_model)
    patches.replace(keras.Model, "__new__", staticmethod(patches.wrapped(keras.Model.__new__, _new_model)))
    patches.wrap(Functional, "__init__", _init_model)


def translated(layer: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layer as Keras 3 has them, and print a note if some were translated."""
    old = keras_arguments.old_arguments(layer, arguments)
    if not old:
        return arguments
    result = keras_arguments.layer_arguments(layer, arguments)
    dropped = [name for name in old if name in keras_arguments.DROPPED.get(layer, ())]
    for name in dropped:
        patches.note(name, f"{name}= is not an argument in Keras 3; it was left out")
    patches.note_together(result.renamed)
    for change in result.changes:
        patches.note(change, f"In a layer with arguments of Keras 1, {change}")
    return {name: _activation(value) for name, value in result.value.items()}


def _activation(value: Any) -> Any:
    from gatewright.keras.older.activations import hard_sigmoid

    return hard_sigmoid if isinstance(value, str) and value == keras_arguments.HARD_SIGMOID else value


def _with_translated_arguments(layer: str) -> Callable[..., Any]:
    def init(stock: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        given = translated(layer, kwargs)
        if layer == "Conv2D" and given is not kwargs and len(args) == 3:
            args, given["kernel_size"] = args[:1], args[1:]  # nb_filter, nb_row, nb_col
        stock(self, *args, **given)

    return init


def _init_layer(stock: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    """`Layer.__init__`, which gets all arguments that the layer itself does not know."""
    __tracebackhide__ = True
    import keras

    if "/" in str(kwargs.get("name")):
        patches.note("name/", f"The name {kwargs['name']!r} has a slash, which is an underscore in Keras 3")
        kwargs["name"] = kwargs["name"].replace("/", "_")
    if isinstance(kwargs.get("trainable"), int):
        kwargs["trainable"] = bool(kwargs["trainable"])
    steps_first = isinstance(self, keras.layers.RNN | keras.layers.Conv1D)
    if not (_BASE & kwargs.keys() or ("input_dim" in kwargs and steps_first)):
        stock(self, *args, **kwargs)
        return
    given = {name: kwargs.pop(name) for name in [*_BASE, "input_dim", "input_shape"] if name in kwargs}
    shape = _batch_shape(given, steps_first)
    stock(self, *args, **kwargs)
    if shape is not None:
        self._older_batch_shape = shape
        self._older_input_dtype = given.get("input_dtype")
    for name in ("dynamic", "input_dtype"):
        if name in given:
            patches.note(name, f"{name}= is not an argument in Keras 3; it was left out")
    if given.get("weights") is not None:
        patches.note("weights", "weights= is set_weights() after build() in Keras 3; it was translated")
        _set_weights_when_built(self, given["weights"])


def _batch_shape(given: dict[str, Any], steps_first: bool) -> tuple[int | None, ...] | None:
    """Return the shape of the layer's input with the batch, as the old arguments `given` say it, or None."""
    if "batch_input_shape" in given:
        patches.note("batch_input_shape", "batch_input_shape= is Input(batch_shape=) in Keras 3; it was translated")
        return tuple(given["batch_input_shape"])
    batch_size = given.get("batch_size")
    if "input_shape" in given:
        return (batch_size, *given["input_shape"])
    if "input_dim" in given:
        if not steps_first and "input_length" not in given:
            return (batch_size, given["input_dim"])
        patches.note("input_dim", "input_dim= and input_length= are Input((steps, features)) in Keras 3")
        return (batch_size, given.get("input_length"), given["input_dim"])
    return None


def _set_weights_when_built(layer: Any, weights: Any) -> None:
    build = layer.build

    @functools.wraps(build)
    def build_and_set(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        build(*args, **kwargs)
        layer.build = build
        layer.set_weights(weights)

    layer.build = build_and_set


def _add(stock: Any, self: Any, layer: Any, **kwargs: Any) -> None:
    """`Sequential.add`, with an InputLayer before a layer that was given the shape of its batches."""
    __tracebackhide__ = True
    from keras.layers import InputLayer

    shape = getattr(layer, "_older_batch_shape", None)
    if not self._layers and shape is not None:
        stock(self, InputLayer(batch_shape=shape, dtype=layer._older_input_dtype))
    stock(self, layer, **kwargs)


def _add_weight(stock: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """`Layer.add_weight`, whose first argument was the name."""
    __tracebackhide__ = True
    if args and isinstance(args[0], str):
        patches.note("add_weight", "add_weight(name, shape) is add_weight(shape=, name=) in Keras 3; it was translated")
        names = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
        kwargs = dict(zip(names, args, strict=False)) | kwargs
        args = ()
    return stock(self, *args, **kwargs)


def _set_weights(stock: Any, self: Any, weights: Any) -> None:
    """`Layer.set_weights`, which builds an Embedding first, because Keras 1 and 2 built it at once in a Sequential."""
    __tracebackhide__ = True
    from keras.layers import Embedding

    if not self.built and isinstance(self, Embedding) and len(weights) == 1:
        self.build()
    stock(self, weights)


def _old_attribute(self: Any, name: str) -> Any:
    """Return an attribute that layers had in Keras 1 and 2, if user code asks for it."""
    __tracebackhide__ = True
    if name in _OLD_ATTRIBUTES and patches.is_imported_by_user():
        patches.note(name, f"layer.{name} is layer.{_OLD_ATTRIBUTES[name]} in Keras 3; it was translated")
        node = self._inbound_nodes[0] if self._inbound_nodes else None
        if node is None:
            raise AttributeError(
                f"Layer {self.name!r} was never called and has no {name}. Call it, or build its model."
            )
        tensors = node.output_tensors if "output" in name else node.input_tensors
        value = [tensor.shape if "shape" in name else tensor for tensor in tensors]
        one = value[0] if len(value) == 1 else value
        return (lambda index: one) if name.endswith("_at") else one
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


def _get_layer(stock: Any, self: Any, name: str | None = None, index: int | None = None) -> Any:
    __tracebackhide__ = True
    return stock(self, name=name.replace("/", "_") if isinstance(name, str) else name, index=index)


def _new_model(stock: Any, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """`Model.__new__`, which decides whether a model is functional. Subclasses may have any arguments."""
    __tracebackhide__ = True
    import keras

    if cls is keras.Model:
        return _init_model(stock, cls, *args, **kwargs)
    return stock(cls, *args, **kwargs)


def _init_model(stock: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    """`Model(...)` and its subclasses, whose arguments were `input` and `output` in Keras 1."""
    __tracebackhide__ = True
    for old, new in (("input", "inputs"), ("output", "outputs")):
        if old in kwargs and new not in kwargs:
            patches.note("input", "Model(input=, output=) is Model(inputs=, outputs=) in Keras 3; it was translated")
            kwargs[new] = kwargs.pop(old)
    return stock(self, *args, **kwargs)
