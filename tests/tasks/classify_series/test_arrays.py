"""Arrays of series: the order of their axes, and their names."""

import numpy as np
import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.reading import is_series, read_one, read_series

LABELS = np.array(["a", "b"] * 5)


def cube(time=100, channels=6, series=10):
    """Return series [series, time, channels] of random numbers."""
    return np.random.default_rng(0).normal(size=(series, time, channels))


def read(path, **given):
    return read_series(str(path), SeriesOptions.of(given))


def test_a_much_longer_last_axis_is_time(tmp_path):
    X = cube()
    np.savez(tmp_path / "s.npz", X=X.swapaxes(1, 2), y=LABELS)
    source = read(tmp_path / "s.npz")
    np.testing.assert_array_equal(source.train.values, X)
    note = next(note for note in source.notes if "was read as [series, channels, time]" in note)
    assert note.endswith("give --channels last.")
    np.testing.assert_array_equal(read(tmp_path / "s.npz", channels="last").train.values, X.swapaxes(1, 2))


def test_a_much_longer_second_axis_is_time_without_a_note(tmp_path):
    np.savez(tmp_path / "s.npz", X=cube(), y=LABELS)
    source = read(tmp_path / "s.npz")
    np.testing.assert_array_equal(source.train.values, cube())
    assert not source.notes


def test_axes_of_similar_lengths_are_read_as_documented_with_a_note(tmp_path):
    X = cube(10, 8)
    np.savez(tmp_path / "s.npz", X=X, y=LABELS)
    source = read(tmp_path / "s.npz")
    np.testing.assert_array_equal(source.train.values, X)
    assert any("as [series, time, channels]" in n and "give --channels first" in n for n in source.notes)
    given = read(tmp_path / "s.npz", channels="first")
    np.testing.assert_array_equal(given.train.values, X.swapaxes(1, 2))
    assert not given.notes


def test_lengths_show_which_axis_is_time(tmp_path):
    X, lengths = cube(10, 8), np.array([10, 9] * 5)
    np.savez(tmp_path / "s.npz", X=X.swapaxes(1, 2), y=LABELS, lengths=lengths)
    source = read(tmp_path / "s.npz")
    assert [len(one) for one in source.train.values] == lengths.tolist()
    assert any("because of its lengths" in note for note in source.notes)


def test_the_test_set_and_further_files_have_the_order_of_the_training_set(tmp_path):
    X = cube(30, 9)
    np.savez(tmp_path / "s.npz", X=X.swapaxes(1, 2), y=LABELS, X_test=X[:, :12].swapaxes(1, 2), y_test=LABELS)
    source = read(tmp_path / "s.npz")
    np.testing.assert_array_equal(source.test.values, X[:, :12])
    wanted = source.train.options.for_more(source.train.channels, {}, labelled=False)
    for shape in (X[:, :5].swapaxes(1, 2), X[:, :5]):  # the number of channels shows their order
        np.savez(tmp_path / "new.npz", X=shape)
        found = read_one(str(tmp_path / "new.npz"), wanted, "--file")
        np.testing.assert_array_equal(found.series.values, X[:, :5])
    assert any("because other series have 9 channels" in note for note in found.notes)
    np.savez(tmp_path / "new.npz", X=X[:, :9].swapaxes(1, 2))
    np.testing.assert_array_equal(read_one(str(tmp_path / "new.npz"), wanted, "--file").series.values, X[:, :9])


@pytest.mark.parametrize("names", [("X", "y"), ("x_train", "y_train"), ("X_train", "Y_train"), ("x", "y")])
def test_usual_names_of_arrays(tmp_path, names):
    arrays = dict(zip(names, (cube(), LABELS[:, None]), strict=True))
    np.savez(tmp_path / "s.npz", **arrays, x_test=cube(series=2), Y_test=LABELS[:2])
    source = read(tmp_path / "s.npz")
    assert (source.train.labels, source.test.labels) == (LABELS.tolist(), ["a", "b"])
    np.savez(tmp_path / "t.npz", X=cube(), x_train=cube(), y=LABELS)
    with pytest.raises(InputError, match="has two arrays X, also under the name 'x_train'"):
        read(tmp_path / "t.npz")


def test_arrays_in_files_of_their_own(tmp_path):
    for name, array in {"X_train": cube(), "y_train": LABELS, "X_test": cube(series=2), "y_test": LABELS[:2]}.items():
        np.save(tmp_path / f"{name}.npy", array)
    for path in (tmp_path, tmp_path / "X_train.npy"):
        assert is_series(str(path), {})
        source = read(path)
        assert (len(source.train.values), source.test.labels) == (10, ["a", "b"])
    (tmp_path / "one").mkdir()
    np.save(tmp_path / "one" / "X.npy", cube())
    with pytest.raises(InputError, match="has no labels"):
        read(tmp_path / "one" / "X.npy")
    np.save(tmp_path / "one" / "y.npy", np.array([{}], object))
    with pytest.raises(InputError, match=r"y\.npy is not an array of numbers or strings"):
        read(tmp_path / "one" / "X.npy")


@pytest.mark.parametrize("end", [100, -1, -30])
def test_damaged_archives_are_refused(tmp_path, end):
    np.savez_compressed(tmp_path / "s.npz", X=cube(), y=LABELS)
    content = bytearray((tmp_path / "s.npz").read_bytes())
    (tmp_path / "cut.npz").write_bytes(content[:end])
    content[200:260] = b"\xff" * 60
    (tmp_path / "bad.npz").write_bytes(content)
    for name in ("cut.npz", "bad.npz"):
        with pytest.raises(InputError, match="is not an archive of plain arrays"):
            read(tmp_path / name)


def test_a_wrong_order_is_refused(tmp_path):
    np.savez(tmp_path / "s.npz", X=cube(), y=LABELS)
    with pytest.raises(InputError, match="--channels must be first or last, not 'middle'"):
        read(tmp_path / "s.npz", channels="middle")
