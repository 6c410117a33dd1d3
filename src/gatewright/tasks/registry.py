"""The tasks that can be trained, by name; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatewright.support.errors import InputError
from gatewright.tasks.base.settings import _PLAIN, _TABLE, _TEXT, Job, Option, compared
from gatewright.tasks.classify.settings import _LABELS, _TEXT_OPTIONS, CLASSIFY
from gatewright.tasks.classify_series.settings import _OF_SERIES, _SERIES_OPTIONS, SERIES
from gatewright.tasks.forecast.settings import FORECAST
from gatewright.tasks.generate.settings import GENERATE
from gatewright.tasks.rolls.settings import ROLLS
from gatewright.tasks.tag.settings import TAG


def task_class(name: str, data: str, options: Mapping[str, Any]) -> Any:
    """The class of a task of `settings.JOBS` on this data, which is read with these options."""
    from gatewright.tasks.classify_series.reading import is_series
    from gatewright.tasks.rolls.reading import is_rolls

    if name == "generate" and is_rolls(data):
        from gatewright.tasks.rolls.task import GenerateRolls

        return GenerateRolls
    if name == "generate":
        from gatewright.tasks.generate.task import Generate

        return Generate
    if name == "forecast":
        from gatewright.tasks.forecast.task import Forecast

        return Forecast
    if name == "tag":
        from gatewright.tasks.tag.task import Tag

        return Tag
    if is_series(data, options):
        from gatewright.tasks.classify_series.task import ClassifySeries

        return ClassifySeries
    from gatewright.tasks.classify.task import Classify

    return Classify


_CLASSIFIED = {
    "texts": Job(
        "the label of each text",
        f"imdb, {_TABLE}, a folder of text files by class, or a .tar.gz of one",
        _TEXT_OPTIONS,
        CLASSIFY,
        _PLAIN,
    ),
    "series": Job(
        "the label of each series of numbers",
        "japanese-vowels, digits, a .ts file, a .npz archive, or a long table with --id and --time",
        (_LABELS[0], *_SERIES_OPTIONS),
        SERIES,
        {"units": 128, "batch": 16, "epochs": 50, "learning_rates": (0.002,)},
        "series of numbers",
    ),
}


_GENERATED = {
    "texts": Job(
        "a language model, which continues texts",
        f"shakespeare, ptb, imdb-unlabelled, a text file, a folder of text files, or {_TABLE}",
        (_TEXT,),
        GENERATE,
        {**_PLAIN, "embedding": 64, "length": 64, "learning_rates": (0.003,)},
    ),
    "rolls": Job(
        "a model of piano rolls, which says of each key whether it sounds next",
        "jsb, nottingham, or a .mat or .npz file of the same form",
        (),
        ROLLS,
        {"units": 46, "batch": 8, "epochs": 100, "learning_rates": (0.003,)},
        "piano rolls",
    ),
}


JOBS = {
    "classify": Job(
        "the label of each text or series of numbers",
        f"{_CLASSIFIED['texts'].data}; of series of numbers {_CLASSIFIED['series'].data}",
        (*_TEXT_OPTIONS, *_SERIES_OPTIONS),
        (*CLASSIFY, *(replace(setting, help=f"of series: {setting.help}") for setting in _OF_SERIES)),
        _PLAIN,
    ),
    "generate": Job(
        "a language model, which continues texts, or one of piano rolls",
        f"{_GENERATED['texts'].data}; of piano rolls {_GENERATED['rolls'].data}",
        _GENERATED["texts"].options,
        GENERATE,
        _GENERATED["texts"].plain,
    ),
    "forecast": Job(
        "to forecast series of numbers",
        "ett-h1, ett-m1, or a .csv, .tsv (also .gz) or .parquet file, a row a time and a column a variable",
        (
            Option("time", "COLUMN", "of times: dates and times, or whole numbers (default: date, time or the like)"),
            Option("target", "COLUMN", "to forecast, several with commas between, or all (default: all)"),
            Option("past", "COLUMN", "known up to now, several with commas between, or all others"),
            Option("known", "COLUMN", "known ahead too, several with commas between"),
            Option("series", "COLUMN", "which series a row belongs to, where there are several"),
        ),
        FORECAST,
        {"units": 64, "batch": 64, "epochs": 5, "learning_rates": (0.001,)},
    ),
    "tag": Job(
        "a tag for each word, and a label for each sentence that has one",
        "atis, ewt, a .conllu file, a file with a word and its tag on each line, or a folder of these or of seq.in, "
        "seq.out and label",
        (
            Option(
                "column",
                "NAME",
                "of .conllu upos, xpos, feats or deprel (default: upos); else a number from 2 on (default: the last)",
            ),
        ),
        TAG,
        {**_PLAIN, "length": 64, "learning_rates": (0.002,)},
    ),
}
"""The tasks that can be trained."""


def job_on(task: str, data: str, options: Mapping[str, Any]) -> Job:
    """What there is to choose of a task on this data.

    Raises:
        InputError: an option is given that such data has not.
    """
    # What reads files is not needed by whoever only lists flags.
    from gatewright.tasks.classify_series.reading import is_series
    from gatewright.tasks.rolls.reading import is_rolls

    if task == "classify":
        chosen = _CLASSIFIED["series" if is_series(data, options) else "texts"]
    elif task == "generate":
        chosen = _GENERATED["rolls" if is_rolls(data) else "texts"]
    else:
        return JOBS[task]
    own = [option.name for option in chosen.options]
    for name, value in options.items():
        if value is not None and name not in own:
            flag = f"--{name.replace('_', '-')} {value}"
            raise InputError(f"{flag} is not for {chosen.rows}, as {data} has: leave it out.")
    return chosen


def refuse_others(task: str, chosen: Job, data: str, given: Mapping[str, Any]) -> None:
    """Check that no setting is given which the task has, but not on this data.

    Raises:
        InputError: one is.
    """
    own = {setting.name for setting in chosen.settings}
    for setting in JOBS[task].settings:
        if setting.name not in own and given.get(setting.name) is not None:
            raise InputError(f"{setting.name} is not for {chosen.rows}, as {data} has: leave {setting.name} out.")


COMPARED = {task: compared(job) for task, job in JOBS.items()}
"""Of each task: see `compared`."""


OPTIONS = {option.name: option for job in reversed(JOBS.values()) for option in job.options}
"""All options of data, of whichever task, by name."""


def of_data(task: str, given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The options of a task's data among what is given, and what else is given.

    Raises:
        InputError: one is another task's.
    """
    own = [option.name for option in JOBS[task].options]
    options = {name: value for name, value in given.items() if name in OPTIONS and value is not None}
    for name, value in options.items():
        if name not in own:
            others = " and ".join(job for job in JOBS if name in [option.name for option in JOBS[job].options])
            raise InputError(f"--{name.replace('_', '-')} {value} is for {others}, and not for {task}: leave it out.")
    return options, {name: value for name, value in given.items() if name not in OPTIONS}
