"""The `train` command: train one network and write its model file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import add_json, add_no_cache, add_options, add_settings, add_splits
from gatewright.commands.printing import called_with_cache, print_result
from gatewright.data.files import stem_inputs
from gatewright.data.limits import with_max_input
from gatewright.support.errors import InputError
from gatewright.support.files import require_other_file, require_writable
from gatewright.support.packages import require_packages
from gatewright.tasks import registry
from gatewright.tasks.base.settings import read_toml

if TYPE_CHECKING:
    from gatewright.results.records import Trained


@with_max_input
def train(
    task: str,
    data: str,
    out: str | Path | None = None,
    *,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    config: str | Path | None = None,
    overwrite: bool = False,
    **settings: Any,
) -> "Trained":
    """Train a network, and save it in one file with everything that is needed to use it.

    The saved weights are those after the epoch that is best on the validation set. The test set is used once, at the
    end. A baseline is fitted to the same data. If training is interrupted, its progress is stored in the folder
    `OUT.training`: the same call resumes it, with the same result as without the interruption. If training has already
    finished, the same call does not repeat it. Only one training at a time may write to `out`.

    If the loss becomes infinite or not a number, training stops. The model is then that of the best epoch before, with
    a note, or the call is refused if there is none.

    Args:
        task: "classify", "generate", "forecast" or "tag".
        data: A named data set, a file or a folder; see `gatewright train TASK --help`.
        out: Path of the model file. The default is named after the task, such as classify.safetensors.
        validation, test: Data for the validation set and the test set. By default, the sets that `data` contains, or
            examples set aside from `data`.
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file after decompression, in GB. The default is 4.
        config: A TOML file of settings.
        overwrite: Replace a model of other settings or data in `out`, and discard the progress of its training.
        settings: Settings of the task, which take precedence over those in `config`, and options for reading the data.

    Raises:
        InputError: An argument or the data cannot be used. The message says what to do.
        ImportError: A package is missing. The message names it.
        KeyboardInterrupt: The user interrupted training. The message says where its progress is stored.
    """
    for name, value in {"data": data, "out": out}.items():
        if not isinstance(value, str | Path) and not (name == "out" and value is None):
            raise InputError(f"{name} must be a name or a path, not {value!r}.")
    require_packages("gatewright train", ("jax", "optax", "sklearn", "scipy", "rich"))
    from gatewright.ops import kernels

    kernels.share_threads_with_jax()  # before JAX starts its threads
    from gatewright.training.client import reusing_memory
    from gatewright.training.job import Job
    from gatewright.training.work_folder import WorkFolder

    data = str(data)
    options, given = registry.split_options(settings, training=True)
    spec = registry.find(task, data, options)
    file = Path(spec.default_out if out is None else out)
    given = {**({} if config is None else read_toml(config)), **given}
    require_limit(limit)
    inputs = {"DATA": data, "--validation": validation, "--test": test, "--config": config}
    further = {option.flag: options.get(option.name) for option in spec.options}
    require_other_file(file, "--out", {**inputs, **further, **stem_inputs(inputs, options.values())})
    require_writable(file, "--out")
    completed = spec.complete(spec.settings, given, options)
    splits = spec.require_splits(data, {"validation": validation, "test": test})
    # Locked before an earlier model is read, so that no other training replaces it in the meantime.
    with WorkFolder(file) as folder:
        before = _earlier_training(file, overwrite)
        made = spec.task_class()(data, completed, options, **splits, limit=limit)
        job = Job(spec.name, spec.command, made, file, folder)
        if before is not None:
            difference = job.difference(before)
            if difference and not overwrite:
                resume = "" if before.finished else "give the same settings to resume the training, "
                raise InputError(
                    f"--out {file} was trained with {difference}: {resume}choose another --out, or give --overwrite to "
                    "replace it."
                )
            if before.finished and not difference:
                folder.clear()
                return before
        with reusing_memory():
            return job.run(overwrite)


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Train a network on your data, compare it with a baseline, and save it in one model file."
    parser = commands.add_parser(
        "train",
        help=about,
        description=f"{about}\nRun the same command again to resume an interrupted training.",
    )
    tasks = parser.add_subparsers(dest="task", title="tasks", metavar="TASK", required=True)
    for command, specs in registry.commands().items():
        summary = " ".join(spec.summary for spec in specs)
        task = tasks.add_parser(
            command,
            help=summary,
            usage=f"gatewright train {command} DATA [options]",
            description=f"{summary}\n\nexample:\n  gatewright train {command} {specs[0].example}",
        )
        task.add_argument("data", metavar="DATA", help="; ".join(f"{spec.examples}: {spec.reads}" for spec in specs))
        data = task.add_argument_group("data")
        add_options(data, specs[0].options)
        add_splits(data)
        groups = {"data": data}
        for spec in specs[1:]:
            names = {option.name for option in specs[0].options}
            groups[spec.examples] = task.add_argument_group(f"only for {spec.examples}")
            add_options(groups[spec.examples], [option for option in spec.options if option.name not in names])
        add_settings(task, {spec.examples: spec.settings for spec in specs}, groups=groups)
        output = task.add_argument_group("output")
        out = f"The model file (default: {specs[0].default_out})."
        output.add_argument("--out", metavar="FILE", help=out)
        output.add_argument("--overwrite", action="store_true", help="Replace a model of other settings or data.")
        output.add_argument(
            "--config",
            metavar="FILE",
            help="A TOML file of settings, one `name = value` per line; flags take precedence.",
        )
        add_no_cache(output)
        add_json(output)
        task.set_defaults(run=lambda options: print_result(called_with_cache(train, options), options.json))


def require_limit(limit: Any) -> None:
    """Raise an error if a limit on the number of examples is not allowed.

    Raises:
        InputError: The limit is not a whole number of at least 1.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit must be a whole number of at least 1, not {limit!r}.")


def _earlier_training(file: Path, overwrite: bool) -> "Trained | None":
    """Return the training results stored in the model file `file`, or None if there are none.

    Raises:
        InputError: The file is not a model file; or it has no training results, and `overwrite` is False.
    """
    from gatewright import runtime
    from gatewright.results.records import Trained

    if not file.exists():
        return None
    try:
        return Trained.from_json(runtime.load(file).training)
    except InputError:
        raise InputError(
            f"--out {file} exists and is not a complete model file: remove it, or name another file."
        ) from None
    except (KeyError, TypeError, AttributeError):  # the model was not made by `gatewright train`
        if overwrite:
            return None
        raise InputError(
            f"--out {file} is a model of unknown settings: choose another --out, or give --overwrite to replace it."
        ) from None
