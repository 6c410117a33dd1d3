"""A classifier that starts from a language model: what it takes over, and how it is fine-tuned."""

from dataclasses import replace

import numpy as np
import pytest
from models import TEXTS, classifier, language_model, loaded

import gatewright
from gatewright.commands import main as cli
from gatewright.data.batches import Batch
from gatewright.nn import file as model_file
from gatewright.nn.file import write
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks import registry
from gatewright.training.fit import fit
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # compiles training steps

LAYERS = [
    Embedding(11, 4),
    Recurrent("gru", 5, return_sequences=True),
    Recurrent("gru", 5, return_sequences=True),
    Pool("max"),
    Dense(1),
]


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


def read(path):
    return model_file.read(path, registry.model_class)[0]


def batch(draw, targets):
    return Batch(draw.integers(1, 11, (8, 6)).astype(np.int32), targets.astype(np.int32))


def network(recipe):
    prepared = loaded(classifier()).prepared
    return Network(prepared, LAYERS, batch(np.random.default_rng(0), np.zeros(8)), recipe)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_zoneout_is_that_of_the_language_model(tmp_path, reviews, rate):
    """Its weights were learned with that fraction of the states held."""
    made = language_model("lstm", 9, layers=2)
    layers = [replace(layer, zoneout=rate) if isinstance(layer, Recurrent) else layer for layer in made.layers]
    write(replace(made, layers=tuple(layers)), tmp_path / "lm.safetensors")
    out = tmp_path / "m.safetensors"
    settings = {"pretrained": tmp_path / "lm.safetensors", "epochs": 1}
    assert gatewright.train("classify", reviews, out, **settings).settings["zoneout"] == rate
    assert [layer.zoneout for layer in read(out).layers if isinstance(layer, Recurrent)] == [rate, rate]
    with pytest.raises(InputError, match=r"^zoneout is determined by the language model .*\. Leave zoneout out"):
        gatewright.train("classify", reviews, out, **settings, zoneout=0.2)


class TestLayerRates:
    def test_depths_count_layers_with_weights(self):
        assert network(Recipe(1, 8, 0.1)).depths.tolist() == [3, 2, 1, 1, 0]

    @pytest.mark.parametrize(
        ("recipe", "epoch", "rates"),
        [
            (Recipe(9, 8, 1.0), 1, [1, 1, 1, 1, 1]),
            (Recipe(9, 8, 1.0, layer_lr_decay=2.0), 1, [0.125, 0.25, 0.5, 0.5, 1]),
            (Recipe(9, 8, 1.0, gradual_unfreezing=True), 1, [0, 0, 0, 0, 1]),
            (Recipe(9, 8, 1.0, gradual_unfreezing=True), 3, [0, 1, 1, 1, 1]),
            (Recipe(9, 8, 1.0, layer_lr_decay=2.0, gradual_unfreezing=True), 4, [0.125, 0.25, 0.5, 0.5, 1]),
        ],
    )
    def test_rates(self, recipe, epoch, rates):
        assert recipe.layer_rates(epoch, np.array([3, 2, 1, 1, 0])).tolist() == rates

    def test_a_step_is_as_long_as_the_rate_of_its_layer(self):
        """Adam's first step moves each weight that has a gradient by the learning rate itself."""
        recipe = Recipe(9, 8, 0.01, layer_lr_decay=2.6)
        made = network(recipe)
        draw = np.random.default_rng(0)
        examples = batch(draw, draw.integers(0, 2, 8))
        before = made.initial_weights([1])
        rates = 0.01 * recipe.layer_rates(1, made.depths)
        state, _ = made.train_step(made.init(before), examples, np.ones(8, np.float32), rates, (0, 0))
        for place, depth in ((0, 3), (1, 2), (2, 1), (4, 0)):
            for name, old in before[place].items():
                moved = np.abs(np.asarray(state.weights[place][name]) - old).max()
                assert moved == pytest.approx(0.01 / 2.6**depth, rel=0.01)

    def test_frozen_layers_stay_until_their_epoch(self):
        recipe = Recipe(2, 8, 0.01, gradual_unfreezing=True)
        made = network(recipe)
        examples = batch(np.random.default_rng(0), np.array([0, 1] * 4))
        start = made.initial_weights([1])
        seen = []

        class Watched(Network):
            def outputs(self, weights, examples, **options):
                seen.append([{name: np.array(array) for name, array in layer.items()} for layer in weights])
                return super().outputs(weights, examples, **options)

        made.__class__ = Watched
        fit(made, recipe, examples, examples, seed=0, weights=start)

        def moved(one, other):
            return [
                any(np.any(one[place][name] != other[place][name]) for name in one[place]) for place in (0, 1, 2, 4)
            ]

        assert moved(start, seen[0]) == [False, False, False, True]
        assert moved(seen[0], seen[1]) == [False, False, True, True]


def test_the_classifier_starts_from_the_weights_of_the_language_model(tmp_path, reviews, language):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("classify", reviews, out, pretrained=language, epochs=1, gradual_unfreezing=True)
    assert {name: result.settings[name] for name in ("cell", "units", "layers", "bidirectional")} == {
        "cell": "lstm",
        "units": 9,
        "layers": 2,
        "bidirectional": False,
    }
    assert (result.settings["layer_lr_decay"], result.settings["warmup"]) == (2.6, 0.1)
    before, after = read(language), read(out)
    assert after.prepared["encoder"] == before.prepared["encoder"]
    assert [layer.kind for layer in after.layers] == [
        "embedding",
        *("recurrent", "dropout") * 1,
        "recurrent",
        "pool",
        "dropout",
        "dense",
    ]
    # In the only epoch, only the top layer has learned.
    for place, own in ((0, 0), (1, 1), (3, 2)):
        for name, array in before.weights[own].items():
            np.testing.assert_array_equal(after.weights[place][name], array)
    other = tmp_path / "plain.safetensors"
    plain = gatewright.train("classify", reviews, other, pretrained=language, epochs=2)
    assert not plain.settings["gradual_unfreezing"]
    assert np.any(read(other).weights[0]["table"] != before.weights[0]["table"])
    assert plain.settings["pretrained"] == result.settings["pretrained"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--units", "3"], "units is determined by the language model"),
        (["--tokens", "bytes"], "tokens is determined by the language model"),
        (["--bidirectional"], "is unidirectional. Leave bidirectional out"),
    ],
)
def test_settings_of_the_language_model_are_refused(tmp_path, reviews, language, flags, said, capsys):
    assert cli.main(["train", "classify", reviews, "--from", str(language), *flags]) == 2
    assert said in capsys.readouterr().err


def test_other_files_are_refused(tmp_path, reviews, language):
    write(classifier(), tmp_path / "c.safetensors")
    with pytest.raises(InputError, match="is a model of the task classify, not a language model"):
        gatewright.train("classify", reviews, tmp_path / "m.safetensors", pretrained=tmp_path / "c.safetensors")
    with pytest.raises(InputError, match=r"^--pretrained .* is an option of classify, not of generate"):
        gatewright.train("generate", reviews, tmp_path / "m.safetensors", pretrained=language)
