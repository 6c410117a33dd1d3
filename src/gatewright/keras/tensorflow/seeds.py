"""The random state that `tf.random.set_seed` sets: of TensorFlow's functions and of Keras, not of Python or NumPy."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np
from jax.experimental import io_callback

from gatewright.keras.patches import Patches
from gatewright.keras.tensorflow import convert

_DEFAULT_SEED = "make_default_seed"
_OWNERS = ("keras.src.random.seed_generator", "keras.src.backend.jax.random")
_SHUFFLER = "keras.src.trainers.data_adapters.array_data_adapter"


class _Seed(int):
    """The seed that Keras stores as its own, so that a later call of `keras.utils.set_random_seed` is noticed."""


class _State:
    """The generators in use: one for all functions, and one for each `seed` argument."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.streams: dict[Any, np.random.Generator] = {}

    def stream(self, name: Any) -> np.random.Generator:
        """Return the generator of a `seed` argument, or of those who share one under a name."""
        if name not in self.streams:
            text = f"{0 if self.seed is None else self.seed}/{name}".encode()
            entropy = None if self.seed is None and isinstance(name, str) else list(text)
            self.streams[name] = np.random.default_rng(entropy)
        return self.streams[name]


_state = _State(None)
_patches = Patches()


def set_seed(seed: int) -> None:
    """Seed the random functions of TensorFlow and Keras. The generators of Python and NumPy are left alone."""
    global _state
    global_state = import_module("keras.src.backend.common.global_state")
    _patch_keras()
    _state = _State(int(seed))
    if find_spec(f"{__package__}.data") is not None:
        import_module(f"{__package__}.data.shuffling").set_seed(int(seed))
    global_state.set_global_attribute("global_random_seed", _Seed(int(seed)))
    global_state.set_global_attribute("global_seed_generator", None)


def next_key(seed: Any = None) -> Any:
    """Return a new key of JAX. In a compiled function, each execution draws a new one."""
    shape = jax.ShapeDtypeStruct((2,), np.uint32)  # type: ignore[no-untyped-call]
    name = "functions" if seed is None else int(seed)

    def draw() -> Any:
        return _state.stream(name).integers(0, 2**32, 2, dtype=np.uint32)

    return io_callback(draw, shape) if convert.is_compiling() else jax.numpy.asarray(draw())


def uninstall() -> None:
    """Undo the changes to Keras."""
    _patches.undo()


def _patch_keras() -> None:
    if _patches:
        return
    stock = getattr(import_module(_OWNERS[0]), _DEFAULT_SEED)

    def make_default_seed() -> int:
        return int(_state.stream("keras").integers(1, 10**9)) if _is_in_use() else int(stock())

    for path in _OWNERS:
        _patches.replace(import_module(path), _DEFAULT_SEED, make_default_seed)
    _patches.replace(import_module(_SHUFFLER), "np", _NumPy())


def _is_in_use() -> bool:
    """Return True unless `keras.utils.set_random_seed` was called after `tf.random.set_seed`."""
    current = import_module("keras.src.utils.rng_utils").get_random_seed()
    return _state.seed is not None and (current is None or isinstance(current, _Seed))


class _NumPy:
    """NumPy as `Model.fit` sees it. It shuffles examples by the seed of `tf.random.set_seed`, as in TensorFlow."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @property
    def random(self) -> Any:
        """The generator for shuffling."""
        return _state.stream("shuffle") if _is_in_use() else np.random
