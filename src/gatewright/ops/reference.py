"""The reference implementation of the recurrences: a plain loop over the time steps, for the forward and backward pass.

The faster implementations are tested against this one. It computes in the dtype of its operands: pass float64 for the
most exact results. `step` and `forward` work with NumPy and with JAX. The fallback in `gatewright.ops.jax` runs `step`
inside `lax.scan`.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np

from gatewright.ops.cells.cell import Array, Gradients, Weights
from gatewright.ops.recurrence import Recurrence, check_operands, require_shape


class Forward(NamedTuple):
    """The result of `forward`.

    Attributes:
        sequence: The output of every time step, [batch, time, units].
        states: The states after the last step, each [batch, units].
        saved: The values that the backward pass needs, [batch, time, len(rec.saved_names), units].
    """

    sequence: Array
    states: tuple[Array, ...]
    saved: Array


def step(
    rec: Recurrence,
    x: Array,
    states: tuple[Array, ...],
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    dropout_mask: Array | None,
    recurrent_dropout_mask: Array | None,
    xp: ModuleType,
    zoneout_mask: Array | None = None,
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Compute one time step of the recurrence.

    With zoneout, each new state s of the cell is replaced by

        d * s_prev + (1 - d) * s

    Krueger et al. 2016, "Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations", section 3.2. In
    training, d is a random mask, the argument `zoneout_mask`: each number is 1 with probability `rec.zoneout` and 0
    otherwise. In inference, d is the probability `rec.zoneout` itself. An LSTM computes h from c before zoneout is
    applied to c. The c among the saved values is the one after zoneout.

    The function does not modify its arguments, and it computes in the dtype of the operands. It does not check shapes,
    since it is called for every step. `check_operands` checks them once per sequence.

    Args:
        rec: The recurrence. Its direction and its treatment of masks have no effect on a single step.
        x: The input of the step, [batch, features].
        states: The previous states, one array [batch, units] for each of `rec.state_names`.
        kernel: W, [features, gates * units].
        recurrent_kernel: U, of shape `rec.recurrent_kernel_shape(units)`.
        bias: b, of shape `rec.bias_shape(units)`. None for no bias.
        dropout_mask: m, [1 or gates, batch, features]: 0 for a dropped feature, 1 / (1 - rate) for the others. None for
            no dropout.
        recurrent_dropout_mask: n, [1 or gates, batch, units], with the same kind of values. None for no dropout.
        xp: `numpy` or `jax.numpy`.
        zoneout_mask: d, booleans [batch, states, units]. None sets d to `rec.zoneout`.

    Returns:
        The new states, and the saved values in the order of `rec.saved_names`. Each array is [batch, units].

    Raises:
        ValueError: The recurrence has products in bfloat16.
    """
    if rec.precision != "float32":
        raise ValueError(
            f"precision {rec.precision!r} is supported by the compiled kernels only, which need a CPU and compute "
            "first derivatives in reverse mode: use precision='float32' here."
        )
    weights = Weights(kernel, recurrent_kernel, bias, dropout_mask, recurrent_dropout_mask)
    new, saved = rec.definition.step(rec, x, states, weights, xp)
    if rec.zoneout:
        d = _zoneout(rec, zoneout_mask, xp, states)
        new = tuple(d_s * s_prev + (1 - d_s) * s for d_s, s_prev, s in zip(d, states, new, strict=True))
        if "c" in rec.state_names:
            saved = (*saved[:-1], new[1])
    return new, saved


def _zoneout(rec: Recurrence, mask: Array | None, xp: ModuleType, like: tuple[Array, ...]) -> list[Array]:
    """Return the factor d of the zoneout formula in `step`, one array for each state."""
    if mask is None:
        return [xp.asarray(rec.zoneout, state.dtype) for state in like]
    return [xp.asarray(mask[:, k], state.dtype) for k, state in enumerate(like)]


def _times(rec: Recurrence, time: int) -> range:
    """Return the time steps in the order in which the recurrence processes them."""
    return range(time - 1, -1, -1) if rec.reverse else range(time)


def _stack(rows: Sequence[Array], shape: tuple[int, ...], like: Array, xp: ModuleType) -> Array:
    """Stack arrays along a new axis 1. If `rows` is empty, return an empty array of the given shape."""
    return xp.stack(rows, axis=1) if rows else xp.zeros(shape, dtype=like.dtype)


def _zero_masked_inputs(x: Array, mask: Array | None, xp: ModuleType) -> Array:
    """Return x with 0 at masked steps, so that NaN or infinity in the padding does not affect the results."""
    return x if mask is None else xp.where(mask[:, :, None], x, xp.zeros_like(x))


