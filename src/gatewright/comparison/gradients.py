"""What goes on inside: how far back in time a loss still reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.nn import model as models
from gatewright.nn.block import Steps
from gatewright.nn.layers import Recurrent
from gatewright.ops import reference as cells
from gatewright.ops.cells.lstm import LSTM
from gatewright.ops.recurrence import Recurrence, Tokens
from gatewright.results.records import GradientNorms
from gatewright.training.network import Network


class GradientThroughTime:
    """The gradient of each row's loss by the states of its last recurrent layer, walking forwards, at every step.

    Hochreiter 1991, "Untersuchungen zu dynamischen neuronalen Netzen", section 3; Bengio, Simard & Frasconi 1994,
    "Learning Long-Term Dependencies with Gradient Descent is Difficult", section III: where |dL/dh_t| vanishes with the
    distance from the end, nothing that stands there can be learnt.

    A number p_t = 0 is added to each state after each step, and the gradient by p_t is dL/dh_t: all that later steps
    make of h_t. An LSTM's h_t moves with its c_t, so that dL/dc_t has the part through h_t = o * activation(c_t) too;
    with zoneout h_t is not made of the c_t that is kept: see `cells.step`.

    Compiled when first called, then shared by all weights of one network.
    """

    def __init__(self, network: Network) -> None:
        import jax

        self._network = network
        recurrent = [place for place, block in enumerate(network.blocks) if isinstance(block, Recurrent)]
        self._place = recurrent[-1]
        block = network.blocks[self._place]
        assert isinstance(block, Recurrent)
        self._block, self._rec = block, Recurrence(block.cell, zoneout=block.zoneout)
        self._gradients = jax.jit(self._by_states)

    def __call__(self, weights: Any, examples: Examples) -> GradientNorms:
        """Norms over units, means over rows, by steps before the last; steps that no row has are left out.

        Args:
            weights: of each block.
            examples: rows; time is the second axis of the inputs, padding stands on the left.
        """
        gradients, live = self._gradients(weights, examples.inputs, examples.targets)
        return GradientNorms(
            {
                name: _mean_norms(np.asarray(gradient, np.float64), np.asarray(live))
                for name, gradient in zip(self._rec.state_names, gradients, strict=True)
            }
        )

    def _by_states(self, weights: Any, inputs: Any, targets: Any) -> tuple[tuple[Any, ...], Any]:
        import jax
        import jax.numpy as jnp

        network, place, block = self._network, self._place, self._block
        before, after = network.blocks[:place], network.blocks[place + 1 :]
        weights = models.with_ties(network.blocks, weights)
        if network.task.carried:  # every step has a loss of its own: that of the last is asked for
            targets = jnp.concatenate([jnp.zeros_like(targets[:, :-1]), targets[:, -1:]], axis=1)
        steps, _ = models.forward(before, network.library, weights[:place], Steps(inputs))
        x = jnp.take(steps.x.table, steps.x.ids, axis=0) if isinstance(steps.x, Tokens) else steps.x
        live = jnp.ones(x.shape[:2], bool) if steps.live is None else steps.live
        W, U, b = block.operands(weights[place])
        beside, _ = block.forward(network.library, weights[place], steps, None, None)

        def step(states: tuple[Any, ...], at: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            x_t, live_t, probes = at
            new, saved = cells.step(self._rec, x_t, states, W, U, b, None, None, jnp)
            moved = tuple(
                jnp.where(live_t[:, None], state + probe, old)
                for state, probe, old in zip(new, probes, states, strict=True)
            )
            return moved, (moved[0], saved)

        def loss(probes: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
            zero = jnp.zeros((len(x), block.units), x.dtype)
            start = (zero,) * len(self._rec.state_names)
            last, (outputs, saved) = jax.lax.scan(step, start, (x.swapaxes(0, 1), live.swapaxes(0, 1), probes))
            y = outputs.swapaxes(0, 1) if block.steps else last[0]
            if block.both:  # the other direction's outputs stand beside, as they are
                y = jnp.concatenate([y, beside.x[..., block.units :]], axis=-1)
            moved = beside._replace(x=y, targets=targets, last=(*beside.last[:-1], last))
            answers, _ = models.forward(after, network.library, weights[place + 1 :], moved)
            return network.task.losses(answers.x, targets).sum(), saved

        nothing = jnp.zeros((x.shape[1], len(x), block.units), x.dtype)
        gradients, saved = jax.grad(loss, has_aux=True)((nothing,) * len(self._rec.state_names))
        cell = self._rec.definition
        if isinstance(cell, LSTM) and not self._rec.zoneout:
            o, c = (saved[self._rec.saved_names.index(name)] for name in ("o", "c"))
            d_h, d_c = gradients
            _, back = jax.vjp(lambda c: cell.output(self._rec, o, c, b, jnp), c)
            gradients = (d_h, d_c + back(d_h)[0])
        return gradients, live.swapaxes(0, 1)


def _mean_norms(gradients: NDArray[np.float64], live: NDArray[np.bool_]) -> tuple[float, ...]:
    """[time, rows, units] and [time, rows] to mean norms, the last step first."""
    norms = np.linalg.norm(gradients, axis=-1)
    counts = live.sum(axis=1)
    seen = counts > 0
    means = (norms * live).sum(axis=1)[seen] / counts[seen]
    return tuple(float(mean) for mean in means[::-1])
