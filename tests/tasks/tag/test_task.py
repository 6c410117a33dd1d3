"""Tagged sentences as splits and arrays, the loss, the constant and the baseline."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close

from gatewright.support.errors import InputError
from gatewright.tasks.tag.layers import Tags
from gatewright.tasks.tag.sentences import Tagged
from gatewright.tasks.tag.settings import TagSettings
from gatewright.tasks.tag.task import PreparedSentences, Tag
from gatewright.training.dataset import Dataset


def column_file(path, sentences):
    path.write_text("\n".join("".join(f"{word} {tag}\n" for word, tag in sentence) for sentence in sentences))
    return str(path)


def task(data, limit=None, validation=None, test=None, **settings):
    return Tag(str(data), TagSettings.complete(settings), validation=validation, test=test, limit=limit)


def read(data, **settings):
    """Return the task on this data, and its data set."""
    made = task(data, **settings)
    return made, Dataset.read(made)


def test_sentences_are_encoded_as_trees_of_arrays(folder):
    _, data = read(folder, max_chars=5)
    prepared, (inputs, targets) = data.prepared, data.train
    assert [measure.name for measure in prepared.measures] == [
        *("span_f1", "accuracy", "unknown_word_accuracy", "intent_accuracy", "loss"),
    ]
    assert inputs["words"].shape == targets["tags"].shape == targets["unknown"].shape == (60, prepared.time)
    assert inputs["chars"].shape == (60, prepared.time, 5)
    assert prepared.size(data.train) == sum(map(len, data.splits.train.words)) == (inputs["words"] > 0).sum()
    assert [prepared.tags[number - 1] for number in targets["tags"][0] if number] == data.splits.train.tags[0]
    assert set(targets["labels"]) == {1, 2}
    assert not targets["unknown"].any()


@pytest.mark.parametrize(("given", "used"), [(None, True), (True, True), (False, False)])
def test_spans_are_tagged_with_a_crf_unless_it_is_turned_off(folder, given, used):
    made, data = read(folder, crf=given)
    assert data.settings.crf is used
    assert made.network(data.prepared, data.settings)[-1] == Tags(5, 2, used, "max")


BMES = [[("we", "O"), ("met", "O"), ("Bob", "B-PER"), ("Smith", "E-PER")], [("Rio", "S-LOC")]] * 10


@pytest.mark.parametrize(
    ("strays", "spans", "note"),
    [
        ([], True, None),
        ([("x", "PER")], True, r"1 word has a tag that does not mark spans .*: 'PER' \(1\)\.$"),
        ([("x", "PER"), ("y", "LOC")], True, r"2 words have a tag .*: 'PER' \(1\), 'LOC' \(1\)\.$"),
        ([("x", "PER")] * 20, False, r"% of the words with a tag other than O .* no CRF without --crf\.$"),
        ([("x", "PER")] * 90, False, None),
    ],
)
def test_a_few_stray_tags_leave_span_f1_and_the_crf_on(tmp_path, strays, spans, note):
    train = column_file(tmp_path / "a.txt", [*BMES, *[[stray] for stray in strays]])
    other = column_file(tmp_path / "b.txt", BMES)
    made, data = read(train, validation=other, test=other)
    assert made.network(data.prepared, data.settings)[-1].crf is spans
    assert (data.prepared.measures[0].name == "span_f1") is spans
    notes = [text for text in data.splits.notes if "tag" in text]
    assert not notes if note is None else re.search(note, notes[0])
    again = PreparedSentences.from_json(data.prepared.to_json())
    assert again.measures == data.prepared.measures


def test_the_prepared_survives_json(folder):
    _, data = read(folder)
    again = PreparedSentences.from_json(data.prepared.to_json()).covering(data.splits.test)
    one, other = again.encode(data.splits.test), data.prepared.encode(data.splits.test)
    for name, array in one.targets.items():
        wanted = other.targets[name] if name == "labels" else other.targets[name][:, -again.time :]
        np.testing.assert_array_equal(array, wanted)


def test_without_a_test_set_whole_sentences_are_held_out(tmp_path):
    sentences = [[(f"w{place}", "AB"[place % 2])] * (1 + place % 3) for place in range(100)]
    data = column_file(tmp_path / "a.txt", sentences)
    splits = task(data).read()
    parts = (splits.train, splits.validation, splits.test)
    assert [len(part.words) for part in parts] == [72, 8, 20]
    together = [words for part in parts for words in part.words]
    assert sorted(together) == sorted([word for word, _ in sentence] for sentence in sentences)
    assert "has no test set: 20% of its sentences were set aside" in splits.notes[0]
    # Neighbors stay together.
    held = sorted(int(words[0][1:]) for words in splits.test.words)
    assert held == list(range(held[0], held[0] + 20))
    assert task(data).read() == splits


def test_labels_are_held_out_in_proportion(folder):
    splits = task(folder / "train").read()
    for part, fraction in ((splits.test, 0.2), (splits.validation, 0.08)):
        expected = fraction * splits.train.labels.count("flight") / 0.72
        assert part.labels.count("flight") == pytest.approx(expected, abs=1)


def test_a_limit_and_recurring_sentences_are_noted(folder):
    splits = task(folder, limit=10).read()
    assert (len(splits.train.words), len(splits.test.words)) == (10, 10)
    assert any("Only a quick look" in note for note in splits.notes)
    assert any("training sentences are also in the test set" in note for note in task(folder).read().notes)


def test_nothing_is_learned_from_validation_and_test_sets(tmp_path):
    train = column_file(tmp_path / "a.txt", [[("known", "A"), ("word", "B")]] * 30)
    other = column_file(tmp_path / "b.txt", [[("known", "A"), ("secret", "C")]])
    made, data = read(train, validation=other, test=other, max_chars=3)
    assert data.test.inputs["words"].tolist() == [[4, 2]]
    assert data.test.targets["tags"].tolist() == [[1, 3]]  # an unseen tag, which cannot be predicted
    assert data.test.targets["unknown"].tolist() == [[False, True]]
    assert made.network(data.prepared, data.settings)[-1] == Tags(2, 0, False, "max")  # no spans, so no CRF
    assert "1 of the 2 test tokens have a tag that no training sentence has, and count as wrong." in data.splits.notes
    assert data.prepared.tags == ("A", "B")
    assert "C" not in data.prepared.to_json()["tags"]
    outputs = made.baseline(data.splits, data.prepared).outputs
    assert data.prepared.measure(outputs, data.test.targets)["accuracy"] == 0.5


def test_other_sentences_change_nothing_that_was_prepared(folder):
    _, data = read(folder)
    before = data.prepared.to_json()
    covering = data.prepared.covering(Tagged([["x"] * 99], [["B-new"] * 99], ["refund"]))
    assert (covering.unseen_tags, covering.unseen_labels, covering.time) == (("B-new",), ("refund",), 50)
    assert (data.prepared.unseen_tags, data.prepared.unseen_labels) == ((), ())
    assert covering.to_json() == data.prepared.to_json() == before


def test_long_sentences_are_encoded_in_pieces(folder):
    made, data = read(folder, max_length=4)
    assert data.train.inputs["words"].shape[1] == 4
    assert data.prepared.size(data.train) == sum(map(len, data.splits.train.words))
    labels = data.train.targets["labels"]
    assert (labels > 0).sum() == 60  # one for each sentence, that of its first piece
    assert len(labels) > 60
    assert made.baseline(data.splits, data.prepared).outputs["scores"].shape[0] == data.test.size


def test_tags_and_the_label_of_a_sentence_share_the_loss(folder):
    _, data = read(folder)
    mean_words = data.prepared.size(data.train) / 60
    targets = {name: array[:2].copy() for name, array in data.train.targets.items()}
    targets["labels"][1] = 0
    outputs = {"losses": jnp.array([3.0, 5.0]), "labels": jnp.zeros((2, 2))}
    expected = [3 / mean_words + np.log(2), 5 / mean_words]
    assert_close(data.prepared.losses(outputs, targets), expected, "forward", np.float32)


def test_the_baseline_predicts_the_most_frequent_tag_of_each_word(tmp_path):
    train = [[("the", "D"), ("run", "V")]] * 5 + [[("the", "D"), ("run", "N")], [("once", "X")], [("only", "X")]]
    one = column_file(tmp_path / "a.txt", train)
    test = column_file(tmp_path / "b.txt", [[("run", "V"), ("the", "D"), ("new", "X")], [("run", "N")]])
    made, data = read(one, validation=test, test=test)
    prepared, targets = data.prepared, data.test.targets
    baseline = made.baseline(data.splits, prepared)
    assert prepared.measure(baseline.outputs, targets)["accuracy"] == 3 / 4
    assert "X for words that the training set does not have" in baseline.description
    predicted = baseline.outputs["scores"].argmax(axis=2)[0]
    assert [prepared.tags[number] for number in predicted] == ["V", "D", "X"]
    np.testing.assert_array_equal(prepared.scores(baseline.outputs, targets), [1, 0])


def test_the_constant_is_the_most_frequent_tag(tmp_path):
    train = [[("a", "X")]] * 20 + [[("b", "Y")]] * 5
    one = column_file(tmp_path / "a.txt", train)
    test = column_file(tmp_path / "b.txt", [[("a", "X"), ("b", "Y"), ("b", "Y"), ("c", "Z")]])
    _, data = read(one, validation=test, test=test)
    targets = data.test.targets
    for train_targets, accuracy in ((data.train.targets, 1 / 4), (None, 2 / 4)):
        outputs, description = data.prepared.constant(targets, train_targets)
        assert data.prepared.measure(outputs, targets)["accuracy"] == accuracy
        assert description == "always the most frequent tag"


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([[("a", "X")]] * 20, "has only one tag, 'X'"),
        ([[("a", "X"), ("b", "Y")]], r"too few sentences to set some aside \(1\)"),
        ([[(f"w{n}", f"t{n}")] for n in range(7000)], "different tags, but a tagger can have at most 5,000"),
    ],
)
def test_data_without_usable_tags_is_refused(tmp_path, sentences, message):
    with pytest.raises(InputError, match=message):
        read(column_file(tmp_path / "a.txt", sentences))


def test_sentences_are_taken_in_the_given_order():
    sentences = Tagged([["a"], ["b"]], [["x"], ["y"]], ["one", "other"])
    assert sentences.take([1]) == Tagged([["b"]], [["y"]], ["other"])
