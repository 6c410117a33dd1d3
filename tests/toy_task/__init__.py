"""A toy task, as an example of a task folder: count the ones in a sequence of bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.tasks.base.spec import TaskSpec
from toy_task.settings import CountSettings


def _owns(data: str, options: Mapping[str, Any]) -> bool:
    return True


SPEC = TaskSpec(
    name="count",
    command="count",
    function="train_counter",
    summary="Learn the number of ones in each sequence of bits.",
    examples="sequences of bits",
    reads="a text file with one sequence of 0 and 1 per line",
    example="bits.txt --units 8",
    options=(),
    settings=CountSettings,
    owns=_owns,
    task="toy_task.task:Count",
    model="toy_task.model:Counter",
    takes_splits=False,
)
