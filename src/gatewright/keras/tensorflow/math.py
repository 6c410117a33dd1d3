"""Elementwise functions of TensorFlow, most from a table that names the function of `keras.ops`."""

from typing import Any

import jax
from jax import numpy as jnp
from keras import ops

from gatewright.keras.tensorflow import convert

_UNARY = {
    "abs_": "absolute", "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "square": "square", "sign": "sign", "round_": "round", "floor": "floor", "ceil": "ceil", "negative": "negative",
    "reciprocal": "reciprocal", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos",
    "atan": "arctan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "sigmoid": "sigmoid", "softplus": "softplus", "log_sigmoid": "log_sigmoid", "erf": "erf",
    "erfc": "erfc", "erfinv": "erfinv", "is_nan": "isnan", "is_inf": "isinf", "is_finite": "isfinite",
    "logical_not": "logical_not", "real": "real", "imag": "imag", "conj": "conj", "angle": "angle", "rint": "round",
}  # fmt: skip
_BINARY = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "mod", "pow_": "power", "maximum": "maximum", "minimum": "minimum",
    "equal": "equal", "not_equal": "not_equal", "less": "less", "less_equal": "less_equal", "greater": "greater",
    "greater_equal": "greater_equal", "logical_and": "logical_and", "logical_or": "logical_or",
    "logical_xor": "logical_xor", "atan2": "arctan2", "divide_no_nan": "divide_no_nan",
}  # fmt: skip

globals().update(convert.unary(__name__, _UNARY))
globals().update(convert.binary(__name__, _BINARY))


def floormod(x: Any, y: Any, name: Any = None) -> Any:
    """Return the remainder with the sign of `y`."""
    return ops.mod(*convert.operands(x, y))


def multiply_no_nan(x: Any, y: Any, name: Any = None) -> Any:
    """Return the product, and 0 where `y` is 0 even if `x` is not finite."""
    x, y = map(convert.tensor, (x, y))
    return ops.where(ops.equal(y, 0), ops.zeros_like(ops.multiply(x, y)), ops.multiply(x, y))


def xlogy(x: Any, y: Any, name: Any = None) -> Any:
    """Return x * log(y), and 0 where `x` is 0."""
    x, y = map(convert.tensor, (x, y))
    return ops.where(ops.equal(x, 0), ops.zeros_like(x), x * ops.log(ops.where(ops.equal(x, 0), ops.ones_like(y), y)))


def squared_difference(x: Any, y: Any, name: Any = None) -> Any:
    """Return the square of the difference."""
    return ops.square(ops.subtract(*convert.operands(x, y)))


def add_n(inputs: Any, name: Any = None) -> Any:
    """Return the sum of tensors of one shape."""
    total, *rest = map(convert.tensor, inputs if isinstance(inputs, list | tuple) else [inputs])
    for tensor in rest:
        total = total + tensor
    return total


accumulate_n = add_n


def scalar_mul(scalar: Any, x: Any, name: Any = None) -> Any:
    """Return the tensor times a number."""
    return ops.multiply(*convert.operands(scalar, x))


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: Any = None) -> Any:
    """Limit values to a range."""
    tensor = convert.tensor(t)
    return ops.minimum(ops.maximum(tensor, convert.operand(clip_value_min)), convert.operand(clip_value_max))


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: Any = None) -> Any:
    """Scale a tensor down to a Euclidean norm of at most `clip_norm`."""
    tensor = convert.tensor(t)
    total = ops.sum(ops.square(tensor), axis=convert.axis(axes), keepdims=True)
    positive = ops.greater(total, 0)
    norm = ops.where(positive, ops.sqrt(ops.where(positive, total, ops.ones_like(total))), total)
    return tensor * clip_norm / ops.maximum(norm, clip_norm)


def global_norm(t_list: Any, name: Any = None) -> Any:
    """Return the Euclidean norm of all tensors together."""
    return ops.sqrt(sum(ops.sum(ops.square(convert.tensor(t))) for t in t_list if t is not None))


def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: Any = None) -> tuple[list[Any], Any]:
    """Scale tensors down to a common norm of at most `clip_norm`, and return them and their norm before."""
    norm = global_norm(t_list) if use_norm is None else convert.tensor(use_norm)
    scale = clip_norm * ops.minimum(1.0 / norm, 1.0 / clip_norm)
    scale = ops.where(ops.isfinite(norm), scale, jnp.nan)
    return [None if t is None else convert.tensor(t) * scale for t in t_list], norm


def lgamma(x: Any, name: Any = None) -> Any:
    """Return the logarithm of the gamma function's absolute value."""
    return jax.lax.lgamma(convert.tensor(x))


def digamma(x: Any, name: Any = None) -> Any:
    """Return the derivative of the gamma function's logarithm."""
    return jax.lax.digamma(convert.tensor(x))


def polyval(coeffs: Any, x: Any, name: Any = None) -> Any:
    """Evaluate a polynomial; the first coefficient is that of the highest power."""
    result = ops.zeros_like(convert.tensor(x))
    for coefficient in coeffs:
        result = result * x + coefficient
    return result


def complex_(real: Any, imag: Any, name: Any = None) -> Any:
    """Return complex numbers from their real and imaginary parts."""
    return jax.lax.complex(convert.tensor(real), convert.tensor(imag))
