"""Small forecasters, as training would leave them, and series to give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewright.data.time_texts import ISO
from gatewright.data.times import NUMBER, TimeLayout
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.tasks.forecast.columns import Roles
from gatewright.tasks.forecast.grid import Grid
from gatewright.tasks.forecast.network import forecaster_layers
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.forecast.settings import ForecastSettings
from gatewright.tasks.forecast.table import Columns
from gatewright.tasks.forecast.task import PreparedForecast

HOURS = Grid("seconds", 3600, 0)


def forecaster(
    decoding="segments",
    cell="gru",
    units=4,
    layers=1,
    known=0,
    missing="last",
    zoneout=0.0,
    calendar=False,
    grid=HOURS,
    series=("",),
    seed=0,
):
    """A forecaster of two targets, 8 steps to 5, with random weights."""
    names = ("a", "b", *("k" * (place + 1) for place in range(known)))
    scale = np.stack([np.arange(2.0 + known), 1 + np.arange(2.0 + known)])
    layout = TimeLayout(("date",), (NUMBER if grid.kind == "numbers" else ISO,), grid.zone)
    columns = Columns(layout, ("shop",) if len(series) > 1 else (), Roles(names[:2], (), names[2:]))
    scales = Scales(names, 2, known, calendar, missing == "decay", grid, dict.fromkeys(series, scale), columns)
    settings = ForecastSettings(
        decoding=decoding,
        cell=cell,
        units=units,
        layers=layers,
        missing=missing,
        zoneout=zoneout,
        look_back=8,
        horizon=5,
        segment=3,
        output_dropout=0.0,
    )
    network = tuple(forecaster_layers(scales, 3, settings))
    weights = tuple(models.initial_weights(network, scales.features, [seed]))
    prepared = PreparedForecast(scales, 8, 5, (0.1, 0.9), (0.5, np.nan))
    return ModelFile("forecast", network, weights, prepared.to_json(), {})


def waves(folder, rows=400, name="waves.csv", noise=0.1, seed=0):
    """Write a table of two waves of period 12 with noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    a = np.sin(2 * np.pi * t / 12) + noise * rng.normal(size=rows)
    b = 5 + 3 * np.cos(2 * np.pi * t / 12) + noise * rng.normal(size=rows)
    lines = [f"{step},{x:.5f},{y:.5f}" for step, x, y in zip(t, a, b, strict=True)]
    path = folder / name
    path.write_text("\n".join(["time,a,b", *lines]) + "\n")
    return str(path)


def lines_of(path):
    return Path(path).read_text(encoding="utf-8").split()


def numbers_of(path):
    return np.array([line.split(",")[1:] for line in lines_of(path)[1:]], float)
