"""The parts of Keras' callback `TensorBoard` that need TensorFlow."""

from typing import Any

from gatewright.keras import notes
from gatewright.keras.tensorflow import summary as summaries


def summary(callback: Any) -> Any:
    """Return the module that a callback writes summaries with."""
    return summaries


summary_property = property(summary)


def configure_embeddings(callback: Any) -> None:
    """Switch off the display of embeddings, which needs the package of TensorBoard, and say so."""
    callback.embeddings_freq = 0
    notes.note_once("The callback TensorBoard writes no embeddings, so embeddings_freq has no effect.")
