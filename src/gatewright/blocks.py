"""What models are made of: a model is a list of blocks, and a block knows its parameters and its Keras layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gatewright.cells import Recurrence

CELLS = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
"""The cells by name, and the Keras layer of each."""


class Block(Protocol):
    """One layer of a model."""

    def width(self) -> int:
        """The features of what comes out."""

    def parameters(self, features: int) -> int:
        """How many numbers are learnt when `features` come in at each step."""

    def keras(self, seeds: np.random.Generator) -> Any:
        """The Keras layer, with initial weights that are a function of the generator alone."""


def _seed(seeds: np.random.Generator) -> int:
    return int(seeds.integers(2**31))


@dataclass(frozen=True)
class Embedding:
    """A vector [units] for each id below `vocabulary`; id 0 is padding, which no later block sees."""

    vocabulary: int
    units: int

    def width(self) -> int:
        return self.units

    def parameters(self, features: int) -> int:
        return self.vocabulary * self.units

    def keras(self, seeds: np.random.Generator) -> Any:
        import keras

        start = keras.initializers.RandomUniform(-0.05, 0.05, seed=_seed(seeds))  # Keras' own default, seeded
        return keras.layers.Embedding(self.vocabulary, self.units, embeddings_initializer=start, mask_zero=True)


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer; the last state comes out, [batch, units]."""

    cell: str
    units: int

    def width(self) -> int:
        return self.units

    def parameters(self, features: int) -> int:
        rec = Recurrence(self.cell)  # type: ignore[arg-type]  # its own check names the cells
        products = rec.gates * self.units * (features + self.units)
        return products + int(np.prod(rec.bias_shape(self.units)))

    def keras(self, seeds: np.random.Generator) -> Any:
        import keras

        layer = getattr(keras.layers, CELLS[self.cell])
        return layer(
            self.units,
            kernel_initializer=keras.initializers.GlorotUniform(seed=_seed(seeds)),
            recurrent_initializer=keras.initializers.Orthogonal(seed=_seed(seeds)),
        )


@dataclass(frozen=True)
class Dense:
    """A linear map to `units` numbers."""

    units: int

    def width(self) -> int:
        return self.units

    def parameters(self, features: int) -> int:
        return (features + 1) * self.units

    def keras(self, seeds: np.random.Generator) -> Any:
        import keras

        return keras.layers.Dense(self.units, kernel_initializer=keras.initializers.GlorotUniform(seed=_seed(seeds)))


def parameters(blocks: Sequence[Block], features: int) -> int:
    """How many numbers a model learns when `features` come in at each step (ids: 1)."""
    total = 0
    for block in blocks:
        total += block.parameters(features)
        features = block.width()
    return total


def build(blocks: Sequence[Block], shape: tuple[int, ...], dtype: str, seed: Sequence[int]) -> Any:
    """The blocks as a Keras model.

    Args:
        blocks: from the input to the output.
        shape: of one row of the input: [time] of ids, or [time, features].
        dtype: of the input.
        seed: of the initial weights.
    """
    import keras

    seeds = np.random.default_rng(np.random.SeedSequence(list(seed)))
    return keras.Sequential([keras.Input(shape, dtype=dtype), *(block.keras(seeds) for block in blocks)])
