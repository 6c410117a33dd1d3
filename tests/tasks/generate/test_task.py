"""Language models from a text file to figures: carried states, settings, baselines and interrupted trainings."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tolerances import assert_close

import gatewright
from gatewright.commands import main as cli
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Softmax
from gatewright.support.errors import InputError
from gatewright.support.ids import START, UNKNOWN
from gatewright.tasks.generate.settings import GenerateSettings
from gatewright.tasks.generate.task import Generate
from gatewright.training import network as networks
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.dataset import Dataset
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # compiles training steps

SMALL = {"units": 8, "embedding_dim": 6, "max_length": 7, "batch_size": 4, "epochs": 2, "learning_rate": 0.01}
WORDS = ("the cat sat on the mat", "a dog ran after the cat", "the dog sat", "a mat is a mat")


@pytest.fixture
def text(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "lines.txt"
    path.write_text("".join(f"{WORDS[draw.integers(4)]}.\n" for _ in range(90)))
    return path


def task_of(text, limit=None, validation=None, test=None, **settings):
    settings = GenerateSettings(**{"batch_size": 4, "max_length": 7, **settings})
    return Generate(str(text), settings, limit=limit, validation=validation, test=test)


def read(text, **about):
    return Dataset.read(task_of(text, **about))


def figures(result):
    return [epoch.validation for epoch in result.epochs], [epoch.loss for epoch in result.epochs], result.test


class TestSplits:
    def test_splits_are_the_text(self, text):
        splits = read(text).splits
        assert splits.train[0] + splits.validation[0] + splits.test[0] == text.read_text()
        assert len(splits.test[0]) == pytest.approx(0.1 * text.stat().st_size, rel=0.05)
        assert all(split[0][-1] in " \n" for split in (splits.train, splits.validation))
        assert any("has no test set: 10% of it was set aside" in note for note in splits.notes)

    def test_whole_texts_are_held_out_of_many(self, tmp_path):
        for place in range(40):
            (tmp_path / "texts").mkdir(exist_ok=True)
            (tmp_path / "texts" / f"{place}.txt").write_text(f"text {place}")
        splits = read(tmp_path / "texts").splits
        assert sorted([*splits.train, *splits.validation, *splits.test]) == sorted(f"text {n}" for n in range(40))
        assert (len(splits.test), len(splits.validation)) == (4, 4)

    def test_given_splits(self, text, tmp_path):
        (tmp_path / "v.txt").write_text("the cat sat")
        (tmp_path / "t.txt").write_text("the dog ran")
        both = read(text, validation=str(tmp_path / "v.txt"), test=str(tmp_path / "t.txt")).splits
        assert (both.train, both.validation, both.test) == ([text.read_text()], ["the cat sat"], ["the dog ran"])
        one = read(text, validation=str(tmp_path / "v.txt")).splits
        assert one.test == one.validation == ["the cat sat"]
        assert any("which chose the epoch" in note for note in one.notes)
        nothing = read(text, held_out_fraction=0.0).splits
        assert nothing.train == nothing.validation == nothing.test
        assert any("Nothing was held out: the figures" in note for note in nothing.notes)
        tested = read(text, held_out_fraction=0.0, test=str(tmp_path / "t.txt")).splits
        assert (tested.validation, tested.test) == (tested.train, ["the dog ran"])
        assert any("No validation set was held out" in note for note in tested.notes)

    @pytest.mark.parametrize("content", ["title\n" + "x" * 5000, "\u5b57" * 2000, "a title, and " + "\u5b57" * 900])
    def test_a_text_without_a_gap_nearby_is_cut_anywhere(self, tmp_path, content):
        (tmp_path / "a.txt").write_text(content)
        splits = read(tmp_path / "a.txt").splits
        assert splits.train[0] + splits.validation[0] + splits.test[0] == content
        assert len(splits.test[0]) == pytest.approx(0.1 * len(content), abs=2)
        assert len(splits.validation[0]) == pytest.approx(0.09 * len(content), abs=2)

    @pytest.mark.parametrize(
        ("content", "settings", "said"),
        [
            ("a", {}, "is too short to set aside a"),
            ("abcdefgh " * 9, {"min_count": 100}, "No character of"),
            ("!!! ???\n" * 30, {"tokens": "words", "split": "keras"}, "No word of"),
        ],
    )
    def test_texts_that_cannot_be_used_are_refused(self, tmp_path, content, settings, said):
        (tmp_path / "a.txt").write_text(content)
        with pytest.raises(InputError, match=said):
            read(tmp_path / "a.txt", **settings)

    def test_a_split_without_a_token_is_refused(self, text, tmp_path):
        (tmp_path / "v.txt").write_text("!!!")
        with pytest.raises(InputError, match=r"A split has no word to predict\. Add text to it\."):
            read(text, validation=str(tmp_path / "v.txt"), tokens="words", split="keras", examples="prefixes")


class TestPrepared:
    def test_unknown_tokens_are_noted_and_have_no_bits(self, text):
        data = read(text, min_count=100)
        unknown = (data.test.targets == UNKNOWN).sum()
        assert unknown > 0
        assert f"{unknown} of the {data.prepared.size(data.test)} test tokens" in data.splits.notes[-1]
        measured = data.prepared.measure(np.zeros(data.test.targets.shape), data.test.targets)
        assert math.isnan(measured["bits_per_character"])
        assert not any("unknown" in note for note in read(text).splits.notes)

    def test_sizes_are_tokens_and_are_limited(self, text):
        data = read(text)
        assert data.sizes["train"] == len(data.splits.train[0])
        assert read(text, limit=50).sizes == {"train": 50, "validation": 50, "test": 50}
        task = task_of(text, examples="prefixes", tokens="words", limit=30)
        lines = Dataset.read(task)
        assert lines.train.inputs.shape[1] == lines.test.inputs.shape[1] == 7
        baseline = task.baseline(lines.splits, lines.prepared)
        assert lines.train.targets.shape == baseline.outputs.shape == lines.test.targets.shape == (30,)

    def test_a_short_text_is_read_in_fewer_streams(self, tmp_path):
        def batch_size(content, **about):
            (tmp_path / "a.txt").write_text(content)
            return read(tmp_path / "a.txt", **{"batch_size": None, "max_length": 10, **about}).settings.batch_size

        assert [batch_size("some text " * n) for n in (10, 125, 2000)] == [1, 5, 32]
        assert batch_size("some text " * 2000, limit=1005) == 5
        assert batch_size("some text " * 10, examples="prefixes") == 32
        assert batch_size("some text " * 10, batch_size=7) == 7

    def test_measures(self, text):
        data = read(text)
        targets = np.array([[4, 5, 0], [1, 0, 0]])
        outputs = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
        assert data.prepared.measure(outputs, targets) == pytest.approx(
            {"loss": 2, "perplexity": math.exp(2), "bits_per_character": 2 / math.log(2)}
        )
        assert data.prepared.scores(outputs, targets).tolist() == [-1.5, -3]
        assert np.asarray(data.prepared.losses(outputs, targets)).tolist() == [1.5, 3]

    def test_the_constant_of_training_is_smoothed(self, text):
        data = read(text)
        outputs, _ = data.prepared.constant(data.test.targets, data.train.targets)
        assert outputs.shape == data.test.targets.shape
        counts = np.bincount(data.train.targets[data.train.targets > 0], minlength=data.prepared.encoder.ids)
        expected = -np.log((1 + counts) / (1 + counts).sum())[data.test.targets]
        np.testing.assert_allclose(outputs, np.where(data.test.targets > 0, expected, 0), rtol=1e-6)
        targets = np.array([[4, 4, 5, 0]])
        own, _ = data.prepared.constant(targets)
        np.testing.assert_allclose(own, -np.log([[2 / 3, 2 / 3, 1 / 3, 1]]), rtol=1e-12)

    def test_bits_of_byte_pairs_count_characters(self, tmp_path):
        (tmp_path / "a.txt").write_text("äöü中 the cat " * 40)
        data = read(tmp_path / "a.txt", tokens="bytes", vocabulary=300)
        nats = np.where(data.test.targets > 0, 1.0, 0.0)
        bits = data.prepared.measure(nats, data.test.targets)["bits_per_character"]
        assert bits == pytest.approx(nats.sum() / math.log(2) / len(data.splits.test[0]))

    def test_words_have_no_bits(self, text):
        data = read(text, tokens="words")
        measured = data.prepared.measure(np.zeros(data.test.targets.shape), data.test.targets)
        assert math.isnan(measured["bits_per_character"])

    @pytest.mark.parametrize("examples", ["stream", "prefixes"])
    def test_the_baseline_predicts_the_networks_targets(self, text, examples):
        task = task_of(text, examples=examples, tokens="words", max_length=5)
        data = Dataset.read(task)
        baseline = task.baseline(data.splits, data.prepared)
        assert baseline.outputs.shape == data.test.targets.shape
        assert np.all((baseline.outputs > 0) == (data.test.targets > 0))
        constant, _ = data.prepared.constant(data.test.targets, data.train.targets)
        loss = data.prepared.measure(constant, data.test.targets)["loss"]
        assert data.prepared.measure(baseline.outputs, data.test.targets)["loss"] < loss / 2


class TestStateful:
    def prepare(self, text, **settings):
        task = task_of(text, embedding_dim=6, units=8, cell="lstm", output_dropout=0.0, **settings)
        data = Dataset.read(task)
        layers = task.network(data.prepared, data.settings)
        return data, Network(data.prepared, layers, data.train, Recipe(1, 4, 0.01))

    def test_the_test_set_is_evaluated_as_one_stream(self, text):
        (examples, short), (whole, long) = (self.prepare(text, max_length=length) for length in (7, 500))
        weights = short.init(short.initial_weights([1])).weights
        one = short.outputs(weights, examples.test)[examples.test.targets > 0]
        other = long.outputs(weights, whole.test)[whole.test.targets > 0]
        assert_close(np.sort(one), np.sort(other), "forward", np.float32)

    def test_a_step_continues_from_the_state_before(self, text):
        data, network = self.prepare(text, max_length=7)
        batches = [data.train.take(np.arange(first, first + 4)) for first in (0, 4)]

        def second_loss(reset):
            state = network.init(network.initial_weights([1]))
            state, _ = network.train_step(state, batches[0], np.ones(4, np.float32), 0.0, (0, 0))
            state = network.reset_states(state) if reset else state
            return float(network.train_step(state, batches[1], np.ones(4, np.float32), 0.0, (0, 0))[1])

        both, joined = self.prepare(text, max_length=14)
        weights = joined.init(joined.initial_weights([1])).weights
        out, _ = joined.forward(weights, both.train.inputs[:4], both.train.targets[:4])
        assert second_loss(reset=False) == pytest.approx(float(np.asarray(out)[:, 7:].mean()), rel=1e-5)
        assert second_loss(reset=True) != pytest.approx(second_loss(reset=False), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm", "layers": 2},
        {"tied_embedding": True},
        {"samples": 5},
        {"weight_dropout": 0.5},
        {"embedding_dropout": 0.5, "word_dropout": 0.2},
        {"recurrent_dropout": 0.5},
        {"input_dropout": 0.5},
        {"output_dropout": 0.6},
        {"tokens": "words", "split": "spaces", "min_count": 2},
        {"tokens": "bytes", "vocabulary": 280},
        {"examples": "prefixes"},
        {"max_length": 3},
    ],
    ids=str,
)
def test_each_setting_changes_what_is_learned(tmp_path, text, options):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("generate", str(text), out, **{**SMALL, **options})
    assert {name: result.settings[name] for name in options} == options
    plain = gatewright.train("generate", str(text), tmp_path / "p.safetensors", **SMALL)
    assert result.epochs[0].loss != plain.epochs[0].loss
    again = gatewright.evaluate(out, str(text), split="all")
    assert again.size > result.sizes["test"]
    assert gatewright.runtime.load(out).generate("the", tokens=5, seed=1).tokens > 0


def test_a_certain_continuation_is_learned(tmp_path):
    """After each letter the next one is certain, apart from where the text is cut."""
    path = tmp_path / "a.txt"
    path.write_text("abcdefgh" * 300)
    settings = {**SMALL, "units": 24, "epochs": 6, "learning_rate": 0.02, "output_dropout": 0.0}
    result = gatewright.train("generate", str(path), tmp_path / "m.safetensors", **settings)
    assert result.test["loss"] < 0.1
    model = gatewright.runtime.load(tmp_path / "m.safetensors")
    assert model.generate("abc", tokens=20, temperature=0).text == "defghabcdefghabcdefg"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"examples": "prefixes", "max_length": 40},
        {"examples": "prefixes", "tokens": "words", "max_length": 2},
        {"lines": True, "max_length": 80},
        {"lines": True, "max_length": 10},
        {"lines": True, "tokens": "words"},
    ],
    ids=str,
)
def test_evaluation_repeats_the_figures_of_training(tmp_path, text, options):
    """`evaluate` computes with NumPy what training measured with JAX."""
    text.write_text("the longest line of all is in the training set alone.\n" + text.read_text())
    gatewright.train("generate", str(text), tmp_path / "m.safetensors", test=str(text), **{**SMALL, **options})
    trained = gatewright.info(tmp_path / "m.safetensors").training["test"]
    found = gatewright.evaluate(tmp_path / "m.safetensors", str(text))
    known = {name: value for name, value in trained.items() if value is not None}
    assert {name: found.test[name] for name in known} == pytest.approx(known, rel=1e-5)
    assert found.baseline["loss"] > 2
    assert found.unit == "tokens"
    assert "the frequency of each token" in found.baseline_name


def test_the_constant_of_an_evaluation_is_estimated_from_its_tokens(tmp_path, text):
    gatewright.train("generate", str(text), tmp_path / "m.safetensors", **SMALL)
    (tmp_path / "b.txt").write_text("cat")
    found = gatewright.evaluate(tmp_path / "m.safetensors", str(tmp_path / "b.txt"))
    assert found.baseline["loss"] == pytest.approx(math.log(3))


def test_an_interrupted_training_resumes_to_the_same_figures(tmp_path, text, monkeypatch):
    options = {**SMALL, "ema_decay": 0.8, "output_dropout": 0.3, "cell": "lstm"}
    whole = gatewright.train("generate", str(text), tmp_path / "whole.safetensors", **options)
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    steps, stopped, train_step = 0, 0, networks.Network.train_step

    def stopping(self, *given):
        nonlocal steps
        steps += 1
        if steps % 23 == 0:
            raise KeyboardInterrupt
        return train_step(self, *given)

    monkeypatch.setattr(networks.Network, "train_step", stopping)
    while True:
        try:
            result = gatewright.train("generate", str(text), tmp_path / "m.safetensors", **options)
        except KeyboardInterrupt:
            stopped += 1
        else:
            break
    assert stopped > 3
    assert figures(result) == figures(whole)


def test_the_commands(tmp_path, text, capsys):
    out = str(tmp_path / "m.safetensors")
    flags = ["--units", "8", "--embedding-dim", "6", "--max-length", "7", "--batch-size", "4", "--epochs", "2"]
    assert cli.main(["train", "generate", str(text), "--out", out, *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["test"]) == list(found["baseline"]) == ["loss", "perplexity", "bits_per_character"]
    assert found["unit"] == "tokens"
    assert cli.main(["train", "generate", str(text), "--out", out, *flags]) == 0
    shown = capsys.readouterr().out
    assert "The baseline beats the network" in shown
    assert "bits a character" in shown
    assert max(map(len, shown.split("\n"))) <= 100
    assert cli.main(["info", out]) == 0
    assert "examples: stream" in capsys.readouterr().out
    assert cli.main(["evaluate", out, str(text)]) == 0
    assert "the frequency of each token as its probability" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"^--label x is an option of classify, not of generate"):
        gatewright.train("generate", str(text), out, label="x")


class TestSoftmax:
    def test_samples_equal_all_ids_in_expectation(self):
        """Over many draws, the mean gradient by the bias approaches that of the full softmax."""
        import jax

        from gatewright.training.network import _Rng

        backend, ids, features = jax_backend(), 40, 6
        draw = np.random.default_rng(0)
        kernel = draw.normal(0, 0.5, (features, ids)).astype(np.float32)
        w = {"kernel": jax.numpy.array(kernel), "bias": jax.numpy.zeros(ids)}
        x = draw.normal(0, 1, (3, features)).astype(np.float32)
        targets = np.array([4, 9, 0], np.int32)

        def gradient(layer, rng):
            def loss(bias):
                found, _ = layer.forward(backend, {**w, "bias": bias}, Activations(x, targets=targets), None, rng)
                return found.x.sum()

            return jax.grad(loss)(w["bias"])

        whole = np.asarray(gradient(Softmax(ids), None))
        one = jax.jit(lambda key: gradient(Softmax(ids, samples=1000), _Rng(key)))
        many = np.mean([np.asarray(one(np.array([0, k], np.uint32))) for k in range(300)], axis=0)
        assert np.abs(many - whole)[1:].max() < 0.02
        assert np.abs(whole[1:]).max() > 0.5

    def test_losses_are_those_of_the_logits_and_0_without_a_target(self):
        layer = Softmax(9)
        w = layer.initial_weights(4, np.random.default_rng(0))
        inputs = Activations(np.ones((2, 3, 4), np.float32))
        targets = np.array([[0, 4, 5], [8, 0, 0]])
        out = layer.forward(NUMPY, w, inputs._replace(targets=targets), None, None)[0].x
        assert np.all((out > 0) == (targets > 0))
        logits = layer.forward(NUMPY, w, inputs, None, None)[0].x.astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        expected = np.where(targets > 0, -np.take_along_axis(logs, targets[..., None], axis=-1)[..., 0], 0)
        assert_close(out, expected, "forward", np.float32)


class TestCompare:
    def test_cells_are_compared_with_the_baseline(self, tmp_path, text):
        settings = {**SMALL, "tied_embedding": True, "learning_rates": [SMALL["learning_rate"]]}
        del settings["learning_rate"]
        out = tmp_path / "runs"
        found = gatewright.compare(str(text), task="generate", cells=["lstm", "gru"], seeds=2, out=out, **settings)
        assert found.task == "generate"
        assert found.unit == "tokens"
        assert sum(found.sizes.values()) == pytest.approx(len(text.read_text()), abs=3)
        assert [measure.name for measure in found.measures] == ["loss", "perplexity", "bits_per_character"]
        assert found.baseline.test["loss"] < found.constant.test["loss"]
        assert f"the baseline, {found.baseline.name}" in found.verdict
        norms = found.cells[1].runs[0].gradient_after.states["h"]
        assert len(norms) == 7
        assert norms[0] > norms[-1] > 0  # the last step's loss, by the steps before it
        again = gatewright.compare(str(text), task="generate", cells=["lstm", "gru"], seeds=2, out=out, **settings)
        assert again.cells[0].runs[0].test == found.cells[0].runs[0].test
        assert (out / "report.html").read_text().count("nats a token") > 2

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"task": "cluster"}, "task must be one of 'classify', .*'generate', .*not 'cluster'"),
            ({"task": "generate", "pooling": "max"}, "'pooling' is not a setting of this task"),
            ({"task": "generate", "label": "x"}, "is an option of classify, not of generate"),
            ({"tied_embedding": True}, "'tied_embedding' is not a setting of this task"),
        ],
    )
    def test_what_does_not_apply_is_refused(self, text, given, said):
        with pytest.raises(InputError, match=said):
            gatewright.compare(str(text), **given)


def test_a_stream_is_stored_without_its_length(text):
    prepared = read(text).prepared
    kept = prepared.to_json()
    assert list(kept) == ["examples", "encoder"]
    again = type(prepared).from_json(kept)
    assert (again.stateful, again.encoder) == (True, prepared.encoder)
    prefixes = replace(prepared, examples="prefixes")
    assert type(prepared).from_json(prefixes.to_json()).max_length == 7
    for wrong in ({"examples": "pages"}, {"examples": "prefixes", "max_length": 0}, {"encoder": None}):
        with pytest.raises(InputError, match=r"^its "):
            type(prepared).from_json({**kept, **wrong})


class TestLines:
    @pytest.fixture
    def names(self, tmp_path):
        """A sorted list of 300 names; each begins with a letter that its neighbors begin with too."""
        draw = np.random.default_rng(0)
        drawn = {"".join(draw.choice(list("abcdefgh"), draw.integers(3, 9))) for _ in range(320)}
        path = tmp_path / "names.txt"
        path.write_text("".join(f"{name}\n" for name in sorted(drawn)))
        return path

    def test_lines_are_held_out_at_random_and_always_the_same(self, names):
        first, again = (read(names, lines=True).splits for _ in range(2))
        assert first == again
        held = sorted([*first.train, *first.validation, *first.test])
        assert held == names.read_text().split()
        assert len({name[0] for name in first.test}) > 4
        assert first.train != sorted(first.train)

    def test_each_line_is_an_example_from_the_zero_state(self, names):
        data = read(names, lines=True, max_length=20)
        prepared, encoder = data.prepared, data.prepared.encoder
        assert not prepared.stateful
        assert data.train.inputs.shape[1] == data.test.inputs.shape[1] == 1 + max(map(len, data.splits.train))
        row = encoder.encode(data.splits.train[0])
        assert data.train.inputs[0][data.train.inputs[0] > 0].tolist() == [START, *row]
        assert data.train.targets[0][data.train.targets[0] > 0].tolist() == [*row, START]
        assert prepared.size(data.test) == sum(len(name) + 1 for name in data.splits.test)

    def test_the_order_of_the_file_changes_nothing_but_the_draw(self, tmp_path, names):
        settings = {**SMALL, "units": 16, "epochs": 4, "batch_size": 16, "lines": True}
        lines = names.read_text().splitlines(keepends=True)
        shuffled = tmp_path / "shuffled.txt"
        shuffled.write_text("".join(lines[place] for place in np.random.default_rng(1).permutation(len(lines))))
        one, other = (
            gatewright.train("generate", str(path), tmp_path / f"{path.stem}.safetensors", **settings)
            for path in (names, shuffled)
        )
        assert one.test["loss"] == pytest.approx(other.test["loss"], abs=0.1)
        assert one.baseline["loss"] == pytest.approx(other.baseline["loss"], abs=0.15)

    def test_a_model_of_lines_generates_one_line(self, tmp_path):
        path = tmp_path / "two.txt"
        path.write_text("abc\nxyz\n" * 40)
        settings = {**SMALL, "units": 16, "epochs": 12, "learning_rate": 0.03, "output_dropout": 0.0}
        result = gatewright.train("generate", str(path), tmp_path / "m.safetensors", lines=True, **settings)
        assert result.test["loss"] < 0.5
        model = gatewright.runtime.load(tmp_path / "m.safetensors")
        assert {model.generate(tokens=50, seed=seed, temperature=0.3).text for seed in range(12)} == {"abc", "xyz"}
        assert model.generate("x", tokens=50, temperature=0).text == "yz"
        assert "8 of 8 test lines are also in the training set." in result.notes

    def test_rows_of_a_table_stay_whole(self, tmp_path):
        path = tmp_path / "t.jsonl"
        path.write_text("".join(json.dumps({"text": f"one\n{place}"}) + "\n" for place in range(30)))
        splits = read(path, lines=True).splits
        assert sorted([*splits.train, *splits.validation, *splits.test]) == sorted(f"one\n{n}" for n in range(30))

    def test_long_lines_are_cut_and_counted(self, names):
        data = read(names, lines=True, max_length=4)
        cut = sum(len(name) >= 4 for name in data.splits.test)
        (note,) = [note for note in data.splits.notes if "are cut" in note]
        assert note.startswith(
            f"{cut} of the {len(data.splits.test)} test lines do not end within 4 characters and are"
        )
        task = task_of(names, lines=True, max_length=4)
        baseline = task.baseline(data.splits, data.prepared)
        assert baseline.outputs.shape == data.test.targets.shape
        assert ((baseline.outputs > 0) == (data.test.targets > 0)).all()

    def test_a_limit_takes_whole_lines(self, names):
        data = read(names, lines=True, limit=20, max_length=20)
        assert 20 <= data.sizes["train"] < 30
        assert (data.train.targets == START).sum() == data.train.size

    def test_lines_are_suggested_for_a_list(self, tmp_path, names):
        suggestion = "short lines are read as one text in the order of the file."
        assert any(suggestion in note for note in read(names).splits.notes)
        assert not any(suggestion in note for note in read(names, lines=True).splits.notes)
        poem = tmp_path / "poem.txt"
        poem.write_text("a line\nand another\n\n" * 100)
        assert not any(suggestion in note for note in read(poem).splits.notes)
        prose = tmp_path / "prose.txt"
        prose.write_text("a line that is far too long to be a name or a title\n" * 200)
        assert not any(suggestion in note for note in read(prose).splits.notes)

    def test_lines_and_prefixes_contradict_each_other(self, names):
        with pytest.raises(InputError, match="--lines cannot be combined with --examples prefixes"):
            read(names, lines=True, examples="prefixes")
