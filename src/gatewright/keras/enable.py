"""Prepare this process so that unchanged Keras programs run on the compiled kernels."""

from gatewright.keras import datasets, imports, notes, older
from gatewright.keras.accelerate import accelerate, restore
from gatewright.support.packages import require_packages


def enable() -> None:
    """Make unchanged Keras programs run on the compiled kernels, as `gatewright run` does.

    Call `enable` before your program imports Keras or TensorFlow. The call has three effects:

    - Recurrent layers run on the compiled kernels, as after `accelerate()`.
    - If TensorFlow is not installed, `import tensorflow` and `import tensorflow.keras` in your own code import Keras 3.
    - If Keras' imdb files cannot be downloaded, `keras.datasets.imdb` reads the reviews in `$GATEWRIGHT_DATA`.

    Repeated calls have no further effect.

    Raises:
        ImportError: Keras or JAX is not installed.
        RuntimeError: Keras already uses a backend other than JAX.
    """
    require_packages("gatewright.enable()")
    accelerate()
    datasets.install()
    older.install()
    imports.install()


def disable() -> None:
    """Undo the effects of `enable`. Models that were compiled before this call still run on the kernels."""
    imports.uninstall()
    older.uninstall()
    datasets.uninstall()
    restore()
    notes.forget()
