"""Keep the variables of a model in place when `fit`, `evaluate`, `predict` or a step on one batch does not end.

During these calls Keras on JAX takes the values out of a model's variables, and a training step gives their memory to
XLA. In stock Keras, an error or Ctrl-C then leaves a model without values. Here the values after the last completed
step are put back.
"""

import functools
import threading
import time
from typing import Any

import numpy as np

from gatewright.keras.embeddings import report_unknown_ids
from gatewright.keras.tensor_notes import Notes
from gatewright.keras.tracebacks import without_frame_in_warnings
from gatewright.support.interrupts import HeldInterrupts, Interrupts
from gatewright.support.user_warnings import warn_user

METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
_KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
# The kinds of variables in the state of a step, by their number: steps of predict, evaluate and fit.
_KINDS_OF_STATE = {2: _KINDS[:2], 3: (*_KINDS[:2], _KINDS[3]), 4: _KINDS}
_LONG = (np.dtype(np.int64), np.dtype(np.uint64))
_SECONDS_BETWEEN_COPIES = 60.0

_copies = Notes()  # model -> time and values of the last copy made during `fit`
_thread = threading.local()  # its attribute `interrupts` is set while one of METHODS runs in a thread


def guarded(name: str) -> Any:
    """Return a function that wraps the method of a model with this name, so that the model is never lost."""

    def wrap(stock: Any) -> Any:
        def method(self: Any, *arguments: Any, **options: Any) -> Any:
            self.jax_state_sync()  # a callback of `fit` may call this method while the variables have no values
            if name.endswith("_on_batch") and arguments:
                arguments = (_within_32_bits(arguments[0]), *arguments[1:])
            if getattr(_thread, "interrupts", None) is not None:  # called by another of these methods, such as `fit`
                return guarded_call(self, arguments, options)
            try:
                with HeldInterrupts() as _thread.interrupts:
                    return guarded_call(self, arguments, options)
            finally:
                _thread.interrupts = None
                _copies.discard(self)

        def guarded_call(self: Any, arguments: Any, options: Any) -> Any:
            try:
                return stock(self, *arguments, **options)
            except BaseException:
                with Interrupts():
                    _put_back(self)
                raise
            finally:
                report_unknown_ids()

        without_frame_in_warnings(guarded_call)
        return functools.wraps(stock)(without_frame_in_warnings(method))

    return wrap


