"""The settings of `train classify` for texts."""

from __future__ import annotations

from gatewright.support.ids import FIRST
from gatewright.tasks.base.settings import _CELL, _DROPOUTS, _LEARNING, _TEXT, Option, Setting, _moments

CLASSIFY = (
    *_CELL,
    Setting("units", "whole", 128, "of each recurrent layer and direction", 1),
    Setting("both", "switch", True, "walk each text in both directions"),
    Setting(
        "pooling",
        "choice",
        "max",
        "of all steps: max, mean, attention; or last",
        choices=("last", "mean", "max", "attention"),
    ),
    Setting("tokens", "choice", "words", "words, or bytes (byte-pair encoding)", choices=("words", "bytes")),
    Setting("vocabulary", "whole", 30_000, "ids in use", FIRST + 1),
    Setting("least", "whole", 2, "how often a word must occur in the training rows to have an id", 1),
    Setting("length", "whole", 400, "tokens of a text that are read, the last", 1),
    Setting("embedding", "whole", 128, "numbers for each token", 1),
    *_DROPOUTS,
    Setting("word_dropout", "number", 0.1, "share of the tokens that are unknown at a step of training", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("class_weights", "choice", "none", "none, or balanced", choices=("none", "balanced")),
    Setting("batch", "whole", 32, "rows of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training rows (default: 3 to 50, for some 2,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    _moments("shared"),
    Setting("discriminative", "number", 1.0, "how many times as fast a layer learns as that below it", 1),
    Setting(
        "unfreezing",
        "switch",
        False,
        "at first the top layer alone learns, then one more each epoch",
    ),
    Setting("adversarial", "number", 0.0, "how far texts are moved against the network, in lengths of a word's vector"),
    *_LEARNING,
)
"""The settings of `train classify`."""


PRETRAINED = {"discriminative": 2.6, "warmup": 0.1, "both": False}
"""What holds where it is not given, and a language model is what is begun with: Howard & Ruder 2018, section 3.2
(2.6, and a learning rate that rises for a tenth of the steps)."""


_LABELS = (
    Option(
        "label",
        "COLUMN",
        "the column of labels, or of lists of them; or several columns of 0 and 1 with commas between (default: label)",
    ),
    Option("label_separator", "TEXT", "what stands between the labels of a field, if it holds any number"),
)


_TEXT_OPTIONS = (_TEXT, *_LABELS)
