"""Model music as piano rolls."""

from collections.abc import Mapping
from typing import Any

from gatewright.tasks.base.spec import TaskSpec
from gatewright.tasks.rolls.settings import RollSettings


def _owns(data: str, options: Mapping[str, Any]) -> bool:
    from gatewright.tasks.rolls.reading import is_rolls

    return is_rolls(data)


SPEC = TaskSpec(
    name="rolls",
    command="generate",
    function="train_roll_model",
    summary="Learn a model of piano rolls, which predicts the keys of the next frame.",
    examples="piano rolls",
    reads="jsb, nottingham, or a .mat or .npz file of piano rolls",
    example="jsb",
    options=(),
    settings=RollSettings,
    owns=_owns,
    task="gatewright.tasks.rolls.task:GenerateRolls",
    model="gatewright.tasks.rolls.model:RollModel",
    takes_splits=False,
)
