"""A classifier that begins with a language model: what it takes over, and how it is fine-tuned."""

from dataclasses import replace

import numpy as np
import pytest
from models import TEXTS, classifier, language_model

import gatewright
from gatewright.commands import main as cli
from gatewright.data.batches import Examples
from gatewright.nn.file import read, write
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.classify.task import Classify
from gatewright.training.fit import fit
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # compiles training steps

BLOCKS = [Embedding(11, 4), Recurrent("gru", 5, steps=True), Recurrent("gru", 5, steps=True), Pool("max"), Dense(1)]


@pytest.fixture
def reviews(tmp_path):
    rows = [f'"{text} {n % 3}",{("bad", "good")["fine" in text]}' for n in range(30) for text in TEXTS]
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return str(path)


@pytest.fixture
def language(tmp_path):
    write(language_model("lstm", 9, layers=2), tmp_path / "lm.safetensors")
    return tmp_path / "lm.safetensors"


def network(recipe):
    task = Classify("nothing")
    like = Examples(np.ones((8, 6), np.int32), np.zeros(8, np.int32))
    return Network(task, BLOCKS, like, recipe)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_its_zoneout_is_the_language_models(tmp_path, reviews, rate):
    """Its weights were learnt with that share of the old states mixed in."""
    made = language_model("lstm", 9, layers=2)
    zoned = [replace(block, zoneout=rate) if isinstance(block, Recurrent) else block for block in made.blocks]
    write(replace(made, blocks=tuple(zoned)), tmp_path / "lm.safetensors")
    out = tmp_path / "m.safetensors"
    settings = {"pretrained": tmp_path / "lm.safetensors", "epochs": 1}
    assert gatewright.train("classify", reviews, out, **settings).settings["zoneout"] == rate
    assert [block.zoneout for block in read(out).blocks if isinstance(block, Recurrent)] == [rate, rate]
    with pytest.raises(InputError, match=r"^zoneout is that of the language model .*: leave zoneout out"):
        gatewright.train("classify", reviews, out, **settings, zoneout=0.2)


class TestRates:
    def test_depths_are_of_blocks_with_weights(self):
        assert network(Recipe(1, 8, 0.1)).depths.tolist() == [3, 2, 1, 1, 0]

    @pytest.mark.parametrize(
        ("recipe", "epoch", "shares"),
        [
            (Recipe(9, 8, 1.0), 1, [1, 1, 1, 1, 1]),
            (Recipe(9, 8, 1.0, discriminative=2.0), 1, [0.125, 0.25, 0.5, 0.5, 1]),
            (Recipe(9, 8, 1.0, unfreezing=True), 1, [0, 0, 0, 0, 1]),
            (Recipe(9, 8, 1.0, unfreezing=True), 3, [0, 1, 1, 1, 1]),
            (Recipe(9, 8, 1.0, discriminative=2.0, unfreezing=True), 4, [0.125, 0.25, 0.5, 0.5, 1]),
        ],
    )
    def test_shares(self, recipe, epoch, shares):
        assert recipe.shares(epoch, np.array([3, 2, 1, 1, 0])).tolist() == shares

    def test_a_step_is_as_long_as_its_share(self):
        """Adam's first step moves each weight that has a gradient by the learning rate itself."""
        recipe = Recipe(9, 8, 0.01, discriminative=2.6)
        made = network(recipe)
        draw = np.random.default_rng(0)
        rows = Examples(draw.integers(1, 11, (8, 6)).astype(np.int32), draw.integers(0, 2, 8).astype(np.int32))
        before = [{name: np.array(array) for name, array in block.items()} for block in made.start([1]).weights]
        rates = 0.01 * recipe.shares(1, made.depths)
        state, _ = made.learn(made.start([1]), rows, np.ones(8, np.float32), rates, (0, 0))
        for place, depth in ((0, 3), (1, 2), (2, 1), (4, 0)):
            for name, old in before[place].items():
                moved = np.abs(np.asarray(state.weights[place][name]) - old).max()
                assert moved == pytest.approx(0.01 / 2.6**depth, rel=0.01)

    def test_frozen_layers_stay_until_their_epoch(self):
        recipe = Recipe(2, 8, 0.01, unfreezing=True)
        made = network(recipe)
        draw = np.random.default_rng(0)
        rows = Examples(draw.integers(1, 11, (8, 6)).astype(np.int32), np.array([0, 1] * 4, np.int32))
        start = [{name: np.array(array) for name, array in block.items()} for block in made.start([1]).weights]
        seen = []

        class Watched(Network):
            def outputs(self, weights, examples, tick=lambda rows: None):
                seen.append([{name: np.array(array) for name, array in block.items()} for block in weights])
                return super().outputs(weights, examples, tick)

        made.__class__ = Watched
        fit(made, recipe, rows, rows, seed=0, start=[1], weights=start)

        def moved(one, other):
            return [
                any(np.any(one[place][name] != other[place][name]) for name in one[place]) for place in (0, 1, 2, 4)
            ]

        assert moved(start, seen[0]) == [False, False, False, True]
        assert moved(seen[0], seen[1]) == [False, False, True, True]


def test_the_language_models_parts_are_what_it_begins_with(tmp_path, reviews, language):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("classify", reviews, out, pretrained=language, epochs=1, unfreezing=True)
    assert {name: result.settings[name] for name in ("cell", "units", "layers", "both")} == {
        "cell": "lstm",
        "units": 9,
        "layers": 2,
        "both": False,
    }
    assert (result.settings["discriminative"], result.settings["warmup"]) == (2.6, 0.1)
    before, after = read(language), read(out)
    assert after.encoder == before.encoder
    assert [block.kind for block in after.blocks] == [
        "embedding",
        *("recurrent", "dropout") * 1,
        "recurrent",
        "pool",
        "dropout",
        "dense",
    ]
    # In the only epoch the top layer alone has learnt.
    for place, own in ((0, 0), (1, 1), (3, 2)):
        for name, array in before.weights[own].items():
            np.testing.assert_array_equal(after.weights[place][name], array)
    plain = gatewright.train("classify", reviews, out, pretrained=language, epochs=2)
    assert not plain.settings["unfreezing"]
    assert np.any(read(out).weights[0]["table"] != before.weights[0]["table"])
    assert plain.settings["pretrained"] == result.settings["pretrained"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--units", "3"], "units is that of the language model"),
        (["--tokens", "bytes"], "tokens is that of the language model"),
        (["--both"], "walks forwards alone: leave both out"),
    ],
)
def test_refused(tmp_path, reviews, language, flags, said, capsys):
    assert cli.main(["train", "classify", reviews, "--from", str(language), *flags]) == 2
    assert said in capsys.readouterr().err


def test_other_files_are_refused(tmp_path, reviews, language):
    write(classifier(), tmp_path / "c.safetensors")
    with pytest.raises(InputError, match="is a classifier, not a language model"):
        gatewright.train("classify", reviews, tmp_path / "m.safetensors", pretrained=tmp_path / "c.safetensors")
    with pytest.raises(InputError, match="is for a classifier: leave it out of train generate"):
        gatewright.train("generate", reviews, tmp_path / "m.safetensors", pretrained=language)
