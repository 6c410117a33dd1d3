"""Predict a few examples without the objects that Keras makes for every call of `predict`.

A loop that generates text or translates calls `predict` once for each word. Keras then makes a data adapter, iterators
and a list of callbacks, and takes all values out of the variables and puts them back, which takes longer than a step
of the network. If the examples are arrays in memory that fit into one batch, and nothing is to be printed or called
back, none of this has an effect. The compiled function, its input and the returned arrays are the same.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gatewright.keras.tracebacks import without_frame_in_warnings

_KERAS_BATCH_SIZE = 32  # of `predict`, if the call gives none
_DTYPES = frozenset(map(np.dtype, ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")))
_FLOATS = frozenset(map(np.dtype, ("float16", "float32", "float64")))


_left_to_keras: list[bool] = []  # an element for each `left_to_keras` in effect


@contextmanager
def left_to_keras() -> Iterator[None]:
    """Make `predict` use the iterators of Keras, which a part of this package has changed."""
    _left_to_keras.append(True)
    try:
        yield
    finally:
        _left_to_keras.pop()


def predicting_one_batch(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `JAXTrainer.predict`, that is faster for one batch of arrays."""
    from keras.src.utils import traceback_utils

    def predict(
        self: Any, x: Any, batch_size: Any = None, verbose: Any = "auto", steps: Any = None, callbacks: Any = None
    ) -> Any:
        if steps is None and callbacks is None and verbose in (0, False) and _is_ready(self):
            batch = _one_batch(x, batch_size)
            if batch is not None:
                return _predicted(self, batch)
        return stock(self, x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks)

    return functools.wraps(stock)(traceback_utils.filter_traceback(without_frame_in_warnings(predict)))


def _is_ready(model: Any) -> bool:
    """Return True if `predict` has run before, and Keras is set up to run one step for each batch on one device."""
    from keras.src.backend import config
    from keras.src.distribution import distribution_lib

    return (
        not _left_to_keras
        and model.predict_function is not None
        and model.steps_per_execution == 1
        and config.max_steps_per_epoch() is None
        and not config.is_nnx_enabled()
        and distribution_lib.distribution() is None
        and all(layer.built for layer in model._flatten_layers())
    )


def _one_batch(x: Any, batch_size: Any) -> Any:
    """Return `x` as Keras gives its only batch to the compiled function, or None if it is not one batch of arrays."""
    from keras.src.trainers.data_adapters import data_adapter_utils

    if type(x) in (list, tuple):
        arrays: Any = type(x)(map(_as_keras_reads, x))
        flat = list(arrays)
    elif type(x) is dict:
        arrays = {name: _as_keras_reads(array) for name, array in x.items()}
        flat = list(arrays.values())
    else:
        arrays = _as_keras_reads(x)
        flat = [arrays]
    if not flat or any(array is None for array in flat):
        return None
    sizes = {len(array) for array in flat}
    most = _KERAS_BATCH_SIZE if batch_size is None else batch_size
    if type(most) is not int or len(sizes) > 1 or not 1 <= sizes.pop() <= most:
        return None
    return data_adapter_utils.pack_x_y_sample_weight(arrays)


def _as_keras_reads(array: Any) -> Any:
    """Return an array as NumPy array with floats as Keras' default, or None if Keras treats it in another way."""
    import jax
    from keras import config

    if type(array) is not np.ndarray:
        if not isinstance(array, jax.Array) or isinstance(array, jax.core.Tracer):
            return None
        array = np.asarray(array)
    if not array.ndim:
        return None
    if array.dtype in _FLOATS:
        return array.astype(config.floatx(), copy=False)
    return array if array.dtype in _DTYPES else None


def _predicted(model: Any, batch: Any) -> Any:
    """Run the compiled function on a batch, and return its outputs as NumPy arrays."""
    import jax

    variables = [*model.trainable_variables, *model.non_trainable_variables]
    trainable = len(model.trainable_variables)
    values = [variable.value for variable in variables]
    outputs, state = model.predict_function((values[:trainable], values[trainable:]), iter((batch,)))
    for variable, before, value in zip(variables, values, [*state[0], *state[1]], strict=True):
        if value is not before:
            variable.assign(value)
    # As Keras does. Its own assignments would look for layers and variables in the values.
    vars(model).update(_jax_state=None, stop_predicting=False)
    return jax.tree.map(lambda output: np.concatenate([output]), outputs, is_leaf=lambda output: output is None)
