"""The scripts that record how well explanations do."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gatewright.tasks.adding.settings import AddingSettings

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in ("explanations_adding", "explanations_reviews"):
        sys.modules.pop(name, None)


def test_examples_of_the_adding_problem_lose_the_steps_that_are_left_out(examples):
    import explanations_adding

    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    example = explanations_adding.explainable(x)
    np.testing.assert_array_equal(example.without([(1, 3), (0, 2)]), [x[[0, 2, 4]], x[[1, 3, 4]]])
    assert example.removable == (0, 1, 2, 3, 4)
    assert AddingSettings.complete({"epochs": explanations_adding.EPOCHS}).epochs == explanations_adding.EPOCHS


def test_hybrids_keep_the_origin_of_each_sentence(examples):
    import explanations_reviews

    texts = ["One. Two! Three? Four.", "Dull.<br />Grey. Flat."]
    turns = list(explanations_reviews.alternating((0, 1), texts))
    assert [place for place, _ in turns] == [0, 1, 0, 1, 0, 1, 0]
    assert [text for _, text in turns] == ["One.", "Dull.", "Two!", "Grey.", "Three?", "Flat.", "Four."]
    assert list(explanations_reviews.halves((1, 0), texts)) == [(1, "Dull."), (1, "Grey."), (0, "Three?"), (0, "Four.")]


def test_finished_reviews_are_not_explained_again(examples, tmp_path):
    import explanations_reviews

    path, computed = tmp_path / "found.jsonl", []

    def one(item):
        computed.append(item)
        if item == 3 and len(computed) == 3:
            raise KeyboardInterrupt
        return {"item": item}

    with pytest.raises(KeyboardInterrupt):
        explanations_reviews.resumed(path, [1, 2, 3, 4], one)
    assert [found["item"] for found in explanations_reviews.resumed(path, [1, 2, 3, 4], one)] == [1, 2, 3, 4]
    assert computed == [1, 2, 3, 3, 4]
