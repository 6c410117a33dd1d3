"""The state of optimizers in .h5 files of Keras 1 and Keras 2."""

from typing import Any

import numpy as np

from gatewright.keras.older import patches

# The lists of variables that an optimizer has for each weight, in the order of the file.
_SLOTS = {"Adam": ("_momentums", "_velocities"), "RMSprop": ("_velocities",), "SGD": ("momentums",)}


def restore(model: Any, group: Any) -> None:
    """Set the optimizer of `model` to the state in `group`, or print a note that it starts from zero."""
    optimizer = model.optimizer
    state = _state(type(optimizer).__name__, optimizer, group)
    if state is None:
        patches.note(
            "optimizer state",
            "The state of the optimizer in the file was not restored; training goes on with a new one",
        )
        return
    for variable, value in state:
        variable.assign(value)


def _state(name: str, optimizer: Any, group: Any) -> list[tuple[Any, Any]] | None:
    """Return variables and their values, or None if the file has another arrangement."""
    from keras.src.legacy.saving import legacy_h5_format as h5

    slots = _SLOTS.get(name, ())
    names = h5.load_attributes_from_hdf5_group(group, "weight_names")
    values = [np.asarray(group[entry]) for entry in names]
    if not values or values[0].shape or not slots or any("/m/" in f"/{entry}" for entry in names):
        return None  # from Keras 2.11 on, the variables of each weight stand together
    variables = [variable for slot in slots for variable in getattr(optimizer, slot)]
    found = values[1 : 1 + len(variables)]
    if [value.shape for value in found] != [tuple(variable.shape) for variable in variables]:
        return None
    return [(optimizer.iterations, values[0]), *zip(variables, found, strict=True)]