def noting_state(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `JAXTrainer._get_jax_state`, that also stores the values it takes."""

    @functools.wraps(stock)
    def get_jax_state(self: Any, purge_model_variables: bool = False, **wanted: bool) -> Any:
        state = stock(self, purge_model_variables=False, **wanted)
        self._jax_state = dict(zip((kind for kind in _KINDS if wanted.get(kind)), state, strict=True))
        if purge_model_variables:
            if wanted.get("optimizer_variables"):
                _copy_now_and_then(self)
            self._purge_model_variables(**wanted)
        return state

    return get_jax_state


def recording_steps(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `JAXTrainer._make_function`, that stores the values after a step."""

    @functools.wraps(stock)
    def make_function(self: Any, step_function: Any, concatenate_outputs: bool = False) -> Any:
        def step(state: Any, data: Any) -> Any:
            data = _within_32_bits(data)
            interrupts = getattr(_thread, "interrupts", None) or HeldInterrupts()
            interrupts.hold()  # between the step and the assignment, only this frame has the values
            try:
                outputs, state = step_function(state, data)
                # Keras' own attribute. An assignment would look for layers and variables in the dict at every step.
                vars(self)["_jax_state"] = dict(zip(_KINDS_OF_STATE[len(state)], state, strict=True))
            finally:
                interrupts.release()
            return outputs, state

        return stock(self, step, concatenate_outputs=concatenate_outputs)

    return make_function


def sparing_jit(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `jax.jit` as the trainer uses it.

    Steps of `evaluate` and `predict` then return only the variables that change, and do not give memory to XLA. They
    cannot lose a model, even if memory runs out.
    """

    @functools.wraps(stock)
    def jit(function: Any, donate_argnums: Any = None, out_shardings: Any = None, **options: Any) -> Any:
        if donate_argnums is None or out_shardings is not None:
            return stock(function, donate_argnums=donate_argnums, out_shardings=out_shardings, **options)
        training = stock(function, donate_argnums=donate_argnums, **options)
        other = stock(lambda state, data: _changed(state, *function(state, data)), **options)

        def step(state: Any, data: Any) -> Any:
            if len(state) == len(_KINDS):
                return training(state, data)
            outputs, changed = other(state, data)
            pairs = zip(state, changed, strict=True)
            return outputs, tuple([o if n is None else n for o, n in zip(old, new, strict=True)] for old, new in pairs)

        return step

    return jit


def _changed(state: Any, outputs: Any, new_state: Any) -> Any:
    """Return the outputs, and the new state with None for each value that is that of the old state."""
    pairs = zip(state, new_state, strict=True)
    return outputs, tuple([None if n is o else n for o, n in zip(old, new, strict=True)] for old, new in pairs)


def _within_32_bits(data: Any) -> Any:
    """Return data with integers beyond 32 bits replaced by the nearest that fits.

    JAX would drop their upper halves, so that a wrong id could become a valid one.
    """
    import jax
    from keras import tree

    limits = np.iinfo(np.int32)

    def is_beyond(array: Any) -> bool:
        if not isinstance(array, np.ndarray) or array.dtype not in _LONG or not array.size:
            return False
        return bool(array.max() > limits.max or array.min() < limits.min)

    beyond = [array for array in jax.tree.leaves(data) if is_beyond(array)]
    if not beyond or jax.dtypes.canonicalize_dtype(np.int64) == np.int64:
        return data
    warn_user(
        f"The data contain the integer {max(beyond[0].max(), beyond[0].min(), key=abs)}, which does not fit into the "
        "32 bits that JAX uses. The nearest integer that fits is used instead. Use smaller integers or float inputs.",
        UserWarning,
    )

    def clipped(array: Any) -> Any:
        low = max(limits.min, int(np.iinfo(array.dtype).min)) if is_beyond(array) else None
        return array if low is None else np.clip(array, low, limits.max)

    return tree.map_structure(clipped, data)


def _copy_now_and_then(model: Any) -> None:
    """Copy the values at the beginning of an epoch, in case that XLA fails within a step. A copy costs milliseconds."""
    found = _copies.get(model)
    if found is None or time.monotonic() - found[0] > _SECONDS_BETWEEN_COPIES:
        values = {kind: [np.array(value) for value in values] for kind, values in model._jax_state.items()}
        _copies.set(model, (time.monotonic(), values))


def syncing_valid_values(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `JAXTrainer.jax_state_sync`, that ignores values given to XLA."""

    @functools.wraps(stock)
    def jax_state_sync(self: Any) -> None:
        state = getattr(self, "_jax_state", None) or {}
        if not any(value.is_deleted() for values in state.values() for value in values):
            stock(self)

    return jax_state_sync


def _put_back(model: Any) -> None:
    """Give the variables of a model the values after the last completed step."""
    import keras

    state = getattr(model, "_jax_state", None) or {}
    if not (model._jax_state_synced and _has_values(model)) and all(map(_is_usable, _flat(state))):
        _assign(model, state)
    model._jax_state, model._jax_state_synced = None, True
    if not _has_values(model):
        _assign(model, _after_failure(model))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):  # its cell keeps the dropout masks of a call that did not end
            layer._maybe_reset_dropout_masks(layer.cell)


def _has_values(model: Any) -> bool:
    return all(_is_usable(variable._value) for kind in _KINDS for variable in _variables(model, kind))


def _flat(state: Any) -> list[Any]:
    return [value for values in state.values() for value in values]


def _assign(model: Any, state: Any) -> None:
    for kind, values in state.items():
        for variable, value in zip(_variables(model, kind), values, strict=False):
            variable.assign(value)


def _variables(model: Any, kind: str) -> Any:
    if kind == "optimizer_variables":
        return [] if getattr(model, "optimizer", None) is None else model.optimizer.variables
    return getattr(model, kind)


def _is_usable(value: Any) -> bool:
    import jax

    if value is None or value.is_deleted():
        return False
    try:
        value.block_until_ready()
    except jax.errors.JaxRuntimeError:  # it is the result of a step that failed
        return False
    return True


def _after_failure(model: Any) -> Any:
    """Return the values to put back after XLA has failed within a training step, and tell the user which they are."""
    found = _copies.get(model)
    if found is None:
        outcome = "and its values are lost. Load them from a file, or train the model again"
        values: Any = {}
    else:
        since, values = found
        outcome = f"and has its values of {time.monotonic() - since:.0f} seconds ago again"
    warn_user(f"Model {model.name!r} was in a training step when it failed, {outcome}.", RuntimeWarning)
    return values
