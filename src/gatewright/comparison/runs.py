"""The runs of a comparison: what its folder holds is read, the rest is made and kept, one by one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.comparison.folder import RunFolder, run_from_record, run_to_record
from gatewright.comparison.plan import Entrant, Plan
from gatewright.results.measure import Measure
from gatewright.results.records import Epoch, Run
from gatewright.support.interrupts import Interrupts
from gatewright.support.progress import Progress
from gatewright.tasks.base.task import Simple, Task
from gatewright.training.fit import fit
from gatewright.training.network import Network
from gatewright.training.rows import Data

# Rows on which the gradient through time is measured: enough for a smooth mean, few enough to cost nothing.
_GRADIENT_ROWS = 64


@dataclass(frozen=True)
class Finished:
    """A run, its answers to the test rows, and what it cost."""

    run: Run
    outputs: NDArray[Any]
    parameters: int
    peak_memory: int
    seconds: float


def run_all(
    plan: Plan, entrants: Sequence[Entrant], data: Data, folder: RunFolder
) -> tuple[tuple[Simple, float], dict[str, Finished]]:
    """The baseline with its seconds, and every run by its key; what the folder has is not done again."""
    # A seed of every cell before the next seed, so that what an interruption leaves can be compared.
    jobs = [(entrant, rate, seed) for seed in range(plan.seeds) for entrant in entrants for rate in plan.learning_rates]
    runs: dict[str, Finished] = {}
    for entrant, rate, seed in jobs:
        key = entrant.key(rate, seed)
        if (kept := folder.read(key)) is not None:
            runs[key] = _finished(*kept)
    missing = [job for job in jobs if job[0].key(job[1], job[2]) not in runs]
    with Progress(len(missing)) as progress:
        if runs:
            progress.say(f"{len(runs)} of {len(jobs)} runs are in {folder.path} already")
        try:
            baseline = _baseline(plan.task, data, folder, progress)
            workshops: dict[tuple[str, int], _Workshop] = {}
            with Interrupts() as interrupts:
                for entrant, rate, seed in missing:
                    model = entrant.cell, entrant.units
                    if model not in workshops:
                        workshops[model] = _Workshop(plan, entrant, data)
                    finished = workshops[model].run(entrant, rate, seed, progress, interrupts)
                    key = entrant.key(rate, seed)
                    folder.write(key, _record(finished), finished.outputs)
                    runs[key] = finished
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted: {len(runs)} of {len(jobs)} runs are kept in {folder.path}; the same call does the rest."
            ) from None
    return baseline, runs


def _baseline(task: Task[Any], data: Data, folder: RunFolder, progress: Progress) -> tuple[Simple, float]:
    if (kept := folder.read("baseline")) is not None:
        record, outputs = kept
        return Simple(record["name"], record["description"], outputs), record["seconds"]
    progress.begin("baseline", 1, "fitting the baseline")
    began = time.perf_counter()
    simple = task.baseline(data.parts)
    seconds = time.perf_counter() - began
    record = {"name": simple.name, "description": simple.description, "seconds": seconds}
    folder.write("baseline", record, simple.outputs)
    figures = task.measure(simple.outputs, data.test.targets)
    progress.say(f"{simple.name}: {_told(task.measures[0], figures)} on the test rows, {seconds:.1f} s")
    return simple, seconds


class _Workshop:
    """One network, compiled once, in which every run of that cell and size is made."""

    def __init__(self, plan: Plan, entrant: Entrant, data: Data) -> None:
        from gatewright.comparison.gradients import GradientThroughTime

        self._plan, self._data = plan, data
        blocks = plan.task.blocks(entrant.cell, entrant.units)
        self._network = Network(plan.task, blocks, data.train, plan.recipe(plan.learning_rates[0]))
        self._gradient = GradientThroughTime(self._network)
        self._shown = data.validation.take(np.arange(min(_GRADIENT_ROWS, len(data.validation.inputs))))
        self._peak_memory = self._network.peak_memory(data.train)

    def run(self, entrant: Entrant, rate: float, seed: int, progress: Progress, interrupts: Interrupts) -> Finished:
        began = time.perf_counter()
        network, epochs = self._network, self._plan.epochs
        name = f"{entrant.name}, seed {seed}"
        if len(self._plan.learning_rates) > 1:
            name += f", learning rate {rate:g}"
        progress.begin(name, epochs)
        start = [seed, entrant.twin]
        before = self._gradient(network.start(start).weights, self._shown)

        def tick(epoch: int, done: int, total: int) -> None:
            interrupts.check()
            progress.tick(epoch, done, total)

        def told(number: int, epoch: Epoch) -> None:
            figures = _told(self._plan.task.measures[0], epoch.validation)
            progress.say(f"{name}: epoch {number} of {epochs}, validation {figures}, {epoch.seconds:.1f} s")

        fitted = fit(
            network,
            self._plan.recipe(rate),
            self._data.train,
            self._data.validation,
            seed=seed,
            start=start,
            counts=self._plan.task.counts(self._data.train),
            tick=tick,
            told=told,
        )
        progress.answering("answering the test rows")
        outputs = network.outputs(fitted.weights, self._data.test, tick=lambda rows: interrupts.check())
        run = Run(
            seed,
            rate,
            fitted.epochs,
            fitted.chosen,
            self._plan.task.measure(outputs, self._data.test.targets),
            before,
            self._gradient(fitted.weights, self._shown),
        )
        progress.end()
        return Finished(run, outputs, network.parameters, self._peak_memory, time.perf_counter() - began)


def _told(measure: Measure, figures: dict[str, float]) -> str:
    return f"{measure.title} {figures[measure.name]:.4g}"


def _record(finished: Finished) -> dict[str, Any]:
    return {
        "run": run_to_record(finished.run),
        "parameters": finished.parameters,
        "peak_memory": finished.peak_memory,
        "seconds": finished.seconds,
    }


def _finished(record: dict[str, Any], outputs: NDArray[Any]) -> Finished:
    run = run_from_record(record["run"])
    return Finished(run, outputs, record["parameters"], record["peak_memory"], record["seconds"])
