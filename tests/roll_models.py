"""Small models of piano rolls, as training would leave them."""

from __future__ import annotations

from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.tasks.rolls.layers import Frames, Sigmoids
from gatewright.tasks.rolls.task import PreparedRolls

KEYS = 5


def roll_model(cell="gru", units=9, layers=1, keys=KEYS):
    """Return the file of a model with random weights, so large that its predictions differ."""
    made = (
        Frames(),
        Dropout(0.1),
        *(Recurrent(cell, units, return_sequences=True) for _ in range(layers)),
        Dropout(0.5),
        Sigmoids(keys),
    )
    weights = tuple(models.initial_weights(made, keys, [0]))
    weights[-1]["kernel"][:] *= 5
    return ModelFile("rolls", made, weights, PreparedRolls(keys).to_json(), {"settings": {"cell": cell}})
