"""The text formats of the UCR and UEA archives: .tsv, .txt, files without a suffix, and .arff."""

import gzip

import numpy as np
import pytest
from tasks.classify_series.test_reading import write_ts

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.reading import is_series, read_series

SERIES = [np.array([[0.5], [1.25], [-3.0]]), np.array([[2.0], [np.nan], [4.0], [5.5]]), np.array([[1.0], [2.0], [3.0]])]
LABELS = ["1", "-1", "1"]


def ucr_lines(separator, number="{}"):
    longest = max(map(len, SERIES))
    lines = []
    for values, label in zip(SERIES, LABELS, strict=True):
        padded = [*values[:, 0].tolist(), *[np.nan] * (longest - len(values))]
        lines.append(separator.join(number.format(value) for value in [float(label), *padded]))
    return "\n".join(lines).replace("nan", "NaN") + "\n"


def assert_series(source, labels=LABELS, series=SERIES):
    assert source.train.labels == labels
    for found, expected in zip(source.train.values, series, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("suffix", "separator", "number"),
    [(".tsv", "\t", "{}"), ("", ",", "{}"), (".txt", "  ", "{:.7e}"), (".csv", ",", "{}"), (".tsv", "\t", "{:.6f}")],
)
def test_ucr_files_have_the_label_first(tmp_path, suffix, separator, number):
    for split in ("TRAIN", "TEST"):
        (tmp_path / f"Toy_{split}{suffix}").write_text(ucr_lines(separator, number))
    for path in (tmp_path, tmp_path / f"Toy_TRAIN{suffix}"):
        assert is_series(str(path), {})
        source = read_series(str(path))
        assert_series(source)
        assert_series(source._replace(train=source.test))
    assert any("The first value on each line of Toy_TRAIN" in note for note in source.notes)


def test_whole_numbers_are_not_a_header(tmp_path):
    (tmp_path / "Toy_TRAIN.tsv").write_text("1\t2\t3\t4\t5\t6\n0\t2\t3\t9\t5\t6\n")
    assert read_series(str(tmp_path / "Toy_TRAIN.tsv")).train.labels == ["1", "0"]


def test_a_wrong_value_is_named(tmp_path):
    (tmp_path / "Toy_TRAIN.tsv").write_text("1\t2\t3\n0\t2\tx\n")
    with pytest.raises(InputError, match=r"Toy_TRAIN\.tsv, line 2: 'x' is not a number"):
        read_series(str(tmp_path / "Toy_TRAIN.tsv"))


def test_values_without_labels_are_not_taken_for_labels(tmp_path):
    (tmp_path / "X_train.txt").write_text("0.25 2 3\n0.5 2 1\n")
    with pytest.raises(InputError, match=r"must be the label, a whole number, but one is 0\.25"):
        read_series(str(tmp_path / "X_train.txt"))


def test_of_several_formats_the_best_is_read_and_named(tmp_path):
    write_ts(tmp_path / "Toy_TRAIN.ts", [np.repeat(one, 2, axis=1) for one in SERIES], ["a", "b", "a"])
    for name in ("Toy_TRAIN.txt", "ToyDimension1_TRAIN.txt"):
        (tmp_path / name).write_text(ucr_lines("  "))
    (tmp_path / "README.md").write_text("A toy.\n")
    source = read_series(str(tmp_path))
    assert source.train.labels == ["a", "b", "a"]
    assert "Toy_TRAIN.ts was read, not Toy_TRAIN.txt." in source.notes
    (tmp_path / "Other_TRAIN.txt").write_text(ucr_lines("  "))
    with pytest.raises(InputError, match="has 2 data sets, such as Other and Toy"):
        read_series(str(tmp_path))


def test_compressed_files(tmp_path):
    (tmp_path / "Toy_TRAIN.tsv.gz").write_bytes(gzip.compress(ucr_lines("\t").encode()))
    assert is_series(str(tmp_path / "Toy_TRAIN.tsv.gz"), {})
    assert_series(read_series(str(tmp_path / "Toy_TRAIN.tsv.gz")))
    write_ts(tmp_path / "a.ts", [np.repeat(one, 2, axis=1) for one in SERIES], LABELS)
    (tmp_path / "a.ts.gz").write_bytes(gzip.compress((tmp_path / "a.ts").read_bytes()))
    assert_series(read_series(str(tmp_path / "a.ts.gz")), series=[np.repeat(one, 2, axis=1) for one in SERIES])


