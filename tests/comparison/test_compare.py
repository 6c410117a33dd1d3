"""The comparison as a whole: what it writes and keeps, how it resumes and refuses, and how often it cries wolf."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gatewright
from gatewright.commands import main as cli
from gatewright.comparison import runs
from gatewright.keras.accelerate import is_accelerated
from gatewright.support.errors import InputError

pytestmark = pytest.mark.slow  # trains networks

EXAMPLES = Path(__file__).parents[2] / "examples"
# Small enough for a second or two; nothing here is about quality.
SMALL = {"limit": 120, "length": 8, "units": 3, "epochs": 2, "seeds": 2, "batch": 16}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One small comparison and its folder."""
    out = tmp_path_factory.mktemp("small") / "out"
    return gatewright.compare(out=out, **SMALL), out


def load_example():
    spec = importlib.util.spec_from_file_location("false_alarms", EXAMPLES / "false_alarms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load_example()


def reviews(path, seed=0):
    """A table of texts whose words tell the label."""
    return example.write_reviews(path, signal=True, seed=seed, rows=240)


class TestResult:
    def test_rows_hold_what_the_runs_gave(self, small):
        result, _ = small
        assert [row["name"] for row in result.rows] == ["SimpleRNN", "LSTM", "GRU", "linear regression", "chance"]
        assert result.sizes == {"train": 120, "validation": 1000, "test": 120}
        for cell, row in zip(result.cells, result.rows, strict=False):
            figures = [run.test["mse"] for run in cell.runs]
            assert [run.seed for run in cell.runs] == [0, 1]
            assert row["mse"] == cell.test["mse"].mean == pytest.approx(np.mean(figures))
            assert cell.test["mse"].values == tuple(figures)
            assert row["mse_low"] < row["mse"] < row["mse_high"]
            for run in cell.runs:
                validation = [epoch.validation["mse"] for epoch in run.epochs]
                assert len(validation) == 2
                assert run.chosen_epoch == 1 + int(np.argmin(validation))
                assert len(run.gradient_before.states["h"]) == 8
        assert [cell.parameters for cell in result.cells] == [3 * 6 + 4, 4 * 3 * 6 + 4, 3 * 3 * 5 + 2 * 9 + 4]

    def test_every_pair_is_tested(self, small):
        pairs = [(test.first, test.second) for test in small[0].tests]
        cells = ["SimpleRNN", "LSTM", "GRU"]
        assert pairs[:3] == [("SimpleRNN", "LSTM"), ("SimpleRNN", "GRU"), ("LSTM", "GRU")]
        assert pairs[3:] == [(cell, other) for other in ("linear regression", "chance") for cell in cells]

    def test_files(self, small):
        result, out = small
        assert sorted(path.name for path in out.iterdir()) == ["compare.json", "report.html", "runs", "settings.json"]
        kept = json.loads((out / "compare.json").read_text())
        assert kept == json.loads(json.dumps(result.to_json()))
        assert kept["verdict"] == result.verdict
        assert result.verdict in (out / "report.html").read_text()
        assert len(list((out / "runs").iterdir())) == 7
        assert str(result)
        assert "<svg" in result._repr_html_()
        assert result.plot().axes

    def test_keras_is_left_as_it_was(self, small):
        assert not is_accelerated()

    def test_the_same_again(self, small, tmp_path):
        again = gatewright.compare(out=tmp_path / "again", **SMALL)
        for one, other in zip(small[0].cells, again.cells, strict=True):
            assert [run.test for run in one.runs] == [run.test for run in other.runs]
        assert again.verdict == small[0].verdict


class TestSettings:
    def test_same_cell_twice_starts_from_other_weights(self, tmp_path):
        result = gatewright.compare(cells=["gru", "GRU"], out=tmp_path / "o", **{**SMALL, "seeds": 1})
        assert [cell.name for cell in result.cells] == ["GRU (1)", "GRU (2)"]
        one, two = (cell.runs[0] for cell in result.cells)
        assert one.test != two.test
        alone = gatewright.compare(cells="gru", out=tmp_path / "p", **{**SMALL, "seeds": 1})
        assert alone.cells[0].runs[0].test == one.test

    def test_match_parameters(self, tmp_path):
        settings = {**SMALL, "units": 12, "epochs": 1, "seeds": 1}
        result = gatewright.compare(
            cells=["LSTM", "GRU", "SimpleRNN"], match="parameters", out=tmp_path / "o", **settings
        )
        units = [cell.units for cell in result.cells]
        assert units[0] == 12 < units[1] < units[2]
        counts = [cell.parameters for cell in result.cells]
        assert max(counts) - min(counts) < 0.1 * min(counts)

    def test_match_parameters_of_a_cell_without_a_recurrent_kernel(self, tmp_path):
        settings = {**SMALL, "units": 16, "epochs": 1, "seeds": 1}
        result = gatewright.compare(cells=["LSTM", "minGRU"], match="parameters", out=tmp_path / "o", **settings)
        counts = [cell.parameters for cell in result.cells]
        assert max(counts) - min(counts) < 0.1 * min(counts)

    def test_cells_that_keras_has_not(self, tmp_path):
        cells = ["minGRU", "min_lstm", "layer_norm_lstm", "LayerNormGRU", "GRU"]
        titles = ["minGRU", "minLSTM", "LayerNormLSTM", "LayerNormGRU", "GRU"]
        result = gatewright.compare(cells=cells, out=tmp_path / "o", **{**SMALL, "seeds": 1})
        assert [cell.name for cell in result.cells] == titles
        with pytest.raises(InputError, match=r"did you mean 'minGRU'\?"):
            gatewright.compare(cells=["mniGRU"], out=tmp_path / "p", **SMALL)

    def test_zoneout_of_adding(self, tmp_path):
        settings = {**SMALL, "seeds": 1, "cells": ["minGRU", "LSTM"]}
        plain, zoned = (
            gatewright.compare(**settings, zoneout=rate, out=tmp_path / str(rate)).cells for rate in (0.0, 0.5)
        )
        assert plain[0].runs[0].test != zoned[0].runs[0].test
        assert plain[1].runs[0].test != zoned[1].runs[0].test

    def test_learning_rate_is_chosen_on_validation(self, tmp_path):
        settings = {**SMALL, "seeds": 1, "epochs": 3}
        result = gatewright.compare(cells="gru", learning_rates=[1e-7, 0.03], out=tmp_path / "o", **settings)
        assert result.cells[0].learning_rate == 0.03
        assert result.cells[0].runs[0].learning_rate == 0.03
        assert len(list((tmp_path / "o" / "runs").iterdir())) == 3

    def test_a_table_of_texts(self, tmp_path):
        table = reviews(tmp_path / "reviews.csv")
        result = gatewright.compare(
            table, text="review", label="verdict", cells="gru", units=4, embedding=4, length=8, epochs=8, seeds=2,
            batch=8, learning_rates=[0.02], out=tmp_path / "o",
        )  # fmt: skip
        assert result.cells[0].test["accuracy"].mean > 0.95
        assert result.baseline.test["accuracy"] > 0.95
        assert result.chance.test["accuracy"] == pytest.approx(0.5, abs=0.03)


class TestFolder:
    def test_only_missing_runs_are_made(self, small, monkeypatch):
        result, out = small
        before = {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}

        def no_more(*_):
            raise AssertionError("a run was made again")

        with monkeypatch.context() as patch:
            patch.setattr(runs._Workshop, "run", no_more)
            assert gatewright.compare(out=out, **SMALL).verdict == result.verdict
        (gone,) = (out / "runs").glob("gru-*-1.npz")
        gone.unlink()
        again = gatewright.compare(out=out, **SMALL)
        assert {path for path in before if path.stat().st_mtime_ns != before[path]} == {gone}
        assert again.cells == result.cells or again.cells[2].runs[1].test == result.cells[2].runs[1].test

    def test_more_seeds_can_be_added(self, tmp_path):
        settings = {**SMALL, "cells": "gru", "out": tmp_path / "o"}
        first = gatewright.compare(**{**settings, "seeds": 1})
        second = gatewright.compare(**settings)
        assert second.cells[0].runs[0] == first.cells[0].runs[0]
        assert len(second.cells[0].runs) == 2

    @pytest.mark.parametrize(("name", "value"), [("units", 4), ("epochs", 3), ("length", 9), ("match", "parameters")])
    def test_other_settings_are_refused_by_name(self, small, name, value):
        _, out = small
        before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))
        with pytest.raises(InputError, match=f"holds a comparison with {name} "):
            gatewright.compare(out=out, **{**SMALL, name: value})
        assert before == sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))

    def test_other_settings_are_refused_before_the_rows_are_read(self, small, monkeypatch):
        monkeypatch.setattr(runs.Data, "read", None)
        with pytest.raises(InputError, match="holds a comparison with units 3, and now units is 4"):
            gatewright.compare(out=small[1], **{**SMALL, "units": 4})

    def test_a_run_that_diverges_is_worse_than_any_and_breaks_nothing(self, tmp_path):
        settings = {**SMALL, "seeds": 2, "cells": "simple_rnn", "out": tmp_path / "o"}
        result = gatewright.compare(learning_rates=[1e30], **settings)
        assert np.isnan(result.cells[0].test["mse"].mean)
        assert not result.tests[0].differs
        json.loads((tmp_path / "o" / "compare.json").read_text(), parse_constant=pytest.fail)
        both = gatewright.compare(learning_rates=[1e30, 0.01], **settings)
        assert both.cells[0].learning_rate == 0.01

    def test_other_rows_are_refused(self, tmp_path):
        settings = {"text": "review", "label": "verdict", "cells": "simple_rnn", "units": 2, "embedding": 2,
                    "length": 4, "epochs": 1, "seeds": 1, "out": tmp_path / "o"}  # fmt: skip
        table = tmp_path / "reviews.csv"
        gatewright.compare(reviews(table), **settings)
        with pytest.raises(InputError, match="holds a comparison with rows "):
            gatewright.compare(reviews(table, seed=1), **settings)

    def test_rows_that_differ_beyond_the_length_are_refused(self, tmp_path):
        """The networks would see the same words, the baseline would not."""
        settings = {"cells": "simple_rnn", "units": 2, "embedding": 2, "length": 1, "epochs": 1, "seeds": 1,
                    "out": tmp_path / "o"}  # fmt: skip
        table = tmp_path / "reviews.csv"
        table.write_text("text,label\n" + "a word,x\nb word,y\n" * 20)
        gatewright.compare(str(table), **settings)
        table.write_text("text,label\n" + "b word,x\na word,y\n" * 20)
        with pytest.raises(InputError, match="holds a comparison with rows "):
            gatewright.compare(str(table), **settings)

    def test_interruption_keeps_what_is_finished(self, tmp_path, monkeypatch):
        made = runs._Workshop.run

        def interrupted(self, entrant, *rest):
            if entrant.name == "GRU":
                raise KeyboardInterrupt
            return made(self, entrant, *rest)

        out = tmp_path / "o"
        with monkeypatch.context() as patch:
            patch.setattr(runs._Workshop, "run", interrupted)
            with pytest.raises(KeyboardInterrupt, match=r"2 of 6 runs are kept in .*; the same call does the rest"):
                gatewright.compare(out=out, **SMALL)
        assert len(list((out / "runs").glob("*.npz"))) == 3
        assert not (out / "report.html").exists()
        assert not is_accelerated()
        assert len(gatewright.compare(out=out, **SMALL).cells[2].runs) == 2

    def test_a_damaged_run_is_named(self, tmp_path):
        settings = {**SMALL, "cells": "gru", "seeds": 1, "out": tmp_path / "o"}
        gatewright.compare(**settings)
        (run,) = (tmp_path / "o" / "runs").glob("gru*")
        run.write_bytes(run.read_bytes()[:100])
        with pytest.raises(InputError, match=f"{run.name} is damaged: remove it"):
            gatewright.compare(**settings)


