"""Programs and files of Keras 1 and Keras 2 on Keras 3.

Arguments, methods, modules and files of earlier releases are translated when a program uses them, with one note for
each kind. The meaning of the earlier release is kept. Calls that Keras 3 understands are not changed.
"""

from importlib import import_module

from gatewright.keras.older import activations, arguments, files, logs, optimizers, patches, paths, tokenizers, training

_installed = False


def install() -> None:
    """Translate what programs of Keras 1 and 2 use. Repeated calls have no further effect."""
    global _installed
    if _installed:
        return
    _installed = True
    import_module("keras._tf_keras.keras")  # functions are replaced in all modules that have them
    for topic in (activations, arguments, optimizers, logs, training, files, tokenizers, paths):
        topic.install()


def uninstall() -> None:
    """Undo the changes of `install`."""
    global _installed
    _installed = False
    paths.uninstall()
    patches.undo()
