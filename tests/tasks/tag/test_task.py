"""Taggers from tagged sentences to answers: rows, blocks, training, the runtime, the commands."""

import json
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import LENGTH, TEXTS, tagger
from tolerances import assert_close

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.commands.compare import compare
from gatewright.nn import file as model_file
from gatewright.nn import model as models
from gatewright.nn.block import Steps
from gatewright.nn.library import NUMPY, jax_library
from gatewright.ops import reference as cells
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.tasks.tag.blocks import Answers, Tags, Truths, WordVectors
from gatewright.tasks.tag.model import Tagger
from gatewright.tasks.tag.reading import Tagged
from gatewright.tasks.tag.spelling import Spelling, pieces
from gatewright.tasks.tag.task import Tag
from gatewright.training.rows import Data

SMALL = {"units": 8, "embedding": 6, "letter_units": 4, "letters": 5, "batch": 8, "epochs": 2, "learning_rate": 0.01}
CITIES = ("boston", "new york", "dallas", "san francisco")


@pytest.fixture
def folder(tmp_path):
    """Requests with slots and intents, each part of its own."""
    draw = np.random.default_rng(0)
    for part, rows in (("train", 60), ("dev", 20), ("test", 20)):
        lines = {"seq.in": [], "seq.out": [], "label": []}
        for _ in range(rows):
            one, other = (CITIES[number].split() for number in draw.permutation(4)[:2])
            intent, begin = [("flight", ["show", "flights"]), ("fare", ["how", "much", "is", "it"])][draw.integers(2)]
            words = [*begin, "from", *one, "to", *other]
            tags = ["O"] * (len(begin) + 1)
            tags += [*["B-from", "I-from"][: len(one)], "O", *["B-to", "I-to"][: len(other)]]
            for name, value in zip(lines, (" ".join(words), " ".join(tags), intent), strict=True):
                lines[name].append(value)
        (tmp_path / "data" / part).mkdir(parents=True)
        for name, values in lines.items():
            (tmp_path / "data" / part / name).write_text("".join(f"{value}\n" for value in values))
    return tmp_path / "data"


def column_file(path, sentences):
    path.write_text("\n".join("".join(f"{word} {tag}\n" for word, tag in sentence) for sentence in sentences))
    return str(path)


class TestSpelling:
    def test_ids(self):
        made = Spelling.fit([["The", "cat"], ["the", "tea"]], 100, 1, 4)
        assert made.tokens == ("the", "cat", "tea")
        assert made.letters == ("e", "t", "h", "a")  # those that occur twice, with their case
        assert made.word("the") == [4, 5, 6, 4, 0]
        assert made.word("The") == [4, 2, 6, 4, 0]
        assert made.word("teeth") == [2, 5, 4, 5, 6]  # half from each end
        assert made.word("t" * 10_000)[1:] == [5] * 4
        rows = made.rows([["the"], [], ["cat", "tea"]], 2)
        assert rows.shape == (3, 2, 5)
        assert rows[:, :, 0].tolist() == [[0, 4], [0, 0], [5, 6]]

    @given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=30), st.integers(1, 9))
    def test_any_word_has_ids(self, word, read):
        ids = Spelling.fit([["a", "b"]], 100, 1, read).word(word)
        assert len(ids) == 1 + read
        assert ids[1] != 0

    @pytest.mark.parametrize("length", [1, 7, 8, 9, 17])
    @pytest.mark.parametrize("words", [0, 1, 7, 8, 9, 17, 100])
    def test_pieces(self, words, length):
        cuts = pieces(words, length)
        assert [place for cut in cuts for place in range(*cut)] == list(range(words))
        sizes = [last - first for first, last in cuts]
        assert max(sizes) <= length
        assert max(sizes) - min(sizes) <= 1


