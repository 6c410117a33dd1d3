"""Small classifiers of recordings with random weights."""

from __future__ import annotations

import numpy as np
from models import loaded
from speech_models import RATE

from gatewright.data.audio.features import Features
from gatewright.data.audio.normalization import Normalization
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Dropout, Pool, Recurrent
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.keywords.layers import RecordingInput
from gatewright.tasks.keywords.task import PreparedKeywords

BANDS, STACK = 16, 2


def keyword_classifier(bidirectional=True, pooling="mean", per="training", labels=("one", "ten", "two"), max_frames=60):
    """Return the file of a classifier, with weights so large that its predictions differ."""
    pooled = [] if pooling == "last" else [Pool(pooling)]
    network = (
        RecordingInput(),
        Recurrent("gru", 8, bidirectional, return_sequences=bool(pooled)),
        *pooled,
        Dropout(0.5),
        Dense(1 if len(labels) == 2 else len(labels)),
    )
    weights = tuple(models.initial_weights(network, BANDS * STACK, [0]))
    weights[-1]["kernel"][:] *= 8
    prepared = PreparedKeywords(
        SingleLabel(labels),
        Features("log_mel", RATE, BANDS),
        Normalization(np.full(BANDS, 5, np.float32), np.full(BANDS, 3, np.float32), per),
        *(STACK, max_frames),
    )
    return ModelFile("keywords", network, weights, prepared.to_json(), {"settings": {"cell": "gru"}})


def loaded_keyword_classifier(**options):
    """Return such a classifier as `runtime.load` does."""
    return loaded(keyword_classifier(**options))
