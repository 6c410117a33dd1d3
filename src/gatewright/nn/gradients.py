"""The gradient through time. It shows how many time steps back the inputs still affect the training of a network."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.layer import Activations, Backend, Layer
from gatewright.nn.layers import Recurrent
from gatewright.ops import reference
from gatewright.ops.cells.lstm import LSTM
from gatewright.ops.recurrence import Tokens
from gatewright.support.errors import InputError


class GradientThroughTime:
    """The gradient of the loss with respect to the states of a recurrent layer at each time step.

    The layer is the last recurrent layer of the network. If it is bidirectional, only its forward direction counts.

    Hochreiter 1991, "Untersuchungen zu dynamischen neuronalen Netzen", section 3; Bengio, Simard & Frasconi 1994,
    "Learning Long-Term Dependencies with Gradient Descent is Difficult", section III: if |dL/dh_t| is close
    to 0 for the early time steps, the network cannot learn from the inputs of these steps.

    To get the gradient, an array of zeros p_t is added to each state after each step. The gradient with respect to
    p_t is dL/dh_t, including the effects of h_t on later steps. In an LSTM, c_t also affects the loss through
    h_t = o * activation(c_t), and dL/dc_t includes this effect. With zoneout it does not, because h_t is computed
    from the c_t before zoneout (see `ops.reference.step`).

    The computation is compiled in the first call and can then be called with different weights.

    Args:
        layers: The layers of the network, with at least one `Recurrent`.
        backend: The JAX backend.
        losses: Function that returns the loss of each example, given the outputs and the targets of a batch.
        stateful: True if every time step has a target. The gradient is then that of the loss at the last step only.

    Raises:
        InputError: The network has no recurrent layer.
    """

    def __init__(
        self, layers: Sequence[Layer], backend: Backend, losses: Callable[[Any, Any], Any], stateful: bool
    ) -> None:
        recurrent = [(index, layer) for index, layer in enumerate(layers) if isinstance(layer, Recurrent)]
        if not recurrent:
            raise InputError("The network has no recurrent layer, so it has no gradient through time.")
        self._index, self._layer = recurrent[-1]
        self._layers, self._backend, self._losses, self._stateful = list(layers), backend, losses, stateful
        self._rec = self._layer.directions()[0][1]
        self._gradients = jax.jit(self._by_states)

    def __call__(self, weights: Any, inputs: Any, targets: Any) -> dict[str, tuple[float, ...]]:
        """Return the mean norms of the gradient. The keys are the names of the states, such as "h" and "c".

        Each value has one number for each time step: the norm over the units, averaged over the examples. Element 0
        belongs to the last time step of the examples, element 1 to the step before it, and so on.

        Args:
            weights: The weights, one dict for each layer.
            inputs, targets: The inputs and targets of encoded examples, padded on the left.
        """
        gradients, live = self._gradients(weights, inputs, targets)
        return {
            name: _mean_norms(np.asarray(gradient, np.float64), np.asarray(live))
            for name, gradient in zip(self._rec.state_names, gradients, strict=True)
        }

    def _by_states(self, weights: Any, inputs: Any, targets: Any) -> tuple[tuple[Any, ...], Any]:
        backend, index, layer = self._backend, self._index, self._layer
        weights = models.bind(self._layers, weights)
        if self._stateful:
            targets = jnp.concatenate([jnp.zeros_like(targets[:, :-1]), targets[:, -1:]], axis=1)
        reached, _ = models.forward(self._layers[:index], backend, weights[:index], Activations(inputs))
        x = jnp.take(reached.x.table, reached.x.ids, axis=0) if isinstance(reached.x, Tokens) else reached.x
        mask = jnp.ones(x.shape[:2], bool) if reached.mask is None else reached.mask
        W, U, b = layer.operands(weights[index])
        whole, _ = layer.forward(backend, weights[index], reached, None, None)

        def step(states: tuple[Any, ...], at: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            x_t, mask_t, probes = at
            new, saved = reference.step(self._rec, x_t, states, W, U, b, None, None, jnp)
            moved = tuple(
                jnp.where(mask_t[:, None], state + probe, old)
                for state, probe, old in zip(new, probes, states, strict=True)
            )
            return moved, (moved[0], saved)

        def loss(probes: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
            start = (jnp.zeros((len(x), layer.units), x.dtype),) * len(self._rec.state_names)
            last, (outputs, saved) = jax.lax.scan(step, start, (x.swapaxes(0, 1), mask.swapaxes(0, 1), probes))
            y = outputs.swapaxes(0, 1) if layer.return_sequences else last[0]
            if layer.bidirectional:  # the outputs of the backward direction do not depend on the probes
                y = jnp.concatenate([y, whole.x[..., layer.units :]], axis=-1)
            moved = whole._replace(x=y, targets=targets, states=(*whole.states[:-1], last))
            found, _ = models.forward(self._layers[index + 1 :], backend, weights[index + 1 :], moved)
            return self._losses(found.x, targets).sum(), saved

        zeros = (jnp.zeros((x.shape[1], len(x), layer.units), x.dtype),) * len(self._rec.state_names)
        gradients, saved = jax.grad(loss, has_aux=True)(zeros)
        cell = self._rec.definition
        if isinstance(cell, LSTM) and not self._rec.zoneout:
            o, c = (saved[self._rec.saved_names.index(name)] for name in ("o", "c"))
            d_h, d_c = gradients
            _, back = jax.vjp(lambda c: cell.output(self._rec, o, c, b, jnp), c)
            gradients = (d_h, d_c + back(d_h)[0])
        return gradients, mask.swapaxes(0, 1)


def _mean_norms(gradients: NDArray[np.float64], live: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the mean norm of the gradient at each time step, starting with the last step.

    The norm is taken over the units, and the mean over the live examples. Steps without live examples are left out.

    Args:
        gradients: The gradients with respect to a state, [time, examples, units].
        live: Booleans [time, examples], False at padded steps.
    """
    sums, counts = (np.linalg.norm(gradients, axis=-1) * live).sum(axis=1), live.sum(axis=1)
    return tuple(float(mean) for mean in (sums[counts > 0] / counts[counts > 0])[::-1])
