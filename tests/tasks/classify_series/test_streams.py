"""Tables with a label at each step, which are cut into windows, and the splits of the windows."""

from pathlib import Path

import numpy as np
import pytest
from series_models import task_splits

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.reading import is_series, read_one, read_series

COLUMNS = {"id": "user", "time": "ms", "label": "activity"}


def write(path, rows, header="user,ms,x,activity"):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def stream(user, labels, start=0, step=20):
    return [[user, start + step * place, place, label] for place, label in enumerate(labels)]


def windows(path, **more):
    return read_series(path, SeriesOptions.of({**COLUMNS, **more}))


def firsts(source):
    return [one[0, 0] for one in source.train.values]


def test_a_label_at_each_step_needs_windows(tmp_path):
    path = write(tmp_path / "s.csv", stream("a", "rrrrwwww"))
    assert is_series(path, {})
    with pytest.raises(InputError, match=r"line 6: 'activity' is 'w', but 'r' at an earlier step .* --window STEPS"):
        windows(path)


def test_windows_do_not_overlap_by_default(tmp_path):
    source = windows(write(tmp_path / "s.csv", stream("a", "rrrrwwwwrr")), window=4)
    assert (firsts(source), source.train.labels) == ([0, 4], ["r", "w"])
    assert "s.csv was cut into 2 windows of 4 steps, one every 4 steps (--stride), from 1 stream." in source.notes
    assert "2 steps at the ends of streams were left out, too few for a window." in source.notes


def test_a_window_has_its_most_frequent_label_and_the_later_of_two(tmp_path):
    source = windows(write(tmp_path / "s.csv", stream("a", "rrrwwwwwrr")), window=4, stride="2")
    assert (firsts(source), source.train.labels) == ([0, 2, 4, 6], ["r", "w", "w", "r"])
    assert any("3 of the 4 windows of s.csv have steps with different labels" in note for note in source.notes)


def test_a_new_id_a_gap_and_a_step_back_begin_a_new_stream(tmp_path):
    rows = [*stream("a", "rrr"), *stream("a", "rrr", 1000), *stream("b", "www", 1060), *stream("b", "www", 1080)]
    source = windows(write(tmp_path / "s.csv", rows), window=2)
    assert (firsts(source), source.train.labels) == ([0, 0, 0, 0], ["r", "r", "w", "w"])
    assert any("2 streams of s.csv begin where the time jumps by more than 1.5 times" in note for note in source.notes)
    assert len(firsts(windows(write(tmp_path / "t.csv", stream("a", "rrrr")), window=4))) == 1


def test_rows_in_any_order_are_sorted_by_time(tmp_path):
    rows = [*stream("a", "rrrr"), *stream("b", "wwww")]
    order = np.random.default_rng(0).permutation(len(rows))
    source = windows(write(tmp_path / "s.csv", [rows[0], *(rows[place] for place in order if place)]), window=2)
    assert sorted(firsts(source)) == [0, 0, 2, 2]


def test_times_that_are_dates_and_a_table_without_times(tmp_path):
    rows = [["a", f"2024-01-31 10:00:{second:02d}", second, "r"] for second in (1, 2, 3, 7, 8, 9)]
    assert firsts(windows(write(tmp_path / "s.csv", rows), window=3)) == [1, 7]
    path = write(tmp_path / "t.csv", [row[2:] for row in rows], "x,label")
    source = read_series(path, SeriesOptions.of({"window": 3}))
    assert firsts(source) == [1, 7]
    assert any("read as equally spaced steps, because it has no column of times (--time)" in n for n in source.notes)


def test_a_table_without_a_header(tmp_path):
    rows = [[1, "walk", 100 * place, 0.5 * place, 1.5] for place in range(8)]
    path = write(tmp_path / "s.csv", rows[1:], ",".join(map(str, rows[0])))
    assert is_series(path, {})
    with pytest.raises(InputError, match=r"It is not clear how .*; --id, --time and --label if each row is a step"):
        read_series(path)
    given = {"id": "column 1", "label": "column 2", "time": "column 3", "window": 4}
    assert firsts(read_series(path, SeriesOptions.of(given))) == [0, 2]