UNIVARIATE = """% a comment
@RELATION Toy

@attribute t0 NUMERIC
@attribute 't1' real
@ATTRIBUTE t2 numeric
@attribute class {1, -1}

@data
0.5,1.25,-3.0,1
2,?,4,-1
1,2,3,1
"""
MULTIVARIATE = r"""@relation Toy
@attribute toy relational
    @attribute att0 numeric
    @attribute att1 numeric
    @attribute att2 numeric
@end toy
@attribute activity {'stand still',walk}
@data
"0.5,1.0,?\n4,5,6",'stand still'
'1,2,3\n7,8,9',walk
"""


def test_arff_files_with_one_channel(tmp_path):
    (tmp_path / "Toy_TRAIN.arff").write_text(UNIVARIATE)
    (tmp_path / "Toy_TEST.arff").write_text(UNIVARIATE.replace("{1, -1}", "{-1,1}"))
    assert is_series(str(tmp_path / "Toy_TRAIN.arff"), {})
    source = read_series(str(tmp_path))
    assert_series(source, series=[SERIES[0], np.array([[2.0], [np.nan], [4.0]]), SERIES[2]])
    assert source.test.labels == LABELS


def test_arff_files_with_several_channels(tmp_path):
    (tmp_path / "a.arff").write_text(MULTIVARIATE)
    expected = [np.array([[0.5, 4], [1, 5], [np.nan, 6]]), np.array([[1.0, 7], [2, 8], [3, 9]])]
    assert_series(read_series(str(tmp_path / "a.arff")), ["stand still", "walk"], expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no @data"),
        ("0.5,1\n", "line 1: a row comes before @data"),
        ("@attribute a\n@data\n", "line 1: the attribute has no type"),
        ("@attribute a string\n@data\n", "line 1: attributes of the type 'string' are not numbers"),
        ("@attribute c {a,b}\n@data\n", "has 0 attributes besides the class"),
        ("@attribute c {a,b}\n@attribute d {a,b}\n@data\n", "has 2 nominal attributes, such as 'c'"),
        (
            "@attribute a numeric\n@attribute c {a}\n@data\n1,2,a\n",
            "line 4: the row has 3 values, but the header has 2",
        ),
        ("@attribute a numeric\n@attribute c {a}\n@data\nhot,a\n", "line 4: 'hot' is not a number"),
        ("@attribute a numeric\n@attribute c {a}\n@data\n{0 1}\n", "sparse rows are not supported"),
        ("@attribute a numeric\n@attribute c {a}\n@data\n1,'a\n", "line 4: a quoted value is not closed"),
        (MULTIVARIATE.replace(',6"', '"'), "line 9: the dimensions of the series have 2, 3 values"),
        (MULTIVARIATE.replace(r"\n7,8,9", ""), "line 10: the series has 1 dimensions, but the first has 2"),
        ("@attribute t0 real\n@attribute t1 real\n@attribute t2 real\n@data\n1,2,3\n", "has no labels"),
    ],
)
def test_bad_arff_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.arff").write_text(content)
    with pytest.raises(InputError) as caught:
        read_series(str(tmp_path / "a.arff"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


STREAM = """@relation eeg
@attribute AF3 numeric
@attribute F7 numeric
@attribute 'the eyes' {open, closed}
@data
""" + "".join(f"{step},{step % 3},{'open' if step % 20 < 10 else 'closed'}\n" for step in range(60))


class TestArffFilesWithAStepInEachRow:
    def test_channels_are_not_taken_for_steps(self, tmp_path):
        (tmp_path / "eeg.arff").write_text(STREAM)
        with pytest.raises(InputError, match=r"not clear how .*eeg.arff contains series. Its columns are AF3, F7, the"):
            read_series(str(tmp_path / "eeg.arff"))

    def test_windows_of_them(self, tmp_path):
        (tmp_path / "eeg.arff").write_text(STREAM)
        source = read_series(str(tmp_path / "eeg.arff"), SeriesOptions.of({"window": 10}))
        assert (source.train.channels, source.train.labels) == (("AF3", "F7"), ["open", "closed"] * 3)
        np.testing.assert_array_equal(source.train.values[1], [[step, step % 3] for step in range(10, 20)])
        assert any("cut into 6 windows of 10 steps" in note for note in source.notes)

    def test_each_row_as_a_series_if_the_user_says_so(self, tmp_path):
        (tmp_path / "eeg.arff").write_text(STREAM)
        source = read_series(str(tmp_path / "eeg.arff"), SeriesOptions.of({"layout": "wide"}))
        assert (len(source.train.values), source.train.labels[:2]) == (60, ["open", "open"])
        np.testing.assert_array_equal(source.train.values[2], [[2.0], [2.0]])

    def test_windows_of_series_with_their_own_steps_are_refused(self, tmp_path):
        (tmp_path / "a.arff").write_text(MULTIVARIATE)
        with pytest.raises(InputError, match="--window cannot be used"):
            read_series(str(tmp_path / "a.arff"), SeriesOptions.of({"window": 10}))
