"""Forecasting: the splits, the sizes of windows, the metrics and the baselines."""

import jax.numpy as jnp
import numpy as np
import pytest
from forecast_models import lines_of, waves
from tasks.forecast.test_reading import csv_file, hourly

from gatewright.data.batches import Batch
from gatewright.data.times import NUMBER, TimeLayout
from gatewright.data.windows import Windows
from gatewright.support.errors import InputError
from gatewright.tasks.forecast import baseline
from gatewright.tasks.forecast.columns import Roles
from gatewright.tasks.forecast.grid import Grid
from gatewright.tasks.forecast.measures import MEASURES
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.forecast.settings import ForecastSettings
from gatewright.tasks.forecast.table import Columns
from gatewright.tasks.forecast.task import Forecast, PreparedForecast
from gatewright.training.dataset import Dataset


def dataset(path, limit=None, test=None, options=None, **settings):
    """Return the data set of windows that look 24 steps back and 6 ahead."""
    chosen = ForecastSettings(**{"look_back": 24, "horizon": 6, **settings})
    return Dataset.read(Forecast(path, chosen, options or {}, test=test, limit=limit))


def prepared(**given):
    columns = Columns(TimeLayout(("time",), (NUMBER,)), (), Roles(("a",), (), ()))
    scales = Scales(("a",), 1, 0, False, False, Grid("numbers", 1, 0), {"": np.array([[0.0], [1]])}, columns)
    return PreparedForecast(scales, 24, 5, **{"quantiles": (0.1, 0.9), "naive_errors": (1.0,), **given})


class TestSplits:
    def test_splits_follow_the_time_and_share_no_step_ahead(self, tmp_path):
        data = dataset(waves(tmp_path))
        ahead = [
            {int(step) for start in split.targets.starts for step in range(start, start + 6)}
            for split in (data.train, data.validation, data.test)
        ]
        assert max(ahead[0]) < min(ahead[1])
        assert max(ahead[1]) < min(ahead[2])
        assert max(ahead[2]) == 399
        assert ahead[0] == set(range(24, 280))
        # The first test window looks back into the validation set.
        assert min(ahead[2]) == 320
        assert data.test.inputs["past"].starts[0] == 320 - 24

    def test_a_given_test_set_is_used_whole(self, tmp_path):
        data = dataset(waves(tmp_path), test=waves(tmp_path, 50, "t.csv", seed=1))
        assert data.test.size == 50 - 24 - 6 + 1
        assert data.validation.size == 50 - 6 + 1

    def test_every_test_window_is_kept(self, tmp_path):
        assert dataset(waves(tmp_path)).test.size == 80 - 6 + 1

    def test_default_sizes_suit_the_series(self, tmp_path):
        settings = Dataset.read(Forecast(csv_file(tmp_path, hourly(24 * 40)), ForecastSettings())).settings
        assert (settings.horizon, settings.segment, settings.look_back) == (24, 24, 168)
        short = Dataset.read(Forecast(csv_file(tmp_path, hourly(60), "short.csv"), ForecastSettings())).settings
        assert short.look_back % short.segment == 0
        assert short.look_back + short.horizon < 42

    def test_a_series_that_is_too_short_is_refused(self, tmp_path):
        message = (
            "too short for a window in its training set: its longest series has 30 steps, and a window looks 24 back"
        )
        with pytest.raises(InputError, match=message):
            dataset(waves(tmp_path, 30))

    def test_a_limit_takes_evenly_spaced_windows(self, tmp_path):
        data = dataset(waves(tmp_path), limit=10)
        assert (data.train.size, data.test.size) == (10, 10)
        assert data.train.targets.starts[-1] == 274

    def test_only_future_covariates_are_read_of_the_steps_ahead(self, tmp_path):
        options = {"target": "a", "past_covariates": "b", "future_covariates": "c"}
        data = dataset(csv_file(tmp_path, hourly(200, "a,b,c")), options=options)
        assert data.test.inputs["past"].shape[1:] == (24, 3)
        assert data.test.inputs["future"].shape[1:] == (6, 1)
        assert data.test.targets.shape[1:] == (6, 1)
        past, future = (np.asarray(data.test.inputs[name]) for name in ("past", "future"))
        np.testing.assert_array_equal(future[0, :, 0], past[6, -6:, 2])

    def test_fingerprints_differ_with_the_data(self, tmp_path):
        data = waves(tmp_path)
        lines = lines_of(data)
        changed = csv_file(tmp_path, "\n".join([*lines[:200], "199,1,1", *lines[201:]]), "changed.csv")
        assert dataset(data).fingerprint() == dataset(data).fingerprint() != dataset(changed).fingerprint()


