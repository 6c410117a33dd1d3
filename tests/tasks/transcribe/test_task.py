"""The task of transcribing: encoded utterances, metrics, notes, and a language that a network learns."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from speech_corpora import frames_of_text, speech, transcripts, write_sphinx

import gatewright
from gatewright.data.limits import limited_input
from gatewright.support.errors import InputError
from gatewright.tasks.base.text_arrays import as_bytes, as_texts
from gatewright.tasks.transcribe.decoding import Decoding
from gatewright.tasks.transcribe.fitting import without_long
from gatewright.tasks.transcribe.settings import TranscribeSettings
from gatewright.tasks.transcribe.speech import Speech
from gatewright.tasks.transcribe.task import PreparedSpeech, Transcribe


def with_utterance(examples, frames, text):
    one = Speech((frames.astype(np.float32),), (text,), ("short",), ("",))
    return dataclasses.replace(
        examples,
        **{name: getattr(examples, name) + getattr(one, name) for name in ("frames", "texts", "names", "speakers")},
    )


def test_utterances_are_padded_with_nan_and_transcripts_with_the_blank(prepared, splits):
    batch = prepared.encode(splits.test)
    lengths = [len(frames) for frames in splits.test.frames]
    np.testing.assert_array_equal(prepared.lengths(batch), lengths)
    np.testing.assert_array_equal(batch.targets["steps"], [-(-length // 3) for length in lengths])
    assert as_texts(batch.targets["reference"]) == list(splits.test.texts)
    for row, ids, frames, text in zip(
        batch.inputs, batch.targets["ids"], splits.test.frames, splits.test.texts, strict=True
    ):
        assert np.isnan(row[len(frames) :]).all()
        np.testing.assert_array_equal(row[: len(frames)], prepared.inputs(frames))
        assert prepared.alphabet.decode([symbol for symbol in ids if symbol]) == text
    assert prepared.features == 3 * 13  # with slopes and curvatures


def test_narrower_batches_lose_nothing(prepared, splits):
    batch = prepared.encode(splits.test).take(np.array([0, 1]))
    longest = int(prepared.lengths(batch).max())
    narrow = prepared.with_steps(batch, longest)
    np.testing.assert_array_equal(narrow.inputs, batch.inputs[:, :longest])
    assert narrow.targets["ids"].shape == (2, min(-(-longest // 3), prepared.max_symbols))
    symbols = np.trim_zeros(batch.targets["ids"][0])
    np.testing.assert_array_equal(narrow.targets["ids"][0, : len(symbols)], symbols)


def test_utterances_that_are_too_short_are_named_and_left_out_of_training(prepared, splits):
    examples = with_utterance(splits.train, np.zeros((7, 13)), "ABBA")
    found, _ = Transcribe("letters", TranscribeSettings.complete({}), {}).prepare(
        dataclasses.replace(splits, train=examples)
    )
    assert "1 of the 41 training utterances is too short" in found.notes[0]
    assert "short has 7 frames" in found.notes[0]
    assert prepared.encode(examples, training=True).size == 40
    with pytest.raises(InputError, match="All 1 training utterances are too short"):
        prepared.encode(examples.take([40]), training=True)

    tests = prepared.encode(examples)
    assert "1 of the 41 utterances is too short for the transcript" in prepared.remarks(tests)[0]
    outputs = {**prepared.outputs_of(examples.texts), "losses": np.full(41, 2.0)}
    symbols = sum(len(text) for text in splits.train.texts)
    assert prepared.measure(outputs, tests.targets)["loss"] == pytest.approx(80 / symbols)


@pytest.mark.parametrize(("tokens", "fitting"), [("words", 41), ("bytes", 41), ("characters", 40)])
def test_steps_are_needed_for_symbols_and_not_for_characters(splits, tokens, fitting):
    examples = with_utterance(splits.train, np.zeros((4, 13)), "DAD")
    settings = TranscribeSettings.complete({"tokens": tokens, "stack": 4})
    found, _ = Transcribe("letters", settings, {}).prepare(dataclasses.replace(splits, train=examples))
    assert found.encode(examples, training=True).size == fitting
    assert any("too short" in note for note in found.notes) == (fitting == 40)
    assert found.max_symbols == max(len(found.alphabet.encode(text)) for text in examples.texts)
    assert PreparedSpeech.from_json(json.loads(json.dumps(found.to_json()))).alphabet == found.alphabet


def test_words_beyond_the_vocabulary_are_reported(splits):
    settings = TranscribeSettings.complete({"tokens": "words", "vocabulary": 4})
    found, _ = Transcribe("letters", settings, {}).prepare(splits)
    assert "training transcripts have words (" in found.notes[0]
    assert "without a symbol" in found.notes[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokens": "words", "decoding": "lexicon"}, "writes known words alone: leave --decoding lexicon out"),
        (
            {"tokens": "bytes", "vocabulary": 100},
            "--vocabulary must be at least 256, one symbol for each byte, not 100",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Transcribe("missing", TranscribeSettings.complete(settings), {}).read()


def test_long_utterances_are_named_and_left_out(splits):
    examples = with_utterance(splits.test, np.zeros((900, 13)), "AB")
    found, (note,) = without_long("the training set of letters", examples, 8.9)
    assert found.texts == splits.test.texts
    assert "1 of the 11 utterances is longer than 8.9 seconds" in note
    assert "short with 9.0 seconds" in note
    assert without_long("", examples, 9.0) == (examples, ())
    with pytest.raises(InputError, match="All utterances of letters are longer"):
        without_long("letters", examples, 0.01)


def test_a_long_utterance_does_not_multiply_the_memory_of_the_others(prepared, splits):
    examples = with_utterance(splits.test, np.zeros((5_000, 13)), "AB")
    prepared.encode(examples)
    with (
        limited_input(0.001),
        pytest.raises(InputError, match=r"11 utterances .* short with 50.0 seconds, need 0.00858 GB"),
    ):
        prepared.encode(examples)
    with limited_input(0.00001):
        prepared.encode(splits.test)  # these are about equally long


def test_unknown_characters_are_reported(prepared, splits):
    examples = with_utterance(splits.test, np.zeros((90, 13)), "ÄX X")
    (note,) = prepared.remarks(prepared.encode(examples))
    assert "1 of the 11 transcripts has characters" in note
    assert "'Ä', 'X'" in note


def test_error_rates_compare_texts_with_the_references(prepared, splits):
    targets = prepared.encode(splits.test).targets
    right = prepared.outputs_of(splits.test.texts)
    assert [prepared.measure(right, targets)[name] for name in ("wer", "cer", "wer_greedy", "sentence_errors")] == [
        0
    ] * 4
    assert prepared.corpus_score(prepared.scores(right, targets).sum(axis=0)) == 0
    constant, _ = prepared.constant(targets, {"reference": as_bytes(["AB", "AB", "BA"])})
    assert as_texts(constant["text"]) == ["AB"] * 10
    measured = prepared.measure(constant, targets)
    assert prepared.corpus_score(prepared.scores(constant, targets).sum(axis=0)) == pytest.approx(measured["wer"])
    kinds, worst = prepared.details(splits.test, {"network": constant})
    assert kinds.rows[0][4:] == tuple(prepared.scores(constant, targets).sum(axis=0))
    assert worst.rows[0][0].endswith("→ AB")


def test_only_blanks_are_reported_at_once(prepared, capsys):
    blanks = np.log(np.array([[0.9, *[0.1 / prepared.alphabet.symbols] * prepared.alphabet.symbols]] * 5))
    found = prepared.for_epochs().transcribed([blanks, blanks], np.ones((2, 1), np.int32))
    assert as_texts(found["text"]) == ["", ""]
    assert "the blank at all steps" in capsys.readouterr().err


def test_a_model_file_keeps_what_was_prepared(prepared, splits):
    stored = json.loads(json.dumps(prepared.to_json()))
    again = PreparedSpeech.from_json(stored)
    assert again.to_json() == stored
    np.testing.assert_array_equal(again.encode(splits.test).inputs, prepared.encode(splits.test).inputs)
    for name, value in (
        ("stack", 0),
        ("deltas", 3),
        ("decoding", {**stored["decoding"], "beam": 0}),
        ("normalization", {}),
        ("front_end", {"kind": "log_mel", "rate": 8000, "bands": 40, "coefficients": 13, "deltas": 0}),
    ):
        with pytest.raises(InputError, match=r"^its "):
            PreparedSpeech.from_json({**stored, name: value})


def test_the_lexicon_is_used_if_new_words_are_rare(prepared, splits, tmp_path):
    assert prepared.decoding.method == "lexicon"
    assert set(prepared.ngrams.words) == {word for text in splits.train.texts for word in text.split()}

    def chosen(train, tokens="characters", **options):
        task = Transcribe("letters", TranscribeSettings.complete({"tokens": tokens}), options)
        return task.prepare(dataclasses.replace(splits, train=train))[0]

    varied = speech(5)
    assert chosen(dataclasses.replace(varied, texts=tuple("ABCDE"))).decoding.method == "beam"
    assert chosen(splits.train, "bytes").decoding.method == "lexicon"
    assert chosen(splits.train, "words").decoding.method == "beam"
    (tmp_path / "words.txt").write_text("CAB DAD\nZOO\n")
    found = chosen(splits.train, language_model=str(tmp_path / "words.txt"))
    assert found.decoding.method == "beam"
    assert "ZOO" in found.ngrams.words
    with pytest.raises(InputError, match="--language-model must be a text file"):
        chosen(splits.train, language_model=str(tmp_path / "missing.txt"))


def test_utterances_of_another_width_are_refused(prepared):
    with pytest.raises(InputError, match="have 30 features, but the model reads 39"):
        prepared.inputs(np.zeros((5, 10), np.float32))


@pytest.mark.slow
def test_a_network_learns_a_language_of_five_words(tmp_path):
    data = write_sphinx(tmp_path / "corpus", {"train": transcripts(120), "test": transcripts(20, 1)})
    settings = {"units": 16, "layers": 1, "epochs": 12, "learning_rate": 0.01, "batch_size": 8}
    file = tmp_path / "model.safetensors"
    trained = gatewright.train("transcribe", str(data), file, **settings)
    assert trained.test["wer"] < 10
    assert trained.sizes == {"train": 108, "validation": 12, "test": 20}
    assert "12 of its 120 utterances" in trained.notes[0]
    assert trained.other_baselines["the most frequent transcript"]["wer"] > 50
    assert trained.notes[-1].startswith("The validation set chose lm_weight ")
    evaluated = gatewright.evaluate(file, str(data))
    assert evaluated.test == pytest.approx(trained.test, rel=1e-4)

    model = gatewright.runtime.load(file)
    decoding = model.prepared.decoding
    assert f"lm_weight {decoding.lm_weight:g} and word_bonus {decoding.word_bonus:g}: " in trained.notes[-1]
    frames = frames_of_text("DAD BA", np.random.default_rng(0))
    log_probs = model.log_probs(frames)
    assert log_probs.shape == (-(-len(frames) // 3), 1 + model.prepared.alphabet.symbols)
    ids = np.array([model.prepared.alphabet.encode("DAD BA")], np.int32)
    found = model.prepared.transcribed([log_probs], ids)
    assert as_texts(found["text"]) == ["DAD BA"]
    greedy = dataclasses.replace(model.prepared, decoding=Decoding("greedy"))
    assert as_texts(greedy.transcribed([log_probs], ids)["text"]) == ["DAD BA"]
