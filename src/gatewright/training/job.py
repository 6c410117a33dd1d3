"""A training run that writes a model file, and that can be interrupted and resumed."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.nn import file as model_file
from gatewright.nn.file import ModelFile
from gatewright.nn.layer import Layer
from gatewright.ops import machine
from gatewright.results.formatting import format_number
from gatewright.results.records import Epoch, Trained
from gatewright.results.serialize import as_tuples, to_json_value
from gatewright.results.verdict import over_examples, training_verdict
from gatewright.support.archives import read_arrays, write_arrays
from gatewright.support.errors import InputError
from gatewright.support.interrupts import Interrupts
from gatewright.support.progress import Progress, print_status
from gatewright.support.trees import Tree, tree_arrays, tree_from_arrays
from gatewright.tasks.base.competitor import competitor
from gatewright.tasks.base.seen import ENTRY, SeenExamples
from gatewright.tasks.base.task import FittedBaseline, Prepared, Task
from gatewright.tasks.base.trained_data import ENTRY as READ_WITH
from gatewright.tasks.base.trained_data import TrainedData
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.dataset import Dataset
from gatewright.training.fit import Fitted, fit
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe
from gatewright.training.work_folder import WorkFolder

# Settings that a message on different settings lists.
_LISTED = 3
# Version of the file with the outputs of a baseline. If a file has another version, the outputs are computed again.
_BASELINE_FORMAT = 5


class Job:
    """A training run that writes a model file, and that can be interrupted and resumed.

    Args:
        name: Name of the task in the registry.
        command: Name of the task in the command `gatewright train`, for the results.
        task: The task with its data and settings.
        file: Path of the model file to write.
        folder: The folder in which the progress is stored. It must be locked.

    Raises:
        InputError: The data does not exist or cannot be used for the task.
    """

    def __init__(self, name: str, command: str, task: Task[Any], file: Path, folder: WorkFolder) -> None:
        self._name, self._command, self._task, self._file, self._folder = name, command, task, file, folder
        self._dataset = Dataset.read(task)
        self._fingerprint = self._dataset.fingerprint()
        self._trained_data = TrainedData.of(task, self._dataset.splits)
        self._settings = {**self._dataset.settings.to_json(), **task.provenance}
        self._recipe = Recipe.of(self._dataset.settings)
        self._layers: list[Layer] = task.network(self._dataset.prepared, self._dataset.settings)

    def difference(self, before: Trained) -> str:
        """Return words for the difference between an earlier training run and this one; empty if there is none.

        Args:
            before: The result of the earlier run.
        """
        if before.task != self._command:
            return f"the task {before.task}, not {self._command}"
        if before.fingerprint != self._fingerprint:
            name = self._dataset.splits.name
            return f"the data {before.data}, not {name}" if before.data != name else f"other data, also named {name}"
        new = to_json_value(self._settings)
        names = [name for name in {**before.settings, **new} if before.settings.get(name) != new.get(name)]
        listed = [f"{name} {before.settings.get(name)!r}, not {new.get(name)!r}" for name in names[:_LISTED]]
        more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return "; ".join(listed) + more

    def run(self, overwrite: bool) -> Trained:
        """Train, or resume interrupted training, write the model file, and return the result.

        Args:
            overwrite: Discard the progress of an interrupted training with other settings or data.

        Raises:
            InputError: Training diverged before an epoch was finished.
            OSError: A file cannot be read or written.
            KeyboardInterrupt: Training was interrupted. The message says where the progress is stored.
        """
        checkpoint = Checkpoint(self._folder.checkpoint, {**self._settings, "data": self._fingerprint})
        if overwrite:
            checkpoint.discard_other()
        with Progress(1) as progress:
            baseline = self._baseline(progress)
            # A KeyboardInterrupt inside JAX's compiler would crash the interpreter.
            with Interrupts() as interrupts:
                progress.start_run("training", self._recipe.epochs)
                network = Network(
                    self._dataset.prepared,
                    self._layers,
                    self._dataset.train,
                    self._recipe,
                    self._dataset.evaluations(self._recipe.epochs),
                )
                fitted, finished = self._fit(network, checkpoint, progress, interrupts)
                if fitted.divergence and not fitted.chosen:
                    self._folder.clear()
                    raise InputError(f"Training diverged: {fitted.divergence}. {self._remedy()}")
                if not fitted.chosen:
                    raise KeyboardInterrupt(
                        f"interrupted before the first epoch was finished; the progress is saved in "
                        f"{self._folder.path}: run the same command again to resume."
                    )
                prepared, remarks = self._tuned(network, fitted, progress)
                notes = (*self._dataset.splits.notes, *self._divergence_notes(fitted), *remarks)
                result = self._conclude(network, fitted, finished, baseline, prepared, notes, progress)
                self._write(fitted, result, prepared)
            progress.finish_run()
        if not finished:
            raise KeyboardInterrupt(
                f"interrupted; the best epoch so far, {fitted.chosen}, is saved in {self._file}: run the same command "
                "again to resume."
            )
        self._folder.clear()
        return result

    def _remedy(self) -> str:
        return f"Give a lower learning rate than --learning-rate {self._recipe.learning_rate:g}."

    def _divergence_notes(self, fitted: Fitted) -> tuple[str, ...]:
        """Return a note that training diverged after the epoch whose weights are saved, or nothing if it did not."""
        if not fitted.divergence:
            return ()
        note = f"Training diverged: {fitted.divergence}. The model is that of epoch {fitted.chosen}. {self._remedy()}"
        print_status(f"Warning: {note}")
        return (note,)

    def _tuned(self, network: Network, fitted: Fitted, progress: Progress) -> tuple[Prepared[Any], tuple[str, ...]]:
        """Return the task's `Prepared` with what the validation set chooses, and sentences about it."""
        prepared: Prepared[Any] = self._dataset.prepared
        validation = self._dataset.validation

        def outputs() -> Tree:
            progress.show_activity("evaluating the validation set")
            return network.forward_outputs(fitted.weights, validation)

        return prepared.tuned(outputs, validation)

    def _write(self, fitted: Fitted, result: Trained, prepared: Prepared[Any]) -> None:
        weights = tuple({name: np.asarray(array) for name, array in layer.items()} for layer in fitted.weights)
        training = {**result.to_json(), **self._seen(), READ_WITH: self._trained_data.to_json()}
        contents = ModelFile(self._name, tuple(self._layers), weights, prepared.to_json(), training)
        model_file.write(contents, self._file)

    def _seen(self) -> dict[str, Any]:
        """Return the entry with the hashes of the training examples, or nothing if the task has no separate ones."""
        examples = self._dataset.prepared.raw_inputs(self._dataset.splits.train)
        return {ENTRY: SeenExamples.of(examples).to_json()} if examples else {}

    def _fit(
        self, network: Network, checkpoint: Checkpoint, progress: Progress, interrupts: Interrupts
    ) -> tuple[Fitted, bool]:
        """Train the network.

        Returns:
            The trained network, and True if training is finished or False if it was interrupted.
        """
        dataset, recipe, seed = self._dataset, self._recipe, self._dataset.settings.seed
        selection = dataset.prepared.selection(dataset.validation.size)
        measures = dict.fromkeys((dataset.prepared.measures[0], *selection.measures))

        def tick(epoch: int, done: int, total: int) -> None:
            interrupts.check()
            progress.update(epoch, done, total)

        def epoch_end(number: int, epoch: Epoch) -> None:
            values = [f"{measure.title} {format_number(epoch.validation[measure.name])}" for measure in measures]
            progress.print_line(
                f"epoch {number} of {recipe.epochs}: loss {format_number(epoch.loss)}, validation {', '.join(values)}, "
                f"{epoch.seconds:.0f} s"
            )

        try:
            fitted = fit(
                network,
                recipe,
                dataset.train,
                dataset.validation,
                seed=seed,
                weights=self._task.initial_weights(self._layers, network.initial_weights([seed, 0])),
                sample_weight=dataset.prepared.sample_weight(dataset.train),
                checkpoint=checkpoint,
                tick=tick,
                epoch_end=epoch_end,
            )
        except KeyboardInterrupt:
            interrupts.clear()
            at = checkpoint.latest
            return (Fitted((), 0, []) if at is None else Fitted(at.epochs, at.chosen, at.best)), False
        return fitted, True

    def _baseline(self, progress: Progress) -> FittedBaseline:
        """Return the fitted baseline. If it is not yet stored next to the progress, fit it and store it first."""
        key = json.dumps([_BASELINE_FORMAT, self._fingerprint, self._name])
        stored = _stored_baseline(self._folder.baseline, key)
        if stored is not None:
            return stored
        progress.start_run("baseline", 1, "fitting the baseline")
        began = time.perf_counter()
        baseline = self._task.baseline(self._dataset.splits, self._dataset.prepared)
        progress.print_line(f"{baseline.name} is fitted, {time.perf_counter() - began:.1f} s")
        arrays: dict[str, Any] = {}
        for index, tree in enumerate([baseline.outputs, *(outputs for _, outputs in baseline.others)]):
            arrays |= tree_arrays(tree, f"outputs{index}")
        about = {"key": key, "name": baseline.name, "description": baseline.description}
        others = np.array([name for name, _ in baseline.others], np.str_)
        write_arrays(self._folder.baseline, {**about, "others": others, **arrays})
        return baseline

    def _conclude(
        self,
        network: Network,
        fitted: Fitted,
        finished: bool,
        baseline: FittedBaseline,
        prepared: Prepared[Any],
        notes: tuple[str, ...],
        progress: Progress,
    ) -> Trained:
        dataset, test = self._dataset, self._dataset.test
        progress.show_activity("evaluating the test set")
        outputs = network.outputs(fitted.weights, test, completed_by=prepared)
        network_test, baseline_test = (prepared.measure(tree, test.targets) for tree in (outputs, baseline.outputs))
        main, sizes = prepared.measures[0], dataset.sizes
        sides = (
            competitor(prepared, "network", [network_test[main.name]], [outputs], test.targets),
            competitor(prepared, "baseline", [baseline_test[main.name]], [baseline.outputs], test.targets),
        )
        found = over_examples(*sides)
        return Trained(
            task=self._command,
            data=dataset.splits.name,
            out=str(self._file),
            settings=self._settings,
            unit=prepared.unit,
            sizes=sizes,
            notes=notes,
            measures=prepared.measures,
            epochs=fitted.epochs,
            chosen_epoch=fitted.chosen,
            finished=finished,
            test=network_test,
            baseline=baseline_test,
            baseline_name=f"{baseline.name}: {baseline.description}",
            labels=prepared.labels,
            confusion=as_tuples(prepared.confusion(outputs, test.targets)),
            p_value=found.p,
            verdict=training_verdict(
                main,
                (network_test, baseline_test),
                (sides[0].scores, sides[1].scores),
                found.p,
                f"{sizes['test']:,} test {prepared.unit}",
                prepared.score_name,
                found.interval,
            ),
            parameters=network.parameters,
            seconds=sum(epoch.seconds for epoch in fitted.epochs),
            fingerprint=self._fingerprint,
            machine=dict(machine.facts()),
            multi_label=prepared.multi_label,
            details=prepared.details(dataset.splits.test, {"network": outputs, "baseline": baseline.outputs}),
            other_baselines={name: prepared.measure(outputs, test.targets) for name, outputs in baseline.others},
            selection=str(prepared.selection(dataset.validation.size)),
            interval=found.interval,
        )


def _stored_baseline(path: Path, key: str) -> FittedBaseline | None:
    """Return the baseline stored in a file, or None if there is none, or one for another `key`."""
    if not path.is_file():
        return None
    stored = read_arrays(path)
    if stored is None:
        print_status(f"{path} is damaged: the baseline is fitted again.")
        return None
    if str(stored.get("key")) != key:
        return None
    names = [str(name) for name in stored["others"]]
    outputs, *others = (tree_from_arrays(stored, f"outputs{index}") for index in range(1 + len(names)))
    return FittedBaseline(
        str(stored["name"]), str(stored["description"]), outputs, tuple(zip(names, others, strict=True))
    )
