"""The reference implementation: a loop over the steps of any cell, forward and backward through time.

Every faster implementation must equal this one. It computes in the dtype of its operands: pass float64 for the most
exact results. `step` and `forward` run on NumPy and JAX alike, so that `step` is also the body of the `lax.scan` in
`gatewright.ops.jax`.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np

from gatewright.ops.cells.cell import Array, Gradients, Weights
from gatewright.ops.recurrence import Recurrence, check_operands, require_shape


class Forward(NamedTuple):
    """The result of `forward`: sequence [B, T, U], each final state [B, U], saved [B, T, S, U]."""

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
    """Compute one step of the recurrence.

    With zoneout, each new state s of the cell becomes

        d * s_prev + (1 - d) * s

    Krueger et al. 2016, "Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations", section 3.2. In
    training, d is drawn for each step, unit and state of each row; it is 1 with probability `rec.zoneout`. In
    inference, d is that probability. The h of an LSTM is computed from its c before zoneout. The saved c is the one
    after zoneout.

    The function is pure: it writes nothing in place and computes in the dtype of the operands. It does not check
    shapes, since it runs at every step: `check_operands` does so once per sequence.

    Args:
        rec: the recurrence. Its direction and masking have no effect on a single step.
        x: [batch, features].
        states: one [batch, units] for each of `rec.state_names`.
        kernel: W, [features, gates * units].
        recurrent_kernel: U, `rec.recurrent_kernel_shape(units)`.
        bias: `rec.bias_shape(units)`, or None.
        dropout_mask: m, [1 or gates, batch, features], scaled, constant through time; or None.
        recurrent_dropout_mask: n, [1 or gates, batch, units], likewise.
        xp: `numpy` or `jax.numpy`.
        zoneout_mask: d, bool [batch, states, units]; None for `rec.zoneout`. Every cell can have zoneout.

    Returns:
        The new states, and the values of `rec.saved_names`; each [batch, units].
    """
    weights = Weights(kernel, recurrent_kernel, bias, dropout_mask, recurrent_dropout_mask)
    new, saved = rec.definition.step(rec, x, states, weights, xp)
    if rec.zoneout:
        d = _zoneout(rec, zoneout_mask, xp, states)
        new = tuple(d_s * s_prev + (1 - d_s) * s for d_s, s_prev, s in zip(d, states, new, strict=True))
        if "c" in rec.state_names:
            saved = (*saved[:-1], new[1])
    return new, saved


def _zoneout(rec: Recurrence, mask: Array | None, xp: ModuleType, like: tuple[Array, ...]) -> list[Array]:
    """Return d of each state: see `step`."""
    if mask is None:
        return [xp.asarray(rec.zoneout, state.dtype) for state in like]
    return [xp.asarray(mask[:, k], state.dtype) for k, state in enumerate(like)]


def _times(rec: Recurrence, time: int) -> range:
    """Return the time steps in the order in which the recurrence processes them."""
    return range(time - 1, -1, -1) if rec.reverse else range(time)


def _stack(rows: Sequence[Array], shape: tuple[int, ...], like: Array, xp: ModuleType) -> Array:
    """Stack the rows along axis 1; without rows return an empty array of the shape."""
    return xp.stack(rows, axis=1) if rows else xp.zeros(shape, dtype=like.dtype)


def _zero_masked_inputs(x: Array, mask: Array | None, xp: ModuleType) -> Array:
    """Set inputs at masked steps to 0, so that NaN or infinity in the padding cannot reach 0 * NaN."""
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

    A masked step carries every state over. Its output is the previous h (before the first live step: the initial h),
    or 0 with `rec.zero_output_for_mask`; its saved values are 0. The values of x at a masked step have no influence.

    Args:
        rec: the recurrence.
        x: [batch, time, features].
        kernel, recurrent_kernel, bias, dropout_mask, recurrent_dropout_mask: as in `step`.
        states: the initial states, one [batch, units] for each of `rec.state_names`.
        mask: [batch, time], True (or nonzero) at live steps; None if all are live.
        xp: `numpy` or `jax.numpy`.
        zoneout_mask: bool [batch, time, states, units]: see `step`.

    Returns:
        sequence [batch, time, units] aligned with the times of x, the states after the last step, and
        saved [batch, time, len(rec.saved_names), units].

    Raises:
        ValueError: the shapes do not fit each other.
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
    """Return the states before the step of each time: those after the live step processed last."""
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
    """Compute the gradients by backpropagation through time, written out by hand, in NumPy.

    Werbos 1990, "Backpropagation Through Time: What It Does and How to Do It", section III.

    Args:
        rec, x, kernel, recurrent_kernel, bias, states, mask, dropout_mask, recurrent_dropout_mask, zoneout_mask: the
            operands of `forward`.
        forward_result: the result of `forward` for these operands.
        d_sequence: gradient of the loss with respect to the sequence, [batch, time, units].
        d_states: gradient with respect to each final state, [batch, units].

    Returns:
        The gradient with respect to each differentiable operand. At masked steps the gradient of x is 0.

    Raises:
        ValueError: the shapes do not fit each other.
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
    x = _zero_masked_inputs(x, live[:, :, 0], np)
    weights = Weights(kernel, recurrent_kernel, bias, *drops)
    before = _states_before(rec, tuple(states), forward_result, live)
    d_x, d_W, d_U = np.zeros_like(x), np.zeros_like(kernel), np.zeros_like(recurrent_kernel)
    d_b = None if bias is None else np.zeros_like(bias)
    d_states = tuple(d_states)
    for t in reversed(_times(rec, time)):
        d_states = (d_states[0] + d_sequence[:, t], *d_states[1:])
        # A masked step carries its states over: the gradient of such a row skips the cell.
        d_live = tuple(np.where(live[:, t], d, 0) for d in d_states)
        saved = tuple(np.moveaxis(forward_result.saved[:, t], 1, 0))
        output = forward_result.sequence[:, t]
        d_past: tuple[Array, ...] = (0,) * len(d_live)
        if rec.zoneout:
            zoneout = _zoneout(rec, None if zoneout_mask is None else zoneout_mask[:, t], np, d_live)
            d_past = tuple(d * d_s for d, d_s in zip(zoneout, d_live, strict=True))
            d_live = tuple((1 - d) * d_s for d, d_s in zip(zoneout, d_live, strict=True))
        d_step = rec.definition.step_backward(rec, d_live, x[:, t], before[t], output, saved, weights)
        d_before = tuple(new + past for new, past in zip(d_step.states, d_past, strict=True))
        d_states = tuple(np.where(live[:, t], new, d) for new, d in zip(d_before, d_states, strict=True))
        d_x[:, t] = d_step.x
        d_W += d_step.kernel
        d_U += d_step.recurrent_kernel
        if d_b is not None:
            d_b += d_step.bias
    return Gradients(d_x, d_W, d_U, d_b, d_states)
