"""Forecasting: blocks against their equations, the task, its baselines, and its models in use."""

import csv
import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import forecaster
from tasks.forecast.test_reading import csv_file, hourly
from tolerances import assert_close

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.data.batches import Examples
from gatewright.data.windows import Windows
from gatewright.nn import file as model_file
from gatewright.nn import model as models
from gatewright.nn.block import Steps
from gatewright.nn.layers import Recurrent
from gatewright.nn.library import NUMPY, jax_library
from gatewright.ops import reference as cells
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.tasks.forecast import baseline as forecast_baselines
from gatewright.tasks.forecast.blocks import Decaying, Direct, Level, Parallel, Recursive, Restore, Segments
from gatewright.tasks.forecast.reading import Wanted, read_series
from gatewright.tasks.forecast.task import Forecast
from gatewright.training.rows import Data

B, L, H, C = 3, 8, 5, 2


def network(
    decoding, cell="gru", units=4, layers=1, level="last", known=0, outputs=2, segment=3, horizon=H, zoneout=0.1
):
    below = [Recurrent(cell, units, False, layer < layers - 1, zoneout=zoneout) for layer in range(layers)]
    if decoding == "segments":
        ahead = Parallel(cell, units, segment, horizon, C, outputs, known, zoneout=zoneout)
        return [Level(level, L, C, known), Segments(segment, units, C), *below, ahead, Restore()]
    ahead = {
        "direct": Direct(horizon, C, outputs, known),
        "recursive": Recursive(cell, layers, horizon, C, outputs, known, zoneout),
    }[decoding]
    return [Level(level, L, C, known, bool(known) and decoding == "recursive"), *below, ahead, Restore()]


def drawn(model, features, seed=0):
    """Weights of which none is 0, as float64."""
    shapes = models.shapes(model, features)
    draw = np.random.default_rng(seed)
    return [{name: draw.normal(size=shape) / 2 for name, shape in block.items()} for block in shapes]


def windows(features, known=0, seed=1):
    return np.random.default_rng(seed).normal(size=(B, L + (H if known else 0), features))


def walked(cell, x, w, states=None, zoneout=0.1):
    """The outputs and last states of a recurrent layer by the specification."""
    rec = Recurrence(cell, zoneout=zoneout)
    W, U, b = w["kernel"], w["recurrent_kernel"], w["bias"]
    zeros = tuple(np.zeros((len(x), U.shape[0])) for _ in rec.state_names)
    found = cells.forward(rec, x, W, U, b, zeros if states is None else states)
    return found.sequence, found.states


def as_float32(weights):
    return [{name: array.astype(np.float32) for name, array in block.items()} for block in weights]


def answers(model, weights, x, lib=NUMPY):
    ready = models.with_ties(model, as_float32(weights))
    return np.asarray(models.forward(model, lib, ready, Steps(x.astype(np.float32)))[0].x)


def levels(x, by):
    y = x[:, :L, :C]
    if by == "last":
        return y[:, -1:], np.ones_like(y[:, :1])
    if by == "standard":
        return y.mean(axis=1, keepdims=True), np.sqrt(y.var(axis=1, keepdims=True) + 1e-5)
    return np.zeros_like(y[:, :1]), np.ones_like(y[:, :1])


