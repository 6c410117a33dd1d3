"""Networks that are compiled for several widths, against the same networks compiled for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.data.batches import Batch
from gatewright.data.encoders import Words
from gatewright.data.labelled_texts import Labelled
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent, Softmax
from gatewright.support.trees import tree_arrays
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.classify.task import PreparedTexts
from gatewright.tasks.generate import task as generate
from gatewright.tasks.tag.layers import Tags, WordCharEmbedding
from gatewright.tasks.tag.sentences import Tagged
from gatewright.tasks.tag.spelling import Spelling
from gatewright.tasks.tag.task import PreparedSentences
from gatewright.training import by_width
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.fit import fit
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # compiles networks

RECIPE = Recipe(2, 4, 0.01)
LENGTHS = [*[2] * 20, *[3, 9] * 4]  # of the texts, in words
TEXTS = [" ".join("abcd"[(place + word) % 4] for word in range(length)) for place, length in enumerate(LENGTHS)]
WORDS = Words.fit(TEXTS, 20, min_count=1)


def texts():
    prepared = PreparedTexts(SingleLabel(("bad", "good")), WORDS, 400)
    layers = [
        Embedding(WORDS.ids, 4),
        Recurrent("gru", 5, bidirectional=True, return_sequences=True),
        Pool("max"),
        Dense(1),
    ]
    return prepared, layers, prepared.encode(Labelled(TEXTS, ["bad", "good"] * (len(TEXTS) // 2)))


def lines():
    prepared = generate.PreparedTexts(WORDS, "lines", 20)
    layers = [Embedding(WORDS.ids, 4), Recurrent("lstm", 5, return_sequences=True), Softmax(WORDS.ids)]
    return prepared, layers, prepared.encode(TEXTS)


def sentences():
    words = [text.split() for text in TEXTS]
    spelling = Spelling.fit(words, 40, 1, 3)
    prepared = PreparedSentences(spelling, ("N", "V"), (), 64, time=9)
    layers = [
        WordCharEmbedding(spelling.ids, 4, spelling.letter_ids, 3, "gru"),
        Recurrent("gru", 5, bidirectional=True, return_sequences=True),
        Tags(2, crf=True),
    ]
    tagged = Tagged(words, [["N" if word == "a" else "V" for word in own] for own in words], None)
    return prepared, layers, prepared.encode(tagged)


@pytest.fixture
def compiled(monkeypatch):
    """Return a function that builds a network for several widths or one, and lists the shapes it is compiled for."""

    def build(made, several):
        prepared, layers, train = made
        monkeypatch.setattr(by_width, "_PRICE", 0 if several else 1e12)
        shapes = []
        original = by_width.ByWidth.__init__

        def recording(self, prepared, compile, like, chosen):
            shapes.append([])
            own = shapes[-1]

            def recorded(batch):
                own.append(next(iter(tree_arrays(batch.inputs, "").values())).shape)
                return compile(batch)

            original(self, prepared, recorded, like, chosen)

        monkeypatch.setattr(by_width.ByWidth, "__init__", recording)
        network = Network(prepared, layers, train, RECIPE)
        monkeypatch.setattr(by_width.ByWidth, "__init__", original)
        return network, shapes

    return build


@pytest.mark.parametrize("make", [texts, lines, sentences])
def test_outputs_and_training_are_those_without_widths(make, compiled):
    made = make()
    train = made[2]
    (few, few_shapes), (one, one_shapes) = compiled(made, True), compiled(made, False)
    assert [len(shapes) for shapes in one_shapes] == [1, 1]
    assert len(few_shapes[0]) > 1
    start = one.initial_weights([1, 0])
    expected, _ = few.forward(few.init(start).weights, train.inputs, train.targets)
    found = tree_arrays(few.outputs(few.init(start).weights, train), "")
    assert found.keys() == tree_arrays(expected, "").keys()
    for name, array in tree_arrays(expected, "").items():
        assert_close(found[name], np.asarray(array), "forward", np.float32)
    weights = []
    for network in (few, one):
        fitted = fit(network, RECIPE, train, train.take(np.arange(12)), seed=1, weights=start)
        weights.append(tree_arrays({str(place): layer for place, layer in enumerate(fitted.weights)}, ""))
    for name, array in weights[1].items():
        assert_close(np.asarray(weights[0][name]), np.asarray(array), "training", np.float32)
    # Nothing was compiled since, and nothing twice.
    assert all(len(shapes) == len(set(shapes)) <= 4 for shapes in few_shapes)


def test_resumed_training_gives_the_same_bits(tmp_path: Path, compiled):
    made = texts()
    train, (network, _) = made[2], compiled(made, True)
    start = network.initial_weights([1, 0])
    whole = fit(network, RECIPE, train, train, seed=3, weights=start)

    class Stop(Exception):
        pass

    def stop(epoch, done, total):
        if (epoch, done) == (2, 12):
            raise Stop

    checkpoint = Checkpoint(tmp_path / "c.npz", {})
    checkpoint.due = lambda: True
    with pytest.raises(Stop):
        fit(network, RECIPE, train, train, seed=3, weights=start, checkpoint=checkpoint, tick=stop)
    network, _ = compiled(made, True)
    resumed = fit(network, RECIPE, train, train, seed=3, weights=start, checkpoint=Checkpoint(tmp_path / "c.npz", {}))
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        for name in one:
            np.testing.assert_array_equal(np.asarray(one[name]), np.asarray(other[name]))


def test_texts_that_are_longer_than_all_training_texts_are_read_whole(compiled):
    made = texts()
    prepared, _, _ = made
    network, shapes = compiled(made, False)
    long = " ".join("abcd" * 50).replace("  ", " ")
    batch = prepared.encode(Labelled([long, "b " + long, TEXTS[0]], ["bad", "good", "bad"]))
    assert batch.inputs.shape == (3, 202)
    weights = network.init(network.initial_weights([1, 0])).weights
    out = network.outputs(weights, batch)
    whole, _ = network.forward(weights, batch.inputs, batch.targets)
    assert_close(out, np.asarray(whole), "forward", np.float32)
    assert shapes[1][-1] == (64, 202)
    last = Batch(batch.inputs[:, -10:], batch.targets)
    assert not np.allclose(network.outputs(weights, last)[:2], out[:2])
