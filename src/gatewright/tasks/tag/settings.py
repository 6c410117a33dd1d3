"""The settings of `train tag`."""

from __future__ import annotations

from gatewright.nn.layers import POOLS
from gatewright.support.ids import FIRST
from gatewright.tasks.base.settings import _CELL, _DROPOUTS, _LEARNING, Setting, _moments
from gatewright.tasks.tag.spelling import MOST_READ

TAG = (
    *_CELL,
    Setting("units", "whole", 128, "of each recurrent layer and direction", 1),
    Setting("both", "switch", True, "walk each sentence in both directions"),
    Setting(
        "crf",
        "switch",
        None,
        "the tags of a sentence are a chain (CRF), and the likeliest is the answer (default: where tags tell spans)",
    ),
    Setting(
        "pooling",
        "choice",
        "max",
        "how steps become what a sentence's label is told of: max, mean, attention",
        choices=POOLS,
    ),
    Setting("vocabulary", "whole", 30_000, "ids of words in use", FIRST + 1),
    Setting("least", "whole", 1, "how often a word must occur in the training sentences to have an id", 1),
    Setting("length", "whole", 64, "words that are read at once; a longer sentence is read in pieces", 1),
    Setting("embedding", "whole", 128, "numbers for each word", 1),
    Setting("letters", "whole", 16, "letters of a word that are read, half of them from its end", 1, most=MOST_READ),
    Setting("letter_units", "whole", 32, "numbers for each letter, and units of either direction that read them", 1),
    Setting(
        "word_dropout", "number", 0.1, "share of the words of which a step of training sees the letters alone", below=1
    ),
    *_DROPOUTS[1:],
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("batch", "whole", 32, "sentences of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training sentences (default: 6 to 50, for some 3,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    _moments("own"),
    *_LEARNING,
)
"""The settings of `train tag`."""
