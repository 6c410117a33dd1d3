"""The settings of `train classify` for series of numbers."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ClassifySeriesSettings(Settings):
    """The settings of a series classifier."""

    max_length: int | None = setting(
        None,
        "Largest number of steps of a series. Only the last steps of a longer series are read.",
        "data",
        minimum=1,
        default_text="the length of the longest training series",
    )
    scaling: str = setting(
        "each",
        "Scaling of the channels: each (by its own standard deviation) or together (all by the same number, for "
        "channels with the same unit).",
        "data",
        choices=("each", "together"),
    )
    bidirectional: bool = setting(True, "Process series in both directions.", "model", compare=False)
    pooling: str = setting(
        "mean",
        "Method to combine the outputs of all steps into one vector: last, mean, max or attention.",
        "model",
        choices=("last", "mean", "max", "attention"),
        compare="last",
    )
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=50,
        default_text="10 to 200, about 2,000 steps",
    )
    batch_size: int | None = setting(16, "Examples per training step.", "training", minimum=1)
    learning_rate: float = setting(
        0.002, "Peak learning rate of Adam.", "training", minimum=1e-12, swept="learning_rates"
    )
    class_weights: str = setting(
        "none", "Weights of the classes in the loss: none or balanced.", "training", choices=("none", "balanced")
    )
    input_noise: float | None = setting(
        None,
        "Standard deviation of the noise added to each number in training, as a fraction of the channel's standard "
        "deviation.",
        "regularization",
        below=1,
        compare=0.0,
        default_text="0.5 for several channels, 0.1 for one",
    )
    input_dropout: float = setting(
        0.0,
        "Fraction of the channels dropped, the same ones at every step (variational dropout).",
        "regularization",
        below=1,
    )
