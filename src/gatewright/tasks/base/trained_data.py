"""What a model file stores about the data of its training, so that other data is read in the same way.

It also lets an evaluation recognize the data of the training, and the test set that training set aside from it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self, TypeVar

from gatewright.data.contents import content_hash
from gatewright.results.serialize import to_json_value
from gatewright.support.errors import InputError, OptionError
from gatewright.support.schema import Items, Size, Text, read_as
from gatewright.tasks.base.task import Splits, Task

ENTRY = "read_with"
"""The entry of a model file's training record that has the contents of `TrainedData`."""

_Source = TypeVar("_Source")


@dataclass(frozen=True)
class TrainedData:
    """How the data of a training was read and split.

    Attributes:
        options: The options for reading the data, with their names as keys: those that the user gave, and columns that
            were found.
        found: The names of the options that the user did not give.
        limit: The largest number of training examples, and of test examples.
        content: Hash of the data (see `data.contents`), if a test set was set aside from it; otherwise None.
        test: Hash of the examples that were set aside, or None.
    """

    options: Mapping[str, Annotated[str, Text(high=1 << 16)]] = field(default_factory=dict)
    found: Annotated[tuple[str, ...], Items(high=100)] = ()
    limit: Size | None = None
    content: Annotated[str, Text(high=64)] | None = None
    test: Annotated[str, Text(high=64)] | None = None

    @classmethod
    def of(cls, task: Task[Any], splits: Splits[Any]) -> Self:
        """Return what to store about the data of a task.

        Raises:
            InputError: The data cannot be read any more.
        """
        given = {name: _as_text(value) for name, value in task.reading_options.items() if value is not None}
        found = {name: value for name, value in splits.found.items() if name not in given}
        if not splits.held_out:
            return cls({**given, **found}, tuple(found), task.limit)
        content = content_hash(task.data, sorted(given.values()))
        return cls({**given, **found}, tuple(found), task.limit, content, _hash(splits.test))

    def to_json(self) -> dict[str, Any]:
        """Return the contents as JSON values."""
        values: dict[str, Any] = to_json_value(self)
        return values

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the contents that `to_json` converted to `stored`. None stands for a model file without them.

        Raises:
            InputError: `stored` is something else. The message begins with "its".
        """
        return cls() if stored is None else read_as(cls, stored, f"its training.{ENTRY}")

    def is_same(self, data: str, options: Mapping[str, Any]) -> bool:
        """Return True if this is the data of the training, read with the same options, and a test set was set aside.

        Args:
            data: A named data set, a file or a folder.
            options: The options that the user gave to read it.
        """
        if self.content is None or any(self.options.get(name) != _as_text(value) for name, value in options.items()):
            return False
        given = (value for name, value in self.options.items() if name not in self.found)
        return content_hash(data, sorted(given)) == self.content

    def has_test(self, examples: Any) -> bool:
        """Return True if these are the examples that training set aside as a test set."""
        return self.test == _hash(examples)

    def read(
        self, read: Callable[[Mapping[str, Any]], _Source], data: str, given: Mapping[str, Any]
    ) -> tuple[_Source, tuple[str, ...]]:
        """Read data with the options of the training. Options that do not fit the data are left out.

        Args:
            read: Function that reads the data with the options that it is given.
            data: The name of the data, for notes.
            given: The options that the user gave for this data, which take precedence.

        Returns:
            What `read` returned, and sentences about the options of the training.

        Raises:
            InputError: The data cannot be read. If it lacks what an option of the training names, the message says so.
        """
        options, missing = {**self.options, **given}, []
        while True:
            try:
                source = read(options)
            except OptionError as error:
                if error.option in given or error.option not in options:
                    raise
                value = options.pop(error.option)
                if error.is_missing:
                    missing.append(
                        f"The model was trained with {_flag(error.option)} {value}, which {data} does not have, so it "
                        "was left out."
                    )
            except InputError as error:
                if not missing:
                    raise
                raise InputError(f"{' '.join(missing)} {error}") from None
            else:
                return source, (*missing, *self._note(options, given))

    def _note(self, used: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a sentence that lists the options that the user gave in training, and that were used again."""
        again = [
            f"{_flag(name)} {value}" for name, value in used.items() if name not in given and name not in self.found
        ]
        return (f"Read as in training, with {', '.join(again)}.",) if again else ()

    def __str__(self) -> str:
        """Return the options as flags, and which of them were found."""
        return ", ".join(
            f"{_flag(name)} {value}{' (found)' if name in self.found else ''}" for name, value in self.options.items()
        )


def _hash(examples: Any) -> str:
    """Return a hash of examples, 32 hexadecimal digits. Their texts must change if any example changes."""
    return hashlib.blake2b(repr(examples).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _as_text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
