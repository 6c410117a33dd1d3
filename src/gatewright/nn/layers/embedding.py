"""The embedding layer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import EMBEDDING_SHIFT, Activations, Backend, Layer, Pullback, Rng, States, Step, Weights
from gatewright.nn.layers.random import dropout
from gatewright.ops.recurrence import Tokens
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.support.schema import Fraction, Size


@dataclass(frozen=True)
class Embedding(Layer):
    """An embedding layer: a trainable vector for each id. Steps with id 0 are padding.

    Attributes:
        vocabulary: Number of ids, including padding.
        units: Length of a vector.
        dropout: Probability that the vector of an id is set to 0 for a whole training step (Gal & Ghahramani 2016, "A
            Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4.2).
        word_dropout: Probability that a token is replaced by the id of unknown tokens in a training step (Iyyer et
            al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", section 3.1).
        mask: True if the next layers ignore padding. False if they read id 0 like any other id.
    """

    vocabulary: Size
    units: Size
    dropout: Fraction = 0.0
    word_dropout: Fraction = 0.0
    mask: bool = True
    kind: ClassVar[str] = "embedding"
    stepwise: ClassVar[bool] = True

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"table": (self.vocabulary, self.units)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"table": rng.uniform(-0.05, 0.05, (self.vocabulary, self.units)).astype(np.float32)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        ids, mask = inputs.x, inputs.x != PADDING if self.mask else None
        if rng is not None and self.word_dropout:
            kept = rng.keep(self.word_dropout, ids.shape) | (ids <= START)
            ids = backend.xp.where(kept, ids, UNKNOWN)
        table = dropout(backend, w["table"], self.dropout, rng, (self.vocabulary, 1))
        shift = inputs.context.get(EMBEDDING_SHIFT)
        x = Tokens(ids, table) if shift is None else table[ids] + shift
        return inputs._replace(x=x, mask=mask), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        table = w["table"]
        # A slice is a view. Indexing with an array would take as long as the softmax of a small network.
        return (), lambda token, states: (table[token : token + 1], states)

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        return self.forward(NUMPY, w, inputs, None, None)[0], lambda d: d
