"""Folders with a subfolder of recordings for each class: one file is one series."""

import numpy as np
import pytest
from series_models import task_splits

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.reading import is_series, read_one, read_series

RISING = [[1.0, 5.0], [2.0, 4.0], [4.0, 9.0]]
LABELS = ["down", "down", "up", "up"]


def table(rows, names=("x", "y"), delimiter=","):
    lines = [] if names is None else [delimiter.join(names)]
    return "\n".join([*lines, *(delimiter.join(map(str, row)) for row in rows)]) + "\n"


def make_folder(root, contents, name="{}.csv"):
    """Write files with these contents, the first half as the class "down" and the others as "up"."""
    for place, content in enumerate(contents):
        folder = root / ("down" if place < len(contents) / 2 else "up")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name.format(place)
        if isinstance(content, str):
            path.write_text(content)
        else:
            np.save(path, content)
    return root


def with_time(rows, start=0.0, step=0.02):
    return [[round(start + step * place, 6), *row] for place, row in enumerate(rows)]


@pytest.mark.parametrize("time", ["t", "Time", "timestamp", "index", "", "time (s)", "ms"])
def test_a_column_of_times_is_no_channel(tmp_path, time):
    rows = table(with_time(RISING), (time, "x", "y"))
    make_folder(tmp_path / "d", [rows] * 4)
    assert is_series(str(tmp_path / "d"), {})
    source = read_series(str(tmp_path / "d"))
    assert (source.train.channels, source.train.labels) == (("x", "y"), LABELS)
    for values in source.train.values:
        np.testing.assert_array_equal(values, RISING)
    assert any("has the times of the steps. It is not a channel" in note for note in source.notes)


def test_a_column_that_is_named_like_times_but_does_not_increase_is_a_channel(tmp_path):
    make_folder(tmp_path / "d", [table([[3, 1], [1, 2], [2, 3]], ("index", "x"))] * 4)
    source = read_series(str(tmp_path / "d"))
    assert source.train.channels == ("index", "x")
    assert any("does not increase in all files. It was read as a channel" in note for note in source.notes)


@pytest.mark.parametrize(("name", "delimiter"), [("{}.csv", ","), ("{}.tsv", "\t"), ("{}.txt", " "), ("{}.dat", "  ")])
def test_files_without_names_have_numbered_channels(tmp_path, name, delimiter):
    make_folder(tmp_path / "a", [table(RISING, None, delimiter)] * 4, name)
    source = read_series(str(tmp_path / "a"))
    assert source.train.channels == ("1", "2")
    np.testing.assert_array_equal(source.train.values[3], RISING)
    make_folder(tmp_path / "b", [table(with_time(RISING, 7), None, delimiter)] * 4, name)
    timed = read_series(str(tmp_path / "b"))
    np.testing.assert_array_equal(timed.train.values[0], RISING)
    assert any("increases by equal steps in all files" in note for note in timed.notes)


def test_a_rising_channel_with_a_name_stays(tmp_path):
    make_folder(tmp_path / "d", [table(with_time(RISING), ("height", "x", "y"))] * 4)
    assert read_series(str(tmp_path / "d")).train.channels == ("height", "x", "y")


def test_arrays_are_recordings(tmp_path):
    make_folder(tmp_path / "d", [np.array(RISING)] * 4, "{}.npy")
    assert is_series(str(tmp_path / "d"), {})
    np.testing.assert_array_equal(read_series(str(tmp_path / "d")).train.values[0], RISING)


def test_channels_are_matched_by_name(tmp_path):
    turned = table([row[::-1] for row in RISING], ("y", "x"))
    make_folder(tmp_path / "d", [table(RISING), turned, table(RISING), turned])
    for values in read_series(str(tmp_path / "d")).train.values:
        np.testing.assert_array_equal(values, RISING)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (table(RISING, ("x", "z")), r"has the columns x, y, but .*3\.csv has the columns x, z"),
        (table(RISING, None), r"has the columns x, y, but .*3\.csv has 2 columns without names"),
        (table([[1], [2]], ("x",)), r"but .*3\.csv has the columns x"),
        ("x,y\n", r"3\.csv has no numbers"),
        ("", r"3\.csv has no rows"),
    ],
)
def test_files_with_other_channels_are_refused_in_one_sentence(tmp_path, other, message):
    make_folder(tmp_path / "d", [table(RISING)] * 3 + [other])
    with pytest.raises(InputError, match=message) as caught:
        read_series(str(tmp_path / "d"))
    assert "\n" not in str(caught.value)


