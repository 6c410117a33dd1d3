"""A network that runs in the page of an explanation, and the rule by which it reads texts, as plain data."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

EMBEDDING, RECURRENT, POOL, DENSE = "embedding", "recurrent", "pool", "dense"
"""The kinds of layers that the page can run."""


@dataclass(frozen=True)
class TextRule:
    """The rule by which a model turns a text into token ids.

    Attributes:
        split: How texts are split: "keras", "spaces" or "punctuation" as in `data.encoders.Words`, or "characters".
        tokens: The tokens of the vocabulary, the most frequent first.
        ids: The id of each token, in the same order.
        unknown: The id of tokens that are not in the vocabulary.
        start: The id before the first token of a text, which the network reads if the text is not cut. None if there is
            no such id.
        max_length: Largest number of steps that the network reads. Of a longer text, it reads the last ones.
        padded: True if shorter texts are padded at the beginning to `max_length` steps, and the network reads the
            padding. False if the network reads no padding.
        padding: The id of padding.
    """

    split: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    unknown: int
    start: int | None
    max_length: int
    padded: bool = False
    padding: int = 0


@dataclass(frozen=True)
class PageReading:
    """What the page needs to know of a task that reads texts.

    Attributes:
        rule: How a text becomes ids.
        outputs: The meaning of the outputs: "sigmoid" (one output, the logit of the second of two labels), "softmax"
            (a logit for each label) or "sigmoids" (a logit for each of any number of labels).
        labels: The labels, in the order of the outputs; for "sigmoid" two.
    """

    rule: TextRule
    outputs: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class PageLayer:
    """One layer of a network, or one direction of a recurrent layer.

    Attributes:
        kind: EMBEDDING, RECURRENT, POOL or DENSE.
        options: The options of the layer, as JSON values. RECURRENT has fields of `ops.cells.cell.Options`, `units`
            and `joined` (True if it reads the same input as the layer before it, to whose outputs its own are appended:
            the backward direction). POOL has `method`, DENSE has `activation`.
        weights: The weights by name, with the shapes of `nn.layers`.
    """

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class PageNetwork:
    """A network that answers texts in the page of an explanation.

    Attributes:
        reading: How a text becomes ids, and what the outputs mean.
        layers: The layers, from the input to the output. The first is an embedding, the last is DENSE.
        target: The weight of each output in the number that is explained, [outputs].
    """

    reading: PageReading
    layers: tuple[PageLayer, ...]
    target: tuple[float, ...]
