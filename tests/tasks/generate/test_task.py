"""Language models from a text file to figures: carried states, settings, baselines, and work that is stopped."""

import json
import math

import numpy as np
import pytest
from tolerances import assert_close

import gatewright
from gatewright.commands import main as cli
from gatewright.nn.layers import Softmax
from gatewright.support.errors import InputError
from gatewright.support.ids import UNKNOWN
from gatewright.tasks.generate.task import Generate
from gatewright.training import network as fitting
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe
from gatewright.training.rows import Data

pytestmark = pytest.mark.slow  # compiles training steps

SMALL = {"units": 8, "embedding": 6, "length": 7, "batch": 4, "epochs": 2, "learning_rate": 0.01}
WORDS = ("the cat sat on the mat", "a dog ran after the cat", "the dog sat", "a mat is a mat")


@pytest.fixture
def text(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "lines.txt"
    path.write_text("".join(f"{WORDS[draw.integers(4)]}.\n" for _ in range(90)))
    return path


def figures(result):
    return [epoch.validation for epoch in result.epochs], [epoch.loss for epoch in result.epochs], result.test


class TestTask:
    def read(self, text, **settings):
        return Data.read(Generate(str(text), **{"batch": 4, "length": 7, **settings}))

    def test_parts_are_the_text(self, text):
        parts = self.read(text).parts
        assert parts.train[0] + parts.validation[0] + parts.test[0] == text.read_text()
        assert len(parts.test[0]) == pytest.approx(0.1 * text.stat().st_size, rel=0.05)
        assert all(part[0][-1] in " \n" for part in (parts.train, parts.validation))
        assert any("has no test part: 10% of it was set aside" in note for note in parts.notes)

    def test_of_many_texts_whole_ones_are_held_out(self, tmp_path):
        for place in range(40):
            (tmp_path / "texts").mkdir(exist_ok=True)
            (tmp_path / "texts" / f"{place}.txt").write_text(f"text {place}")
        parts = Data.read(Generate(str(tmp_path / "texts"))).parts
        assert sorted([*parts.train, *parts.validation, *parts.test]) == sorted(f"text {n}" for n in range(40))
        assert (len(parts.test), len(parts.validation)) == (4, 4)

    def test_given_parts(self, text, tmp_path):
        (tmp_path / "v.txt").write_text("the cat sat")
        (tmp_path / "t.txt").write_text("the dog ran")
        both = self.read(text, validation=str(tmp_path / "v.txt"), test=str(tmp_path / "t.txt")).parts
        assert (both.train, both.validation, both.test) == ([text.read_text()], ["the cat sat"], ["the dog ran"])
        one = self.read(text, validation=str(tmp_path / "v.txt")).parts
        assert one.test == one.validation == ["the cat sat"]
        assert any("which chose the epoch" in note for note in one.notes)
        nothing = self.read(text, hold_out=0.0).parts
        assert nothing.train == nothing.validation == nothing.test
        assert any("Nothing was held out: the figures" in note for note in nothing.notes)
        tested = self.read(text, hold_out=0.0, test=str(tmp_path / "t.txt")).parts
        assert (tested.validation, tested.test) == (tested.train, ["the dog ran"])
        assert any("Nothing was held out to validate" in note for note in tested.notes)

    @pytest.mark.parametrize("content", ["title\n" + "x" * 5000, "\u5b57" * 2000, "a title, and " + "\u5b57" * 900])
    def test_without_a_gap_that_is_near_a_text_is_cut_where_it_must_be(self, tmp_path, content):
        (tmp_path / "a.txt").write_text(content)
        parts = self.read(tmp_path / "a.txt").parts
        assert parts.train[0] + parts.validation[0] + parts.test[0] == content
        assert len(parts.test[0]) == pytest.approx(0.1 * len(content), abs=2)
        assert len(parts.validation[0]) == pytest.approx(0.09 * len(content), abs=2)

    def test_unknown_tokens_are_told_and_have_no_bits(self, text):
        task = Generate(str(text), least=100)
        data = Data.read(task)
        unknown = (data.test.targets == UNKNOWN).sum()
        assert unknown > 0
        assert f"{unknown} of the {task.size(data.test)} test tokens" in data.parts.notes[-1]
        assert math.isnan(task.measure(np.zeros(data.test.targets.shape), data.test.targets)["bits_per_character"])
        assert not any("no id" in note for note in self.read(text).parts.notes)

    def test_sizes_and_limit(self, text):
        data = self.read(text)
        task = Generate(str(text))
        assert task.size(data.train) == len(data.parts.train[0])
        assert task.size(self.read(text, limit=50).train) == 50
        lines = self.read(text, rows="prefixes", tokens="words", limit=30)
        assert lines.train.targets.shape == (30,)
        assert lines.train.inputs.shape[1] == lines.test.inputs.shape[1] == 7
        short = Generate(str(text), rows="prefixes", tokens="words", limit=30)
        read = Data.read(short)
        assert short.baseline(read.parts).outputs.shape == read.test.targets.shape == (30,)

    def test_of_a_short_text_fewer_streams_are_read(self, text, tmp_path):
        def batch(content, **settings):
            (tmp_path / "a.txt").write_text(content)
            task = Generate(str(tmp_path / "a.txt"), length=10, **settings)
            Data.read(task)
            return task.batch

        assert [batch("some text " * n) for n in (10, 125, 2000)] == [1, 5, 32]
        assert batch("some text " * 10, rows="prefixes") == 32
        assert batch("some text " * 10, batch=7) == 7

    def test_measures(self, text):
        task = Generate(str(text))
        data = Data.read(task)
        targets = np.array([[4, 5, 0], [1, 0, 0]])
        outputs = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
        assert task.measure(outputs, targets) == pytest.approx(
            {"loss": 2, "perplexity": math.exp(2), "bits_per_character": 2 / math.log(2)}
        )
        assert task.merits(outputs, targets).tolist() == [-1.5, -3]
        assert np.asarray(task.losses(outputs, targets)).tolist() == [1.5, 3]
        shares = task.chance(data.train, data.test)
        assert np.exp(-shares.outputs[data.test.targets > 0]).max() < 1
        assert shares.outputs.shape == data.test.targets.shape

    def test_bits_of_bytes_count_characters(self, tmp_path):
        (tmp_path / "a.txt").write_text("äöü中 the cat " * 40)
        task = Generate(str(tmp_path / "a.txt"), tokens="bytes", vocabulary=300)
        data = Data.read(task)
        nats = np.where(data.test.targets > 0, 1.0, 0.0)
        bits = task.measure(nats, data.test.targets)["bits_per_character"]
        assert bits == pytest.approx(nats.sum() / math.log(2) / len(data.parts.test[0]))

    def test_words_have_no_bits(self, text):
        task = Generate(str(text), tokens="words")
        data = Data.read(task)
        assert math.isnan(task.measure(np.zeros(data.test.targets.shape), data.test.targets)["bits_per_character"])

    @pytest.mark.parametrize("rows", ["stream", "prefixes"])
    def test_the_baseline_answers_the_networks_rows(self, text, rows):
        task = Generate(str(text), rows=rows, tokens="words", length=5)
        data = Data.read(task)
        simple = task.baseline(data.parts)
        assert simple.outputs.shape == data.test.targets.shape
        assert np.all((simple.outputs > 0) == (data.test.targets > 0))
        chance = task.measure(task.chance(data.train, data.test).outputs, data.test.targets)
        assert task.measure(simple.outputs, data.test.targets)["loss"] < chance["loss"] / 2

    @pytest.mark.parametrize(
        ("content", "settings", "said"),
        [
            ("a", {}, "is too short to set aside a"),
            ("abcdefgh " * 9, {"least": 100}, "no character of"),
            ("!!! ???\n" * 30, {"tokens": "words", "split": "keras"}, "no word of"),
        ],
    )
    def test_refused(self, tmp_path, content, settings, said):
        (tmp_path / "a.txt").write_text(content)
        with pytest.raises(InputError, match=said):
            Data.read(Generate(str(tmp_path / "a.txt"), **settings))


class TestCarried:
    def network(self, task, data, recipe=None):
        recipe = recipe or Recipe(1, task.batch, 0.01)
        return Network(task, task.blocks("lstm", 8), data.train, recipe)

    def test_what_is_measured_is_the_stream_read_at_once(self, text):
        short, long = (Generate(str(text), length=length, batch=4, embedding=6) for length in (7, 500))
        rows, whole = Data.read(short), Data.read(long)
        network = self.network(short, rows)
        weights = network.start([1]).weights
        one = network.outputs(weights, rows.test)[rows.test.targets > 0]
        other = self.network(long, whole).outputs(weights, whole.test)[whole.test.targets > 0]
        assert_close(np.sort(one), np.sort(other), "forward", np.float32)

    def test_a_step_goes_on_from_the_state_before(self, text):
        task = Generate(str(text), length=7, batch=4, embedding=6)
        data = Data.read(task)
        network = self.network(task, data)
        rows = [data.train.take(np.arange(first, first + 4)) for first in (0, 4)]

        def second_loss(anew):
            state, _ = network.learn(network.start([1]), rows[0], np.ones(4, np.float32), 0.0, (0, 0))
            state = network.anew(state) if anew else state
            return float(network.learn(state, rows[1], np.ones(4, np.float32), 0.0, (0, 0))[1])

        both = Generate(str(text), length=14, batch=4, embedding=6)
        two = Data.read(both)
        joined = self.network(both, two)
        out, _ = joined.forward(
            joined.start([1]).weights,
            two.train.inputs[:4],
            two.train.targets[:4],
        )
        assert second_loss(anew=False) == pytest.approx(float(np.asarray(out)[:, 7:].mean()), rel=1e-5)
        assert second_loss(anew=True) != pytest.approx(second_loss(anew=False), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm", "layers": 2},
        {"tied": True},
        {"samples": 5},
        {"weight_dropout": 0.5},
        {"embedding_dropout": 0.5, "word_dropout": 0.2},
        {"recurrent_dropout": 0.5},
        {"input_dropout": 0.5},
        {"output_dropout": 0.6},
        {"tokens": "words", "split": "spaces", "least": 2},
        {"tokens": "bytes", "vocabulary": 280},
        {"rows": "prefixes"},
        {"length": 3},
    ],
    ids=str,
)
def test_settings_change_what_is_learnt(tmp_path, text, options):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("generate", str(text), out, **{**SMALL, **options})
    assert {name: result.settings[name] for name in options} == options
    plain = gatewright.train("generate", str(text), tmp_path / "p.safetensors", **SMALL)
    assert result.epochs[0].loss != plain.epochs[0].loss
    again = gatewright.evaluate(out, str(text))
    assert again.rows > result.sizes["test"]
    assert gatewright.runtime.load(out).generate("the", 5, seed=1).tokens > 0


