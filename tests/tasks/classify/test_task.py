"""The classification of texts: splits, labels, losses, measures and baselines."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from gatewright.nn.layers import Dense
from gatewright.support.errors import InputError
from gatewright.tasks.classify.settings import ClassifySettings
from gatewright.tasks.classify.task import Classify
from gatewright.training.dataset import Dataset


def task_of(data, test=None, validation=None, limit=None, label=None, **settings):
    settings = ClassifySettings(**{"min_count": 1, "max_length": 200, **settings})
    options = {} if label is None else {"label": label}
    return Classify(data, settings, options, test=test, validation=validation, limit=limit)


def predicted(prepared, outputs):
    return prepared.label_set.predicted(prepared.label_set.probabilities(outputs))


def table(path, rows):
    """Write a CSV file of (text, label)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return str(path)


class TestClassify:
    @pytest.fixture
    def sorted_rows(self):
        """Files are often sorted by label."""
        return [(f"fine film {i}", "good") for i in range(60)] + [(f"dull film {i}", "bad") for i in range(40)]

    def test_splits_are_stratified_shuffled_and_disjoint(self, tmp_path, sorted_rows):
        splits = task_of(table(tmp_path / "r.csv", sorted_rows)).read()
        texts = [split.texts for split in (splits.train, splits.validation, splits.test)]
        assert [len(split) for split in texts] == [72, 8, 20]
        assert sorted(text for split in texts for text in split) == sorted(text for text, _ in sorted_rows)
        assert splits.test.labels.count("good") == 12
        assert splits.validation.labels.count("good") == 5
        assert splits.train.labels != sorted(splits.train.labels)
        assert "no test set" in splits.notes[0]
        assert task_of(table(tmp_path / "r.csv", sorted_rows)).read() == splits

    def test_a_given_test_set_is_used_and_recurring_texts_are_noted(self, tmp_path, sorted_rows):
        test = table(tmp_path / "t.csv", [sorted_rows[0], ("new one", "bad"), sorted_rows[99]])
        splits = task_of(table(tmp_path / "r.csv", sorted_rows), test=test).read()
        assert len(splits.test.texts) == 3
        assert len(splits.train.texts) + len(splits.validation.texts) == 100
        assert splits.notes == ("2 of 100 training texts are also in the test set.",)

    def test_notes_of_all_files_are_passed_on(self, tmp_path, sorted_rows):
        files = {}
        for name, encoding in {"train": "utf-8", "validation": "utf-16", "test": "latin-1"}.items():
            files[name] = str(tmp_path / f"{name}.csv")
            content = "review,stars\n" + "".join(f"{text} \u00e9, {label}\n" for text, label in sorted_rows)
            (tmp_path / f"{name}.csv").write_bytes(content.encode(encoding))
        notes = task_of(files["train"], test=files["test"], validation=files["validation"]).read().notes
        assert f"{files['test']} was read as Windows-1252 (Latin-1), because it is not UTF-8." in notes
        assert f"{files['validation']} was read as UTF-16." in notes
        for path in files.values():
            assert f"In {path}, the texts are the column 'review' and the labels are the column 'stars'." in notes
            assert f"Spaces before or after 100 labels of {path} were left out." in notes

    def test_a_limit_takes_some_examples(self, tmp_path, sorted_rows):
        splits = task_of(table(tmp_path / "r.csv", sorted_rows), limit=10).read()
        assert [len(split.texts) for split in (splits.train, splits.validation, splits.test)] == [9, 1, 10]
        assert any("quick look" in note for note in splits.notes)

    def test_nothing_is_learned_from_the_test_set(self, tmp_path):
        rows = [("known words", "a"), ("known things", "b")] * 20
        test = table(tmp_path / "t.csv", [("known secret", "a"), ("secret", "b")])
        data = Dataset.read(task_of(table(tmp_path / "r.csv", rows), test=test, max_length=4))
        assert data.test.inputs.tolist() == [[1, 4, 2], [0, 1, 2]]

    def test_an_empty_text_is_one_start_token(self, tmp_path):
        rows = [("good", "a"), ("", "b")] * 20
        data = Dataset.read(task_of(table(tmp_path / "r.csv", rows), max_length=3))
        assert set(map(tuple, data.train.inputs.tolist())) == {(1, 4), (0, 1)}

    def test_empty_texts_are_noted(self, tmp_path):
        splits = task_of(table(tmp_path / "r.csv", [("good", "a"), (" ", "b")] * 20)).read()
        assert "20 of 40 texts are empty." in splits.notes

    def test_texts_without_words_are_refused(self, tmp_path):
        task = task_of(table(tmp_path / "r.csv", [("", "a"), ("!", "b")] * 20))
        sentence = r"No text of r.csv has a word\. Choose the column of the texts with --text\."
        with pytest.raises(InputError, match=sentence):
            Dataset.read(task)

    @pytest.fixture(params=[2, 3])
    def data(self, request, tmp_path):
        classes = "abc"[: request.param]
        return Dataset.read(task_of(table(tmp_path / "r.csv", [(f"word{c}", c) for c in classes] * 20)))

    def test_losses_are_cross_entropy(self, data):
        prepared, classes = data.prepared, len(data.prepared.labels)
        rng = np.random.default_rng(0)
        outputs = (3 * rng.normal(size=(50, 1 if classes == 2 else classes))).astype(np.float32)
        targets = rng.integers(0, classes, 50)
        full = np.concatenate([np.zeros((50, 1)), outputs], axis=1) if classes == 2 else outputs
        p = np.exp(full) / np.exp(full).sum(axis=1, keepdims=True)
        expected = -np.log(p[np.arange(50), targets])
        np.testing.assert_allclose(prepared.losses(jnp.array(outputs), jnp.array(targets)), expected, rtol=1e-5)
        measured = prepared.measure(outputs, targets)
        answers = p.argmax(axis=1)
        assert measured["log_loss"] == pytest.approx(metrics.log_loss(targets, p))
        assert measured["accuracy"] == metrics.accuracy_score(targets, answers)
        assert measured["macro_f1"] == metrics.f1_score(targets, answers, average="macro")
        assert prepared.scores(outputs, targets).mean() == measured["accuracy"]
        assert predicted(prepared, outputs) == [(prepared.labels[answer],) for answer in answers]
        assert list(measured) == [measure.name for measure in prepared.measures]

    def test_extreme_logits_have_finite_losses(self, data):
        outputs = np.full((2, 1 if len(data.prepared.labels) == 2 else 3), -1e4, np.float32)
        outputs[0, 0] = 1e4
        targets = np.array([0, 1])
        assert np.isfinite(data.prepared.losses(jnp.array(outputs), jnp.array(targets))).all()
        assert np.isfinite(data.prepared.measure(outputs, targets)["log_loss"])

    def test_the_network_has_the_settings_of_the_task(self, tmp_path, data):
        settings = ClassifySettings(cell="lstm", units=7, bidirectional=False, pooling="last", output_dropout=0.0)
        embedding, recurrent, dense = task_of("r.csv").network(data.prepared, settings)
        assert embedding.vocabulary == 4 + len(data.prepared.labels)
        assert (recurrent.cell, recurrent.units) == ("lstm", 7)
        assert dense == Dense(1 if len(data.prepared.labels) == 2 else 3)

    def test_the_constant_is_the_most_frequent_class(self, tmp_path):
        data = Dataset.read(task_of(table(tmp_path / "r.csv", [("x", "rare")] * 10 + [("y", "common")] * 30)))
        outputs, _ = data.prepared.constant(data.test.targets, data.train.targets)
        assert set(predicted(data.prepared, outputs)) == {("common",)}
        train, test = data.splits.train.labels, data.splits.test.labels
        share = train.count("rare") / len(train)
        expected = -np.log([share if label == "rare" else 1 - share for label in test]).mean()
        assert data.prepared.measure(outputs, data.test.targets)["log_loss"] == pytest.approx(expected)

    def test_the_baseline_reads_whole_texts(self, tmp_path):
        long = "padding " * 50
        rows = [(f"good {long}", "a"), (f"bad {long}", "b")] * 30
        task = task_of(table(tmp_path / "long.csv", rows), max_length=5)
        data = Dataset.read(task)
        baseline = task.baseline(data.splits, data.prepared)
        assert data.prepared.measure(baseline.outputs, data.test.targets)["accuracy"] == 1
        assert len(set(map(tuple, data.test.inputs.tolist()))) == 1

    @pytest.mark.parametrize("tokens", ["words", "bytes"])
    def test_the_baseline_reads_characters_where_words_are_not_separated(self, tmp_path, tokens):
        rng = np.random.default_rng(0)
        drawn = ["".join(rng.choice(list("日鳥雲火風北魚石山川"), 9)) for _ in range(300)]
        path = table(tmp_path / "r.csv", [(text, "sun" if "日" in text else "none") for text in drawn])
        task = task_of(path, tokens=tokens, vocabulary=300)
        data = Dataset.read(task)
        baseline = task.baseline(data.splits, data.prepared)
        assert data.prepared.measure(baseline.outputs, data.test.targets)["accuracy"] > 0.95
        assert baseline.description.startswith("sequences of 1 to 3 characters of the whole texts")
        assert "characters or words chosen by log loss on the validation set" in baseline.description

    def test_the_share_of_unknown_words_is_noted(self, tmp_path):
        rows = [("known words", "a"), ("known things", "b")] * 20
        new = table(tmp_path / "new.csv", [("known secret", "a"), ("other secret", "b")])
        old = table(tmp_path / "old.csv", [("known words", "a"), ("known things", "b")])
        path = table(tmp_path / "r.csv", rows)
        note = "0.0% of the words of the validation texts and 75.0% of the words of the test texts are unknown (not in"
        data = Dataset.read(task_of(path, test=new, validation=old))
        assert data.splits.notes[-1] == (
            f"{note} the vocabulary). A model trained with --tokens bytes has no unknown tokens."
        )
        data = Dataset.read(task_of(path, test=old, validation=old))
        assert not any("unknown" in note for note in data.splits.notes)
        data = Dataset.read(task_of(path, test=new, validation=old, tokens="bytes", vocabulary=300))
        assert not any("unknown" in note for note in data.splits.notes)

    def test_words_that_are_too_rare_are_refused_with_a_remedy(self, tmp_path):
        task = task_of(table(tmp_path / "r.csv", [(f"日鳥{i}", "ab"[i % 2]) for i in range(40)]), min_count=2)
        with pytest.raises(InputError, match=r"has a word that occurs 2 times.*--tokens bytes.*or --min-count 1"):
            Dataset.read(task)

    @pytest.mark.parametrize(
        ("rows", "sentence"),
        [
            ([("x", "a")] * 20, "has only one class, 'a'"),
            ([(f"x{i}", f"l{i}") for i in range(20)], "20 different labels in 20 rows"),
            ([("x", "a"), ("y", "b"), ("x", "a"), ("y", "b")], "too few examples"),
        ],
    )
    def test_labels_that_cannot_be_learned_are_refused(self, tmp_path, rows, sentence):
        with pytest.raises(InputError, match=sentence):
            task_of(table(tmp_path / "r.csv", rows)).read()

    def test_a_label_of_the_test_set_alone_is_refused(self, tmp_path, sorted_rows):
        test = table(tmp_path / "t.csv", [("x", "odd")])
        with pytest.raises(InputError, match="has the label 'odd', which the training set does not have"):
            task_of(table(tmp_path / "r.csv", sorted_rows), test=test).read()

    def test_too_few_examples_of_a_class_are_refused(self, tmp_path):
        rows = [(f"word {label}", label) for label in "abcdefghij"] * 4
        with pytest.raises(InputError, match="too few examples of the class"):
            task_of(table(tmp_path / "r.csv", rows), limit=6).read()