class TestTask:
    def test_rows(self, folder):
        task = Tag(str(folder), letters=5)
        data = Data.read(task)
        assert [measure.name for measure in task.measures] == [
            *("span_f1", "accuracy", "unknown_word_accuracy", "intent_accuracy"),
        ]
        assert data.train.inputs.shape == (60, data.train.inputs.shape[1], 6)
        truths = Truths.of(data.train.targets)
        assert task.size(data.train) == sum(map(len, data.parts.train.words)) == (data.train.inputs[..., 0] > 0).sum()
        first = [task.model([], [], {}).answers["tags"][number - 1] for number in truths.tags[0] if number]
        assert first == data.parts.train.tags[0]
        assert truths.labels.min() == 1
        assert truths.labels.max() == 2
        assert not truths.unknown.any()
        assert task.blocks("gru", 3)[-1] == Tags(5, 2, True, "max")  # the tags tell spans
        plain = Tag(str(folder), crf=False)
        Data.read(plain)
        assert plain.blocks("gru", 3)[-1] == Tags(5, 2, False, "max")

    def test_without_parts_whole_sentences_are_held_out(self, tmp_path):
        rows = [[(f"w{place}", "AB"[place % 2])] * (1 + place % 3) for place in range(100)]
        parts = Tag(column_file(tmp_path / "a.txt", rows)).read()
        assert [len(part.words) for part in (parts.train, parts.validation, parts.test)] == [72, 8, 20]
        together = [words for part in (parts.train, parts.validation, parts.test) for words in part.words]
        assert sorted(together) == sorted([word for word, _ in row] for row in rows)
        assert "has no test part: 20% of its sentences were set aside" in parts.notes[0]
        # Neighbours stand together.
        held = sorted(int(words[0][1:]) for words in parts.test.words)
        assert held == list(range(held[0], held[0] + 20))
        assert Tag(column_file(tmp_path / "a.txt", rows)).read() == parts

    def test_labels_are_held_out_in_proportion(self, folder):
        parts = Tag(str(folder / "train")).read()
        for part, share in ((parts.test, 0.2), (parts.validation, 0.08)):
            assert part.labels.count("flight") == pytest.approx(
                share * parts.train.labels.count("flight") / 0.72, abs=1
            )

    def test_limit_and_recurring_sentences(self, folder):
        parts = Tag(str(folder), limit=10).read()
        assert (len(parts.train.words), len(parts.test.words)) == (10, 10)
        assert any("A quick look" in note for note in parts.notes)
        assert any("training sentences occur in the test part too" in note for note in Tag(str(folder)).read().notes)

    def test_nothing_is_learnt_from_validation_or_test(self, tmp_path):
        train = column_file(tmp_path / "a.txt", [[("known", "A"), ("word", "B")]] * 30)
        other = column_file(tmp_path / "b.txt", [[("known", "A"), ("secret", "C")]])
        task = Tag(train, validation=other, test=other, letters=3)
        data = Data.read(task)
        assert data.test.inputs[:, :, 0].tolist() == [[4, 2]]
        truths = Truths.of(data.test.targets)
        assert truths.tags.tolist() == [[1, 3]]  # a tag that can but be answered wrongly
        assert truths.unknown.tolist() == [[False, True]]
        assert task.blocks("gru", 3)[-1] == Tags(2, 0, False, "max")  # no spans, no chain
        assert "1 of the 2 test tokens have a tag that no training sentence has: wrong." in data.parts.notes
        perfect = task.baseline(data.parts).outputs
        assert task.measure(perfect, data.test.targets)["accuracy"] == 0.5

    def test_long_sentences_are_read_in_pieces(self, folder):
        task = Tag(str(folder), length=4)
        data = Data.read(task)
        assert data.train.inputs.shape[1] == 4
        assert task.size(data.train) == sum(map(len, data.parts.train.words))
        labels = Truths.of(data.train.targets).labels
        assert (labels > 0).sum() == 60  # one for each sentence, the others are not asked
        assert len(labels) > 60
        assert task.baseline(data.parts).outputs.shape[0] == len(data.test.targets)

    def test_losses(self, folder):
        task = Tag(str(folder))
        data = Data.read(task)
        mean = task.size(data.train) / 60
        tags, labels = 5, 2
        targets = data.train.targets[:2].copy()
        targets[1, -1] = 0
        losses = jnp.array([3.0, 5.0])
        scores = np.zeros((2, data.train.inputs.shape[1], tags), np.float32)
        outputs = Answers(scores, np.zeros((2, labels), np.float32), losses).joined(NUMPY)
        wanted = [3 / mean + np.log(2), 5 / mean]
        assert_close(task.losses(jnp.asarray(outputs), targets), wanted, "forward", np.float32)

    def test_chance_and_baseline(self, tmp_path):
        train = [[("the", "D"), ("run", "V")]] * 5 + [[("the", "D"), ("run", "N")], [("once", "X")], [("only", "X")]]
        one = column_file(tmp_path / "a.txt", train)
        test = column_file(tmp_path / "b.txt", [[("run", "V"), ("the", "D"), ("new", "X")], [("run", "N")]])
        task = Tag(one, validation=test, test=test)
        data = Data.read(task)
        assert task.measure(task.baseline(data.parts).outputs, data.test.targets)["accuracy"] == 3 / 4
        simple = task.baseline(data.parts)
        assert "of a word that is not in the training part X" in simple.description
        assert task.decode(simple.outputs)[0][-3:] == ("V", "D", "X")
        np.testing.assert_array_equal(task.merits(simple.outputs, data.test.targets), [1, 0])
        assert task.measure(task.chance(data.train, data.test).outputs, data.test.targets)["accuracy"] == 1 / 4

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ([[("a", "X")]] * 20, "has one tag only, 'X'"),
            ([[("a", "X"), ("b", "Y")]], "too few sentences to set some aside, 1"),
            ([[(f"w{n}", f"t{n}")] for n in range(7000)], "different tags, of which at most 5,000 can be learnt"),
        ],
    )
    def test_refused(self, tmp_path, rows, said):
        with pytest.raises(InputError, match=said):
            Data.read(Tag(column_file(tmp_path / "a.txt", rows)))


