"""The `evaluate` command: measure a trained model on other data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import add_json, add_max_input, add_options, whole_number
from gatewright.commands.printing import called, print_result
from gatewright.commands.train import require_limit
from gatewright.data.limits import with_max_input
from gatewright.support.errors import InputError, nearest, require_one_of
from gatewright.support.files import require_other_file
from gatewright.support.packages import require_packages
from gatewright.tasks import registry
from gatewright.tasks.base.settings import setting_fields
from gatewright.tasks.base.spec import ModelSpec, Option, TaskSpec

if TYPE_CHECKING:
    from gatewright.results.records import Evaluated
    from gatewright.tasks.base.model import EvaluationSet, TrainedModel


_TEST, _ALL = _SPLITS = ("test", "all")


@with_max_input
def evaluate(
    model: str | Path,
    data: str,
    *,
    split: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    **options: Any,
) -> "Evaluated":
    """Return the metrics of a trained model on a test set, or on all of `data` if `data` has no test set.

    If the model was trained on the same data, and training set a test set aside from it, that test set is measured.

    Args:
        model: Path of a model file.
        data: A named data set, a file or a folder, as for `train`.
        split: "test" for a test set only, or "all" for all examples of data that has no test set of its own. By
            default, a test set if there is one, and otherwise all examples.
        limit: Use only this many examples, from the beginning of the data.
        max_input: Maximum size of an input file after decompression, in GB. The default is 4.
        options: Options of the data, such as names of columns, as for `train`. By default, those of the training.

    Raises:
        InputError: The model or the data cannot be used, or the data is not of the kind that the model reads.
        ImportError: A package is missing. The message names it.
    """
    from gatewright import runtime
    from gatewright.results.records import Evaluated
    from gatewright.results.serialize import as_tuples
    from gatewright.tasks.base.seen import ENTRY, SeenExamples

    require_packages("gatewright evaluate", ("sklearn", "rich"))
    require_limit(limit)
    if split is not None:
        require_one_of("--split", split, _SPLITS)
    given, others = registry.split_options(options)
    for name in others:
        if name not in _own_options():
            suggestion = nearest(name, [*registry.all_options(), *_own_options()])
            raise InputError(f"{name!r} is not an option of evaluate: leave it out{suggestion}")
    loaded = runtime.load(model)
    spec = registry.of_model(loaded.task)
    spec.require_options(str(model), given)
    own = {name: value for name, value in others.items() if value is not None}
    for name, value in own.items():
        if name not in [option.name for option in spec.evaluate_options]:
            raise InputError(
                f"{_own_options()[name].flag} {value} does not apply to {model}, a model of {spec.examples}: leave "
                "it out."
            )
    if own:
        files = {option.flag: given.get(option.name) for option in spec.options}
        require_other_file(Path(own["plot"]), "--plot", {"MODEL": model, "DATA": data, **files})
    evaluation_set = _read(spec, loaded, data, given, limit, split)
    prepared = evaluation_set.prepared
    batch = prepared.encode(evaluation_set.examples)
    outputs = loaded.outputs(batch, progress=True)
    constant, description = prepared.constant(batch.targets)
    if own:
        loaded.plot_evaluation(evaluation_set.examples, outputs, Path(own["plot"]))
    hashes = loaded.training.get(ENTRY)
    inputs = prepared.raw_inputs(evaluation_set.examples) if hashes else []
    recurring = SeenExamples.from_json(hashes).note(inputs, prepared.example_name) if inputs else ()
    return Evaluated(
        model=str(model),
        data=evaluation_set.name,
        task=loaded.command,
        unit=prepared.unit,
        size=prepared.size(batch),
        measures=prepared.measures,
        test=prepared.measure(outputs, batch.targets),
        baseline=prepared.measure(constant, batch.targets),
        labels=prepared.labels,
        confusion=as_tuples(prepared.confusion(outputs, batch.targets)),
        multi_label=prepared.multi_label,
        notes=(*evaluation_set.notes, *prepared.remarks(batch), *recurring),
        baseline_name=f"{description}, estimated from the same data",
        details=prepared.details(evaluation_set.examples, {"model": outputs, "constant": constant}),
    )


def _read(
    spec: ModelSpec, model: "TrainedModel", data: str, given: Mapping[str, Any], limit: int | None, split: str | None
) -> "EvaluationSet":
    """Return the examples to measure.

    Raises:
        InputError: The data cannot be used, or does not have the split.
    """
    is_trained_on = split != _ALL and model.trained_data.is_same(data, given)
    if isinstance(spec, TaskSpec) and is_trained_on and (held_out := _held_out(spec, model, data, limit)) is not None:
        return held_out
    found = model.read(data, given, limit)
    if split == _ALL and found.is_test:
        raise InputError(f"{data} has its own test set, so --split all does not apply: leave it out.")
    if split == _TEST and not found.is_test:
        raise InputError(
            f"{data} has no test set, and none that the training of this model set aside can be found in it: leave "
            "--split test out to measure all of it."
        )
    if is_trained_on:
        note = "The test set that training set aside cannot be found again in the data, so all of it is measured."
        return found._replace(notes=(*found.notes, note))
    return found


def _held_out(spec: TaskSpec, model: "TrainedModel", data: str, limit: int | None) -> "EvaluationSet | None":
    """Return the test set that training set aside from the same data, or None if it cannot be found again."""
    trained, settings = model.trained_data, model.training.get("settings", {})
    stored = {field.name: settings[field.name] for field in setting_fields(spec.settings) if field.name in settings}
    options = {name: value for name, value in trained.options.items() if name not in trained.found}
    splits = spec.task_class()(data, spec.settings.complete(stored), options, limit=trained.limit).read()
    if not trained.has_test(splits.test):
        return None
    note = (
        f"The model was trained on {splits.name}. Only the test set that training set aside from it is measured: give "
        "--split all to measure all of it."
    )
    limits = [one for one in (limit, trained.limit) if one is not None]
    return model.evaluation_set(splits.name, splits.test, (*splits.notes, note), min(limits, default=None), True)


def _own_options() -> dict[str, Option]:
    return {option.name: option for spec in registry.models() for option in spec.evaluate_options}


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = (
        "Measure a model on the test set of your data, or on all of the data if it has no test set. Unless you give "
        "options of the data, it is read as in training."
    )
    parser = commands.add_parser(
        "evaluate",
        help=about,
        description=about,
        epilog="example:\n  gatewright evaluate model.safetensors reviews.csv",
    )
    parser.add_argument("model", help="A model file.")
    parser.add_argument("data", help="Data as for `gatewright train`.")
    data = parser.add_argument_group("data", "Options that are not given are those of the training.")
    add_options(data, registry.all_options().values())
    data.add_argument(
        "--split",
        metavar="test|all",
        help="Examples to measure: test for a test set, or all for data that has none (default: a test set if the data "
        "has one or if training set one aside from the same data, otherwise all).",
    )
    data.add_argument("--limit", metavar="N", type=whole_number, help="Use only the first N examples.")
    add_max_input(data)
    add_options(parser, _own_options().values())
    add_json(parser)
    parser.set_defaults(run=lambda options: print_result(called(evaluate, options), options.json))
