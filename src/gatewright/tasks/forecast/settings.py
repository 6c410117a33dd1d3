"""The settings of `train forecast`."""

from __future__ import annotations

from gatewright.tasks.base.settings import _CELL, _LEARNING, Setting
from gatewright.tasks.forecast.blocks import LEVELS

FORECAST = (
    *_CELL,
    Setting("units", "whole", 256, "of each recurrent layer", 1),
    Setting("look_back", "whole", None, "steps that are read (default: some seasons, and four times the horizon)", 1),
    Setting("horizon", "whole", None, "steps that are forecast (default: a season)", 1),
    Setting(
        "decoding",
        "choice",
        "segments",
        "segments (SegRNN), direct (all steps from the last state), or recursive (step by step)",
        choices=("segments", "direct", "recursive"),
    ),
    Setting("segment", "whole", None, "steps of a segment (default: a season, at most 48)", 1),
    Setting(
        "level",
        "choice",
        "last",
        "what a window is relative to: its last value; standard, its mean and deviation; or none",
        choices=LEVELS,
    ),
    Setting("calendar", "switch", False, "the place in year, week and day is an input too"),
    Setting(
        "missing",
        "choice",
        "last",
        "how missing numbers are read: as the last; or decay (GRU-D), with decoding direct",
        choices=("last", "decay"),
    ),
    Setting("quantiles", "numbers", (0.1, 0.9), "that are forecast beside, with commas between", 1e-6, below=1),
    Setting(
        "loss", "choice", "absolute", "error of the forecast: absolute, or squared", choices=("absolute", "squared")
    ),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
    Setting("output_dropout", "number", 0.3, "share of what comes out of each layer that is dropped", below=1),
    Setting("batch", "whole", None, "windows of a training step (default: 64; of few windows fewer)", 1),
    Setting("epochs", "whole", None, "passes over the training windows (default: 3 to 50, for some 3,000 steps)", 1),
    Setting("learning_rate", "number", 0.001, "of Adam, at its highest", 1e-12),
    *_LEARNING,
)
"""The settings of `train forecast`."""
