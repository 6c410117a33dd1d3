"""The tasks: what their rows, losses, measures and answers mean."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from gatewright.support.errors import InputError
from gatewright.tasks.adding.task import Adding
from gatewright.tasks.base.task import Parts
from gatewright.tasks.classify.task import Classify


class TestAdding:
    @pytest.fixture
    def parts(self) -> Parts:
        return Adding(length=11, train_rows=3000, validation_rows=50, test_rows=70).read()

    def test_rows(self, parts):
        assert [len(part.inputs) for part in (parts.train, parts.validation, parts.test)] == [3000, 50, 70]
        numbers, marks = parts.train.inputs[..., 0], parts.train.inputs[..., 1]
        assert numbers.min() >= 0
        assert numbers.max() < 1
        # One mark in each half; every step is marked in some row.
        np.testing.assert_array_equal(marks[:, :5].sum(axis=1), 1)
        np.testing.assert_array_equal(marks[:, 5:].sum(axis=1), 1)
        assert (marks.sum(axis=0) > 0).all()
        np.testing.assert_allclose((numbers * marks).sum(axis=1), parts.train.targets[:, 0], rtol=1e-6)

    def test_no_row_recurs(self, parts):
        rows = np.concatenate([parts.train.inputs, parts.validation.inputs, parts.test.inputs])
        assert len(np.unique(rows.reshape(len(rows), -1), axis=0)) == len(rows)

    def test_chance_is_wrong_by_the_variance(self, parts):
        task = Adding()
        chance = task.chance(parts.train, parts.test)
        assert len(np.unique(chance.outputs)) == 1
        wide = Adding(length=4, test_rows=20_000).read()
        figure = task.measure(task.chance(wide.train, wide.test).outputs, wide.test.targets)["mse"]
        assert figure == pytest.approx(1 / 6, abs=0.005)

    def test_measures(self):
        outputs, targets = np.array([[1.0], [0.5], [0.7]]), np.array([[1.03], [0.5], [0.6]])
        found = Adding().measure(outputs, targets)
        assert found["mse"] == pytest.approx((0.03**2 + 0.1**2) / 3)
        assert found["within_0_04"] == pytest.approx(2 / 3)
        assert Adding().merits(outputs, targets).tolist() == [True, True, False]
        assert list(found) == [measure.name for measure in Adding().measures]

    def test_losses(self):
        outputs, targets = jnp.array([[1.0], [0.5]]), jnp.array([[1.5], [0.5]])
        assert Adding().losses(outputs, targets).tolist() == [0.25, 0.0]

    def test_baseline_can_not_do_it(self, parts):
        simple = Adding().baseline(parts)
        assert simple.outputs.shape == (70, 1)
        assert Adding().measure(simple.outputs, parts.test.targets)["mse"] > 0.1

    def test_decode(self):
        assert Adding().decode(np.array([[0.5], [1.25]])) == [0.5, 1.25]


def table(path, rows):
    """A CSV file of (text, label)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return str(path)


