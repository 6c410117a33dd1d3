"""The task of translating: encoded pairs, metrics of outputs, and a cipher that a network learns."""

import dataclasses
import json
import random

import numpy as np
import pytest
from translation_models import PAIRS, vocabulary

import gatewright
from gatewright.support.errors import InputError
from gatewright.tasks.base.text_arrays import as_bytes, as_texts
from gatewright.tasks.translate.sentences import Pairs
from gatewright.tasks.translate.task import LONGEST, PreparedPairs


@pytest.fixture
def prepared():
    return PreparedPairs(vocabulary(), "en", "de", 40, 5, 1.0)


def test_sentences_end_with_the_start_id_and_are_padded_on_the_right(prepared):
    batch = prepared.encode(PAIRS)
    for rows, encode, texts in (
        (batch.inputs, prepared.vocabulary.encode_source, PAIRS.source),
        (batch.targets["ids"], prepared.vocabulary.encode_target, PAIRS.target),
    ):
        for row, text in zip(rows.tolist(), texts, strict=True):
            ids = encode(text)
            assert row == [*ids, 1, *[0] * (len(row) - len(ids) - 1)]
    assert as_texts(batch.targets["reference"]) == list(PAIRS.target)


def test_fewer_steps_cut_padding_alone(prepared):
    batch = prepared.encode(PAIRS)
    longest = int(prepared.lengths(batch).max())
    narrow, wide = prepared.with_steps(batch, longest), prepared.with_steps(batch, longest + 5)
    for other in (narrow, wide):
        np.testing.assert_array_equal(prepared.lengths(other), prepared.lengths(batch))
    outputs = {"losses": np.ones((4, longest))}
    assert prepared.outputs_like(outputs, batch)["losses"].shape == batch.targets["ids"].shape


def test_long_pairs_are_left_out_of_training_alone(prepared):
    lengths = np.maximum(
        *[[len(vocabulary().encode_source(text)) for text in side] for side in (PAIRS.source, PAIRS.target)]
    )
    short = dataclasses.replace(prepared, max_length=int(np.sort(lengths)[-2]))
    assert short.encode(PAIRS).size == 4
    assert short.encode(PAIRS, training=True).size == 3
    _, (note,) = short.without_long(PAIRS)
    assert note.startswith("1 of 4 training pair")
    with pytest.raises(InputError, match="All 4 training pairs have a sentence of more than 1 tokens"):
        dataclasses.replace(prepared, max_length=1).encode(PAIRS, training=True)
    with pytest.raises(InputError, match=f"at most {LONGEST:,} can be read"):
        prepared.encode(Pairs(("x y " * LONGEST,), ("z",)))
    with pytest.raises(InputError, match="no sentence pair"):
        prepared.encode(Pairs((), ()))


def test_metrics_compare_texts_with_the_sentences_as_they_were_read(prepared):
    targets = prepared.encode(PAIRS).targets
    outputs = prepared.outputs_of(PAIRS.target, targets["ids"].shape[1])
    found = prepared.measure(outputs, targets)
    assert [found[name] for name in ("bleu", "bleu_lower", "chrf")] == pytest.approx([100, 100, 100])
    assert np.isnan(found["loss"])
    assert prepared.corpus_score(prepared.scores(outputs, targets).sum(axis=0)) == pytest.approx(found["bleu"])
    losses = {"losses": (targets["ids"] != 0) * 2.0}
    assert prepared.measure({**outputs, **losses}, targets)["loss"] == 2
    np.testing.assert_allclose(prepared.losses(losses, targets), 2)
    twice = Pairs((*PAIRS.source, "more"), (*PAIRS.target, PAIRS.target[1]))
    constant, _ = prepared.constant(targets, prepared.encode(twice).targets)
    assert as_texts(constant["text"]) == [PAIRS.target[1]] * 4


def test_texts_of_any_characters_survive_as_bytes():
    texts = ["", "a\0b", "\u2028", "ü" * 300, "\udcff"]
    assert as_texts(as_bytes(texts)) == texts


def test_a_model_file_keeps_what_was_prepared(prepared):
    stored = json.loads(json.dumps(prepared.to_json()))
    assert PreparedPairs.from_json(stored) == prepared
    for name, value in (("beam", 0), ("length_penalty", -1.0), ("target", ""), ("max_length", 0)):
        with pytest.raises(InputError, match="its prepared"):
            PreparedPairs.from_json({**stored, name: value})


@pytest.mark.slow
def test_a_network_learns_a_cipher_that_moves_the_first_word_to_the_end(tmp_path):
    draw, pairs = random.Random(0), []
    for _ in range(1200):
        words = [draw.randrange(12) for _ in range(draw.randrange(4, 8))]
        moved = [*words[1:], words[0]]
        pairs.append((" ".join(f"w{n}" for n in words), " ".join(f"v{(5 * n) % 12}" for n in moved)))
    for place, name in enumerate(("en", "de")):
        (tmp_path / f"cipher.{name}").write_text("\n".join(pair[place] for pair in pairs) + "\n")
    trained = gatewright.train(
        "translate",
        str(tmp_path / "cipher"),
        tmp_path / "cipher.safetensors",
        source="en",
        target="de",
        tokens="words",
        units=32,
        embedding_dim=32,
        epochs=25,
        learning_rate=0.01,
        output_dropout=0.1,
        word_dropout=0.0,
        beam=2,
    )
    assert trained.test["bleu"] > 90
    assert trained.test["bleu"] > trained.baseline["bleu"] + 10
    model = gatewright.runtime.load(tmp_path / "cipher.safetensors")
    assert model.translate("w1 w2 w3 w4") == "v10 v3 v8 v5"
    evaluated = gatewright.evaluate(tmp_path / "cipher.safetensors", str(tmp_path / "cipher"), source="en", target="de")
    assert evaluated.test["bleu"] == pytest.approx(trained.test["bleu"])
