"""Names of earlier releases of Keras that Keras 3 no longer has."""

import sys
from importlib import import_module


def install() -> None:
    """Make `keras.preprocessing.text` importable.

    In Keras 3, this module has only the name `tensorflow.keras.preprocessing.text`.
    """
    text = import_module("keras._tf_keras.keras.preprocessing.text")
    sys.modules.setdefault("keras.preprocessing.text", text)
    import_module("keras.preprocessing").__dict__.setdefault("text", text)


def uninstall() -> None:
    """Undo the changes of `install`."""
    if sys.modules.pop("keras.preprocessing.text", None) is not None:
        del import_module("keras.preprocessing").__dict__["text"]
