"""TensorFlow's `GradientTape` on JAX.

While a tape records, it is JAX's current trace: JAX hands it every operation. The tape evaluates the operation as JAX
would have without it, so tensors are the usual arrays, and notes operation, inputs and outputs. `gradient` runs the
noted operations between sources and target again, as a function that JAX differentiates. The kernels' derivatives are
used, because a function with a derivative of its own is noted as a whole.

Of JAX's internals, `Trace` and the functions that read and set the current trace are used.
"""

from collections.abc import Callable, Iterable
from typing import Any, Self

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax._src import core
from jax.extend import core as jax_core

from gatewright.keras.tensorflow import convert

_current: Any = core.set_current_trace


class UnconnectedGradients:
    """Results of `gradient` for a source that the target does not depend on: None or zeros."""

    NONE, ZERO = "none", "zero"


class _Operation:
    """An operation: a function, the arrays that it was called with, and those that it returned."""

    __slots__ = ("function", "inputs", "outputs")

    def __init__(self, function: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        self.function, self.inputs, self.outputs = function, inputs, outputs


class _Recorder(core.Trace):
    """A trace that evaluates operations in the trace around it, and notes them."""

    def __init__(self, parent: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.parent = parent
        self.operations: list[_Operation] = []
        self._known: dict[int, Any] = {}  # keeps the arrays alive, so that identities stay unique

    def stage_value(self, val: Any) -> Any:
        """Return a constant as an array."""
        return val if isinstance(val, jax.Array) else self.parent.stage_value(val)

    def process_primitive(self, primitive: Any, tracers: Any, params: Any, /) -> Any:
        """Evaluate and note an operation."""
        jaxpr = params.get("jaxpr")
        if isinstance(jaxpr, jax_core.ClosedJaxpr) and jaxpr.consts and primitive.name in ("jit", "pjit"):
            # A compiled function can hold arrays as constants. As inputs, they take part in the gradient.
            function = jax_core.jaxpr_as_fun(jax_core.ClosedJaxpr(_without_constants(jaxpr.jaxpr), ()))
            return self._evaluate(function, [*jaxpr.consts, *tracers], True)
        return self._evaluate(lambda *args: primitive.bind(*args, **params), list(tracers), primitive.multiple_results)

    def process_call(self, call_primitive: Any, f: Any, tracers: Any, params: Any, /) -> Any:
        """Evaluate and note a call of a function."""

        def call(*args: Any) -> Any:
            with core.take_current_trace() as trace:
                return trace.process_call(call_primitive, f, args, params)

        return self._evaluate(self._staged(call, tracers), list(tracers), True)

    def process_custom_jvp_call(self, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **params: Any) -> Any:
        """Evaluate and note a function with a derivative of its own."""

        def call(*args: Any) -> Any:
            with core.take_current_trace() as trace:
                return trace.process_custom_jvp_call(primitive, fun, jvp, args, **params)

        return self._evaluate(self._staged(call, tracers), list(tracers), True)

    def process_custom_vjp_call(
        self, primitive: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **params: Any
    ) -> Any:
        """Evaluate and note a function with a derivative of its own."""

        def call(*args: Any) -> Any:
            with core.take_current_trace() as trace:
                return trace.process_custom_vjp_call(primitive, fun, fwd, bwd, args, **params)

        return self._evaluate(self._staged(call, tracers), list(tracers), True)

    def _staged(self, call: Callable[..., Any], args: Any) -> Callable[..., Any]:
        """Return a function that can be called and differentiated several times."""
        with _current(self.parent):
            return jax_core.jaxpr_as_fun(jax.make_jaxpr(call)(*args))  # type: ignore[no-any-return]

    def _evaluate(self, function: Callable[..., Any], inputs: list[Any], several: bool) -> Any:
        with _current(self.parent):
            result = function(*inputs)
            outputs = [self._unique(x, inputs) for x in (result if several else [result])]

        def outputs_of(*args: Any) -> list[Any]:
            again = function(*args)
            return list(again) if several else [again]

        self.operations.append(_Operation(outputs_of, inputs, outputs))
        self._known.update((id(x), x) for x in (*inputs, *outputs))
        return outputs if several else outputs[0]

    def _unique(self, output: Any, inputs: list[Any]) -> Any:
        """Return an output as an array of its own, because operations are connected by the identity of arrays."""
        if id(output) in self._known or any(output is x for x in inputs):
            return jnp.array(output, copy=True)
        return output


def _without_constants(jaxpr: Any) -> Any:
    return jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars])


