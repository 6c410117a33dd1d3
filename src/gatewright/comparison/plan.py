"""What a comparison is to do: settings checked and completed, the task, and the entrants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

import numpy as np

from gatewright.data.batches import Examples
from gatewright.nn import model as models
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError, nearest, require_one_of
from gatewright.tasks.base.settings import compared
from gatewright.tasks.base.task import Task
from gatewright.tasks.registry import COMPARED, OPTIONS, job_on, of_data, refuse_others, task_class
from gatewright.training.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """How every run is made; `compare` explains the plan.

    Attributes:
        task: with its own plan.
        shared: by name, the settings that all runs of one folder share; more cells, rates and seeds may be added.
        learning: those of `Recipe` beside epochs, batch and learning rate.
    """

    task: Task[Any]
    shared: dict[str, Any]
    cells: tuple[str, ...]
    units: int
    match: str
    batch: int
    epochs: int
    learning_rates: tuple[float, ...]
    seeds: int
    learning: dict[str, Any]

    def recipe(self, learning_rate: float) -> Recipe:
        """How a run with this learning rate is trained."""
        return Recipe(self.epochs, self.batch, learning_rate, **self.learning)


@dataclass(frozen=True)
class Entrant:
    """One entry of the list of cells.

    Attributes:
        name: its heading.
        cell: one of `CELLS`.
        units: of the recurrent layer.
        twin: how many earlier entries are the same cell; it changes the initial weights, and nothing else.
    """

    name: str
    cell: str
    units: int
    twin: int

    def key(self, learning_rate: float, seed: int) -> str:
        return f"{self.cell}-{self.units}-{self.twin}-{learning_rate!r}-{seed}"


_ADDING = {"units": 64, "length": 100, "batch": 16, "epochs": 5, "learning_rates": (0.005,)}
# Of how a network learns: a task of numbers has no other.
_OF_NUMBERS = ("zoneout", "schedule", "warmup", "clip", "weight_decay", "averaging", "patience")
_WHOLE = ("units", "embedding", "length", "vocabulary", "batch", "epochs", "limit")
# What is less makes no task: the sum has two terms, and a vocabulary has three ids that are not words, and one unused.
_ADDING_LEAST = {"length": 2}
_LEAST = {"vocabulary": 5}


def resolve(
    data: str,
    task: str | None,
    files: dict[str, Any],
    numbers: dict[str, Any],
    *,
    cells: Sequence[str],
    match: str,
    learning_rates: Sequence[float] | None,
    seeds: int,
    more: Mapping[str, Any],
) -> Plan:
    """Check the settings and complete them with the task's own.

    Args:
        data, task, cells, match, learning_rates, seeds: as in `compare`; `more` are its `settings`.
        files, numbers: the other settings by name; None is the task's own. "adding" has none of `files`.

    Raises:
        InputError: one can't be used.
    """
    if not isinstance(data, str):
        raise InputError(f"data must be the name of a data set, a file or a folder, not {data!r}.")
    kind = _kind(data, task)
    options, more = _options(kind, more)
    asked = job_on("classify", "", {}) if kind == "adding" else job_on(kind, data, options)
    known = compared(asked)
    refuse_others("classify" if kind == "adding" else kind, asked, data, {**more, **files})
    for name in more:
        if name not in known:
            raise InputError(f"{name!r} is no setting of this comparison: leave it out{nearest(name, list(known))}")
    if kind == "adding":
        others = {name: value for name, value in more.items() if name not in _OF_NUMBERS}
        for name, value in {**files, **others}.items():
            if value is not None:
                raise InputError(f"adding is a task of numbers and has no {name}: leave {name} out.")
        defaults, least = _ADDING, _ADDING_LEAST
    else:
        defaults, least = dict(asked.plain), _LEAST
    given = {name: value for name, value in {**files, **numbers}.items() if value is not None}
    own = {"units", "batch", "epochs", "limit"} | {field.name for field in fields(_class(kind, data, options))}
    if strange := [name for name in given if name not in own]:
        raise InputError(f"{kind} has no {strange[0]}: leave {strange[0]} out.")
    chosen = {**defaults, **options, **given}
    for name in _WHOLE:
        if name in chosen:
            _require_whole(name, chosen[name], least.get(name, 1))
    checked = {name: known[name].check(value) for name, value in more.items() if value is not None}
    _require_whole("seeds", seeds, 1)
    require_one_of("match", match, ("units", "parameters"))
    names = _cell_names(cells)
    rates = _rates(chosen.pop("learning_rates") if learning_rates is None else learning_rates)
    chosen.pop("learning_rates", None)
    return Plan(
        _task(kind, data, {**chosen, **checked}),
        {"task": kind, "data": data, **chosen, **checked, "match": match},
        names,
        chosen["units"],
        match,
        chosen["batch"],
        chosen["epochs"],
        rates,
        seeds,
        {name: value for name, value in checked.items() if name in {field.name for field in fields(Recipe)}},
    )


def _kind(data: str, task: str | None) -> str:
    """The task: "adding", or one that can be trained."""
    if task is not None:
        require_one_of("task", task, tuple(COMPARED))
        if data == "adding":
            raise InputError(f"adding is a task of its own: leave task {task} out, or name other data.")
    return "adding" if data == "adding" else task or "classify"


def _options(kind: str, more: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The options of the data, and what else is given."""
    if kind != "adding":
        return of_data(kind, more)
    for name, value in more.items():
        if name in OPTIONS and value is not None:
            raise InputError(f"adding is a task of numbers and has no {name}: leave {name} out.")
    return {}, {name: value for name, value in more.items() if name not in OPTIONS}


