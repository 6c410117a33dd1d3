"""The settings of a task: one table, from which flags, keys of a settings file and keyword arguments come."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gatewright.blocks import CELLS, POOLS
from gatewright.cells import ZONEOUT
from gatewright.data.spelling import MOST_READ
from gatewright.data.text import FIRST, SPLITS
from gatewright.errors import InputError, nearest, require_one_of
from gatewright.forecast_blocks import LEVELS
from gatewright.optimizer import MOMENTS


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: as a keyword; a flag has - for _.
        kind: of its values: whole numbers, numbers, one of `choices`, true and false, or several numbers, which are
            sorted.
        default: where it is not given; None is one that depends on the data.
        help: what it is, for a reader.
        least, below, most: bounds of a number; `below` itself is refused.
        choices: names.
    """

    name: str
    kind: Literal["whole", "number", "choice", "switch", "numbers"]
    default: Any
    help: str
    least: float = 0
    below: float = math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """The value as a plain Python one.

        Raises:
            InputError: it is not one of those that are allowed.
        """
        if self.kind == "choice":
            return self._choice(value)
        if self.kind == "switch":
            if not isinstance(value, (bool, np.bool_)):
                raise InputError(f"{self.name} must be true or false, not {value!r}.")
            return bool(value)
        if self.kind == "numbers":
            several = value if isinstance(value, list | tuple) else [value]
            one = replace(self, kind="number")
            return tuple(sorted({one.check(number) for number in several}))
        whole = self.kind == "whole"
        kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self._holds(value):
            upper = "up" if math.isinf(self.below) else f"to below {_told(self.below)}"
            upper = upper if math.isinf(self.most) else f"to {_told(self.most)}"
            what = "a whole number" if whole else "a number"
            raise InputError(f"{self.name} must be {what} from {self.least:g} {upper}, not {value!r}.")
        return int(value) if whole else float(value)

    def _holds(self, number: Any) -> bool:
        return bool(self.least <= number < self.below and number <= self.most)

    def _choice(self, value: Any) -> str:
        folded = {choice.lower().replace("_", ""): choice for choice in self.choices}
        known = folded.get(str(value).lower().replace("_", ""))
        if known is None:
            require_one_of(self.name, value, self.choices)
        return str(known)


def _told(bound: float) -> str:
    """A bound as a reader would write it."""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


@dataclass(frozen=True)
class Option:
    """What a task asks of its data: a column, or how one is read.

    Attributes:
        name: as a keyword; a flag has - for _.
        metavar, help: for a reader of the flags.
    """

    name: str
    metavar: str
    help: str


@dataclass(frozen=True)
class Job:
    """What there is to choose of a task.

    Attributes:
        learns: what a network of it learns, for a reader.
        data: what it reads, likewise.
        options: of the data.
        settings: of the network and how it learns.
        plain: the settings of a comparison where they are not given; others are the task's own.
        rows: what the data has.
    """

    learns: str
    data: str
    options: tuple[Option, ...]
    settings: tuple[Setting, ...]
    plain: Mapping[str, Any]
    rows: str = "texts"


SCHEDULES = ("constant", "linear", "cosine")
"""How the learning rate may go; see `fitting.Recipe`."""

_CELL = (
    Setting("cell", "choice", "gru", f"one of {', '.join(CELLS)}", choices=tuple(CELLS)),
    Setting("layers", "whole", 1, "recurrent layers, one above the other", 1),
    Setting(
        "zoneout",
        "number",
        0.1,
        "of zoneout_lstm and zoneout_gru, share of each state that stays as it was at a step of training; afterwards "
        "that share of what it was is mixed in",
        below=1,
    ),
)
_DROPOUTS = (
    Setting("embedding_dropout", "number", 0.0, "share of the ids without a vector at a step of training", below=1),
    Setting("input_dropout", "number", 0.0, "share of the embedding that a row, at all its steps, lacks", below=1),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
)
_LEARNING = (
    Setting("schedule", "choice", "linear", "constant, linear or cosine, to 0", choices=SCHEDULES),
    Setting("warmup", "number", 0.0, "share of the steps in which the learning rate rises", below=1),
    Setting("clip", "number", 1.0, "largest norm of the gradient; 0 is no bound"),
    Setting("weight_decay", "number", 0.0, "of each weight, at a step of learning rate 1"),
    Setting(
        "averaging", "number", 0.998, "how much of the average of the weights stays at a step; 0 is no average", below=1
    ),
    Setting("patience", "whole", 0, "epochs without a better validation figure until it ends; 0 is never"),
    Setting("seed", "whole", 0, "of initial weights, order of rows and dropout", below=2**32),
)