class TestMeasures:
    def test_missing_targets_do_not_count(self, tmp_path):
        lines = lines_of(waves(tmp_path))
        for row in (330, 331, 332):
            lines[row + 1] = f"{row},,7"
        data = dataset(csv_file(tmp_path, "\n".join(lines), "g.csv"))
        assert any("3 of 400 numbers of a are missing" in note for note in data.splits.notes)
        targets = np.asarray(data.test.targets)
        assert np.isnan(targets[..., 0]).any()
        outputs = np.zeros((*targets.shape, 3), np.float32)
        outputs[..., 0] = np.nan_to_num(targets) + 1
        figures = data.prepared.measure(outputs, data.test.targets)
        assert figures["mse"] == pytest.approx(1)
        assert figures["mae"] == pytest.approx(1)
        losses = np.asarray(data.prepared.losses(jnp.asarray(outputs[:9]), jnp.asarray(targets[:9])))
        assert np.isfinite(losses).all()

    def test_metrics_equal_their_definitions(self, tmp_path):
        data = dataset(waves(tmp_path), quantiles=(0.25, 0.75))
        y = np.asarray(data.test.targets)
        outputs = np.stack([y + 2, y - 1, y + 3], axis=-1)
        figures = data.prepared.measure(outputs, data.test.targets)
        assert figures["mse"] == pytest.approx(4, rel=1e-5)
        assert figures["mae"] == pytest.approx(2, rel=1e-5)
        # Under by one at 1/4 costs 1/4; over by three at 3/4 costs 3/4.
        assert figures["pinball"] == pytest.approx((0.25 + 0.75) / 2, rel=1e-5)
        assert figures["coverage"] == 1
        # Times that are numbers have no season: the naive forecast is the step before.
        train = data.train.targets.values[:280].astype(np.float64)
        naive = np.abs(np.diff(train, axis=0)).mean(axis=0)
        assert figures["mase"] == pytest.approx(float((2 / naive).mean()), rel=1e-5)
        assert list(figures) == [measure.name for measure in MEASURES]
        outside = np.stack([y, y + 1, y + 2], axis=-1)
        assert data.prepared.measure(outside, data.test.targets)["coverage"] == 0

    @pytest.mark.parametrize("loss", ["absolute", "squared"])
    def test_losses_are_the_error_and_the_pinball_losses(self, loss):
        y, outputs = np.zeros((1, 1, 1)), np.array([[[[3.0, 1.0, -1.0]]]])
        found = float(prepared(loss=loss).losses(jnp.asarray(outputs), jnp.asarray(y))[0])
        assert found == pytest.approx({"absolute": 3, "squared": 9}[loss] + (0.9 + 0.9) / 2)

    def test_scores_are_of_windows_that_share_no_step(self):
        targets = Windows(np.zeros((50, 1), np.float32), np.arange(10, 31), 5)
        outputs = np.arange(21, dtype=float)[:, None, None, None] * np.ones((21, 5, 1, 1))
        np.testing.assert_allclose(prepared().scores(outputs, targets), -np.square([0.0, 5, 10, 15, 20]))