def test_it_learns_what_can_be_known(tmp_path):
    """After each letter the next is certain: nothing is left to guess but where the text was cut."""
    path = tmp_path / "a.txt"
    path.write_text("abcdefgh" * 300)
    settings = {**SMALL, "units": 24, "epochs": 6, "learning_rate": 0.02, "output_dropout": 0.0}
    result = gatewright.train("generate", str(path), tmp_path / "m.safetensors", **settings)
    assert result.test["loss"] < 0.1
    assert gatewright.runtime.load(tmp_path / "m.safetensors").generate("abc", 20, temperature=0).text == (
        "defghabcdefghabcdefg"
    )


@pytest.mark.parametrize(
    "options", [{}, {"rows": "prefixes", "length": 40}, {"rows": "prefixes", "tokens": "words", "length": 2}], ids=str
)
def test_figures_are_found_again(tmp_path, text, options):
    """`evaluate` computes with NumPy what training measured with JAX, from as many tokens."""
    text.write_text("the longest line of all stands in the training part alone.\n" + text.read_text())
    gatewright.train("generate", str(text), tmp_path / "m.safetensors", test=str(text), **{**SMALL, **options})
    trained = gatewright.info(tmp_path / "m.safetensors").training["test"]
    found = gatewright.evaluate(tmp_path / "m.safetensors", str(text))
    known = {name: value for name, value in trained.items() if value is not None}
    assert {name: found.test[name] for name in known} == pytest.approx(known, rel=1e-5)
    assert found.baseline["loss"] > 2
    assert found.unit == "tokens"
    assert "each token by its share" in str(found)


