"""Trained forecasters: training, prediction, streams, model files and commands."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from forecast_models import forecaster, lines_of, numbers_of, waves
from tasks.forecast.test_reading import csv_file

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.nn import file as model_file
from gatewright.nn.layers import Dropout
from gatewright.support.errors import InputError
from gatewright.tasks import registry
from gatewright.tasks.forecast.reading import ColumnOptions, read_series
from gatewright.tasks.forecast.settings import ForecastSettings
from gatewright.tasks.forecast.task import Forecast
from gatewright.training.dataset import Dataset

SMALL = {"look_back": 24, "horizon": 6, "segment": 6, "units": 8, "epochs": 2, "batch_size": 32}


def dataset(path, **settings):
    return Dataset.read(Forecast(path, ForecastSettings(look_back=24, horizon=6, **settings)))


@pytest.mark.slow
class TestTrain:
    @pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
    def test_a_model_forecasts_as_it_was_measured(self, tmp_path, decoding):
        out, path = tmp_path / "m.safetensors", waves(tmp_path)
        trained = gatewright.train("forecast", path, out, decoding=decoding, layers=2, **SMALL)
        assert set(trained.other_baselines) == {"the last value"}
        assert "share no step ahead" in " ".join(trained.notes)
        model, data = runtime.load(out), dataset(path)
        outputs = model.outputs(data.test)
        assert data.prepared.measure(outputs, data.test.targets)["mse"] == pytest.approx(trained.test["mse"], rel=1e-4)
        # A forecast in the units of the data is the scaled one, scaled back.
        values = numbers_of(path)
        one = model.predict(values[:394], last_time=393)
        mean, deviation = model.scales.series[""]
        np.testing.assert_allclose(one.values, outputs[-1][..., 0] * deviation + mean, rtol=1e-4, atol=1e-4)
        assert one.times == tuple(map(str, range(394, 400)))
        assert list(one.quantiles) == [0.1, 0.9]
        assert (one.quantiles[0.1] <= one.quantiles[0.9]).all()

    def test_a_stream_forecasts_as_the_whole_series_does(self, tmp_path):
        out, path = tmp_path / "m.safetensors", waves(tmp_path)
        gatewright.train("forecast", path, out, **SMALL)
        model = runtime.load(out)
        values = numbers_of(path)
        state = model.start(last_time=-1)
        for place, row in enumerate(values[:30]):
            forecast, state = model.step(row, state)
            assert (forecast is None) == (place < 23)
        np.testing.assert_array_equal(forecast.values, model.predict(values[:30], last_time=29).values)
        assert forecast.times[0] == "30"
        assert len(state.seen.values) == 24

    @pytest.mark.parametrize("missing", ["last", "decay"])
    def test_gaps_are_read_alike_in_training_in_use_and_in_a_stream(self, tmp_path, missing):
        """Also a gap that begins before the window."""
        lines = lines_of(waves(tmp_path))
        gaps = {row for row in range(400) if row % 40 > 8 and row % 40 < 38 and row % 3 != 1}
        rows = [f"{row},,{5 + row % 7}" if row in gaps else line for row, line in enumerate(lines[1:])]
        path, out = csv_file(tmp_path, "\n".join([lines[0], *rows]), "g.csv"), tmp_path / "m.safetensors"
        gatewright.train("forecast", path, out, missing=missing, decoding="direct", **SMALL)
        model, test = runtime.load(out), dataset(path, missing=missing).test
        outputs = model.outputs(test)[..., 0]
        mean, deviation = model.scales.series[""]
        table = read_series(path, ColumnOptions()).lines[0].values
        state = model.start(table[:340], last_time=339)
        for row in range(340, 390):
            forecast, state = model.step(table[row], state)
            place = int(np.flatnonzero(test.inputs["past"].starts == row + 1 - 24)[0])
            wanted = outputs[place] * deviation + mean
            np.testing.assert_allclose(forecast.values, wanted, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(
                model.predict(table[: row + 1], last_time=row).values, wanted, rtol=1e-4, atol=1e-4
            )
            assert forecast.times[0] == str(row + 1)

    def test_a_new_series_is_scaled_by_itself(self, tmp_path):
        rng = np.random.default_rng(0)
        rows = [
            f"{step},{name},{size * (np.sin(step / 2) + rng.normal() / 9):.5f}"
            for step in range(200)
            for name, size in (("p", 1), ("q", 500))
        ]
        path, out = csv_file(tmp_path, "\n".join(["ds,shop,y", *rows])), tmp_path / "m.safetensors"
        gatewright.train("forecast", path, out, series_id="shop", **SMALL)
        model, values = runtime.load(out), rng.normal(size=(60, 1))
        one, other = model.predict(values, series="r"), model.predict(100 + 50 * values, series="r")
        np.testing.assert_allclose(other.values, 100 + 50 * one.values, rtol=1e-3)
        assert not np.allclose(model.predict(values, series="q").values, one.values)
        with pytest.raises(InputError, match=r"several series\. Use predict"):
            model.step([1.0], model.start())

    def test_it_learns(self, tmp_path):
        settings = {**SMALL, "epochs": 20, "learning_rate": 0.01, "output_dropout": 0.0}
        trained = gatewright.train("forecast", waves(tmp_path, 1500, noise=0.3), tmp_path / "m.safetensors", **settings)
        constant = 1.0
        assert trained.test["mse"] < 0.3 * constant
        assert trained.test["mse"] < trained.other_baselines["the last value"]["mse"]
        assert 0.6 < trained.test["coverage"] < 0.95

    def test_the_same_training_gives_the_same_figures(self, tmp_path):
        path = waves(tmp_path)
        one, other = (gatewright.train("forecast", path, tmp_path / f"{n}.safetensors", **SMALL) for n in "ab")
        assert one.test == other.test

    @pytest.mark.parametrize("quantiles", [(0.1, 0.9), (0.5,), ()])
    def test_a_finished_training_is_not_repeated(self, tmp_path, quantiles):
        path, out = waves(tmp_path), tmp_path / "m.safetensors"
        trained = gatewright.train("forecast", path, out, quantiles=quantiles, **SMALL)
        written = out.stat().st_mtime_ns
        again = gatewright.train("forecast", path, out, quantiles=quantiles, **SMALL)
        assert out.stat().st_mtime_ns == written
        assert again.to_json() == trained.to_json()
        assert (trained.to_json()["test"]["coverage"] is not None) == (len(quantiles) > 1)

    @pytest.mark.parametrize(
        "change",
        [
            {"normalization": "standard"},
            {"normalization": "none"},
            {"loss": "squared"},
            {"quantiles": (0.05, 0.5, 0.95)},
            {"recurrent_dropout": 0.5},
            {"output_dropout": 0.8},
            {"segment": 4},
            {"layers": 2},
            {"cell": "lstm"},
        ],
    )
    def test_a_setting_changes_the_result(self, tmp_path, change):
        path = waves(tmp_path)
        plain = gatewright.train("forecast", path, tmp_path / "a.safetensors", **SMALL)
        other = gatewright.train("forecast", path, tmp_path / "b.safetensors", **{**SMALL, **change})
        assert plain.test["mse"] != other.test["mse"]

    def test_future_covariates_help(self, tmp_path):
        rng = np.random.default_rng(0)
        open_ = rng.integers(0, 2, 700)
        y = 10 * open_ + rng.normal(size=700) / 10
        rows = [f"{step},{value:.4f},{known}" for step, (value, known) in enumerate(zip(y, open_, strict=True))]
        path = csv_file(tmp_path, "\n".join(["time,y,open", *rows]) + "\n")
        settings = {**SMALL, "epochs": 15, "learning_rate": 0.01, "output_dropout": 0.0, "target": "y"}
        settings["overwrite"] = True
        for decoding in ("segments", "direct", "recursive"):
            with_it = gatewright.train(
                "forecast",
                path,
                tmp_path / "k.safetensors",
                future_covariates="open",
                decoding=decoding,
                **settings,
            )
            without = gatewright.train("forecast", path, tmp_path / "n.safetensors", decoding=decoding, **settings)
            assert with_it.test["mse"] < 0.5 * without.test["mse"], decoding
        lines = lines_of(path)
        ahead = [f"{step},,{step % 2}" for step in range(700, 706)]
        recent = csv_file(tmp_path, "\n".join([lines[0], *lines[-40:], *ahead]) + "\n", "r.csv")
        (forecast,) = gatewright.predict(tmp_path / "k.safetensors", file=recent)
        assert forecast.times == tuple(map(str, range(700, 706)))
        assert (forecast.values[1::2] - forecast.values[::2] > 3).all()

    def test_decay_reads_how_long_a_number_has_been_missing(self, tmp_path):
        """With missing=last, a number that has been missing for long looks like one that was just measured."""
        rng = np.random.default_rng(0)
        rows = [f"{step},{'' if step % 10 > 6 else round(rng.normal(), 4)}" for step in range(500)]
        path = csv_file(tmp_path, "\n".join(["time,x", *rows]) + "\n")
        trained = {
            missing: gatewright.train(
                "forecast", path, tmp_path / f"{missing}.safetensors", missing=missing, decoding="direct", **SMALL
            )
            for missing in ("last", "decay")
        }
        assert trained["last"].test["mse"] != trained["decay"].test["mse"]
        long = np.array([[3.0]] * 20 + [[np.nan]] * 4)
        short = long.copy()
        short[-4:-1] = 3.0
        decay, last = (runtime.load(tmp_path / f"{missing}.safetensors") for missing in ("decay", "last"))
        assert not np.allclose(decay.predict(long).values, decay.predict(short).values)
        np.testing.assert_allclose(last.predict(long).values, last.predict(short).values, rtol=1e-5)
        data = dataset(path, missing="decay")
        found = data.prepared.measure(decay.outputs(data.test), data.test.targets)
        assert found["mse"] == pytest.approx(trained["decay"].test["mse"], rel=1e-4)

    def test_the_calendar_is_read(self, tmp_path):
        rows = 24 * 60
        rng = np.random.default_rng(0)
        times = np.datetime64("2026-01-01", "s") + np.arange(rows) * np.timedelta64(1, "h")
        lines = [f"{time},{rng.normal():.4f}" for time in times]
        out = tmp_path / "m.safetensors"
        gatewright.train("forecast", csv_file(tmp_path, "\n".join(["date,y", *lines])), out, calendar=True, **SMALL)
        model = runtime.load(out)
        values = rng.normal(size=(24, 1))
        night, noon = (model.predict(values, last_time=f"2026-01-05 {hour}:00").values for hour in ("00", "12"))
        assert not np.allclose(night, noon)
        assert model.scales.future_features == 6


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    path, out = waves(folder), folder / "m.safetensors"
    gatewright.train("forecast", path, out, **SMALL)
    return folder, path, str(out)


@pytest.mark.slow
class TestCommands:
    def test_predict_writes_a_table(self, trained, capsys):
        folder, path, out = trained
        plot = folder / "f.png"
        assert cli.main(["predict", out, "--file", path, "--plot", str(plot)]) == 0
        rows = list(csv.reader(capsys.readouterr().out.splitlines()))
        assert rows[0] == ["time", "a", "a_0.1", "a_0.9", "b", "b_0.1", "b_0.9"]
        assert [row[0] for row in rows[1:]] == list(map(str, range(400, 406)))
        assert plot.read_bytes().startswith(b"\x89PNG")
        assert cli.main(["predict", out, "--file", path, "--json"]) == 0
        (forecast,) = json.loads(capsys.readouterr().out)["predictions"]
        assert forecast["forecast"]["b"][2] == pytest.approx(float(rows[3][4]), rel=1e-4)

    def test_a_short_series_is_forecast_with_a_note(self, trained, tmp_path, capsys):
        short = csv_file(tmp_path, "\n".join(lines_of(trained[1])[:10]), "short.csv")
        assert cli.main(["predict", trained[2], "--file", short]) == 0
        shown = capsys.readouterr()
        assert shown.out.splitlines()[1].startswith("9,")
        assert "The network reads 24 steps, but got 9, so the first one was repeated." in shown.err

    def test_evaluate_measures_all_windows(self, trained, capsys):
        _, path, out = trained
        assert cli.main(["evaluate", out, path, "--split", "all", "--json"]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["size"] == 400 - 24 - 6 + 1
        assert figures["unit"] == "windows"
        assert set(figures["test"]) == {"mse", "mae", "mase", "pinball", "coverage"}

    def test_info_names_the_series(self, trained, capsys):
        assert cli.main(["info", trained[2]]) == 0
        assert "series: a, b; a step is 1 number" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["predict", "{out}", "text"], "A forecaster does not read texts. Leave them out"),
            (["predict", "{out}"], "needs a table of recent steps. Give one with --file"),
            (["predict", "{out}", "--file", "{lacks}"], "has no column 'b', which the model was trained with"),
            (["predict", "{out}", "--file", "{data}", "--plot", "f.bmp"], "--plot must be a file with the suffix .png"),
            (["evaluate", "{out}", "{short}"], "too short for a window in its test set"),
            (
                ["evaluate", "{out}", "{data}", "--target", "a"],
                "--target names 1 column, but the model was trained with 2 (a, b)",
            ),
            (
                ["train", "forecast", "{data}", "--units", "7", "--out", "x"],
                "units must be even with decoding=segments",
            ),
            (
                ["train", "forecast", "{data}", "--quantiles", "0.5,1"],
                "quantiles must be a number of at least 1e-06 and below 1",
            ),
            (["train", "forecast", "{data}", "--look-back", "4", "--segment", "5"], "longer than look_back 4"),
        ],
    )
    def test_wrong_input_is_refused(self, trained, tmp_path, capsys, monkeypatch, arguments, message):
        folder, path, out = trained
        monkeypatch.chdir(tmp_path)
        lines = lines_of(path)
        short = csv_file(folder, "\n".join(lines[:10]), "short.csv")
        lacks = csv_file(folder, "\n".join(line.rsplit(",", 1)[0] for line in lines), "lacks.csv")
        places = {"out": out, "data": path, "short": short, "lacks": lacks}
        assert cli.main([argument.format(**places) for argument in arguments]) == 2
        shown = capsys.readouterr()
        assert message in shown.err
        assert shown.err.count("\n") == 1
        assert not [path for path in tmp_path.iterdir() if path.suffix]

    def test_damaged_files_are_refused(self, trained, tmp_path):
        model, _ = model_file.read(trained[2], registry.model_class)
        for name, value in {
            "look_back": 25,
            "horizon": 7,
            "quantiles": [0.9, 0.1],
            "scales": [],
            "naive_errors": [1],
        }.items():
            path = tmp_path / f"{name}.safetensors"
            model_file.write(dataclasses.replace(model, prepared={**model.prepared, name: value}), path)
            with pytest.raises(InputError, match="is damaged"):
                runtime.load(path)

    def test_compare(self, trained, tmp_path, capsys):
        _, path, _ = trained
        given = ["--task", "forecast", "--look-back", "24", "--horizon", "6", "--units", "4", "--epochs", "1"]
        flags = [*given, "--seeds", "2", "--cells", "gru,lstm", "--out", str(tmp_path / "o"), "--json"]
        assert cli.main(["compare", path, *flags]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["unit"] == "windows"
        assert [cell["name"] for cell in result["cells"]] == ["GRU", "LSTM"]
        assert "quared error on the test" in result["verdict"]
        assert cli.main(["compare", path, *flags, "--embedding-dim", "3"]) == 2
        assert "embedding_dim" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "place", "change"),
    [
        ({}, 0, {"targets": 1}),
        ({}, 0, {"look_back": 0}),
        ({}, 0, {"look_back": 2}),
        ({}, 0, {"future_features": 1}),
        ({}, 0, {"lead": True}),
        ({}, 1, {"segment": 4}),
        ({}, 1, {"units": 6}),
        ({}, 1, {"targets": 1}),
        ({}, 2, {"bidirectional": True}),
        ({}, 2, {"return_sequences": True}),
        ({}, 2, {"units": 6}),
        ({}, 2, {"cell": "lstm"}),
        ({}, 2, {"zoneout": 0.1}),
        ({}, 3, {"outputs": 0}),
        ({}, 3, {"horizon": 0}),
        ({}, 3, {"horizon": 1 << 20}),
        ({}, 3, {"segment": 0}),
        ({}, 4, {"probabilities": (0.1,)}),
        ({}, 4, {"probabilities": (0.9, 0.1)}),
        ({}, 4, {"probabilities": (0.1, 1.0)}),
        ({"decoding": "recursive", "known": 1}, 0, {"lead": False}),
        ({"decoding": "recursive", "layers": 2}, 1, {"return_sequences": False}),
        ({"decoding": "recursive", "layers": 2}, 2, {"units": 6}),
        ({"decoding": "recursive"}, 2, {"layers": 2}),
        ({"decoding": "recursive"}, 2, {"cell": "lstm"}),
        ({"decoding": "recursive"}, 2, {"zoneout": 0.1}),
        ({"decoding": "direct", "missing": "decay"}, 1, {"variables": 1}),
        ({"decoding": "direct", "missing": "decay"}, 1, {"targets": 1}),
        ({"decoding": "direct", "missing": "decay"}, 1, {"return_sequences": True}),
    ],
)
def test_layers_that_do_not_fit_together_are_refused(tmp_path, options, place, change):
    file = forecaster(**options)
    layers = list(file.layers)
    layers[place] = dataclasses.replace(layers[place], **change)
    model_file.write(dataclasses.replace(file, layers=tuple(layers)), tmp_path / "m.safetensors")
    with pytest.raises(InputError, match=r"other parts need|must be|in rising order"):
        runtime.load(tmp_path / "m.safetensors")


def test_layers_in_another_order_are_refused(tmp_path):
    file = forecaster()
    segments, decaying = file.layers, forecaster("direct", missing="decay").layers
    norm, first, recurrent, decoder, quantiles, last = segments
    for layers in (
        [first, norm, recurrent, decoder, last],
        [norm, first, first, recurrent, decoder, last],
        [norm, recurrent, first, decoder, last],
        [norm, recurrent, decoder, last],
        [norm, first, decoder, last],
        [norm, first, recurrent, decoder],
        [norm, first, recurrent, last, last],
        [norm, first, recurrent, quantiles, decoder, last],
        [norm, first, recurrent, decoder, quantiles, quantiles, last],
        [norm, first, recurrent, decoder, last, quantiles],
        [norm, first, recurrent, decoder, Dropout(0.1), last],
        [Dropout(0.1), *segments],
        [*segments, Dropout(0.1)],
        [decaying[0], first, *decaying[1:]],
        [norm, first, decaying[1], decoder, last],
        [],
    ):
        model_file.write(dataclasses.replace(file, layers=tuple(layers)), tmp_path / "m.safetensors")
        with pytest.raises(InputError, match=r"its layers are not a (network of its task|list of 1 to)"):
            runtime.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
@pytest.mark.parametrize(("cell", "zoneout"), [("simple_rnn", 0.0), ("lstm", 0.0), ("gru", 0.1)])
def test_a_model_file_is_read_back(tmp_path, decoding, cell, zoneout):
    path = tmp_path / "m.safetensors"
    model_file.write(forecaster(decoding, cell, layers=2, known=1, zoneout=zoneout), path)
    values = np.random.default_rng(0).normal(size=(13, 3))
    forecast = runtime.load(path).predict(values, last_time="1970-01-01T07:00")
    assert forecast.values.shape == (5, 2)
    assert forecast.times[0] == "1970-01-01T08:00:00"
    # Targets of the steps ahead are not read.
    ahead = values.copy()
    ahead[8:, :2] = np.nan
    np.testing.assert_array_equal(runtime.load(path).predict(ahead).values, forecast.values)