IDS = Spelling.fit([text.split() for text in TEXTS], 40, 1, 6).rows([text.split() for text in TEXTS], 7)


def outputs(made, lib=NUMPY, ids=IDS, targets=None):
    steps = Steps(ids if lib is NUMPY else jnp.asarray(ids), targets=targets)
    return np.asarray(models.forward(made.blocks, lib, made.weights, steps)[0].x)


class TestBlocks:
    @pytest.mark.parametrize("crf", [False, True])
    @pytest.mark.parametrize("pooling", ["max", "attention"])
    @pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
    def test_alike_in_numpy_and_jax(self, crf, pooling, cell):
        made = tagger(cell, 7, crf=crf, pooling=pooling)
        assert_close(outputs(made, jax_library()), outputs(made), "forward", np.float32)
        targets = Truths((IDS[:, :, 0] > 0) * 2, IDS[:, :, 0] < 0, np.ones(4)).joined()
        one, other = (outputs(made, lib, targets=targets) for lib in (NUMPY, jax_library()))
        assert_close(other, one, "forward", np.float32)
        assert (Answers.of(one, 3, 2).losses > 0).all()

    @pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
    @pytest.mark.parametrize("units", [1, 8, 9, 17])
    def test_a_word_is_its_row_and_the_last_states_over_its_letters(self, cell, units):
        block = WordVectors(9, 4, 11, units, cell)
        w = {name: array * 3 for name, array in models.start([block], 1, [2])[0].items()}
        ids = np.array(
            [[[0, 0, 0, 0], [5, 4, 7, 0], [2, 9, 0, 0]], [[3, 4, 4, 4], [2, 10, 3, 5], [8, 2, 0, 0]]], np.int32
        )
        steps, _ = block.forward(NUMPY, w, Steps(ids), None, None)
        assert steps.live.tolist() == [[False, True, True], [True, True, True]]
        assert steps.x.shape == (2, 3, block.width(4))
        for row, step in [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]:
            word, letters = ids[row, step, 0], [number for number in ids[row, step, 1:] if number]
            x = w["letters_table"].astype(np.float64)[letters][None]
            wanted = [w["table"][word]]
            for prefix, reverse in (("", False), ("backward_", True)):
                weights = (
                    w[f"letters_{prefix}{name}"].astype(np.float64) for name in ("kernel", "recurrent_kernel", "bias")
                )
                rec = Recurrence(cell, reverse=reverse)
                zeros = [np.zeros((1, units)) for _ in rec.state_names]
                wanted.append(cells.forward(rec, x, *weights, zeros).states[0][0])
            assert_close(steps.x[row, step], np.concatenate(wanted), "forward", np.float32)

    def test_a_softmax_stands_alone_at_each_step(self):
        made = tagger()
        answers = Answers.of(outputs(made), 3, 2)
        live = IDS[:, :, 0] > 0
        assert_close(np.exp(answers.scores).sum(axis=2)[live], np.ones(live.sum()), "forward", np.float32)
        assert not answers.scores[~live].any()

    def test_word_dropout_leaves_the_letters(self):
        block = WordVectors(9, 4, 11, 3, "gru", word_dropout=0.5)
        w = models.start([block], 1, [2])[0]
        ids = np.array([[[0, 0], [5, 4], [6, 7], [8, 4]]], np.int32)

        class Noise:
            def keep(self, rate, shape):
                assert rate == 0.5
                return np.array([[True, True, False, False]])

        x = block.forward(NUMPY, w, Steps(ids), None, Noise())[0].x[0]
        plain = block.forward(NUMPY, w, Steps(ids), None, None)[0].x[0]
        np.testing.assert_array_equal(x[:2], plain[:2])
        np.testing.assert_array_equal(x[2:, :4], w["table"][[2, 2]])
        np.testing.assert_array_equal(x[:, 4:], plain[:, 4:])

    def test_it_can_not_be_stepped(self):
        for block in tagger().blocks[:1] + tagger().blocks[-1:]:
            with pytest.raises(ValueError, match="needs the whole sentence"):
                block.stepper({})


