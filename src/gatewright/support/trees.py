"""Trees of arrays. A tree is an array or a dict of trees, such as the inputs, targets and outputs of a network."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Tree: TypeAlias = Any  # an array, or dict[str, Tree]


def tree_map(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Apply a function to each array of a tree, together with the arrays under the same keys of other trees."""
    if isinstance(tree, dict):
        return {name: tree_map(function, tree[name], *(other[name] for other in others)) for name in tree}
    return function(tree, *others)


def tree_arrays(tree: Tree, name: str) -> dict[str, Any]:
    """Return the arrays of a tree by dotted names that begin with the tree's own name, in a fixed order."""
    if not isinstance(tree, dict):
        return {name: tree}
    return {path: array for key in sorted(tree) for path, array in tree_arrays(tree[key], f"{name}.{key}").items()}


def tree_from_arrays(arrays: Mapping[str, Any], name: str) -> Tree:
    """Return the tree that `tree_arrays` stored under this name. The arrays may include those of other trees."""
    if name in arrays:
        return arrays[name]
    keys = {path[len(name) + 1 :].split(".")[0] for path in arrays if path.startswith(f"{name}.")}
    return {key: tree_from_arrays(arrays, f"{name}.{key}") for key in sorted(keys)}


def tree_length(tree: Tree) -> int:
    """Return the length of the first axis of the arrays of a tree."""
    return len(next(iter(tree_arrays(tree, "").values())))