def test_columns_of_texts_are_left_out_and_named(tmp_path):
    rows = [["2024-01-31 10:00:00", *row, "left"] for row in [*RISING, [1.0, 1.0]]]
    make_folder(tmp_path / "d", [table(rows, ("time", "x", "y", "hand"))] * 4)
    source = read_series(str(tmp_path / "d"))
    assert source.train.channels == ("x", "y")
    assert any("that are not numbers were left out: time, hand" in note for note in source.notes)
    assert any("The same is true of 3 other files" in note for note in source.notes)


def test_a_folder_of_texts_is_not_series(tmp_path):
    make_folder(tmp_path / "a", ["a good film\n"] * 4, "{}.txt")
    make_folder(tmp_path / "b", ["id,text\n1,a good film\n2,a bad one\n"] * 4)
    assert not is_series(str(tmp_path / "a"), {})
    assert not is_series(str(tmp_path / "b"), {})


def test_training_and_test_folders(tmp_path):
    make_folder(tmp_path / "d" / "train", [table(with_time(RISING), ("t", "x", "y"))] * 4)
    make_folder(tmp_path / "d" / "test", [table(with_time(RISING), ("t", "y", "x"))] * 2)
    source = read_series(str(tmp_path / "d"))
    assert (len(source.train.values), source.test.labels) == (4, ["down", "up"])
    np.testing.assert_array_equal(source.test.values[0], np.array(RISING)[:, ::-1])
    other = read_one(str(tmp_path / "d" / "test"), source.train.options_for_more(), "--validation")
    assert other.series.labels == ["down", "up"]


def test_a_file_or_a_folder_is_predicted_as_it_was_trained(tmp_path):
    make_folder(tmp_path / "d", [table(with_time(RISING), ("t", "x", "y"))] * 4)
    train = read_series(str(tmp_path / "d")).train
    wanted = train.options.for_more(train.channels, {}, labelled=False)
    (tmp_path / "new.csv").write_text(table(with_time(RISING), ("t", "y", "x")))
    one = read_one(str(tmp_path / "new.csv"), wanted, "--file").series
    np.testing.assert_array_equal(one.values, [np.array(RISING)[:, ::-1]])
    folder = read_one(str(tmp_path / "d" / "down"), wanted, "--file")
    assert len(folder.series.values) == 2
    assert any("2 files were read, from" in note for note in folder.notes)


def test_splits_and_notes(tmp_path):
    rng = np.random.default_rng(0)
    contents = [table(with_time(rng.normal(size=(9, 2)).round(3).tolist()), ("t", "x", "y")) for _ in range(40)]
    splits = task_splits(make_folder(tmp_path / "d", contents))
    assert [len(some.values) for some in (splits.train, splits.validation, splits.test)] == [29, 3, 8]
    assert any("'t' has the times" in note for note in splits.notes)


def test_times_in_a_later_column_are_no_channel(tmp_path):
    rows = table([[*row, 1_000 + 20 * place] for place, row in enumerate(RISING)], ("x", "y", "timestamp"))
    source = read_series(str(make_folder(tmp_path / "d", [rows] * 4)))
    assert source.train.channels == ("x", "y")
    assert any("'timestamp' has the times of the steps. It is not a channel" in note for note in source.notes)


def test_a_column_with_a_number_for_each_class_is_no_channel(tmp_path):
    contents = [table([[place // 2, *row] for row in RISING], ("label", "x", "y")) for place in range(4)]
    source = read_series(str(make_folder(tmp_path / "d", contents)))
    assert (source.train.channels, source.train.labels) == (("x", "y"), LABELS)
    np.testing.assert_array_equal(source.train.values[3], RISING)
    assert any("Columns of d with one whole number for each label were left out" in note for note in source.notes)