ODD = [
    "",
    "unheardof",
    "a fine " * 300,
    "中文 电影",
    "fine \U0001f600",
    "a\0b",
    "half \ud800 fine",
    "\n",
    " !?",
    "x" * 10_000,
]


class TestRuntime:
    @pytest.mark.parametrize("crf", [False, True])
    @pytest.mark.parametrize("pooling", ["max", "mean", "attention"])
    def test_a_sentence_is_answered_alike_alone_and_among_others(self, crf, pooling):
        model = Tagger(tagger("lstm", 17, crf=crf, pooling=pooling))
        texts = TEXTS * 11 + ODD + TEXTS * 11
        alone = [model.predict(text) for text in texts]
        together = model.predict(texts)
        assert [(one.words, one.tags, one.label) for one in together] == [(o.words, o.tags, o.label) for o in alone]
        assert len({one.tags for one in alone}) > 3
        shares = [[list(one.probabilities.values()) for one in some] for some in (together, alone)]
        assert_close(*shares, "same_order", np.float32)

    @given(text=st.text(st.characters(exclude_categories=()), max_size=30))
    def test_any_text_has_an_answer(self, text):
        said = Tagger(tagger(crf=True)).predict(text)
        assert said.words == tuple(text.split())
        assert len(said.tags) == len(said.words)
        assert set(said.tags) <= {"B-a", "I-a", "O"}
        assert sum(said.probabilities.values()) == pytest.approx(1)

    def test_words_are_taken_as_they_are(self):
        model = Tagger(tagger())
        assert model.predict([["a", "fine film"]])[0].words == ("a", "fine film")
        assert model.predict([]) == []
        assert len(model.predict("a " * (LENGTH * 3 + 1)).tags) == LENGTH * 3 + 1
        for wrong in (1, None, ["a", 1], [""]):
            with pytest.raises(InputError, match="a sentence must be a text, or a list of its words"):
                model.predict([wrong])

    def test_without_labels_and_with_one(self):
        said = Tagger(tagger(labels=())).predict("a film")
        assert (said.label, said.probabilities) == (None, {})
        assert "intent" not in said.to_json()
        assert str(said).count("\n") == 2
        assert Tagger(tagger(labels=("all",))).predict("a film").probabilities == {"all": 1}

    def test_what_is_printed_can_do_nothing_to_a_terminal(self):
        assert "a\\x1b[31m" in str(Tagger(tagger()).predict("a\x1b[31m"))

    def test_neither_keras_nor_jax_is_imported(self, tmp_path):
        model_file.write(tagger(crf=True), tmp_path / "m.safetensors")
        code = (
            "import sys, gatewright\n"
            f"print(gatewright.runtime.load({str(tmp_path / 'm.safetensors')!r}).predict('a fine film').tags)\n"
            "heavy = {'jax', 'keras', 'pyarrow', 'sklearn', 'scipy', 'optax', 'rich'} & sys.modules.keys()\n"
            "assert not heavy, heavy\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
class TestTraining:
    @pytest.mark.parametrize("more", [{}, {"crf": False, "pooling": "attention"}])
    def test_from_sentences_to_answers(self, folder, tmp_path, more):
        out = tmp_path / "m.safetensors"
        result = gatewright.train("tag", str(folder), out, **{**SMALL, "epochs": 12, "averaging": 0.9}, **more)
        assert result.settings["crf"] is more.get("crf", True)
        assert result.test["span_f1"] > 0.95
        assert result.test["intent_accuracy"] == 1
        assert result.unit == "tokens"
        assert "unknown words" not in str(result)  # there is none in the test part
        again = gatewright.evaluate(out, str(folder))
        for name, figure in result.test.items():
            assert again.test[name] == pytest.approx(figure, nan_ok=True)
        assert again.rows == result.sizes["test"]
        assert again.baseline["span_f1"] == 0
        said = gatewright.predict(out, "show flights from new york to dallas")[0]
        assert said.tags == ("O", "O", "O", "B-from", "I-from", "O", "B-to")
        assert said.label == "flight"
        assert "spelling" in str(gatewright.info(out))

    def test_the_same_seed_gives_the_same_figures(self, folder, tmp_path):
        runs = [
            gatewright.train("tag", str(folder), tmp_path / f"{n}.safetensors", **SMALL, seed=n // 2) for n in (0, 1, 2)
        ]
        losses = [[epoch.loss for epoch in run.epochs] for run in runs]
        assert losses[0] == losses[1] != losses[2]

    @pytest.mark.parametrize(
        "more",
        [
            {"crf": False},
            {"letters": 2},
            {"letter_units": 5},
            {"word_dropout": 0.5},
            {"pooling": "attention"},
            {"both": False},
            {"layers": 2},
            {"least": 30},
            {"length": 4},
            {"input_dropout": 0.3},
        ],
        ids=lambda more: next(iter(more)),
    )
    def test_each_setting_changes_what_is_learnt(self, folder, tmp_path, more):
        plain, other = (
            gatewright.train("tag", str(folder), tmp_path / f"{place}.safetensors", **{**SMALL, "epochs": 1, **own})
            for place, own in enumerate(({}, more))
        )
        assert plain.epochs[0].loss != other.epochs[0].loss

    def test_commands(self, folder, tmp_path, capsys):
        out = str(tmp_path / "m.safetensors")
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
        assert cli.main(["train", "tag", str(folder), "--out", out, "--no-crf", *flags, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["task"] == "tag"
        assert cli.main(["predict", out, "show flights", "it"]) == 0
        lines = capsys.readouterr().out.split("\n")
        assert [line.split("\t")[0] for line in lines[1:4]] == ["show", "flights", ""]
        assert lines[0].startswith("# intent = ")
        assert len(lines) == 8
        assert cli.main(["predict", out, "show flights", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["predictions"][0]["words"] == ["show", "flights"]
        assert cli.main(["evaluate", out, str(folder), "--limit", "3"]) == 0
        assert "span F1" in capsys.readouterr().out
        assert cli.main(["info", out]) == 0
        assert "word_vectors" in capsys.readouterr().out

    def test_refused(self, folder, tmp_path, capsys):
        out = str(tmp_path / "m.safetensors")
        assert cli.main(["train", "tag", "nowhere", "--out", out]) == 2
        assert cli.main(["train", "tag", str(folder), "--letters", "0", "--out", out]) == 2
        assert "letters must be a whole number from 1 to 1024" in capsys.readouterr().err
        with pytest.raises(InputError, match="--text review is for classify and generate, and not for tag"):
            gatewright.train("tag", str(folder), out, text="review")
        assert list(tmp_path.iterdir()) == [folder]
        model_file.write(tagger(), out)
        with pytest.raises(InputError, match="is a model of train tag, not a language model"):
            runtime.language_model(out)
        (tmp_path / "a.txt").write_text("a B-a\n")
        with pytest.raises(InputError, match=r"gives each sentence a label, and a\.txt has none"):
            gatewright.evaluate(out, str(tmp_path / "a.txt"))

    def test_comparison(self, folder, tmp_path):
        small = {name: SMALL[name] for name in ("units", "embedding", "letter_units", "letters", "batch")}
        result = compare(
            str(folder),
            task="tag",
            cells=["GRU", "SimpleRNN"],
            seeds=2,
            epochs=2,
            crf=True,
            **small,
            out=tmp_path / "c",
        )
        assert result.measures[0].name == "span_f1"
        assert {cell.name for cell in result.cells} == {"GRU", "SimpleRNN"}
        assert result.baseline.name == "each word's most frequent tag"


def test_take():
    rows = Tagged([["a"], ["b"]], [["x"], ["y"]], ["one", "other"])
    assert rows.take([1]) == Tagged([["b"]], [["y"]], ["other"])
