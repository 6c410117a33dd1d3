"""Recognizing training examples by their hashes."""

import json

import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.base import seen
from gatewright.tasks.base.seen import SeenExamples


def examples(first, last):
    return [f"text {number}".encode() for number in range(first, last)]


def stored(given):
    """Return the hashes of the examples after they were written to a model file and read from it."""
    return SeenExamples.from_json(json.loads(json.dumps(SeenExamples.of(given).to_json())))


def test_training_examples_are_counted():
    (note,) = stored(examples(0, 100)).note(examples(90, 110), "texts")
    assert note.startswith("10 of the 20 texts were in the training set of the model")


def test_new_examples_get_no_note():
    assert stored(examples(0, 100)).note(examples(100, 120), "texts") == ()
    assert stored(examples(0, 100)).note([], "texts") == ()


def test_of_many_examples_a_sample_is_stored_and_the_count_is_estimated(monkeypatch):
    monkeypatch.setattr(seen, "_MAX_HASHES", 1000)
    kept = stored(examples(0, 20_000))
    assert 800 < len(kept.hashes) < 1200
    assert len(json.dumps(kept.to_json())) < 1200 * 8 + 100
    (note,) = kept.note(examples(10_000, 30_000), "texts")
    count = int(note.split()[1].replace(",", ""))
    assert note.startswith("About ")
    assert 9_000 < count < 11_000
    assert kept.note(examples(20_000, 30_000), "texts") == ()


@pytest.mark.parametrize(
    "damaged",
    [
        *({}, 1, {"every": 0, "hashes": ""}, {"every": 1}, {"every": 1, "hashes": "é!"}),
        {"every": 1, "hashes": "AAAA"},
    ],
)
def test_damaged_hashes_are_refused(damaged):
    with pytest.raises(InputError, match="its training_examples"):
        SeenExamples.from_json(damaged)