class TestBaselines:
    def fitted(self, tmp_path, **given):
        path = waves(tmp_path, **given)
        task = Forecast(path, ForecastSettings(look_back=24, horizon=6))
        data = Dataset.read(task)
        return data, task.baseline(data.splits, data.prepared)

    def test_a_linear_map_continues_waves(self, tmp_path):
        data, fitted = self.fitted(tmp_path, noise=0.0)
        assert fitted.name == "a linear map"
        assert data.prepared.measure(fitted.outputs, data.test.targets)["mse"] < 1e-3
        assert [name for name, _ in fitted.others] == ["the last value"]
        last = fitted.others[0][1][..., 0]
        np.testing.assert_allclose(last, np.repeat(np.asarray(data.test.inputs["past"])[:, -1:], 6, axis=1))

    def test_the_linear_map_without_a_penalty_is_least_squares(self, tmp_path, monkeypatch):
        data, _ = self.fitted(tmp_path)
        monkeypatch.setattr(baseline, "_PENALTIES", (1e-9,))
        found = baseline.linear(data.train, data.validation, data.test, ())
        x = np.asarray(data.train.inputs["past"], np.float64)
        y = np.asarray(data.train.targets, np.float64)
        rows = (x - x[:, -1:]).swapaxes(1, 2).reshape(-1, 24)
        sides = (y - x[:, -1:]).swapaxes(1, 2).reshape(-1, 6)
        weights = np.linalg.lstsq(rows, sides, rcond=None)[0]
        t = np.asarray(data.test.inputs["past"], np.float64)
        wanted = ((t - t[:, -1:]).swapaxes(1, 2) @ weights).swapaxes(1, 2) + t[:, -1:]
        assert np.abs(found.outputs[..., 0] - wanted).max() < 1e-4
        assert np.abs(wanted).max() > 0.5

    def test_a_random_walk_needs_a_large_penalty(self, tmp_path):
        """Nothing in its window helps but its last value."""
        lines = "\n".join(
            f"{step},{value}" for step, value in enumerate(np.random.default_rng(0).normal(size=600).cumsum())
        )
        data = dataset(csv_file(tmp_path, f"time,a\n{lines}\n"), look_back=48)
        found = baseline.linear(data.train, data.validation, data.test, ())
        last = baseline.seasonal(data.train, data.validation, data.test, (), ())
        assert "penalty 10000," in found.description
        assert found.error == pytest.approx(last.error, rel=0.05)

    def test_the_seasonal_naive_forecast_repeats_a_season(self, tmp_path):
        data = dataset(csv_file(tmp_path, hourly(24 * 30)), options={"target": "a"}, look_back=48, horizon=30)
        found = baseline.seasonal(data.train, data.validation, data.test, (24,), ())
        x = np.asarray(data.test.inputs["past"])[..., 0]
        # The series rises all the time, so that the last value is the better of the two.
        np.testing.assert_allclose(found.outputs[:, :, 0, 0], np.repeat(x[:, -1:], 30, axis=1))
        values = np.tile(np.sin(np.arange(24) / 4), 40).astype(np.float32)[:, None]
        ahead = Windows(values, np.arange(48, 148), 30)
        daily = Batch({"past": Windows(values, np.arange(100), 48)}, ahead)
        again = baseline.seasonal(daily, daily, daily, (7, 24), ())
        assert again.name == "seasonal naive"
        np.testing.assert_allclose(again.outputs[..., 0], np.asarray(ahead), atol=1e-6)

    def test_intervals_cover_what_they_promise(self, tmp_path):
        data, fitted = self.fitted(tmp_path, rows=3000)
        assert 0.75 < data.prepared.measure(fitted.outputs, data.test.targets)["coverage"] < 0.85

    def test_the_constant_is_the_mean_with_its_quantiles(self, tmp_path):
        data, _ = self.fitted(tmp_path, rows=3000)
        outputs, _ = data.prepared.constant(data.test.targets, data.train.targets)
        figures = data.prepared.measure(outputs, data.test.targets)
        assert figures["mse"] == pytest.approx(1, abs=0.1)
        assert figures["coverage"] == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decoding": "segments", "units": 7}, "units must be even with decoding=segments, not 7"),
        ({"missing": "decay"}, "missing=decay needs decoding=direct"),
        ({"missing": "decay", "decoding": "direct", "zoneout": 0.1}, "missing=decay needs .* zoneout=0"),
        ({"missing": "decay", "decoding": "direct", "recurrent_dropout": 0.1}, "missing=decay needs"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(tmp_path, settings, message):
    task = Forecast(waves(tmp_path), ForecastSettings(**settings))
    data = Dataset.read(task)
    with pytest.raises(InputError, match=message):
        task.network(data.prepared, data.settings)
