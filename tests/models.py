"""Small models with random weights, as they stand in model files."""

from __future__ import annotations

import numpy as np

from gatewright.data.encoders import BytePairs, Characters, Words
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.tasks import registry
from gatewright.tasks.base.labels import label_set
from gatewright.tasks.classify.task import PreparedTexts as PreparedLabelledTexts
from gatewright.tasks.generate.task import PreparedTexts

TEXTS = ["a fine film", "a dull film", "fine fine day", "what a dull dull day it was"]
LENGTH = 12


def loaded(file):
    """Return the model in a model file that is not written."""
    kind = registry.model_class(file.task)
    return kind(file, kind.parse_prepared(file.prepared))


def arrays(file):
    """Return the weights of a model file, layer by layer."""
    return [np.asarray(array) for layer in file.weights for array in layer.values()]


def classifier(
    cell="gru",
    units=5,
    pooling="last",
    bidirectional=False,
    layers=1,
    tokens="words",
    labels=("bad", "good"),
    multi_label=False,
):
    """Return the file of a classifier with random weights, so large that its predictions differ."""
    encoder = Words.fit(TEXTS, 40) if tokens == "words" else BytePairs.fit(TEXTS, 270)
    prepared = PreparedLabelledTexts(label_set(tuple(labels), multi_label), encoder, LENGTH)
    below = [Recurrent(cell, units, bidirectional, return_sequences=True) for _ in range(layers - 1)]
    pooled = [] if pooling == "last" else [Pool(pooling)]
    network = (
        Embedding(encoder.ids, 4, word_dropout=0.2),
        *below,
        Recurrent(cell, units, bidirectional, return_sequences=bool(pooled)),
        *pooled,
        Dropout(0.5),
        Dense(prepared.label_set.outputs),
    )
    weights = tuple(models.initial_weights(network, 1, [0]))
    weights[0]["table"][:] *= 20
    training = {"settings": {"cell": cell}, "test": {"accuracy": 0.5}}
    return ModelFile("classify", network, weights, prepared.to_json(), training)


def language_model(cell="gru", units=9, layers=1, tokens="words", tied=False, examples="stream"):
    """Return the file of a language model with random weights, so large that its predictions differ."""
    fit = {
        "words": lambda: Words.fit(TEXTS, 40),
        "characters": lambda: Characters.fit(TEXTS, 99),
        "bytes": lambda: BytePairs.fit(TEXTS, 270),
    }
    encoder = fit[tokens]()
    network = (
        Embedding(encoder.ids, 4),
        *(Recurrent(cell, units, return_sequences=True) for _ in range(layers - 1)),
        Recurrent(cell, units, return_sequences=examples == "stream"),
        Dropout(0.5),
        *([Dense(4)] if tied else []),
        Softmax(encoder.ids, tied),
    )
    weights = tuple(models.initial_weights(network, 1, [0]))
    weights[0]["table"][:] *= 20
    if not tied:
        weights[-1]["kernel"][:] *= 5
    prepared = PreparedTexts(encoder, examples, LENGTH)
    return ModelFile("generate", network, weights, prepared.to_json(), {"settings": {"cell": cell}})


def loaded_classifier(*arguments, **options):
    """Return such a classifier as `runtime.load` does."""
    return loaded(classifier(*arguments, **options))
