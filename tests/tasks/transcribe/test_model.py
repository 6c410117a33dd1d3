"""Trained transcribers: utterances alone and in batches, and model files that contradict themselves."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import loaded
from speech_corpora import frames_of_text, write_sphinx
from speech_models import RATE, loaded_transcriber, sound, transcriber

import gatewright
from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.tasks.base.text_arrays import as_texts
from gatewright.tasks.transcribe.decoding import Decoding
from gatewright.tasks.transcribe.speech import Speech

cached_transcriber = functools.cache(loaded_transcriber)


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


@settings(max_examples=20)
@given(
    st.sampled_from(["greedy", "beam", "lexicon"]),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 260), st.integers(0, 99)), max_size=5),
    st.randoms(use_true_random=False),
    st.integers(0, 40),
)
def test_padding_and_other_recordings_change_no_transcript(method, bidirectional, others, random, padding):
    model = cached_transcriber(decoding=Decoding(method, 8, 0.5, 0.5), bidirectional=bidirectional, units=32)
    # Two recordings with words, so that there is something to change, and others of 5 ms to 1.3 s.
    sounds = [sound(1.0), sound(1.3, 2), *(sound(number / 200, seed) for number, seed in others)]
    alone = [model.transcribe(one, RATE).text for one in sounds]
    assert all(alone[:2])
    assert alone[0] != alone[1]
    random.shuffle(order := list(range(len(sounds))))
    features = model.prepared.front_end
    frames = tuple(features.frames(sounds[place]) for place in order)
    batch = model.prepared.encode(
        Speech(frames, ("one",) * len(order), ("u",) * len(order), ("",) * len(order), features)
    )
    wider = np.pad(batch.inputs, ((0, 0), (0, padding), (0, 0)), constant_values=np.nan)
    together = as_texts(model.outputs(batch._replace(inputs=wider))["text"])
    assert together == [alone[place] for place in order]


def test_evaluation_reads_the_test_set_and_refuses_data_of_another_kind(tmp_path):
    data = str(write_sphinx(tmp_path / "corpus", {"train": ["one", "two"], "test": ["ten"]}))
    found = loaded_transcriber(cepstra=True).read(data, {}, None)
    assert found.examples.texts == ("ten",)
    with pytest.raises(InputError, match="has files of cepstra"):
        loaded_transcriber().read(data, {}, None)


def test_evaluation_reports_characters_that_training_did_not_have(tmp_path):
    texts = ["one two", "ÄPFEL 12", "two 😀", "Ten"]
    data = write_sphinx(tmp_path / "corpus", {"train": ["one"], "test": texts})
    write(transcriber(cepstra=True), tmp_path / "m.safetensors")
    found = gatewright.evaluate(tmp_path / "m.safetensors", str(data))
    assert found.size == 4
    assert 0 < found.test["cer"] < 1000
    start, end = "3 of the 4 transcripts have characters (", ") that the network cannot write, so they count as errors."
    assert any(note.startswith(start) and note.endswith(end) for note in found.notes)


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