@pytest.mark.slow
def test_control_c_on_the_command_line(tmp_path):
    """A process that is interrupted while it trains ends with one sentence, and goes on when it is run again."""
    # A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from gatewright.commands.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "compare", "--cells=GRU", "--limit=400", "--units=4",
               "--length=10", "--epochs=120", "--seeds=2", f"--out={tmp_path / 'o'}"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    runs_kept = tmp_path / "o" / "runs"
    while not list(runs_kept.glob("gru*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("gatewright: interrupted: 1 of 2 runs are kept in")
    assert sorted(path.name for path in runs_kept.iterdir()) == ["baseline.npz", "gru-4-0-0.005-0.npz"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "1 of 2 runs are in" in done.stderr
    assert (tmp_path / "o" / "report.html").exists()


def refused(capsys, *arguments, said_before=0):
    """The one sentence with which the command line refuses; nothing is written."""
    before = sorted(Path().rglob("*"))
    try:
        code = cli.main(["compare", *map(str, arguments)])
    except SystemExit as left:  # argparse's way
        code = left.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    *said, line = err.strip().splitlines()
    assert len(said) == said_before
    assert line.startswith("gatewright: ")
    assert sorted(Path().rglob("*")) == before
    return line


class TestCommandLine:
    def test_json_is_one_object_alone(self, small, capsys):
        _, out = small
        flags = [f"--{name}={value}" for name, value in SMALL.items()]
        assert cli.main(["compare", "adding", *flags, f"--out={out}", "--json"]) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out) == json.loads((out / "compare.json").read_text())

    def test_table_and_report(self, small, capsys):
        result, out = small
        flags = [f"--{name}={value}" for name, value in SMALL.items()]
        assert cli.main(["compare", *flags, f"--out={out}"]) == 0
        printed = capsys.readouterr().out
        assert " ".join(result.verdict.split()) in " ".join(printed.split())
        assert f"The report is {out}/report.html" in printed

    def test_interruption_has_its_own_code(self, capsys, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(runs, "_baseline", stop)
        assert cli.main(["compare", "--limit=20"]) == 130
        assert "interrupted: 0 of 9 runs are kept" in capsys.readouterr().err

    def test_interruption_before_anything_was_kept(self, capsys, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(runs.Data, "read", stop)
        assert cli.main(["compare", "--limit=20"]) == 130
        assert capsys.readouterr().err == "gatewright: interrupted before anything was to be kept\n"
        assert not Path("gatewright-compare").exists()

    @pytest.mark.parametrize(
        ("flags", "sentence"),
        [
            (["nowhere.csv"], "nowhere.csv"),
            (["imbd"], "did you mean 'imdb'"),
            (["--cells=GRU,LTSM"], "did you mean 'LSTM'"),
            (["--cells="], "cells must name at least one"),
            (["--length=0"], "length must be a whole number from 2 up, not 0."),
            (["imdb", "--length=0"], "length must be a whole number from 1 up, not 0."),
            (["--units=0"], "units must be a whole number from 1 up, not 0."),
            (["--units=many"], "'many'"),
            (["--seeds=0"], "seeds must be a whole number from 1 up, not 0."),
            (["--epochs=-1"], "epochs must be a whole number from 1 up, not -1."),
            (["--limit=0"], "limit must be a whole number from 1 up, not 0."),
            (["--batch=0"], "batch must be"),
            (["imdb", "--vocabulary=4"], "vocabulary must be a whole number from 5 up, not 4."),
            (["--match=unit"], "did you mean 'units'"),
            (["--learning-rates=0"], "a learning rate must be a number above 0, not 0.0."),
            (["--learning-rates=nan"], "a learning rate must be a number above 0, not nan."),
            (["--learning-rates=fast"], "'fast'"),
            (["imdb", "--zoneout=1"], "zoneout must be a number from 0 to below 1, not 1.0."),
            (["--learning-rates="], "learning rates must be at least one number"),
            (["--text=review"], "adding is a task of numbers and has no text: leave text out."),
            (["--unit-count=3"], "--unit-count"),
            (["--out=file"], "--out file is a file: name a folder"),
            (["--out=foreign"], "--out foreign holds other files and no comparison"),
            (["--out=file/below"], "--out file/below"),
        ],
    )
    def test_bad_settings(self, capsys, flags, sentence):
        Path("file").write_text("mine")
        Path("foreign").mkdir()
        Path("foreign/diary.txt").write_text("mine")
        assert sentence in refused(capsys, *flags)
        assert Path("foreign/diary.txt").read_text() == "mine"

    @pytest.mark.parametrize(
        ("rows", "flags", "sentence"),
        [
            ("text,label\n", [], "has no rows"),
            ("", [], "r.csv"),
            ("text,label\na,x\nb,x\n", [], "one class only"),
            ("text,label\na,x\nb,y\n", ["--text=texts"], "did you mean 'text'"),
            ("text,label\na,x\nb,\n", [], "without a label"),
            ("text,label\na,x\nb,nan\n", [], "without a label"),
            ("body,sentiment\na,x\nb,y\n", [], "--text"),
            ("text,label\na,x\nb,y\n", [], "too few rows"),
            ("text,label\n" + ",x\n,y\n" * 20, [], "no text of r.csv has a word"),
        ],
    )
    def test_bad_tables(self, capsys, rows, flags, sentence):
        Path("r.csv").write_text(rows)
        assert sentence in refused(capsys, "r.csv", *flags)

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
    def test_unwritable_folder(self, capsys, tmp_path):
        (tmp_path / "locked").mkdir(mode=0o500)
        assert "can't be written" in refused(capsys, "--out", tmp_path / "locked" / "o")

    def test_folder_that_no_one_can_make(self, capsys):
        assert "can't be written" in refused(capsys, "--limit=20", "--out=/proc/gatewright/o")

    def test_set_that_can_not_be_downloaded(self, capsys, monkeypatch, tmp_path):
        from gatewright.data import public

        monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (tmp_path / "cache" / "gatewright" / "imdb").mkdir(parents=True)
        monkeypatch.setattr(public, "_IMDB_URL", "http://127.0.0.1:9/aclImdb_v1.tar.gz")
        assert "GATEWRIGHT_DATA" in refused(capsys, "imdb", said_before=1)

    def test_missing_package(self, capsys, monkeypatch):
        from gatewright.keras import enable as setting

        monkeypatch.setattr(setting.importlib.util, "find_spec", lambda name: None)
        assert "pip install 'gatewright[train]'" in refused(capsys)


@pytest.mark.slow
class TestFalseAlarms:
    """Where there is nothing to find. The example counts over twenty repeats; these are its first three."""

    @pytest.mark.parametrize("repeat", range(3))
    def test_no_signal(self, tmp_path, repeat):
        result = example.without_signal(tmp_path, repeat)
        assert not any(test.differs for test in result.tests)
        assert "no difference between SimpleRNN and GRU is shown" in result.verdict
        assert "no cell is shown to differ from chance" in result.verdict
        assert "no cell is shown to differ from the baseline" in result.verdict

    @pytest.mark.parametrize("repeat", range(3))
    def test_same_cell_twice(self, tmp_path, repeat):
        result = example.same_cell_twice(tmp_path, repeat)
        assert not result.tests[0].differs
        assert "no difference between GRU (1) and GRU (2) is shown" in result.verdict


class TestMoreSettings:
    """What `train` takes, a comparison takes too; each reaches the networks, and is kept with the runs."""

    def test_on_texts(self, tmp_path):
        path = tmp_path / "texts.csv"
        path.write_text("text,label\n" + "".join(f"w{row % 7} w{row % 5},{'ab'[row % 2]}\n" for row in range(80)))
        common = {"cells": ["GRU"], "units": 3, "embedding": 4, "length": 5, "epochs": 1, "seeds": 1}
        plain = gatewright.compare(str(path), **common, out=tmp_path / "plain")
        more = {"pooling": "attention", "both": True, "layers": 2, "schedule": "linear", "class_weights": "balanced"}
        other = gatewright.compare(str(path), **common, **more, out=tmp_path / "other")
        assert {name: other.settings[name] for name in more} == more
        ids = 4 + 7

        def direction(features):
            return 3 * 3 * (features + 3) + 2 * 9

        assert plain.cells[0].parameters == ids * 4 + direction(4) + 3 + 1
        assert other.cells[0].parameters == ids * 4 + 2 * direction(4) + 2 * direction(6) + 6 * 6 + 6 + 6 + 6 + 1
        with pytest.raises(InputError, match="pooling 'attention', and now pooling is unset"):
            gatewright.compare(str(path), **common, out=tmp_path / "other")

    def test_refused(self, tmp_path):
        for settings, said in (
            ({"poolling": "max"}, r"'poolling' is no setting of this .*: leave it out; did you mean 'pooling'\?"),
            ({"pooling": "max"}, "adding is a task of numbers and has no pooling: leave pooling out"),
            ({"clip": -1}, "clip must be a number from 0 up, not -1"),
        ):
            with pytest.raises(InputError, match=said):
                gatewright.compare("adding", out=tmp_path / "o", **settings)
        assert list(tmp_path.iterdir()) == []


def test_several_labels_a_text(tmp_path, capsys):
    draw = np.random.default_rng(0)
    rows = ["text;labels"]
    for _ in range(150):
        labels = [name for name in ("p, q", "[/r]") if draw.random() < 0.5]
        rows.append(f"{' '.join(f'tell{name[-2]}' for name in labels)} word{draw.integers(9)};{'|'.join(labels)}")
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n")
    settings = {"length": 8, "units": 3, "embedding": 4, "epochs": 2, "seeds": 2, "cells": ["gru", "lstm"]}
    result = gatewright.compare("d.csv", label="labels", label_separator="|", out="o", **settings)
    names = ["macro_f1", "micro_f1", "accuracy", "auroc", "log_loss", "calibration_error"]
    assert [measure.name for measure in result.measures] == names
    assert list(result.cells[0].test) == list(result.baseline.test) == list(result.chance.test) == names
    assert result.baseline.test["accuracy"] > 0.9
    assert result.right == "all its labels are right, and not all of the other's are"
    assert "by macro F1 on the test rows (GRU " in result.verdict
    assert ") and by rows with every label right, " in result.verdict
    assert "all its labels are right" in (tmp_path / "o" / "report.html").read_text()
    assert json.loads((tmp_path / "o" / "compare.json").read_text())["settings"]["label_separator"] == "|"
    flags = ["--label", "labels", "--label-separator", "|", "--out", "o", "--cells", "gru,lstm", "--seeds", "2"]
    flags += ["--length", "8", "--units", "3", "--embedding", "4", "--epochs", "2", "--json"]
    assert cli.main(["compare", "d.csv", *flags]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == result.verdict
    for task, sentence in (
        ("generate", r"^--label-separator \| is for classify, and not for"),
        (None, "adding is a task of numbers and has no"),
    ):
        with pytest.raises(InputError, match=sentence):
            gatewright.compare("d.csv" if task else "adding", task=task, label_separator="|", out="p")
