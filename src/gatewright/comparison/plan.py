"""The settings of a comparison (the plan), and the cells that it compares (the entrants)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from gatewright.nn.model import count_parameters
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError, require_one_of
from gatewright.tasks import registry
from gatewright.tasks.base.settings import setting_fields
from gatewright.tasks.base.task import Task
from gatewright.training.dataset import Dataset
from gatewright.training.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """The settings of a comparison, checked and with the defaults filled in.

    Attributes:
        task: The task with its settings.
        shared: The settings that must be the same for all runs in a folder, with their names as keys. Cells, learning
            rates and seeds are not included, because runs with other values can be added to the folder later.
        cells: Names of the cells, in the given order.
        match: "units" if all cells have the same number of units, or "parameters" if their networks have about the same
            number of parameters.
        learning_rates: The learning rates that are tried for each cell.
        seeds: Number of runs for each cell and learning rate. Their seeds are 0, 1, 2 and so on.
    """

    task: Task[Any]
    shared: dict[str, Any]
    cells: tuple[str, ...]
    match: str
    learning_rates: tuple[float, ...]
    seeds: int


@dataclass(frozen=True)
class Entrant:
    """An entry of a comparison: a cell with its number of units. A comparison can have several entries with one cell.

    Attributes:
        name: Name shown in the results.
        cell: Name of the cell, one of `CELLS`.
        units: Number of units of the recurrent layers.
        repeat: Number of earlier entries with the same cell. It makes the initial weights of these entries differ.
    """

    name: str
    cell: str
    units: int
    repeat: int

    def key(self, learning_rate: float, seed: int) -> str:
        return f"{self.cell}-{self.units}-{self.repeat}-{learning_rate!r}-{seed}"

    def settings(self, dataset: Dataset) -> Any:
        """Return a copy of the task settings in `dataset`, with the cell and number of units of this entry."""
        return replace(dataset.settings, cell=self.cell, units=self.units)

    def recipe(self, dataset: Dataset, learning_rate: float) -> Recipe:
        """Return the training settings in `dataset`, with the given learning rate."""
        return Recipe.of(replace(dataset.settings, learning_rate=learning_rate))


def resolve(
    data: str,
    command: str | None,
    splits: Mapping[str, str | None],
    *,
    cells: Sequence[str],
    match: str,
    learning_rates: Sequence[float] | None,
    seeds: int,
    limit: int | None,
    given: Mapping[str, Any],
) -> Plan:
    """Check the settings of a comparison, fill in those that were not given, and return the plan.

    Args:
        data, cells, match, learning_rates, seeds, limit: See `compare`.
        command: Name of the task, or None to choose it from the data; see `compare`.
        splits: Separate data for "validation" and "test": a path or name, or None if there is no separate data.
        given: The task settings and data options that the user has set, with their names as keys.

    Raises:
        InputError: A setting is unknown or has an invalid value.
    """
    if not isinstance(data, str):
        raise InputError(f"data must be the name of a data set, a file or a folder, not {data!r}.")
    options, given = registry.split_options(given)
    spec = registry.find(command, data, options)
    settings = spec.settings.complete(given, compare=True)
    splits = spec.require_splits(data, splits)
    _require_whole("seeds", seeds)
    if limit is not None:
        _require_whole("limit", limit)
    require_one_of("match", match, ("units", "parameters"))
    names = {field.name for field in setting_fields(spec.settings) if field.comparable}
    shared = {
        "task": spec.command or spec.name,
        "data": data,
        **options,
        **splits,
        **({} if limit is None else {"limit": limit}),
        **{name: value for name, value in settings.to_json().items() if name in names},
        "match": match,
    }
    rates = (settings.learning_rate,) if learning_rates is None else learning_rates
    task = spec.task_class()(data, settings, options, **splits, limit=limit)
    return Plan(task, shared, _cell_names(cells), match, _rates(rates), seeds)


def _require_whole(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, not {value!r}.")


def _cell_names(cells: Sequence[str]) -> tuple[str, ...]:
    given = [cells] if isinstance(cells, str) else list(cells)
    titles = tuple(cell.title for cell in CELLS.values())
    if not given:
        raise InputError(f"cells must name at least one of {', '.join(titles)}.")
    names = {cell.title.lower(): name for name, cell in CELLS.items()} | {name: name for name in CELLS}
    for cell in given:
        if str(cell).lower() not in names:
            require_one_of("cell", cell, titles)
    return tuple(names[cell.lower()] for cell in given)


def _rates(rates: Sequence[float]) -> tuple[float, ...]:
    for rate in rates:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not (math.isfinite(rate) and rate > 0):
            raise InputError(f"A learning rate must be a number above 0, not {rate!r}.")
    if not rates:
        raise InputError("learning_rates must hold at least one number above 0, but it is empty.")
    return tuple(dict.fromkeys(float(rate) for rate in rates))


def entrants(plan: Plan, dataset: Dataset) -> list[Entrant]:
    """Choose the number of units of each cell, and return one entry for each cell in `plan.cells`, in this order.

    If `plan.match` is "parameters", each number of units is chosen so that the network has as nearly as possible
    the same number of parameters as the network with the first cell.
    """
    units = dataset.settings.units

    def parameters(cell: str, units: int) -> int:
        layers = plan.task.network(dataset.prepared, replace(dataset.settings, cell=cell, units=units))
        return count_parameters(layers, dataset.prepared.features)

    wanted, found = parameters(plan.cells[0], units), []
    for index, cell in enumerate(plan.cells):
        own, repeat = units, plan.cells[:index].count(cell)
        if plan.match == "parameters":
            above = next(size for size in count(1) if parameters(cell, size) >= wanted)
            own = min(max(1, above - 1), above, key=lambda size: abs(parameters(cell, size) - wanted))
        title = CELLS[cell].title
        name = f"{title} ({repeat + 1})" if plan.cells.count(cell) > 1 else title
        found.append(Entrant(name, cell, own, repeat))
    return found
