"""The settings of the adding problem."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class AddingSettings(Settings):
    """The settings of the adding problem, which can be compared but not trained with `gatewright train`."""

    max_length: int = setting(100, "Number of time steps of a sequence.", "data", minimum=2)
    units: int = setting(64, "Units of each recurrent layer, in each direction.", "model", minimum=1)
    batch_size: int | None = setting(16, "Examples per training step.", "training", minimum=1)
    learning_rate: float = setting(
        0.005, "Peak learning rate of Adam.", "training", minimum=1e-12, swept="learning_rates"
    )
