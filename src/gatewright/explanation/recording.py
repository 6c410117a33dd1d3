"""Everything that the recurrent layers of a network computed for one batch: gates, states, and what they kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Layer, States, Weights
from gatewright.nn.layers import Recurrent
from gatewright.ops import numpy as ops
from gatewright.ops.recurrence import Recurrence
from gatewright.support.trees import Tree

Floats = NDArray[np.float64]


class Factors(NamedTuple):
    """The ledger of one state, elementwise: state_t = keep_t * state_(t-1) + written_t.

    Attributes:
        keep: The factor k_t, [batch, time, units]; 1 at masked steps.
        written: The number w_t, [batch, time, units]; 0 at masked steps.
    """

    keep: Floats
    written: Floats


@dataclass(frozen=True)
class Direction:
    """The values that one direction of a recurrent layer computed, in the order of its inputs, also if it is backward.

    Attributes:
        title: Name for people, such as "GRU 1, backward".
        layer: Number of the recurrent layer, counted from 1 at the input.
        rec: The recurrence.
        mask: Booleans [batch, time], False at padded steps.
        flipped: True if the steps have the reverse order of the network's input, because a layer below returns its
            outputs in this order.
        run: The outputs and all saved values.
    """

    title: str
    layer: int
    rec: Recurrence
    mask: NDArray[np.bool_]
    flipped: bool
    run: ops.Run

    @property
    def backward(self) -> bool:
        """True if the steps of the network's input are processed from the last to the first."""
        return self.rec.reverse != self.flipped

    @cached_property
    def gates(self) -> dict[str, Floats]:
        """The saved values by their letters, each [batch, time, units]; 0 at masked steps."""
        return {name: values.astype(np.float64) for name, values in self.run.gates.items()}

    @cached_property
    def states(self) -> dict[str, Floats]:
        """The states after each step by name, each [batch, time, units]. Masked steps keep the state before them."""
        found = {"h": self.run.sequence.astype(np.float64)}
        if "c" in self.rec.state_names:
            found["c"] = self.gates["c"]
        return {name: self._carried(values) for name, values in found.items()}

    @cached_property
    def factors(self) -> Factors | None:
        """The ledger of the state `Cell.ledger_state`, with zoneout. None if the cell has no ledger.

        With zoneout, a unit keeps its state with the probability q (see `ops.reference.step`):

            state = q * state_prev + (1 - q) * (k * state_prev + w)
                  = (q + (1 - q) * k) * state_prev + (1 - q) * w
        """
        found = self.rec.definition.ledger(self.rec, self.gates)
        if found is None:
            return None
        (k, w), q, live = found, self.rec.zoneout, self.mask[:, :, None]
        return Factors(np.where(live, q + (1 - q) * k, 1), np.where(live, (1 - q) * w, 0))

    @cached_property
    def output_ratio(self) -> Floats | None:
        """The factor p_t with h_t = p_t * state_t before zoneout, [batch, time, units]; see `Cell.output_ratio`."""
        cell = self.rec.definition
        found = cell.ledger(self.rec, self.gates)
        if found is None:
            return None
        k, w = found
        ratio = cell.output_ratio(self.rec, self.gates, k * self._before(self.states[cell.ledger_state]) + w)
        return None if ratio is None else np.asarray(ratio, np.float64)

    def _carried(self, values: Floats) -> Floats:
        """Return values whose masked steps have the value of the step processed before; 0 before the first live step.

        Args:
            values: [batch, time, units].
        """
        if self.mask.all():
            return values
        step = -1 if self.rec.reverse else 1
        mask = self.mask[:, ::step]
        last = np.maximum.accumulate(np.where(mask, np.arange(mask.shape[1]), -1), axis=1)
        found = np.take_along_axis(values[:, ::step], np.maximum(last, 0)[:, :, None], axis=1)
        return np.where(last[:, :, None] < 0, 0, found)[:, ::step]

    def _before(self, values: Floats) -> Floats:
        """Return the states before each step, [batch, time, units]. All sequences start with states of 0."""
        shifted = np.zeros_like(values)
        if self.rec.reverse:
            shifted[:, :-1] = values[:, 1:]
        else:
            shifted[:, 1:] = values[:, :-1]
        return shifted