def test_the_shares_of_an_evaluation_are_those_of_its_tokens(tmp_path, text):
    gatewright.train("generate", str(text), tmp_path / "m.safetensors", **SMALL)
    (tmp_path / "b.txt").write_text("cat")
    found = gatewright.evaluate(tmp_path / "m.safetensors", str(tmp_path / "b.txt"))
    assert found.baseline["loss"] == pytest.approx(math.log(3))


def test_at_any_step_it_goes_on_to_the_same_figures(tmp_path, text, monkeypatch):
    options = {**SMALL, "averaging": 0.8, "output_dropout": 0.3, "cell": "lstm"}
    whole = gatewright.train("generate", str(text), tmp_path / "whole.safetensors", **options)
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    steps, stopped, learn = 0, 0, fitting.Network.learn

    def stopping(self, *given):
        nonlocal steps
        steps += 1
        if steps % 23 == 0:
            raise KeyboardInterrupt
        return learn(self, *given)

    monkeypatch.setattr(fitting.Network, "learn", stopping)
    while True:
        try:
            result = gatewright.train("generate", str(text), tmp_path / "m.safetensors", **options)
        except KeyboardInterrupt:
            stopped += 1
        else:
            break
    assert stopped > 3
    assert figures(result) == figures(whole)


def test_command(tmp_path, text, capsys):
    out = str(tmp_path / "m.safetensors")
    flags = ["--units", "8", "--embedding", "6", "--length", "7", "--batch", "4", "--epochs", "2"]
    assert cli.main(["train", "generate", str(text), "--out", out, *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["test"]) == list(found["baseline"]) == ["loss", "perplexity", "bits_per_character"]
    assert found["unit"] == "tokens"
    assert cli.main(["train", "generate", str(text), "--out", out, *flags]) == 0
    shown = capsys.readouterr().out
    assert "did not beat the simple baseline" in shown
    assert "bits a character" in shown
    assert max(map(len, shown.split("\n"))) <= 100
    assert cli.main(["info", out]) == 0
    assert "rows: stream" in capsys.readouterr().out
    assert cli.main(["evaluate", out, str(text)]) == 0
    assert "share of these very tokens" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"^--label x is for classify, and not for generate"):
        gatewright.train("generate", str(text), out, label="x")


