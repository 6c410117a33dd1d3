"""The gradient through time. It shows how many time steps back the inputs still affect the training of a network."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.layer import Activations, Backend, Layer, as_array
from gatewright.nn.layers import Recurrent
from gatewright.ops import numpy as ops
from gatewright.support.errors import InputError


class GradientThroughTime:
    """The gradient of the loss with respect to the states of a recurrent layer at each time step.

    The layer is the last recurrent layer of the network. If it is bidirectional, only its forward direction counts.

    Hochreiter 1991, "Untersuchungen zu dynamischen neuronalen Netzen", section 3; Bengio, Simard & Frasconi 1994,
    "Learning Long-Term Dependencies with Gradient Descent is Difficult", section III: if |dL/dh_t| is close
    to 0 for the early time steps, the network cannot learn from the inputs of these steps.

    JAX computes the gradient of the loss with respect to the outputs of the layer. From there, the gradient goes back
    through time step by step; `ops.numpy.Run.state_gradients` says what it includes.

    The first part is compiled in the first call and can then be called with different weights.

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
        self._gradients = jax.jit(self._by_outputs)

    def __call__(self, weights: Any, inputs: Any, targets: Any) -> dict[str, tuple[float, ...]]:
        """Return the mean norms of the gradient. The keys are the names of the states, such as "h" and "c".

        Each value has one number for each time step: the norm over the units, averaged over the examples. Element 0
        belongs to the last time step of the examples, element 1 to the step before it, and so on.

        Args:
            weights: The weights, one dict for each layer.
            inputs, targets: The inputs and targets of encoded examples, padded on the left.
        """
        layer, w = self._layer, {name: np.asarray(array) for name, array in weights[self._index].items()}
        x, mask, d_outputs, d_states = jax.tree.map(np.asarray, self._gradients(weights, inputs, targets))
        runs = [
            ops.forward(rec, x, *layer.operands(w, prefix), mask=mask, keep=True) for prefix, rec in layer.directions()
        ]
        whole, names = layer.return_sequences, layer.directions()[0][1].state_names
        d, *_ = layer.unmerged(d_outputs, [run.sequence if whole else run.states[0] for run in runs])
        d_states = d_states[: len(names)]
        if not whole:  # the output is the last h
            d, d_states = None, (d_states[0] + d, *d_states[1:])
        with np.errstate(over="ignore", invalid="ignore"):  # gradients can explode, and the result says so
            gradients = runs[0].state_gradients(d, d_states)
            return {
                name: _mean_norms(gradient.astype(np.float64), mask)
                for name, gradient in zip(names, gradients, strict=True)
            }

    def _by_outputs(self, weights: Any, inputs: Any, targets: Any) -> tuple[Any, Any, Any, Any]:
        """Return the inputs of the layer and their mask, and the gradients of the loss.

        The gradients are those with respect to the outputs of the layer, and with respect to its final states, which
        later layers can read as well.
        """
        backend, index, layer = self._backend, self._index, self._layer
        weights = models.bind(self._layers, weights)
        if self._stateful:
            targets = jnp.concatenate([jnp.zeros_like(targets[:, :-1]), targets[:, -1:]], axis=1)
        reached, _ = models.forward(self._layers[:index], backend, weights[:index], Activations(inputs))
        whole, _ = layer.forward(backend, weights[index], reached, None, None)

        def loss(outputs: Any, states: Any) -> Any:
            moved = whole._replace(x=outputs, targets=targets, states=(*whole.states[:-1], states))
            found, _ = models.forward(self._layers[index + 1 :], backend, weights[index + 1 :], moved)
            return self._losses(found.x, targets).sum()

        x = as_array(reached.x)
        mask = jnp.ones(x.shape[:2], bool) if reached.mask is None else reached.mask
        return x, mask, *jax.grad(loss, argnums=(0, 1))(whole.x, whole.states[-1])


def _mean_norms(gradients: NDArray[np.float64], live: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the mean norm of the gradient at each time step, starting with the last step.

    The norm is taken over the units, and the mean over the live examples. Steps without live examples are left out.

    Args:
        gradients: The gradients with respect to a state, [examples, time, units].
        live: Booleans [examples, time], False at padded steps.
    """
    sums, counts = (np.linalg.norm(gradients, axis=-1) * live).sum(axis=0), live.sum(axis=0)
    return tuple(float(mean) for mean in (sums[counts > 0] / counts[counts > 0])[::-1])
