"""Small model files of models that were imported from Keras."""

from __future__ import annotations

from gatewright.data.keras_words import KerasVocabulary, KerasWords
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Embedding, Flatten, Masking, Pool, Recurrent
from gatewright.tasks.imported.heads import NumberHead, WordHead, class_head
from gatewright.tasks.imported.inputs import Scaler, SeriesInput, TextInput
from gatewright.tasks.imported.prepared import PreparedImport

WORDS = {"a": 1, "fine": 2, "film": 3, "dull": 4, "day": 5, "not": 6, "what": 7}


def imported(layers, head, model_input=None):
    """Return the contents of a model file, and the input and the head."""
    if model_input is None:
        model_input = TextInput(KerasWords(WORDS, 8), 4, "pre", "pre", reads_padding=True)
    prepared = PreparedImport(model_input, head)
    weights = models.initial_weights(layers, model_input.features, [3])
    for layer in weights:
        for name in layer:
            layer[name] = layer[name] * 3  # so that answers differ
    return ModelFile("imported", tuple(layers), tuple(weights), prepared.to_json(), {}), prepared


def imported_files() -> list[ModelFile]:
    """Return the contents of imported models with all kinds of layers, inputs and heads."""
    words = TextInput(KerasWords(WORDS, 8, 6, 7), None, "post", "post", reads_padding=False)
    vocabulary = TextInput(KerasVocabulary(("fine", "dull"), 8), 5, "post", "post", reads_padding=True)
    series = SeriesInput(2, None, "pre", "pre", None, Scaler((1.0, 2.0), (0.5, 2.0)))
    both = Recurrent("lstm", 3, bidirectional=True, return_sequences=True, merge="ave", use_bias=False)
    backwards = Recurrent("gru", 3, return_sequences=True, go_backwards=True, reset_after=False, activation="relu")
    one, several = class_head(("bad", "good"), False, False, False), class_head(("x", "y"), True, False, False)
    return [
        imported([Embedding(8, 3, mask=False), backwards, Flatten(4), Dense(1)], one)[0],
        imported([Embedding(8, 3, mask=False), both, Pool("max", padding=True), Dense(2)], several, vocabulary)[0],
        imported([Embedding(8, 3), both, Dense(3)], class_head(("x", "y", "z"), False, True, True), words)[0],
        imported([Embedding(8, 3), Recurrent("simple_rnn", 3), Dense(8)], WordHead(8), words)[0],
        imported([Masking(), Recurrent("gru", 3), Dense(4, "relu"), Dense(2)], NumberHead(2), series)[0],
    ]
