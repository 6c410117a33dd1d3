"""`Forecaster.predict`: times, short and long forecasts, unknown series, quantiles, and tables of forecasts."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from forecast_models import forecaster
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.grid import Grid
from gatewright.tasks.forecast.layers import Quantiles, order_quantiles
from gatewright.tasks.forecast.model import Forecaster
from gatewright.tasks.forecast.prediction import Forecasted
from gatewright.tasks.forecast.task import PreparedForecast

DAYS = Grid("seconds", 86_400, 0)
BERLIN = Grid("seconds", 3600, 0, "Europe/Berlin")
VALUES = np.random.default_rng(0).normal(size=(20, 2))


def model(**options):
    file = forecaster(**options)
    return Forecaster(file, PreparedForecast.from_json(file.prepared))


class TestTimes:
    @pytest.mark.parametrize(
        "last",
        [
            "2026-01-31T18:00:00",
            "2026-01-31 18:00",
            datetime(2026, 1, 31, 18),
            np.datetime64("2026-01-31T18:00"),
            np.datetime64("2026-01-31T18:00", "ns"),
            pd.Timestamp("2026-01-31 18:00"),
        ],
    )
    def test_the_last_time_has_many_forms(self, last):
        times = model().predict(VALUES, last_time=last).times
        assert times == tuple(
            f"2026-01-{31 + (h > 23)}T{h % 24:02d}:00:00".replace("-32", "-31") for h in range(19, 24)
        )

    @pytest.mark.parametrize(
        "last", ["2026-01-31", date(2026, 1, 31), datetime(2026, 1, 31), np.datetime64("2026-01-31")]
    )
    def test_dates(self, last):
        assert model(grid=DAYS).predict(VALUES, last_time=last).times[0] == "2026-02-01"

    @pytest.mark.parametrize(
        "last",
        [
            "2026-03-29 01:00",
            "2026-03-29T01:00:00+01:00",
            "2026-03-29T00:00Z",
            datetime(2026, 3, 29, tzinfo=UTC),
            datetime(2026, 3, 28, 19, tzinfo=timezone(timedelta(hours=-5))),
            pd.Timestamp("2026-03-29 01:00", tz="Europe/Berlin"),
        ],
    )
    def test_zones(self, last):
        times = model(grid=BERLIN).predict(VALUES, last_time=last).times
        assert times[0] == "2026-03-29T03:00:00+02:00"

    @pytest.mark.parametrize("last", [7, np.int64(7)])
    def test_numbers(self, last):
        assert model(grid=Grid("numbers", 1, 1)).predict(VALUES, last_time=last).times == ("8", "9", "10", "11", "12")

    @pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
    def test_an_index_of_pandas_needs_no_last_time(self, zone):
        index = pd.date_range("2026-03-28 12:00", periods=20, freq="h", tz=zone)
        frame = pd.DataFrame(VALUES, index, ["a", "b"])
        grid = BERLIN if zone else Grid("seconds", 3600, 0)
        forecast = model(grid=grid, calendar=True).predict(frame)
        after = index[-1] + pd.Timedelta("1h")
        assert pd.Timestamp(forecast.times[0]) == after
        by_hand = model(grid=grid, calendar=True).predict(VALUES, last_time=index[-1])
        np.testing.assert_array_equal(forecast.values, by_hand.values)

    def test_the_calendar_needs_a_time(self):
        calendar = model(calendar=True)
        for values in (VALUES, pd.DataFrame(VALUES)):
            with pytest.raises(
                InputError, match=r"The model reads the calendar\. Give the time of the last past step as"
            ):
                calendar.predict(values)
        night, noon = (calendar.predict(VALUES, last_time=f"2026-01-05 {hour}:00").values for hour in ("00", "12"))
        assert not np.allclose(night, noon)

    def test_without_a_time_steps_are_counted(self):
        assert model().predict(VALUES).times == ("+1", "+2", "+3", "+4", "+5")

    @pytest.mark.parametrize(
        ("grid", "last", "message"),
        [
            (DAYS, "soon", "last_time must be a time such as 2026-01-31T18:00:00, not 'soon'"),
            (
                DAYS,
                "2026-01-31 05:00",
                "last_time has the time 2026-01-31T05:00:00, which is not a whole number of steps",
            ),
            (DAYS, np.datetime64("NaT"), "last_time is NaT"),
            (DAYS, pd.NaT, "not NaT"),
            (DAYS, 7, "last_time must be a time"),
            (DAYS, "", "last_time must be a time"),
            (Grid("numbers", 1, 0), "2026-01-31", "last_time must be a whole number"),
            (Grid("numbers", 1, 0), True, "last_time must be a whole number"),
            (Grid("numbers", 2, 0), 3, "last_time has the time 3, which is not a whole number of steps"),
            (DAYS, "9998-12-31", "not in the years 1 to 9998"),
        ],
    )
    def test_refused(self, grid, last, message):
        with pytest.raises(InputError, match=message):
            model(grid=grid).predict(VALUES, last_time=last)


class TestSteps:
    def test_few_steps_are_noted_and_equal_repeated_first_steps(self):
        short = model().predict(VALUES[:3])
        assert "The network reads 8 steps, but got 3, so the first one was repeated." in short.notes
        whole = model().predict(np.concatenate([np.repeat(VALUES[:1], 5, axis=0), VALUES[:3]]))
        np.testing.assert_array_equal(short.values, whole.values)
        assert not whole.notes

    @pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
    @pytest.mark.parametrize("horizon", [1, 4, 6, 12])
    def test_a_longer_horizon_begins_with_the_trained_one(self, decoding, horizon):
        one = model(decoding=decoding)
        trained, other = one.predict(VALUES), one.predict(VALUES, horizon=horizon)
        both = min(horizon, 5)
        assert other.values.shape == (horizon, 2)
        np.testing.assert_array_equal(other.values[:both], trained.values[:both])
        assert bool(other.notes) == (horizon > 5)
        if horizon > 5:
            again = one.predict(np.concatenate([VALUES, trained.values]))
            np.testing.assert_allclose(other.values[5:10], again.values[: horizon - 5], rtol=1e-5)

    @pytest.mark.parametrize("horizon", [0, -1, 1.5, "x", True, 10**6])
    def test_wrong_horizons_are_refused(self, horizon):
        with pytest.raises(InputError, match="horizon must be a whole number from 1 to"):
            model().predict(VALUES, horizon=horizon)

    def test_missing_future_covariates_are_noted(self):
        values = np.concatenate([VALUES, np.ones((20, 1))], axis=1)
        one = model(known=1)
        assert not one.predict(values).notes
        values[-2:, 2] = np.nan
        assert (
            "Future covariates are missing for 2 of 5 steps ahead: their last number was used."
            in one.predict(values).notes
        )

    def test_unknown_series_are_noted(self):
        one = model(series=("p", "q"))
        assert not one.predict(VALUES, series="q").notes
        assert one.predict(VALUES, series="r").notes == (
            "The series was not in the training data. It was scaled by its own numbers.",
        )

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([], "values must be"),
            ([[1.0]], r"values must be \[time, 2\], with a column for each of a, b"),
            ([["x", 1]], "values must be numbers"),
            (None, "values must be"),
            ([[np.inf, 1.0]] * 9, "A value is infinite"),
            ([[np.nan, 1.0]] * 9, "A target has no number in the past steps"),
            (np.empty((0, 2)), "A forecast needs past steps"),
        ],
    )
    def test_wrong_values_are_refused(self, values, message):
        with pytest.raises(InputError, match=message):
            model().predict(values)


class TestQuantiles:
    @settings(deadline=None, max_examples=30)
    @given(
        seed=st.integers(0, 10**6),
        decoding=st.sampled_from(["segments", "direct", "recursive"]),
        scale=st.sampled_from([0.01, 1.0, 100.0]),
    )
    def test_an_interval_contains_its_forecast(self, seed, decoding, scale):
        values = scale * np.random.default_rng(seed).normal(size=(8, 2))
        forecast = model(decoding=decoding, seed=seed).predict(values)
        assert (forecast.quantiles[0.1] <= forecast.values).all()
        assert (forecast.values <= forecast.quantiles[0.9]).all()

    @given(
        st.lists(st.floats(-50, 50, width=32), min_size=6, max_size=6),
        st.sampled_from([(0.1, 0.25, 0.5, 0.75, 0.9), (0.01, 0.02, 0.03, 0.04, 0.05), (0.6, 0.7, 0.8, 0.9, 0.95)]),
    )
    def test_the_layer_orders_quantiles_around_the_forecast(self, numbers, probabilities):
        inputs = Activations(np.array(numbers, np.float32)[None])
        found = Quantiles(probabilities).forward(NUMPY, {}, inputs, None, None)[0].x[0]
        y, quantiles = found[0], found[1:]
        assert y == np.float32(numbers[0])
        assert (np.diff(quantiles) >= 0).all()
        for probability, quantile in zip(probabilities, quantiles, strict=True):
            assert quantile <= y if probability < 0.5 else quantile >= y if probability > 0.5 else quantile == y
        np.testing.assert_array_equal(order_quantiles(found, probabilities), found)

    @given(st.lists(st.floats(-9, 9), min_size=4, max_size=4))
    def test_outputs_of_other_networks_are_ordered(self, numbers):
        y, *quantiles = order_quantiles(np.array(numbers), (0.1, 0.5, 0.9))
        assert y == numbers[0]
        assert quantiles == sorted(quantiles)
        assert quantiles[0] <= y <= quantiles[2]


class TestTables:
    @given(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        st.text("ab,\"'é ;", max_size=5),
    )
    def test_pandas_reads_back_each_digit(self, numbers, key):
        values = np.array([[number] for number in numbers])
        forecast = Forecasted(
            key, ("2026-01-31T00:00:00", "2026-01-31T01:00:00"), ('a,"b"',), values, {0.1: values}, "when"
        )
        text = forecast.table()
        table = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype={"series": str})
        assert list(table.columns) == [*(["series"] if key else []), "when", 'a,"b"', 'a,"b"_0.1']
        assert table['a,"b"'].dtype == np.float64
        np.testing.assert_allclose(table['a,"b"'], numbers, rtol=1e-15)
        assert [float(row[-1]) for row in list(csv.reader(io.StringIO(text)))[1:]] == numbers
        assert pd.to_datetime(table.when).dtype.kind == "M"
        if key:
            assert table.series.tolist() == [key, key]

    def test_columns_of_series_have_their_names(self):
        values = np.zeros((1, 1))
        forecast = Forecasted("1 / x", ("5",), ("y",), values, {}, "time", {"store": "1", "item": "x"})
        assert forecast.table() == "store,item,time,y\n1,x,5,0.0"
