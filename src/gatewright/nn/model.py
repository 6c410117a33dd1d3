"""Functions of a whole network, which is a list of layers: weight shapes, initial weights and passes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Activations, Array, Backend, Layer, Pullback, Rng, States, Weights


def shapes(layers: Sequence[Layer], features: int) -> list[dict[str, tuple[int, ...]]]:
    """Return one dict for each layer, from the name of each weight to its shape.

    Args:
        layers: The layers, from the input to the output.
        features: Number of input features at each time step (1 for ids).
    """
    listed = []
    for layer in layers:
        listed.append(layer.shapes(features))
        features = layer.width(features)
    return listed


def count_parameters(layers: Sequence[Layer], features: int) -> int:
    """Return the number of trainable parameters of a network.

    Args:
        layers: The layers, from the input to the output.
        features: Number of input features at each time step (1 for ids).
    """
    return sum(int(np.prod(shape)) for layer in shapes(layers, features) for shape in layer.values())


def initial_weights(
    layers: Sequence[Layer], features: int, seed: Sequence[int]
) -> list[dict[str, NDArray[np.float32]]]:
    """Return random initial weights, one dict for each layer. The same layers and seed give the same weights.

    Args:
        layers: The layers, from the input to the output.
        features: Number of input features at each time step (1 for ids).
        seed: One or more whole numbers that seed the random number generator.
    """
    rng = np.random.default_rng(np.random.SeedSequence(list(seed)))
    weights = []
    for layer in layers:
        weights.append(layer.initial_weights(features, rng))
        features = layer.width(features)
    return weights


def bind(layers: Sequence[Layer], weights: Sequence[Weights]) -> list[Weights]:
    """Return the weights in the form that `forward` needs, one dict for each layer.

    The dict of a layer also contains weights of other layers that the layer uses, such as a tied embedding.
    """
    return [layer.bind(w, layers, weights) for layer, w in zip(layers, weights, strict=True)]


def forward(
    layers: Sequence[Layer],
    backend: Backend,
    weights: Sequence[Weights],
    inputs: Activations,
    states: Sequence[States] | None = None,
    rng: Rng | None = None,
) -> tuple[Activations, list[States]]:
    """Run all layers and return the result of the last layer, and the final states of each layer.

    Args:
        layers: The layers, from the input to the output.
        backend: The NumPy or JAX backend.
        weights: The weights of each layer, as returned by `bind`.
        inputs: The inputs of the first layer.
        states: The states of each layer after the previous time steps. None at the beginning of a sequence.
        rng: Random numbers for dropout during training. None outside training.
    """
    after = []
    for index, (layer, w) in enumerate(zip(layers, weights, strict=True)):
        inputs, last = layer.forward(backend, w, inputs, None if states is None else states[index], rng)
        after.append(last)
    return inputs, after


def vjp(layers: Sequence[Layer], weights: Sequence[Weights], inputs: Activations) -> tuple[Activations, Pullback]:
    """Run all layers with NumPy, without dropout, and return the outputs and a function that goes back.

    The function takes the gradient of a number with respect to the outputs of the last layer, and returns its gradient
    with respect to the inputs of the first layer; see `Layer.vjp`.

    Args:
        layers: The layers, from the input to the output.
        weights: The weights of each layer, as returned by `bind`.
        inputs: The inputs of the first layer.

    Raises:
        InputError: Answers of a network with such a layer cannot be explained by gradients.
    """
    pullbacks: list[Pullback] = []
    for layer, w in zip(layers, weights, strict=True):
        inputs, pullback = layer.vjp(w, inputs)
        pullbacks.append(pullback)

    def back(d: Array) -> Array:
        for pullback in reversed(pullbacks):
            d = pullback(d)
        return d

    return inputs, back
