"""Small models, as training would leave them."""

from __future__ import annotations

import numpy as np

from gatewright.data.encoders import BytePairs, Characters, Words
from gatewright.nn import model as models
from gatewright.nn.file import Model
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.tasks.forecast.blocks import Decaying, Direct, Level, Parallel, Recursive, Restore, Segments
from gatewright.tasks.forecast.grid import Grid
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.tag.blocks import Tags, WordVectors
from gatewright.tasks.tag.spelling import Spelling

TEXTS = ["a fine film", "a dull film", "fine fine day", "what a dull dull day it was"]
LENGTH = 12


def classifier(
    cell="gru",
    units=5,
    pooling="last",
    both=False,
    layers=1,
    tokens="words",
    labels=("bad", "good"),
    seed=0,
    several=False,
):
    """A classifier with random weights, so large that its answers differ."""
    encoder = Words.fit(TEXTS, 40) if tokens == "words" else BytePairs.fit(TEXTS, 270)
    below = [Recurrent(cell, units, both, steps=True) for _ in range(layers - 1)]
    pooled = [] if pooling == "last" else [Pool(pooling)]
    outputs = 1 if len(labels) == 2 and not several else len(labels)
    model = (
        Embedding(encoder.ids, 4, word_dropout=0.2),
        *below,
        Recurrent(cell, units, both, steps=bool(pooled)),
        *pooled,
        Dropout(0.5),
        Dense(outputs),
    )
    weights = tuple(models.start(model, 1, [0]))
    weights[0]["table"][:] *= 20
    answers = {"labels": list(labels), "length": LENGTH, **({"several": True} if several else {})}
    training = {"settings": {"cell": cell}, "test": {"accuracy": 0.5}}
    return Model("classify", model, weights, encoder.to_json(), answers, training)


def arrays(model):
    return [np.asarray(array) for block in model.weights for array in block.values()]


def language_model(cell="gru", units=9, layers=1, tokens="words", tied=False, rows="stream"):
    """A language model with random weights, so large that its answers differ."""
    fit = {
        "words": lambda: Words.fit(TEXTS, 40),
        "characters": lambda: Characters.fit(TEXTS, 99),
        "bytes": lambda: BytePairs.fit(TEXTS, 270),
    }
    encoder = fit[tokens]()
    steps = [True] * (layers - 1) + [rows == "stream"]
    model = (
        Embedding(encoder.ids, 4),
        *(Recurrent(cell, units, steps=one) for one in steps),
        Dropout(0.5),
        *([Dense(4)] if tied else []),
        Softmax(encoder.ids, tied),
    )
    weights = tuple(models.start(model, 1, [0]))
    weights[0]["table"][:] *= 20
    if not tied:
        weights[-1]["kernel"][:] *= 5
    answers = {"rows": rows, **({} if rows == "stream" else {"length": LENGTH})}
    return Model("generate", model, weights, encoder.to_json(), answers, {"settings": {"cell": cell}})


def forecaster(decoding="segments", cell="gru", units=4, layers=1, known=0, missing="last", zoneout=0.0):
    """A forecaster of two targets, 8 steps to 5, with random weights."""
    C, L, H, since = 2, 8, 5, missing == "decay"
    names = ("a", "b", *("k" * (place + 1) for place in range(known)))
    scale = np.stack([np.arange(2.0 + known), 1 + np.arange(2.0 + known)])
    scales = Scales(names, C, known, False, since, Grid("seconds", 3600, 0), {"": scale}, "date", None)
    below = [Recurrent(cell, units, False, layer < layers - 1, zoneout=zoneout) for layer in range(layers)]
    if since:
        below[0] = Decaying(cell, units, C, C, layers > 1)
    ahead = {
        "segments": Parallel(cell, units, 3, H, C, 3, known, zoneout=zoneout),
        "direct": Direct(H, C, 3, known),
        "recursive": Recursive(cell, layers, H, C, 3, known, zoneout),
    }[decoding]
    level = Level("last", L, C, known, bool(known) and decoding == "recursive")
    segments = [Segments(3, units, C)] if decoding == "segments" else []
    model = (level, *segments, *below, ahead, Restore())
    weights = tuple(models.start(model, scales.features, [0]))
    answers = {"features": scales.features, "look_back": L, "horizon": H, "quantiles": [0.1, 0.9]}
    answers["naive_errors"] = [0.5, None]
    return Model("forecast", model, weights, scales.to_json(), answers, {})


def tagger(cell="gru", units=5, both=True, crf=False, labels=("bad", "good"), pooling="max", read=6):
    """A tagger with random weights, so large that its answers differ."""
    spelling = Spelling.fit([text.split() for text in TEXTS], 40, 1, read)
    tags = ("B-a", "I-a", "O")
    model = (
        WordVectors(spelling.ids, 4, spelling.letter_ids, 3, cell, 0.2),
        Dropout(0.5),
        Recurrent(cell, units, both, steps=True),
        Tags(len(tags), len(labels), crf, pooling),
    )
    weights = tuple(models.start(model, 1, [0]))
    draw = np.random.default_rng(1)
    for array in (weights[0]["table"], weights[0]["letters_table"]):
        array[:] *= 20
    for name, array in weights[-1].items():
        weights[-1][name] = array + draw.normal(0, 1, array.shape).astype(np.float32)
    answers = {"tags": list(tags), "labels": list(labels), "length": LENGTH}
    return Model("tag", model, weights, spelling.to_json(), answers, {"settings": {"cell": cell}})
