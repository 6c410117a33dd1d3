"""The settings of `train generate` for piano rolls."""

from __future__ import annotations

from gatewright.tasks.base.settings import _CELL, _LEARNING, Setting

ROLLS = (
    *_CELL,
    Setting("units", "whole", 256, "of each recurrent layer", 1),
    Setting("hold_out", "number", 0.1, "share set aside as test and validation part where there is none", below=0.5),
    Setting("input_dropout", "number", 0.0, "share of the keys that a piece, at all its steps, lacks", below=1),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
    Setting("weight_dropout", "number", 0.0, "share of the recurrent kernel that is 0 at a step of training", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("batch", "whole", 8, "pieces of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training part (default: 20 to 200, for some 1,000 steps)", 1),
    Setting("learning_rate", "number", 0.003, "of Adam, at its highest", 1e-12),
    *_LEARNING,
)
"""The settings of `train generate` where rows are piano rolls: those of texts, but for what texts alone have."""