def test_streams_with_several_keys(tmp_path):
    rows = [[user, *row] for user in "ab" for session in "12" for row in stream(session, "rr" + "w" * 2)]
    path = write(tmp_path / "s.csv", rows, "user,session,ms,x,activity")
    assert firsts(windows(path, id="user,session", window=4)) == [0] * 4
    whole = write(tmp_path / "w.csv", [[*row[:-1], row[0]] for row in rows], "user,session,ms,x,activity")
    assert read_series(whole, SeriesOptions.of({**COLUMNS, "id": "user, session"})).train.labels == ["a", "a", "b", "b"]
    with pytest.raises(InputError, match="--id 'day' is not a column of"):
        read_series(whole, SeriesOptions.of({**COLUMNS, "id": "user,day"}))


def test_steps_without_a_label_count_as_no_label(tmp_path):
    source = windows(write(tmp_path / "s.csv", stream("a", ["", "", "", "r", "r", "r", "", "r"])), window=4)
    assert (firsts(source), source.train.labels) == ([4], ["r"])
    assert "1 window of s.csv without numbers or without a label was left out." in source.notes


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"window": 9}, r"has no 9 consecutive steps, the length of a window\. Choose shorter windows with --window"),
        ({"window": 0}, "--window must be a number of steps of at least 1, not 0"),
        ({"window": "ten"}, "--window must be a number of steps"),
        ({"stride": 3}, r"--stride is the distance between windows\. Give their length with --window"),
        ({"id": 5}, "--id must be the name of a column, not 5"),
        ({"window": 2, "label": "state"}, "--label 'state' is not a column of"),
        ({"window": 2, "group": "ms"}, "--id, --time, --label and --group must name different columns"),
    ],
)
def test_wrong_options_are_refused(tmp_path, more, message):
    path = write(tmp_path / "s.csv", stream("a", "rrww"))
    with pytest.raises(InputError, match=message):
        windows(path, **more)


def first_users(path, number):
    """Return the path of a table with the rows of the first users of another one."""
    users = tuple(f"u{user}," for user in range(number))
    lines = Path(path).read_text().splitlines()
    other = Path(path).with_name(f"first{number}.csv")
    other.write_text("\n".join(line for line in lines if line.startswith(("user", *users))) + "\n")
    return str(other)


class TestSplits:
    @pytest.fixture
    def path(self, tmp_path):
        rng = np.random.default_rng(0)
        rows = []
        for user in range(8):
            labels = np.repeat(rng.permutation(["run", "walk", "sit"]), 40)
            rows += [[f"u{user}", *row[1:]] for row in stream(user, labels)]
        return write(tmp_path / "s.csv", rows)

    @pytest.mark.parametrize("group", [{"group": "user"}, {}])
    def test_all_windows_of_a_group_are_in_one_split(self, path, group):
        splits = task_splits(path, **COLUMNS, window=10, stride=5, **group)
        groups = [set(some.groups) for some in (splits.train, splits.validation, splits.test)]
        assert all(groups)
        assert sum(map(len, groups)) == len(set.union(*groups)) == 8
        note = next(note for note in splits.notes if "The test set has those of" in note)
        assert all(group in note for group in groups[2])
        assert not any("20%" in note for note in splits.notes)

    def test_without_groups_windows_that_overlap_with_held_out_ones_are_left_out(self, path):
        splits = task_splits(first_users(path, 2), **COLUMNS, window=10, stride=5)
        starts = [
            {(span.stream, span.start + step) for span in some.spans for step in range(10)}
            for some in (splits.train, splits.validation, splits.test)
        ]
        assert all(starts)
        assert not starts[0] & starts[1]
        assert not starts[0] & starts[2]
        note = next(note for note in splits.notes if note.endswith(" that overlap with the test set."))
        assert note.startswith("Left out of the training set: ")
        assert any("name their column with --group" in note for note in splits.notes)

    def test_two_groups_are_a_training_and_a_test_set(self, path):
        splits = task_splits(first_users(path, 2), **COLUMNS, window=10, group="user")
        assert len({*splits.test.groups, *splits.train.groups}) == 2
        assert set(splits.validation.groups) == set(splits.train.groups)
        assert any("The validation set has series of the same 'user' as the training set" in n for n in splits.notes)
        with pytest.raises(
            InputError, match=r"have the same value of 'user', 'u0'.*Choose another column with --group"
        ):
            task_splits(first_users(path, 1), **COLUMNS, window=10, group="user")

    def test_series_with_one_label_each_are_grouped_too(self, tmp_path):
        rows = []
        for number in range(60):
            label = "run" if number % 2 else "walk"
            rows += [[number % 6, *row] for row in stream(f"r{number}", [label] * 4)]
        path = write(tmp_path / "s.csv", rows, "who,user,ms,x,activity")
        splits = task_splits(path, **COLUMNS, group="who")
        assert splits.train.channels == ("x",)
        assert not set(splits.train.groups) & set(splits.test.groups)

    def test_streams_are_predicted_as_they_were_trained(self, path):
        train = windows(path, window=10).train
        wanted = train.options.for_more(train.channels, {}, labelled=False)
        again = read_one(path, wanted, "--file")
        np.testing.assert_array_equal(again.series.values, train.values)
        shorter = train.options.for_more(train.channels, {"window": 5}, labelled=False)
        assert {len(one) for one in read_one(path, shorter, "--file").series.values} == {5}
        assert any("windows of 10 steps" in note for note in again.notes)


