"""Derivatives of a recurrence in JAX: of first order in reverse mode on the kernels, all others by a fallback.

In reverse mode JAX linearizes a function and transposes the linear part. The linear part of a recurrence is a primitive
of its own here, and its transpose is the backward kernel. If the primitive is not transposed, as in forward mode, it
computes the derivative of the fallback. The derivatives of the kernels themselves, which are needed for second
derivatives, are those of the fallback, too.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from gatewright.support.user_warnings import warn_user

Tree = Any  # a pytree of arrays
_warned = False


class SlowDerivativeWarning(UserWarning):
    """A warning that a derivative is computed by the fallback, because the kernels do not compute it."""


def differentiable(
    run: Callable[..., Tree], run_saving: Callable[..., tuple[Tree, Tree]], backward: Callable[..., Tree], scan: Any
) -> Callable[..., Tree]:
    """Return a function `recur(static, operands, rest)` that can be differentiated in every mode and order.

    Args:
        run: Computes the outputs from `(static, operands, rest)`: hashable options, a pytree of operands with
            derivatives, and a pytree of other operands.
        run_saving: Computes the outputs and what the backward pass needs, from the same arguments.
        backward: Computes the gradients of the operands from `(static, operands, rest, saved, gradients of outputs)`.
        scan: The fallback for `run`, in differentiable operations of JAX.
    """

    def derivative(static: Any, operands: Tree, rest: Tree, tangents: Tree) -> Tree:
        return jax.jvp(lambda o: scan(static, o, rest), (operands,), (tangents,))[1]

    linear = _linear_primitive(derivative, lambda *arguments: gradients(*arguments))

    @partial(jax.custom_jvp, nondiff_argnums=(0,))
    def recur(static: Any, operands: Tree, rest: Tree) -> Tree:
        return run(static, operands, rest)

    @recur.defjvp
    def _recur(static: Any, primals: Any, tangents: Any) -> Any:
        outputs, saved = saving(static, *primals)
        return outputs, linear(static, *primals, saved, tangents[0], outputs)

    @partial(jax.custom_jvp, nondiff_argnums=(0,))
    def saving(static: Any, operands: Tree, rest: Tree) -> Any:
        return run_saving(static, operands, rest)

    @saving.defjvp
    def _saving(static: Any, primals: Any, tangents: Any) -> Any:
        _warn_once()
        operands, rest = primals
        outputs, saved = saving(static, operands, rest)
        # The derivative of `gradients` does not read what is saved.
        return (outputs, saved), (derivative(static, operands, rest, tangents[0]), jax.tree.map(jnp.zeros_like, saved))

    @partial(jax.custom_jvp, nondiff_argnums=(0,))
    def gradients(static: Any, operands: Tree, rest: Tree, saved: Tree, by_outputs: Tree) -> Tree:
        return backward(static, operands, rest, saved, by_outputs)

    @gradients.defjvp
    def _gradients(static: Any, primals: Any, tangents: Any) -> Any:
        _warn_once()
        operands, rest, _, by_outputs = primals

        def by_scan(operands: Tree, by_outputs: Tree) -> Tree:
            return jax.vjp(lambda o: scan(static, o, rest), operands)[1](by_outputs)[0]

        changes = jax.jvp(by_scan, (operands, by_outputs), (tangents[0], tangents[3]))[1]
        return gradients(static, *primals), changes

    return recur


def _linear_primitive(derivative: Callable[..., Tree], gradients: Callable[..., Tree]) -> Callable[..., Tree]:
    """Return the linear part of a recurrence: `linear(static, operands, rest, saved, tangents, outputs)`.

    Args:
        derivative: The function that it computes, of `(static, operands, rest, tangents)`.
        gradients: Its transpose, of `(static, operands, rest, saved, gradients of outputs)`.
    """
    primitive = Primitive("gatewright_recurrence_tangent")
    primitive.multiple_results = True

    def linear(static: Any, operands: Tree, rest: Tree, saved: Tree, tangents: Tree, outputs: Tree) -> Tree:
        fixed, fixed_tree = jax.tree.flatten((operands, rest, saved))
        moving, moving_tree = jax.tree.flatten(tangents)
        flat, out_tree = jax.tree.flatten(outputs)
        avals = tuple(jax.core.ShapedArray(array.shape, array.dtype) for array in flat)
        trees = (fixed_tree, moving_tree, out_tree)
        bound = primitive.bind(*fixed, *moving, static=static, trees=trees, avals=avals)  # type: ignore[no-untyped-call]
        return jax.tree.unflatten(out_tree, bound)

    def compute(*arguments: Any, static: Any, trees: Any, avals: Any) -> Sequence[Any]:
        _warn_once()
        fixed_tree, moving_tree, _ = trees
        operands, rest, _ = jax.tree.unflatten(fixed_tree, arguments[: fixed_tree.num_leaves])
        tangents = jax.tree.unflatten(moving_tree, arguments[fixed_tree.num_leaves :])
        return jax.tree.leaves(derivative(static, operands, rest, tangents))

    def transpose(by_outputs: Any, *arguments: Any, static: Any, trees: Any, avals: Any) -> Sequence[Any]:
        fixed_tree, _, out_tree = trees
        count = fixed_tree.num_leaves
        given = [
            jnp.zeros(aval.shape, aval.dtype) if type(by) is ad.Zero else by
            for by, aval in zip(by_outputs, avals, strict=True)
        ]
        fixed = jax.tree.unflatten(fixed_tree, arguments[:count])
        found = jax.tree.leaves(gradients(static, *fixed, jax.tree.unflatten(out_tree, given)))
        wanted = [isinstance(argument, ad.UndefinedPrimal) for argument in arguments[count:]]
        return [None] * count + [by if want else None for by, want in zip(found, wanted, strict=True)]

    def jvp(primals: Any, tangents: Any, **options: Any) -> Any:
        changes = [_zeros_like(p) if type(t) is ad.Zero else t for p, t in zip(primals, tangents, strict=True)]
        return jax.jvp(partial(compute, **options), tuple(primals), tuple(changes))

    def batch(arguments: Any, axes: Any, **options: Any) -> Any:
        mapped = [k for k, axis in enumerate(axes) if axis is not None]

        def one(values: Any) -> Any:
            merged = list(arguments)
            for k, value in zip(mapped, values, strict=True):
                merged[k] = value
            return primitive.bind(*merged, **options)  # type: ignore[no-untyped-call]

        outputs = lax.map(one, [jnp.moveaxis(arguments[k], axes[k], 0) for k in mapped])
        return outputs, [0] * len(outputs)

    primitive.def_impl(compute)  # type: ignore[no-untyped-call]
    primitive.def_abstract_eval(lambda *arguments, avals, **options: list(avals))  # type: ignore[no-untyped-call]
    mlir.register_lowering(primitive, mlir.lower_fun(compute, multiple_results=True))
    ad.primitive_transposes[primitive] = transpose
    ad.primitive_jvps[primitive] = jvp
    batching.primitive_batchers[primitive] = batch
    return linear


def _zeros_like(primal: Any) -> Any:
    if jnp.issubdtype(primal.dtype, jnp.inexact):
        return jnp.zeros_like(primal)
    return np.zeros(primal.shape, jax.dtypes.float0)


def _warn_once() -> None:
    global _warned
    if not _warned:
        _warned = True
        warn_user(
            "This derivative of a recurrent layer (of second order, or in forward mode) is computed by a slower loop, "
            "because the kernels compute first derivatives in reverse mode (grad) only.",
            SlowDerivativeWarning,
        )
