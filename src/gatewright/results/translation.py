"""Translations of sentences."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.display import renderer
from gatewright.results.serialize import to_json_value

END = "[END]"
"""The piece that stands for the end of a sentence."""
SPACE = "▁"
"""How a space is written in pieces, as by SentencePiece (Kudo & Richardson 2018)."""


@dataclass(frozen=True, eq=False)
class Translation:
    """A translation of a sentence.

    Attributes:
        text: The translation.
        log_probability: The natural logarithm of its probability under the model: the sum over its pieces and its end.
        score: The score by which translations of a sentence are compared; see `tasks.translate.decoding.Decoding`.
        source_pieces: The pieces of the sentence as the model reads them, with `END` at the end.
        target_pieces: The pieces of the translation, with `END` at the end unless `ended` is False.
        attention: The attention that each piece of the translation pays to each piece of the sentence, [target pieces,
            source pieces]. Each row sums to 1. None unless it was asked for.
        ended: False if the translation reached the largest length without an end.
    """

    text: str
    log_probability: float
    score: float
    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    attention: NDArray[np.float32] | None = None
    ended: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the translation as JSON values. The attention is None unless it was asked for."""
        values: dict[str, Any] = to_json_value(self)
        return values

    def plot(self) -> Any:
        """Return a matplotlib figure of the attention.

        Raises:
            InputError: The translation has no attention.
        """
        return renderer().plot_attention(self)

    def __str__(self) -> str:
        return self.text
