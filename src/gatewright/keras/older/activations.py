"""The activation function whose definition changed in Keras 3."""

from typing import Any

from gatewright.keras.older import patches
from gatewright.support.keras_arguments import HARD_SIGMOID


def hard_sigmoid(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), the `hard_sigmoid` of Keras 1 and 2. Keras 3 has clip(x / 6 + 0.5, 0, 1)."""
    from keras import ops

    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def install() -> None:
    """Make the function known to Keras under a name of its own, so that models with it can be saved and read."""
    from keras.src import activations
    from keras.src.saving import object_registration as registry

    for table, key, value in (
        (activations.ALL_OBJECTS_DICT, HARD_SIGMOID, hard_sigmoid),
        (registry.GLOBAL_CUSTOM_OBJECTS, HARD_SIGMOID, hard_sigmoid),
        (registry.GLOBAL_CUSTOM_NAMES, hard_sigmoid, HARD_SIGMOID),
    ):
        patches.add_item(table, key, value)