class TestSoftmax:
    def test_of_samples_stands_for_all_in_expectation(self):
        """Over many draws, the mean gradient by the logits comes near that of the full softmax."""
        import jax

        from gatewright.nn.block import Steps
        from gatewright.nn.library import jax_library
        from gatewright.training.network import _Noise

        lib, ids, features = jax_library(), 40, 6
        draw = np.random.default_rng(0)
        kernel = draw.normal(0, 0.5, (features, ids)).astype(np.float32)
        w = {"kernel": jax.numpy.array(kernel), "bias": jax.numpy.zeros(ids)}
        x = draw.normal(0, 1, (3, features)).astype(np.float32)
        targets = np.array([4, 9, 0], np.int32)

        def loss(block, noise):
            def of(bias):
                steps, _ = block.forward(lib, {**w, "bias": bias}, Steps(x, targets=targets), None, noise)
                return steps.x.sum()

            return jax.grad(of)(w["bias"])

        whole = np.asarray(loss(Softmax(ids), None))
        one = jax.jit(lambda key: loss(Softmax(ids, samples=1000), _Noise(key)))
        many = np.mean([np.asarray(one(np.array([0, k], np.uint32))) for k in range(300)], axis=0)
        assert np.abs(many - whole)[1:].max() < 0.02
        assert np.abs(whole[1:]).max() > 0.5

    def test_of_no_target_nothing_is_asked(self):
        from gatewright.nn.block import Steps
        from gatewright.nn.library import NUMPY

        block = Softmax(9)
        w = block.start(4, np.random.default_rng(0))
        x = np.ones((2, 3, 4), np.float32)
        targets = np.array([[0, 4, 5], [8, 0, 0]])
        out = block.forward(NUMPY, w, Steps(x, targets=targets), None, None)[0].x
        assert np.all((out > 0) == (targets > 0))
        logits = block.forward(NUMPY, w, Steps(x), None, None)[0].x.astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        expected = np.where(targets > 0, -np.take_along_axis(logs, targets[..., None], axis=-1)[..., 0], 0)
        assert_close(out, expected, "forward", np.float32)


class TestCompare:
    def test_cells_and_the_baseline(self, tmp_path, text):
        settings = {"units": 8, "embedding": 6, "length": 7, "batch": 4, "epochs": 2, "learning_rates": [0.01]}
        out = tmp_path / "runs"
        found = gatewright.compare(
            str(text), task="generate", tied=True, cells=["lstm", "gru"], seeds=2, out=out, **settings
        )
        assert found.task == "generate"
        assert found.unit == "tokens"
        assert sum(found.sizes.values()) == pytest.approx(len(text.read_text()), abs=3)
        assert [measure.name for measure in found.measures] == ["loss", "perplexity", "bits_per_character"]
        assert found.baseline.test["loss"] < found.chance.test["loss"]
        assert f"the baseline, {found.baseline.name}" in found.verdict
        norms = found.cells[1].runs[0].gradient_after.states["h"]
        assert len(norms) == 7
        assert norms[0] > norms[-1] > 0  # of the last step's loss, by the steps before it
        again = gatewright.compare(
            str(text), task="generate", tied=True, cells=["lstm", "gru"], seeds=2, out=out, **settings
        )
        assert again.cells[0].runs[0].test == found.cells[0].runs[0].test
        assert (out / "report.html").read_text().count("nats a token") > 2

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"task": "cluster"}, "task must be one of 'classify', 'generate', .*not 'cluster'"),
            ({"task": "generate", "pooling": "max"}, "'pooling' is no setting of this comparison"),
            ({"task": "generate", "label": "x"}, "is for classify, and not for generate"),
            ({"tied": True}, "'tied' is no setting of this comparison"),
        ],
    )
    def test_refused(self, text, given, said):
        with pytest.raises(InputError, match=said):
            gatewright.compare(str(text), **given)
        with pytest.raises(InputError, match="adding is a task of its own"):
            gatewright.compare("adding", task="generate")
