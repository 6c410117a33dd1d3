"""Trees of arrays. A tree is an array or a dict of trees, such as the inputs, targets and outputs of a network."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Tree: TypeAlias = Any  # an array, or dict[str, Tree]


def tree_map(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Return a tree of the results of `function`, called with the arrays that all trees have under the same keys."""
    if isinstance(tree, dict):
        return {name: tree_map(function, tree[name], *(other[name] for other in others)) for name in tree}
    return function(tree, *others)


def tree_arrays(tree: Tree, name: str) -> dict[str, Any]:
    """Return the arrays as a flat dictionary in a fixed order. Keys are dotted paths that begin with `name`."""
    if not isinstance(tree, dict):
        return {name: tree}
    return {path: array for key in sorted(tree) for path, array in tree_arrays(tree[key], f"{name}.{key}").items()}


def tree_from_arrays(arrays: Mapping[str, Any], name: str) -> Tree:
    """Return the tree that `tree_arrays` flattened with this name. `arrays` may also contain other trees."""
    if name in arrays:
        return arrays[name]
    keys = {path[len(name) + 1 :].split(".")[0] for path in arrays if path.startswith(f"{name}.")}
    return {key: tree_from_arrays(arrays, f"{name}.{key}") for key in sorted(keys)}


def tree_length(tree: Tree) -> int:
    """Return the length of the first axis, which is the same for all arrays of a tree."""
    return len(next(iter(tree_arrays(tree, "").values())))
