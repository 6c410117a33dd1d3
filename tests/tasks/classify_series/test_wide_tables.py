"""Wide tables: a series in each row, and a column for each step."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from series_models import task_splits

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.reading import is_series, read_one, read_series
from gatewright.tasks.classify_series.wide_tables import find_wide

ROWS = 12
LABELS = ["a", "b"] * 6


def numbers(rows=ROWS, steps=8):
    return np.random.default_rng(0).normal(size=(rows, steps)).round(3)


def write(path, header, rows, delimiter=","):
    lines = [] if header is None else [delimiter.join(header)]
    lines += [delimiter.join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def steps(number=8, prefix="t"):
    return [f"{prefix}{place}" for place in range(number)]


@pytest.mark.parametrize("label", ["label", "class", "Target", "y", "kind"])
@pytest.mark.parametrize("last", [False, True])
def test_each_row_is_a_series(tmp_path, label, last):
    values = numbers()
    rows = [[*row, name] if last else [name, *row] for row, name in zip(values.tolist(), LABELS, strict=True)]
    path = write(tmp_path / "w.csv", [*steps(), label] if last else [label, *steps()], rows)
    assert is_series(str(path), {})
    source = read_series(str(path))
    assert source.train.labels == LABELS
    np.testing.assert_array_equal(np.array(source.train.values)[:, :, 0], values)
    note = f"w.csv was read as 12 series of up to 8 steps, one in each row. The column {label!r} has the labels."
    assert note in source.notes


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["t0", "t1", "t2"], ["t0", "t1", "t2"]),
        (["x_10", "x_1", "x_2", "x_3"], None),
        (["t2", "t10", "t6"], ["t2", "t6", "t10"]),
        (["2001", "2002", "2003"], ["2001", "2002", "2003"]),
        (["t0", "t1"], None),
        (["a", "b", "c"], None),
        (["x1", "x2", "x3", "y1", "y2", "y4"], None),
    ],
)
def test_steps_are_columns_with_numbers_that_rise_by_equal_steps(names, found):
    wide = find_wide([*names, "label"])
    assert (None if wide is None else next(iter(wide.channels.values()))) == found


def test_columns_in_the_order_of_letters_are_read_in_the_order_of_numbers(tmp_path):
    values = numbers(steps=12)
    names = sorted(steps(12))
    order = [int(name[1:]) for name in names]
    rows = [[label, *row] for label, row in zip(LABELS, values[:, order].tolist(), strict=True)]
    source = read_series(str(write(tmp_path / "w.csv", ["label", *names], rows)))
    np.testing.assert_array_equal(np.array(source.train.values)[:, :, 0], values)


def test_several_prefixes_are_channels(tmp_path):
    values = numbers(steps=16)
    header = ["label", *steps(8, "acc_x_"), *steps(8, "acc_y_")]
    rows = [[label, *row] for label, row in zip(LABELS, values.tolist(), strict=True)]
    source = read_series(str(write(tmp_path / "w.csv", header, rows)))
    assert source.train.channels == ("acc_x", "acc_y")
    np.testing.assert_array_equal(source.train.values[3][:, 1], values[3, 8:])
    turned = write(tmp_path / "t.csv", [header[0], *header[9:], *header[1:9]], [[r[0], *r[9:], *r[1:9]] for r in rows])
    other = read_one(str(turned), source.train.options_for_more(), "--test").series
    np.testing.assert_array_equal(other.values, source.train.values)


def test_series_of_different_lengths_end_with_missing_numbers(tmp_path):
    rows = [["a", 1, 2, 3, 4], ["b", 1, 2, "", ""], ["a", 1, 2, 3, "NaN"], ["b", "", "", "", ""]]
    source = read_series(str(write(tmp_path / "w.csv", ["label", *steps(4)], rows)))
    assert [len(one) for one in source.train.values] == [4, 2, 3]
    assert "1 row of w.csv without any number was left out." in source.notes


def test_other_columns_are_left_out_and_named_or_refused(tmp_path):
    rows = [
        [place, "s1", label, *row] for place, (label, row) in enumerate(zip(LABELS, numbers().tolist(), strict=True))
    ]
    path = write(tmp_path / "w.csv", ["", "subject", "class", *steps()], rows)
    source = read_series(str(path))
    assert source.train.labels == LABELS
    assert any(note.endswith("were left out: '', subject.") for note in source.notes)
    path = write(tmp_path / "v.csv", ["side", "subject", *steps()], [row[1:] for row in rows])
    with pytest.raises(InputError, match=r"has the columns side, subject besides the steps.*with --label"):
        read_series(str(path))
    assert read_series(str(path), SeriesOptions.of({"label": "subject"})).train.labels == LABELS


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("form", [("w.csv", ","), ("w.tsv", "\t"), ("w.csv", ";")])
def test_tables_without_a_header(tmp_path, last, form):
    values, labels = numbers(), [1, 2] * 6
    rows = [[*row, label] if last else [label, *row] for row, label in zip(values.tolist(), labels, strict=True)]
    source = read_series(str(write(tmp_path / form[0], None, rows, form[1])))
    assert source.train.labels == [str(label) for label in labels]
    np.testing.assert_array_equal(np.array(source.train.values)[:, :, 0], values)
    wanted = source.train.options.for_more(source.train.channels, {}, labelled=False)
    for place, shown in enumerate((rows, [row[:-1] if last else row[1:] for row in rows])):
        path = write(tmp_path / f"new{place}.csv", None, shown)
        np.testing.assert_array_equal(read_one(str(path), wanted, "--file").series.values, source.train.values)
    path = write(tmp_path / "more.csv", None, [[*row, 1.5] for row in rows])
    with pytest.raises(InputError, match="has 10 columns, but the training data has 9 with the labels"):
        read_one(str(path), wanted, "--file")


def test_columns_named_by_numbers_alone_are_like_a_table_without_a_header(tmp_path):
    values, labels = numbers(), [0, 1] * 6
    rows = [[*row, label] for row, label in zip(values.tolist(), labels, strict=True)]
    source = read_series(str(write(tmp_path / "w.csv", map(str, range(9)), rows)))
    assert (source.train.labels, source.train.values[0].shape) == (["0", "1"] * 6, (8, 1))


def test_it_is_asked_which_column_has_the_labels_if_both_could(tmp_path):
    rows = [[label, *range(5), label] for label in [1, 2] * 6]
    path = str(write(tmp_path / "w.csv", None, rows))
    with pytest.raises(InputError, match=r"both the first and the last one look like labels.*--label 'column 1'"):
        read_series(path)
    assert read_series(path, SeriesOptions.of({"label": "column 1"})).train.values[0].shape == (6, 1)


def test_any_columns_can_be_steps_if_the_layout_is_given(tmp_path):
    names = ["dawn", "noon", "dusk"]
    rows = [[*row, label] for row, label in zip(numbers(steps=3).tolist(), LABELS, strict=True)]
    path = str(write(tmp_path / "w.csv", [*names, "weather"], rows))
    assert is_series(path, {})
    with pytest.raises(InputError, match=r"It is not clear how .* Give --layout wide if each row is a series; --id"):
        read_series(path)
    source = read_series(path, SeriesOptions.of({"layout": "wide"}))
    assert (source.train.labels, source.train.values[0].shape) == (LABELS, (3, 1))
    with pytest.raises(InputError, match="--layout must be wide or long, not 'Wide'; did you mean 'wide'"):
        SeriesOptions.of({"layout": "Wide"})


def test_compressed_tables_and_typed_tables(tmp_path):
    values = numbers()
    rows = [[label, *row] for label, row in zip(LABELS, values.tolist(), strict=True)]
    text = write(tmp_path / "w.csv", ["label", *steps()], rows).read_bytes()
    (tmp_path / "w.csv.gz").write_bytes(gzip.compress(text))
    columns = {"label": LABELS} | {name: values[:, place] for place, name in enumerate(steps())}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "w.parquet")
    for name in ("w.csv.gz", "w.parquet"):
        assert is_series(str(tmp_path / name), {})
        np.testing.assert_array_equal(np.array(read_series(str(tmp_path / name)).train.values)[:, :, 0], values)


def test_texts_with_numbered_columns_are_not_series(tmp_path):
    rows = [["a", "good", "fine", "nice"], ["b", "bad", "dull", "poor"]]
    assert not is_series(str(write(tmp_path / "w.csv", ["label", "word1", "word2", "word3"], rows)), {})
    assert not is_series(str(write(tmp_path / "v.csv", ["label", "text", "n"], [["a", "good", 1]] * 4)), {})


def test_options_of_other_layouts_are_refused(tmp_path):
    rows = [[label, *row] for label, row in zip(LABELS, numbers().tolist(), strict=True)]
    path = str(write(tmp_path / "w.csv", ["label", *steps()], rows))
    for given in ({"window": 4, "layout": "wide"}, {"layout": "wide", "time": "t0"}, {"channels": "first"}):
        with pytest.raises(InputError, match=r"cannot be used, because .* Leave it out"):
            read_series(path, SeriesOptions.of(given))


def test_few_rows_without_a_label_are_left_out_and_many_are_refused(tmp_path):
    rows = [[label, *row] for label, row in zip([" a", "b "] * 20, numbers(40).tolist(), strict=True)]
    rows[5][0] = ""
    path = write(tmp_path / "w.csv", ["label", *steps()], rows)
    source = read_series(str(path))
    assert (len(source.train.labels), set(source.train.labels)) == (39, {"a", "b"})
    assert any("1 of the 40 series of w.csv has no label and was left out" in note for note in source.notes)
    assert any("39 labels of w.csv are read without the spaces around them: ' a' is 'a'" in n for n in source.notes)
    for row in rows[:5]:
        row[0] = " "
    with pytest.raises(InputError, match=r"has no label for 6 of its 40 series\. The first without one is series 1"):
        read_series(str(write(path, ["label", *steps()], rows)))


def test_groups_stay_together(tmp_path):
    labels = LABELS * 10
    rows = [[f"s{place % 7}", label, *row] for place, (label, row) in enumerate(zip(labels, numbers(120), strict=True))]
    path = write(tmp_path / "w.csv", ["subject", "label", *steps()], rows)
    splits = task_splits(path, group="subject")
    groups = [set(some.groups) for some in (splits.train, splits.validation, splits.test)]
    assert all(groups)
    assert sum(map(len, groups)) == 7
    assert any(
        "All series with the same 'subject' are in the same set. The test set has those of" in n for n in splits.notes
    )


def test_labels_in_scientific_notation_are_whole_numbers(tmp_path):
    rows = "".join(f"{place},{place + 1},{place + 2}.5,{place % 2}.000000e+00\n" for place in range(8))
    (tmp_path / "beats.csv").write_text(rows)
    assert read_series(str(tmp_path / "beats.csv")).train.labels == ["0", "1"] * 4