class TestClassify:
    @pytest.fixture
    def sorted_rows(self):
        """Files are often sorted by label."""
        return [(f"fine film {i}", "good") for i in range(60)] + [(f"dull film {i}", "bad") for i in range(40)]

    def test_splits_are_stratified_shuffled_and_disjoint(self, tmp_path, sorted_rows):
        parts = Classify(table(tmp_path / "r.csv", sorted_rows)).read()
        texts = [part.texts for part in (parts.train, parts.validation, parts.test)]
        assert [len(part) for part in texts] == [72, 8, 20]
        assert sorted(text for part in texts for text in part) == sorted(text for text, _ in sorted_rows)
        assert parts.test.labels.count("good") == 12
        assert parts.validation.labels.count("good") == 5
        assert parts.train.labels != sorted(parts.train.labels)
        assert "no test part" in parts.notes[0]
        again = Classify(table(tmp_path / "r.csv", sorted_rows)).read()
        assert again == parts

    def test_own_test_part_and_recurring_texts(self, tmp_path, sorted_rows):
        test = table(tmp_path / "t.csv", [sorted_rows[0], ("new one", "bad"), sorted_rows[99]])
        parts = Classify(table(tmp_path / "r.csv", sorted_rows), test=test).read()
        assert len(parts.test.texts) == 3
        assert len(parts.train.texts) + len(parts.validation.texts) == 100
        assert parts.notes == ("2 of 100 training texts occur in the test part too.",)

    def test_limit(self, tmp_path, sorted_rows):
        parts = Classify(table(tmp_path / "r.csv", sorted_rows), limit=10).read()
        assert (len(parts.train.texts), len(parts.validation.texts), len(parts.test.texts)) == (9, 1, 10)
        assert any("quick look" in note for note in parts.notes)

    def test_nothing_is_learnt_from_validation_or_test(self, tmp_path):
        rows = [("known words", "a"), ("known things", "b")] * 20
        test = table(tmp_path / "t.csv", [("known secret", "a"), ("secret", "b")])
        task = Classify(table(tmp_path / "r.csv", rows), test=test, length=4)
        parts = task.read()
        task.fit(parts.train)
        assert task.encode(parts.test).inputs.tolist() == [[0, 1, 4, 2], [0, 0, 1, 2]]

    def test_an_empty_text_is_one_start_token(self, tmp_path):
        rows = [("good", "a"), ("", "b")] * 20
        task = Classify(table(tmp_path / "r.csv", rows), length=3)
        parts = task.read()
        task.fit(parts.train)
        encoded = task.encode(parts.train)
        assert set(map(tuple, encoded.inputs.tolist())) == {(0, 1, 4), (0, 0, 1)}

    def test_empty_texts_are_told(self, tmp_path):
        parts = Classify(table(tmp_path / "r.csv", [("good", "a"), (" ", "b")] * 20)).read()
        assert "20 of 40 texts are empty." in parts.notes

    def test_no_words_at_all(self, tmp_path):
        task = Classify(table(tmp_path / "r.csv", [("", "a"), ("!", "b")] * 20))
        with pytest.raises(InputError, match=r"no text of r.csv has a word: name the column of texts with --text\."):
            task.fit(task.read().train)

    @pytest.fixture(params=[2, 3])
    def task(self, request, tmp_path):
        classes = "abc"[: request.param]
        task = Classify(table(tmp_path / "r.csv", [(f"word{c}", c) for c in classes] * 20))
        task.fit(task.read().train)
        return task

    def test_losses_are_cross_entropy(self, task):
        classes = len(task._classes)
        rng = np.random.default_rng(0)
        outputs = (3 * rng.normal(size=(50, 1 if classes == 2 else classes))).astype(np.float32)
        targets = rng.integers(0, classes, 50)
        full = np.concatenate([np.zeros((50, 1)), outputs], axis=1) if classes == 2 else outputs
        p = np.exp(full) / np.exp(full).sum(axis=1, keepdims=True)
        expected = -np.log(p[np.arange(50), targets])
        np.testing.assert_allclose(task.losses(jnp.array(outputs), jnp.array(targets)), expected, rtol=1e-5)
        measured = task.measure(outputs, targets)
        answers = p.argmax(axis=1)
        assert measured["log_loss"] == pytest.approx(metrics.log_loss(targets, p))
        assert measured["accuracy"] == metrics.accuracy_score(targets, answers)
        assert measured["macro_f1"] == metrics.f1_score(targets, answers, average="macro")
        assert task.merits(outputs, targets).mean() == measured["accuracy"]
        assert task.decode(outputs) == [task._classes[answer] for answer in answers]
        assert list(measured) == [measure.name for measure in task.measures]

    def test_extreme_logits_stay_finite(self, task):
        outputs = np.full((2, 1 if len(task._classes) == 2 else 3), -1e4, np.float32)
        outputs[0, 0] = 1e4
        targets = np.array([0, 1])
        assert np.isfinite(task.losses(jnp.array(outputs), jnp.array(targets))).all()
        assert np.isfinite(task.measure(outputs, targets)["log_loss"])

    def test_model(self, task):
        embedding, recurrent, dense = task.blocks("lstm", 7)
        assert embedding.vocabulary == 4 + len(task._classes)
        assert (recurrent.cell, recurrent.units) == ("lstm", 7)
        assert dense.units == (1 if len(task._classes) == 2 else 3)

    def test_chance_is_the_commonest_class(self, tmp_path):
        rows = [("x", "rare")] * 10 + [("y", "common")] * 30
        task = Classify(table(tmp_path / "r.csv", rows))
        parts = task.read()
        task.fit(parts.train)
        chance = task.chance(task.encode(parts.train), task.encode(parts.test))
        assert set(task.decode(chance.outputs)) == {"common"}
        share = parts.train.labels.count("rare") / len(parts.train.labels)
        expected = -np.log([share if label == "rare" else 1 - share for label in parts.test.labels]).mean()
        assert task.measure(chance.outputs, task.encode(parts.test).targets)["log_loss"] == pytest.approx(expected)

    def test_baseline_reads_whole_texts(self, task, tmp_path):
        long = "padding " * 50
        rows = [(f"good {long}", "a"), (f"bad {long}", "b")] * 30
        task = Classify(table(tmp_path / "long.csv", rows), length=5)
        parts = task.read()
        task.fit(parts.train)
        simple = task.baseline(parts)
        assert task.measure(simple.outputs, task.encode(parts.test).targets)["accuracy"] == 1
        assert len(set(map(tuple, task.encode(parts.test).inputs.tolist()))) == 1

    @pytest.mark.parametrize(
        ("rows", "sentence"),
        [
            ([("x", "a")] * 20, "has one class only, 'a'"),
            ([(f"x{i}", f"l{i}") for i in range(20)], "20 different labels in 20 rows"),
            ([("x", "a"), ("y", "b"), ("x", "a"), ("y", "b")], "too few rows"),
        ],
    )
    def test_labels_that_make_no_task(self, tmp_path, rows, sentence):
        with pytest.raises(InputError, match=sentence):
            Classify(table(tmp_path / "r.csv", rows)).read()

    def test_label_of_the_test_part_alone(self, tmp_path, sorted_rows):
        test = table(tmp_path / "t.csv", [("x", "odd")])
        with pytest.raises(InputError, match="has the label 'odd', which no training row has"):
            Classify(table(tmp_path / "r.csv", sorted_rows), test=test).read()

    def test_too_few_rows_for_the_classes(self, tmp_path):
        rows = [(f"word {label}", label) for label in "abcdefghij"] * 4
        with pytest.raises(InputError, match="too few rows of the class"):
            Classify(table(tmp_path / "r.csv", rows), limit=6).read()


