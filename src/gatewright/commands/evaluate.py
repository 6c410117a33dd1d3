"""The `evaluate` command: measure a trained model on other data."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import add_json, add_max_input, add_options, whole_number
from gatewright.commands.printing import called, print_result
from gatewright.commands.train import require_limit
from gatewright.data.limits import with_max_input
from gatewright.support.errors import InputError, nearest
from gatewright.support.files import require_other_file
from gatewright.support.packages import require_packages
from gatewright.tasks import registry
from gatewright.tasks.base.spec import Option

if TYPE_CHECKING:
    from gatewright.results.records import Evaluated


@with_max_input
def evaluate(
    model: str | Path, data: str, *, limit: int | None = None, max_input: float | None = None, **options: Any
) -> "Evaluated":
    """Return the metrics of a trained model on a test set, or on all of `data` if `data` has no test set.

    Args:
        model: Path of a model file.
        data: A named data set, a file or a folder, as for `train`.
        limit: Use only this many examples, from the beginning of the data.
        max_input: Maximum size of an input file after decompression, in GB. The default is 4.
        options: Options of the data, such as names of columns, as for `train`.

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
    evaluation_set = loaded.read(data, given, limit)
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


def _own_options() -> dict[str, Option]:
    return {option.name: option for spec in registry.TASKS for option in spec.evaluate_options}


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Measure a model on the test set of your data, or on all of the data if it has no test set."
    parser = commands.add_parser(
        "evaluate",
        help=about,
        description=about,
        epilog="example:\n  gatewright evaluate model.safetensors reviews.csv --text review --label stars",
    )
    parser.add_argument("model", help="A model file.")
    parser.add_argument("data", help="Data as for `gatewright train`.")
    data = parser.add_argument_group("data")
    add_options(data, registry.all_options().values())
    data.add_argument("--limit", metavar="N", type=whole_number, help="Use only the first N examples.")
    add_max_input(data)
    add_options(parser, _own_options().values())
    add_json(parser)
    parser.set_defaults(run=lambda options: print_result(called(evaluate, options), options.json))
