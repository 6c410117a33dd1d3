"""The ledger: how much of the target each time step wrote into the states of the top recurrent layer.

Unrolled, a state is the sum of everything that was written, times what was kept of it since:

    state_T = sum over t of (product of k_s over s > t) * w_t          from state_t = k_t * state_(t-1) + w_t

If the layers after the top recurrent layer are linear, so is the target in the states, and the sum of the steps is
exact. The gates are taken as given: the ledger does not say why a gate opened.
"""

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.recording import Direction, Recording
from gatewright.nn.layer import Activations, Array, Layer, Weights
from gatewright.nn.layers import Flatten, Pool
from gatewright.results.explanation import LEDGER, Attribution

Floats = NDArray[np.float64]

BIAS = "bias"
"""The name of the constant of the read-out in `Attribution.others`."""


def ledger(recording: Recording, d_outputs: Array) -> tuple[Attribution | None, tuple[str, ...]]:
    """Return what each time step wrote of the target, and sentences about the limits of these numbers.

    The values add up to the target together with the bias of the layers after the top recurrent layer, the only other
    term. The attribution is None if the network has no ledger; a sentence then says why.

    Args:
        recording: The forward pass of one example.
        d_outputs: The gradient of the target with respect to the network's outputs, of their shape: 1 at the output
            that is explained, -1 at its alternative, and 0 at the others.
    """
    if (reason := why_no_ledger(recording)) is not None:
        return None, (reason,)
    top = recording.recurrent[-1]
    weights, bias = _read_out(recording, d_outputs)
    parts = [part[0] for part in top.unmerged(weights)]
    values = np.sum([*map(contributions, top.directions, parts)], axis=0)
    target = (d_outputs * recording.outputs).sum(dtype=np.float64)
    difference = float(values.sum() + bias - target)
    if top.directions[0].flipped:
        values = values[::-1]
    return Attribution(LEDGER, values, {BIAS: bias}, difference), _notes(recording)


def contributions(direction: Direction, weights: Floats) -> Floats:
    """Return what each time step wrote of a weighted sum of the outputs of one direction, [time].

    The output of a step is h_t = p_t * state_t, and the sum over all steps of a_t * h_t is the sum of w_t * R_t, where
    R_t is what a unit of the state after step t is worth to the sum:

        R_t = a_t * p_t + k_(t+1) * R_(t+1)

    An LSTM computes h from the cell state before zoneout, c~_t, and zoneout mixes both with the states before:

        c_t = q * c_(t-1) + (1 - q) * c~_t,    h_t = q * h_(t-1) + (1 - q) * p_t * c~_t

    With A_t = a_t + q * A_(t+1), what h_t is worth, and S_t, what c_t is worth to later steps,

        R_t = S_t + p_t * A_t,    S_(t-1) = k_t * R_t - q * p_t * A_t

    For q = 0 this is the equation above. p_t is o_t * activation(c~_t) / c~_t for an LSTM, which gives each step the
    same share of the output as of the cell state, and 1 for cells whose output is the state of the ledger.

    Args:
        direction: One direction, for one example. Its cell has a ledger.
        weights: a_t, the weights of the outputs, [time, units]; or [units], those of the last output alone.
    """
    rec, factors, ratio = direction.rec, direction.factors, direction.output_ratio
    if factors is None or ratio is None:
        raise ValueError(f"{rec.cell} has no ledger of its outputs.")
    (k, w), p = (factors.keep[0], factors.written[0]), ratio[0]
    q = rec.zoneout if rec.definition.ledger_state == "c" else 0.0
    live = np.flatnonzero(direction.mask[0])[:: -1 if rec.reverse else 1]
    a = _weights_of_live_steps(direction, weights)
    R = np.zeros_like(w)
    A = S = np.zeros(w.shape[1])
    for t in live[::-1]:
        A = a[t] + q * A
        R[t] = S + p[t] * A
        S = k[t] * R[t] - q * p[t] * A
    return np.asarray((w * R).sum(axis=1))


