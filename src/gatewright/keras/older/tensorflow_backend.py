"""The names in `keras.backend.tensorflow_backend` that concern TensorFlow's sessions and devices.

Other names of that module come from `keras.backend`.
"""

from typing import Any

from gatewright.keras.older import patches


def set_session(session: Any) -> None:
    """Do nothing, because Keras on JAX has no sessions."""
    patches.note("set_session", "Keras 3 has no sessions; set_session() was left out")


def _get_available_gpus() -> list[str]:
    """Return the names of the GPUs that JAX uses, in the notation of TensorFlow."""
    import jax

    return [f"/device:GPU:{device.id}" for device in jax.devices() if device.platform == "gpu"]
