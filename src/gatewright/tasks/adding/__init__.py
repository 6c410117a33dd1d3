"""The adding problem: remember two marked numbers of a long sequence and give their sum."""

from gatewright.tasks.adding.settings import AddingSettings
from gatewright.tasks.base.spec import TaskSpec

SPEC = TaskSpec(
    name="adding",
    command="",
    function="",
    summary="Learn the sum of two marked numbers of a sequence.",
    examples="the adding problem",
    reads="adding",
    example="adding",
    options=(),
    settings=AddingSettings,
    owns=lambda data, options: data == "adding",
    task="gatewright.tasks.adding.task:Adding",
    takes_splits=False,
)