class GradientTape:
    """Record operations in a `with` block, and compute gradients of their results."""

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent, self._variables = persistent, watch_accessed_variables
        self._recorders: list[_Recorder] = []
        self._watched: dict[int, Any] = {}
        self._entered: list[Any] = []
        self._used = False

    def __enter__(self) -> Self:
        self._used = False
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._entered:
            self._stop()

    def _start(self) -> None:
        recorder = _Recorder(core.trace_ctx.trace)
        self._recorders.append(recorder)
        context = _current(recorder)
        context.__enter__()
        self._entered.append(context)
        _stop_gradients(True)

    def _stop(self) -> None:
        _stop_gradients(False)
        self._entered.pop().__exit__(None, None, None)

    def watch(self, tensor: Any) -> None:
        """Let gradients be computed with respect to tensors."""
        for x in keras.tree.flatten(tensor):
            array = _array(x)
            if not isinstance(array, jax.Array):
                raise ValueError(f"tape.watch takes a tensor, not {type(x).__name__}. Use tf.convert_to_tensor first.")
            self._watched[id(array)] = array

    def watched_variables(self) -> tuple[Any, ...]:
        """Refuse: a tape here knows arrays, not variables."""
        raise TypeError("GradientTape.watched_variables is not served. Use model.trainable_variables.")

    def reset(self) -> None:
        """Forget the operations recorded so far."""
        for recorder in self._recorders:
            recorder.operations.clear()
        self._watched.clear()

    def stop_recording(self) -> Any:
        """Return a context manager in which nothing is recorded."""
        return _current(self._recorders[-1].parent)

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
    ) -> Any:
        """Return the gradients of the sum of `target` with respect to each of `sources`.

        A source is None in the result if the target does not depend on it, or if it is a tensor that was not watched.
        """
        self._check_use()
        targets = [_array(x) for x in keras.tree.flatten(target)]
        leaves = keras.tree.flatten(sources)
        arrays = [_array(x) for x in leaves]
        given = keras.tree.flatten(output_gradients) if output_gradients is not None else [None] * len(targets)
        with self._paused():
            gradients = self._gradients(targets, arrays, given)
        zero = unconnected_gradients == UnconnectedGradients.ZERO
        kept = [
            jnp.zeros_like(array) if zero and not self._counts(leaf, array, gradient) else
            gradient if self._counts(leaf, array, gradient) else None
            for leaf, array, gradient in zip(leaves, arrays, gradients, strict=True)
        ]  # fmt: skip
        return keras.tree.pack_sequence_as(sources, kept) if keras.tree.is_nested(sources) else kept[0]

    def _counts(self, leaf: Any, array: Any, gradient: Any) -> bool:
        """Return True for a source whose gradient TensorFlow would compute."""
        if gradient is None:
            return False
        if id(array) in self._watched:
            return True
        if isinstance(leaf, keras.Variable):
            return self._variables and bool(leaf.trainable)
        return any(array is x for op in self._operations() for x in op.outputs)  # an intermediate result

    def _operations(self) -> Iterable[_Operation]:
        return (operation for recorder in self._recorders for operation in recorder.operations)

    def _check_use(self) -> None:
        if self._used and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients. Use persistent=True."
            )
        self._used = True

    def _paused(self) -> Any:
        """Return a context manager in which this tape does not record. A persistent tape that is open does."""
        pause = self._entered and not self._persistent
        return _current(self._recorders[-1].parent if pause else core.trace_ctx.trace)

    def _gradients(self, targets: list[Any], sources: list[Any], given: list[Any]) -> list[Any]:
        needed = _path(list(self._operations()), targets, sources)
        reached = {id(x) for operation in needed for x in operation.inputs}
        reached.update(map(id, targets))
        active = [i for i, x in enumerate(sources) if id(x) in reached and _is_inexact(x)]
        result: list[Any] = [None] * len(sources)
        if not active:
            return result
        kept = {id(sources[i]) for i in active}

        def replay(values: list[Any]) -> list[Any]:
            current = {id(sources[i]): value for i, value in zip(active, values, strict=True)}
            for operation in needed:
                outputs = operation.function(*(current.get(id(x), x) for x in operation.inputs))
                for old, new in zip(operation.outputs, outputs, strict=True):
                    if id(old) not in kept:
                        current[id(old)] = new
            return [current.get(id(x), x) for x in targets]

        values, transpose = jax.vjp(replay, [sources[i] for i in active])
        seeds = [jnp.ones_like(v) if g is None else convert.tensor(g) for v, g in zip(values, given, strict=True)]
        (gradients,) = transpose(
            [jnp.broadcast_to(s.astype(v.dtype), v.shape) for s, v in zip(seeds, values, strict=True)]
        )
        for i, gradient in zip(active, gradients, strict=True):
            result[i] = gradient
        return result

    def jacobian(self, target: Any, sources: Any, **options: Any) -> Any:
        """Return the derivatives of each element of `target` with respect to each of `sources`."""
        self._check_use()
        array = _array(target)
        single = not keras.tree.is_nested(sources)
        leaves = keras.tree.flatten(sources)
        rows = []
        with self._paused():
            for i in range(array.size):
                seed = jnp.zeros(array.size, array.dtype).at[i].set(1).reshape(array.shape)
                rows.append(self._gradients([array], [_array(x) for x in leaves], [seed]))
        results = [
            None if parts[0] is None else jnp.stack(parts).reshape(array.shape + parts[0].shape)
            for parts in zip(*rows, strict=True)
        ]
        return results[0] if single else keras.tree.pack_sequence_as(sources, results)


