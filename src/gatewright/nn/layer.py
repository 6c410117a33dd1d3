"""The base class of all layers, and the data types that layers exchange."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.ops.recurrence import Tokens
from gatewright.support.errors import InputError

Array: TypeAlias = Any  # a NumPy or JAX array
Weights: TypeAlias = Mapping[str, Array]
States: TypeAlias = tuple[Array, ...]
Step: TypeAlias = Callable[[Array, States], tuple[Array, States]]
Pullback: TypeAlias = Callable[[Array], Array]
LinearForm: TypeAlias = Callable[[Array], tuple[Array, float]]

EMBEDDING_SHIFT = "embedding_shift"
"""Key in `Activations.context`. The value is an array [batch, time, units] that `Embedding` adds to its output."""


class Backend(NamedTuple):
    """The array library (NumPy or JAX) that computes a forward pass, and operations that differ between the two.

    Attributes:
        xp: `numpy` or `jax.numpy`.
        recur: Function that runs a recurrence over a batch of sequences. Its arguments are (recurrence, x, weights,
            initial states, mask, recurrent dropout mask, zoneout mask, return_sequence). x is an array or `Tokens`.
            The initial states and the masks may be None. It returns the outputs [batch, time, units] and the final
            states. The outputs may be None if return_sequence is False.
        stop_gradient: Function that returns its argument as a constant for differentiation, like
            `jax.lax.stop_gradient`.
        scan: Function that runs a loop over time steps, like `jax.lax.scan`. Its arguments are (step, carry, xs,
            length=None), and it returns the last carry and the outputs of all steps, stacked. `step` takes the carry
            and the next element of each array in `xs` along the first axis, and returns the new carry and an output.
            `length` is the number of steps if `xs` is empty.
        losses: Function that returns the cross-entropy of the target of each row, [rows]. Its arguments are (x [rows,
            features], kernel, bias, targets [rows], live [rows], tied); see `ops.cross_entropy.losses`.
    """

    xp: ModuleType
    recur: Callable[..., tuple[Array | None, States]]
    stop_gradient: Callable[[Array], Array]
    scan: Callable[..., tuple[Any, Array]]
    losses: Callable[..., Array]


class Activations(NamedTuple):
    """The data that one layer passes to the next.

    Attributes:
        x: The values: ids [batch, time], `Tokens`, features [batch, time, features], features [batch, features] if
            an earlier layer has reduced the time axis, or a dict of such arrays.
        mask: Booleans [batch, time], False at padded steps. None if no step is padded, or if there is no time axis.
        targets: The targets, an array or a dict of arrays, or None. If targets are given, the output layer may
            compute the losses instead of the outputs.
        states: The final states of the recurrent layers before this point, in the order of the layers.
        context: Additional values from the caller or from earlier layers, with their names as keys.
    """

    x: Any
    mask: Array | None = None
    targets: Any = None
    states: tuple[States, ...] = ()
    context: Mapping[str, Any] = {}


def as_array(x: Array) -> Array:
    """Return the vectors of `Tokens`, [batch, time, features], or any other array unchanged."""
    return x.table[x.ids] if isinstance(x, Tokens) else x


class Rng(Protocol):
    """A random number generator for one training step."""

    def keep(self, rate: float, shape: tuple[int, ...]) -> Array:
        """Return an array of random booleans, each of which is False with probability `rate`."""

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Return an array of random numbers from the uniform distribution on [0, 1)."""


class Layer:
    """The base class of layers. A layer describes its weights and its forward pass, for both NumPy and JAX.

    A layer object does not contain its weights. Subclasses are frozen dataclasses whose fields are the configuration of
    the layer. Model files store the fields and the name `kind`, which is different for each class. The methods of this
    base class are the defaults for a layer without weights.
    """

    kind: ClassVar[str]
    stepwise: ClassVar[bool] = False
    """True if the outputs of a time step depend on the inputs of this step alone."""

    def width(self, features: int) -> int:
        """Return the number of output features, given the number of input features."""
        return features

    def cells(self) -> tuple[str, ...]:
        """Return the names of the recurrent cells that the layer uses."""
        return ()

    def gru_resets(self) -> tuple[str, ...]:
        """Return the place of the reset gate in each GRU of the layer: "before" or "after" the recurrent product."""
        return ()

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """Return a dict from the name of each weight to its shape, given the number of input features."""
        return {}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        """Return a dict of random initial weights, with the same distributions as in the corresponding Keras layer.

        Args:
            features: Number of input features.
            rng: The random number generator.
        """
        return {}

    def bind(self, w: Weights, layers: "Sequence[Layer]", weights: Sequence[Weights]) -> Weights:
        """Return the weights that `forward` needs: the weights of this layer, and weights shared with other layers.

        Args:
            w: The weights of this layer.
            layers, weights: All layers of the network, and the weights of all layers in the same order.
        """
        return w

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        """Run the layer on a batch of sequences and return the outputs and the final states.

        Args:
            backend: The NumPy or JAX backend.
            w: The weights, as returned by `bind`.
            inputs: The outputs of the previous layer.
            states: The final states of the previous call, if the sequences continue those of that call. None at the
                beginning of a sequence.
            rng: Random numbers for dropout during training. None outside training.
        """
        raise NotImplementedError

    def stepper(self, w: Weights) -> tuple[States, Step]:
        """Return the initial states, and a NumPy function that computes one time step for a single example.

        The function takes the input and the states, and returns the output and the new states. The input is an id or
        an array [1, features].

        Args:
            w: The weights, as returned by `bind`.

        Raises:
            InputError: The layer needs the whole sequence at once.
        """
        raise InputError(f"A {self.kind} layer needs the whole sequence at once, so the model cannot run step by step.")

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer with NumPy, without dropout, and return the outputs and a function that goes back.

        The function takes the gradient of a number with respect to the outputs, and returns its gradient with respect
        to the inputs (a vector-Jacobian product, as in `jax.vjp`). For ids, and for `Tokens`, that is the gradient with
        respect to the vectors of the time steps, [batch, time, features].

        Args:
            w: The weights, as returned by `bind`.
            inputs: The outputs of the previous layer.

        Raises:
            InputError: Answers of a network with this layer cannot be explained by gradients.
        """
        raise InputError(f"A {self.kind} layer has no gradients outside training, so its answers cannot be explained.")

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        """Return a function that writes a weighted sum of the outputs as one of the inputs, with NumPy.

        The function takes the weights d of the outputs, and returns weights g and a constant with

            (d * outputs).sum() = (g * inputs).sum() + constant

        Outputs are those before the softmax or sigmoid of an output layer. Choices that the layer makes, such as the
        step of a maximum and the weights of attention, are those for these inputs, and taken as given. The result is
        None if the outputs are not linear in the inputs.

        Args:
            w: The weights, as returned by `bind`.
            inputs: The outputs of the previous layer.
        """
        return None
