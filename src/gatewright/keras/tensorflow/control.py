"""Control flow of TensorFlow, and functions around Python functions."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from gatewright.keras.tensorflow import convert

_map = jax.tree_util.tree_map


def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: Any = None) -> Any:
    """Call one of two functions."""
    if convert.is_concrete(pred):
        return true_fn() if bool(convert.values(pred)) else false_fn()
    return ops.cond(convert.tensor(pred), true_fn, false_fn)


def case(
    pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: str = "case"
) -> Any:
    """Call the function of the first predicate that is true, or `default`."""
    if not pred_fn_pairs:
        return default() if default is not None else None
    (pred, function), *rest = pred_fn_pairs
    if not rest and default is None:
        return function()
    return cond(pred, function, lambda: case(rest, default))


def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: str = "switch_case") -> Any:
    """Call the function at an index, or `default` (the last function) for an index without one."""
    pairs = branch_fns.items() if isinstance(branch_fns, dict) else enumerate(branch_fns)
    functions = {int(key): function for key, function in (p if isinstance(p, tuple) else (p,) for p in pairs)}
    default = functions[max(functions)] if default is None else default
    if convert.is_concrete(branch_index):
        return functions.get(int(convert.values(branch_index)), default)()
    keys = sorted(functions)
    position = sum(i * (branch_index == key) for i, key in enumerate(keys))
    known = sum(branch_index == key for key in keys) > 0
    branches = [*(functions[key] for key in keys), default]
    return jax.lax.switch(jax.numpy.where(known, position, len(keys)), branches)


def while_loop(
    cond: Any, body: Any, loop_vars: Any, shape_invariants: Any = None, parallel_iterations: int = 10,
    back_prop: bool = True, swap_memory: bool = False, maximum_iterations: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """Call `body` while `cond` is true. In a compiled step, gradients cannot pass such a loop."""
    values = tuple(loop_vars)
    done = 0
    while maximum_iterations is None or done < maximum_iterations:
        flag = cond(*values)
        if not convert.is_concrete(flag):
            left = None if maximum_iterations is None else maximum_iterations - done
            tensors = _map(convert.tensor, values)
            result = ops.while_loop(cond, lambda *v: _next(body, v), tensors, maximum_iterations=left)
            return type(loop_vars)(result) if isinstance(loop_vars, list | tuple) else result
        if not bool(convert.values(flag)):
            break
        values = _next(body, values)
        done += 1
    return _map(convert.tensor, list(values) if isinstance(loop_vars, list) else values)


def _next(body: Any, values: Any) -> Any:
    result = body(*values)
    return tuple(result) if isinstance(result, list | tuple) else (result,)


def _slices(elems: Any) -> list[Any]:
    tensors = _map(convert.tensor, elems)
    length = jax.tree_util.tree_leaves(tensors)[0].shape[0]
    return [_map(operator.itemgetter(i), tensors) for i in range(length)]


def _stacked(results: list[Any]) -> Any:
    return _map(lambda *parts: ops.stack([convert.tensor(part) for part in parts]), *results)


def map_fn(
    fn: Any, elems: Any, dtype: Any = None, parallel_iterations: Any = None, back_prop: bool = True,
    swap_memory: bool = False, infer_shape: bool = True, name: Any = None, fn_output_signature: Any = None,
) -> Any:  # fmt: skip
    """Call `fn` for each slice along the first axis, and stack the results."""
    if convert.is_concrete(elems):
        return _stacked([fn(part) for part in _slices(elems)])
    return jax.lax.map(lambda part: _map(convert.tensor, fn(part)), _map(convert.tensor, elems))


def vectorized_map(fn: Any, elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """Call `fn` for all slices along the first axis at once, and stack the results."""
    return jax.vmap(fn)(_map(convert.tensor, elems))


def scan(
    fn: Any, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, infer_shape: bool = True, reverse: bool = False, name: Any = None,
) -> Any:  # fmt: skip
    """Call fn(accumulated, slice) along the first axis, and stack all accumulated values."""
    parts = _slices(elems)
    parts = parts[::-1] if reverse else parts
    results = [parts.pop(0)] if initializer is None else []
    total = results[0] if results else _map(convert.tensor, initializer)
    for part in parts:
        total = fn(total, part)
        results.append(total)
    return _stacked(results[::-1] if reverse else results)


def foldl(
    fn: Any, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, name: Any = None,
) -> Any:  # fmt: skip
    """Call fn(accumulated, slice) along the first axis, and return the last result."""
    return _fold(fn, _slices(elems), initializer)


def foldr(
    fn: Any, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, name: Any = None,
) -> Any:  # fmt: skip
    """Call fn(accumulated, slice) from the last slice to the first, and return the last result."""
    return _fold(fn, _slices(elems)[::-1], initializer)


def _fold(fn: Any, parts: list[Any], initializer: Any) -> Any:
    if initializer is not None:
        return functools.reduce(fn, parts, _map(convert.tensor, initializer))
    return functools.reduce(fn, parts)


def function(
    func: Any = None, input_signature: Any = None, autograph: bool = True, jit_compile: Any = None,
    reduce_retracing: bool = False, experimental_implements: Any = None, experimental_autograph_options: Any = None,
    experimental_attributes: Any = None, experimental_relax_shapes: Any = None, experimental_compile: Any = None,
    experimental_follow_type_hints: Any = None,
) -> Any:  # fmt: skip
    """Return a function that calls `func` as it is, in Python, with the same result as when TensorFlow compiles it."""
    if func is None:
        return function

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    call.python_function = func  # type: ignore[attr-defined]
    call.get_concrete_function = lambda *args, **kwargs: call  # type: ignore[attr-defined]
    call.input_signature = input_signature  # type: ignore[attr-defined]
    return call


def py_function(func: Any = None, inp: Any = None, Tout: Any = None, name: Any = None) -> Any:
    """Call a Python function of tensors. It cannot run inside a step that JAX compiles."""
    return _call_python(func, [convert.tensor(x) for x in inp or ()], Tout, "tf.py_function")


def numpy_function(func: Any = None, inp: Any = None, Tout: Any = None, stateful: bool = True, name: Any = None) -> Any:
    """Call a Python function of arrays of NumPy. It cannot run inside a step that JAX compiles."""
    concrete = convert.is_concrete(inp)
    values = [convert.values(x) if concrete else x for x in inp or ()]
    return _call_python(func, values, Tout, "tf.numpy_function")


def _call_python(func: Callable[..., Any], inp: list[Any], Tout: Any, name: str) -> Any:
    if not convert.is_concrete(inp):
        raise TypeError(
            f"{name} cannot run in a step that JAX compiles. Use jax.pure_callback, which names the shapes."
        )
    result = func(*inp)
    if isinstance(Tout, list | tuple):
        return [convert.tensor(part, dtype) for part, dtype in zip(result, Tout, strict=True)]
    return None if result is None else convert.tensor(result, getattr(Tout, "dtype", Tout))


def custom_gradient(f: Any = None) -> Any:
    """Return a function with the gradient that it returns next to its result: `return y, grad`."""

    @jax.custom_vjp
    def call(*args: Any) -> Any:
        return f(*args)[0]

    def forward(*args: Any) -> Any:
        y, _ = f(*args)
        return y, args

    def backward(args: Any, upstream: Any) -> Any:
        _, grad = f(*args)
        parts = grad(*upstream) if isinstance(upstream, list | tuple) else grad(upstream)
        parts = parts if isinstance(parts, list | tuple) else (parts,)
        return tuple(jax.numpy.zeros_like(a) if part is None else part for part, a in zip(parts, args, strict=True))

    call.defvjp(forward, backward)
    return functools.wraps(f)(lambda *args: call(*map(convert.tensor, args)))


def recompute_grad(f: Any) -> Any:
    """Return a function that recomputes its intermediate values for gradients."""
    return jax.checkpoint(f)


def group(*inputs: Any, **options: Any) -> None:
    """Do nothing: operations run when they are called."""


def tuple_(tensors: Any, **options: Any) -> Any:
    """Return the tensors: operations run when they are called."""
    return list(tensors)


def print_(*inputs: Any, **options: Any) -> None:
    """Print values. In a compiled step they are printed whenever the step runs."""
    import sys

    separator, end = options.get("sep", " "), options.get("end", "\n")
    stream = {None: sys.stderr, "sys.stdout": sys.stdout}.get(
        options.get("output_stream"), options.get("output_stream")
    )
    if convert.is_concrete(inputs):
        print(*map(_printable, inputs), sep=separator, end=end, file=stream or sys.stderr)
    else:
        jax.debug.print(separator.join(["{}"] * len(inputs)), *inputs)


def _printable(value: Any) -> Any:
    if isinstance(value, jax.Array | keras.Variable):
        return np.asarray(value)
    return value


def executing_eagerly() -> bool:
    """Return True, except while JAX compiles a step."""
    return not convert.is_compiling()
