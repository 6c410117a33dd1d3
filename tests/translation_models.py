"""Small translators, as training would leave them."""

from __future__ import annotations

import functools

import numpy as np

from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.support.ids import START
from gatewright.tasks.translate.layers import Decoder, Encoder
from gatewright.tasks.translate.model import Translator
from gatewright.tasks.translate.sentences import Pairs
from gatewright.tasks.translate.task import PreparedPairs
from gatewright.tasks.translate.vocabulary import Vocabulary

PAIRS = Pairs(
    ("a man is reading", "a woman is reading a book", "two dogs play", "a dog reads the book of a man"),
    ("ein Mann liest", "eine Frau liest ein Buch", "zwei Hunde spielen", "ein Hund liest das Buch eines Mannes"),
)
MAX_LENGTH = 12


@functools.cache
def vocabulary(kind: str = "bytes") -> Vocabulary:
    return Vocabulary.fit(PAIRS, kind, 300 if kind == "bytes" else 40, kind == "bytes", False)


def translator(kind="bytes", cell="gru", units=6, attention="after", beam=3, length_penalty=1.0):
    """Return the file of a translator with random weights, so large that its translations differ and end."""
    words = vocabulary(kind)
    layers = (
        Encoder(words.source.ids, 5, cell, units),
        Decoder(words.target.ids, 5, cell, units, attention, shared=words.joint),
    )
    weights = tuple(models.initial_weights(layers, 1, [0]))
    rng = np.random.default_rng(1)
    for own in weights:
        for name, array in own.items():
            own[name] = (array + rng.normal(0, 1, array.shape)).astype(np.float32)
    weights[1]["bias"][START] += 2
    prepared = PreparedPairs(words, "en", "de", MAX_LENGTH, beam, length_penalty)
    return ModelFile("translate", layers, weights, prepared.to_json(), {"settings": {"cell": cell}})


def loaded_translator(**options):
    """Return such a translator as `runtime.load` does."""
    file = translator(**options)
    return Translator(file, Translator.parse_prepared(file.prepared))
