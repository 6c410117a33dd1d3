"""A network that runs in the page of an explanation, and the rule by which it reads texts, as plain data."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

EMBEDDING, RECURRENT, POOL, DENSE = "embedding", "recurrent", "pool", "dense"
"""The kinds of layers that the page can run."""


@dataclass(frozen=True)
class TextRule:
    """The rule by which a model turns a text into token ids. Id 0 is padding.

    Attributes:
        split: How texts are split: "keras", "spaces" or "punctuation" as in `data.encoders.Words`, "characters", or the
            kind of an encoder of `data.keras_words`.
        tokens: The tokens of the vocabulary, the most frequent first.
        ids: The id of each token, in the same order.
        unknown: The id of tokens that are not in the vocabulary. None if they are left out.
        start: The id before the first token of a text, or None.
        max_length: Largest number of ids, with that of the start. None if there is no limit.
        truncating: The side at which longer texts are cut: "pre" or "post".
        padding: The side at which shorter texts are padded to `max_length` ids: "pre" or "post". Empty if the network
            reads no padding.
        options: The options of an encoder of `data.keras_words`, by the names of its attributes.
    """

    split: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    unknown: int | None
    start: int | None
    max_length: int | None
    truncating: str = "pre"
    padding: str = ""
    options: dict[str, Any] = field(default_factory=dict)


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
            the backward direction). EMBEDDING has `mask`, POOL has `method` and `padding`, DENSE has
            `activation`, as in `nn.layers`.
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
