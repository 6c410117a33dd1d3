"""Methods and arguments of training, evaluation and prediction in Keras 1 and Keras 2."""

import itertools
import math
from collections.abc import Callable, Generator, Iterator
from typing import Any

from gatewright.keras.older import patches
from gatewright.support.errors import InputError
from gatewright.support.keras_configs import LOSSES, METRICS

_QUEUE = frozenset({"workers", "use_multiprocessing", "max_queue_size", "max_q_size", "nb_worker", "pickle_safe"})
# The arguments of each method that Keras 3 does not have and that do not change the result.
_DROPPED = {
    "compile": frozenset({"class_mode", "sample_weight_mode", "experimental_run_tf_function"}),
    "fit": _QUEUE | {"show_accuracy"},
    "evaluate": _QUEUE | {"show_accuracy"},
    "predict": _QUEUE,
    "train_on_batch": frozenset({"reset_metrics"}),
    "test_on_batch": frozenset({"reset_metrics"}),
}
_REASONS = {
    **dict.fromkeys(_QUEUE, "it was left out, and the data are read in this process"),
    "show_accuracy": "it was left out; metrics=['accuracy'] in compile shows the accuracy",
    "sample_weight_mode": "it was left out, because the shape of sample_weight says the same",
}
_MODEL_STATE_NOTE = "model.reset_states() is reset_state() of each recurrent layer in Keras 3; it was translated"


def install() -> None:
    """Serve old methods and arguments of models until `patches.undo()` is called."""
    import keras
    from keras.src import losses, metrics

    for method in ("compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch"):
        owner = next(cls for cls in keras.Model.__mro__ if method in vars(cls))
        patches.wrap(owner, method, _with_old_arguments(method))
    for name, function in (
        ("fit_generator", _fit_generator),
        ("evaluate_generator", _evaluate_generator),
        ("predict_generator", _predict_generator),
        ("predict_classes", _predict_classes),
        ("predict_proba", _predict_proba),
        ("reset_states", _reset_states),
        ("to_yaml", _to_yaml),
    ):
        patches.replace(keras.Model, name, function)
    patches.wrap(keras.layers.RNN, "reset_states", _reset_layer)
    patches.wrap_everywhere(keras.utils.to_categorical, _to_categorical)
    patches.wrap_everywhere(losses.get, _renaming(losses.ALL_OBJECTS_DICT, LOSSES, "loss"))
    patches.wrap_everywhere(losses.deserialize, _deserialize_loss)
    patches.wrap_everywhere(metrics.get, _renaming(metrics.ALL_OBJECTS_DICT, METRICS, "metric"))