def _weights_of_live_steps(direction: Direction, weights: Floats) -> Floats:
    """Return the weights of the outputs of live steps, [time, units].

    The output of a masked step is that of the live step that was processed before it, which gets its weight. It is 0
    before the first live step, and with `zero_output_for_mask`.
    """
    mask, order = direction.mask[0], np.arange(len(direction.mask[0]))[:: -1 if direction.rec.reverse else 1]
    shows_state = np.ones(len(mask), bool)
    if weights.ndim == 1:  # the last state, also if the last step is masked
        whole = np.zeros((len(mask), len(weights)))
        whole[order[-1:]] = weights
    else:
        whole = weights
        if direction.rec.zero_output_for_mask:
            shows_state = mask
    last = np.maximum.accumulate(np.where(mask[order], np.arange(len(mask)), -1))
    counted = (last >= 0) & shows_state[order]
    found = np.zeros_like(whole)
    np.add.at(found, order[last[counted]], whole[order[counted]])
    return found


def why_no_ledger(recording: Recording) -> str | None:
    """Return a sentence that says why the answers of a network have no ledger, or None if they have one."""
    if not recording.recurrent:
        return "The answer has no ledger: the network has no recurrent layer that keeps one."
    top = recording.recurrent[-1]
    if top.layer.bidirectional and top.layer.merge == "mul":
        return "The answer has no ledger: the top recurrent layer multiplies the outputs of its two directions."
    for direction in top.directions:
        cell = direction.rec.definition
        if direction.factors is None:
            return f"The answer has no ledger: at each step, {cell.title} computes its whole state anew."
        if direction.output_ratio is None:
            return f"The answer has no ledger: outputs of {cell.title} are not in proportion to its cell state."
    for layer, w, reached in _after_top(recording):
        if layer.linear_form(w, reached) is None:
            return f"The answer has no ledger: the {layer.kind} layer after the recurrent layers is not linear."
    return None


def pooling(recording: Recording) -> str:
    """Return how the outputs of the top recurrent layer become one vector; see `Explanation.pooling`."""
    for layer, _, _ in _after_top(recording):
        if isinstance(layer, Pool):
            return layer.method
        if isinstance(layer, Flatten):
            return "flatten"
    return "last"


def _after_top(recording: Recording) -> list[tuple[Layer, Weights, Activations]]:
    """Return each layer after the top recurrent layer, with its weights and its inputs."""
    every = zip(recording.layers, recording.weights, recording.reached, strict=True)
    return list(every)[recording.recurrent[-1].index + 1 if recording.recurrent else 0 :]


def _read_out(recording: Recording, d_outputs: Array) -> tuple[Floats, float]:
    """Return g and a constant with target = (g * outputs of the top recurrent layer).sum() + constant.

    g is [1, time, units of all directions], or [1, units of all directions] if the layer returns its last output.
    """
    d, constant = np.asarray(d_outputs, np.float64), 0.0
    for layer, w, reached in reversed(_after_top(recording)):
        form = layer.linear_form(w, reached)
        if form is None:
            raise ValueError(f"The outputs of a {layer.kind} layer are not linear in its inputs.")
        d, own = form(d)
        constant += own
    return d, constant


def _notes(recording: Recording) -> tuple[str, ...]:
    """Return sentences about the rules by which the ledger gives a step its share."""
    notes, top = [], recording.recurrent[-1]
    cell = top.directions[0].rec.definition
    if cell.ledger_state == "c":
        notes.append(
            f"In the ledger, a step has the same share of an output of {cell.title} as of the cell state behind it."
        )
    if pooling(recording) == "attention":
        notes.append("The ledger takes the weights of the attention as given.")
    if len(recording.recurrent) > 1:
        notes.append(
            "The ledger adds up what the top recurrent layer wrote. Its inputs at a step are outputs of the layers "
            "below, which also know other steps."
        )
    return tuple(notes)