def forward(
    rec: Recurrence,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: Sequence[Array],
    mask: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    xp: ModuleType = np,
    zoneout_mask: Array | None = None,
) -> Forward:
    """Run the recurrence over a whole sequence.

    At a masked step every state keeps its value, the output is the previous h, and x has no effect. Before the first
    live step, the previous h is the initial h. With `rec.zero_output_for_mask` the output is 0 instead. The saved
    values of a masked step are 0.

    Args:
        rec: The recurrence.
        x: The inputs, [batch, time, features].
        kernel, recurrent_kernel, bias, dropout_mask, recurrent_dropout_mask: As in `step`.
        states: The initial states, one [batch, units] for each of `rec.state_names`.
        mask: [batch, time], True or nonzero at live steps. None means that all steps are live.
        xp: `numpy` or `jax.numpy`.
        zoneout_mask: d of every step, booleans [batch, time, states, units]; see `step`. None sets d to `rec.zoneout`.

    Returns:
        The outputs, final states and saved values. The output at index t belongs to the input at index t.

    Raises:
        ValueError: The shapes do not fit each other.
    """
    drops = (dropout_mask, recurrent_dropout_mask)
    check_operands(rec, x.shape, kernel, recurrent_kernel, bias, states, mask, *drops, zoneout_mask)
    (batch, time, _), units = x.shape, recurrent_kernel.shape[0]
    mask = None if mask is None else xp.asarray(mask, dtype=bool)
    x, states = _zero_masked_inputs(x, mask, xp), tuple(states)
    outputs, saved = [], []
    for t in _times(rec, time):
        zoneout = None if zoneout_mask is None else zoneout_mask[:, t]
        new_states, values = step(rec, x[:, t], states, kernel, recurrent_kernel, bias, *drops, xp, zoneout)
        if mask is not None:
            live = mask[:, t, None]
            new_states = tuple(xp.where(live, new, old) for new, old in zip(new_states, states, strict=True))
            values = tuple(xp.where(live, v, xp.zeros_like(v)) for v in values)
        states = new_states
        output = states[0]
        if mask is not None and rec.zero_output_for_mask:
            output = xp.where(live, output, xp.zeros_like(output))
        outputs.append(output)
        saved.append(_stack(values, (batch, 0, units), output, xp))
    if rec.reverse:
        outputs.reverse()
        saved.reverse()
    return Forward(
        _stack(outputs, (batch, 0, units), states[0], xp),
        states,
        _stack(saved, (batch, 0, len(rec.saved_names), units), states[0], xp),
    )


def _states_before(
    rec: Recurrence, states: tuple[Array, ...], result: Forward, live: Array
) -> dict[int, tuple[Array, ...]]:
    """Return a dict from the index of each time step to the states before that step."""
    before = {}
    for t in _times(rec, live.shape[1]):
        before[t] = states
        after: tuple[Array, ...] = (result.sequence[:, t],)
        if "c" in rec.state_names:
            after += (result.saved[:, t, rec.saved_names.index("c")],)
        states = tuple(np.where(live[:, t], new, old) for new, old in zip(after, states, strict=True))
    return before


def backward(
    rec: Recurrence,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: Sequence[Array],
    forward_result: Forward,
    d_sequence: Array,
    d_states: Sequence[Array],
    mask: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    zoneout_mask: Array | None = None,
) -> Gradients:
    """Compute the gradients of a loss by backpropagation through time, with NumPy and the derivatives of the cell.

    Werbos 1990, "Backpropagation Through Time: What It Does and How to Do It", section III.

    Args:
        rec, x, kernel, recurrent_kernel, bias, states, mask, dropout_mask, recurrent_dropout_mask, zoneout_mask: The
            arguments that `forward` was called with.
        forward_result: The result of that call.
        d_sequence: Gradient of the loss with respect to the sequence, [batch, time, units].
        d_states: Gradient of the loss with respect to each final state, one [batch, units] for each state.

    Returns:
        The gradient of the loss with respect to x, the weights and the initial states. At masked steps the
        gradient with respect to x is 0.

    Raises:
        ValueError: The shapes do not fit each other.
    """
    drops = (dropout_mask, recurrent_dropout_mask)
    check_operands(rec, x.shape, kernel, recurrent_kernel, bias, states, mask, *drops, zoneout_mask)
    (batch, time, _), units = x.shape, recurrent_kernel.shape[0]
    require_shape("d_sequence", d_sequence, (batch, time, units))
    for name, d_state in zip(rec.state_names, d_states, strict=True):
        require_shape(f"d_state {name}", d_state, (batch, units))
    live = np.ones((batch, time, 1), dtype=bool) if mask is None else np.asarray(mask, dtype=bool)[:, :, None]
    if mask is not None and rec.zero_output_for_mask:
        d_sequence = np.where(live, d_sequence, 0)
    weights = Weights(kernel, recurrent_kernel, bias, *drops)
    d_x, d_W, d_U = np.zeros_like(x), np.zeros_like(kernel), np.zeros_like(recurrent_kernel)
    d_b = None if bias is None else np.zeros_like(bias)
    x = _zero_masked_inputs(x, live[:, :, 0], np)
    before = _states_before(rec, tuple(states), forward_result, live)
    d_s = tuple(d_states)
    for t in reversed(_times(rec, time)):
        d_s = (d_s[0] + d_sequence[:, t], *d_s[1:])
        # At a masked step the states keep their values, so their gradients skip the cell.
        d_live = tuple(np.where(live[:, t], d, 0) for d in d_s)
        d_new, d_past = d_live, tuple(np.zeros_like(d) for d in d_live)
        if rec.zoneout:
            zoneout = _zoneout(rec, None if zoneout_mask is None else zoneout_mask[:, t], np, d_live)
            d_past = tuple(rate * d for rate, d in zip(zoneout, d_live, strict=True))
            d_new = tuple((1 - rate) * d for rate, d in zip(zoneout, d_live, strict=True))
        saved = tuple(np.moveaxis(forward_result.saved[:, t], 1, 0))
        step = rec.definition.step_backward(
            rec, d_new, x[:, t], before[t], forward_result.sequence[:, t], saved, weights
        )
        d_x[:, t] = step.x
        d_W += step.kernel
        d_U += step.recurrent_kernel
        if d_b is not None:
            d_b += step.bias
        d_before = tuple(new + past for new, past in zip(step.states, d_past, strict=True))
        d_s = tuple(np.where(live[:, t], new, d) for new, d in zip(d_before, d_s, strict=True))
    return Gradients(d_x, d_W, d_U, d_b, d_s)