@dataclass(frozen=True)
class RecurrentPass:
    """The forward pass of one recurrent layer.

    Attributes:
        index: Index of the layer in the network.
        layer: The layer.
        directions: What its directions computed.
    """

    index: int
    layer: Recurrent
    directions: tuple[Direction, ...]

    def unmerged(self, d: Array) -> list[Array]:
        """Return the gradient of a number with respect to the outputs of each direction.

        Args:
            d: The gradient with respect to the outputs of the layer.
        """
        whole = self.layer.return_sequences
        return self.layer.unmerged(d, [one.run.sequence if whole else one.run.states[0] for one in self.directions])


@dataclass(frozen=True)
class Recording:
    """A forward pass of a network, with everything that its recurrent layers computed.

    Attributes:
        layers: The layers of the network.
        weights: The weights of each layer, as returned by `nn.model.bind`.
        reached: The inputs of each layer.
        outputs: The outputs of the network, an array.
        recurrent: The forward passes of the recurrent layers, from the input to the output.
    """

    layers: tuple[Layer, ...]
    weights: tuple[Weights, ...]
    reached: tuple[Activations, ...]
    outputs: Array
    recurrent: tuple[RecurrentPass, ...]

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions of all recurrent layers, from the input to the output."""
        return tuple(direction for one in self.recurrent for direction in one.directions)


def record(layers: Sequence[Layer], weights: Sequence[Weights], inputs: Tree | Activations) -> Recording:
    """Run a network with the kernels, and keep the gates and states of all recurrent layers.

    The pass has the dtype of the weights, float32 or float64.

    Args:
        layers: The layers, from the input to the output.
        weights: The weights of each layer, as returned by `nn.model.bind`.
        inputs: The inputs of the first layer.
    """
    reached = [inputs if isinstance(inputs, Activations) else Activations(inputs)]
    recurrent: list[RecurrentPass] = []
    flipped = False
    for index, (layer, w) in enumerate(zip(layers, weights, strict=True)):
        if isinstance(layer, Recurrent):
            after, directions = _record_layer(layer, w, reached[-1], len(recurrent) + 1, flipped)
            recurrent.append(RecurrentPass(index, layer, directions))
            flipped ^= layer.go_backwards and layer.return_sequences
        else:
            after, _ = layer.forward(NUMPY, w, reached[-1], None, None)
        reached.append(after)
    return Recording(tuple(layers), tuple(weights), tuple(reached[:-1]), reached[-1].x, tuple(recurrent))


def _record_layer(
    layer: Recurrent, w: Weights, inputs: Activations, number: int, flipped: bool
) -> tuple[Activations, tuple[Direction, ...]]:
    """Run one recurrent layer. Return its outputs and its directions."""
    recorded: list[Direction] = []

    def recur(
        rec: Recurrence,
        x: Array,
        operands: tuple[Array, Array, Array | None],
        states: States | None,
        mask: Array | None,
        *unused: Any,
    ) -> tuple[Array, States]:
        run = ops.forward(rec, x, *operands, initial_state=states, mask=mask, keep=True)
        live = np.ones(run.sequence.shape[:2], bool) if mask is None else np.asarray(mask, bool)
        title = f"{rec.definition.title} {number}"
        backward = rec.reverse != flipped
        if backward or layer.bidirectional:
            title += ", backward" if backward else ", forward"
        recorded.append(Direction(title, number, rec, live, flipped, run))
        return run.sequence, run.states

    after, _ = layer.forward(NUMPY._replace(recur=recur), w, inputs, None, None)
    return after, tuple(recorded)
