"""The settings of `train generate` for texts, and of decoding."""

from __future__ import annotations

from gatewright.data.text import SPLITS
from gatewright.support.ids import FIRST
from gatewright.tasks.base.settings import _CELL, _DROPOUTS, _LEARNING, Setting, _moments

GENERATE = (
    *_CELL,
    Setting("units", "whole", 512, "of each recurrent layer", 1),
    Setting(
        "tokens",
        "choice",
        "characters",
        "characters, words, or bytes (byte-pair encoding)",
        choices=("characters", "words", "bytes"),
    ),
    Setting(
        "split",
        "choice",
        "punctuation",
        "of words: punctuation (case, marks and line breaks kept), spaces, or keras (lower-cased, no marks)",
        choices=SPLITS,
    ),
    Setting("vocabulary", "whole", 10_000, "ids in use; of characters all are", FIRST + 1),
    Setting("least", "whole", 1, "how often a token must occur in the training part to have an id", 1),
    Setting(
        "rows",
        "choice",
        "stream",
        "stream: all texts, states carried on; prefixes: each beginning of each line",
        choices=("stream", "prefixes"),
    ),
    Setting("length", "whole", 128, "steps that gradients reach back; of prefixes, tokens that are read", 1),
    Setting("hold_out", "number", 0.1, "share set aside as test and validation part where there is none", below=0.5),
    Setting("embedding", "whole", 128, "numbers for each token", 1),
    Setting("tied", "switch", False, "the embedding's table is the outputs' kernel too"),
    Setting("samples", "whole", 0, "ids that a target stands against in training; 0 is all"),
    *_DROPOUTS,
    Setting("word_dropout", "number", 0.0, "share of the tokens that are unknown at a step of training", below=1),
    Setting("weight_dropout", "number", 0.0, "share of the recurrent kernel that is 0 at a step of training", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting(
        "batch",
        "whole",
        None,
        "streams, or prefixes, of a training step (default: 32; of a short text fewer streams)",
        1,
    ),
    Setting("epochs", "whole", None, "passes over the training part (default: 6 to 50, for some 4,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    _moments("own"),
    *_LEARNING,
)
"""The settings of `train generate`."""


# Of numbers by which logits are divided or multiplied, so that they stay numbers.
_LARGEST = 1e6


DECODING = (
    Setting("tokens", "whole", 200, "how many at most", 1),
    Setting(
        "temperature",
        "number",
        1.0,
        "below 1 likely tokens become likelier; 0 is greedy, always the likeliest",
        most=_LARGEST,
    ),
    Setting("top_k", "whole", 0, "choose among so many of the likeliest; 0 is all"),
    Setting("top_p", "number", 1.0, "choose among the fewest that make up this probability", 1e-12, most=1),
    Setting(
        "repetition_penalty", "number", 1.0, "above 1, tokens that stood before become less likely", 1, most=_LARGEST
    ),
    Setting(
        "beams",
        "whole",
        1,
        "from 2 on, beam search: the likeliest continuation found with so many; nothing is drawn",
        1,
    ),
    Setting("seed", "whole", None, "of what is drawn (default: another each time)", below=2**32),
)
"""How a text is generated: see `decoding.Decoding`."""
