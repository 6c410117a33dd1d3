"""Examples to explain, of networks with random weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations
from gatewright.results.explanation import START, Step
from gatewright.tasks.base.explainable import Explainable, Output


def drawn_weights(layers, features=1, seed=0, scale=0.5, dtype=np.float32):
    """Return random weights, biases included, of about the size of trained ones."""
    rng = np.random.default_rng(seed)
    weights = models.bind(layers, models.initial_weights(layers, features, [seed]))
    return [
        {name: (array + scale * rng.normal(size=array.shape)).astype(dtype) for name, array in layer.items()}
        for layer in weights
    ]


def token_example(ids: Sequence[int], output: Output, max_length: int | None = None) -> Explainable:
    """Return a text of token ids after a start id, of which a network reads the last `max_length`."""
    tokens = [1, *ids]
    longest = max_length or len(tokens)
    read = tokens[-longest:]
    before = len(tokens) - len(read)

    def without(sets: Sequence[Collection[int]]) -> np.ndarray:
        kept = [[token for place, token in enumerate(tokens) if place - before not in left_out] for left_out in sets]
        width = min(longest, max(map(len, kept)))
        return np.array([([0] * width + one)[-width:] for one in kept], np.int32)

    steps = tuple(Step(str(token), START if token == 1 else "input", token) for token in read)
    removable = tuple(place for place, token in enumerate(read) if token != 1)
    return Explainable(np.array([read], np.int32), steps, output, "an answer", None, removable, without)


def number_example(x: np.ndarray, output: Output) -> Explainable:
    """Return an example of numbers, [time, features], of which every step can be left out."""

    def without(sets: Sequence[Collection[int]]) -> np.ndarray:
        kept = [x[[place for place in range(len(x)) if place not in left_out]] for left_out in sets]
        width = max(map(len, kept))
        padding = [np.full((width - len(one), x.shape[1]), np.nan, x.dtype) for one in kept]
        return np.stack([np.concatenate(both) for both in zip(padding, kept, strict=True)])

    steps = tuple(Step(str(place)) for place in range(len(x)))
    return Explainable(x[None], steps, output, "a number", None, tuple(range(len(x))), without)


def value(layers, weights, inputs, output: Output) -> float:
    """Return the explained number of one example, [1, time, ...], computed by the whole network."""
    outputs = models.forward(layers, NUMPY, weights, Activations(inputs))[0].x
    at = outputs[0] if output.step is None else outputs[0, output.step]
    found = float(at[output.index]) - (0.0 if output.against_index is None else float(at[output.against_index]))
    return output.sign * found
