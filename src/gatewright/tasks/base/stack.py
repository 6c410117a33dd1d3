"""The stack of recurrent layers that networks of most tasks share."""

from typing import Any

from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dropout, Pool, Recurrent


def recurrent_stack(
    settings: Any,
    *,
    bidirectional: bool = False,
    sequences: bool = False,
    pooling: str = "last",
    weight_dropout: float = 0.0,
) -> list[Layer]:
    """Return `settings.layers` recurrent layers, each followed by dropout.

    Args:
        settings: The task's settings.
        bidirectional: True if the layers process sequences in both directions.
        sequences: True if the last layer returns the outputs of all time steps.
        pooling: Method that combines the outputs of the last layer at all time steps into one vector: "last" for the
            last output, or a method of `Pool`.
        weight_dropout: Fraction of the recurrent weights dropped in training; see `Recurrent`.
    """
    layers: list[Layer] = []
    for layer in range(settings.layers):
        top = layer == settings.layers - 1
        layers.append(
            Recurrent(
                settings.cell,
                settings.units,
                bidirectional,
                return_sequences=not top or sequences or pooling != "last",
                recurrent_dropout=settings.recurrent_dropout,
                weight_dropout=weight_dropout,
                zoneout=settings.zoneout,
            )
        )
        if top and pooling != "last":
            layers.append(Pool(pooling))
        if settings.output_dropout:
            layers.append(Dropout(settings.output_dropout))
    return layers
