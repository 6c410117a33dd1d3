"""Numbers that are too large to compute with are found before training, and outputs never replace inputs."""

import datetime

import pytest
from forecast_models import forecaster, waves

from gatewright.commands import main as cli
from gatewright.nn.file import write


def series(path, last=1.0, rows=200, head="day,load"):
    """Write a table of days whose numbers are 0 to 9 again and again, but `last` in the last row."""
    start = datetime.date(2020, 1, 1)
    numbers = [*(str(row % 10) for row in range(rows - 1)), str(last)]
    lines = [f"{start + datetime.timedelta(days=row)},{number}" for row, number in enumerate(numbers)]
    path.write_text("\n".join([head, *lines]) + "\n")
    return str(path)


def refused(tmp_path, capsys, *arguments):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert cli.main([*map(str, arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gatewright: ")
    assert printed.err.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    return printed.err


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("1e155", "d.csv, line 201: 'load' is 1e+155, which is too large to compute with. Fix it, or leave the field"),
        ("-1e300", "d.csv, line 201: 'load' is -1e+300, which is too large"),
        ("1e999", "d.csv, line 201: 'load' is infinite. Fix it"),
        ("1e149", "d.csv: 'load' is 1e+149 at 2020-07-18, which is too large to scale by the training set (mean 4"),
        ("1e40", "d.csv: 'load' is 1e+40 at 2020-07-18, which is too large to scale"),
    ],
)
def test_the_place_of_a_number_that_overflows_is_named(tmp_path, monkeypatch, capsys, number, sentence):
    monkeypatch.chdir(tmp_path)
    series(tmp_path / "d.csv", number)
    assert sentence in refused(tmp_path, capsys, "train", "forecast", "d.csv")
    assert sentence in refused(tmp_path, capsys, "compare", "d.csv", "--task", "forecast", "--cells", "gru")


def test_validation_and_test_data_are_checked_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    series(tmp_path / "d.csv")
    series(tmp_path / "e.csv", "1e40")
    for flag in ("--validation", "--test"):
        said = refused(tmp_path, capsys, "train", "forecast", "d.csv", flag, "e.csv")
        assert "e.csv: 'load' is 1e+40 at 2020-07-18, which is too large to scale" in said


def test_a_plot_does_not_replace_an_input(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    waves(tmp_path)
    write(forecaster(), tmp_path / "m.png")
    (tmp_path / "link.png").symlink_to("waves.csv")
    said = refused(tmp_path, capsys, "evaluate", "m.png", "waves.csv", "--plot", "m.png")
    assert "--plot m.png is also given as MODEL, and would be lost: choose another --plot." in said
    said = refused(tmp_path, capsys, "evaluate", "m.png", "waves.csv", "--plot", "link.png")
    assert "--plot link.png is also given as DATA" in said
    said = refused(tmp_path, capsys, "predict", "m.png", "--file", "waves.csv", "--plot", "link.png")
    assert "--plot link.png is also given as --file" in said