def labelled(path, rows, names=("toxic", "rude", "long")):
    """A JSON Lines file of (text, labels): a list, and a column for each name."""
    with path.open("w", encoding="utf-8") as file:
        for text, labels in rows:
            file.write(json.dumps({"text": text, "label": labels, **{name: name in labels for name in names}}) + "\n")
    return str(path)


class TestClassifySeveral:
    """Any number of labels for a text."""

    ROWS = (("a toxic text", ["toxic"]), ("rude and toxic", ["rude", "toxic"]), ("fine words", []), ("rude", ["rude"]))

    @pytest.fixture
    def rows(self):
        return [(f"{text} {number}", labels) for number in range(25) for text, labels in self.ROWS]

    @pytest.fixture
    def task(self, tmp_path, rows):
        task = Classify(labelled(tmp_path / "r.jsonl", rows))
        self.parts = task.read()
        task.fit(self.parts.train)
        return task

    def test_splits(self, tmp_path, rows):
        rare = [*rows, ("once", ["rare"])]
        parts = Classify(labelled(tmp_path / "r.jsonl", rare)).read()
        texts = [part.texts for part in (parts.train, parts.validation, parts.test)]
        assert [len(part) for part in texts] == [73, 8, 20]
        assert sorted(text for part in texts for text in part) == sorted(text for text, _ in rare)
        assert "once" in parts.train.texts
        of = dict(rare)
        assert all(tuple(of[text]) == labels for text, labels in zip(parts.test.texts, parts.test.labels, strict=True))
        assert Classify(labelled(tmp_path / "r.jsonl", rare)).read() == parts

    def test_limit(self, tmp_path, rows):
        parts = Classify(labelled(tmp_path / "r.jsonl", rows), limit=20).read()
        assert [len(part.texts) for part in (parts.train, parts.validation, parts.test)] == [18, 2, 20]

    def test_columns_keep_their_order_and_lists_are_sorted(self, tmp_path, rows, task):
        assert task.classes == ("rude", "toxic")
        by_columns = Classify(labelled(tmp_path / "c.jsonl", rows), label="toxic,rude,long")
        parts = by_columns.read()
        by_columns.fit(parts.train)
        assert by_columns.classes == ("toxic", "rude", "long")
        assert parts.train.texts == self.parts.train.texts
        one, other = by_columns.encode(parts.train), task.encode(self.parts.train)
        np.testing.assert_array_equal(one.targets[:, [1, 0]], other.targets)
        assert not one.targets[:, 2].any()  # a column of which no row says yes
        assert by_columns.blocks("gru", 3)[-1].units == 3

    def test_what_it_is_measured_by(self, task):
        assert task.several
        assert [measure.name for measure in task.measures] == [
            *("macro_f1", "micro_f1", "accuracy", "auroc", "log_loss", "calibration_error")
        ]
        outputs, targets = np.array([[1.0, -1], [1, 1]]), np.array([[1, 0], [1, 0]])
        assert task.merits(outputs, targets).tolist() == [True, False]
        assert task.decode(outputs) == [("rude",), ("rude", "toxic")]
        assert list(task.measure(outputs, targets)) == [measure.name for measure in task.measures]
        assert task.counts(task.encode(self.parts.train)).tolist() == [1.0] * 72
        answers = task.model(task.blocks("gru", 3), [{}] * 3, {}).answers
        assert answers == {"labels": ["rude", "toxic"], "length": 200, "several": True}

    def test_chance_and_baseline(self, task):
        train, test = task.encode(self.parts.train), task.encode(self.parts.test)
        chance = task.chance(train, test)
        shares = train.targets.mean(axis=0)
        expected = -(test.targets * np.log(shares) + (1 - test.targets) * np.log(1 - shares)).mean()
        assert task.measure(chance.outputs, test.targets)["log_loss"] == pytest.approx(expected)
        simple = task.baseline(self.parts)
        assert simple.outputs.shape == chance.outputs.shape == (20, 2)
        assert task.measure(simple.outputs, test.targets)["accuracy"] == 1

    def test_a_column_that_all_or_no_training_rows_have(self, tmp_path, rows):
        every = [(text, [*labels, "long"]) for text, labels in rows]
        task = Classify(labelled(tmp_path / "r.jsonl", every, ("toxic", "long", "never")), label="toxic,long,never")
        parts = task.read()
        task.fit(parts.train)
        test = task.encode(parts.test)
        for simple in (task.baseline(parts), task.chance(task.encode(parts.train), test)):
            assert np.isfinite(simple.outputs).all()
            assert all(labels[:1] == ("long",) or labels == ("toxic", "long") for labels in task.decode(simple.outputs))
            assert np.isfinite(task.measure(simple.outputs, test.targets)["log_loss"])

    def test_balanced_rows_are_refused(self, tmp_path, rows):
        sentence = (
            r"^class_weights must be none where a text has any number of labels, as in r\.jsonl, not 'balanced': "
        )
        with pytest.raises(InputError, match=sentence):
            Classify(labelled(tmp_path / "r.jsonl", rows), class_weights="balanced").read()

    @pytest.mark.parametrize(
        ("labels", "sentence"),
        [
            ([["a"]] * 20, r"^every row of r\.jsonl has the same labels \('a'\): a classifier needs rows that differ"),
            ([[]] * 20, r"has the same labels \(none\)"),
            ([[f"l{row}"] for row in range(20)], "20 different labels in 20 rows: name the column of labels with"),
            ([["a"], [], ["a"]], "too few rows to set some aside"),
        ],
    )
    def test_labels_that_make_no_task(self, tmp_path, labels, sentence):
        with pytest.raises(InputError, match=sentence):
            Classify(labelled(tmp_path / "r.jsonl", [("x", some) for some in labels])).read()

    @pytest.mark.parametrize("part", ["test", "validation"])
    def test_labels_of_another_part_alone(self, tmp_path, rows, part):
        other = labelled(tmp_path / "t.jsonl", [("x", ["rude", "odd"])], ("odd",))
        with pytest.raises(InputError, match="the label 'odd', which no training row has"):
            Classify(labelled(tmp_path / "r.jsonl", rows), **{part: other}).read()
        # A column that is there, and says no in every training row.
        data = labelled(tmp_path / "r.jsonl", rows, ("rude", "odd"))
        other = labelled(tmp_path / "t.jsonl", [("x", ["odd"])], ("rude", "odd"))
        with pytest.raises(InputError, match="the label 'odd', which no training row has"):
            Classify(data, label="rude,odd", **{part: other}).read()

    def test_one_label_a_text_in_another_part(self, tmp_path, rows):
        other = table(tmp_path / "t.csv", [("x", "rude")])
        with pytest.raises(InputError, match=r"r\.jsonl has lists of labels, and .*t\.csv has one label for each text"):
            Classify(labelled(tmp_path / "r.jsonl", rows), validation=other).read()

    def test_too_few_rows_for_the_labels(self, tmp_path):
        rows = [(f"word {label}", [label]) for label in "abcdefghij"] * 4
        with pytest.raises(InputError, match="too few rows of the label"):
            Classify(labelled(tmp_path / "r.jsonl", rows), limit=6).read()
