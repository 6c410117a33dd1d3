"""The settings of `train classify` for series of numbers."""

from __future__ import annotations

from gatewright.tasks.base.settings import _CELL, _LEARNING, Option, Setting

_OF_SERIES = (
    Setting(
        "scaling",
        "choice",
        "each",
        "each channel by its own deviation, or together, all by one, as where their unit is one",
        choices=("each", "together"),
    ),
    Setting(
        "noise",
        "number",
        None,
        "what is added to each number in training, in deviations of its channel (default: 0.5; of one alone 0.1)",
        below=1,
    ),
)


SERIES = (
    *_CELL,
    Setting("units", "whole", 128, "of each recurrent layer and direction", 1),
    Setting("both", "switch", True, "walk each row in both directions"),
    Setting("pooling", "choice", "mean", "of all steps, or last", choices=("last", "mean", "max", "attention")),
    Setting("length", "whole", None, "steps of a row that are read, the last (default: as the longest has)", 1),
    *_OF_SERIES,
    Setting("input_dropout", "number", 0.0, "share of the channels that a row, at all its steps, lacks", below=1),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("class_weights", "choice", "none", "none, or balanced", choices=("none", "balanced")),
    Setting("batch", "whole", 16, "rows of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training rows (default: 10 to 200, for some 2,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    *_LEARNING,
)
"""The settings of `train classify` where rows are series of numbers: those of texts, but for what texts alone have."""


_SERIES_OPTIONS = (
    Option(
        "id", "COLUMN", "of a long table of series, the column that tells to which row a step belongs (default: id)"
    ),
    Option("time", "COLUMN", "of a long table of series, the column that orders the steps of a row (default: time)"),
)