def _with_old_arguments(method: str) -> Callable[..., Any]:
    dropped = _DROPPED[method]

    def call(stock: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if "nb_epoch" in kwargs and method == "fit":
            patches.note("nb_epoch", "nb_epoch= is epochs= in Keras 3; it was translated")
            kwargs["epochs"] = kwargs.pop("nb_epoch")
        for name in dropped & kwargs.keys():
            _drop(method, name, kwargs.pop(name))
        if method == "compile" and kwargs.get("target_tensors", False) is None:
            del kwargs["target_tensors"]
        if method in ("fit", "evaluate"):
            args = (_with_tuples(args[0]), *args[1:]) if args else args
            for name in ("x", "validation_data") & kwargs.keys():
                kwargs[name] = _with_tuples(kwargs[name])
        if method == "fit" and kwargs.get("class_weight") is not None:
            args = (args[0], _single(args[1]), *args[2:]) if len(args) > 1 else args
            kwargs |= {"y": _single(kwargs["y"])} if "y" in kwargs else {}
        if isinstance(kwargs.get("batch_size"), float) and kwargs["batch_size"].is_integer():
            kwargs["batch_size"] = int(kwargs["batch_size"])
        return stock(self, *args, **kwargs)

    return call


def _drop(method: str, name: str, value: Any) -> None:
    """Print a note about an argument that is left out.

    Raises:
        InputError: The value changes the result.
    """
    if name == "reset_metrics" and value is False:
        raise InputError(f"{method}(reset_metrics=False) has no counterpart in Keras 3. Remove reset_metrics=.")
    patches.note(name, f"{name}= is not an argument in Keras 3; {_REASONS.get(name, 'it was left out')}")


def _fit_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
    """Train on the batches of a generator, as `fit_generator` of Keras 1 and 2 does."""
    __tracebackhide__ = True
    patches.note("fit_generator", "fit_generator() is fit() in Keras 3; it was translated")
    names = ("steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data", "validation_steps")
    kwargs = dict(zip(names, args, strict=False)) | kwargs
    generator = _generator(generator)
    if isinstance(generator, Generator):
        kwargs["shuffle"] = False  # it is for sequences only
    if kwargs.get("validation_data") is not None:
        kwargs["validation_data"] = _generator(kwargs["validation_data"])
    if "samples_per_epoch" in kwargs:
        generator, kwargs["steps_per_epoch"] = _steps(generator, kwargs.pop("samples_per_epoch"), "samples_per_epoch")
    if kwargs.get("nb_val_samples") is not None:
        kwargs["validation_data"], kwargs["validation_steps"] = _steps(
            kwargs["validation_data"], kwargs.pop("nb_val_samples"), "nb_val_samples"
        )
    kwargs.pop("nb_val_samples", None)
    return self.fit(generator, **_whole(kwargs, "steps_per_epoch", "validation_steps"))


def _evaluate_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
    """Evaluate on the batches of a generator, as `evaluate_generator` of Keras 1 and 2 does."""
    __tracebackhide__ = True
    patches.note("evaluate_generator", "evaluate_generator() is evaluate() in Keras 3; it was translated")
    generator, kwargs = _generator_arguments(generator, args, kwargs)
    return self.evaluate(generator, **kwargs)


def _predict_generator(self: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
    """Predict for the batches of a generator, as `predict_generator` of Keras 1 and 2 does."""
    __tracebackhide__ = True
    patches.note("predict_generator", "predict_generator() is predict() in Keras 3; it was translated")
    generator, kwargs = _generator_arguments(generator, args, kwargs)
    return self.predict(generator, **kwargs)


def _generator_arguments(generator: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the generator and the keyword arguments of `evaluate` or `predict`. Without `verbose`, they are silent."""
    kwargs = {"verbose": 0} | dict(zip(("steps",), args, strict=False)) | kwargs
    generator = _generator(generator)
    if "val_samples" in kwargs:
        generator, kwargs["steps"] = _steps(generator, kwargs.pop("val_samples"), "val_samples")
    return generator, _whole(kwargs, "steps")


def _whole(kwargs: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the arguments with the numbers of steps as integers: Keras 1 and 2 went on until a fraction was passed."""
    steps = {name: math.ceil(kwargs[name]) for name in names if isinstance(kwargs.get(name), float)}
    return kwargs | steps


def _generator(data: Any) -> Any:
    """Return iterators as generators, the only kind of iterator that Keras 3 takes. Other data are not changed."""
    if isinstance(data, Iterator) and not isinstance(data, Generator) and not hasattr(data, "__getitem__"):
        return (batch for batch in data)
    return data


def _single(targets: Any) -> Any:
    """Return the only array of a list, which Keras 3 refuses together with class weights. Others are not changed."""
    if not isinstance(targets, list) or len(targets) != 1 or not hasattr(targets[0], "shape"):
        return targets
    patches.note("y", "The targets are an array in Keras 3, not a list of one array; it was translated")
    return targets[0]


def _with_tuples(data: Any) -> Any:
    """Return a generator whose batches are tuples, as Keras 3 wants them, for one that yields lists."""
    return _tuples(data) if isinstance(data, Generator) else data


def _tuples(batches: Generator[Any, Any, Any]) -> Iterator[Any]:
    for batch in batches:
        if isinstance(batch, list):
            patches.note("list", "Generators yield (inputs, targets) in Keras 3, not a list; it was translated")
        yield tuple(batch) if isinstance(batch, list) else batch


def _steps(data: Any, samples: int, argument: str) -> tuple[Any, int | None]:
    """Return the data and the number of batches that have `samples` examples, by the size of the first batch."""
    if isinstance(data, tuple | list):  # arrays: all of them are used
        return data, None
    if isinstance(data, Generator):
        first = next(data)
        data = (batch for batch in itertools.chain([first], data))
    else:
        first = data[0]
    size = first
    while isinstance(size, tuple | list | dict):
        size = next(iter(size.values() if isinstance(size, dict) else size))
    steps = math.ceil(samples / len(size))
    text = f"{argument}={samples} is {steps} steps in Keras 3, because the first batch has {len(size)} examples"
    patches.note(argument, text)
    return data, steps


def _predict_classes(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """Return the most likely class of each example, as `predict_classes` of Keras 1 and 2 does."""
    __tracebackhide__ = True
    patches.note("predict_classes", "predict_classes() is predict() and argmax or > 0.5 in Keras 3; it was translated")
    scores = self.predict(x, batch_size=batch_size, verbose=verbose)
    return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32")


def _predict_proba(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """Return the outputs for each example, as `predict_proba` of Keras 1 and 2 does."""
    __tracebackhide__ = True
    patches.note("predict_proba", "predict_proba() is predict() in Keras 3; it was translated")
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def _reset_states(self: Any) -> None:
    """Set the states of all stateful recurrent layers to zero."""
    patches.note("reset_states", _MODEL_STATE_NOTE)
    for layer in self._flatten_layers(include_self=False):
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()


def _reset_layer(stock: Any, self: Any, states: Any = None) -> None:
    """`RNN.reset_states`, which could set the states to given values."""
    __tracebackhide__ = True
    stock(self)
    if states is None:
        return
    patches.note("states", "reset_states(states=) sets the variables in layer.states in Keras 3; it was translated")
    given = states if isinstance(states, tuple | list) else [states]
    if len(given) != len(self.states or ()):
        raise InputError(
            f"reset_states(states=) of layer {self.name!r} needs {len(self.states or ())} states, not {len(given)}."
        )
    for variable, value in zip(self.states, given, strict=True):
        variable.assign(value)


def _to_yaml(self: Any, **kwargs: Any) -> str:
    raise RuntimeError("model.to_yaml() was removed from Keras, because YAML can run code. Use model.to_json().")


def _renaming(known: dict[str, Any], renamed: dict[str, str], kind: str) -> Callable[..., Any]:
    """Return a wrapper of `keras.losses.get` or `keras.metrics.get` for the names of Keras 1 and 2."""

    def get(stock: Any, identifier: Any) -> Any:
        __tracebackhide__ = True
        if isinstance(identifier, str) and identifier not in known and identifier in renamed:
            new = renamed[identifier]
            patches.note(f"{kind} {identifier}", f"The {kind} {identifier!r} is {new!r} in Keras 3; it was translated")
            identifier = new
        return stock(identifier)

    return get


def _deserialize_loss(stock: Any, name: Any, custom_objects: Any = None) -> Any:
    """`keras.losses.deserialize`, which takes the short names of losses for metrics."""
    __tracebackhide__ = True
    return stock(LOSSES.get(name, name) if isinstance(name, str) else name, custom_objects)


def _to_categorical(stock: Any, *args: Any, **kwargs: Any) -> Any:
    """`keras.utils.to_categorical`, whose number of classes was `nb_classes` in Keras 1."""
    __tracebackhide__ = True
    if "nb_classes" in kwargs:
        patches.note("nb_classes", "nb_classes= is num_classes= in Keras 3; it was translated")
        kwargs["num_classes"] = kwargs.pop("nb_classes")
    return stock(*args, **kwargs)
