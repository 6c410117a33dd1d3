"""The setting in which `gatewright run` runs a program; a notebook or a script can turn it on by hand."""

import importlib.util
from collections.abc import Sequence

from gatewright import keras_datasets, tensorflow_names


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
    from gatewright import accelerate

    accelerate()
    keras_datasets.serve()
    tensorflow_names.serve()


def disable() -> None:
    """Undo `enable`. Models compiled before stay as they were traced."""
    from gatewright import restore

    tensorflow_names.withdraw()
    keras_datasets.withdraw()
    restore()


def require_packages(who: str, packages: Sequence[str] = ("keras", "jax")) -> None:
    """Check that packages of the extra `train` are installed, without importing them.

    Raises:
        ImportError: one of them is not.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"{who} needs {', '.join(missing)}: pip install 'gatewright[train]'")
