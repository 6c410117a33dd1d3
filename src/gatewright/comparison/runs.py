"""The runs of a comparison. Finished runs are read from the folder. The others are trained and stored one by one."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gatewright.comparison.folder import RunFolder
from gatewright.comparison.plan import Entrant, Plan
from gatewright.nn.gradients import GradientThroughTime
from gatewright.results.measure import Measure
from gatewright.results.records import Epoch, GradientNorms, Run
from gatewright.results.serialize import from_json_value
from gatewright.support.interrupts import Interrupts
from gatewright.support.progress import Progress
from gatewright.support.trees import Tree
from gatewright.tasks.base.task import FittedBaseline
from gatewright.training.dataset import Dataset
from gatewright.training.fit import fit
from gatewright.training.network import Network

# Number of examples for the gradient through time: enough for a smooth mean, and few enough to be cheap.
_GRADIENT_EXAMPLES = 64


@dataclass(frozen=True)
class Finished:
    """A finished run, with the outputs for the test set and the resources that it needed.

    Attributes:
        run: Settings and metrics of the run.
        outputs: Outputs of the network for the test set. Empty if training diverged.
        parameters: Number of trainable parameters.
        peak_memory: Peak memory of a training step in bytes.
        seconds: Duration of the whole run in seconds.
    """

    run: Run
    outputs: Tree
    parameters: int
    peak_memory: int
    seconds: float


def run_all(
    plan: Plan, entrants: Sequence[Entrant], dataset: Dataset, folder: RunFolder
) -> tuple[tuple[FittedBaseline, float], dict[str, Finished]]:
    """Fit the baseline and train all networks, except those whose results are already stored in the folder.

    Returns:
        The baseline and the time in seconds that fitting it took, and a dict of all runs with the keys of
        `Entrant.key`.
    """
    # Each seed is run for every cell before the next seed, so that an interrupted comparison has comparable runs.
    jobs = [(entrant, rate, seed) for seed in range(plan.seeds) for entrant in entrants for rate in plan.learning_rates]
    runs: dict[str, Finished] = {}
    for entrant, rate, seed in jobs:
        key = entrant.key(rate, seed)
        if (stored := folder.read(key)) is not None:
            runs[key] = _from_record(*stored)
    missing = [job for job in jobs if job[0].key(job[1], job[2]) not in runs]
    with Progress(len(missing)) as progress:
        if runs:
            progress.print_line(f"{len(runs)} of {len(jobs)} runs are already in {folder.path}")
        try:
            baseline = _baseline(plan, dataset, folder, progress)
            runners: dict[tuple[str, int], _Runner] = {}
            with Interrupts() as interrupts:
                for entrant, rate, seed in missing:
                    model, key = (entrant.cell, entrant.units), entrant.key(rate, seed)
                    if model not in runners:
                        runners[model] = _Runner(plan, entrant, dataset)
                    runs[key] = runners[model].run(entrant, rate, seed, progress, interrupts)
                    folder.write(key, _to_record(runs[key]), runs[key].outputs)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted; {len(runs)} of {len(jobs)} runs are stored in {folder.path}: run the same command again "
                "to resume."
            ) from None
    return baseline, runs


def _baseline(plan: Plan, dataset: Dataset, folder: RunFolder, progress: Progress) -> tuple[FittedBaseline, float]:
    if (stored := folder.read("baseline")) is not None:
        record, outputs = stored
        return FittedBaseline(record["name"], record["description"], outputs), record["seconds"]
    progress.start_run("baseline", 1, "fitting the baseline")
    began = time.perf_counter()
    baseline = plan.task.baseline(dataset.splits, dataset.prepared)
    seconds = time.perf_counter() - began
    record = {"name": baseline.name, "description": baseline.description, "seconds": seconds}
    folder.write("baseline", record, baseline.outputs)
    values = dataset.prepared.measure(baseline.outputs, dataset.test.targets)
    main = _main_metric(dataset.prepared.measures[0], values)
    progress.print_line(f"{baseline.name}: {main} on the test set, {seconds:.1f} s")
    return baseline, seconds


class _Runner:
    """Trains networks with the same cell and number of units, so that the network is compiled only once."""

    def __init__(self, plan: Plan, entrant: Entrant, dataset: Dataset) -> None:
        self._plan, self._dataset = plan, dataset
        layers = plan.task.network(dataset.prepared, entrant.settings(dataset))
        recipe = entrant.recipe(dataset, plan.learning_rates[0])
        self._network = Network(dataset.prepared, layers, dataset.train, recipe, dataset.evaluations(recipe.epochs))
        self._gradient = GradientThroughTime(
            self._network.layers, self._network.backend, dataset.prepared.losses, dataset.prepared.stateful
        )
        examples = np.arange(min(_GRADIENT_EXAMPLES, dataset.validation.size))
        self._gradient_batch = dataset.validation.take(examples)
        self._peak_memory = self._network.peak_memory(dataset.train)

    def _gradient_norms(self, weights: Any) -> GradientNorms:
        batch = self._gradient_batch
        return GradientNorms(self._gradient(weights, batch.inputs, batch.targets))

    def run(self, entrant: Entrant, rate: float, seed: int, progress: Progress, interrupts: Interrupts) -> Finished:
        began = time.perf_counter()
        network, dataset, recipe = self._network, self._dataset, entrant.recipe(self._dataset, rate)
        name = f"{entrant.name}, seed {seed}"
        if len(self._plan.learning_rates) > 1:
            name += f", learning rate {rate:g}"
        progress.start_run(name, recipe.epochs)
        weights = network.initial_weights([seed, entrant.repeat])
        before = self._gradient_norms(network.init(weights).weights)

        def tick(epoch: int, done: int, total: int) -> None:
            interrupts.check()
            progress.update(epoch, done, total)

        def epoch_end(number: int, epoch: Epoch) -> None:
            main = _main_metric(dataset.prepared.measures[0], epoch.validation)
            progress.print_line(f"{name}: epoch {number} of {recipe.epochs}, validation {main}, {epoch.seconds:.1f} s")

        fitted = fit(
            network,
            recipe,
            dataset.train,
            dataset.validation,
            seed=seed,
            weights=weights,
            sample_weight=dataset.prepared.sample_weight(dataset.train),
            tick=tick,
            epoch_end=epoch_end,
        )
        outputs: Tree = {}
        test = {measure.name: math.nan for measure in dataset.prepared.measures}
        after = GradientNorms({state: (math.nan,) * len(norms) for state, norms in before.states.items()})
        if fitted.divergence:
            progress.print_line(f"{name}: training diverged: {fitted.divergence}")
        else:
            progress.show_activity("evaluating the test set")
            outputs = self._outputs(fitted.weights, lambda examples: interrupts.check())
            test = dataset.prepared.measure(outputs, dataset.test.targets)
            after = self._gradient_norms(fitted.weights)
        run = Run(seed, rate, fitted.epochs, fitted.chosen, test, before, after, fitted.divergence)
        progress.finish_run()
        return Finished(run, outputs, network.parameters, self._peak_memory, time.perf_counter() - began)

    def _outputs(self, weights: Any, tick: Callable[[int], None]) -> Tree:
        """Return the outputs for the test set, with what the validation set chooses."""
        network, validation = self._network, self._dataset.validation
        tuned, _ = self._dataset.prepared.tuned(lambda: network.forward_outputs(weights, validation, tick), validation)
        return network.outputs(weights, self._dataset.test, tick, completed_by=tuned)


def _main_metric(measure: Measure, values: dict[str, float]) -> str:
    return f"{measure.title} {values[measure.name]:.4g}"


def _to_record(finished: Finished) -> dict[str, Any]:
    return {
        "run": asdict(finished.run),
        "parameters": finished.parameters,
        "peak_memory": finished.peak_memory,
        "seconds": finished.seconds,
    }


def _from_record(record: dict[str, Any], outputs: Tree) -> Finished:
    run = from_json_value(Run, record["run"])
    return Finished(run, outputs, record["parameters"], record["peak_memory"], record["seconds"])