def expected(decoding, model, weights, x, cell, level, known, outputs, segment, horizon):
    """The same forecast from the equations, a target and a segment at a time."""
    m, s = levels(x, level)
    inside = x[:, :L].copy()
    inside[..., :C] = (inside[..., :C] - m) / s
    ahead = x[:, L:, x.shape[2] - known :]
    layers = [w for block, w in zip(model, weights, strict=True) if isinstance(block, Recurrent)]
    out = weights[-2]
    y = np.empty((len(x), horizon, C, outputs))
    if decoding == "segments":
        W, b = weights[1]["kernel"], weights[1]["bias"]
        n = L // segment
        for c in range(C):
            steps = []
            for place in range(n):
                at = slice(L - n * segment + place * segment, L - n * segment + (place + 1) * segment)
                read = np.concatenate([inside[:, at, c], inside[:, at, C:].reshape(len(x), -1)], axis=1)
                steps.append(np.maximum(read @ W + b, 0))
            sequence = np.stack(steps, axis=1)
            for w in layers:
                sequence, last = walked(cell, sequence, w)
            for k in range(-(-horizon // segment)):
                e = np.concatenate([out["positions"][k], out["targets"][c]])
                _, (g, *_) = walked(cell, np.tile(e, (len(x), 1, 1)), layers[-1], last)
                piece = (g @ out["kernel"] + out["bias"]).reshape(len(x), segment, outputs)
                room = min(segment, horizon - k * segment)
                y[:, k * segment : k * segment + room, c] = piece[:, :room]
    else:
        if known and decoding == "recursive":
            inside[..., -known:] = x[:, 1 : L + 1, -known:]
        sequence, states = inside, []
        for w in layers:
            sequence, last = walked(cell, sequence, w)
            states.append(last)
        top = last[0]
        if decoding == "direct":
            y = (top @ out["kernel"] + out["bias"]).reshape(y.shape)
        for k in range(horizon if decoding == "recursive" else 0):
            y[:, k] = (top @ out["kernel"] + out["bias"]).reshape(len(x), C, outputs)
            held = x[:, L - 1, C : x.shape[2] - known]
            step = np.concatenate(
                [y[:, k, :, 0], held, *([ahead[:, min(k + 1, horizon - 1)]] if known else [])], axis=1
            )
            for place, w in enumerate(layers):
                _, states[place] = walked(cell, step[:, None], w, states[place])
                step = states[place][0]
            top = step
    if known and decoding != "recursive":
        y = y + (ahead @ out["ahead"]).reshape(y.shape)
    return s[..., None] * y + m[..., None]


@pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
@pytest.mark.parametrize(
    ("level", "known", "layers", "segment", "horizon"),
    [("last", 0, 1, 3, 5), ("standard", 2, 2, 4, 4), ("none", 1, 1, 8, 1), ("last", 0, 2, 1, 9)],
)
class TestBlocks:
    def parts(self, decoding, cell, level, known, layers, segment, horizon):
        features = C + known + (1 if known else 0)
        model = network(decoding, cell, 4, layers, level, known, 2, segment, horizon)
        weights = drawn(model, features)
        x = np.random.default_rng(1).normal(size=(B, L + (horizon if known else 0), features))
        return model, weights, x

    def test_forward_is_the_equations(self, decoding, cell, level, known, layers, segment, horizon):
        model, weights, x = self.parts(decoding, cell, level, known, layers, segment, horizon)
        wanted = expected(decoding, model, weights, x, cell, level, known, 2, segment, horizon)
        assert wanted.shape == (B, horizon, C, 2)
        assert_close(answers(model, weights, x), wanted, "gradient", np.float32)
        assert_close(answers(model, weights, x, jax_library()), wanted, "gradient", np.float32)

    def test_a_window_is_answered_alike_alone_and_among_others(
        self, decoding, cell, level, known, layers, segment, horizon
    ):
        model, weights, x = self.parts(decoding, cell, level, known, layers, segment, horizon)
        alone = np.concatenate([answers(model, weights, row[None]) for row in x])
        assert_close(answers(model, weights, x), alone, "same_order", np.float32)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
@pytest.mark.parametrize("steps", [False, True])
def test_a_decaying_layer_is_the_equations(cell, steps):
    V, units, known = 3, 5, 1
    block = Decaying(cell, units, V, C, steps)
    draw = np.random.default_rng(3)
    weights = [{name: draw.normal(size=shape) / 2 for name, shape in block.shapes(2 * V + known).items()}]
    delta = draw.integers(0, 4, (B, L, V)).astype(float)
    x = draw.normal(size=(B, L, V))
    ahead = draw.normal(size=(B, L, known))
    m, s = draw.normal(size=(B, 1, C)), draw.uniform(1, 2, (B, 1, C))
    w, rec = weights[0], Recurrence(cell)
    states = tuple(np.zeros((B, units)) for _ in rec.state_names)
    outputs = []
    for t in range(L):
        gamma_x = np.exp(-np.maximum(0, w["input_decay"] * delta[:, t] + w["input_decay_bias"]))
        mean = np.concatenate([(0 - m[:, 0]) / s[:, 0], np.zeros((B, V - C))], axis=1)
        there = delta[:, t] == 0
        read = np.where(there, x[:, t], gamma_x * x[:, t] + (1 - gamma_x) * mean)
        gamma_h = np.exp(-np.maximum(0, delta[:, t] @ w["state_decay"] + w["state_decay_bias"]))
        read = np.concatenate([read, there, ahead[:, t]], axis=1)
        _, states = walked(cell, read[:, None], w, tuple(gamma_h * state for state in states), zoneout=0.0)
        outputs.append(states[0])
    wanted = np.stack(outputs, axis=1) if steps else outputs[-1]
    given = np.concatenate([x, delta, ahead], axis=2).astype(np.float32)
    level = m.astype(np.float32), s.astype(np.float32)
    for lib in (NUMPY, jax_library()):
        found, _ = block.forward(lib, as_float32(weights)[0], Steps(given, level=level), None, None)
        assert_close(np.asarray(found.x), wanted, "gradient", np.float32)


@pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
def test_gradients_reach_every_weight(decoding):
    """Those of what two blocks share too: the gradient by each weight is the slope along it."""
    model = network(decoding, units=4, layers=2, known=1)
    weights = as_float32(drawn(model, C + 1))
    lib, x = jax_library(), windows(C + 1, 1).astype(np.float32)

    def loss(weights):
        return jnp.square(models.forward(model, lib, models.with_ties(model, weights), Steps(x))[0].x).mean()

    gradients = jax.grad(loss)(weights)
    draw = np.random.default_rng(2)
    for place, block in enumerate(weights):
        for name, array in block.items():
            direction = draw.normal(size=array.shape).astype(np.float32)
            h = 1e-2
            moved = [
                [{**w, name: array + sign * h * direction} if at == place else w for at, w in enumerate(weights)]
                for sign in (1, -1)
            ]
            slope = (float(loss(moved[0])) - float(loss(moved[1]))) / (2 * h)
            found = float((np.asarray(gradients[place][name]) * direction).sum())
            assert found == pytest.approx(slope, rel=0.05, abs=0.02), (place, name)
            assert np.abs(np.asarray(gradients[place][name])).max() > 0, (place, name)


def waves(folder, rows=400, name="waves.csv", noise=0.1, seed=0):
    """Two waves of period 12, and noise."""
    draw = np.random.default_rng(seed)
    t = np.arange(rows)
    a = np.sin(2 * np.pi * t / 12) + noise * draw.normal(size=rows)
    b = 5 + 3 * np.cos(2 * np.pi * t / 12) + noise * draw.normal(size=rows)
    lines = [f"{step},{x:.5f},{y:.5f}" for step, x, y in zip(t, a, b, strict=True)]
    return csv_file(folder, "\n".join(["time,a,b", *lines]) + "\n", name)


def lines_of(path):
    return Path(path).read_text(encoding="utf-8").split()


def numbers_of(path):
    return np.array([line.split(",")[1:] for line in lines_of(path)[1:]], float)


SMALL = {"look_back": 24, "horizon": 6, "segment": 6, "units": 8, "epochs": 2, "batch": 32}


class TestTask:
    def test_parts_are_in_the_order_of_time_and_share_no_step_ahead(self, tmp_path):
        task = Forecast(waves(tmp_path), look_back=24, horizon=6)
        data = Data.read(task)
        ahead = [
            {int(step) for start in part.targets.starts for step in range(start, start + 6)}
            for part in (data.train, data.validation, data.test)
        ]
        assert max(ahead[0]) < min(ahead[1])
        assert max(ahead[1]) < min(ahead[2])
        assert max(ahead[2]) == 399
        assert ahead[0] == set(range(24, 280))
        # The first test window looks back into the validation part.
        assert min(ahead[2]) == 320
        assert data.test.inputs.starts[0] == 320 - 24

    def test_rows_of_given_parts(self, tmp_path):
        test = waves(tmp_path, 50, "t.csv", seed=1)
        data = Data.read(Forecast(waves(tmp_path), look_back=24, horizon=6, test=test))
        assert len(data.test.inputs) == 50 - 24 - 6 + 1
        assert len(data.validation.inputs) == 50 - 6 + 1

    def test_an_incomplete_batch_is_kept(self, tmp_path):
        data = Data.read(Forecast(waves(tmp_path), look_back=24, horizon=6))
        assert len(data.test.inputs) == 80 - 6 + 1

    def test_sizes_that_are_not_given_suit_the_series(self, tmp_path):
        task = Forecast(csv_file(tmp_path, hourly(24 * 40)))
        task.read()
        assert (task.horizon, task.segment, task.look_back) == (24, 24, 168)
        short = Forecast(csv_file(tmp_path, hourly(60), "short.csv"))
        short.read()
        assert short.look_back % short.segment == 0
        assert short.look_back + short.horizon < 42

    def test_too_short(self, tmp_path):
        said = (
            "too short for a window in its training part: its longest series has 30 steps, and a window looks 24 back"
        )
        with pytest.raises(InputError, match=said):
            Forecast(waves(tmp_path, 30), look_back=24, horizon=6).read()

    def test_missing_targets_are_not_asked_for(self, tmp_path):
        lines = lines_of(waves(tmp_path))
        for row in (330, 331, 332):
            lines[row + 1] = f"{row},,7"
        data = Data.read(task := Forecast(csv_file(tmp_path, "\n".join(lines), "g.csv"), look_back=24, horizon=6))
        assert any("3 of 400 numbers of a are missing" in note for note in data.parts.notes)
        asked = np.asarray(data.test.targets)
        assert np.isnan(asked[..., 0]).any()
        outputs = np.zeros((*asked.shape, 3), np.float32)
        outputs[..., 0] = np.nan_to_num(asked) + 1
        figures = task.measure(outputs, data.test.targets)
        assert figures["mse"] == pytest.approx(1)
        assert figures["mae"] == pytest.approx(1)
        losses = np.asarray(task.losses(jnp.asarray(outputs[:9]), jnp.asarray(asked[:9])))
        assert np.isfinite(losses).all()

    def test_measures(self, tmp_path):
        task = Forecast(waves(tmp_path), look_back=24, horizon=6, quantiles=(0.25, 0.75))
        data = Data.read(task)
        y = np.asarray(data.test.targets)
        outputs = np.stack([y + 2, y - 1, y + 3], axis=-1)
        figures = task.measure(outputs, data.test.targets)
        assert figures["mse"] == pytest.approx(4, rel=1e-5)
        assert figures["mae"] == pytest.approx(2, rel=1e-5)
        # Under by one at 1/4 costs 1/4; over by three at 3/4 costs 3/4.
        assert figures["pinball"] == pytest.approx((0.25 + 0.75) / 2, rel=1e-5)
        assert figures["coverage"] == 1
        # The step before is what a grid of plain numbers knows of a season.
        train = data.train.targets.values[:280].astype(np.float64)
        naive = np.abs(np.diff(train, axis=0)).mean(axis=0)
        assert figures["mase"] == pytest.approx(float((2 / naive).mean()), rel=1e-5)
        assert list(figures) == [measure.name for measure in Forecast.measures]
        outside = np.stack([y, y + 1, y + 2], axis=-1)
        assert task.measure(outside, data.test.targets)["coverage"] == 0

    @pytest.mark.parametrize("loss", ["absolute", "squared"])
    def test_losses(self, tmp_path, loss):
        task = Forecast(waves(tmp_path), loss=loss, quantiles=(0.1, 0.9))
        y, answer = np.zeros((1, 1, 1)), np.array([[[[3.0, 1.0, -1.0]]]])
        found = float(task.losses(jnp.asarray(answer), jnp.asarray(y))[0])
        assert found == pytest.approx({"absolute": 3, "squared": 9}[loss] + (0.9 + 0.9) / 2)

    def test_merits_are_of_windows_apart(self):
        targets = Windows(np.zeros((50, 1), np.float32), np.arange(10, 31), 5)
        outputs = np.arange(21, dtype=float)[:, None, None, None] * np.ones((21, 5, 1, 1))
        task = Forecast("s.csv", horizon=5)
        np.testing.assert_allclose(task.merits(outputs, targets), -np.square([0.0, 5, 10, 15, 20]))

    def test_a_part_of_the_windows(self, tmp_path):
        data = Data.read(Forecast(waves(tmp_path), look_back=24, horizon=6, limit=10))
        assert (len(data.train.inputs), len(data.test.inputs)) == (10, 10)
        assert data.train.targets.starts[-1] == 274


class TestBaselines:
    def made(self, tmp_path, **given):
        task = Forecast(waves(tmp_path, **given), look_back=24, horizon=6)
        data = Data.read(task)
        return task, data, task.baseline(data.parts)

    def test_a_linear_map_continues_waves(self, tmp_path):
        task, data, simple = self.made(tmp_path, noise=0.0)
        assert simple.name == "a linear map"
        assert task.measure(simple.outputs, data.test.targets)["mse"] < 1e-3
        assert [name for name, _ in simple.others] == ["the last value"]
        last = simple.others[0][1][..., 0]
        np.testing.assert_allclose(last, np.repeat(np.asarray(data.test.inputs)[:, -1:], 6, axis=1))

    def test_it_is_least_squares(self, tmp_path, monkeypatch):
        """Where the penalty is next to nothing it is what NumPy's own least squares give."""
        task, data, _ = self.made(tmp_path)
        monkeypatch.setattr(forecast_baselines, "_PENALTIES", (1e-9,))
        found = forecast_baselines.linear(data.train, data.validation, data.test, task._table, 24, ())
        x = np.asarray(data.train.inputs, np.float64)
        y = np.asarray(data.train.targets, np.float64)
        rows = (x - x[:, -1:]).swapaxes(1, 2).reshape(-1, 24)
        sides = (y - x[:, -1:]).swapaxes(1, 2).reshape(-1, 6)
        weights = np.linalg.lstsq(rows, sides, rcond=None)[0]
        t = np.asarray(data.test.inputs, np.float64)
        wanted = ((t - t[:, -1:]).swapaxes(1, 2) @ weights).swapaxes(1, 2) + t[:, -1:]
        assert np.abs(found.outputs[..., 0] - wanted).max() < 1e-4
        assert np.abs(wanted).max() > 0.5

    def test_a_random_walk_wants_a_large_penalty(self, tmp_path):
        """Its window tells nothing but its last value."""
        lines = "\n".join(
            f"{step},{value}" for step, value in enumerate(np.random.default_rng(0).normal(size=600).cumsum())
        )
        path = tmp_path / "walk.csv"
        path.write_text(f"time,a\n{lines}\n")
        task = Forecast(str(path), look_back=48, horizon=6)
        data = Data.read(task)
        found = forecast_baselines.linear(data.train, data.validation, data.test, task._table, 48, ())
        last = forecast_baselines.seasonal(data.train, data.validation, data.test, task._table, 48, ())
        assert "penalty 10000," in found.description
        assert found.error == pytest.approx(last.error, rel=0.05)

    def test_a_season_is_a_season(self, tmp_path):
        path = csv_file(tmp_path, hourly(24 * 30).replace("date,a,b", "date,a,b"))
        task = Forecast(path, target="a", look_back=48, horizon=30)
        data = Data.read(task)
        found = forecast_baselines.seasonal(data.train, data.validation, data.test, task._table, 48, ())
        x = np.asarray(data.test.inputs)[..., 0]
        # The series rises all the time, so that the last value is the better of the two.
        np.testing.assert_allclose(found.outputs[:, :, 0, 0], np.repeat(x[:, -1:], 30, axis=1))
        task._table.lines[0].values[:] = 0
        daily = Windows(np.tile(np.sin(np.arange(24) / 4), 40).astype(np.float32)[:, None], np.arange(100), 48)
        ahead = Windows(daily.values, np.arange(48, 148), 30)
        again = forecast_baselines.seasonal(*[Examples(daily, ahead)] * 3, task._table, 48, ())
        np.testing.assert_allclose(again.outputs[..., 0], np.asarray(ahead), atol=1e-6)

    def test_intervals_cover_what_they_say(self, tmp_path):
        task, data, simple = self.made(tmp_path, rows=3000)
        assert 0.75 < task.measure(simple.outputs, data.test.targets)["coverage"] < 0.85

    def test_chance_covers_too(self, tmp_path):
        task, data, _ = self.made(tmp_path, rows=3000)
        figures = task.measure(task.chance(data.train, data.test).outputs, data.test.targets)
        assert figures["mse"] == pytest.approx(1, abs=0.1)
        assert figures["coverage"] == pytest.approx(0.8, abs=0.1)


@pytest.mark.slow
class TestTrain:
    @pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
    def test_a_model_forecasts_as_it_was_measured(self, tmp_path, decoding):
        out, data = tmp_path / "m.safetensors", waves(tmp_path)
        made = gatewright.train("forecast", data, out, decoding=decoding, layers=2, **SMALL)
        assert set(made.others) == {"the last value"}
        assert "share no step ahead" in " ".join(made.notes)
        model = runtime.load(out)
        task = Forecast(data, look_back=24, horizon=6)
        test = Data.read(task).test
        outputs = model.outputs(test.inputs)
        assert task.measure(outputs, test.targets)["mse"] == pytest.approx(made.test["mse"], rel=1e-4)
        # A forecast in the user's own units is the scaled one given back.
        values = numbers_of(data)
        one = model.predict(values[:394], last=393)
        mean, deviation = model.scales.series[""]
        np.testing.assert_allclose(one.values, outputs[-1][..., 0] * deviation + mean, rtol=1e-4, atol=1e-4)
        assert one.times == tuple(map(str, range(394, 400)))
        assert list(one.quantiles) == [0.1, 0.9]
        assert (one.quantiles[0.1] <= one.quantiles[0.9]).all()

    def test_a_stream_forecasts_as_the_whole_does(self, tmp_path):
        out, data = tmp_path / "m.safetensors", waves(tmp_path)
        gatewright.train("forecast", data, out, **SMALL)
        model = runtime.load(out)
        values = numbers_of(data)
        state = model.start()
        for place, row in enumerate(values[:30]):
            said, state = model.step(row, state)
            assert (said is None) == (place < 23)
        np.testing.assert_array_equal(said.values, model.predict(values[:30], last=29).values)
        assert said.times[0] == "30"
        assert len(state.seen.values) == 24

    @pytest.mark.parametrize("missing", ["last", "decay"])
    def test_gaps_are_read_alike_in_training_in_use_and_in_a_stream(self, tmp_path, missing):
        """Also one that began before the window."""
        lines = lines_of(waves(tmp_path))
        gaps = {row for row in range(400) if row % 40 > 8 and row % 40 < 38 and row % 3 != 1}
        rows = [f"{row},,{5 + row % 7}" if row in gaps else line for row, line in enumerate(lines[1:])]
        data, out = csv_file(tmp_path, "\n".join([lines[0], *rows]), "g.csv"), tmp_path / "m.safetensors"
        gatewright.train("forecast", data, out, missing=missing, decoding="direct", **SMALL)
        model, task = runtime.load(out), Forecast(data, look_back=24, horizon=6, missing=missing)
        test = Data.read(task).test
        outputs = model.outputs(test.inputs)[..., 0]
        mean, deviation = model.scales.series[""]
        table = read_series(data, Wanted()).lines[0].values
        state = model.start(table[:340], last=339)
        for row in range(340, 390):
            said, state = model.step(table[row], state)
            place = int(np.flatnonzero(test.inputs.starts == row + 1 - 24)[0])
            wanted = outputs[place] * deviation + mean
            np.testing.assert_allclose(said.values, wanted, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(model.predict(table[: row + 1], last=row).values, wanted, rtol=1e-4, atol=1e-4)
            assert said.times[0] == str(row + 1)

    def test_a_series_that_was_not_there_is_scaled_by_itself(self, tmp_path):
        draw = np.random.default_rng(0)
        rows = [
            f"{step},{name},{size * (np.sin(step / 2) + draw.normal() / 9):.5f}"
            for step in range(200)
            for name, size in (("p", 1), ("q", 500))
        ]
        data, out = csv_file(tmp_path, "\n".join(["ds,shop,y", *rows])), tmp_path / "m.safetensors"
        gatewright.train("forecast", data, out, series="shop", **SMALL)
        model, values = runtime.load(out), draw.normal(size=(60, 1))
        one, other = model.predict(values, series="r"), model.predict(100 + 50 * values, series="r")
        np.testing.assert_allclose(other.values, 100 + 50 * one.values, rtol=1e-3)
        assert not np.allclose(model.predict(values, series="q").values, one.values)
        with pytest.raises(InputError, match="several series: use predict"):
            model.step([1.0], model.start())

    def test_it_learns(self, tmp_path):
        settings = {**SMALL, "epochs": 20, "learning_rate": 0.01, "output_dropout": 0.0}
        made = gatewright.train("forecast", waves(tmp_path, 1500, noise=0.3), tmp_path / "m.safetensors", **settings)
        chance = 1.0
        assert made.test["mse"] < 0.3 * chance
        assert made.test["mse"] < made.others["the last value"]["mse"]
        assert 0.6 < made.test["coverage"] < 0.95

    def test_the_same_again_gives_the_same(self, tmp_path):
        data = waves(tmp_path)
        one, other = (gatewright.train("forecast", data, tmp_path / f"{n}.safetensors", **SMALL) for n in "ab")
        assert one.test == other.test

    @pytest.mark.parametrize("quantiles", [(0.1, 0.9), (0.5,), ()])
    def test_what_is_finished_is_not_done_again(self, tmp_path, quantiles):
        data, out = waves(tmp_path), tmp_path / "m.safetensors"
        made = gatewright.train("forecast", data, out, quantiles=quantiles, **SMALL)
        written = out.stat().st_mtime_ns
        again = gatewright.train("forecast", data, out, quantiles=quantiles, **SMALL)
        assert out.stat().st_mtime_ns == written
        assert str(again) == str(made)
        assert ("coverage" in str(again)) == (len(quantiles) > 1)

    @pytest.mark.parametrize(
        "change",
        [
            {"level": "standard"},
            {"level": "none"},
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
        data = waves(tmp_path)
        plain = gatewright.train("forecast", data, tmp_path / "a.safetensors", **SMALL)
        other = gatewright.train("forecast", data, tmp_path / "b.safetensors", **{**SMALL, **change})
        assert plain.test["mse"] != other.test["mse"]

    def test_what_is_known_ahead_helps(self, tmp_path):
        draw = np.random.default_rng(0)
        open_ = draw.integers(0, 2, 700)
        y = 10 * open_ + draw.normal(size=700) / 10
        rows = [f"{step},{value:.4f},{known}" for step, (value, known) in enumerate(zip(y, open_, strict=True))]
        data = csv_file(tmp_path, "\n".join(["time,y,open", *rows]) + "\n")
        settings = {**SMALL, "epochs": 15, "learning_rate": 0.01, "output_dropout": 0.0}
        for decoding in ("segments", "direct", "recursive"):
            with_it = gatewright.train(
                "forecast", data, tmp_path / "k.safetensors", target="y", known="open", decoding=decoding, **settings
            )
            without = gatewright.train(
                "forecast", data, tmp_path / "n.safetensors", target="y", decoding=decoding, **settings
            )
            assert with_it.test["mse"] < 0.5 * without.test["mse"], decoding
        lines = lines_of(data)
        ahead = [f"{step},,{step % 2}" for step in range(700, 706)]
        recent = csv_file(tmp_path, "\n".join([lines[0], *lines[-40:], *ahead]) + "\n", "r.csv")
        (said,) = gatewright.predict(tmp_path / "k.safetensors", file=recent)
        assert said.times == tuple(map(str, range(700, 706)))
        assert (said.values[1::2] - said.values[::2] > 3).all()

    def test_decay_knows_how_long_a_number_has_been_missing(self, tmp_path):
        """Where the last value alone is read, one that has been missing for long is as one that was just there."""
        draw = np.random.default_rng(0)
        rows = [f"{step},{'' if step % 10 > 6 else round(draw.normal(), 4)}" for step in range(500)]
        data = csv_file(tmp_path, "\n".join(["time,x", *rows]) + "\n")
        made = {
            missing: gatewright.train(
                "forecast", data, tmp_path / f"{missing}.safetensors", missing=missing, decoding="direct", **SMALL
            )
            for missing in ("last", "decay")
        }
        assert made["last"].test["mse"] != made["decay"].test["mse"]
        long = np.array([[3.0]] * 20 + [[np.nan]] * 4)
        short = long.copy()
        short[-4:-1] = 3.0
        decay, last = (runtime.load(tmp_path / f"{missing}.safetensors") for missing in ("decay", "last"))
        assert not np.allclose(decay.predict(long).values, decay.predict(short).values)
        np.testing.assert_allclose(last.predict(long).values, last.predict(short).values, rtol=1e-5)
        test = Data.read(Forecast(data, look_back=24, horizon=6, missing="decay")).test
        task = Forecast(data, look_back=24, horizon=6)
        Data.read(task)
        found = task.measure(decay.outputs(test.inputs), test.targets)
        assert found["mse"] == pytest.approx(made["decay"].test["mse"], rel=1e-4)

    def test_the_calendar_is_read(self, tmp_path):
        rows = 24 * 60
        draw = np.random.default_rng(0)
        times = np.datetime64("2026-01-01", "s") + np.arange(rows) * np.timedelta64(1, "h")
        lines = [f"{time},{draw.normal():.4f}" for time in times]
        data = csv_file(tmp_path, "\n".join(["date,y", *lines]))
        out = tmp_path / "m.safetensors"
        gatewright.train("forecast", data, out, calendar=True, **SMALL)
        model = runtime.load(out)
        values = draw.normal(size=(24, 1))
        assert not np.allclose(model.predict(values, last=30).values, model.predict(values, last=36).values)
        assert model.scales.known == 6


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    data, out = waves(folder), folder / "m.safetensors"
    gatewright.train("forecast", data, out, **SMALL)
    return folder, data, str(out)


@pytest.mark.slow
class TestCommands:
    def test_predict_writes_a_table(self, made, capsys):
        folder, data, out = made
        picture = folder / "f.png"
        assert cli.main(["predict", out, "--file", data, "--plot", str(picture)]) == 0
        rows = list(csv.reader(capsys.readouterr().out.splitlines()))
        assert rows[0] == ["time", "a", "a_0.1", "a_0.9", "b", "b_0.1", "b_0.9"]
        assert [row[0] for row in rows[1:]] == list(map(str, range(400, 406)))
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert cli.main(["predict", out, "--file", data, "--json"]) == 0
        (said,) = json.loads(capsys.readouterr().out)["predictions"]
        assert said["forecast"]["b"][2] == pytest.approx(float(rows[3][4]), rel=1e-4)

    def test_evaluate(self, made, capsys):
        _, data, out = made
        assert cli.main(["evaluate", out, data, "--json"]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["rows"] == 400 - 24 - 6 + 1
        assert figures["unit"] == "windows"
        assert set(figures["test"]) == {"mse", "mae", "mase", "pinball", "coverage"}

    def test_info(self, made, capsys):
        assert cli.main(["info", made[2]]) == 0
        assert "series: a, b; a step is 1 number" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["predict", "{out}", "text"], "texts are not for a forecaster: leave them out"),
            (["predict", "{out}"], "needs a table of recent steps: give one with --file"),
            (["predict", "{out}", "--file", "{short}"], "needs the last 24 steps, and there are 9: give more"),
            (["predict", "{out}", "--file", "{lacks}"], "has no column 'b', which the model was trained with"),
            (["predict", "{out}", "--file", "{data}", "--plot", "f.bmp"], "--plot must be a file .png"),
            (["evaluate", "{out}", "{short}"], "too short for a window in its test part"),
            (["evaluate", "{out}", "{data}", "--target", "a"], "--target a is that of the model"),
            (
                ["train", "forecast", "{data}", "--units", "7", "--out", "x"],
                "units must be even with decoding segments",
            ),
            (
                ["train", "forecast", "{data}", "--quantiles", "0.5,1"],
                "quantiles must be a number from 1e-06 to below 1",
            ),
            (["train", "forecast", "{data}", "--look-back", "4", "--segment", "5"], "longer than look_back 4"),
        ],
    )
    def test_refused(self, made, tmp_path, capsys, monkeypatch, arguments, said):
        folder, data, out = made
        monkeypatch.chdir(tmp_path)
        lines = lines_of(data)
        short = csv_file(folder, "\n".join(lines[:10]), "short.csv")
        lacks = csv_file(folder, "\n".join(line.rsplit(",", 1)[0] for line in lines), "lacks.csv")
        places = {"out": out, "data": data, "short": short, "lacks": lacks}
        assert cli.main([argument.format(**places) for argument in arguments]) == 2
        shown = capsys.readouterr()
        assert said in shown.err
        assert shown.err.count("\n") == 1
        assert not [path for path in tmp_path.iterdir() if path.suffix]

    @pytest.mark.parametrize(
        "wrong", ["order", "ahead", "targets", "segment", "level", "lead", "units", "both", "variables"]
    )
    def test_blocks_that_make_no_forecaster_are_told(self, tmp_path, wrong):
        options = {"lead": ("recursive", 1), "variables": ("direct", 0)}.get(wrong, ("segments", 0))
        model = forecaster(*options[:1], known=options[1], missing="decay" if wrong == "variables" else "last")
        listed = list(model.blocks)
        place = {"level": 0, "targets": 0, "lead": 0, "segment": 1, "both": 2, "units": 2, "variables": 1}.get(
            wrong, -2
        )
        change = {
            "targets": {"targets": 1},
            "segment": {"segment": 4},
            "level": {"by": "first"},
            "lead": {"lead": False},
            "units": {"units": 6},
            "both": {"both": True},
            "variables": {"variables": 1},
            "ahead": {"outputs": 0},
        }.get(wrong, {})
        listed[place] = dataclasses.replace(listed[place], **change)
        if wrong == "order":
            listed[0], listed[1] = listed[1], listed[0]
        path = tmp_path / "m.safetensors"
        model_file.write(dataclasses.replace(model, blocks=tuple(listed)), path)
        with pytest.raises(InputError, match="no order that makes a network"):
            model_file.read(path)

    @pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
    @pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
    def test_what_is_written_is_read(self, tmp_path, decoding, cell):
        path = tmp_path / "m.safetensors"
        model_file.write(forecaster(decoding, cell, layers=2, known=1), path)
        values = np.random.default_rng(0).normal(size=(13, 3))
        said = runtime.load(path).predict(values, last=7)
        assert said.values.shape == (5, 2)
        assert said.times[0] == "1970-01-01 08:00:00"
        # What stands among the targets of steps that are not yet is not read.
        ahead = values.copy()
        ahead[8:, :2] = np.nan
        np.testing.assert_array_equal(runtime.load(path).predict(ahead, last=7).values, said.values)

    def test_damaged_files_are_told(self, made, tmp_path):
        model = model_file.read(made[2])
        for name, value in {
            "look_back": 25,
            "horizon": 7,
            "quantiles": [0.9, 0.1],
            "features": 3,
            "naive_errors": [1],
        }.items():
            answers = {**model.answers, name: value}
            path = tmp_path / f"{name}.safetensors"
            model_file.write(
                model_file.Model(model.task, model.blocks, model.weights, model.encoder, answers, {}), path
            )
            with pytest.raises(InputError, match="is damaged"):
                runtime.load(path)

    def test_compare(self, made, tmp_path, capsys):
        _, data, _ = made
        given = ["--task", "forecast", "--look-back", "24", "--horizon", "6", "--units", "4", "--epochs", "1"]
        flags = [*given, "--seeds", "2", "--cells", "gru,lstm", "--out", str(tmp_path / "o"), "--json"]
        assert cli.main(["compare", data, *flags]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["unit"] == "windows"
        assert [cell["name"] for cell in result["cells"]] == ["GRU", "LSTM"]
        assert "squared error on the test" in result["verdict"]
        assert cli.main(["compare", data, *flags, "--embedding", "3"]) == 2
        assert "forecast has no embedding: leave embedding out" in capsys.readouterr().err