def _array(value: Any) -> Any:
    """Return the array of a variable or tensor."""
    if isinstance(value, keras.Variable):
        return value.value
    return convert.tensor(value) if isinstance(value, int | float | np.ndarray) else value


def _is_inexact(value: Any) -> bool:
    return isinstance(value, jax.Array) and bool(jnp.issubdtype(value.dtype, jnp.inexact))


def _path(operations: list[_Operation], targets: list[Any], sources: list[Any]) -> list[_Operation]:
    """Return the operations between sources and targets, in order."""
    reached = {id(x) for x in sources}
    forward = []
    for operation in operations:
        if any(id(x) in reached for x in operation.inputs):
            reached.update(map(id, operation.outputs))
            forward.append(operation)
    wanted = {id(x) for x in targets}
    needed = []
    for operation in reversed(forward):
        if any(id(x) in wanted for x in operation.outputs):
            wanted.update(map(id, operation.inputs))
            needed.append(operation)
    return needed[::-1]


_stopped: list[Any] = []


def _stop_gradients(recording: bool) -> None:
    """Let `jax.lax.stop_gradient` cut the recorded operations too: JAX ignores it for known arrays."""
    if not recording:
        jax.lax.stop_gradient = _stopped.pop()
        return
    _stopped.append(jax.lax.stop_gradient)
    stock = _stopped[0]

    def stop_gradient(x: Any) -> Any:
        return jax.tree_util.tree_map(_cut, stock(x))

    jax.lax.stop_gradient = stop_gradient


@jax.custom_vjp
def _cut(x: Any) -> Any:
    return x


_cut.defvjp(lambda x: (x, None), lambda _, upstream: (jnp.zeros_like(upstream),))