def labelled(path, rows, names=("toxic", "rude", "long")):
    """Write a JSON Lines file of (text, labels): a list, and a column for each name."""
    with path.open("w", encoding="utf-8") as file:
        for text, labels in rows:
            file.write(json.dumps({"text": text, "label": labels, **{name: name in labels for name in names}}) + "\n")
    return str(path)


class TestMultiLabel:
    """Any number of labels for a text."""

    ROWS = (("a toxic text", ["toxic"]), ("rude and toxic", ["rude", "toxic"]), ("fine words", []), ("rude", ["rude"]))

    @pytest.fixture
    def rows(self):
        return [(f"{text} {number}", labels) for number in range(25) for text, labels in self.ROWS]

    @pytest.fixture
    def task(self, tmp_path, rows):
        return task_of(labelled(tmp_path / "r.jsonl", rows))

    @pytest.fixture
    def data(self, task):
        return Dataset.read(task)

    def test_each_label_stays_in_the_training_set(self, tmp_path, rows):
        rare = [*rows, ("once", ["rare"])]
        splits = task_of(labelled(tmp_path / "r.jsonl", rare)).read()
        texts = [split.texts for split in (splits.train, splits.validation, splits.test)]
        assert [len(split) for split in texts] == [73, 8, 20]
        assert sorted(text for split in texts for text in split) == sorted(text for text, _ in rare)
        assert "once" in splits.train.texts
        labels_of = dict(rare)
        pairs = zip(splits.test.texts, splits.test.labels, strict=True)
        assert all(tuple(labels_of[text]) == labels for text, labels in pairs)
        assert task_of(labelled(tmp_path / "r.jsonl", rare)).read() == splits

    def test_a_limit_takes_some_examples(self, tmp_path, rows):
        splits = task_of(labelled(tmp_path / "r.jsonl", rows), limit=20).read()
        assert [len(split.texts) for split in (splits.train, splits.validation, splits.test)] == [18, 2, 20]

    def test_columns_keep_their_order_and_lists_are_sorted(self, tmp_path, rows, data):
        assert data.prepared.labels == ("rude", "toxic")
        task = task_of(labelled(tmp_path / "c.jsonl", rows), label="toxic,rude,long")
        columns = Dataset.read(task)
        assert columns.prepared.labels == ("toxic", "rude", "long")
        assert columns.splits.train.texts == data.splits.train.texts
        np.testing.assert_array_equal(columns.train.targets[:, [1, 0]], data.train.targets)
        assert not columns.train.targets[:, 2].any()  # no text has this label
        assert task.network(columns.prepared, columns.settings)[-1] == Dense(3)

    def test_measures(self, data):
        prepared = data.prepared
        assert prepared.multi_label
        assert [measure.name for measure in prepared.measures] == [
            *("macro_f1", "micro_f1", "accuracy", "auroc", "log_loss", "calibration_error")
        ]
        outputs, targets = np.array([[1.0, -1], [1, 1]]), np.array([[1, 0], [1, 0]])
        assert prepared.scores(outputs, targets).tolist() == [True, False]
        assert predicted(prepared, outputs) == [("rude",), ("rude", "toxic")]
        assert list(prepared.measure(outputs, targets)) == [measure.name for measure in prepared.measures]
        assert prepared.sample_weight(data.train).tolist() == [1.0] * 72
        kept = {name: value for name, value in prepared.to_json().items() if name != "encoder"}
        assert kept == {"labels": ["rude", "toxic"], "multi_label": True, "max_length": 200}

    def test_the_constant_and_the_baseline(self, task, data):
        outputs, _ = data.prepared.constant(data.test.targets, data.train.targets)
        shares = data.train.targets.mean(axis=0)
        expected = -(data.test.targets * np.log(shares) + (1 - data.test.targets) * np.log(1 - shares)).mean()
        assert data.prepared.measure(outputs, data.test.targets)["log_loss"] == pytest.approx(expected)
        baseline = task.baseline(data.splits, data.prepared)
        assert baseline.outputs.shape == outputs.shape == (20, 2)
        assert data.prepared.measure(baseline.outputs, data.test.targets)["accuracy"] == 1

    def test_a_label_that_all_or_no_training_texts_have(self, tmp_path, rows):
        every = [(text, [*labels, "long"]) for text, labels in rows]
        task = task_of(labelled(tmp_path / "r.jsonl", every, ("toxic", "long", "never")), label="toxic,long,never")
        data = Dataset.read(task)
        constant, _ = data.prepared.constant(data.test.targets, data.train.targets)
        for outputs in (task.baseline(data.splits, data.prepared).outputs, constant):
            assert np.isfinite(outputs).all()
            assert all(labels in (("long",), ("toxic", "long")) for labels in predicted(data.prepared, outputs))
            assert np.isfinite(data.prepared.measure(outputs, data.test.targets)["log_loss"])

    def test_balanced_class_weights_are_refused(self, tmp_path, rows):
        sentence = r"^class_weights cannot be 'balanced' if a text has any number of labels, as in r\.jsonl\. "
        with pytest.raises(InputError, match=sentence):
            task_of(labelled(tmp_path / "r.jsonl", rows), class_weights="balanced").read()

    @pytest.mark.parametrize(
        ("labels", "sentence"),
        [
            ([["a"]] * 20, r"^All rows of r\.jsonl have the same labels \('a'\)\. A classifier needs rows with"),
            ([[]] * 20, r"have the same labels \(none\)"),
            ([[f"l{row}"] for row in range(20)], r"20 different labels in 20 rows, which is too many\. Choose"),
            ([["a"], [], ["a"]], "too few examples to set some aside"),
        ],
    )
    def test_labels_that_cannot_be_learned_are_refused(self, tmp_path, labels, sentence):
        with pytest.raises(InputError, match=sentence):
            task_of(labelled(tmp_path / "r.jsonl", [("x", some) for some in labels])).read()

    @pytest.mark.parametrize("split", ["test", "validation"])
    def test_a_label_of_another_split_alone_is_refused(self, tmp_path, rows, split):
        other = labelled(tmp_path / "t.jsonl", [("x", ["rude", "odd"])], ("odd",))
        with pytest.raises(InputError, match="the label 'odd', which the training set does not have"):
            task_of(labelled(tmp_path / "r.jsonl", rows), **{split: other}).read()
        # A column in which every training text has 0.
        data = labelled(tmp_path / "r.jsonl", rows, ("rude", "odd"))
        other = labelled(tmp_path / "t.jsonl", [("x", ["odd"])], ("rude", "odd"))
        with pytest.raises(InputError, match="the label 'odd', which the training set does not have"):
            task_of(data, label="rude,odd", **{split: other}).read()

    def test_another_split_with_one_label_per_text_is_refused(self, tmp_path, rows):
        other = table(tmp_path / "t.csv", [("x", "rude")])
        with pytest.raises(InputError, match=r"r\.jsonl has lists of labels, but .*t\.csv has one label for each text"):
            task_of(labelled(tmp_path / "r.jsonl", rows), validation=other).read()

    def test_too_few_examples_of_a_label_are_refused(self, tmp_path):
        rows = [(f"word {label}", [label]) for label in "abcdefghij"] * 4
        with pytest.raises(InputError, match="too few examples of the label"):
            task_of(labelled(tmp_path / "r.jsonl", rows), limit=6).read()
