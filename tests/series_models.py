"""Small classifiers of series, as training would leave them, and series to give them."""

from __future__ import annotations

import numpy as np

from gatewright.nn import model as models
from gatewright.nn.file import Model
from gatewright.nn.layers import Dense, Dropout, Pool, Recurrent
from gatewright.tasks.classify_series.blocks import Measurements
from gatewright.tasks.classify_series.channels import Channels

LENGTH = 20


def series(lengths, channels=3, missing=0.0, seed=0):
    """Rows of random numbers, of which a share is missing; the last step of each is there."""
    draw = np.random.default_rng(seed)
    rows = []
    for length in lengths:
        row = draw.normal(5, 3, (length, channels))
        gone = draw.random(row.shape) < missing
        gone[-1:] = False
        rows.append(np.where(gone, np.nan, row))
    return rows


def series_classifier(cell="gru", units=5, pooling="mean", both=False, layers=1, channels=3, labels=("a", "b", "c")):
    """A classifier with random weights, so large that its answers differ."""
    pooled = [] if pooling == "last" else [Pool(pooling)]
    model = (
        Measurements(),
        Dropout(0.2),
        *(Recurrent(cell, units, both, steps=True) for _ in range(layers - 1)),
        Recurrent(cell, units, both, steps=bool(pooled)),
        *pooled,
        Dropout(0.5),
        Dense(1 if len(labels) == 2 else len(labels)),
    )
    weights = tuple(models.start(model, channels, [0]))
    weights[-1]["kernel"][:] *= 3
    encoder = Channels.fit([f"c{place}" for place in range(channels)], series((9, 17), channels))
    answers = {"labels": list(labels), "length": LENGTH, "features": channels}
    return Model("classify", model, weights, encoder.to_json(), answers, {"settings": {"cell": cell}})