def _moments(default: str) -> Setting:
    what = "second moments of Adam in the embedding: own, one for each number; shared, one for all"
    return Setting("embedding_moments", "choice", default, what, choices=MOMENTS)


_OF_SERIES = (
    Setting(
        "scaling",
        "choice",
        "each",
        "each channel by its own deviation, or together, all by one, as where their unit is one",
        choices=("each", "together"),
    ),
    Setting(
        "noise",
        "number",
        None,
        "what is added to each number in training, in deviations of its channel (default: 0.5; of one alone 0.1)",
        below=1,
    ),
)

CLASSIFY = (
    *_CELL,
    Setting("units", "whole", 128, "of each recurrent layer and direction", 1),
    Setting("both", "switch", True, "walk each text in both directions"),
    Setting(
        "pooling",
        "choice",
        "max",
        "of all steps: max, mean, attention; or last",
        choices=("last", "mean", "max", "attention"),
    ),
    Setting("tokens", "choice", "words", "words, or bytes (byte-pair encoding)", choices=("words", "bytes")),
    Setting("vocabulary", "whole", 30_000, "ids in use", FIRST + 1),
    Setting("least", "whole", 2, "how often a word must occur in the training rows to have an id", 1),
    Setting("length", "whole", 400, "tokens of a text that are read, the last", 1),
    Setting("embedding", "whole", 128, "numbers for each token", 1),
    *_DROPOUTS,
    Setting("word_dropout", "number", 0.1, "share of the tokens that are unknown at a step of training", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("class_weights", "choice", "none", "none, or balanced", choices=("none", "balanced")),
    Setting("batch", "whole", 32, "rows of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training rows (default: 3 to 50, for some 2,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    _moments("shared"),
    Setting("discriminative", "number", 1.0, "how many times as fast a layer learns as that below it", 1),
    Setting(
        "unfreezing",
        "switch",
        False,
        "at first the top layer alone learns, then one more each epoch",
    ),
    Setting("adversarial", "number", 0.0, "how far texts are moved against the network, in lengths of a word's vector"),
    *_LEARNING,
)
"""The settings of `train classify`."""

SERIES = (
    *_CELL,
    Setting("units", "whole", 128, "of each recurrent layer and direction", 1),
    Setting("both", "switch", True, "walk each row in both directions"),
    Setting("pooling", "choice", "mean", "of all steps, or last", choices=("last", "mean", "max", "attention")),
    Setting("length", "whole", None, "steps of a row that are read, the last (default: as the longest has)", 1),
    *_OF_SERIES,
    Setting("input_dropout", "number", 0.0, "share of the channels that a row, at all its steps, lacks", below=1),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("class_weights", "choice", "none", "none, or balanced", choices=("none", "balanced")),
    Setting("batch", "whole", 16, "rows of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training rows (default: 10 to 200, for some 2,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    *_LEARNING,
)
"""The settings of `train classify` where rows are series of numbers: those of texts, but for what texts alone have."""

PRETRAINED = {"discriminative": 2.6, "warmup": 0.1, "both": False}
"""What holds where it is not given, and a language model is what is begun with: Howard & Ruder 2018, section 3.2
(2.6, and a learning rate that rises for a tenth of the steps)."""

GENERATE = (
    *_CELL,
    Setting("units", "whole", 512, "of each recurrent layer", 1),
    Setting(
        "tokens",
        "choice",
        "characters",
        "characters, words, or bytes (byte-pair encoding)",
        choices=("characters", "words", "bytes"),
    ),
    Setting(
        "split",
        "choice",
        "punctuation",
        "of words: punctuation (case, marks and line breaks kept), spaces, or keras (lower-cased, no marks)",
        choices=SPLITS,
    ),
    Setting("vocabulary", "whole", 10_000, "ids in use; of characters all are", FIRST + 1),
    Setting("least", "whole", 1, "how often a token must occur in the training part to have an id", 1),
    Setting(
        "rows",
        "choice",
        "stream",
        "stream: all texts, states carried on; prefixes: each beginning of each line",
        choices=("stream", "prefixes"),
    ),
    Setting("length", "whole", 128, "steps that gradients reach back; of prefixes, tokens that are read", 1),
    Setting("hold_out", "number", 0.1, "share set aside as test and validation part where there is none", below=0.5),
    Setting("embedding", "whole", 128, "numbers for each token", 1),
    Setting("tied", "switch", False, "the embedding's table is the outputs' kernel too"),
    Setting("samples", "whole", 0, "ids that a target stands against in training; 0 is all"),
    *_DROPOUTS,
    Setting("word_dropout", "number", 0.0, "share of the tokens that are unknown at a step of training", below=1),
    Setting("weight_dropout", "number", 0.0, "share of the recurrent kernel that is 0 at a step of training", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting(
        "batch",
        "whole",
        None,
        "streams, or prefixes, of a training step (default: 32; of a short text fewer streams)",
        1,
    ),
    Setting("epochs", "whole", None, "passes over the training part (default: 6 to 50, for some 4,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    _moments("own"),
    *_LEARNING,
)
"""The settings of `train generate`."""

TAG = (
    *_CELL,
    Setting("units", "whole", 128, "of each recurrent layer and direction", 1),
    Setting("both", "switch", True, "walk each sentence in both directions"),
    Setting(
        "crf",
        "switch",
        None,
        "the tags of a sentence are a chain (CRF), and the likeliest is the answer (default: where tags tell spans)",
    ),
    Setting(
        "pooling",
        "choice",
        "max",
        "how steps become what a sentence's label is told of: max, mean, attention",
        choices=POOLS,
    ),
    Setting("vocabulary", "whole", 30_000, "ids of words in use", FIRST + 1),
    Setting("least", "whole", 1, "how often a word must occur in the training sentences to have an id", 1),
    Setting("length", "whole", 64, "words that are read at once; a longer sentence is read in pieces", 1),
    Setting("embedding", "whole", 128, "numbers for each word", 1),
    Setting("letters", "whole", 16, "letters of a word that are read, half of them from its end", 1, most=MOST_READ),
    Setting("letter_units", "whole", 32, "numbers for each letter, and units of either direction that read them", 1),
    Setting(
        "word_dropout", "number", 0.1, "share of the words of which a step of training sees the letters alone", below=1
    ),
    *_DROPOUTS[1:],
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("batch", "whole", 32, "sentences of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training sentences (default: 6 to 50, for some 3,000 steps)", 1),
    Setting("learning_rate", "number", 0.002, "of Adam, at its highest", 1e-12),
    _moments("own"),
    *_LEARNING,
)
"""The settings of `train tag`."""

ROLLS = (
    *_CELL,
    Setting("units", "whole", 256, "of each recurrent layer", 1),
    Setting("hold_out", "number", 0.1, "share set aside as test and validation part where there is none", below=0.5),
    Setting("input_dropout", "number", 0.0, "share of the keys that a piece, at all its steps, lacks", below=1),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
    Setting("weight_dropout", "number", 0.0, "share of the recurrent kernel that is 0 at a step of training", below=1),
    Setting("output_dropout", "number", 0.5, "share of what comes out of each layer that is dropped", below=1),
    Setting("batch", "whole", 8, "pieces of a training step", 1),
    Setting("epochs", "whole", None, "passes over the training part (default: 20 to 200, for some 1,000 steps)", 1),
    Setting("learning_rate", "number", 0.003, "of Adam, at its highest", 1e-12),
    *_LEARNING,
)
"""The settings of `train generate` where rows are piano rolls: those of texts, but for what texts alone have."""

# Of numbers by which logits are divided or multiplied, so that they stay numbers.
_LARGEST = 1e6

DECODING = (
    Setting("tokens", "whole", 200, "how many at most", 1),
    Setting(
        "temperature",
        "number",
        1.0,
        "below 1 likely tokens become likelier; 0 is greedy, always the likeliest",
        most=_LARGEST,
    ),
    Setting("top_k", "whole", 0, "choose among so many of the likeliest; 0 is all"),
    Setting("top_p", "number", 1.0, "choose among the fewest that make up this probability", 1e-12, most=1),
    Setting(
        "repetition_penalty", "number", 1.0, "above 1, tokens that stood before become less likely", 1, most=_LARGEST
    ),
    Setting(
        "beams",
        "whole",
        1,
        "from 2 on, beam search: the likeliest continuation found with so many; nothing is drawn",
        1,
    ),
    Setting("seed", "whole", None, "of what is drawn (default: another each time)", below=2**32),
)
"""How a text is generated: see `decoding.Decoding`."""

FORECAST = (
    *_CELL,
    Setting("units", "whole", 256, "of each recurrent layer", 1),
    Setting("look_back", "whole", None, "steps that are read (default: some seasons, and four times the horizon)", 1),
    Setting("horizon", "whole", None, "steps that are forecast (default: a season)", 1),
    Setting(
        "decoding",
        "choice",
        "segments",
        "segments (SegRNN), direct (all steps from the last state), or recursive (step by step)",
        choices=("segments", "direct", "recursive"),
    ),
    Setting("segment", "whole", None, "steps of a segment (default: a season, at most 48)", 1),
    Setting(
        "level",
        "choice",
        "last",
        "what a window is relative to: its last value; standard, its mean and deviation; or none",
        choices=LEVELS,
    ),
    Setting("calendar", "switch", False, "the place in year, week and day is an input too"),
    Setting(
        "missing",
        "choice",
        "last",
        "how missing numbers are read: as the last; or decay (GRU-D), with decoding direct",
        choices=("last", "decay"),
    ),
    Setting("quantiles", "numbers", (0.1, 0.9), "that are forecast beside, with commas between", 1e-6, below=1),
    Setting(
        "loss", "choice", "absolute", "error of the forecast: absolute, or squared", choices=("absolute", "squared")
    ),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
    Setting("output_dropout", "number", 0.3, "share of what comes out of each layer that is dropped", below=1),
    Setting("batch", "whole", None, "windows of a training step (default: 64; of few windows fewer)", 1),
    Setting("epochs", "whole", None, "passes over the training windows (default: 3 to 50, for some 3,000 steps)", 1),
    Setting("learning_rate", "number", 0.001, "of Adam, at its highest", 1e-12),
    *_LEARNING,
)
"""The settings of `train forecast`."""

_TEXT = Option("text", "COLUMN", "the column of texts, or several with commas between (default: text)")
_LABELS = (
    Option(
        "label",
        "COLUMN",
        "the column of labels, or of lists of them; or several columns of 0 and 1 with commas between (default: label)",
    ),
    Option("label_separator", "TEXT", "what stands between the labels of a field, if it holds any number"),
)
_SERIES_OPTIONS = (
    Option(
        "id", "COLUMN", "of a long table of series, the column that tells to which row a step belongs (default: id)"
    ),
    Option("time", "COLUMN", "of a long table of series, the column that orders the steps of a row (default: time)"),
)
_TABLE = "a .csv, .tsv, .parquet or .jsonl file"
_PLAIN = {
    "units": 128,
    "length": 200,
    "batch": 32,
    "epochs": 5,
    "learning_rates": (0.001,),
    "embedding": 128,
    "vocabulary": 10_000,
}

_TEXT_OPTIONS = (_TEXT, *_LABELS)
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
    from gatewright.data.rolls import is_rolls
    from gatewright.data.series import is_series

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


def compared(chosen: Job) -> dict[str, Setting]:
    """The settings of a job that a comparison takes too, under the same names; it has its own ways for the others."""
    return {setting.name: setting for setting in chosen.settings if setting.name not in _OTHERWISE}


_OTHERWISE = (
    "missing",
    "cell",
    "units",
    "vocabulary",
    "length",
    "embedding",
    "batch",
    "epochs",
    "learning_rate",
    "seed",
)

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


def complete(table: Sequence[Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a table: those given, checked, and the defaults of the others; None is the default.

    Zoneout is none of a cell that has none.

    Raises:
        InputError: a name is unknown, or a value can't be used.
    """
    names = [setting.name for setting in table]
    for name in given:
        if name not in names:
            raise InputError(f"{name!r} is no setting of this task: leave it out{nearest(name, names)}")
    chosen = {
        setting.name: setting.default if given.get(setting.name) is None else setting.check(given[setting.name])
        for setting in table
    }
    if "zoneout" in names:
        require_zoneout(given, [chosen["cell"]])
        if chosen["cell"] not in ZONEOUT:
            del chosen["zoneout"]
    return chosen


def require_zoneout(given: Mapping[str, Any], cells: Sequence[str]) -> None:
    """Check that a zoneout, where one is given, is that of one of the cells.

    Raises:
        InputError: none has zoneout.
    """
    if given.get("zoneout") and not set(cells) & set(ZONEOUT):
        named = " and ".join(ZONEOUT)
        raise InputError(f"zoneout is for the cells {named}, and not for {', '.join(cells)}: leave it out.")


def read_toml(path: str | Path) -> dict[str, Any]:
    """The settings in a TOML file, by name; - in a name is _.

    Raises:
        InputError: the file can't be read, or is not a list of settings.
    """
    try:
        read = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--config {path} can't be read ({error.strerror}): name a readable file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"--config {path} is not TOML ({error}): give one `name = value` a line.") from None
    for name, value in read.items():
        if isinstance(value, dict):
            raise InputError(f"--config {path} has a table [{name}]: give one `name = value` a line, without tables.")
    return {name.replace("-", "_"): value for name, value in read.items()}
