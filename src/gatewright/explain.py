"""What goes on inside: how far back in time a loss still reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright import cells
from gatewright.blocks import Recurrent
from gatewright.cells import Recurrence
from gatewright.comparison import GradientNorms
from gatewright.tasks.protocol import Examples
from gatewright.train import Network, State


class GradientThroughTime:
    """The gradient of each row's loss by the states of its recurrent layer, at every step.

    Hochreiter 1991, "Untersuchungen zu dynamischen neuronalen Netzen", section 3; Bengio, Simard & Frasconi 1994,
    "Learning Long-Term Dependencies with Gradient Descent is Difficult", section III: where |dL/dh_t| vanishes with the
    distance from the end, nothing that stands there can be learnt.

    A number p_t = 0 is added to each state after each step, and the gradient by p_t is dL/dh_t: all that later steps
    make of h_t. An LSTM's h_t moves with its c_t, so that dL/dc_t has the part o * activation'(c) dL/dh_t too.

    Compiled when first called, then shared by all weights of one network.
    """

    def __init__(self, network: Network) -> None:
        import jax

        self._network = network
        self._place = next(place for place, block in enumerate(network.blocks) if isinstance(block, Recurrent))
        block = network.blocks[self._place]
        assert isinstance(block, Recurrent)
        self._rec, self._units = Recurrence(block.cell), block.units  # type: ignore[arg-type]
        self._gradients = jax.jit(self._by_states)

    def __call__(self, state: State, examples: Examples) -> GradientNorms:
        """Norms over units, means over rows, by steps before the last; steps that no row has are left out.

        Args:
            state: the weights.
            examples: rows; time is the second axis of the inputs, padding stands on the left.
        """
        gradients, live = self._gradients(state.trainable, state.fixed, examples.inputs, examples.targets)
        return GradientNorms(
            {
                name: _mean_norms(np.asarray(gradient, np.float64), np.asarray(live))
                for name, gradient in zip(self._rec.state_names, gradients, strict=True)
            }
        )

    def _by_states(
        self, trainable: list[Any], fixed: list[Any], inputs: Any, targets: Any
    ) -> tuple[tuple[Any, ...], Any]:
        import jax
        import jax.numpy as jnp
        import keras

        model = self._network.model
        before, layer, after = model.layers[: self._place], model.layers[self._place], model.layers[self._place + 1 :]
        values = [
            *zip(model.trainable_variables, trainable, strict=True),
            *zip(model.non_trainable_variables, fixed, strict=True),
        ]
        with keras.StatelessScope(state_mapping=values):
            x, live = inputs, None
            for earlier in before:
                live = earlier.compute_mask(x) if live is None else live
                x = earlier(x)
            live = jnp.ones(x.shape[:2], bool) if live is None else live
            W, U, b = layer.cell.kernel.value, layer.cell.recurrent_kernel.value, layer.cell.bias.value

            def step(states: tuple[Any, ...], at: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
                x_t, live_t, probes = at
                new, saved = cells.step(self._rec, x_t, states, W, U, b, None, None, jnp)
                moved = tuple(
                    jnp.where(live_t[:, None], state + probe, old)
                    for state, probe, old in zip(new, probes, states, strict=True)
                )
                return moved, saved

            def loss(probes: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
                zero = jnp.zeros((len(x), self._units), x.dtype)
                start = (zero,) * len(self._rec.state_names)
                last, saved = jax.lax.scan(step, start, (x.swapaxes(0, 1), live.swapaxes(0, 1), probes))
                y = last[0]
                for later in after:
                    y = later(y)
                return self._network.task.losses(y, targets).sum(), saved

            nothing = jnp.zeros((x.shape[1], len(x), self._units), x.dtype)
            gradients, saved = jax.grad(loss, has_aux=True)((nothing,) * len(self._rec.state_names))
        if self._rec.cell == "lstm":
            *_, o, c = saved
            d_h, d_c = gradients
            gradients = (d_h, d_c + d_h * o * (1 - jnp.tanh(c) ** 2))
        return gradients, live.swapaxes(0, 1)


def _mean_norms(gradients: NDArray[np.float64], live: NDArray[np.bool_]) -> tuple[float, ...]:
    """[time, rows, units] and [time, rows] to mean norms, the last step first."""
    norms = np.linalg.norm(gradients, axis=-1)
    counts = live.sum(axis=1)
    seen = counts > 0
    means = (norms * live).sum(axis=1)[seen] / counts[seen]
    return tuple(float(mean) for mean in means[::-1])
