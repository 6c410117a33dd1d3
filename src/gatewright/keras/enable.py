"""The setting in which `gatewright run` runs a program; a notebook or a script can turn it on by hand."""

from gatewright.keras import datasets as keras_datasets
from gatewright.keras import tensorflow_names
from gatewright.support.packages import require_packages


def enable() -> None:
    """Run stock Keras programs on the compiled kernels, as `gatewright run` does.

    Turns `accelerate()` on, gives your own code's imports of `tensorflow` and `tensorflow.keras` to Keras 3
    where TensorFlow is not installed, and lets `keras.datasets.imdb` read the named data set where Keras' own
    file is not to be had. Call it before the program's imports. Calling it again changes nothing.

    Raises:
        ImportError: Keras or JAX is not installed.
        RuntimeError: Keras already runs on another backend than JAX.
    """
    require_packages("gatewright.enable()")
    from gatewright.keras.accelerate import accelerate

    accelerate()
    keras_datasets.serve()
    tensorflow_names.serve()


def disable() -> None:
    """Undo `enable`. Models compiled before stay as they were traced."""
    from gatewright.keras.accelerate import restore

    tensorflow_names.withdraw()
    keras_datasets.withdraw()
    restore()
