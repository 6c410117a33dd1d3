"""Small classifiers of series with random weights, and series for them."""

from __future__ import annotations

import numpy as np

from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Dropout, Pool, Recurrent
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.classify_series.channels import Channels
from gatewright.tasks.classify_series.layers import SeriesInput
from gatewright.tasks.classify_series.model import SeriesClassifier
from gatewright.tasks.classify_series.settings import ClassifySeriesSettings
from gatewright.tasks.classify_series.task import ClassifySeries, PreparedSeries

LENGTH = 20


def series(lengths, channels=3, missing=0.0, seed=0):
    """Return series of random numbers, a fraction of which is missing; the last step of each is complete."""
    rng = np.random.default_rng(seed)
    made = []
    for length in lengths:
        numbers = rng.normal(5, 3, (length, channels))
        gone = rng.random(numbers.shape) < missing
        gone[-1:] = False
        made.append(np.where(gone, np.nan, numbers))
    return made


def series_classifier(
    cell="gru", units=5, pooling="mean", bidirectional=False, layers=1, channels=3, labels=("a", "b", "c")
):
    """Return the contents of the model file of a classifier, with weights so large that its predictions differ."""
    pooled = [] if pooling == "last" else [Pool(pooling)]
    network = (
        SeriesInput(),
        Dropout(0.2),
        *(Recurrent(cell, units, bidirectional, return_sequences=True) for _ in range(layers - 1)),
        Recurrent(cell, units, bidirectional, return_sequences=bool(pooled)),
        *pooled,
        Dropout(0.5),
        Dense(1 if len(labels) == 2 else len(labels)),
    )
    weights = tuple(models.initial_weights(network, channels, [0]))
    weights[-1]["kernel"][:] *= 3
    scales = Channels.fit([f"c{place}" for place in range(channels)], series((9, 17), channels))
    prepared = PreparedSeries(SingleLabel(labels), scales, LENGTH)
    return ModelFile("classify_series", network, weights, prepared.to_json(), {"settings": {"cell": cell}})


def loaded_series_classifier(*arguments, **options):
    """Return such a classifier as `runtime.load` does."""
    file = series_classifier(*arguments, **options)
    return SeriesClassifier(file, PreparedSeries.from_json(file.prepared))


def task_splits(data, **options):
    """Return the splits that `train classify` makes of a data set."""
    return ClassifySeries(str(data), ClassifySeriesSettings.complete({}), options).read()
