"""The recurrent layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Activations, Array, Backend, Layer, Pullback, Rng, States, Step, Weights, as_array
from gatewright.nn.layers.random import dropout, glorot, orthogonal
from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import ACTIVATIONS
from gatewright.ops.recurrence import Recurrence, Tokens
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.schema import Fraction, Size, Text

if TYPE_CHECKING:
    from gatewright.ops.numpy import Run

MERGE_MODES = ("concat", "sum", "mul", "ave")
"""The allowed values of `Recurrent.merge`."""
CellName: TypeAlias = Annotated[str, Text(choices=tuple(CELLS))]
_ActivationName: TypeAlias = Annotated[str, Text(choices=tuple(ACTIVATIONS))]


@dataclass(frozen=True)
class Recurrent(Layer):
    """A recurrent layer.

    Attributes:
        cell: Name of the cell, one of `CELLS`.
        units: Number of units. A bidirectional layer has this number in each direction.
        bidirectional: Process the sequence in both directions and merge the outputs (Schuster & Paliwal 1997).
        return_sequences: Return the outputs of all time steps, [batch, time, width], instead of those of the last step,
            [batch, width].
        recurrent_dropout: Probability that a unit of h is set to 0 in the products with the recurrent kernel. The same
            units are dropped at every time step (Gal & Ghahramani 2016, section 4.1).
        weight_dropout: Probability that a number of the recurrent kernel is set to 0 for a whole training step (Merity,
            Keskar & Socher 2018, "Regularizing and Optimizing LSTM Language Models", section 2).
        zoneout: Probability that a unit of a state keeps its previous value at a time step (Krueger et al. 2017).
        activation, recurrent_activation, reset_after, zero_output_for_mask: See `ops.recurrence.Recurrence`.
        use_bias: Add a bias to the gates. The cells with layer normalization need it.
        go_backwards: Process the sequence from the last step to the first, and return the outputs of all time steps in
            that order, as in Keras. The mask of the outputs is that of the inputs, in their order. If the layer is
            bidirectional, both directions and the order of the outputs are exchanged.
        merge: How the outputs of both directions become one: "concat", "sum", "mul" or "ave", the mean.
    """

    cell: CellName
    units: Size
    bidirectional: bool = False
    return_sequences: bool = False
    recurrent_dropout: Fraction = 0.0
    weight_dropout: Fraction = 0.0
    zoneout: Fraction = 0.0
    activation: _ActivationName = "tanh"
    recurrent_activation: _ActivationName = "sigmoid"
    reset_after: bool = True
    use_bias: bool = True
    go_backwards: bool = False
    merge: Annotated[str, Text(choices=MERGE_MODES)] = "concat"
    zero_output_for_mask: bool = False
    kind: ClassVar[str] = "recurrent"

    def __post_init__(self) -> None:
        if not 0 <= self.zoneout < 1:
            raise InputError(f"zoneout must be a number from 0 to below 1, not {self.zoneout!r}.")
        require_one_of("merge", self.merge, MERGE_MODES)
        cell = self.directions()[0][1].definition
        if not self.use_bias and cell.parameter_rows:
            raise InputError(f"use_bias must be true for {cell.title}, whose bias contains the gains.")
        if self.directions()[0][1].recurrent_gates:
            return
        for name, rate in (("recurrent_dropout", self.recurrent_dropout), ("weight_dropout", self.weight_dropout)):
            if rate:
                raise InputError(
                    f"{name} must be 0 for {CELLS[self.cell].title}, which has no recurrent kernel, not {rate}."
                )

    def width(self, features: int) -> int:
        return self.units * (2 if self.bidirectional and self.merge == "concat" else 1)

    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def gru_resets(self) -> tuple[str, ...]:
        return ("after" if self.reset_after else "before",) if self.cell == "gru" else ()

    def directions(self) -> list[tuple[str, Recurrence]]:
        """Return a pair for each direction: the prefix of its weight names ("" or "backward_"), and its recurrence."""
        directions = [("", self.go_backwards), ("backward_", not self.go_backwards)][: 1 + self.bidirectional]
        return [
            (
                name,
                Recurrence(
                    self.cell,
                    self.activation,
                    self.recurrent_activation,
                    self.reset_after,
                    reverse,
                    self.zero_output_for_mask,
                    self.zoneout,
                ),
            )
            for name, reverse in directions
        ]

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for prefix, rec in self.directions():
            shapes[f"{prefix}kernel"] = (features, rec.gates * self.units)
            if rec.recurrent_gates:
                shapes[f"{prefix}recurrent_kernel"] = rec.recurrent_kernel_shape(self.units)
            if self.use_bias:
                shapes[f"{prefix}bias"] = rec.bias_shape(self.units)
        return shapes

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights: dict[str, NDArray[np.float32]] = {}
        for prefix, rec in self.directions():
            weights[f"{prefix}kernel"] = glorot((features, rec.gates * self.units), rng)
            if rec.recurrent_gates:
                weights[f"{prefix}recurrent_kernel"] = orthogonal(rec.recurrent_kernel_shape(self.units), rng)
            if not self.use_bias:
                continue
            bias = np.zeros(rec.bias_shape(self.units), np.float32)
            rows = bias.reshape(-1, self.units)
            rows[rec.definition.gain_rows] = 1
            if (forget := rec.definition.forget_gate) is not None:
                rows[rec.gate_names.index(forget)] = 1  # Jozefowicz et al. 2015, section 3.2
            weights[f"{prefix}bias"] = bias
        return weights

    def operands(self, w: Weights, prefix: str = "") -> tuple[Array, Array, Array]:
        """Return the kernel W, the recurrent kernel U and the bias b of one direction.

        U is [units, 0] if the cell has no recurrent kernel, and b is 0 if the layer has no bias.

        Args:
            w: The weights of the layer.
            prefix: "" for the forward direction, "backward_" for the backward direction.
        """
        U, b = w.get(f"{prefix}recurrent_kernel"), w.get(f"{prefix}bias")
        if b is None:
            b = np.zeros(self.directions()[0][1].bias_shape(self.units), w[f"{prefix}kernel"].dtype)
            b.flags.writeable = False  # so that the weights are packed only once
        W = w[f"{prefix}kernel"]
        return W, np.zeros((self.units, 0), W.dtype) if U is None else U, b

    def merged(self, xp: ModuleType, outputs: Sequence[Array]) -> Array:
        """Return the output of the layer.

        Args:
            xp: `numpy` or `jax.numpy`.
            outputs: The outputs of each direction, [batch, time, units] or [batch, units]. The output at index t
                belongs to the input at index t.
        """
        x = outputs[0]
        if self.bidirectional:
            if self.merge == "concat":
                x = xp.concatenate(outputs, axis=-1)
            elif self.merge == "mul":
                x = outputs[0] * outputs[1]
            else:
                x = outputs[0] + outputs[1]
                x = x / 2 if self.merge == "ave" else x
        return x[:, ::-1] if self.go_backwards and self.return_sequences else x

    def unmerged(self, d: Array, outputs: Sequence[Array]) -> list[Array]:
        """Return the gradient with respect to the outputs of each direction, in NumPy.

        Args:
            d: The gradient of a number with respect to the result of `merged`.
            outputs: The outputs of each direction that `merged` was called with.
        """
        if self.go_backwards and self.return_sequences:
            d = d[:, ::-1]
        if not self.bidirectional:
            return [d]
        if self.merge == "concat":
            return np.split(d, 2, axis=-1)
        if self.merge == "mul":
            return [d * outputs[1], d * outputs[0]]
        return [d / 2 if self.merge == "ave" else d] * 2

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        batch, time = (inputs.x.ids if isinstance(inputs.x, Tokens) else inputs.x).shape[:2]
        outputs: list[Array] = []
        last_states: list[Array] = []
        for prefix, rec in self.directions():
            W, U, b = self.operands(w, prefix)
            U = dropout(backend, U, self.weight_dropout, rng, U.shape)
            dropped = None
            if rng is not None and self.recurrent_dropout:
                ones = backend.xp.ones((1, batch, self.units), U.dtype)
                dropped = dropout(backend, ones, self.recurrent_dropout, rng, ones.shape)
            held = None
            if rng is not None and self.zoneout:
                held = ~rng.keep(self.zoneout, (batch, time, len(rec.state_names), self.units))
            sequence, last = backend.recur(
                rec, inputs.x, (W, U, b), states, inputs.mask, dropped, held, self.return_sequences
            )
            outputs.append(sequence if self.return_sequences else last[0])
            last_states.extend(last)
        x = self.merged(backend.xp, outputs)
        mask, after = inputs.mask if self.return_sequences else None, tuple(last_states)
        return inputs._replace(x=x, mask=mask, states=(*inputs.states, after)), after

    def stepper(self, w: Weights) -> tuple[States, Step]:
        from gatewright.ops.packed import Packed, packed_once

        if self.bidirectional:
            raise InputError("A bidirectional model needs the whole sequence at once, so it cannot run step by step.")
        if self.go_backwards:
            raise InputError(
                "A layer with go_backwards needs the whole sequence at once, so it cannot run step by step."
            )
        rec = self.directions()[0][1]
        packed = (packed_once(rec, *self.operands(w)) or Packed(rec, *self.operands(w))).step
        zeros = tuple(np.zeros((1, self.units), np.float32) for _ in rec.state_names)

        def step_h(x: Array, states: States) -> tuple[Array, States]:
            h = packed(x, states[0])
            return h, (h,)

        def step_h_c(x: Array, states: States) -> tuple[Array, States]:
            after: States = packed(x, states)
            return after[0], after

        return zeros, step_h_c if len(zeros) == 2 else step_h

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        outputs, runs = self._runs(w, inputs)

        def pullback(d: Array) -> Array:
            given = zip(runs, self._gradients(runs, d), strict=True)
            first, *others = (run.backward_to_inputs(*gradients).x for run, gradients in given)
            return first + others[0] if others else first

        return outputs, pullback

    def vjp_of_steps(self, w: Weights, inputs: Activations, groups: int) -> tuple[Activations, Pullback]:
        """Return what `vjp` returns, but with the gradients added up in groups of examples. It is faster.

        Args:
            w, inputs: See `vjp`.
            groups: The number of groups, of as many consecutive examples each. The gradients are [groups, time,
                features].
        """
        outputs, runs = self._runs(w, inputs)

        def pullback(d: Array) -> Array:
            given = zip(runs, self._gradients(runs, d), strict=True)
            first, *others = (run.backward_to_steps(*gradients, groups=groups) for run, gradients in given)
            return first + others[0] if others else first

        return outputs, pullback

    def _runs(self, w: Weights, inputs: Activations) -> tuple[Activations, list["Run"]]:
        """Run the layer with NumPy, and return its outputs and the run of each direction, with its saved values."""
        from gatewright.ops import numpy as ops

        x = as_array(inputs.x)
        runs = [
            ops.forward(rec, x, *self.operands(w, prefix), mask=inputs.mask, keep=True)
            for prefix, rec in self.directions()
        ]
        mask = inputs.mask if self.return_sequences else None
        states = (*inputs.states, tuple(state for run in runs for state in run.states))
        return inputs._replace(x=self.merged(np, self._read(runs)), mask=mask, states=states), runs

    def _read(self, runs: Sequence["Run"]) -> list[Array]:
        return [run.sequence if self.return_sequences else run.states[0] for run in runs]

    def _gradients(self, runs: Sequence["Run"], d: Array) -> list[tuple[Array | None, tuple[Array | None, ...] | None]]:
        """Return the arguments of the backward pass of each run, given the gradient with respect to the outputs."""
        parts = self.unmerged(d, self._read(runs))
        if self.return_sequences:
            return [(part, None) for part in parts]
        others = (None,) * (len(runs[0].states) - 1)
        return [(None, (part, *others)) for part in parts]
