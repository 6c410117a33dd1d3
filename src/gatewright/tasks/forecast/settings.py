"""The settings of `train forecast`."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import TRAIN_ONLY, Settings, setting

MAX_STEPS = 1 << 15
"""Largest look-back and horizon. They cost time that no weight in a model file accounts for."""


@dataclass(frozen=True, kw_only=True)
class ForecastSettings(Settings):
    """The settings of a forecaster."""

    look_back: int | None = setting(
        None,
        "Number of past steps that the network reads.",
        "data",
        minimum=1,
        maximum=MAX_STEPS,
        default_text="several seasons and at least four horizons",
    )
    horizon: int | None = setting(
        None,
        "Number of steps to forecast.",
        "data",
        minimum=1,
        maximum=MAX_STEPS,
        default_text="a season, or 10 steps",
    )
    calendar: bool = setting(False, "Use the time of the year, of the week and of the day as inputs too.", "data")
    missing: str = setting(
        "last",
        "Input for a missing number: last (the number before it) or decay (GRU-D; needs --decoding direct).",
        "data",
        choices=("last", "decay"),
        compare=TRAIN_ONLY,
    )
    units: int = setting(256, "Units of each recurrent layer.", "model", minimum=1, compare=64)
    decoding: str = setting(
        "segments",
        "Method to forecast the steps: segments (SegRNN), direct (all from the last state) or recursive (one by one).",
        "model",
        choices=("segments", "direct", "recursive"),
    )
    segment: int | None = setting(
        None,
        "Number of steps of a segment with --decoding segments.",
        "model",
        minimum=1,
        default_text="a season, at most 48",
    )
    normalization: str = setting(
        "last",
        "Normalization of each window: last (subtract its last value), standard (standardize it) or none.",
        "model",
        choices=("last", "standard", "none"),
    )
    quantiles: tuple[float, ...] = setting(
        (0.1, 0.9),
        "Probabilities of the quantiles to forecast too, separated by commas.",
        "model",
        minimum=1e-6,
        below=1,
    )
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=5,
        default_text="3 to 50, about 3,000 steps",
    )
    batch_size: int | None = setting(
        None,
        "Windows per training step.",
        "training",
        minimum=1,
        compare=64,
        default_text="64, or fewer for short series",
    )
    learning_rate: float = setting(
        0.001, "Peak learning rate of Adam.", "training", minimum=1e-12, swept="learning_rates"
    )
    loss: str = setting(
        "absolute", "Error to minimize: absolute or squared.", "training", choices=("absolute", "squared")
    )
    output_dropout: float = setting(
        0.3, "Fraction of each recurrent layer's outputs dropped.", "regularization", below=1, compare=0.0
    )
