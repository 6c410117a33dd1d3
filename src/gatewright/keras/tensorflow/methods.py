"""Methods of TensorFlow's tensors, such as `.numpy()`, on the arrays of JAX."""

from importlib import import_module
from typing import Any, NoReturn

import jax
import numpy as np
from jax._src.array import ArrayImpl

from gatewright.keras.patches import Patches
from gatewright.keras.tensorflow.shapes import TensorShape


def numpy(self: Any) -> Any:
    """Return the values as an array of NumPy."""
    return np.asarray(self)[()]


def get_shape(self: Any) -> TensorShape:
    """Return the shape."""
    return TensorShape(self.shape)


def set_shape(self: Any, shape: Any) -> None:
    """Check a shape: the shape of an array is always known."""
    TensorShape(self.shape).assert_is_compatible_with(shape)


def eval_(self: Any, feed_dict: Any = None, session: Any = None) -> Any:
    """Return the values as an array of NumPy."""
    return self.numpy()


def ref(self: Any) -> int:
    """Return a key that identifies this tensor in a dictionary."""
    return id(self)


def gpu(self: Any) -> Any:
    """Return the tensor: there is one device."""
    return self


def unknown_values(self: Any) -> NoReturn:
    """Refuse: there are no values yet."""
    raise AttributeError(
        "A tensor has no values yet while JAX compiles the step, so .numpy() is not served there. Use tf.print or "
        "jax.debug.print, or model.compile(run_eagerly=True)."
    )


_patches = Patches()
_SHARED = {"get_shape": get_shape, "set_shape": set_shape, "eval": eval_, "ref": ref, "cpu": gpu, "gpu": gpu}


def install() -> None:
    """Give the methods to the arrays of JAX, and to the unknown values of a step that is being compiled."""
    if _patches:
        return
    for name, method in (_SHARED | {"numpy": numpy}).items():
        _patches.replace(ArrayImpl, name, method)
    for name, method in (_SHARED | {"numpy": unknown_values}).items():
        _patches.replace(jax.core.Tracer, name, method)
    _patches.replace(import_module("keras").KerasTensor, "get_shape", get_shape)


def uninstall() -> None:
    """Take the methods away again."""
    _patches.undo()
