"""Small taggers, as training would leave them."""

from __future__ import annotations

import numpy as np

from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.tasks.tag.layers import Tags, WordCharEmbedding
from gatewright.tasks.tag.model import Tagger
from gatewright.tasks.tag.schemes import PREFIX
from gatewright.tasks.tag.spelling import Spelling
from gatewright.tasks.tag.task import PreparedSentences

SENTENCES = ["a fine film", "a dull film", "fine fine day", "what a dull dull day it was"]
MAX_LENGTH = 12


def tagger(cell="gru", units=5, bidirectional=True, crf=False, labels=("bad", "good"), pooling="max", max_chars=6):
    """Return the file of a tagger with random weights, so large that its predictions differ."""
    spelling = Spelling.fit([text.split() for text in SENTENCES], 40, 1, max_chars)
    tags = ("B-a", "I-a", "O")
    layers = (
        WordCharEmbedding(spelling.ids, 4, spelling.letter_ids, 3, cell, 0.2),
        Dropout(0.5),
        Recurrent(cell, units, bidirectional, return_sequences=True),
        Tags(len(tags), len(labels), crf, pooling),
    )
    weights = tuple(models.initial_weights(layers, 1, [0]))
    rng = np.random.default_rng(1)
    for array in (weights[0]["table"], weights[0]["chars_table"]):
        array[:] *= 20
    for name, array in weights[-1].items():
        weights[-1][name] = array + rng.normal(0, 1, array.shape).astype(np.float32)
    prepared = PreparedSentences(spelling, tags, tuple(labels), MAX_LENGTH, time=MAX_LENGTH, notation=PREFIX)
    return ModelFile("tag", layers, weights, prepared.to_json(), {"settings": {"cell": cell}})


def loaded_tagger(**options):
    """Return such a tagger as `runtime.load` does."""
    file = tagger(**options)
    return Tagger(file, Tagger.parse_prepared(file.prepared))
