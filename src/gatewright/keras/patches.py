"""Changes of Keras' classes and modules, made by several parts of this package, that are undone one part at a time.

Several parts wrap the same methods, such as `fit`. If one of them put back the function that it had found, the changes
of later parts would be lost, and its own would come back when those are undone. Therefore, whenever a part undoes its
changes, an attribute is made again from its stock value and the wrappers that are left.
"""

from collections.abc import Callable
from typing import Any

Wrapper = Callable[[Any], Any]

_MISSING = object()  # the value of an attribute that its owner does not have itself


class _Attribute:
    """An attribute of a class or module, with its stock value and the wrappers around it, the innermost first."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name
        self.stock = vars(owner).get(name, _MISSING)
        self.wrappers: list[tuple[Patches, Wrapper]] = []

    def make(self) -> None:
        """Set the attribute, or remove it if there is nothing to set."""
        value = self.stock
        for _, wrapper in self.wrappers:
            value = wrapper(value)
        if value is not _MISSING:
            setattr(self.owner, self.name, value)
        elif self.name in vars(self.owner):
            delattr(self.owner, self.name)


def _inherited(owner: Any, name: str) -> Any:
    parents = owner.__mro__[1:] if isinstance(owner, type) else ()
    return next((vars(parent)[name] for parent in parents if name in vars(parent)), None)


_attributes: dict[tuple[int, str], _Attribute] = {}


class Patches:
    """The changes of one part. An instance is true while it has made changes."""

    def __init__(self) -> None:
        self._changed: list[_Attribute] = []

    def __bool__(self) -> bool:
        return bool(self._changed)

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Replace an attribute by `wrapper(value)` until `undo`.

        The value is the attribute of the owner, or the one that a class inherits, or None if there is none.
        """
        self._change(owner, name, lambda value: wrapper(_inherited(owner, name) if value is _MISSING else value))

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute, which the owner need not have, until `undo`."""
        self._change(owner, name, lambda _: value)

    def remove(self, owner: Any, name: str) -> None:
        """Remove an attribute until `undo`."""
        self._change(owner, name, lambda _: _MISSING)

    def undo(self) -> None:
        """Undo all changes of this part, and keep those of others."""
        for attribute in reversed(self._changed):
            attribute.wrappers = [(part, wrapper) for part, wrapper in attribute.wrappers if part is not self]
            attribute.make()
            if not attribute.wrappers:
                _attributes.pop((id(attribute.owner), attribute.name), None)
        self._changed.clear()

    def _change(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        attribute = _attributes.setdefault((id(owner), name), _Attribute(owner, name))
        attribute.wrappers.append((self, wrapper))
        attribute.make()
        self._changed.append(attribute)
