"""Names and docstrings for the functions that `gatewright.ops.numpy` and `gatewright.ops.jax` define for each cell."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from gatewright.ops.cells.cell import Cell

Function = TypeVar("Function", bound=Callable[..., object])


def described(function: Function, name: str, cell: Cell) -> Function:
    """Set the name of a function, fill in its docstring for a cell, and return the function.

    Args:
        function: The function. Its docstring is a template with {title}, {equations}, {gates} and {recurrent_kernel}.
        name: The new name of the function.
        cell: The cell that the function computes.
    """
    columns = f"[units, {len(cell.gates)} * units]" if cell.reads_state else "None, since no gate reads the state"
    function.__name__ = function.__qualname__ = name
    function.__doc__ = inspect.cleandoc(function.__doc__ or "").format(
        title=cell.title, equations=inspect.getdoc(cell), gates=len(cell.gates), recurrent_kernel=columns
    )
    return function
