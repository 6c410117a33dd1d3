"""`gatewright train`: a model file from one's own texts, beside a simple baseline, resumed where it was stopped."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright import _heap, machine, model_file
from gatewright.checkpoint import Checkpoint
from gatewright.comparison import Epoch
from gatewright.errors import InputError, require_one_of
from gatewright.files import atomically, remove_leftovers
from gatewright.fitting import Fitted, Network, Recipe, better, fit
from gatewright.interrupts import Interrupts
from gatewright.measures import as_tuples, plain, told
from gatewright.pretrained import Pretrained
from gatewright.progress import Progress
from gatewright.runs import Data
from gatewright.setting import require_packages
from gatewright.settings import JOBS, PRETRAINED, complete, job_on, of_data, read_toml, refuse_others
from gatewright.statistics import more_often_better, sign_test
from gatewright.tasks.protocol import Simple
from gatewright.tasks.registry import task_class

_SIGNIFICANT = 0.05
_MOST_EPOCHS = 50


@dataclass(frozen=True)
class Trained:
    """A trained model, as figures.

    Attributes:
        task, data: their names.
        out: the model file.
        settings: all of them.
        unit: what sizes are counted in, "rows" or "tokens".
        sizes: of the training, validation and test part.
        notes: sentences that a reader of the figures must know.
        epochs: loss and validation figures of each; `chosen`, from 1, is the one whose weights were kept.
        finished: False where it was interrupted: the best so far was kept.
        test: measures on the test rows, by name.
        baseline: the same measures of the simple model, named in `baseline_name`.
        labels: of a classifier; else empty.
        confusion: test rows of each label (rows) that were given each label (columns), in the order of `labels`; where
            a text has any number of labels, of each label ((tn, fp), (fn, tp)): its absence and presence (rows), and
            how often it was not given and given (columns).
        p: of the exact sign test that network and baseline are each the better on as many test rows (of right and wrong
            answers: McNemar's; where a text has any number of labels, a row is right if all of them are).
        verdict: one sentence that claims no more than the test rows allow.
        parameters, seconds: numbers learnt; time of the training epochs.
        rows: changes where a row of the data does.
        made: with which release, and when trained to the end on which machine.
        several: of a classifier, whether a text has any number of labels.
        others: the same measures of further simple models, by name, which were worse on the validation rows.
    """

    task: str
    data: str
    out: str
    settings: dict[str, Any]
    unit: str
    sizes: dict[str, int]
    notes: tuple[str, ...]
    epochs: tuple[Epoch, ...]
    chosen: int
    finished: bool
    test: dict[str, float]
    baseline: dict[str, float]
    baseline_name: str
    labels: tuple[str, ...]
    confusion: tuple[tuple[Any, ...], ...]
    p: float
    verdict: str
    parameters: int
    seconds: float
    rows: str
    made: dict[str, Any]
    several: bool = False
    others: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values; what is no number is null."""
        values: dict[str, Any] = plain(dataclasses.asdict(self))
        return values

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Trained:
        """What `to_json` was made of."""
        names = [field.name for field in dataclasses.fields(cls)]
        values = {name: kept[name] for name in names if name in kept}
        for name in ("test", "baseline"):
            values[name] = _figures(values[name])
        values["others"] = {name: _figures(test) for name, test in values.get("others", {}).items()}
        values["epochs"] = tuple(Epoch(**epoch) for epoch in values["epochs"])
        for name in ("notes", "labels", "confusion"):
            values[name] = as_tuples(values[name])
        return cls(**values)

    def __str__(self) -> str:
        from gatewright.report.figures import trained

        return trained(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _figures(kept: Mapping[str, float | None]) -> dict[str, float]:
    """Figures of which what was no number is null."""
    return {name: math.nan if value is None else value for name, value in kept.items()}


def train(
    task: str,
    data: str,
    out: str | Path = "model.safetensors",
    *,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    pretrained: str | Path | None = None,
    config: str | Path | None = None,
    **settings: Any,
) -> Trained:
    """Train a network on texts and keep it, with all that is needed to use it, in one file.

    The weights of the epoch that is best on the validation rows are kept; the test rows are used once, at the end. A
    simple model is fitted on the same rows and stands beside. Work that is not finished is kept in the folder
    `OUT.training`: the same call goes on where it was stopped, and ends with the same figures. What is finished is not
    done again.

    Args:
        task: "classify", "generate", "forecast", or "tag".
        data: to classify: "imdb", a .csv, .tsv, .parquet or .jsonl file, a folder of text files by class, or a .tar.gz
            of one. To generate: "shakespeare", "ptb", "imdb-unlabelled", a text file, a folder of them, or a table.
            To tag: "atis", "ewt", a file or a folder of tagged sentences: see `data.tagged.read_tagged`. Series of
            numbers are classified too, see `data.series.read_series`; piano rolls are generated, see
            `data.rolls.read_rolls`. To forecast: a table of series, see `data.timeseries.read_series`.
        out: the model file; one that is there is replaced when the new one is done.
        validation, test: data of such parts; else some is set aside: see the modules of `tasks`.
        limit: use at most so many training rows (tokens, of a language model; sentences, of a tagger; windows, of a
            forecaster), and as many test rows.
        pretrained: the model file of a language model, for a classifier to begin with (Dai & Le 2015, "Semi-supervised
            Sequence Learning", section 2): its encoder, embedding and recurrent layers. The lower a layer, the slower
            it is then fine-tuned: see `fitting.Recipe.discriminative`, and `unfreezing`.
        config: a TOML file of settings.
        settings: see `gatewright.settings`; they go before those of the file. And the options of the data, see
            `settings.OPTIONS`: `column`, that of tags; `text` and `label`, columns of a table; "text" and "label" where
            not given. Only a classifier has these labels. A text has any number of them where `label` names several
            columns of 0 and 1, or true and false, with commas between, where the column holds lists of strings, and
            where `label_separator` says what stands between the labels of a field.

    Raises:
        InputError: an input can't be used; one sentence says which, and what to do.
        ImportError: a package is missing; the sentence names it.
        KeyboardInterrupt: it was interrupted; the message says what is kept.
    """
    require_one_of("task", task, tuple(JOBS))
    for name, value in {"data": data, "out": out}.items():
        if not isinstance(value, str | Path):
            raise InputError(f"{name} must be a name or a path, not {value!r}.")
    require_packages("gatewright train", ("jax", "optax", "sklearn", "scipy", "rich"))
    _heap.use_one_arena()  # before there are threads, JAX's above all
    data = str(data)
    options, settings = of_data(task, settings)
    given = {**({} if config is None else read_toml(config)), **settings}
    asked = job_on(task, data, options)
    refuse_others(task, asked, data, given)
    if pretrained is not None and asked.rows != "texts":
        raise InputError(f"--from {pretrained} is not for {asked.rows}, as {data} has: leave it out.")
    before = None if pretrained is None else Pretrained.read(task, pretrained, given)
    chosen = complete(asked.settings, given if before is None else {**PRETRAINED, **given, **before.settings})
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit must be a whole number from 1 up, not {limit!r}.")
    file = Path(out)
    kept = _require_place(file)
    parts = {"validation": validation, "test": test}
    kind = task_class(task, data, options)
    names = {field.name for field in dataclasses.fields(kind)}
    for name, part in parts.items():
        if part is not None and name not in names:
            raise InputError(f"--{name} {part} is not for {asked.rows}, whose parts stand in {data}: leave it out.")
    own = {**options, **parts, "limit": limit, **chosen}
    made = kind(data, **{name: value for name, value in own.items() if name in names})
    if before is not None:
        made.encoder = before.encoder
        chosen["pretrained"] = before.digest
    job = _Job(file, made, chosen, before)
    if kept is not None and kept.finished and kept.settings == plain(job.settings) and kept.rows == job.rows:
        job.remove_folder()
        return kept
    return job.run()


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


def _verdict(
    task: Any,
    mine: Mapping[str, float],
    its: Mapping[str, float],
    merits: tuple[NDArray[Any], NDArray[Any]],
    p: float,
    size: int,
) -> str:
    """What may be said of the network beside the baseline.

    Args:
        task: whose measures these are.
        mine, its: measures of the network and the baseline on the test rows.
        merits: of the network and the baseline, [test rows], see `Task.merits`.
        p: of the sign test of these.
        size: of the test part.
    """
    measure = task.measures[0]
    one, other = mine[measure.name], its[measure.name]
    figures = f"{measure.title} {told(one)} against {told(other)} on the {size:,} test {task.unit}"
    if task.counted:
        figures += f", {task.counted} {np.mean(merits[0]):.4f} against {np.mean(merits[1]):.4f}"
    # What float64 can't tell from 0 is not 0.
    figures += f", p = {p:.2g}" if p else ", p < 1e-300"
    rows = more_often_better(*merits)
    # Where rows are compared by something else than the measure, the better one in one may be the worse in the other.
    if p < _SIGNIFICANT and rows > 0 and better(measure, one, other):
        return f"The network beats the simple baseline: {figures}."
    if p < _SIGNIFICANT and rows < 0 and better(measure, other, one):
        return f"The network did not beat the simple baseline, which is better: {figures}."
    return f"No difference is shown between the network and the simple baseline: {figures}."
