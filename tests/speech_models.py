"""Small transcribers with random weights, and sound for them."""

from __future__ import annotations

import numpy as np
from models import loaded

from gatewright.data.audio.features import Features
from gatewright.data.audio.normalization import Normalization
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Recurrent
from gatewright.tasks.transcribe.alphabet import Alphabet
from gatewright.tasks.transcribe.decoding import Decoding
from gatewright.tasks.transcribe.layers import CtcOutput, SpeechInput
from gatewright.tasks.transcribe.ngrams import Ngrams
from gatewright.tasks.transcribe.task import PreparedSpeech

TEXTS = ["one two", "two one zero", "zero zero ten", "ten"]
RATE = 8000


def transcriber(decoding=None, bidirectional=False, cepstra=False, tokens="characters", stack=3, units=12, layers=2):
    """Return the file of a transcriber with random weights, so large that its transcripts differ."""
    alphabet = Alphabet.fit(TEXTS, tokens, 300 if tokens == "bytes" else None, False)
    features = None if cepstra else Features("log_mel", RATE, 16)
    width = 13 if cepstra else 16
    per = "utterance" if bidirectional else "training"
    normalization = Normalization(np.full(width, 5, np.float32), np.full(width, 3, np.float32), per)
    prepared = PreparedSpeech(
        *(alphabet, features, 0, normalization, stack, 30),
        *(decoding or Decoding("lexicon", 8, 0.5, 0.5), Ngrams.fit(TEXTS)),
    )
    network = (
        SpeechInput(stack=stack),
        *(Recurrent("gru", units, bidirectional, return_sequences=True) for _ in range(layers)),
        CtcOutput(alphabet.symbols),
    )
    weights = tuple(models.initial_weights(network, width, [3]))
    weights[-1]["kernel"][:] *= 8
    return ModelFile("transcribe", network, weights, prepared.to_json(), {"settings": {"cell": "gru"}})


def loaded_transcriber(**options):
    """Return such a transcriber as `runtime.load` does."""
    return loaded(transcriber(**options))


def sound(seconds, seed=0):
    """Return tones that change every tenth of a second, as samples of `RATE`."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE)) / RATE
    hertz = rng.uniform(100, 3000, 1 + int(10 * seconds))[(10 * times).astype(int)]
    level = rng.uniform(0, 0.5, 1 + int(10 * seconds))[(10 * times).astype(int)]
    return (level * np.sin(2 * np.pi * hertz * times) + 0.001 * rng.standard_normal(len(times))).astype(np.float32)