def _class(kind: str, data: str, options: Mapping[str, Any]) -> Any:
    if kind == "adding":
        from gatewright.tasks.adding.task import Adding

        return Adding
    return task_class(kind, data, options)


def _task(kind: str, data: str, chosen: dict[str, Any]) -> Task[Any]:
    if kind == "adding":
        from gatewright.tasks.adding.task import Adding

        limit = chosen.get("limit")
        rows = {} if limit is None else {"train_rows": limit, "test_rows": min(limit, Adding.test_rows)}
        return Adding(length=chosen["length"], **rows, zoneout=chosen.get("zoneout", Adding.zoneout))
    made = task_class(kind, data, chosen)
    names = {field.name for field in fields(made)}
    task: Task[Any] = made(data, **{name: value for name, value in chosen.items() if name in names})
    return task


def _require_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number from {least} up, not {value!r}.")


def _cell_names(cells: Sequence[str]) -> tuple[str, ...]:
    given = [cells] if isinstance(cells, str) else list(cells)
    titles = {cell.title: name for name, cell in CELLS.items()}
    if not given:
        raise InputError(f"cells must name at least one of {', '.join(titles)}.")
    plain = {title.lower(): name for title, name in titles.items()} | {name: name for name in CELLS}
    for cell in given:
        if str(cell).lower() not in plain:
            require_one_of("cell", cell, tuple(titles))
    return tuple(plain[cell.lower()] for cell in given)


def _rates(rates: Sequence[float]) -> tuple[float, ...]:
    for rate in rates:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not (math.isfinite(rate) and rate > 0):
            raise InputError(f"a learning rate must be a number above 0, not {rate!r}.")
    if not rates:
        raise InputError("learning rates must be at least one number above 0; none was given.")
    return tuple(dict.fromkeys(float(rate) for rate in rates))


def entrants(plan: Plan, like: Examples) -> list[Entrant]:
    features = like.inputs.shape[2] if like.inputs.ndim > 2 else 1

    def parameters(cell: str, units: int) -> int:
        return models.parameters(plan.task.blocks(cell, units), features)

    wanted = parameters(plan.cells[0], plan.units)
    entrants = []
    for place, cell in enumerate(plan.cells):
        units, twin = plan.units, plan.cells[:place].count(cell)
        if plan.match == "parameters":
            above = next(size for size in count(1) if parameters(cell, size) >= wanted)
            units = min(max(1, above - 1), above, key=lambda size: abs(parameters(cell, size) - wanted))
        title = CELLS[cell].title
        name = f"{title} ({twin + 1})" if plan.cells.count(cell) > 1 else title
        entrants.append(Entrant(name, cell, units, twin))
    return entrants
