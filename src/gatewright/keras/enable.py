"""Prepare this process so that unchanged Keras programs run on the compiled kernels."""

import os
from importlib import import_module

from gatewright.keras import children, datasets, imports, notes, older, progress_thread, timing, tracebacks
from gatewright.keras.accelerate import accelerate, restore
from gatewright.keras.startup import sitecustomize
from gatewright.keras.tensorflow import substitutes
from gatewright.ops import program_cache
from gatewright.support.packages import require_packages


def enable(precision: str | None = None) -> None:
    """Make unchanged Keras programs run on the compiled kernels, as `gatewright run` does.

    Call `enable` before your program imports Keras or TensorFlow. The call has these effects:

    - Recurrent layers run on the compiled kernels, as after `accelerate()`.
    - If TensorFlow is not installed, `import tensorflow` and `import tensorflow.keras` in your own code import Keras 3.
    - If Keras' imdb files cannot be downloaded, `keras.datasets.imdb` reads the reviews in `$GATEWRIGHT_DATA`.
    - Tracebacks do not show frames of Gatewright's files.
    - Child processes with the same Python environment, such as those of `multiprocessing`, `joblib` and `subprocess`,
      call `enable` when they import Keras or TensorFlow.

    Repeated calls have no further effect, except that they may set another precision.

    Args:
        precision: "bfloat16" for faster products in training, "float32", or None for that of an earlier call; see
            `accelerate`. Child processes use the same.

    Raises:
        ValueError: There is no such precision.
        ImportError: Keras or JAX is not installed.
        RuntimeError: Keras already uses a backend other than JAX.
    """
    require_packages("gatewright.enable()")
    sitecustomize.uninstall()
    # Only in `gatewright run`: a library must not change where a program's JAX keeps its files.
    if os.environ.get("GATEWRIGHT_RUN") and not os.environ.get("GATEWRIGHT_NO_CACHE"):
        program_cache.use(notes.note_once)
    if os.environ.get("GATEWRIGHT_STOCK"):  # the second run of `gatewright run --compare-stock`
        import_module("keras")
    else:
        accelerate(precision)
    datasets.install()
    older.install()
    imports.install()
    substitutes.install()
    timing.install()
    progress_thread.install()
    tracebacks.install()
    children.reach()


def disable() -> None:
    """Undo the effects of `enable`. Models that were compiled before this call still run on the kernels."""
    children.forget()
    tracebacks.uninstall()
    progress_thread.uninstall()
    timing.uninstall()
    imports.uninstall()
    substitutes.uninstall()
    older.uninstall()
    datasets.uninstall()
    restore()
    notes.forget()
