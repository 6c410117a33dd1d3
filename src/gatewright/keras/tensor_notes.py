"""Additional information about objects."""

import weakref
from typing import Any


class Notes:
    """A mapping from objects to additional information about them, called notes.

    Objects are identified by `id`, because tensors cannot be hashed and JAX tracers accept no attributes. The
    note of an object is removed when the object is deleted.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def set(self, key: Any, note: Any) -> None:
        number = id(key)
        self._entries[number] = weakref.ref(key, lambda _: self._entries.pop(number, None)), note

    def get(self, key: Any) -> Any:
        """Return the note about this object, or None if it has no note."""
        reference, note = self._entries.get(id(key), (None, None))
        return note if reference is not None and reference() is key else None

    def discard(self, key: Any) -> None:
        """Remove the note about this object, if there is one."""
        self._entries.pop(id(key), None)

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        self._entries.clear()
