"""Load the parts of Keras that import scikit-learn and matplotlib only when a program uses them.

`import keras` would import both packages if they are installed, and spend about 40% of its time on them.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

_PARTS = ("keras.wrappers", "keras.visualization", "keras.src.visualization")


class _Finder:
    """A finder of modules that are executed when one of their attributes is read for the first time."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _PARTS else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def deferred() -> Iterator[None]:
    """Defer these parts while Keras is imported within the `with` block."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def loaded_modules() -> list[ModuleType]:
    """Return the modules of Keras that are loaded. To read the attributes of a deferred part would load it."""
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "keras"]
    return [module for module in modules if type(module).__name__ != "_LazyModule"]
