"""The settings of `train generate` for piano rolls."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class RollSettings(Settings):
    """The settings of a piano roll model."""

    held_out_fraction: float = setting(
        0.1,
        "Fraction of the pieces set aside for the test set, and again for the validation set, if the data has none.",
        "data",
        below=0.5,
    )
    units: int = setting(256, "Units of each recurrent layer.", "model", minimum=1, compare=46)
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=100,
        default_text="20 to 200, about 1,000 steps",
    )
    batch_size: int | None = setting(8, "Pieces of music per training step.", "training", minimum=1)
    learning_rate: float = setting(
        0.003, "Peak learning rate of Adam.", "training", minimum=1e-12, swept="learning_rates"
    )
    input_dropout: float = setting(
        0.0,
        "Fraction of the keys dropped, the same ones at every time step (variational dropout).",
        "regularization",
        below=1,
    )
    weight_dropout: float = setting(
        0.0,
        "Fraction of the weights of the recurrent kernel that are set to 0 during a training step.",
        "regularization",
        below=1,
    )