class TestColumnsThatGiveTheLabelAway:
    def test_a_number_for_each_label_is_no_channel(self, tmp_path):
        labels = "rrrrwwwwrrrrwwww"
        rows = [[*row[:3], 5 if row[3] == "r" else 9, row[3]] for row in stream("a", labels)]
        path = write(tmp_path / "s.csv", rows, "user,ms,x,code,activity")
        for more in ({"window": 4}, {"window": 3}):
            source = windows(path, **more)
            assert source.train.channels == ("x",)
            assert source.train.values[0].shape == (more["window"], 1)
            assert any("they give the label away: code." in note for note in source.notes)

    @pytest.mark.parametrize("codes", [lambda label, place: place % 2, lambda label, place: 0.5 * (label == "r")])
    def test_other_numbers_are_channels(self, tmp_path, codes):
        rows = [[*row[:3], codes(row[3], row[2]), row[3]] for row in stream("a", "rrrrwwww")]
        source = windows(write(tmp_path / "s.csv", rows, "user,ms,x,code,activity"), window=4)
        assert source.train.channels == ("x", "code")
        assert not any("give the label away" in note for note in source.notes)

    def test_the_only_channel_stays(self, tmp_path):
        rows = [[row[0], row[1], int(row[3] == "r"), row[3]] for row in stream("a", "rrrrwwww")]
        assert windows(write(tmp_path / "s.csv", rows), window=4).train.channels == ("x",)


def test_numbers_between_spaces_without_a_header(tmp_path):
    lines = [f"{8 + step / 100:.2f} {1 + step // 20} {'NaN' if step % 3 else 104} {step}" for step in range(40)]
    (tmp_path / "subject.dat").write_text("\n".join(lines) + "\n")
    options = {"time": "column 1", "label": "column 2", "window": 10}
    source = read_series(str(tmp_path / "subject.dat"), SeriesOptions.of(options))
    assert (source.train.channels, source.train.labels) == (("column 3", "column 4"), ["1", "1", "2", "2"])
    np.testing.assert_array_equal(source.train.values[0][:2], [[104, 0], [np.nan, 1]])
    assert any("The columns are called 'column 1' to 'column 4'" in note for note in source.notes)
    (tmp_path / "subject.dat").write_text("1 2 3\n4 5\n")
    with pytest.raises(InputError, match="lines with 3 numbers and lines with 2"):
        read_series(str(tmp_path / "subject.dat"), SeriesOptions.of(options))


class TestIdsOfRows:
    ROWS = tuple([number, f"2024-01-31 10:{number:02d}:00", number, "rw"[number > 5]] for number in range(1, 11))
    HEADER = "id,date,x,activity"

    def test_windows_do_not_take_them_for_series(self, tmp_path):
        path = write(tmp_path / "s.txt", self.ROWS, self.HEADER)
        source = read_series(path, SeriesOptions.of({"time": "date", "label": "activity", "window": 5}), path)
        assert source.test.labels == source.train.labels
        assert (source.train.channels, firsts(source), source.train.labels) == (("x",), [1, 6], ["r", "w"])
        assert "The column 'id' counts the rows of s.txt. It is not a channel." in source.notes

    @pytest.mark.parametrize("options", [{}, {"id": "id", "window": 5}, {"id": "x", "window": 5}])
    def test_refused_as_ids_of_series(self, tmp_path, options):
        path = write(tmp_path / "s.csv", self.ROWS, self.HEADER)
        with pytest.raises(InputError, match=r"Each row of .* has a different '(id|x)'.* --id, or .* --window STEPS"):
            read_series(path, SeriesOptions.of({"time": "date", "label": "activity", **options}))
