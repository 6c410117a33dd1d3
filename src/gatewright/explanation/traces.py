"""The traces of recurrent layers for people: gates, states, and what happened to what each step wrote."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.memory import fate, memory
from gatewright.explanation.recording import Direction, Recording
from gatewright.results.explanation import LayerMemory, LayerTrace

Floats = NDArray[np.float64]


def traces(recording: Recording, gradients: Sequence[Mapping[str, Floats]]) -> tuple[LayerTrace, ...]:
    """Return a trace for each direction of each recurrent layer, from the input to the output.

    Args:
        recording: The forward pass of one example.
        gradients: The gradients of the target, as `state_gradients` returns them.
    """
    found = zip(recording.directions, memory([recording]), gradients, strict=True)
    return tuple(_trace(direction, held, own) for direction, held, own in found)


def top_layers(recording: Recording) -> tuple[int, ...]:
    """Return the indices of the traces of the top recurrent layer, which the ledger adds up."""
    total = len(recording.directions)
    return tuple(range(total - len(recording.recurrent[-1].directions), total)) if total else ()


def _trace(direction: Direction, held: LayerMemory, gradients: Mapping[str, Floats]) -> LayerTrace:
    cell, factors, backward = direction.rec.definition, direction.factors, direction.backward
    order = slice(None, None, -1 if direction.flipped else 1)
    shown = [*cell.conventions, *([cell.candidate] if cell.candidate else [])]
    keep = written = at_end = overwritten = None
    if factors is not None:
        keep, written = factors.keep[0, order], factors.written[0, order]
        at_end, overwritten = fate(keep, written, backward)
    return LayerTrace(
        title=direction.title,
        layer=direction.layer,
        cell=cell.name,
        backward=backward,
        gates={name: direction.gates[name][0, order] for name in shown},
        states={name: values[0, order] for name, values in direction.states.items()},
        keep=keep,
        written=written,
        ledger_state=cell.ledger_state,
        conventions=dict(cell.conventions),
        half_life=held.half_life,
        saturation=held.saturation,
        kept_at_end=at_end,
        overwritten_at=overwritten,
        gradients={name: np.linalg.norm(values[0, order], axis=-1) for name, values in gradients.items()},
    )
