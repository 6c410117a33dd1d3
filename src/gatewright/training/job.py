"""`gatewright train`: a model file from one's own texts, beside a simple baseline, resumed where it was stopped."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.nn import file as model_file
from gatewright.ops import machine
from gatewright.results.figures import as_tuples, told
from gatewright.results.records import Epoch, Trained
from gatewright.results.statistics import sign_test
from gatewright.results.verdict import _verdict
from gatewright.support.errors import InputError
from gatewright.support.files import atomically, remove_leftovers
from gatewright.support.interrupts import Interrupts
from gatewright.support.progress import Progress
from gatewright.tasks.base.task import Simple
from gatewright.tasks.classify.pretrained import Pretrained
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.fit import Fitted, fit
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe
from gatewright.training.rows import Data

_MOST_EPOCHS = 50


def _require_place(file: Path) -> Trained | None:
    """Check that a model file can go there; returns what is known of the model that is there.

    Raises:
        InputError: it can't; or another file is there.
    """
    if file.is_dir():
        raise InputError(f"--out {file} is a folder: name a file for the model, such as model.safetensors.")
    if not file.absolute().parent.is_dir():
        raise InputError(f"--out {file} is in a folder that is not there: make it, or name another file.")
    if not file.exists():
        return None
    try:
        training = model_file.read(file).training
        return Trained.from_json(training)
    except InputError:
        raise InputError(f"--out {file} is there, and no whole model file: remove it, or name another file.") from None
    except (KeyError, TypeError, AttributeError):  # a model that something else has made
        return None


def _epochs(task: Any, rows: int, batch: int) -> int:
    """Passes that make enough steps of few rows, and not too few passes over many."""
    steps, least = task.steps
    epochs: int = min(getattr(task, "most_epochs", _MOST_EPOCHS), max(least, math.ceil(steps * batch / rows)))
    return epochs


# The form in which a baseline's answers are kept; those of another are made again.
_BASELINE = 3


class _Job:
    """One training: its rows, and the folder of what is not finished."""

    def __init__(self, file: Path, task: Any, settings: dict[str, Any], pretrained: Pretrained | None) -> None:
        self._file, self._task, self.settings, self._pretrained = file, task, settings, pretrained
        self._data = Data.read(task)
        self.rows = self._data.fingerprint()
        # What depends on the data, the task knows now.
        settings.update({name: getattr(task, name, None) for name, value in settings.items() if value is None})
        if settings["epochs"] is None:
            settings["epochs"] = _epochs(task, len(self._data.train.inputs), settings["batch"])
        self._blocks = task.blocks(settings["cell"], settings["units"])
        self._folder = file.with_name(f"{file.name}.training")
        names = {field.name for field in dataclasses.fields(Recipe)}
        self._recipe = Recipe(**{name: value for name, value in settings.items() if name in names})

    def run(self) -> Trained:
        data, task, blocks = self._data, self._task, self._blocks
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder} can't be written ({error.strerror}): choose another --out.") from None
        for path in (self._file, self._folder / "checkpoint.npz", self._folder / "baseline.npz"):
            remove_leftovers(path)
        checkpoint = Checkpoint(self._folder / "checkpoint.npz", {**self.settings, "rows of data": self.rows})
        with Progress(1) as progress:
            baseline = self._baseline(progress)
            # A Ctrl-C that is raised inside JAX's compiler ends in a crash of the interpreter.
            with Interrupts() as interrupts:
                network = Network(task, blocks, data.train, self._recipe)
                fitted, finished = self._fit(network, checkpoint, progress, interrupts)
                if not fitted.chosen:
                    raise KeyboardInterrupt(
                        f"interrupted before an epoch was done: what is done is kept in {self._folder}, and the same "
                        "call goes on with it."
                    )
                result = self._conclude(network, fitted, finished, baseline, progress)
                model = task.model(blocks, fitted.weights, result.to_json())
                model_file.write(model, self._file)
            progress.end()
        if not finished:
            raise KeyboardInterrupt(
                f"interrupted: the best epoch so far, {fitted.chosen}, is kept in {self._file}; the same call goes on."
            )
        self.remove_folder()
        return result

    def remove_folder(self) -> None:
        """Of what is finished; it is there still where a kill came after the model file was written."""
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _fit(
        self, network: Network, checkpoint: Checkpoint, progress: Progress, interrupts: Interrupts
    ) -> tuple[Fitted, bool]:
        """What was fitted, and whether that was not interrupted."""
        recipe, seed, measure = self._recipe, self.settings["seed"], self._task.measures[0]
        progress.begin("training", recipe.epochs)

        def tick(epoch: int, done: int, total: int) -> None:
            interrupts.check()
            progress.tick(epoch, done, total)

        def say(number: int, epoch: Epoch) -> None:
            progress.say(
                f"epoch {number} of {recipe.epochs}: loss {told(epoch.loss)}, validation {measure.title} "
                f"{told(epoch.validation[measure.name])}, {epoch.seconds:.0f} s"
            )

        data = self._data
        try:
            fitted = fit(
                network,
                recipe,
                data.train,
                data.validation,
                seed=seed,
                start=[seed, 0],
                weights=None if self._pretrained is None else self._pretrained.start(network, [seed, 0]),
                counts=self._task.counts(data.train),
                checkpoint=checkpoint,
                tick=tick,
                told=say,
            )
        except KeyboardInterrupt:
            interrupts.forget()
            at = checkpoint.latest
            return (Fitted((), 0, []) if at is None else Fitted(at.epochs, at.chosen, at.kept)), False
        return fitted, True

    def _baseline(self, progress: Progress) -> Simple:
        """The simple model's answers, fitted once."""
        kept = self._folder / "baseline.npz"
        key = json.dumps([_BASELINE, self.rows, self._task.name])
        if kept.exists():
            with kept.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if str(arrays["key"]) == key:
                    others = tuple((str(one), arrays[f"other {place}"]) for place, one in enumerate(arrays["others"]))
                    return Simple(str(arrays["name"]), str(arrays["description"]), arrays["outputs"], others)
        progress.begin("baseline", 1, "fitting the baseline")
        began = time.perf_counter()
        simple: Simple = self._task.baseline(self._data.parts)
        progress.say(f"{simple.name} is fitted, {time.perf_counter() - began:.1f} s")
        with atomically(kept) as path:
            worse: dict[str, Any] = {f"other {place}": outputs for place, (_, outputs) in enumerate(simple.others)}
            np.savez(
                path,
                key=key,
                name=simple.name,
                description=simple.description,
                outputs=simple.outputs,
                others=np.array([name for name, _ in simple.others], np.str_),
                **worse,
            )
        return simple

    def _conclude(
        self, network: Network, fitted: Fitted, finished: bool, baseline: Simple, progress: Progress
    ) -> Trained:
        task, test = self._task, self._data.test
        progress.answering("answering the test rows")
        outputs = network.outputs(fitted.weights, test)
        mine, its = task.measure(outputs, test.targets), task.measure(baseline.outputs, test.targets)
        merits = task.merits(outputs, test.targets), task.merits(baseline.outputs, test.targets)
        p = sign_test(*merits)
        labels = getattr(task, "classes", ())
        counted = task.confusion(outputs, test.targets) if labels else ()
        sizes = {name: task.size(getattr(self._data, name)) for name in ("train", "validation", "test")}
        return Trained(
            task=task.name,
            data=task.data,
            out=str(self._file),
            settings=self.settings,
            unit=task.unit,
            sizes=sizes,
            notes=self._data.parts.notes,
            epochs=fitted.epochs,
            chosen=fitted.chosen,
            finished=finished,
            test=mine,
            baseline=its,
            baseline_name=f"{baseline.name}: {baseline.description}",
            labels=labels,
            confusion=as_tuples(counted),
            p=p,
            verdict=_verdict(task, mine, its, merits, p, sizes["test"]),
            parameters=network.parameters,
            seconds=sum(epoch.seconds for epoch in fitted.epochs),
            rows=self.rows,
            made=dict(machine.facts()),
            several=getattr(task, "several", False),
            others={name: task.measure(answers, test.targets) for name, answers in baseline.others},
        )
