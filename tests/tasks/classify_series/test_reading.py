"""Series of numbers from all file formats, and the errors for bad ones."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from series_models import series
from tolerances import assert_close

from gatewright.data.padding import pad
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.channels import Channels
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.reading import is_series, read_one, read_series

LENGTHS = (1, 7, 8, 9, 17)
LABELS = ["a", "b", "a", "b", "a"]
HEADER = "@problemName P\n@timeStamps false\n@missing true\n@univariate false\n@dimensions 2\n@equalLength false\n"


def write_ts(path, rows, labels=None, header=HEADER):
    lines = []
    for place, row in enumerate(rows):
        fields = [",".join("?" if np.isnan(value) else repr(float(value)) for value in column) for column in row.T]
        lines.append(":".join(fields + ([] if labels is None else [labels[place]])))
    classes = "@classLabel false" if labels is None else "@classLabel true " + " ".join(sorted(set(labels)))
    path.write_text(f"# a comment\n% another\n{header}{classes}\n@data\n" + "\n".join(lines) + "\n")
    return path


def write_long(path, rows, labels=None, shuffled=True):
    columns = {"id": [], "time": [], "x": [], "y": []} | ({} if labels is None else {"label": []})
    for place, row in enumerate(rows):
        for time, (x, y) in enumerate(row.tolist()):
            for name, value in {"id": f"row{place}", "time": time, "x": x, "y": y}.items():
                columns[name].append(None if value != value else value)
            if labels is not None:
                columns["label"].append(labels[place])
    order = np.arange(len(columns["id"]))
    if shuffled:  # the first step of each row stays in its place, so that rows occur in their order
        starts = np.flatnonzero([time == 0 for time in columns["time"]])
        order = np.concatenate([starts, np.random.default_rng(0).permutation(np.setdiff1d(order, starts))])
    table = pa.table(columns).take(order)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.csv.write_csv(table, path)
    return path


def write_npz(path, rows, labels=None, lengths=True, **more):
    X = np.full((len(rows), max(map(len, rows)), rows[0].shape[1]), np.nan)
    for place, row in enumerate(rows):
        X[place, : len(row)] = row
    arrays = {"X": X, **({} if labels is None else {"y": np.array(labels)})}
    if lengths:
        arrays["lengths"] = np.array([len(row) for row in rows])
        X[np.isnan(X).all(axis=2)] = 99  # what stands beyond a row's steps is not read
    np.savez(path, **arrays, **more)
    return path


@pytest.mark.parametrize("form", ["ts", "csv", "parquet", "npz", "padded.npz"])
def test_every_format_gives_the_same_series(tmp_path, form):
    rows = series(LENGTHS, 2, missing=0.2)
    rows = [np.where(np.isnan(row).all(axis=1)[:, None], 1.0, row) for row in rows]
    path = tmp_path / f"s.{form}"
    if form == "ts":
        write_ts(path, rows, LABELS)
    elif form in ("csv", "parquet"):
        write_long(path, rows, LABELS)
    else:
        write_npz(path, rows, LABELS, lengths=form == "npz")
    assert is_series(str(path), {})
    source = read_series(str(path))
    assert source.test is None
    assert source.train.labels == LABELS
    assert source.train.channels == (("x", "y") if form in ("csv", "parquet") else ("1", "2"))
    for one, other in zip(source.train.values, rows, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_test_set_is_found_or_given(tmp_path):
    rows = series(LENGTHS, 2)
    write_ts(tmp_path / "P_TRAIN.ts", rows, LABELS)
    write_ts(tmp_path / "P_TEST.ts", rows[1:3], LABELS[1:3])
    for given_ in (tmp_path, tmp_path / "P_TRAIN.ts"):
        assert is_series(str(given_), {})
        source = read_series(str(given_))
        assert (len(source.train.values), len(source.test.values)) == (5, 2)
    assert read_series(str(tmp_path / "P_TEST.ts")).test is None
    assert len(read_one(str(tmp_path / "P_TRAIN.ts"), SeriesOptions(), "--validation").series.values) == 5
    with pytest.raises(InputError, match=r"has its own test set\. Leave --test"):
        read_series(str(tmp_path), test=str(tmp_path / "P_TEST.ts"))
    write_npz(tmp_path / "s.npz", rows, LABELS, X_test=np.ones((2, 3, 2)), y_test=np.array([1, 2]))
    assert read_series(str(tmp_path / "s.npz")).test.labels == ["1", "2"]
    beside = read_series(str(tmp_path / "P_TEST.ts"), test=str(tmp_path / "s.npz"))
    assert len(beside.test.values) == 5


def test_one_channel(tmp_path):
    np.savez(tmp_path / "s.npz", X=np.array([[1, 2, 3], [4, 5, 6]]), y=np.array([b"a", b"b"]))
    source = read_series(str(tmp_path / "s.npz"))
    assert source.train.labels == ["a", "b"]
    np.testing.assert_array_equal(source.train.values[1], [[4], [5], [6]])
    (tmp_path / "s.ts").write_text("@univariate true\n@classLabel true a\n@data\n1,2,NaN,4,?:a\n")
    np.testing.assert_array_equal(read_series(str(tmp_path / "s.ts")).train.values[0], [[1], [2], [np.nan], [4]])


def test_columns_are_named(tmp_path):
    write_long(tmp_path / "t.csv", series(LENGTHS, 2), LABELS)
    text = (tmp_path / "t.csv").read_text().replace('"id"', '"who"').replace('"time"', '"when"')
    (tmp_path / "u.csv").write_text(text.replace('"label"', '"class"'))
    assert is_series(str(tmp_path / "u.csv"), {"id": "who"})
    assert not is_series(str(tmp_path / "t.csv"), {"text": "x"})
    assert read_series(str(tmp_path / "u.csv"), SeriesOptions("who", "when", "class")).train.labels == LABELS
    with pytest.raises(InputError, match=r"--id 'walk' is not a column of .*, which has 'who', 'when', .*"):
        read_series(str(tmp_path / "u.csv"), SeriesOptions.of({"id": "walk"}))
    with pytest.raises(InputError, match=r"has no column 'time'. It has: 'who', 'when', .* with --time COLUMN"):
        read_series(str(tmp_path / "u.csv"), SeriesOptions.of({"id": "who"}))
    chosen = read_one(str(tmp_path / "t.csv"), SeriesOptions(names=("y", "x"), labelled=False), "--file").series
    assert chosen.channels == ("y", "x")
    with pytest.raises(InputError, match="has no column 'z', which is a channel of the other series"):
        read_one(str(tmp_path / "t.csv"), SeriesOptions(names=("z",)), "--file")


@pytest.mark.parametrize(
    "times",
    [
        ("2024-02-01", "2024-01-15", "2023-12-31"),
        ("2024-02-01 10:00:00+01:00", "2024-02-01 09:59:00+02:00", "2024-01-01 00:00:00Z"),
        ("1.2.2024 08:00", "15.1.2024 23:00", "31.12.2023 00:00"),
        ("02/01/2024", "01/15/2024", "12/31/2023"),
        ("10", "9", "8.5"),
    ],
)
def test_times_may_be_dates_in_any_consistent_format(tmp_path, times):
    lines = [f"a,{times[0]},2,u", f"a,{times[1]},1,u", f"b,{times[2]},3,v"]
    (tmp_path / "t.csv").write_text("id,time,x,label\n" + "\n".join(lines) + "\n")
    source = read_series(str(tmp_path / "t.csv"))
    np.testing.assert_array_equal(source.train.values[0], [[1], [2]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no @data"),
        ("@data\n", "has no series"),
        ("hello\n", "a series comes before @data"),
        ("@timeStamps true\n@data\n", "has timestamps, which are not supported"),
        ("@targetLabel true\n@data\n", "has a number, not a class, as the target"),
        ("@dimensions none\n@data\n", "@dimensions must be a positive whole number, not 'none'"),
        (
            "@classLabel true a\n@dimensions 2\n@data\n1,2:3,4:a\n1,2:a\n",
            "line 5: the series has 1 dimensions, but the others have 2",
        ),
        ("@classLabel true a\n@data\n1,2:3:a\n", "line 3: the dimensions of the series have 1, 2 values"),
        ("@classLabel true a\n@data\n1,two:a\n", "line 3: 'two' is not a number"),
        ("@classLabel true a\n@data\n(0,1),(1,2):a\n", "timestamps, which are not supported. Give the values alone"),
        (
            "@classLabel true a\n@data\n1,2:?\n",
            "has no label for 1 of its 1 series. The first without one is series 1. Give each series a label",
        ),
        ("@classLabel true a\n@data\n1,inf:a\n", "series 1 has an infinite number"),
        ("@classLabel true a\n@data\n?,?:a\n", "series 1 has no number"),
        ("@classLabel true a\n@data\n:a\n", "series 1 has no number"),
        ("@classLabel false\n@data\n1,2\n", "has no labels"),
        (b"\x00\xff", "is not text in UTF-8 or UTF-16"),
    ],
)
def test_bad_ts_files_are_refused(tmp_path, content, message):
    path = tmp_path / "s.ts"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_series(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Z": [1]}, "has no array X, only Z"),
        ({"X": [1.0, 2.0]}, "X must be numbers [series, time, channels] or [series, time], not float64 of shape [2]"),
        ({"X": [["a"]], "y": [1]}, "X must be numbers"),
        ({"X": [[1.0]], "y": [1, 2]}, "y must have one value for each of the 1 series, not the shape [2]"),
        ({"X": [[1.0]], "y": [1], "lengths": [2]}, "lengths must be whole numbers from 1 to 1"),
        ({"X": [[1.0]]}, "has no labels"),
        ({"X": [[1.0]], "y": [float("nan")]}, "has no label for 1 of its 1 series"),
        ({"X": np.empty((0, 3)), "y": []}, "has no series"),
        ({"X": np.empty((1, 0, 2)), "y": [1]}, "series 1 has no number"),
        ({"X": [[[1.0]]], "y": [1], "X_test": [[[1.0, 2.0]]], "y_test": [1]}, "X has 1 channels but X_test has 2"),
        ({"X": np.array([[{}]], object), "y": [1]}, "is not an archive of plain arrays"),
    ],
)
def test_bad_archives_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "s.npz", **{name: np.asarray(array) for name, array in arrays.items()})
    with pytest.raises(InputError) as caught:
        read_series(str(tmp_path / "s.npz"))
    assert message in str(caught.value)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "s.npz").write_bytes(b"PK no")
    with pytest.raises(InputError, match="is not an archive of plain arrays"):
        read_series(str(tmp_path / "s.npz"))
    with pytest.raises(InputError, match="a file of series"):
        read_series(str(tmp_path / "nowhere.ts"))
    with pytest.raises(InputError, match="has no recordings"):
        read_series(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no rows: it is empty"),
        ("id,time,x,label\n", "has no rows"),
        ("id,time,x,label\na,1,hot,u\na,2,3,u\n", "The column 'x' of"),
        ("id,time,label\na,1,u\n", "has only the columns"),
        ("id,time,x,label\na,1,2,u\na,1,3,u\n", "line 3: an earlier row has the same series and time. Remove one"),
        (
            "id,time,x,label\na,1,2,u\na,2,3,v\n",
            "line 3: 'label' is 'v', but 'u' at an earlier step of the same series. Give",
        ),
        ("id,time,x,label\na,1,2,\na,2,3,\n", "has no label for 1 of its 1 series"),
        ("id,time,x,label\n,1,2,u\na,2,3,u\n", "line 2: the row has no 'id'"),
        ("id,time,x,label\na,,2,u\na,2,3,u\n", "line 2: the row has no 'time'"),
        ("id,time,x,label\na,,2,u\na,2024-01-31,3,u\n", "line 2: the row has no 'time'"),
        ("id,time,x,label\na,soon,2,u\na,2,3,u\n", "does not contain times, such as 'soon'. Choose another column"),
        ("id,time,x,label\na,1/2/2024,2,u\na,3/2/2024,3,u\n", "may be the day or the month"),
        ("id,time,x,label\na,31/1/2024,2,u\na,1/31/2024,3,u\n", "does not contain times"),
        ("id,time,x,label\na,1,inf,u\n", "line 2: 'x' is infinite"),
        (
            "id,time,x\na,1,2\n",
            "has no column 'label'. It has: 'id', 'time', 'x'. Choose the column of the labels with --label",
        ),
    ],
)
def test_bad_tables_are_refused(tmp_path, content, message):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        read_series(str(tmp_path / "t.csv"), SeriesOptions.of({"id": "id"}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_named_sets(tmp_path, monkeypatch):
    source = read_series("digits")
    assert (len(source.train.values), len(source.test.values)) == (1_200, 597)
    assert source.train.values[0].shape == (8, 8)
    with pytest.raises(InputError, match="--id cannot be used, because digits is not a table or archive"):
        read_series("digits", SeriesOptions.of({"id": "id"}))
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    with pytest.raises(
        InputError, match=r"japanese-vowels cannot be downloaded automatically, and GATEWRIGHT_DATA is not set\. Put"
    ):
        read_series("japanese-vowels")
    (tmp_path / "japanese_vowels").mkdir()
    for part in ("TRAIN", "TEST"):
        write_ts(tmp_path / "japanese_vowels" / f"JapaneseVowels_{part}.ts", series(LENGTHS, 2), LABELS)
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    assert read_series("japanese-vowels").name == "japanese-vowels"


def test_the_repr_differs_if_any_number_differs():
    """The fingerprint of the data depends on every number: see `runs.Data.fingerprint`."""
    source = read_series("digits").train
    assert repr(source) == repr(read_series("digits").train)
    source.values[600][4, 4] += 1
    assert repr(source) != repr(read_series("digits").train)


class TestChannels:
    def test_training_series_have_mean_0_and_deviation_1(self):
        rows = series((7, 8, 9), 3, missing=0.3)
        channels = Channels.fit(("a", "b", "c"), rows)
        scaled = np.concatenate([channels.encode(row) for row in rows]).astype(np.float64)
        assert_close(np.nanmean(scaled, axis=0), np.zeros(3), "forward", np.float32)
        assert_close(np.nanstd(scaled, axis=0), np.ones(3), "forward", np.float32)
        assert np.isnan(scaled).sum() == sum(np.isnan(row).sum() for row in rows)

    def test_all_channels_may_share_one_scale(self):
        rows = series((7, 8, 9), 3, missing=0.3)
        rows = [row * [1, 10, 100] for row in rows]
        each, together = (Channels.fit(("a", "b", "c"), rows, some) for some in (False, True))
        assert together.mean == each.mean
        differences = np.concatenate(rows) - np.nanmean(np.concatenate(rows), axis=0)
        assert_close(together.scale, [np.nanstd(differences)] * 3, "forward", np.float64)

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 1e-320])
    def test_a_constant_channel_has_scale_1(self, value):
        row = np.full((9, 1), value)
        channels = Channels.fit(("a",), [row])
        assert channels.scale == (1.0,)
        np.testing.assert_array_equal(channels.encode(row), np.zeros((9, 1)))

    def test_a_channel_without_numbers(self):
        channels = Channels.fit(("a", "b"), [np.array([[1.0, np.nan], [3.0, np.nan]])])
        assert (channels.mean, channels.scale) == ((2.0, 0.0), (1.0, 1.0))

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9), st.floats(-1e308, 1e308))
    def test_any_numbers_become_finite(self, numbers, other):
        channels = Channels.fit(("a",), [np.array(numbers)[:, None]])
        assert np.isfinite(channels.encode(np.array([[other], *([n] for n in numbers)]))).all()
        assert Channels.from_json(channels.to_json()) == channels

    def test_padding(self):
        padded = pad([np.ones((2, 1), np.float32), np.arange(2, 5, dtype=np.float32)[:, None]])
        np.testing.assert_array_equal(padded[:, :, 0], [[np.nan, 1, 1], [2, 3, 4]])
