"""Descriptions of the recurrent layers that the suites measure: their sizes and options."""

from dataclasses import dataclass
from typing import NamedTuple


class Shape(NamedTuple):
    """The sizes of an input, [batch, time, features], and the number of units of the recurrent layer."""

    batch: int
    time: int
    features: int
    units: int

    def __str__(self) -> str:
        return f"{self.batch}x{self.time}x{self.features} to {self.units}"


@dataclass(frozen=True)
class Case:
    """A Keras recurrent layer with its options, and the sizes of its input.

    Attributes:
        cell: The name of the layer class: "SimpleRNN", "LSTM" or "GRU".
        reset_after: The argument `reset_after` of GRU. True for other layers.
        mask: "none", "left" (masks padding on the left) or "random" (masks random time steps).
        dropout: "none", "recurrent", or "both" for dropout of the inputs and of the recurrent states.
        direction: "forward", "backward" or "Bidirectional".
        dtype: The dtype of the inputs and weights.
        activation: "default", or "relu/hard_sigmoid" for activation="relu" and recurrent_activation="hard_sigmoid".
        batch, time, features: The sizes of the input.
        units: The number of units of the layer.
        sequences: True to return the outputs of all time steps.
    """

    cell: str
    reset_after: bool
    mask: str = "none"
    dropout: str = "none"
    direction: str = "forward"
    dtype: str = "float32"
    activation: str = "default"
    batch: int = 32
    time: int = 200
    features: int = 128
    units: int = 128
    sequences: bool = False

    def __str__(self) -> str:
        words = (
            self.cell if self.reset_after else f"{self.cell} reset before",
            f"mask {self.mask}" if self.mask != "none" else "",
            f"dropout {self.dropout}" if self.dropout != "none" else "",
            self.direction if self.direction != "forward" else "",
            self.dtype if self.dtype != "float32" else "",
            self.activation if self.activation != "default" else "",
            "sequences" if self.sequences else "",
        )
        return ", ".join(filter(None, words))

    @property
    def shape(self) -> Shape:
        """The sizes of the input and the number of units."""
        return Shape(self.batch, self.time, self.features, self.units)
