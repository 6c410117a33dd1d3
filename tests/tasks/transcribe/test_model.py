"""Trained transcribers: utterances alone and in batches, and model files that contradict themselves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from models import loaded
from speech_corpora import frames_of_text, write_sphinx
from speech_models import loaded_transcriber, transcriber

from gatewright.support.errors import InputError
from gatewright.tasks.base.text_arrays import as_texts
from gatewright.tasks.transcribe.speech import Speech


def utterances(texts):
    frames = tuple(frames_of_text(text, np.random.default_rng(place)) for place, text in enumerate(texts))
    return Speech(frames, tuple(texts), tuple(texts), ("",) * len(texts))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_other_utterances_change_neither_a_transcript_nor_a_loss(bidirectional):
    model = loaded_transcriber(bidirectional=bidirectional, cepstra=True)
    speech = utterances(["one", "two ten zero zero one", "ten two", "zero"])
    together = model.prepared.encode(speech)
    outputs = model.outputs(together)
    measured = model.prepared.measure(outputs, together.targets)
    assert any(as_texts(outputs["text"]))
    sums = np.zeros(2)
    for place in range(len(speech)):
        alone = model.prepared.encode(speech.take([place]))
        own = model.outputs(alone)
        assert as_texts(own["text"]) == [as_texts(outputs["text"])[place]]
        assert as_texts(own["greedy"]) == [as_texts(outputs["greedy"])[place]]
        np.testing.assert_allclose(own["losses"], outputs["losses"][place], rtol=1e-5)
        sums += own["losses"].sum(), (alone.targets["ids"] != 0).sum()
    assert measured["loss"] == pytest.approx(sums[0] / sums[1], rel=1e-5)


def test_evaluation_reads_the_test_set_and_refuses_data_of_another_kind(tmp_path):
    data = str(write_sphinx(tmp_path / "corpus", {"train": ["one", "two"], "test": ["ten"]}))
    found = loaded_transcriber(cepstra=True).read(data, {}, None)
    assert found.examples.texts == ("ten",)
    with pytest.raises(InputError, match="has files of cepstra"):
        loaded_transcriber().read(data, {}, None)


@pytest.mark.parametrize(
    ("layer", "field", "value", "message"),
    [(0, "stack", 2, "number of frames"), (-1, "symbols", 3, "number of outputs")],
)
def test_a_file_whose_parts_do_not_fit_together_is_refused(layer, field, value, message):
    file = transcriber()
    layers = list(file.layers)
    layers[layer] = dataclasses.replace(layers[layer], **{field: value})
    relations = type(loaded(file)).relations(layers, loaded(file).prepared, {})
    assert any(message in one.what and one.found != one.needed for one in relations)
