"""Names and docstrings of the functions that `gatewright.ops.numpy` and `gatewright.ops.jax` make for each cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gatewright.ops.cells.cell import Cell

Function = TypeVar("Function", bound=Callable[..., object])


def described(function: Function, name: str, cell: Cell) -> Function:
    """Name a function of a cell and fill in the cell's facts in its docstring: title, source, shapes of its weights."""
    gates = len(cell.gates)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = (function.__doc__ or "").format(
        name=cell.name,
        title=cell.title,
        source=cell.source,
        gates=gates,
        recurrent_kernel=f"[units, {gates} * units]" if cell.reads_state else "None, since no gate reads the state",
    )
    return function
