"""The recurrences as differentiable functions of JAX arrays.

    sequence, states = gru(x, kernel, recurrent_kernel, bias)

There is one such function for each cell in `gatewright.ops.cells`. They work with `jit`, `grad` and `vmap` and inside
`lax.scan`. On a CPU they run the compiled kernels, through XLA's foreign function interface. On other platforms they
run a fallback, which computes the same equations with `lax.scan`. The kernels compute first derivatives in reverse
mode (`grad`). Higher derivatives and forward mode (`jvp`) use the fallback, with one `SlowDerivativeWarning`. `vmap`
runs the kernels once for each element of the mapped axis. Use the batch axis of the inputs instead where you can.

The weights have the layout of Keras (see `gatewright.ops.cells.cell`). No gradients flow through dropout masks.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gatewright.ops import _kernels, reference
from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import Cell
from gatewright.ops.derivatives import differentiable
from gatewright.ops.functions import described
from gatewright.ops.ids import on_cpu_only, rows_of, table_and_ids
from gatewright.ops.kernels import spec
from gatewright.ops.operands import check_lengths
from gatewright.ops.recurrence import Recurrence, Tokens, check_operands, check_precision, no_recurrent_kernel

Array = Any  # a jax.Array, or a tracer of one
Implementation = Literal["auto", "kernel", "scan"]


class _Operands(NamedTuple):
    x: Array  # the table if there are ids
    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    states: tuple[Array, ...]
    mask: Array | None = None
    lengths: Array | None = None
    dropout_mask: Array | None = None
    recurrent_dropout_mask: Array | None = None
    ids: Array | None = None
    zoneout_mask: Array | None = None


# ---- the kernels behind XLA ----------------------------------------------------------------------------------


def _register() -> None:
    handlers = dict(_kernels.xla_handlers())
    built = handlers.pop("api_version")
    header = (Path(jax.ffi.include_dir()) / "xla/ffi/api/c_api.h").read_text()
    found = tuple(int(re.findall(rf"#define XLA_FFI_API_{level} (\d+)", header)[0]) for level in ("MAJOR", "MINOR"))
    if found[0] != built[0] or found < built:
        raise ImportError(
            f"The kernels were built for version {built[0]}.{built[1]} of XLA's foreign function interface, but the "
            f"installed jaxlib has {found[0]}.{found[1]}. Install a newer jaxlib or build Gatewright again."
        )
    for name, handler in handlers.items():
        jax.ffi.register_ffi_target(f"gatewright_{name}", handler, platform="cpu")


_register()


def _call(
    name: str,
    rec: Recurrence,
    o: _Operands,
    extra: Sequence[Array | None],
    shapes: Sequence[tuple[int, ...]],
    **attributes: Any,
) -> list[Array]:
    """Call a kernel through XLA. It ignores operands that are None, and does not compute results of shape [0]."""
    arrays = {**o._asdict(), **dict(zip(("h0", "c0"), o.states, strict=False))}
    absent = jnp.zeros((0,), o.x.dtype)
    operands = [absent if array is None else array for array in (*map(arrays.get, _kernels.operands), *extra)]
    results = [jax.ShapeDtypeStruct(shape, o.x.dtype) for shape in shapes]  # type: ignore[no-untyped-call]
    handler = jax.ffi.ffi_call(f"gatewright_{name}", results, vmap_method="sequential")
    return list(handler(*operands, spec=np.array(spec(rec), np.float64), **attributes))


def _shapes(o: _Operands) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    batch, time = o.x.shape[:2] if o.ids is None else o.ids.shape
    units = o.recurrent_kernel.shape[0]
    return (batch, time, units), [(batch, units), (batch, units) if len(o.states) > 1 else (0,)]


def _forward(
    rec: Recurrence, sequence: bool, save: bool, given: bool, o: _Operands
) -> tuple[Array | None, tuple[Array, ...], Array]:
    whole, states = _shapes(o)
    # Only the gradients of given states need the saved values at every step. A check for NaN reads all of them.
    everywhere = given or jax.debug_nans.value or jax.debug_infs.value
    slots = len(rec.saved_names) if save else 0
    saved_shape = (*whole[:2], slots, whole[2]) if slots else (0,)
    out, saved, h, c = _call(
        "forward",
        rec,
        o,
        (),
        [whole if sequence else (0,), saved_shape, *states],
        saved_everywhere=np.bool_(everywhere),
    )
    return (out if sequence else None), (h, c)[: len(o.states)], saved


def _infer(rec: Recurrence, sequence: bool, o: _Operands) -> tuple[Array | None, tuple[Array, ...]]:
    return _forward(rec, sequence, False, False, o)[:2]


def _backward(
    rec: Recurrence,
    given: bool,
    o: _Operands,
    out: Array,
    saved: Array,
    d_sequence: Array | None,
    d_states: tuple[Array, ...],
) -> _Operands:
    d_h, d_c = d_states if len(d_states) > 1 else (d_states[0], None)
    weights = [(0,) if array is None else array.shape for array in (o.kernel, o.recurrent_kernel, o.bias)]
    shapes = [o.x.shape, *weights, *(_shapes(o)[1] if given else [(0,), (0,)])]
    x, kernel, recurrent_kernel, bias, h, c = _call("backward", rec, o, (out, saved, d_sequence, d_h, d_c), shapes)
    states = (h, c)[: len(o.states)] if given else tuple(map(jnp.zeros_like, o.states))
    return _Operands(x, kernel, recurrent_kernel, None if o.bias is None else bias, states)


# ---- the fallback ------------------------------------------------------------------------------------------------


def _scan(rec: Recurrence, sequence: bool, o: _Operands) -> tuple[Array | None, tuple[Array, ...]]:
    x = o.x if o.ids is None else rows_of(o.x, o.ids)
    mask = o.mask if o.lengths is None else jnp.arange(x.shape[1]) < o.lengths[:, None]
    # A NaN at a masked step must not reach a gradient as 0 * NaN.
    x = x if mask is None else jnp.where(mask[:, :, None], x, 0)

    def step(states: tuple[Array, ...], at: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array | None]:
        x_t, live, zoneout_mask = at
        new, _ = reference.step(
            rec,
            x_t,
            states,
            o.kernel,
            o.recurrent_kernel,
            o.bias,
            o.dropout_mask,
            o.recurrent_dropout_mask,
            jnp,
            zoneout_mask,
        )
        if live is None:
            return new, new[0] if sequence else None
        new = tuple(jnp.where(live[:, None], n, s) for n, s in zip(new, states, strict=True))
        output = jnp.where(live[:, None], new[0], 0) if rec.zero_output_for_mask else new[0]
        return new, output if sequence else None

    zoneout_masks = None if o.zoneout_mask is None else jnp.swapaxes(o.zoneout_mask, 0, 1)
    steps = (jnp.swapaxes(x, 0, 1), None if mask is None else mask.T, zoneout_masks)
    states, out = lax.scan(step, o.states, steps, reverse=rec.reverse)
    return (None if out is None else jnp.swapaxes(out, 0, 1)), states


# ---- one differentiable operation ----------------------------------------------------------------------------


# What the derivatives need to know: the recurrence, whether the outputs of all steps are wanted, and whether the caller
# passed initial states, whose gradients may be needed.
_Static = tuple[Recurrence, bool, bool]


def _recur(static: _Static, operands: Any, rest: Any) -> Any:
    rec, sequence, _ = static
    o = _Operands._make((*operands, *rest))
    if on_cpu_only():
        return _infer(rec, sequence, o)
    return lax.platform_dependent(o, cpu=partial(_infer, rec, sequence), default=partial(_scan, rec, sequence))


def _recur_saving(static: _Static, operands: Any, rest: Any) -> Any:
    rec, sequence, given = static
    o = _Operands._make((*operands, *rest))

    def fallback(o: _Operands) -> tuple[Array, tuple[Array, ...], Array]:
        (batch, time, units), slots = _shapes(o)[0], len(rec.saved_names)
        # The fallback runs the forward pass again in its backward pass, and needs no saved values.
        return *_scan(rec, True, o), jnp.zeros((batch, time, slots, units) if slots else (0,), o.x.dtype)

    if on_cpu_only():
        out, states, saved = _forward(rec, True, True, given, o)
    else:
        out, states, saved = lax.platform_dependent(o, cpu=partial(_forward, rec, True, True, given), default=fallback)
    return (out if sequence else None, states), (out, saved)


def _recur_backward(static: _Static, operands: Any, rest: Any, saved: Any, by_outputs: Any) -> Any:
    rec, sequence, given = static
    o = _Operands._make((*operands, *rest))

    def fallback(o: _Operands, out: Array, saved: Array, d_sequence: Any, d_states: Any) -> _Operands:
        def by_scan(*operands: Any) -> Any:
            return _scan(rec, sequence, _Operands._make((*operands, *o[5:])))

        return _Operands(*jax.vjp(by_scan, *o[:5])[1]((d_sequence, d_states)))

    if on_cpu_only():
        return _backward(rec, given, o, *saved, *by_outputs)[:5]
    arguments = (o, *saved, *by_outputs)
    return lax.platform_dependent(*arguments, cpu=partial(_backward, rec, given), default=fallback)[:5]


def _recur_by_scan(static: _Static, operands: Any, rest: Any) -> Any:
    rec, sequence, _ = static
    return _scan(rec, sequence, _Operands._make((*operands, *rest)))


_differentiable = differentiable(_recur, _recur_saving, _recur_backward, _recur_by_scan)


# ---- public --------------------------------------------------------------------------------------------------


def forward(
    rec: Recurrence,
    x: Array | Tokens,
    kernel: Array,
    recurrent_kernel: Array | None = None,
    bias: Array | None = None,
    *,
    initial_state: Sequence[Array] | None = None,
    mask: Array | None = None,
    lengths: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    zoneout_mask: Array | None = None,
    return_sequence: bool = True,
    implementation: Implementation = "auto",
) -> tuple[Array | None, tuple[Array, ...]]:
    """Run a recurrence over a batch of sequences.

    Args:
        rec: The recurrence.
        x: The inputs, [batch, time, features], float32 or float64, or `Tokens(ids, table)`. `Tokens` are faster if ids
            repeat, but not with a `dropout_mask`, because equal ids then have different inputs.
        kernel: W, [features, gates * units].
        recurrent_kernel: U, of shape `rec.recurrent_kernel_shape(units)`. None if no gate reads the state.
        bias: b, of shape `rec.bias_shape(units)`. None for no bias.
        initial_state: One array [batch, units] for each state. None means zeros. If it is None and x is `Tokens`,
            the first steps that examples have in common, such as padding on the left, are computed only once.
        mask: Booleans [batch, time], True at live steps. At a masked step the states keep their values.
        lengths: Integers [batch], an alternative to the mask: the number of live steps, which are the first
            steps of each example. Under `jit`, a length out of range counts as the nearest one in range.
        dropout_mask: Mask on x, [1 or gates, batch, features]: 0 for a dropped feature, 1 / (1 - rate) for the others.
            All steps use the same mask. None for no dropout.
        recurrent_dropout_mask: Mask on h, [1 or gates, batch, units], with the same kind of values. None for no
            dropout.
        zoneout_mask: Booleans [batch, time, states, units], True where a unit of a state keeps its previous value.
            If it is None, each state is the expected value for the probability `rec.zoneout`.
        return_sequence: Return the outputs of all steps. False is faster if only the final states are needed.
        implementation: "auto" and "kernel" use the compiled kernels on a CPU and the fallback elsewhere. "scan" always
            uses the fallback, which has derivatives of every order and mode and supports any floating-point type.

    Returns:
        The outputs [batch, time, units] (None without `return_sequence`), and the states after the last step.

    Raises:
        ValueError: A shape or a length does not fit, or the implementation does not exist.
        TypeError: An operand has an unsupported dtype.
    """
    if implementation not in ("auto", "kernel", "scan"):
        raise ValueError(f"implementation must be 'auto', 'kernel' or 'scan', not {implementation!r}.")
    ids = None
    if isinstance(x, Tokens):
        x, ids = table_and_ids(x, gathered=dropout_mask is not None)
    x = jnp.asarray(x)
    if implementation != "scan" and x.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"x must be float32 or float64, not {x.dtype}; implementation='scan' supports other types.")
    check_precision(rec, x.dtype)
    shape = x.shape if ids is None else (*ids.shape, x.shape[1])
    if len(shape) != 3:
        raise ValueError(f"x must have shape [batch, time, features], not {list(shape)}.")

    def require_dtype(name: str, array: Array | None) -> Array | None:
        if array is None:
            return None
        array = jnp.asarray(array)
        if array.dtype != x.dtype:
            raise TypeError(f"{name} must be {x.dtype} like x, not {array.dtype}.")
        return array

    if recurrent_kernel is None:
        recurrent_kernel = no_recurrent_kernel(rec, jnp.asarray(kernel))
    recurrent_kernel = jnp.asarray(recurrent_kernel)
    given = initial_state is not None
    if initial_state is None:
        initial_state = [jnp.zeros((shape[0], recurrent_kernel.shape[0]), x.dtype) for _ in rec.state_names]
    elif hasattr(initial_state, "shape"):
        raise TypeError(f"initial_state must be a list of {len(rec.state_names)} arrays, not one array.")
    o = _Operands(
        x,
        require_dtype("kernel", kernel),
        require_dtype("recurrent_kernel", recurrent_kernel),
        require_dtype("bias", bias),
        tuple(require_dtype("initial_state", state) for state in initial_state),
        _mask("mask", mask),
        _lengths(lengths, *shape[:2]),
        lax.stop_gradient(require_dtype("dropout_mask", dropout_mask)),
        lax.stop_gradient(require_dtype("recurrent_dropout_mask", recurrent_dropout_mask)),
        ids,
        _mask("zoneout_mask", zoneout_mask),
    )
    if mask is not None and lengths is not None:
        raise ValueError("mask and lengths are both given. Give only one of them.")
    check_operands(rec, shape, *o[1:6], o.dropout_mask, o.recurrent_dropout_mask, o.zoneout_mask)
    if implementation == "scan":
        return _scan(rec, return_sequence, o)
    result: tuple[Array | None, tuple[Array, ...]] = _differentiable((rec, return_sequence, given), o[:5], o[5:])
    return result


def _sequence_function(cell: Cell) -> Callable[..., tuple[Array | None, tuple[Array, ...]]]:
    def function(
        x: Array | Tokens,
        kernel: Array,
        recurrent_kernel: Array | None = None,
        bias: Array | None = None,
        *,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        reverse: bool = False,
        zero_output_for_mask: bool = False,
        zoneout: float = 0.0,
        precision: str = "float32",
        initial_state: Sequence[Array] | None = None,
        mask: Array | None = None,
        lengths: Array | None = None,
        dropout_mask: Array | None = None,
        recurrent_dropout_mask: Array | None = None,
        zoneout_mask: Array | None = None,
        return_sequence: bool = True,
        implementation: Implementation = "auto",
    ) -> tuple[Array | None, tuple[Array, ...]]:
        """Run {title} over a batch of sequences.

        {equations}

        Args:
            x: The inputs, [batch, time, features], or `Tokens(ids, table)`.
            kernel: W, [features, {gates} * units].
            recurrent_kernel: {recurrent_kernel}.
            bias: b, of shape `Recurrence.bias_shape(units)`. None for no bias.
            activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout, precision: See
                `gatewright.ops.recurrence.Recurrence`.
            initial_state, mask, lengths, dropout_mask, recurrent_dropout_mask, zoneout_mask, return_sequence,
                implementation: See `forward`.

        Returns:
            The outputs [batch, time, units] (None without `return_sequence`), and the states after the last step.

        Raises:
            ValueError: A name is unknown, or a shape or length does not fit.
            TypeError: An operand has an unsupported type.
        """
        rec = Recurrence(
            cell.name, activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout, precision
        )
        return forward(
            rec,
            x,
            kernel,
            recurrent_kernel,
            bias,
            initial_state=initial_state,
            mask=mask,
            lengths=lengths,
            dropout_mask=dropout_mask,
            recurrent_dropout_mask=recurrent_dropout_mask,
            zoneout_mask=zoneout_mask,
            return_sequence=return_sequence,
            implementation=implementation,
        )

    return described(function, cell.name, cell)


# One function for each cell: gru, lstm, ...
globals().update({name: _sequence_function(cell) for name, cell in CELLS.items()})

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def _mask(name: str, mask: Array | None) -> Array | None:
    if mask is None:
        return None
    mask = jnp.asarray(mask)
    if mask.dtype != jnp.bool_:
        raise TypeError(f"{name} must be bool, not {mask.dtype}.")
    return mask


def _lengths(lengths: Array | None, batch: int, time: int) -> Array | None:
    if lengths is None:
        return None
    if not isinstance(lengths, jax.core.Tracer):
        return jnp.asarray(check_lengths(lengths, batch, time))
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise TypeError(f"lengths must be whole numbers, not {lengths.dtype}.")
    if lengths.shape != (batch,):
        raise ValueError(f"lengths must have shape [{batch}], not {list(lengths.shape)}.")
    return lengths.astype(jnp.int32)
