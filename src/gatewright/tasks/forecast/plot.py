"""Plots of forecasts: the past values, the forecast and the interval."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.files import atomically, require_plot
from gatewright.support.plot_style import GREY, PALETTE, plot_style
from gatewright.tasks.forecast.prediction import Forecasted

_MAX_PANELS = 12
# Number of past steps that are shown, in horizons.
_PAST = 3


class WindowPanel(NamedTuple):
    """One target of a window, in the units of the data.

    Attributes:
        forecast: The forecast of the window.
        past: The past numbers of all targets, [time, targets].
        truth: The true numbers of the target, [horizon].
        target: The index of the target.
    """

    forecast: Forecasted
    past: NDArray[np.float64]
    truth: NDArray[np.float64]
    target: int


def write(forecasts: Sequence[Forecasted], pasts: Sequence[NDArray[np.float64]], path: Path) -> None:
    """Write a plot of the forecasts to a file, with a panel for each target of each series, at most twelve.

    An existing file is replaced only when the plot is complete.

    Args:
        forecasts: The forecast of each series.
        pasts: For each series, the observed targets before the forecast, [time, targets].
        path: The file, with the suffix .png, .svg or .pdf.

    Raises:
        InputError: The file has another suffix, or cannot be written.
    """
    require_plot(path)
    _save(figure(forecasts, pasts), path)


def write_windows(panels: Sequence[WindowPanel], path: Path) -> None:
    """Write a plot of windows with the truth ahead to a file, with a panel for each.

    Raises:
        InputError: The file has another suffix, or cannot be written.
    """
    require_plot(path)
    from matplotlib.figure import Figure

    with plot_style():
        picture = Figure(figsize=(8, 0.6 + 1.9 * len(panels)), layout="constrained")
        axes = picture.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axis, panel in zip(axes, panels, strict=True):
            _panel(axis, panel.forecast, panel.past[:, panel.target], panel.target)
            horizon = len(panel.forecast.times)
            axis.plot(np.arange(1, horizon + 1), panel.truth, color="black", linewidth=1.2, label="truth")
        axes[0].legend(loc="upper left", fontsize=8)
    _save(picture, path)


def _save(picture: Any, path: Path) -> None:
    with atomically(path) as temporary:
        picture.savefig(temporary, dpi=150)


def figure(forecasts: Sequence[Forecasted], pasts: Sequence[NDArray[np.float64]]) -> Any:
    """Return a matplotlib figure with a panel for each target of each series, at most twelve panels."""
    from matplotlib.figure import Figure

    panels = [
        (forecast, past[:, place], place)
        for forecast, past in zip(forecasts, pasts, strict=True)
        for place in range(len(forecast.targets))
    ]
    shown = panels[:_MAX_PANELS]
    with plot_style():
        picture = Figure(figsize=(8, 0.6 + 1.9 * len(shown)), layout="constrained")
        axes = picture.subplots(len(shown), 1, squeeze=False)[:, 0]
        for axis, (forecast, past, place) in zip(axes, shown, strict=True):
            _panel(axis, forecast, past, place)
        axes[0].legend(loc="upper left", fontsize=8)
        if len(panels) > len(shown):
            picture.supxlabel(f"the first {len(shown)} of {len(panels)}", fontsize=8)
    return picture


def _panel(axis: Any, forecast: Forecasted, past: NDArray[np.float64], place: int) -> None:
    horizon = len(forecast.times)
    past = past[-_PAST * horizon :]
    ahead = np.arange(1, horizon + 1)
    axis.plot(np.arange(1 - len(past), 1), past, color=GREY, linewidth=1.2, label="measured")
    axis.plot(ahead, forecast.values[:, place], color=PALETTE[0], linewidth=1.6, label="forecast")
    probabilities = list(forecast.quantiles)
    if len(probabilities) > 1:
        low, high = (forecast.quantiles[q][:, place] for q in (probabilities[0], probabilities[-1]))
        label = f"{probabilities[-1] - probabilities[0]:.0%} interval"
        axis.fill_between(ahead, low, high, color=PALETTE[0], alpha=0.18, linewidth=0, label=label)
    axis.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    name = forecast.targets[place]
    axis.set_title(f"{forecast.series}: {name}" if forecast.series else name, loc="left", fontsize=9)
    # Only the first and the last time are named: more would overlap.
    axis.set_xticks([1, horizon] if horizon > 1 else [1], [*forecast.times[:1], *forecast.times[1:][-1:]], fontsize=8)
    axis.get_xticklabels()[-1].set_horizontalalignment("right")
    if horizon > 1:
        axis.get_xticklabels()[0].set_horizontalalignment("right")
    axis.tick_params(axis="y", labelsize=8)
