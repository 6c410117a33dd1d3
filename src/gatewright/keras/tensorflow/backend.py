"""The mathematics of `keras.backend` in earlier releases, on `keras.ops`."""

import functools
from typing import Any, NoReturn

import keras
import numpy as np
from keras import ops

from gatewright.keras.tensorflow import compat_v1, control, convert, dtypes, random, tensors
from gatewright.keras.tensorflow import nn as tf_nn
from gatewright.keras.tensorflow import variables as tf_variables

globals().update(
    convert.unary(
        __name__,
        {
            "abs_": "absolute", "exp": "exp", "log": "log", "round_": "round", "sign": "sign", "square": "square",
            "sin": "sin", "cos": "cos", "tanh": "tanh", "sigmoid": "sigmoid", "softplus": "softplus",
            "softsign": "softsign", "transpose": "transpose",
        },
    )
)  # fmt: skip
globals().update(
    convert.binary(
        __name__,
        {
            "equal": "equal", "not_equal": "not_equal", "greater": "greater", "greater_equal": "greater_equal",
            "less": "less", "less_equal": "less_equal", "maximum": "maximum", "minimum": "minimum",
        },
    )
)  # fmt: skip


def _reduction(name: str, op: Any) -> Any:
    def function(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return op(_numbers(x), axis=convert.axis(axis), keepdims=keepdims)

    return convert.named(function, __name__, name, f"Return keras.ops.{op.__name__} along axes.")


def _numbers(x: Any) -> Any:
    tensor = convert.tensor(x)
    return ops.cast(tensor, keras.config.floatx()) if convert.dtype_of(tensor) == "bool" else tensor


sum_, prod, max_, min_ = (
    _reduction(_n, _o) for _n, _o in (("sum_", ops.sum), ("prod", ops.prod), ("max_", ops.max), ("min_", ops.min))
)
mean, std, var, logsumexp = (
    _reduction(_n, _o)
    for _n, _o in (("mean", ops.mean), ("std", ops.std), ("var", ops.var), ("logsumexp", ops.logsumexp))
)


def any_(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return True where any element along the axes is not zero."""
    return ops.any(ops.cast(convert.tensor(x), "bool"), axis=convert.axis(axis), keepdims=keepdims)


def all_(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return True where no element along the axes is zero."""
    return ops.all(ops.cast(convert.tensor(x), "bool"), axis=convert.axis(axis), keepdims=keepdims)


def argmax(x: Any, axis: int = -1) -> Any:
    """Return the index of the maximum along an axis."""
    return ops.argmax(convert.tensor(x), axis=axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Return the index of the minimum along an axis."""
    return ops.argmin(convert.tensor(x), axis=axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """Return the running sum along an axis."""
    return ops.cumsum(convert.tensor(x), axis=axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Return the running product along an axis."""
    return ops.cumprod(convert.tensor(x), axis=axis)


def pow_(x: Any, a: Any) -> Any:
    """Return x to the power of a."""
    return ops.power(*convert.operands(x, a))


def sqrt(x: Any) -> Any:
    """Return the square root, and 0 for negative numbers."""
    return ops.sqrt(ops.maximum(convert.tensor(x), 0.0))


def clip(x: Any, min_value: Any = None, max_value: Any = None) -> Any:
    """Limit values to a range."""
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    if isinstance(low, int | float) and isinstance(high, int | float):
        high = max(low, high)
    return ops.minimum(ops.maximum(convert.tensor(x), low), high)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Any:
    """Return the numbers from `start` to `stop`, which is left out."""
    return ops.cast(tensors.range_(start, stop, step), dtypes.available(dtype))


def constant(value: Any, dtype: Any = None, shape: Any = None, name: Any = None) -> Any:
    """Return a value as a tensor, of the default dtype of Keras."""
    return tensors.constant(value, dtype or keras.config.floatx(), shape)


def variable(value: Any, dtype: Any = None, name: Any = None, constraint: Any = None) -> Any:
    """Return a variable with an initial value."""
    return tf_variables.Variable(value, dtype=dtype or keras.config.floatx(), name=name, constraint=constraint)


def zeros(shape: Any, dtype: Any = None, name: Any = None) -> Any:
    """Return a variable of zeros; in a compiled step, a tensor."""
    return _created(np.zeros(convert.shape(shape)), dtype, name)


def ones(shape: Any, dtype: Any = None, name: Any = None) -> Any:
    """Return a variable of ones; in a compiled step, a tensor."""
    return _created(np.ones(convert.shape(shape)), dtype, name)


def _created(value: Any, dtype: Any, name: Any) -> Any:
    return variable(value, dtype, name) if control.executing_eagerly() else convert.tensor(value, _float(dtype))


def eye(size: Any, dtype: Any = None, name: Any = None) -> Any:
    """Return a variable with an identity matrix."""
    return variable(np.eye(*convert.shape(size)), dtype, name)


def zeros_like(x: Any, dtype: Any = None, name: Any = None) -> Any:
    """Return zeros with the shape of a tensor."""
    return tensors.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: Any = None) -> Any:
    """Return ones with the shape of a tensor."""
    return tensors.ones_like(x, dtype)


def placeholder(*args: Any, **options: Any) -> NoReturn:
    """Refuse: a value is needed at once."""
    raise TypeError("K.placeholder is not served, because operations run when they are called. Use keras.Input.")


def function(inputs: Any, outputs: Any, updates: Any = None, name: Any = None, **options: Any) -> Any:
    """Return a function from the inputs of a model to some of its tensors."""
    if updates:
        raise TypeError("K.function is served without updates. Assign variables in a function of your own.")
    single = not isinstance(outputs, list | tuple)
    tensors = [x for x, _ in _pairs(inputs, inputs) if isinstance(x, keras.KerasTensor)]
    model = keras.Model(tensors, outputs if single else list(outputs))

    def call(values: Any) -> Any:
        pairs = _pairs(inputs, values)
        flags = [v for x, v in pairs if not isinstance(x, keras.KerasTensor)]
        fed = [convert.tensor(v) for x, v in pairs if isinstance(x, keras.KerasTensor)]
        results = model(fed if len(fed) > 1 else fed[0], training=bool(flags[0]) if flags else False)
        return np.asarray(results) if single else [np.asarray(result) for result in _list(results)]

    return call


def _pairs(inputs: Any, values: Any) -> list[tuple[Any, Any]]:
    """Return each input with its value. `model.input` can be a list of one tensor, whose value is an array."""
    pairs = []
    for x, value in zip(_list(inputs), _list(values), strict=False):
        several = isinstance(x, list | tuple) and len(x) > 1
        pairs += _pairs(x, value) if several else [(_list(x)[0], value)]
    return pairs


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


_LEARNING_PHASE = [0]


def learning_phase() -> int:
    """Return 1 in training mode as set by `set_learning_phase`, and 0 otherwise."""
    return _LEARNING_PHASE[0]


def set_learning_phase(value: Any) -> None:
    """Record a mode for `learning_phase`. Layers take their mode from the argument `training`."""
    _LEARNING_PHASE[0] = int(value)


def gradients(loss: Any, variables: Any) -> NoReturn:
    """Refuse: a loss that is known already has no gradients."""
    raise TypeError("K.gradients is not served, because it needs graphs. Use tf.GradientTape or jax.grad.")


def int_shape(x: Any) -> Any:
    """Return the shape as a tuple of integers."""
    return tuple(x.shape)


def shape(x: Any) -> Any:
    """Return the shape as a tensor."""
    return tensors.shape(x)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """Return the name of the dtype."""
    return convert.dtype_of(x)


def eval_(x: Any) -> Any:
    """Return the value as an array of NumPy."""
    return get_value(x)


def get_value(x: Any) -> Any:
    """Return the value as an array of NumPy."""
    return np.asarray(convert.tensor(x)) if tensors.is_tensor(x) else x


def batch_get_value(tensors: Any) -> list[Any]:
    """Return the values as arrays of NumPy."""
    return [get_value(x) for x in tensors]


def set_value(x: Any, value: Any) -> None:
    """Set the value of a variable."""
    x.assign(convert.tensor(value, convert.dtype_of(x)))


def batch_set_value(tuples: Any) -> None:
    """Set the values of variables, from pairs of a variable and a value."""
    for x, value in tuples:
        set_value(x, value)


def count_params(x: Any) -> int:
    """Return the number of elements."""
    return int(np.prod(x.shape))


def cast(x: Any, dtype: Any) -> Any:
    """Return a tensor with another dtype."""
    return tensors.cast(x, dtype)


def cast_to_floatx(x: Any) -> Any:
    """Return a tensor, or an array of NumPy, with the default dtype of Keras."""
    if tensors.is_tensor(x):
        return tensors.cast(x, keras.config.floatx())
    return np.asarray(x, dtype=keras.config.floatx())


def update(x: Any, new_x: Any) -> Any:
    """Set the value of a variable."""
    return compat_v1.assign(x, new_x)


def update_add(x: Any, increment: Any) -> Any:
    """Add to the value of a variable."""
    return compat_v1.assign_add(x, increment)


def update_sub(x: Any, decrement: Any) -> Any:
    """Subtract from the value of a variable."""
    return compat_v1.assign_sub(x, decrement)


def moving_average_update(x: Any, value: Any, momentum: Any) -> Any:
    """Move a variable towards a value."""
    return update_add(x, (convert.tensor(value, convert.dtype_of(x)) - x) * (1 - momentum))


def is_sparse(tensor: Any) -> bool:
    """Return False: there are no sparse tensors."""
    return False


def to_dense(tensor: Any) -> Any:
    """Return the tensor."""
    return tensor


def stop_gradient(variables: Any) -> Any:
    """Return tensors as constants for the computation of gradients."""
    if isinstance(variables, list | tuple):
        return list(map(tensors.stop_gradient, variables))
    return tensors.stop_gradient(variables)


name_scope = keras.name_scope


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Choose between two values, as a whole or element by element."""
    then, otherwise = (
        x if callable(x) else functools.partial(lambda v: v, x) for x in (then_expression, else_expression)
    )
    if len(np.shape(condition)) == 0 and not isinstance(condition, keras.KerasTensor):
        return control.cond(condition, then, otherwise)
    condition, x, y = ops.cast(convert.tensor(condition), "bool"), convert.tensor(then()), convert.tensor(otherwise())
    extra = len(x.shape) - len(condition.shape)
    if extra < 0:
        raise ValueError(
            f"K.switch: the condition has {len(condition.shape)} axes, but the values have {len(x.shape)}."
        )
    for _ in range(extra):
        condition = ops.expand_dims(condition, -1)
    return ops.where(condition, x, y)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return `x` in training mode, and `alt` otherwise."""
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return `alt` in training mode, and `x` otherwise."""
    return in_train_phase(alt, x, training)


def map_fn(fn: Any, elems: Any, name: Any = None, dtype: Any = None) -> Any:
    """Call a function for each slice along the first axis, and stack the results."""
    return control.map_fn(fn, elems)


def foldl(fn: Any, elems: Any, initializer: Any = None, name: Any = None) -> Any:
    """Call fn(accumulated, slice) along the first axis, and return the last result."""
    return control.foldl(fn, elems, initializer)


def foldr(fn: Any, elems: Any, initializer: Any = None, name: Any = None) -> Any:
    """Call fn(accumulated, slice) from the last slice to the first, and return the last result."""
    return control.foldr(fn, elems, initializer)


def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """Print a tensor, and return it."""
    control.print_(message, x)
    return x


def _float(dtype: Any) -> Any:
    return dtype or keras.config.floatx()


def random_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draw from normal distributions."""
    return random.normal(shape, mean, stddev, _float(dtype), seed)


def random_uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draw from a uniform distribution."""
    return random.uniform(shape, minval, maxval, _float(dtype), seed)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draw from truncated normal distributions."""
    return random.truncated_normal(shape, mean, stddev, _float(dtype), seed)


def random_bernoulli(shape: Any, p: Any = 0.0, dtype: Any = None, seed: Any = None) -> Any:
    """Draw 1 with probability `p`, and 0 otherwise."""
    return ops.cast(random.uniform(shape, seed=seed) <= p, dtypes.available(_float(dtype)))


random_binomial = random_bernoulli


def random_normal_variable(
    shape: Any, mean: Any, scale: Any, dtype: Any = None, name: Any = None, seed: Any = None
) -> Any:
    """Return a variable with values from normal distributions."""
    return variable(random_normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(
    shape: Any, low: Any, high: Any, dtype: Any = None, name: Any = None, seed: Any = None
) -> Any:
    """Return a variable with values from a uniform distribution."""
    return variable(random_uniform(shape, low, high, dtype, seed), dtype, name)


def dropout(x: Any, level: Any, noise_shape: Any = None, seed: Any = None) -> Any:
    """Set elements to 0 with probability `level` and scale the others."""
    return tf_nn.dropout(x, level, noise_shape, seed)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Return the tensor divided by its Euclidean norm along an axis."""
    tensor = convert.tensor(x)
    total = ops.sum(ops.square(tensor), axis=convert.axis(axis), keepdims=True)
    return tensor * ops.rsqrt(ops.maximum(total, 1e-12))


def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Any:
    """Return (x - mean) / sqrt(var + epsilon) * gamma + beta."""
    return tf_nn.batch_normalization(x, mean, var, beta, gamma, epsilon)
