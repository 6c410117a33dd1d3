"""The comparison as a whole: its result and its folder, how it resumes, what it refuses, and false alarms."""

import html
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
from gatewright.support.errors import InputError
from gatewright.training.dataset import Dataset

pytestmark = pytest.mark.slow  # trains networks

EXAMPLES = Path(__file__).parents[2] / "examples"
# Small enough for a second or two; no test is about quality.
SMALL = {"limit": 120, "max_length": 8, "units": 3, "epochs": 2, "seeds": 2, "batch_size": 16}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a small comparison and its folder."""
    out = tmp_path_factory.mktemp("small") / "out"
    return gatewright.compare(out=out, **SMALL), out


def load_example():
    spec = importlib.util.spec_from_file_location("false_alarms", EXAMPLES / "false_alarms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load_example()


def reviews(path, seed=0):
    """Write a table of texts whose words determine the label."""
    return example.write_reviews(path, signal=True, seed=seed, rows=240)


class TestResult:
    def test_the_table_has_the_figures_of_the_runs(self, small):
        result, _ = small
        assert [row["name"] for row in result.rows] == ["SimpleRNN", "LSTM", "GRU", "linear regression", "constant"]
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
        assert pairs[3:] == [(cell, other) for other in ("linear regression", "constant") for cell in cells]

    def test_the_folder_has_runs_result_and_report(self, small):
        result, out = small
        assert sorted(path.name for path in out.iterdir()) == ["compare.json", "report.html", "runs", "settings.json"]
        kept = json.loads((out / "compare.json").read_text())
        assert kept == json.loads(json.dumps(result.to_json()))
        assert kept["verdict"] == result.verdict
        assert html.escape(result.verdict) in (out / "report.html").read_text()
        assert len(list((out / "runs").iterdir())) == 7
        assert str(result)
        assert "<svg" in result._repr_html_()
        assert result.plot().axes

    def test_a_repeated_comparison_gives_the_same_result(self, small, tmp_path):
        again = gatewright.compare(out=tmp_path / "again", **SMALL)
        for one, other in zip(small[0].cells, again.cells, strict=True):
            assert [run.test for run in one.runs] == [run.test for run in other.runs]
        assert again.verdict == small[0].verdict


class TestSettings:
    def test_a_cell_that_is_given_twice_starts_from_other_weights(self, tmp_path):
        result = gatewright.compare(cells=["gru", "GRU"], out=tmp_path / "o", **{**SMALL, "seeds": 1})
        assert [cell.name for cell in result.cells] == ["GRU (1)", "GRU (2)"]
        one, two = (cell.runs[0] for cell in result.cells)
        assert one.test != two.test
        alone = gatewright.compare(cells="gru", out=tmp_path / "p", **{**SMALL, "seeds": 1})
        assert alone.cells[0].runs[0].test == one.test

    def test_units_are_matched_to_the_parameters_of_the_first_cell(self, tmp_path):
        settings = {**SMALL, "units": 12, "epochs": 1, "seeds": 1}
        result = gatewright.compare(
            cells=["LSTM", "GRU", "SimpleRNN"], match="parameters", out=tmp_path / "o", **settings
        )
        units = [cell.units for cell in result.cells]
        assert units[0] == 12 < units[1] < units[2]
        counts = [cell.parameters for cell in result.cells]
        assert max(counts) - min(counts) < 0.1 * min(counts)

    def test_parameters_of_a_cell_without_a_recurrent_kernel_are_matched(self, tmp_path):
        settings = {**SMALL, "units": 16, "epochs": 1, "seeds": 1}
        result = gatewright.compare(cells=["LSTM", "minGRU"], match="parameters", out=tmp_path / "o", **settings)
        counts = [cell.parameters for cell in result.cells]
        assert max(counts) - min(counts) < 0.1 * min(counts)

    def test_cells_may_be_named_by_title_or_name(self, tmp_path):
        cells = ["minGRU", "min_lstm", "layer_norm_lstm", "LayerNormGRU", "GRU"]
        titles = ["minGRU", "minLSTM", "LayerNormLSTM", "LayerNormGRU", "GRU"]
        result = gatewright.compare(cells=cells, out=tmp_path / "o", **{**SMALL, "seeds": 1})
        assert [cell.name for cell in result.cells] == titles
        with pytest.raises(InputError, match=r"did you mean 'minGRU'\?"):
            gatewright.compare(cells=["mniGRU"], out=tmp_path / "p", **SMALL)

    def test_zoneout_applies_to_every_cell(self, tmp_path):
        settings = {**SMALL, "seeds": 1, "cells": ["LSTM", "GRU"]}
        plain, zoned = (
            gatewright.compare(**settings, zoneout=rate, out=tmp_path / str(rate)).cells for rate in (0.0, 0.5)
        )
        for one, other in zip(plain, zoned, strict=True):
            assert one.runs[0].test != other.runs[0].test

    def test_the_learning_rate_is_chosen_on_the_validation_set(self, tmp_path):
        settings = {**SMALL, "seeds": 1, "epochs": 3}
        result = gatewright.compare(cells="gru", learning_rates=[1e-7, 0.03], out=tmp_path / "o", **settings)
        assert result.cells[0].learning_rate == 0.03
        assert result.cells[0].runs[0].learning_rate == 0.03
        assert len(list((tmp_path / "o" / "runs").iterdir())) == 3

    def test_texts_of_a_table_are_compared(self, tmp_path):
        table = reviews(tmp_path / "reviews.csv")
        result = gatewright.compare(
            table,
            text="review",
            label="verdict",
            cells="gru",
            units=4,
            embedding_dim=4,
            max_length=8,
            epochs=8,
            seeds=2,
            batch_size=8,
            learning_rates=[0.02],
            out=tmp_path / "o",
        )
        assert result.cells[0].test["accuracy"].mean > 0.95
        assert result.baseline.test["accuracy"] > 0.95
        assert result.constant.test["accuracy"] == pytest.approx(0.5, abs=0.03)


class TestFolder:
    def test_only_missing_runs_are_made(self, small, monkeypatch):
        result, out = small
        before = {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}

        def repeated(*_):
            raise AssertionError("a run was repeated")

        with monkeypatch.context() as patch:
            patch.setattr(runs._Runner, "run", repeated)
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

    @pytest.mark.parametrize(
        ("name", "value"), [("units", 4), ("epochs", 3), ("max_length", 9), ("match", "parameters")]
    )
    def test_other_settings_are_refused_by_name(self, small, name, value):
        _, out = small
        before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))
        with pytest.raises(InputError, match=f"has a comparison with {name} "):
            gatewright.compare(out=out, **{**SMALL, name: value})
        assert before == sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))

    def test_other_settings_are_refused_before_the_data_is_read(self, small, monkeypatch):
        monkeypatch.setattr(Dataset, "read", None)
        with pytest.raises(InputError, match="has a comparison with units 3, not 4"):
            gatewright.compare(out=small[1], **{**SMALL, "units": 4})

    def test_a_run_that_diverges_is_worse_than_any_other(self, tmp_path):
        settings = {**SMALL, "seeds": 2, "cells": "simple_rnn", "out": tmp_path / "o"}
        result = gatewright.compare(learning_rates=[1e30], **settings)
        assert np.isnan(result.cells[0].test["mse"].mean)
        assert result.tests == ()
        assert result.verdict.startswith("SimpleRNN diverged in 2 of 2 runs (seed 0: ")
        assert "so nothing is concluded about it: give lower --learning-rates than 1e+30. Mean" in result.verdict
        assert "o difference" not in result.verdict
        assert result.rows[0]["name"] == "SimpleRNN"
        assert "diverged" in str(result)
        assert "<svg" in (tmp_path / "o" / "report.html").read_text()
        json.loads((tmp_path / "o" / "compare.json").read_text(), parse_constant=pytest.fail)
        both = gatewright.compare(learning_rates=[1e30, 0.01], **settings)
        assert both.cells[0].learning_rate == 0.01
        assert "SimpleRNN diverged with the learning rate 1e+30, which was not used." in both.notes
        assert "SimpleRNN diverged" not in both.verdict

    def test_a_second_comparison_in_a_folder_is_refused_and_the_first_goes_on(self, tmp_path, monkeypatch, capsys):
        out, real, refused = tmp_path / "o", runs._Runner.run, []

        def with_a_second_one(*given):
            if not refused:
                refused.append(cli.main(["compare", "--out", str(out), *FLAGS]))
            return real(*given)

        monkeypatch.setattr(runs._Runner, "run", with_a_second_one)
        result = gatewright.compare(out=out, cells="gru", **SMALL)
        assert refused == [2]
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gatewright: ")]
        assert len(said) == 1
        assert f"o is in use by another comparison (process {os.getpid()}, since 20" in said[0]
        assert len(result.cells[0].runs) == 2
        assert sorted(path.name for path in out.iterdir()) == ["compare.json", "report.html", "runs", "settings.json"]

    def test_a_damaged_run_is_made_again_with_a_note(self, tmp_path, capsys):
        settings = {**SMALL, "cells": "gru", "out": tmp_path / "o"}
        first = gatewright.compare(**settings)
        damaged = sorted((tmp_path / "o" / "runs").iterdir())
        for path, cut in zip(damaged, (0, 100, -1), strict=True):
            path.write_bytes(path.read_bytes()[:cut])
        capsys.readouterr()
        again = gatewright.compare(**settings)
        assert again.verdict == first.verdict
        said = capsys.readouterr().err
        for path in damaged:
            assert f"gatewright: {path} is damaged or of another version: it is made again." in said

    def test_an_input_is_not_replaced_by_results(self, small, capsys):
        data = small[1] / "compare.json"
        content = data.read_bytes()
        assert cli.main(["compare", str(data), "--out", str(small[1])]) == 2
        assert "compare.json is in the folder --out " in capsys.readouterr().err
        assert data.read_bytes() == content

    def test_a_folder_that_was_created_for_nothing_is_removed(self, tmp_path, capsys):
        (tmp_path / "d.csv").write_text("text,label\na,x\n")
        assert cli.main(["compare", "d.csv", "--out", str(tmp_path / "deep" / "o")]) == 2
        assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv"]

    def test_other_data_is_refused(self, tmp_path):
        settings = {
            "text": "review",
            "label": "verdict",
            "cells": "simple_rnn",
            "units": 2,
            "embedding_dim": 2,
            "max_length": 4,
            "epochs": 1,
            "seeds": 1,
            "out": tmp_path / "o",
        }
        table = tmp_path / "reviews.csv"
        gatewright.compare(reviews(table), **settings)
        with pytest.raises(InputError, match="has a comparison with fingerprint "):
            gatewright.compare(reviews(table, seed=1), **settings)

    def test_texts_that_differ_beyond_the_maximum_length_are_refused(self, tmp_path):
        """The networks would see the same words, the baseline would not."""
        settings = {
            "cells": "simple_rnn",
            "units": 2,
            "embedding_dim": 2,
            "max_length": 1,
            "epochs": 1,
            "seeds": 1,
            "out": tmp_path / "o",
        }
        table = tmp_path / "reviews.csv"
        table.write_text("text,label\n" + "a word,x\nb word,y\n" * 20)
        gatewright.compare(str(table), **settings)
        table.write_text("text,label\n" + "b word,x\na word,y\n" * 20)
        with pytest.raises(InputError, match="has a comparison with fingerprint "):
            gatewright.compare(str(table), **settings)

    def test_an_interruption_keeps_finished_runs(self, tmp_path, monkeypatch):
        made = runs._Runner.run

        def interrupted(self, entrant, *rest):
            if entrant.name == "GRU":
                raise KeyboardInterrupt
            return made(self, entrant, *rest)

        out = tmp_path / "o"
        with monkeypatch.context() as patch:
            patch.setattr(runs._Runner, "run", interrupted)
            with pytest.raises(KeyboardInterrupt, match=r"2 of 6 runs are stored in .*: run the same command again"):
                gatewright.compare(out=out, **SMALL)
        assert len(list((out / "runs").glob("*.npz"))) == 3
        assert not (out / "report.html").exists()
        assert len(gatewright.compare(out=out, **SMALL).cells[2].runs) == 2


@pytest.mark.slow
def test_control_c_on_the_command_line(tmp_path):
    """An interrupted comparison ends with one sentence, and resumes when it is run again."""
    # A shell starts background jobs with Ctrl-C ignored, and child processes inherit that.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from gatewright.commands.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "compare", "--cells=GRU", "--limit=400", "--units=4"]
    command += ["--max-length=10", "--epochs=120", "--seeds=2", f"--out={tmp_path / 'o'}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    runs_kept = tmp_path / "o" / "runs"
    while not list(runs_kept.glob("gru*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("gatewright: interrupted; 1 of 2 runs are stored in")
    assert sorted(path.name for path in runs_kept.iterdir()) == ["baseline.npz", "gru-4-0-0.005-0.npz"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "1 of 2 runs are already in" in done.stderr
    assert (tmp_path / "o" / "report.html").exists()


def refused(capsys, *arguments, lines_before=0):
    """Return the sentence with which the command line refuses, and check that it wrote nothing."""
    before = sorted(Path().rglob("*"))
    try:
        code = cli.main(["compare", *map(str, arguments)])
    except SystemExit as ended:  # by argparse
        code = ended.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    *before_it, line = err.strip().splitlines()
    assert len(before_it) == lines_before
    assert line.startswith("gatewright: ")
    assert sorted(Path().rglob("*")) == before
    return line


class TestCommandLine:
    def test_json_is_one_object_alone(self, small, capsys):
        _, out = small
        assert cli.main(["compare", "adding", *FLAGS, f"--out={out}", "--json"]) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out) == json.loads((out / "compare.json").read_text())

    def test_table_and_report(self, small, capsys):
        result, out = small
        assert cli.main(["compare", *FLAGS, f"--out={out}"]) == 0
        printed = capsys.readouterr().out
        assert " ".join(result.verdict.split()) in " ".join(printed.split())
        assert f"The report is {out}/report.html" in printed

    def test_an_interruption_has_its_own_exit_code(self, capsys, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(runs, "_baseline", stop)
        assert cli.main(["compare", "--limit=20"]) == 130
        assert "interrupted; 0 of 9 runs are stored" in capsys.readouterr().err

    def test_an_interruption_before_the_first_run_leaves_no_folder(self, capsys, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(Dataset, "read", stop)
        assert cli.main(["compare", "--limit=20"]) == 130
        assert capsys.readouterr().err == "gatewright: interrupted before there was anything to store\n"
        assert not Path("gatewright-compare").exists()

    @pytest.mark.parametrize(
        ("flags", "sentence"),
        [
            (["nowhere.csv"], "nowhere.csv"),
            (["imbd"], "did you mean 'imdb'"),
            (["--cells=GRU,LTSM"], "did you mean 'LSTM'"),
            (["--cells="], "cells must name at least one"),
            (["--max-length=0"], "max_length must be a whole number of at least 2, not 0."),
            (["imdb", "--max-length=0"], "max_length must be a whole number of at least 1, not 0."),
            (["--units=0"], "units must be a whole number of at least 1, not 0."),
            (["--units=many"], "'many'"),
            (["--seeds=0"], "seeds must be a whole number of at least 1, not 0."),
            (["--epochs=-1"], "epochs must be a whole number of at least 1, not -1."),
            (["--limit=0"], "limit must be a whole number of at least 1, not 0."),
            (["--batch-size=0"], "batch_size must be a whole number of at least 1, not 0."),
            (["imdb", "--vocabulary=4"], "vocabulary must be a whole number of at least 5, not 4."),
            (["--match=unit"], "did you mean 'units'"),
            (["--learning-rates=0"], "A learning rate must be a number above 0, not 0.0."),
            (["--learning-rates=nan"], "A learning rate must be a number above 0, not nan."),
            (["--learning-rates=fast"], "'fast'"),
            (["--zoneout=1"], "zoneout must be a number of at least 0 and below 1, not 1.0."),
            (["--learning-rates="], "learning_rates must hold at least one number"),
            (["--text=review"], "--text review is an option of"),
            (["--unit-count=3"], "--unit-count"),
            (["--out=file"], "--out file is a file"),
            (["--out=foreign"], "--out foreign has other files and no comparison"),
            (["--out=file/below"], "--out file/below"),
        ],
    )
    def test_wrong_settings_are_refused(self, capsys, flags, sentence):
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
            ("text,label\na,x\nb,x\n", [], "only one class"),
            ("text,label\na,x\nb,y\n", ["--text=texts"], "did you mean 'text'"),
            ("text,label\na,x\nb,\n", [], "label"),
            ("text,label\na,x\nb,nan\n", [], "label"),
            ("one,two,three\na,x,1\nb,y,2\n", [], "--text"),
            ("text,label\na,x\nb,y\n", [], "too few examples"),
            ("text,label\n" + ",x\n,y\n" * 20, [], "No text of r.csv has a word"),
        ],
    )
    def test_wrong_tables_are_refused(self, capsys, rows, flags, sentence):
        Path("r.csv").write_text(rows)
        assert sentence in refused(capsys, "r.csv", *flags)

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
    def test_an_unwritable_folder_is_refused(self, capsys, tmp_path):
        (tmp_path / "locked").mkdir(mode=0o500)
        assert "be written" in refused(capsys, "--out", tmp_path / "locked" / "o")

    def test_a_folder_that_cannot_be_created_is_refused(self, capsys):
        assert "be written" in refused(capsys, "--limit=20", "--out=/proc/gatewright/o")

    def test_a_data_set_that_cannot_be_downloaded_is_refused(self, capsys, monkeypatch, tmp_path):
        from gatewright.data import public

        monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (tmp_path / "cache" / "gatewright" / "imdb").mkdir(parents=True)
        monkeypatch.setattr(public, "_IMDB_URL", "http://127.0.0.1:9/aclImdb_v1.tar.gz")
        assert "GATEWRIGHT_DATA" in refused(capsys, "imdb", lines_before=1)

    def test_a_missing_package_is_named(self, capsys, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert "pip install 'gatewright[train]'" in refused(capsys)


@pytest.mark.slow
class TestFalseAlarms:
    """Data without a difference. The example repeats this twenty times; these are its first three repeats."""

    @pytest.mark.parametrize("repeat", range(3))
    def test_nothing_is_claimed_for_labels_without_signal(self, tmp_path, repeat):
        result = example.without_signal(tmp_path, repeat)
        assert not any(test.differs for test in result.tests)
        assert "no difference is shown between SimpleRNN and GRU" in result.verdict
        assert "No cell is shown to differ from the constant baseline" in result.verdict
        assert "No cell is shown to differ from the baseline, " in result.verdict

    @pytest.mark.parametrize("repeat", range(3))
    def test_nothing_is_claimed_for_the_same_cell_twice(self, tmp_path, repeat):
        result = example.same_cell_twice(tmp_path, repeat)
        assert not result.tests[0].differs
        assert "no difference is shown between GRU (1) and GRU (2)" in result.verdict


class TestMoreSettings:
    """A comparison has the settings of a training: they reach the networks, and are stored with the runs."""

    def test_settings_reach_the_networks(self, tmp_path):
        path = tmp_path / "texts.csv"
        path.write_text("text,label\n" + "".join(f"w{row % 7} w{row % 5},{'ab'[row % 2]}\n" for row in range(80)))
        common = {"cells": ["GRU"], "units": 3, "embedding_dim": 4, "max_length": 5, "epochs": 1, "seeds": 1}
        plain = gatewright.compare(str(path), **common, out=tmp_path / "plain")
        more = {
            "pooling": "attention",
            "bidirectional": True,
            "layers": 2,
            "schedule": "linear",
            "class_weights": "balanced",
        }
        other = gatewright.compare(str(path), **common, **more, out=tmp_path / "other")
        assert {name: other.settings[name] for name in more} == more
        ids = 4 + 7

        def direction(features):
            return 3 * 3 * (features + 3) + 2 * 9

        assert plain.cells[0].parameters == ids * 4 + direction(4) + 3 + 1
        assert other.cells[0].parameters == ids * 4 + 2 * direction(4) + 2 * direction(6) + 6 * 6 + 6 + 6 + 6 + 1
        with pytest.raises(InputError, match=r"has a comparison with \w+ .*, not"):
            gatewright.compare(str(path), **common, out=tmp_path / "other")

    def test_wrong_settings_are_refused(self, tmp_path):
        for settings, sentence in (
            (
                {"batch_sise": 8},
                r"'batch_sise' is not a setting of this task: leave it out; did you mean 'batch_size'\?",
            ),
            ({"pooling": "max"}, "'pooling' is not a setting of this task: leave it out"),
            ({"clip_norm": -1}, "clip_norm must be a number of at least 0, not -1"),
        ):
            with pytest.raises(InputError, match=sentence):
                gatewright.compare("adding", out=tmp_path / "o", **settings)
        assert list(tmp_path.iterdir()) == []


def test_multi_label_texts_are_compared(tmp_path, capsys):
    draw = np.random.default_rng(0)
    rows = ["text;labels"]
    for _ in range(150):
        labels = [name for name in ("p, q", "[/r]") if draw.random() < 0.5]
        rows.append(f"{' '.join(f'tell{name[-2]}' for name in labels)} word{draw.integers(9)};{'|'.join(labels)}")
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n")
    settings = {"max_length": 8, "units": 3, "embedding_dim": 4, "epochs": 2, "seeds": 2, "cells": ["gru", "lstm"]}
    result = gatewright.compare("d.csv", label="labels", label_separator="|", out="o", **settings)
    names = ["macro_f1", "micro_f1", "accuracy", "auroc", "log_loss", "calibration_error"]
    assert [measure.name for measure in result.measures] == names
    assert list(result.cells[0].test) == list(result.baseline.test) == list(result.constant.test) == names
    assert result.baseline.test["accuracy"] > 0.9
    assert result.score_label == "all its labels are right, and not all of the other's are"
    assert "Macro F1 on the test set: GRU " in result.verdict
    assert "The sign tests compare examples with every label right." in result.verdict
    assert "all its labels are right" in (tmp_path / "o" / "report.html").read_text()
    assert json.loads((tmp_path / "o" / "compare.json").read_text())["settings"]["label_separator"] == "|"
    flags = ["--label", "labels", "--label-separator", "|", "--out", "o", "--cells", "gru,lstm", "--seeds", "2"]
    flags += ["--max-length", "8", "--units", "3", "--embedding-dim", "4", "--epochs", "2", "--json"]
    assert cli.main(["compare", "d.csv", *flags]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == result.verdict
    for task, sentence in (
        ("generate", r"^--label-separator \| is an option of classify, not of generate"),
        (None, r"^--label-separator \| is an option of classify, not of"),
    ):
        with pytest.raises(InputError, match=sentence):
            gatewright.compare("d.csv" if task else "adding", task=task, label_separator="|", out="p")
