"""Nested structures, `tf.nest`, on `keras.tree`."""

from typing import Any

from keras import tree


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """Return the leaves of a structure."""
    return list(tree.flatten(structure))


def map_structure(func: Any, *structure: Any, **options: Any) -> Any:
    """Apply a function to the leaves of structures."""
    return tree.map_structure(func, *structure)


def is_nested(structure: Any) -> bool:
    """Return True for a list, a tuple or a dictionary."""
    return bool(tree.is_nested(structure))


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """Return leaves in the form of a structure."""
    return tree.pack_sequence_as(structure, flat_sequence)


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raise an error unless two structures have one form."""
    tree.assert_same_structure(nest1, nest2)
